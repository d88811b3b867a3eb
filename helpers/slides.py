"""``python -m helpers.slides``: a path of a quarter of an hour through each notebook, for lectures.

``notebooks/slides.toml`` names the sections of each path by words of their headings, so that the
path survives when sections are rewritten or renumbered. A chosen section becomes a slide, its
figures and explorers slides below it, its findings and questions appear on them; all else is
skipped. ``jupyter nbconvert --to slides`` reads these marks from the cells' metadata.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat

from helpers import paths
from helpers.processes import command, leave_home_alone

#: Notebook -> words of the headings on its path, in order.
PATHS_FILE = paths.NOTEBOOKS / "slides.toml"
FOLDER = paths.ROOT / "data" / "slides"

_HEADING = re.compile(r"^##+ (.+)$", re.M)
_BELOW = re.compile(r"figures\.show\(|_explorer\(|_player\(|live_duel\(")
_ON_IT = re.compile(r"^(finding|think)\(", re.M)


def paths_of_lectures() -> dict[str, list[str]]:
    """Number of a notebook -> words of the headings that its lecture shows."""
    return tomllib.loads(PATHS_FILE.read_text(encoding="utf-8"))["lecture"]


def tag(notebook: nbformat.NotebookNode) -> list[str]:
    """Mark the cells of a notebook for its lecture; the headings that were not found.

    A notebook without a path in the file is left as it is.
    """
    number = re.match(r"# (\d\d) · ", notebook.cells[0].source)
    wanted = paths_of_lectures().get(number[1]) if number else None
    if wanted is None:
        return []
    missing, shown = list(wanted), False
    for position, cell in enumerate(notebook.cells):
        kind = "skip"
        headings = _HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if position == 0:
            kind = "slide"
        elif headings:
            found = [w for w in wanted if any(w.lower() in h.lower() for h in headings)]
            missing = [w for w in missing if w not in found]
            shown = bool(found)
            kind = "slide" if shown else "skip"
        elif shown and cell.cell_type == "code":
            if _BELOW.search(cell.source):
                kind = "subslide"
            elif _ON_IT.search(cell.source):
                kind = "fragment"
        cell.metadata["slideshow"] = {"slide_type": kind}
    return missing


def export(notebook: Path, out: Path = FOLDER) -> Path:
    """Write the slides of a notebook's lecture, from its stored outputs; returns the page.

    Raises:
        subprocess.CalledProcessError: nbconvert failed.
    """
    out.mkdir(parents=True, exist_ok=True)
    book = nbformat.read(notebook, as_version=4)
    tag(book)
    tagged = out / notebook.name
    nbformat.write(book, tagged)
    options = ["--to", "slides", "--no-input", "--SlidesExporter.reveal_scroll=True"]
    command = [sys.executable, "-m", "jupyter", "nbconvert", *options, str(tagged)]
    subprocess.run(command, check=True, capture_output=True)
    tagged.unlink()
    return out / f"{notebook.stem}.slides.html"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.slides", description="Export the lectures to data/slides."
    )
    parser.add_argument("--only", action="append", default=[], metavar="NN")
    parser.add_argument(
        "--tag", action="store_true", help="mark the cells of the committed notebooks instead"
    )
    options = parser.parse_args(arguments)
    leave_home_alone()
    from helpers.publish import write
    from helpers.run import select

    try:
        chosen = select(options.only)
    except ValueError as error:
        print(f"helpers.slides: {error}", file=sys.stderr)
        return 2
    for notebook in chosen:
        if options.tag:
            book = nbformat.read(notebook, as_version=4)
            missing = tag(book)
            said = "updated" if write(book, notebook) else "unchanged"
            said += f"; no heading holds {', '.join(map(repr, missing))}" if missing else ""
        else:
            said = str(export(notebook).relative_to(paths.ROOT))
        print(f"{notebook.name:30} {said}")
    return 0


if __name__ == "__main__":
    command("helpers.slides", main)
