"""Who looks at a notebook: a person at a front-end, a batch run, or the pages of the site.

Decided from who asks the kernel to run a cell, not from one front-end's variables: JupyterLab,
Notebook, VS Code, PyCharm and Colab can all put a question to a person (``input()``) and say so in
every request; nbclient, and so papermill and nbconvert, and nbval say that nobody would answer.
Programs that talk to a kernel directly may leave that open; then the program that started the
kernel is looked at. What stays undecided counts as a person: nothing here can hang a batch run.
"""

import os
import re
import sys
from pathlib import Path

import psutil

#: Set to a folder by :mod:`helpers.site`: frames of the explorers are written there.
SITE_VARIABLE = "HELPERS_SITE"

#: Programs and packages that run notebooks while nobody looks.
_BATCH = r"(papermill|nbclient|nbconvert|nbval|pytest|jupyter-execute|helpers\.(run|publish|site))"
_PROGRAM = re.compile(rf"{_BATCH}(\.exe|\.py|\.__main__)?$")
_IMPORT = re.compile(rf"(^|;)\s*(import|from)\s+([\w.]+\s*,\s*)*{_BATCH}\b", re.MULTILINE)
_MOST_OF_A_SCRIPT = 65_536


def interactive() -> bool:
    """Whether a person looks, who can move sliders. ``HELPERS_INTERACTIVE`` (1 or 0) overrides."""
    override = os.environ.get("HELPERS_INTERACTIVE")
    if override is not None:
        return override not in ("", "0")
    kernel = _kernel()
    if kernel is None or not getattr(kernel, "_allow_stdin", True):
        return False
    return not started_by_a_batch_program(psutil.Process().parent())


def site_folder() -> Path | None:
    """Where frames for the site's pages go, or ``None`` where no site is being made."""
    named = os.environ.get(SITE_VARIABLE)
    return Path(named) if named else None


def started_by_a_batch_program(starter: psutil.Process | None) -> bool:
    """Whether a process runs notebooks unseen, by its name or by what its script imports."""
    try:
        command = starter.cmdline() if starter is not None else []
        folder = Path(starter.cwd()) if command else Path()
    except psutil.Error:  # it has ended, or belongs to somebody else
        return False
    if not command:
        return False
    if "python" not in Path(command[0]).name.lower():
        return bool(_PROGRAM.match(Path(command[0]).name))
    words = iter(command[1:])
    for word in words:
        if word in ("-X", "-W"):  # the next word is their value
            next(words, None)
        elif word == "-m":
            return bool(_PROGRAM.match(next(words, "")))
        elif word == "-c":
            return bool(_IMPORT.search(next(words, "")))
        elif not word.startswith("-"):
            return bool(_PROGRAM.match(Path(word).name) or _IMPORT.search(_text(folder / word)))
    return False


def _text(script: Path) -> str:
    """The beginning of a script, where its imports stand; empty if it cannot be read."""
    try:
        with script.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_OF_A_SCRIPT)
    except OSError:
        return ""


def _kernel():
    """The Jupyter kernel of this process, or ``None``."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None)
