"""Files that appear whole, or not at all."""

import os
import tempfile
from pathlib import Path


class atomic_write:
    """``with atomic_write(path) as file``: binary file that appears whole, or not at all."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".part-")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        return self._file

    def __exit__(self, kind, *_):
        self._file.close()
        if kind is None:
            umask = os.umask(0)
            os.umask(umask)
            self._temporary.chmod(0o666 & ~umask)  # mkstemp's own mode is 0600
            os.replace(self._temporary, self.path)
        else:
            self._temporary.unlink(missing_ok=True)
