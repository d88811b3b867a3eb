"""``python -m helpers.lab``: JupyterLab on copies of the notebooks, so that playing changes no file
of the repository.

The copies lie in ``data/lab``, which git ignores. A copy that its reader has changed is never
written over: where the original is new as well, the new one is put beside it.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

from helpers import paths
from helpers.files import atomic_write
from helpers.processes import command

FOLDER = paths.ROOT / "data" / "lab"
#: What of the originals was copied: file -> the copy's checksum when it was made.
_COPIED = ".copied.json"


def copy_notebooks(source: Path = paths.NOTEBOOKS, target: Path = FOLDER) -> list[str]:
    """Bring the copies up to date.

    Returns:
        a sentence for every copy that was left because its reader has changed it.
    """
    target.mkdir(parents=True, exist_ok=True)
    record = target / _COPIED
    copied = json.loads(record.read_text()) if record.exists() else {}
    told = []
    for original in sorted(source.rglob("*")):
        name = original.relative_to(source).as_posix()
        if original.is_dir() or "/." in f"/{name}" or name.startswith("solutions/"):
            continue
        copy, new = target / name, _checksum(original)
        if copied.get(name) == new and copy.is_file():
            continue
        if copy.is_file() and _checksum(copy) not in (copied.get(name), new):
            beside = copy.with_name(f"{copy.stem}_new{copy.suffix}")
            told.append(f"{name} has your changes and stays; its new version is {beside.name}")
            copy = beside
        copy.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(copy) as file:
            file.write(original.read_bytes())
        copied[name] = new
    with atomic_write(record) as file:
        file.write(json.dumps(copied, indent=1).encode())
    return told


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    for sentence in copy_notebooks():
        print(sentence)
    options = sys.argv[1:] if arguments is None else arguments
    lab = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={FOLDER}", *options]
    os.execv(sys.executable, lab)


if __name__ == "__main__":
    command("helpers.lab", main)
