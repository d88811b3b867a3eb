"""``python -m helpers.publish``: refresh the committed outputs and figures.

Executes the series in the quick profile, cleans the outputs of everything that differs from run to
run, writes them back into ``notebooks/`` and the figures into ``figures/``. Nothing is written
unless every notebook succeeds; a second call changes nothing.
"""

import argparse
import ast
import re
import shutil
import sys
from pathlib import Path

import nbformat

from helpers import paths, slides
from helpers.files import write_together
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
_EXPLORER = re.compile(r"\w+_(explorer|player|duel|editor)")


def tells(source: str) -> bool:
    """Whether a cell only prints findings, questions or traps, or is nothing but an explorer.

    Its source can be folded. What it assigns on the way to a finding does not matter: those are the
    numbers it prints. What it makes for an explorer, a trained network, say, is worth reading.
    """
    tree = ast.parse(source)
    calls = [
        statement.value.func if isinstance(statement.value, ast.Call) else None
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Expr)
    ]
    names = [getattr(call, "id", getattr(call, "attr", "")) for call in calls]
    if len(tree.body) == 1 == len(names) and _EXPLORER.fullmatch(names[0]):
        return True
    return bool(calls) and all(isinstance(c, ast.Name) and c.id in TELLING for c in calls)


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
    changed = changes({target: as_bytes(notebook)})
    write_together(changed)
    return bool(changed)


def as_bytes(notebook: nbformat.NotebookNode) -> bytes:
    """A notebook as its file."""
    return f"{nbformat.writes(notebook)}\n".encode()


def changes(contents: dict[Path, bytes]) -> dict[Path, bytes]:
    """Those of some files that are not on the disk as they should be, line ends aside."""

    def there(path: Path, content: bytes) -> bool:
        found = path.read_bytes() if path.is_file() else None
        return found is not None and content in (found, found.replace(b"\r\n", b"\n"))

    return {path: content for path, content in contents.items() if not there(path, content)}


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
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(parents=True)
    outcomes = run_series(notebooks, staging, parameters=PARAMETERS)
    if any(outcome.error for outcome in outcomes):
        print(f"\n{as_table(outcomes)}\n\nNothing was published.", file=sys.stderr)
        return 1
    contents = {}
    for notebook in notebooks:
        executed = clean(nbformat.read(staging / notebook.name, as_version=4))
        slides.tag(executed)
        contents[notebook] = as_bytes(executed)
    publish(contents, staging / "figures", everything=not options.only)
    return 0


def publish(notebooks: dict[Path, bytes], staged: Path, *, everything: bool) -> None:
    """Write notebooks, and the figures that lie in ``staged`` into ``figures/``: all, or nothing.

    Args:
        notebooks: file -> its content.
        everything: remove the figures that are no longer made.
    """
    figures = {paths.FIGURES / figure.name: figure.read_bytes() for figure in staged.glob("*")}
    changed = changes(notebooks)
    write_together(changed | changes(dict(sorted(figures.items()))))
    for notebook in notebooks:
        print(f"{notebook.name:30} {'updated' if notebook in changed else 'unchanged'}")
    if everything and paths.FIGURES.is_dir():
        for figure in set(paths.FIGURES.iterdir()) - set(figures):
            figure.unlink()


if __name__ == "__main__":
    command("helpers.publish", main)
