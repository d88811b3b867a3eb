"""Where things lie, anchored on this file and never on the working directory."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"

DATA = ROOT / "data"
BOOKS = DATA / "books"  # local cache; git ignores its content
CHECKPOINTS = DATA / "checkpoints"  # published models
RESULTS = DATA / "results"  # published runs
EXECUTED = DATA / "runs"  # executed notebooks and their figures; git ignores it
WORK = DATA / "work"  # stores of studies in progress, training checkpoints; git ignores it


def figures_folder() -> Path:
    """The folder that this process saves figures in.

    The runner names it in ``HELPERS_FIGURES``. Without the runner (JupyterLab, plain papermill,
    nbval) it is ``data/runs/interactive/figures``, so that trying things out changes no tracked
    file.
    """
    named = os.environ.get("HELPERS_FIGURES")
    return Path(named) if named else EXECUTED / "interactive" / "figures"
