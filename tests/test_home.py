"""A person's home stays as it is, whatever runs: notebooks, tests, publishing, the bench."""

import os
import subprocess
import sys

import nbformat
import pytest

from helpers import paths

NOTEBOOK = """\
import matplotlib.pyplot as plt, pandas, scipy.stats, torch
from helpers import figures
from helpers.notebook import table
figures.show(plt.figure(), "x")
"""
PYTEST = """\
import matplotlib.pyplot as plt
def test_it():
    plt.figure().text(0.5, 0.5, "$x$").figure.canvas.draw()
    import IPython, torch
    from IPython.core.interactiveshell import InteractiveShell
    InteractiveShell.instance()
"""
ARGUMENTS = {
    "the runner": ["-m", "helpers.run", "--only", "01", "--html"],
    "publishing": ["-m", "helpers.publish", "--only", "01"],
    "the bench's imports": ["-c", "import helpers.bench as b; b.GROUPS = {}; b.main([])"],
    "pytest": ["-m", "pytest", "-q", "-p", "tests.conftest", "test_small.py"],
    "nbval": ["-m", "pytest", "-q", "-p", "tests.nbval_disturb", "--nbval-lax", "01_small.ipynb"],
}
#: Runs a module with a folder of notebooks of its own.
ELSEWHERE = """\
import sys; from pathlib import Path; from helpers import paths; import runpy
folder = Path(sys.argv.pop(1)); paths.NOTEBOOKS = folder; paths.FIGURES = folder / "figures"
paths.EXECUTED = folder / "runs"
module = sys.argv.pop(1); runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("what", ARGUMENTS)
def test_an_empty_home_stays_empty(what, tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbformat.write(notebook, work / "01_small.ipynb")
    (work / "test_small.py").write_text(PYTEST)
    ours = ("XDG_", "JUPYTER", "IPYTHON", "MPL")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment |= {"HOME": str(home), "PYTHONPATH": str(paths.ROOT)}
    arguments = ARGUMENTS[what]
    if arguments[1].startswith("helpers."):
        arguments = ["-c", ELSEWHERE, str(work), *arguments[1:]]
    done = subprocess.run(
        [sys.executable, *arguments], cwd=work, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [str(path.relative_to(home)) for path in home.rglob("*")] == []
