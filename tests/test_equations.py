"""Numbered equations: ``holds`` itself, and that every ``\\tag`` of a notebook is run."""

import re

import nbformat
import pytest
import torch

from helpers import equations
from helpers.equations import Held, defines, holds, survives_disturbance
from helpers.paths import NOTEBOOKS
from tests.notation import displayed, notation, symbols

PATHS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
notebooks = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@pytest.fixture
def said(monkeypatch):
    """The lines that are shown."""
    lines = []
    monkeypatch.setattr(equations, "display", lambda shown: lines.append(shown.data))
    monkeypatch.setattr(equations, "HELD", [])
    return lines


def test_an_equation_that_holds_says_so_in_one_line(said):
    holds("3", torch.ones(2, 2), [[1.0, 1.0], [1.0, 1.0 + 1e-15]])
    assert len(said) == 1
    assert "(3) holds: both sides agree to better than 1e-13" in said[0]
    holds("4", 1.0, 1.0 + 3e-12)
    assert "(4) holds: both sides agree to 3e-12" in said[1]


@pytest.mark.parametrize("moved", [(1 + 1e-6, 1), (1, 1 - 1e-6), (-1, 1)])
def test_an_equation_with_a_side_disturbed_raises(said, moved):
    value = torch.randn(3, 4, dtype=torch.float64)
    with pytest.raises(AssertionError, match=r"equation \(7\) does not hold"):
        holds("7", value * moved[0], value * moved[1])
    assert said == []
    assert equations.HELD == []


def test_a_bound_is_held_elementwise(said):
    holds("5", [1.0, 2.0], [1.0, 3.0], "<=")
    assert "in all 2 cases" in said[0]
    with pytest.raises(AssertionError, match="by up to"):
        holds("5", [1.0, 3.1], [1.0, 3.0], "<=")
    with pytest.raises(AssertionError):
        holds("5", 1.0, 1.0, "<")


@pytest.mark.parametrize(
    ("left", "right", "relation", "words"),
    [
        ([1.0, 2.0], [1.0], "=", "shape"),
        ([], [], "=", "empty"),
        (float("nan"), 1.0, "=", "not finite"),
        (1.0, 1.0, ">", "relation"),
    ],
)
def test_sides_that_cannot_be_compared_get_a_sentence(said, left, right, relation, words):
    with pytest.raises(ValueError, match=words):
        holds("1", left, right, relation)


def test_a_definition_shows_its_number(said):
    defines("1", "$h_T$", [0.5, 0.25])
    assert "(1) defines $h_T$ = 0.5, 0.25" in said[0]


def test_what_survives_disturbance_is_seen():
    one = torch.ones(1, dtype=torch.float64)
    assert survives_disturbance(Held("1", one, one, "=", 1e-10)) == []
    assert survives_disturbance(Held("1", 0 * one, 0 * one, "=", 1e-10)) == ["left", "right"]
    assert survives_disturbance(Held("1", one, one, "=", 0.1)) == ["left", "right"]
    assert survives_disturbance(Held("1", one, 2 * one, "<=", 1e-10)) == []
    assert survives_disturbance(Held("1", one, one, "<=", 1e-10)) == ["sides exchanged"]


def test_symbols_are_letters_with_their_accents_and_names():
    found = symbols(
        r"\hat y_k = \mathrm{softmax}(W_{ph} h_T + b_p)_k \, e^{-x}, \tag{3} \delta_{ik}"
    )
    assert found == {r"\hat y", "W_ph", "h", "b", "x", r"\delta"}
    assert symbols(r"x \dots s, \dot x") == {"x", "s", r"\dot x"}  # dots are no dot over an s
    table = "| symbol | shape |\n|---|---|\n| $x_t$, $W_{ph}$ | $(n)$ |\n\ntext $q$"
    assert notation(table) == {"x", "W_ph"}


def cells(path, kind):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == kind]


def tags(path) -> list[str]:
    found = [re.findall(r"\\tag\{([^}]*)\}", c.source) for c in cells(path, "markdown")]
    return [number for numbers in found for number in numbers]


def runs(path) -> list[str]:
    calls = re.compile(r'\b(?:holds|defines)\(\s*"([^"]+)"')
    return [number for c in cells(path, "code") for number in calls.findall(c.source)]


@notebooks
def test_every_numbered_equation_is_run(path):
    numbered = tags(path)
    assert len(set(numbered)) == len(numbered), "an equation number stands twice"
    assert set(runs(path)) == set(numbered)


@notebooks
def test_every_displayed_equation_is_numbered(path):
    for cell in cells(path, "markdown"):
        for equation in displayed(cell.source):
            assert r"\tag{" in equation, f"a displayed equation without a number: {equation}"


@notebooks
def test_an_equation_is_run_below_it_and_before_the_next_section(path):
    """The reader meets the run of an equation in the section that displays it."""
    where, sections = {}, 0
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                sections += line.startswith("## ")
                for number in re.findall(r"\\tag\{([^}]*)\}", line):
                    where[number] = sections
        else:
            for number in re.findall(r'\b(?:holds|defines)\(\s*"([^"]+)"', cell.source):
                assert where.get(number) == sections, f"({number}) is run in another section"


@notebooks
def test_numbers_in_shown_source_are_the_notebooks(path):
    """Helpers' comments name equations by number: those of the notebook that shows them."""
    known = set(tags(path))
    for cell in cells(path, "code"):
        if "show_source(" not in cell.source:
            continue
        for output in cell.outputs:
            code = output.get("data", {}).get("text/markdown", "")
            named = re.findall(
                r"\((\d+[a-z]?)\)", " ".join(re.findall(r"[Ee]quations?[^.\n]*", code))
            )
            named += re.findall(r"# \((\d+[a-z]?)\)", code)
            assert set(named) <= known, f"{code.splitlines()[0]} names {set(named) - known}"


@notebooks
def test_symbols_of_equations_are_in_the_notation_table(path):
    known = notation("\n\n".join(c.source for c in cells(path, "markdown")))
    for cell in cells(path, "markdown"):
        for equation in displayed(cell.source):
            unknown = symbols(equation) - known
            assert not unknown, f"not in the notation table: {sorted(unknown)} of {equation}"
