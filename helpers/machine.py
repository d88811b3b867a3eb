"""Whether this machine is ready for the series, row by row, each with what to do if not.

What the series needs is "ready" or "not ready"; what only helps is "optional". What was found
differs from machine to machine, so it is shown where somebody looks, and left out of outputs that
are published.
"""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import ipywidgets as widgets
import pandas as pd
import psutil
import torch
from IPython.display import display
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from helpers import audience, paths, runtime

READY, NOT_READY, OPTIONAL = "ready", "not ready", "optional"

#: Free memory to have, in gigabytes: a notebook's process held up to 0.94; a second one and a
#: browser want room.
MEMORY_GB = 2.5


class Check(NamedTuple):
    """One row: a thing that the series needs, or that helps.

    Attributes:
        what: its name.
        status: :data:`READY`, :data:`NOT_READY` or :data:`OPTIONAL`.
        found: what this machine has.
        advice: what to do where it is not ready; what it is good for where it is optional.
    """

    what: str
    status: str
    found: str
    advice: str


def checks() -> list[Check]:
    """All rows, what is needed first."""
    project = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [
        python(project["requires-python"]),
        packages(project["dependencies"]),
        published(),
        memory(),
        cores(),
        bf16(),
        gpu(),
        sliders(),
    ]


def as_table(rows: list[Check], found: bool) -> pd.DataFrame:
    """The rows as a table, with what was ``found`` or without."""
    shown = pd.DataFrame([row._asdict() for row in rows])
    shown["advice"] = shown["advice"].where(shown["status"] != READY, "")
    columns = {"what": "", "status": "status", "found": "found here", "advice": "what to do"}
    if not found:
        del columns["found"]
    return shown[list(columns)].rename(columns=columns)


def not_ready(rows: list[Check]) -> list[str]:
    """The names of what is missing."""
    return [row.what for row in rows if row.status == NOT_READY]


def python(asked: str) -> Check:
    """The version of Python against ``asked``, a specifier such as ``>=3.11``."""
    have = ".".join(map(str, sys.version_info[:3]))
    advice = f"Python {asked} is asked: make run PYTHON=/path/to/a/newer/python"
    return Check("Python", _status(SpecifierSet(asked).contains(have)), have, advice)


def packages(asked: list[str]) -> Check:
    """Installed packages against ``asked``, requirements as in pyproject.toml."""
    lacking = []
    for requirement in map(Requirement, asked):
        try:
            have = version(requirement.name)
        except PackageNotFoundError:
            have = "nothing"
        if have == "nothing" or not requirement.specifier.contains(have, prereleases=True):
            lacking.append(f"{requirement.name} {requirement.specifier} asked, {have} found")
    found = "; ".join(lacking) or f"{len(asked)} packages, torch {torch.__version__}"
    advice = f"{found}. make setup installs them"
    return Check("packages", _status(not lacking), found, advice)


def published() -> Check:
    """Whether the published runs and models came with the clone."""
    folders = (paths.RESULTS, paths.CHECKPOINTS)
    empty = [f.name for f in folders if not f.is_dir() or not any(f.iterdir())]
    found = f"data/{', data/'.join(empty)} empty" if empty else "runs and models"
    advice = "git checkout -- data brings them back"
    return Check("published runs", _status(not empty), found, advice)


def memory() -> Check:
    """Memory that is free for a notebook."""
    free = psutil.virtual_memory().available / 2**30
    advice = f"Close other programs or notebooks until {MEMORY_GB:g} GB are free"
    return Check("memory", _status(free >= MEMORY_GB), f"{free:.1f} GB free", advice)


def cores() -> Check:
    """Processor cores that this process may use."""
    count = runtime.cores()
    advice = "Live trainings are made for two cores; with one they take longer"
    return Check("a second core", OPTIONAL, f"{count} core{'s' * (count > 1)}", advice)


def bf16() -> Check:
    """Whether the processor multiplies in bfloat16."""
    found = "yes" if runtime.bf16_available() else "no: float32 is used"
    advice = "Some live trainings take it where it is there; float32 does the same, more slowly"
    return Check("bfloat16 in hardware", OPTIONAL, found, advice)


def gpu() -> Check:
    """Whether there is a CUDA device, tried out with a product."""
    found = "none"
    if torch.cuda.is_available():
        try:
            torch.ones(2, 2, device="cuda") @ torch.ones(2, 2, device="cuda")
            found = torch.cuda.get_device_name()
        except (RuntimeError, AssertionError) as error:
            found = f"one that does not compute: {str(error).splitlines()[0]}"
    return Check("GPU", OPTIONAL, found, "Nothing needs one; all published runs are from CPUs")


def sliders() -> Check:
    """Who started the kernel: only a person gets sliders."""
    found = (
        "a person started this kernel" if audience.interactive() else "nobody looks: a batch run"
    )
    advice = "They appear for a person: JupyterLab, Notebook, VS Code, PyCharm, Colab"
    return Check("sliders", OPTIONAL, found, advice)


def ask_browser() -> None:
    """Where somebody looks: a line that the browser turns from a question into an answer.

    Two hidden texts are linked in the browser. If its widgets are alive it copies one to the other
    and tells the kernel, which says so. Where nobody looks, nothing is shown.
    """
    if not audience.interactive():
        return
    hidden = widgets.Layout(display="none")
    sent = widgets.Text("alive", layout=hidden)
    answer = widgets.Text("", layout=hidden)
    line = widgets.HTML("Sliders: no answer from the browser yet. Reload the page if this stays.")

    def heard(change) -> None:
        if change["new"] == "alive":
            line.value = "Sliders: <b>ready</b>, the browser answers."

    answer.observe(heard, names="value")
    link = widgets.jslink((sent, "value"), (answer, "value"))
    line.kept = link  # a link that nobody holds may be collected before the browser has it
    display(widgets.VBox([line, sent, answer]))


def _status(ready: bool) -> str:
    return READY if ready else NOT_READY
