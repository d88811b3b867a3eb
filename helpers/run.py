"""``python -m helpers.run``: execute the series through papermill.

Each notebook runs in its own kernel, in the folder ``notebooks/``. A notebook that fails does not
stop the others: its output up to the failure is saved, the table names the cell and the error, and
the exit status is 1. A mistake in the arguments is a sentence and exit status 2. Ctrl-C ends it and
all that it started, with status 130.
"""

import argparse
import contextlib
import copy
import json
import math
import os
import sys
import time
import warnings
from dataclasses import dataclass
from html import escape
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path

import yaml

from helpers import kernel, paths
from helpers.files import atomic_write
from helpers.foreign import visible
from helpers.processes import (
    command,
    end_tree,
    end_with,
    hearing_ctrl_c_later,
    leave_ctrl_c_to_parent,
    leave_home_alone,
)
from helpers.watch import Watch

try:
    import resource
except ImportError:  # Windows has none
    resource = None

PROFILES = ("quick", "full")
#: What :envvar:`PYTHONWARNINGS` keeps quiet in the processes of a series.
_OF_TRACKERS = "ignore:resource_tracker:UserWarning"
#: Lists and dictionaries that the value of one parameter may hold.
MOST_BRACKETS = 1000
#: Seconds that one cell may take in the quick profile; the full one trains for hours.
CELL_TIMEOUT_S = 900


@dataclass
class Outcome:
    """How one notebook went.

    Attributes:
        peak_mb: the most memory that its kernel, or a process of its, held at a time; 0 where the
            system does not say.
    """

    notebook: str
    cells: int
    seconds: float
    error: str = ""
    peak_mb: float = 0.0

    @property
    def result(self) -> str:
        return self.error or "ok"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    leave_home_alone()  # before papermill is imported
    try:
        notebooks = select(options.only)
        parameters = parse_parameters(options.parameters)
        known = {}
        for notebook in notebooks:  # one that cannot be read is an outcome of its own
            with contextlib.suppress(ValueError):
                known[notebook] = declared_parameters(notebook)
        check_parameters(parameters, known)
        if options.jobs < 1:
            raise ValueError(f"--jobs must be at least 1, got {options.jobs}")
        out = Path(options.out) if options.out else paths.EXECUTED / options.profile
        if out.resolve() == paths.NOTEBOOKS.resolve():
            raise ValueError("--out must not be the folder of the notebooks themselves")
        out.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"helpers.run: {error}", file=sys.stderr)
        return 2
    outcomes = run_series(
        notebooks,
        out,
        parameters={"profile": options.profile, **parameters},
        jobs=options.jobs,
        html=options.html,
        cell_timeout=CELL_TIMEOUT_S if options.profile == "quick" else None,
    )
    print(f"\n{as_table(outcomes)}\n\nExecuted notebooks: {_shown(out)}")
    return 0 if all(not outcome.error for outcome in outcomes) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.run",
        description="Execute the notebooks in order through papermill.",
    )
    parser.add_argument("--profile", choices=PROFILES, default="quick")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NN",
        help="a notebook's number or name; repeat",
    )
    parser.add_argument(
        "-p",
        nargs=2,
        action="append",
        default=[],
        dest="parameters",
        metavar=("NAME", "VALUE"),
        help="a parameter of the notebooks, its value in YAML: -p lengths '[5, 11]'",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="notebooks at a time")
    parser.add_argument("--out", metavar="DIR", help="default: data/runs/<profile>")
    parser.add_argument("--html", action="store_true", help="write HTML copies as well")
    return parser


def select(only: list[str]) -> list[Path]:
    """The notebooks whose names start with one of ``only``; all of them without any.

    Raises:
        ValueError: one of ``only`` fits no notebook.
    """
    notebooks = sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    for start in only:
        if not start or not any(n.stem.startswith(start) for n in notebooks):
            names = ", ".join(n.stem for n in notebooks)
            raise ValueError(f"--only {start!r} fits no notebook; there are {names}")
    return [n for n in notebooks if not only or any(n.stem.startswith(s) for s in only)]


def parse_parameters(pairs: list[list[str]]) -> dict:
    """``-p`` pairs with their values read as YAML, ``1e-2`` read as a number.

    Raises:
        ValueError: a value that is no YAML, or that a notebook's parameter cannot be.
    """
    parameters = {}
    for name, text in pairs:
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        try:
            if (
                text.count("[") + text.count("{") > MOST_BRACKETS
            ):  # each costs as much as all before
                raise RecursionError
            # An alias may stand for itself, or for a list that a few lines make endless.
            if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
                raise ValueError("aliases (*name) are not taken")
            value = yaml.safe_load(text)
            json.dumps(value, allow_nan=False)
        except RecursionError as error:
            raise ValueError(f"-p {name}: {shown!r} is nested too deeply, or too long") from error
        except yaml.YAMLError as error:
            raise ValueError(f"-p {name}: {shown!r} is not a YAML value") from error
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"-p {name}: {shown!r} is no number, text, truth value, list or dictionary of "
                f"these ({error}); put quotes around a text"
            ) from error
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = float(value) if math.isfinite(float(value)) else value
        parameters[name] = value
    return parameters


def declared_parameters(notebook: Path) -> dict[str, str]:
    """Name -> default of the parameters that a notebook declares.

    Raises:
        ValueError: the file is not a notebook.
    """
    import papermill

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            declared = papermill.inspect_notebook(str(notebook))
    except Exception as error:
        raise ValueError(
            f"{notebook.name} is not a notebook: {first_line(str(error)) or type(error).__name__}"
        ) from error
    return {name: entry["default"] for name, entry in declared.items()}


def check_parameters(parameters: dict, known: dict[Path, dict]) -> None:
    """Raise ``ValueError`` for a name that no notebook declares, listing those that they do."""
    for name in parameters:
        if not any(name in declared for declared in known.values()):
            lists = "; ".join(f"{n.stem}: {', '.join(d)}" for n, d in known.items())
            raise ValueError(f"no selected notebook has a parameter {name!r}. Known are {lists}")


def run_series(
    notebooks: list[Path],
    out: Path,
    *,
    parameters: dict,
    jobs: int = 1,
    html: bool = False,
    cell_timeout: int | None = CELL_TIMEOUT_S,
) -> list[Outcome]:
    """Execute ``notebooks`` into ``out``, ``jobs`` at a time; outcomes in the order given.

    A notebook is given those of ``parameters`` that it declares.
    """
    leave_home_alone()
    # Of kernels that are ended while their workers run, those who count semaphores warn: they are
    # cleaned up, and the one line that says who ended the series would not be the last.
    silenced = os.environ.get("PYTHONWARNINGS", "").split(",")
    if _OF_TRACKERS not in silenced:
        os.environ["PYTHONWARNINGS"] = ",".join([*filter(None, silenced), _OF_TRACKERS])
    outcomes: dict[Path, Outcome] = {}
    context = get_context("spawn")
    # A process a notebook: papermill and its engine are not made to share one.
    waiting, running = list(notebooks), {}
    with Watch(context) as watch:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    notebook = waiting.pop(0)
                    receiver, sender = context.Pipe(duplex=False)
                    told = (watch.queue, os.getpid(), sender)
                    arguments = (*told, notebook, out, parameters, html, cell_timeout)
                    process = context.Process(target=_in_process, args=arguments)
                    # Known before it is started: Ctrl-C is heard when it just has been.
                    running[receiver] = (notebook, process)
                    with hearing_ctrl_c_later():
                        process.start()
                    sender.close()
                for receiver in wait(list(running)):
                    notebook, process = running.pop(receiver)
                    try:
                        outcome = receiver.recv()
                    except EOFError:
                        outcome = Outcome(notebook.stem, 0, 0.0, "its process died")
                    process.join()
                    receiver.close()
                    outcomes[notebook] = outcome
                    watch.say(f"{outcome.notebook:26} {outcome.seconds:6.1f} s   {outcome.result}")
        finally:
            for _, process in running.values():
                if process.pid is not None:
                    end_tree(process.pid)
                    process.kill()  # this one for certain: the exit waits for it
    return [outcomes[notebook] for notebook in notebooks]


def _in_process(queue, parent: int, sender, *arguments) -> None:
    """In a process that executes: say how it went; Ctrl-C is the parent's to hear."""
    global _queue
    leave_ctrl_c_to_parent()
    end_with(parent)
    _queue = queue
    sender.send(execute(*arguments))
    sender.close()


_queue = None


def execute(
    notebook: Path, out: Path, parameters: dict, html: bool, cell_timeout: int | None
) -> Outcome:
    """Execute one notebook; an error inside it becomes part of the outcome."""
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    os.environ.pop("JPY_SESSION_NAME", None)  # nobody looks at a notebook of a batch run
    os.environ["HELPERS_FIGURES"] = str((out / "figures").resolve())
    # Read when torch is loaded: threads that wait give their core away after a while.
    os.environ.setdefault("GOMP_SPINCOUNT", str(kernel.SPIN_COUNT))
    target = out / notebook.name
    error = ""
    start = time.monotonic()
    try:
        declared = declared_parameters(notebook)
        target.unlink(missing_ok=True)  # what an earlier run left is not this run's
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            papermill.execute_notebook(
                str(notebook),
                str(target),
                parameters={k: v for k, v in parameters.items() if k in declared},
                engine_name="polling",
                kernel_name="python3",
                language="python",
                progress_bar=False,
                cwd=str(notebook.parent),
                execution_timeout=cell_timeout,
                on_cell=None
                if _queue is None
                else lambda cell, cells: _queue.put((notebook.stem, cell, cells)),
            )
    except PapermillExecutionError as failure:
        error = f"cell {failure.cell_index + 1}: {failure.ename}: {first_line(failure.evalue)}"
    except Exception as failure:
        error = f"{type(failure).__name__}: {first_line(str(failure)) or repr(failure)}"
    seconds = time.monotonic() - start
    cells = 0
    try:
        if target.is_file():
            executed = nbformat.read(target, as_version=4)
            codes = [c for c in executed.cells if c.cell_type == "code"]
            cells = sum(c.execution_count is not None for c in codes)
    except Exception as failure:  # a full disk has cut the file that it refused
        target.unlink(missing_ok=True)
        error = error or f"{type(failure).__name__}: {first_line(str(failure))}"
    try:
        if html and target.is_file():
            write_html(executed, target.with_suffix(".html"))
    except Exception as failure:
        error = error or f"{type(failure).__name__}: {first_line(str(failure))}"
    return Outcome(notebook.stem, cells, seconds, error, _largest_child_mb())


def _largest_child_mb() -> float:
    """The most memory that a finished child of this process, or a child of it, ever held, in MB."""
    if resource is None:
        return 0.0
    found = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return found / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, kilobytes elsewhere


def write_html(notebook, target: Path) -> None:
    """An HTML copy of an executed notebook, its pictures with their words for who cannot see."""
    from nbconvert import HTMLExporter

    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            said = output.get("metadata", {}).get("image/png", {})
            if picture is not None and "alt" in said:
                # nbconvert's page for JupyterLab leaves "alt" out of what it makes of a picture
                output.data = {
                    "text/html": f'<img alt="{escape(said["alt"])}" width="{said["width"]}" '
                    f'src="data:image/png;base64,{"".join(picture.split())}">'
                }
    body, _ = HTMLExporter().from_notebook_node(notebook)
    with atomic_write(target) as file:
        file.write(body.encode())


def first_line(text: str) -> str:
    """The first line with something on it, for a table."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return visible(lines[0]) if lines else ""


def as_table(outcomes: list[Outcome]) -> str:
    """The outcomes as aligned text."""
    rows = [("notebook", "cells", "seconds", "MB", "result")]
    for o in outcomes:
        held = f"{o.peak_mb:.0f}" if o.peak_mb else "–"
        rows.append((o.notebook, str(o.cells), f"{o.seconds:.1f}", held, o.result))
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = [
        f"{name:{widths[0]}}  {cells:>{widths[1]}}  {s:>{widths[2]}}  {mb:>{widths[3]}}  {result}"
        for name, cells, s, mb, result in rows
    ]
    lines.insert(1, "  ".join("─" * w for w in (*widths, 6)))
    return "\n".join(lines)


def _shown(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(paths.ROOT)) if path.is_relative_to(paths.ROOT) else str(path)


if __name__ == "__main__":
    command("helpers.run", main)
