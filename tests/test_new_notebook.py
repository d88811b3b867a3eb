"""The template of a notebook: it runs, and it has the anatomy that every notebook is held to."""

import inspect

import nbformat
import pytest

from helpers import new_notebook, run
from helpers.publish import clean, write
from tests import nbval_disturb, test_equations, test_notebooks


def anatomy() -> dict:
    """Every check that takes the path of a notebook, by name."""
    found = {}
    for module in (test_notebooks, test_equations):
        for name, check in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and [*inspect.signature(check).parameters] == ["path"]:
                found[name] = check
    return found


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A notebook made from the template, executed and cleaned as `helpers.publish` does."""
    folder = tmp_path_factory.mktemp("notebooks")
    made = new_notebook.create("08", "a_sum", "Where does it end?", [], folder)
    (folder / "out").mkdir()
    (outcome,) = run.run_series([made], folder / "out", parameters={"profile": "quick"})
    assert not outcome.error, outcome.error
    write(clean(nbformat.read(folder / "out" / made.name, as_version=4)), made)
    assert [f.name for f in sorted((folder / "out" / "figures").iterdir())] == [
        "08_sums.png",
        "08_sums.svg",
    ]
    return made


def test_the_checks_are_found():
    assert len(anatomy()) >= 15
    assert {"test_anatomy", "test_every_numbered_equation_is_run"} <= set(anatomy())


@pytest.mark.slow
@pytest.mark.parametrize("name", anatomy())
def test_a_new_notebook_passes_every_check(published, name):
    anatomy()[name](published)


@pytest.mark.slow
def test_its_equations_are_held_to_what_they_say(published):
    """As the nbval run does: equations whose sides are moved must fail."""
    scope = {}
    for cell in test_notebooks.code_cells(published):
        exec(cell.source + nbval_disturb.CHECK * ("holds(" in cell.source), scope)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("8", "a", "Why?", []), "two digits"),
        (("08", "A b", "Why?", []), "small letters"),
        (("08", "a", "Because", []), "question mark"),
        (("07", "a", "Why?", []), "already: 07_z.ipynb"),
        (("08", "a", "Why?", ["99"]), "no notebook 99"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(tmp_path, arguments, words):
    new_notebook.create("07", "z", "What?", [], tmp_path)
    with pytest.raises(ValueError, match=words):
        new_notebook.create(*arguments, tmp_path)


def test_it_links_what_it_builds_on(tmp_path):
    new_notebook.create("00", "first", "What?", [], tmp_path)
    new_notebook.create("01", "second", "What?", [], tmp_path)
    third = new_notebook.create("02", "third", "What?", ["01"], tmp_path)
    assert "Before: [01](01_second.ipynb)." in third.read_text()
    assert [c.before for c in new_notebook.contents.chapters(tmp_path)] == [(), ("00",), ("01",)]


def test_the_command_says_what_is_next(tmp_path, capsys):
    assert new_notebook.main(["08", "a_sum", "Why?"], tmp_path) == 0
    said = capsys.readouterr().out
    assert "notebooks/08_a_sum.ipynb" in said
    assert "README" in said
    assert "make exercises" in said
    assert new_notebook.main(["08", "a_sum", "Why?"], tmp_path) == 2
    assert "already" in capsys.readouterr().err
