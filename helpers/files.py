"""Files that appear whole, or not at all."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path


class atomic_write:
    """``with atomic_write(path) as file``: binary file that appears whole, or not at all.

    What fails (a full disk, a folder in the file's place) is raised with its own reason, and leaves
    nothing behind: what lay at ``path`` still does.

    Args:
        path: of the file; its folder is made.
        durable: also survive a power cut from the moment when the block ends. The content is
            brought to the disk before the file gets its name, and the name after it; that costs
            some milliseconds.

    Raises:
        OSError: it could not be written.
    """

    def __init__(self, path: str | Path, *, durable: bool = False):
        self.path, self.durable = Path(path), durable

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = self.path.with_name(f".part-{secrets.token_hex(8)}")
        # Not tempfile's 0600: the system gives it the rights of any new file. To learn them is to
        # set the umask for a moment, in which other threads' files get the wrong ones.
        self._file = open(self._temporary, "xb")
        return self._file

    def __exit__(self, kind, error, _):
        try:
            if kind is None:
                self._prepare()
                self._place()
        except OSError as failure:
            raise self._named(failure) from None
        finally:
            self._discard()
        if isinstance(error, OSError):
            self._named(error)

    def _prepare(self) -> None:
        """All that may fail."""
        self._file.flush()  # on a full disk the last bytes are refused here
        if self.durable:
            os.fsync(self._file.fileno())
        self._file.close()
        if self.path.is_dir():
            raise IsADirectoryError(f"a folder lies where the file {self.path.name} goes")

    def _place(self) -> None:
        os.replace(self._temporary, self.path)
        if self.durable:
            sync_folder(self.path.parent)

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()  # tries once more to write what the disk has refused
        self._temporary.unlink(missing_ok=True)

    def _named(self, error: OSError) -> OSError:
        """The system's error, which says of a full disk "No space left", with the file's name."""
        if error.errno is not None and error.filename is None:
            error.filename = self.path.name
        return error


def write_together(contents: Mapping[Path, bytes], *, durable: bool = False) -> None:
    """Files that belong together, as :class:`atomic_write` writes one.

    All are ready beside their places before the first of them takes its own: a full disk, or a
    folder in the place of one, leaves all of them as they were.

    Raises:
        OSError: they could not be written.
    """
    with contextlib.ExitStack() as stack:
        ready = []
        for path, content in contents.items():
            part = atomic_write(path, durable=durable)
            try:
                file = part.__enter__()
                stack.callback(part._discard)
                file.write(content)
                part._prepare()
            except OSError as error:
                raise part._named(error) from None
            ready.append(part)
        for part in ready:
            part._place()


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk; systems that cannot (Windows) do nothing."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
