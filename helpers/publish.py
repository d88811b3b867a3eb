"""``python -m helpers.publish``: refresh the committed outputs and figures.

Executes the series in the quick profile, cleans the outputs of everything that differs from run to
run, writes them back into ``notebooks/`` and the figures into ``figures/``. Nothing is written
unless every notebook succeeds; a second call changes nothing.
"""

import argparse
import ast
import shutil
import sys
from pathlib import Path

import nbformat

from helpers import paths, slides
from helpers.files import atomic_write
from helpers.processes import command
from helpers.run import as_table, run_series, select

#: What a clone alone runs with, whatever lies in this machine's ``data/books/``.
PARAMETERS = {"profile": "quick", "book": "default"}

#: Metadata that the committed notebooks share; what else a kernel writes differs between machines.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "name": "python"},
}


#: Calls that say something by themselves: a cell with no others shows its output, not its source.
TELLING = {"finding", "think", "traps"}


def tells(source: str) -> bool:
    """Whether a cell only prints findings, questions or traps, so that its source can be folded.

    What it assigns on the way does not matter: those are the numbers it prints.
    """
    calls = [
        getattr(statement.value.func, "id", None) if isinstance(statement.value, ast.Call) else None
        for statement in ast.walk(ast.parse(source))
        if isinstance(statement, ast.Expr)
    ]
    return bool(calls) and TELLING.issuperset(calls)


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without times, widget state, injected parameters and machine-bound metadata."""
    notebook.metadata = nbformat.from_dict(METADATA)
    kept = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            continue
        metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code" and tells(cell.source):
            metadata["jupyter"] = {"source_hidden": True}
        if "slideshow" in cell.metadata:  # the lecture's marks, helpers.slides
            metadata["slideshow"] = cell.metadata.slideshow
        cell.metadata = nbformat.from_dict(metadata)
        for output in cell.get("outputs", []):
            if "metadata" in output:  # the width at which a picture is shown, and nothing else
                picture = {k: v for k, v in output.metadata.items() if k == "image/png"}
                output.metadata = nbformat.from_dict(picture)
        kept.append(cell)
    notebook.cells = kept
    for count, cell in enumerate((c for c in kept if c.cell_type == "code"), start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return notebook


def write(notebook: nbformat.NotebookNode, target: Path) -> bool:
    """Write a notebook if its text differs from the file's; whether it did."""
    text = nbformat.writes(notebook) + "\n"
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return False
    with atomic_write(target) as file:
        file.write(text.encode())
    return True


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.publish", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--only", action="append", default=[], metavar="NN")
    options = parser.parse_args(arguments)
    try:
        notebooks = select(options.only)
    except ValueError as error:
        print(f"helpers.publish: {error}", file=sys.stderr)
        return 2
    staging = paths.EXECUTED / "publish"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    outcomes = run_series(notebooks, staging, parameters=PARAMETERS)
    if any(outcome.error for outcome in outcomes):
        print(f"\n{as_table(outcomes)}\n\nNothing was published.", file=sys.stderr)
        return 1
    for notebook in notebooks:
        executed = clean(nbformat.read(staging / notebook.name, as_version=4))
        slides.tag(executed)
        changed = write(executed, notebook)
        print(f"{notebook.name:30} {'updated' if changed else 'unchanged'}")
    publish_figures(staging / "figures", everything=not options.only)
    return 0


def publish_figures(staged: Path, *, everything: bool) -> None:
    """Copy the figures into ``figures/``; with ``everything``, remove those no longer made."""
    paths.FIGURES.mkdir(exist_ok=True)
    new = sorted(staged.glob("*"))
    for figure in new:
        with atomic_write(paths.FIGURES / figure.name) as file:
            file.write(figure.read_bytes())
    if everything:
        made = {figure.name for figure in new}
        for figure in paths.FIGURES.iterdir():
            if figure.name not in made:
                figure.unlink()


if __name__ == "__main__":
    command("helpers.publish", main)
