"""``python -m helpers.site``: the series as pages that need no kernel, no server and no network.

Executes the notebooks with ready frames in place of sliders (:mod:`helpers.frames`), takes their
pictures out into files, and builds the pages with Sphinx: MyST-NB reads the notebooks, Furo is the
look, MathJax lies beside the pages. The result is ``data/site/pages``; open its ``index.html``.
"""

import argparse
import base64
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat

from helpers import contents, frames, paths
from helpers.audience import SITE_VARIABLE
from helpers.captured import Part, as_html
from helpers.processes import command
from helpers.publish import PARAMETERS, clean
from helpers.run import as_table, run_series, select
from helpers.runtime import cores

#: What the pages are made of and where they come to lie; git ignores the folder.
FOLDER = paths.ROOT / "data" / "site"
#: Notebooks that are executed at a time.
JOBS = min(2, cores())
#: Folder of the workbooks, below the notebooks and below the pages.
WORKBOOKS = "exercises"
CONFIGURATION = {
    "project": "Memory and Messages",
    "extensions": ["myst_nb", "sphinx-mathjax-offline"],
    "html_theme": "furo",
    "html_title": "Memory and Messages",
    "html_static_path": [frames.STATIC],
    "html_css_files": ["site.css"],
    "html_js_files": [["frames.js", {"defer": "defer"}]],
    "html_assets_policy": "always",
    "html_copy_source": False,
    "html_show_search_summary": False,  # it is fetched, which pages from a folder cannot
    "html_show_copyright": False,
    "exclude_patterns": ["executed"],
    "myst_heading_slug_func": "helpers.site.heading_id",
    "myst_update_mathjax": False,
    "nb_execution_mode": "off",
    "nb_merge_streams": True,
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "myst_heading_anchors": 3,
    "suppress_warnings": ["mystnb.unknown_mime_type", "myst.xref_missing", "myst.header"],
    # A page's formulas: the text's own, and those in captions of frames.
    "mathjax3_config": {
        "tex": {"inlineMath": [["\\(", "\\)"], ["$", "$"]], "tags": "none"},
        "options": {
            "ignoreHtmlClass": "mathjax_ignore|document",
            "processHtmlClass": "mathjax_process|math|player|text_markdown",
        },
    },
}
#: MathJax comes with a file for each way in and out; the pages read TeX and show it as HTML.
UNUSED = ("mml-*.js", "*-svg*.js", "tex-mml-*.js", "tex-chtml-full*.js", "node-main.js")
_DISPLAYED = re.compile(r"^([ >]*)\$\$(.+?)\$\$[ ]*$", re.MULTILINE | re.DOTALL)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.site", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--only", action="append", default=[], metavar="NN")
    options = parser.parse_args(arguments)
    try:
        notebooks = select(options.only)
    except ValueError as error:
        print(f"helpers.site: {error}", file=sys.stderr)
        return 2
    shutil.rmtree(FOLDER, ignore_errors=True)
    static = FOLDER / frames.STATIC
    static.mkdir(parents=True)
    executed = FOLDER / "executed"
    executed.mkdir()
    os.environ[SITE_VARIABLE] = str(static)
    try:
        outcomes = run_series(notebooks, executed, parameters=PARAMETERS, jobs=JOBS)
    finally:
        del os.environ[SITE_VARIABLE]
    if any(outcome.error for outcome in outcomes):
        print(f"\n{as_table(outcomes)}\n\nNo pages were made.", file=sys.stderr)
        return 1
    for notebook in notebooks:
        write_page(nbformat.read(executed / notebook.name, as_version=4), notebook.name, FOLDER)
    further = write_further(FOLDER)
    build([notebook.stem for notebook in notebooks], FOLDER, further)
    print(f"\nThe pages: {(FOLDER / 'pages' / 'index.html').relative_to(paths.ROOT)}")
    return 0


def write_page(notebook: nbformat.NotebookNode, name: str, folder: Path) -> None:
    """One executed notebook as a source of the site: pictures in files, formulas as directives."""
    notebook = clean(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _for_sphinx(cell.source)
        elif cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data = {"text/html": _picture(output, folder / frames.STATIC)}
            elif "text/markdown" in output.get("data", {}):
                output.data = {"text/markdown": _for_sphinx(output.data["text/markdown"])}
    nbformat.write(notebook, folder / name)


def write_further(folder: Path) -> list[str]:
    """The workbooks and the page for teachers as sources of the site; their names."""
    names = []
    for workbook in sorted((paths.NOTEBOOKS / WORKBOOKS).glob("*.ipynb")):
        (folder / WORKBOOKS).mkdir(exist_ok=True)
        write_page(nbformat.read(workbook, as_version=4), f"{WORKBOOKS}/{workbook.name}", folder)
        names.append(f"{WORKBOOKS}/{workbook.stem}")
    teaching = (paths.NOTEBOOKS / "TEACHING.md").read_text(encoding="utf-8")
    (folder / "TEACHING.md").write_text(_for_sphinx(teaching), encoding="utf-8")
    return [*names, "TEACHING"]


def build(pages: list[str], folder: Path, further: Sequence[str] = ()) -> None:
    """Build ``folder``'s pages, in this order, into ``folder/pages``.

    Args:
        pages: names of the notebooks.
        further: names of what the navigation lists below them.

    Raises:
        RuntimeError: Sphinx did not succeed.
    """
    from sphinx.cmd.build import main as sphinx

    here = Path(__file__).parent
    for name in ("frames.js", "site.css"):
        shutil.copy(here / name, folder / frames.STATIC / name)
    lines = [f"{name} = {value!r}" for name, value in CONFIGURATION.items()]
    (folder / "conf.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    index = ["# Memory and Messages", "", INTRODUCTION, "", "| | question |", "|---|---|"]
    index += [
        f"| [{chapter.number} · {chapter.title}]({chapter.file}) | {chapter.question} |"
        for chapter in contents.chapters(folder)
    ]
    for caption, names in (("Notebooks", pages), ("To work and to teach", further)):
        index += ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"]
    (folder / "index.md").write_text("\n".join(index) + "\n", encoding="utf-8")
    if sphinx(["-q", "-b", "html", str(folder), str(folder / "pages")]) != 0:
        raise RuntimeError("Sphinx could not build the pages; what it says stands above")
    for unused in UNUSED:
        for file in (folder / "pages" / frames.STATIC / "mathjax").glob(unused):
            file.unlink()


INTRODUCTION = (
    "Recurrent networks and graph networks, derived, trained, measured and played with. "
    "These pages are the executed notebooks: the sliders choose among ready frames. "
    "In JupyterLab they compute."
)


def _for_sphinx(source: str) -> str:
    """Markdown of a notebook as MyST reads it: displayed formulas keep their own numbers."""

    def directive(match: re.Match) -> str:
        margin, formula = match.groups()
        body = "\n".join(margin + line.strip(" >") for line in formula.strip().split("\n"))
        fence = f"{margin}```{{math}}\n{margin}:nowrap: true\n{margin}\n"
        return (
            f"\n{fence}{margin}\\begin{{equation*}}\n{body}\n{margin}\\end{{equation*}}\n"
            f"{margin}```\n"
        )

    return _DISPLAYED.sub(directive, source)


def heading_id(text: str) -> str:
    """The anchor that notebooks' front-ends give to a heading; the notebooks' links name it."""
    return re.sub(r"\s", "-", text)


def _picture(output, static: Path) -> str:
    """HTML of a picture that an output holds, the picture itself in a file."""
    png = "".join(output.data["image/png"].split())
    base64.b64decode(png, validate=True)
    part = Part({"image/png": png}, output.get("metadata", {}))
    return as_html([part], lambda *picture: frames.saved(static, *picture))


if __name__ == "__main__":
    command("helpers.site", main)
