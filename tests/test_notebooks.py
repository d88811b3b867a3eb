"""What the committed notebooks look like to their readers, without running them."""

import ast
import json
import pydoc
import re

import nbformat
import pytest

from helpers.notebook import source_of
from helpers.paths import NOTEBOOKS
from helpers.publish import METADATA, clean, tells
from helpers.run import declared_parameters

PATHS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
notebooks = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [c for c in read(path).cells if c.cell_type == "code"]


def test_the_series_is_here():
    assert [p.stem[:2] for p in PATHS] == sorted(p.stem[:2] for p in PATHS)
    assert {"01_bptt_gradients", "04_palindrome_study", "05_book_text"} <= {p.stem for p in PATHS}


@notebooks
def test_no_class_and_no_model_of_its_own(path):
    for cell in code_cells(path):
        assert not re.search(r"^\s*(class|def) ", cell.source, re.M), cell.source
        assert "nn.Module" not in cell.source


@notebooks
def test_one_parameters_cell_of_plain_literals(path):
    cells = code_cells(path)
    tagged = [k for k, c in enumerate(cells) if "parameters" in c.metadata.get("tags", [])]
    assert tagged == [1]  # right after the imports
    assert {"profile", "seed"} <= set(declared_parameters(path))
    assert declared_parameters(path)["profile"] == '"quick"'
    assert "start(profile=profile, seed=seed)" in cells[2].source


@notebooks
def test_no_installs_and_no_tricks_with_paths(path):
    for cell in code_cells(path):
        assert not re.search(r"^\s*[!%]|sys\.path|os\.chdir|torch\.device", cell.source, re.M)


def lines_of_words(source: str) -> int:
    """Lines that captions and descriptions of figures take up: they are prose, not code."""
    keywords = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.keyword)]
    words = [n.value for n in keywords if n.arg in ("caption", "alt")]
    return sum(value.end_lineno - value.lineno + 1 for value in words)


@notebooks
def test_cells_are_short(path):
    cells = code_cells(path)
    assert max(len(c.source.splitlines()) for c in cells) <= 25
    code = sorted(len(c.source.splitlines()) - lines_of_words(c.source) for c in cells)
    assert code[len(code) // 2] <= 8
    assert max(len(line) for c in cells for line in c.source.splitlines()) <= 115


@notebooks
def test_outputs_are_complete_and_clean(path):
    cells = code_cells(path)
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", output
    outputs = json.dumps([c.outputs for c in cells])
    assert not re.search(r"/(home|root|Users|work|tmp|usr)/|[A-Z]:\\\\", outputs)
    assert not re.search(r"\d+(\.\d+)?\s?(it|steps)/s|0x[0-9a-f]{8}", outputs)
    assert "application/vnd.jupyter.widget" not in outputs


@notebooks
def test_sources_that_are_shown_are_those_of_the_code(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            shown = output.get("data", {}).get("text/markdown", "")
            if found := re.match(r"`(helpers[\w.]+)`\n\n```python\n", shown):
                now = source_of(pydoc.locate(found[1]))
                assert shown == now, f"python -m helpers.publish --only {path.stem[:2]}"


@notebooks
def test_something_is_compared(path):
    tags = [c.metadata.get("tags", []) for c in code_cells(path)]
    assert any("nbval-check-output" in t for t in tags)


def typed_numbers(source: str) -> list[str]:
    """Numbers in the literal text of every ``finding`` and answer of a cell, wherever it stands.

    What stands in braces is computed; :data:`NAMES` are no results.
    """
    found = []
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("finding", "think"):
            for text in literals(call.args[-1]):
                found += re.findall(r"(?<![\w.])\d+(?:[.,]\d+)*(?!\w)", NAMES.sub(" ", text))
    return found


#: What has a digit and is no result: a condition, a place in the series, an interval's name.
NAMES = re.compile(
    r"\b\w+ ?= ?\d+|\b(?:[Rr]eport|[Ss]ection|[Ee]quation) \(?\d+\)?"
    r"|\(1 − k/R\)|\(95 % (?=$|interval)|1-WL"
)


def literals(node) -> list[str]:
    """The literal text of a string that is put together, without what its braces compute."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.FormattedValue):
        return []
    return [text for child in ast.iter_child_nodes(node) for text in literals(child)]


def test_typed_numbers_are_seen_wherever_they_stand():
    assert typed_numbers('finding("right for 9 of " + "10.5 %")\nx = 1') == ["9", "10.5"]
    assert typed_numbers('for k in y:\n    finding(f"{k:.2f} at T = 20, {k} of 7")') == ["7"]
    assert typed_numbers('finding(f"{100 * share:.0f} %")') == []
    assert typed_numbers('think("And with 3?", f"{share} of 7")') == ["7"]


@notebooks
def test_findings_have_no_typed_numbers(path):
    """A finding's digits come from the cell's own computation: none stands in its literal text."""
    for cell in code_cells(path):
        assert typed_numbers(cell.source) == [], cell.source


@notebooks
def test_metadata_is_the_series_own(path):
    notebook = read(path)
    assert notebook.metadata == METADATA
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)
    before = nbformat.writes(notebook)
    assert nbformat.writes(clean(notebook)) == before  # cleaning what is clean changes nothing


def test_cells_that_only_say_something_fold_their_source():
    assert tells('share = 1 / 3\nfinding(f"{share}")')
    assert not tells('figures.show(plots.sweep(runs), "sweep")\nfinding("higher")')
    assert not tells("x = 1")
    assert tells("widgets.some_explorer(seed)")
    assert not tells("trained = train(seed)\nwidgets.some_explorer(trained)")
    assert not tells("some_explorer")
    cell = nbformat.v4.new_code_cell('think("Why?", "So.")')
    clean(nbformat.v4.new_notebook(cells=[cell]))
    assert cell.metadata == {"jupyter": {"source_hidden": True}}


@notebooks
def test_anatomy(path):
    text = [c.source for c in read(path).cells if c.cell_type == "markdown"]
    assert text[0].startswith(f"# {path.stem[:2]} · ")
    assert re.search(r"\*\*.*\?\*\*", text[0]), "the question"
    headings = re.findall(r"^## (.*)$", "\n".join(text), re.M)
    for needed in ("Notation", "Limits", "Summary", "Exercises", "References"):
        assert any(h.startswith(needed) for h in headings), needed


def shows(path) -> list[ast.Call]:
    """The calls of ``figures.show`` in a notebook."""
    calls = [n for c in code_cells(path) for n in ast.walk(ast.parse(c.source))]
    return [n for n in calls if isinstance(n, ast.Call) and ast.unparse(n.func) == "figures.show"]


@notebooks
def test_figures_say_what_to_see(path):
    """A caption says what to see; the words for readers who cannot see say what is drawn."""
    for call in shows(path):
        given = {k.arg for k in call.keywords}
        assert {"caption", "alt"} <= given, ast.unparse(call)[:90]


@notebooks
def test_links_between_notebooks_work(path):
    for source in (c.source for c in read(path).cells if c.cell_type == "markdown"):
        for target in re.findall(r"\]\(([^)#:]+\.ipynb)\)", source):
            assert (NOTEBOOKS / target).exists(), target


@notebooks
def test_size(path):
    assert path.stat().st_size < 3_000_000
