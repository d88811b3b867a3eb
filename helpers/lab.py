"""``python -m helpers.lab``: JupyterLab on copies of the notebooks, so that playing changes no file
of the repository.

The copies lie in ``data/lab``, which git ignores. A copy that its reader has changed is never
written over: where the original is new as well, the new one is put beside it. That one is a copy
too, in which the reader may go on: the next then takes another name.
"""

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from helpers import paths
from helpers.files import atomic_write
from helpers.processes import command

FOLDER = paths.ROOT / "data" / "lab"
#: What was copied: file -> its checksum then, also of what was put beside a reader's own.
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
            copy = _beside(copy, target, copied, new)
            told.append(f"{name} has your changes and stays; its new version is {copy.name}")
        copy.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(copy) as file:
            file.write(original.read_bytes())
        copied |= dict.fromkeys((name, copy.relative_to(target).as_posix()), new)
    with atomic_write(record) as file:
        file.write(json.dumps(copied, indent=1).encode())
    return told


def _beside(copy: Path, target: Path, copied: dict[str, str], new: str) -> Path:
    """The first of ``x_new``, ``x_new2``, … beside a copy ``x`` that holds no work of a reader's.

    What the record does not know may be work.
    """
    for count in itertools.count(1):
        beside = copy.with_name(f"{copy.stem}_new{count if count > 1 else ''}{copy.suffix}")
        known = (copied.get(beside.relative_to(target).as_posix()), new)
        if not os.path.lexists(beside) or (beside.is_file() and _checksum(beside) in known):
            return beside


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    for sentence in copy_notebooks():
        print(sentence, flush=True)  # execv would lose what is not written yet
    options = sys.argv[1:] if arguments is None else arguments
    lab = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={FOLDER}", *options]
    if os.name == "nt":
        # There execv quotes no argument, and the prompt is back while the Lab runs on.
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the Lab hears Ctrl-C as well, and asks
        return subprocess.run(lab).returncode
    os.execv(sys.executable, lab)


if __name__ == "__main__":
    command("helpers.lab", main)
