"""Lectures: sections are found by their headings, marks survive publishing, slides come out."""

import nbformat
import pytest

from helpers import slides
from helpers.paths import NOTEBOOKS
from helpers.publish import clean

PATHS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def kinds(notebook) -> list[str]:
    return [cell.metadata.get("slideshow", {}).get("slide_type") for cell in notebook.cells]


@each
def test_every_notebook_has_a_path(path):
    notebook = nbformat.read(path, as_version=4)
    stored = kinds(notebook)
    missing = slides.tag(notebook)
    marked = kinds(notebook)
    assert len(missing) <= 1, f"slides.toml: no heading of {path.name} holds {missing}"
    assert marked[0] == "slide"
    assert 4 <= marked.count("slide") <= 9
    assert marked.count("subslide") >= 1
    assert marked.count("fragment") >= 2
    if any(stored):  # python -m helpers.slides --tag, or publishing, brings them up to date
        assert stored == marked


def test_the_first_notebooks_carry_their_marks():
    for path in PATHS[:4]:
        assert all(kinds(nbformat.read(path, as_version=4)))


def notebook_of(*cells):
    made = nbformat.v4.new_notebook()
    for source in cells:
        new = nbformat.v4.new_code_cell if "(" in source else nbformat.v4.new_markdown_cell
        made.cells.append(new(source))
    return made


def test_what_becomes_a_slide(monkeypatch):
    monkeypatch.setattr(slides, "paths_of_lectures", lambda: {"08": ["one bowl", "no such"]})
    made = notebook_of(
        "# 08 · Bowls",
        "## 1 · Other things",
        "figures.show(fig)",
        "## 2 · One bowl, solved",
        "holds(1)",
        "figures.show(fig)",
        "widgets.valley_explorer()",
        'finding("x")',
        'q = 1\nthink("x", "y")',
        "text between",
        "## Limits",
        'finding("late")',
    )
    assert slides.tag(made) == ["no such"]
    assert kinds(made) == [
        *("slide", "skip", "skip", "slide", "skip", "subslide", "subslide", "fragment"),
        *("fragment", "skip", "skip", "skip"),
    ]
    assert kinds(clean(made)) == kinds(made)  # publishing keeps them


def test_a_notebook_without_a_path_is_left_alone(monkeypatch):
    monkeypatch.setattr(slides, "paths_of_lectures", dict)
    made = notebook_of("# 09 · New", "## 1 · A")
    assert slides.tag(made) == []
    assert kinds(made) == [None, None]


@pytest.mark.slow
def test_slides_come_out(tmp_path, capsys, monkeypatch):
    page = slides.export(PATHS[0], tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.count("<section>") >= 4
    assert "The smallest memory" in text
    assert 'id="Limits' not in text
    assert [p.name for p in tmp_path.iterdir()] == [page.name]
    assert slides.main(["--only", "99"]) == 2
    assert "fits no notebook" in capsys.readouterr().err
