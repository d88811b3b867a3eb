"""Files that appear whole, or not at all."""

import contextlib
import os
import tempfile
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
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".part-")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        return self._file

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self._file.flush()  # on a full disk the last bytes are refused here
                if self.durable:
                    os.fsync(self._file.fileno())
                self._file.close()
                umask = os.umask(0)
                os.umask(umask)
                self._temporary.chmod(0o666 & ~umask)  # mkstemp's own mode is 0600
                if self.path.is_dir():
                    raise IsADirectoryError(f"a folder lies where the file {self.path.name} goes")
                os.replace(self._temporary, self.path)
                if self.durable:
                    sync_folder(self.path.parent)
        finally:
            with contextlib.suppress(OSError):
                self._file.close()  # tries once more to write what the disk has refused
            self._temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk; systems that cannot (Windows) do nothing."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
