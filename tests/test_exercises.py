"""Workbooks: generated as nbgrader does, solved by their solutions, patient with wrong answers."""

import ast
import json
import linecache
import re
import shutil
import types

import nbformat
import pytest
import torch

from helpers import run
from helpers.exercises import __main__ as program
from helpers.exercises import answers, predictions, workbooks
from helpers.exercises.answers import Case, NotDone, WrongAnswer, check
from helpers.paths import NOTEBOOKS, ROOT
from helpers.publish import METADATA
from tests.exercise_mistakes import MISTAKES

PATHS = workbooks.solutions()
each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def cells(path):
    """Every cell, with its nbgrader metadata beside it."""
    found = nbformat.read(path, as_version=4).cells
    return [(cell, cell.metadata.get("nbgrader", {})) for cell in found]


def cell_of(path, grade_id: str):
    return next(cell for cell, mark in cells(path) if mark.get("grade_id") == grade_id)


def graded_functions(path) -> list[str]:
    """grade_ids of solution cells whose test is a checker of functions, not a prediction."""
    found = [mark["grade_id"] for cell, mark in cells(path) if solves(cell, mark)]
    return [name for name in found if "def prediction()" not in cell_of(path, name).source]


def solves(cell, mark) -> bool:
    return cell.cell_type == "code" and bool(mark.get("solution"))


class Workbook:
    """A workbook's cells, run one at a time in a namespace of their own."""

    def __init__(self, path):
        self.path = path
        self.space = types.ModuleType("__main__").__dict__
        self.run(cell_of(path, "setup").source)

    def run(self, source: str) -> None:
        name = f"<cell {hash(source)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), self.space)

    def answer(self, grade_id: str, *changes: tuple[str, str]) -> None:
        """The solution, changed as a student would write it."""
        source = cell_of(self.path, grade_id).source
        for right, wrong in changes:
            assert right in source, f"{grade_id}: {right!r} is not in the solution"
            source = source.replace(right, wrong)
        self.run(source)

    def test(self, grade_id: str) -> None:
        self.run(cell_of(self.path, f"{grade_id}_test").source)


@pytest.fixture(scope="module")
def opened():
    return {path.stem[:2]: Workbook(path) for path in PATHS}


def test_every_chapter_has_a_workbook():
    chapters = {path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")}
    made = {path.stem for path in PATHS}
    assert made <= chapters
    assert {name for name in chapters if "01" <= name[:2] <= "07"} <= made


@each
def test_what_is_given_out_is_made_from_the_solutions(path):
    """Run ``make exercises`` where this fails."""
    made = workbooks.students_version(nbformat.read(path, as_version=4))
    stored = (workbooks.EXERCISES / path.name).read_text(encoding="utf-8")
    assert nbformat.writes(made) + "\n" == stored


@each
def test_no_solution_is_given_out(path):
    text = (workbooks.EXERCISES / path.name).read_text(encoding="utf-8")
    assert not re.search("SOLUTION|HIDDEN", text)
    for cell, mark in cells(path):
        if mark.get("solution"):
            inner = re.search("### BEGIN SOLUTION\n(.*?)\n *### END", cell.source, re.S)[1]
            assert json.dumps(inner)[1:-1] not in text, mark["grade_id"]
            assert len(inner.split()) > 1


@each
def test_form(path):
    marks = [mark for _, mark in cells(path)]
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata == METADATA
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert sum(workbooks.points(path).values()) == 20
    stated = re.findall(r"\| (\d+) \|$", notebook.cells[0].source, re.M)
    assert sum(map(int, stated)) == 20
    assert sum(1 for m in marks if m.get("grade") and m.get("solution")) == 2  # graded by hand
    assert len(graded_functions(path)) >= 3  # two functions and a derivation with blanks
    for cell, mark in cells(path):
        if cell.cell_type == "code":
            assert max(map(len, cell.source.splitlines())) <= 115
        if solves(cell, mark):
            assert f"{mark['grade_id']}_test" in workbooks.points(path)


@each
def test_solutions_are_written_out(path):
    """Nothing that a workbook imports from helpers stands in a solution, and no cell imports."""
    borrowed = {
        (alias.asname or alias.name)
        for cell, _ in cells(path)
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.ImportFrom) and node.module.startswith("helpers")
        for alias in node.names
    }
    assert borrowed
    for cell, mark in cells(path):
        if solves(cell, mark):
            tree = ast.parse(cell.source)
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            assert not names & borrowed, mark["grade_id"]
            assert not any(isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(tree))


FUNCTIONS = [(path.stem[:2], name) for path in PATHS for name in graded_functions(path)]
functions = pytest.mark.parametrize(("number", "name"), FUNCTIONS)
WRONG = [
    pytest.param(number, name, *mistake, id=f"{number}-{name}-{k}")
    for number, of in MISTAKES.items()
    for name, mistakes in of.items()
    for k, mistake in enumerate(mistakes)
]


def test_every_function_is_tried_with_wrong_answers():
    assert {(n, name) for n, of in MISTAKES.items() for name in of} == set(FUNCTIONS)
    for of in MISTAKES.values():
        for mistakes in of.values():
            hints = [hint for _, _, hint in mistakes]
            assert len(set(hints) - {"not yet", "stops in"}) >= 3


@functions
def test_the_solution_is_right(opened, number, name, capsys):
    opened[number].answer(name)
    opened[number].test(name)
    assert "right in" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "name", "right", "wrong", "hint"), WRONG)
def test_a_wrong_answer_gets_the_hint_that_fits(opened, number, name, right, wrong, hint):
    opened[number].answer(name, (right, wrong))
    with pytest.raises(WrongAnswer, match=re.escape(hint)):
        opened[number].test(name)


@functions
def test_an_open_or_odd_answer_gets_a_sentence(opened, number, name):
    book = opened[number]
    own = re.findall(r"^def (\w+)", cell_of(book.path, name).source, re.M)
    book.run(cell_of(workbooks.EXERCISES / book.path.name, name).source)
    with pytest.raises(NotDone, match=f"{own[0]} is not written yet"):
        book.test(name)
    odd = [
        (lambda *given: None, "returns nothing"),
        (None, "nothing .None., but the function itself is asked for"),
        (torch.zeros(7, 7), "the function itself"),
        (lambda: 1, "Keep the arguments"),
        (lambda *given: "yes", "asked for|returned|text"),
        (lambda *given: torch.zeros(7, 7, 7), "shape|asked for|returned"),
    ]
    for answer, words in odd:
        book.answer(name)
        book.space[own[0]] = answer
        with pytest.raises(WrongAnswer, match=words):
            book.test(name)


@functions
def test_an_answer_that_calls_the_helper_is_refused(opened, number, name):
    book = opened[number]
    book.answer(name)
    own = re.findall(r"^def (\w+)", cell_of(book.path, name).source, re.M)[0]
    lines = (f"def {own}(*given):", "    import helpers", f"    return {own}_before(*given)")
    book.run("\n".join((f"{own}_before = {own}", *lines)))
    with pytest.raises(WrongAnswer, match="uses `helpers`"):
        book.test(name)


def test_borrowing_is_seen_through_functions_of_the_workbook():
    space = {"__name__": "__main__"}
    exec(
        "from helpers.text import sampling\nimport torch\n"
        "def inner(z):\n    return sampling.next_distribution(z)\n"
        "def outer(z):\n    return [inner(q) for q in z]\n"
        "def clean(z):\n    return torch.softmax(z, 0)\n"
        "def twice(z):\n    return twice(z - 1)",
        space,
    )
    for name in ("inner", "outer", "clean", "twice"):
        space[name].__module__ = "__main__"
    assert answers.borrows(space["outer"]) == "sampling"
    assert answers.borrows(space["clean"]) is None
    assert answers.borrows(space["clean"], without=("softmax",)) == "softmax"
    assert answers.borrows(space["twice"]) is None


def tried(function, right, **options) -> str:
    with pytest.raises((WrongAnswer, NotDone)) as raised:
        check(function, [Case((), right)], name="f", **options)
    return str(raised.value)


def test_what_is_told_without_a_known_mistake():
    ones = torch.ones(2, 3)
    assert "transpose is missing or too much" in tried(lambda: ones.T, ones)
    assert "right but for the sign" in tried(lambda: -ones, ones)
    assert "It is 2 and should be 3" in tried(lambda: 2.0, 3.0)
    assert "2.5 times" in tried(lambda: 2.5 * ones, ones)
    assert "NaN or infinity" in tried(lambda: ones / 0, ones)
    assert "entry (0, 1)" in tried(lambda: torch.tensor([[1.0, 5.0]]), torch.tensor([[1.0, 2.0]]))
    assert "second: a number is asked for" in tried(
        lambda: (1.0, "x"), (1.0, 2.0), parts=("first", "second")
    )
    assert "it returns Ellipsis" in tried(lambda: ..., 1.0)


def test_the_readme_shows_a_checker_that_works():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    space = {}
    exec(next(block for block in blocks if "helpers.exercises" in block), space)
    checker = space["geometric_sum"]
    checker(lambda r, T: sum(r**t for t in range(T)))
    for first, last, hint in ((1, 1, "first power"), (0, 1, "not T \\+ 1")):
        with pytest.raises(WrongAnswer, match=hint):
            checker(lambda r, T, a=first, b=last: sum(r**t for t in range(a, T + b)))


def test_a_course_folder(tmp_path, capsys, monkeypatch):
    course = tmp_path / "course"
    assert program.main(["--course", str(course)]) == 0
    assert f"{len(PATHS)} assignments" in capsys.readouterr().out
    config = (course / "nbgrader_config.py").read_text()
    assert workbooks.CODE_STUB in config
    assert str(workbooks.TIMEOUT_S) in config
    for path in PATHS:
        copied = course / "source" / path.stem / path.name
        assert copied.read_bytes() == path.read_bytes()
    assert program.main(["--course", str(course)]) == 2
    assert "is a course folder already" in capsys.readouterr().err

    def absent():
        raise ModuleNotFoundError("No module named 'nbgrader'")

    monkeypatch.setattr(workbooks, "make_exercises", absent)
    assert program.main([]) == 2
    assert "pip install" in capsys.readouterr().err


def test_a_workbook_that_is_gone_is_given_out_no_more(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(workbooks.SOLUTIONS, source, ignore=shutil.ignore_patterns("0[2-7]*"))
    target.mkdir()
    (target / "09_old.ipynb").write_text("{}")
    assert workbooks.make_exercises(source, target) == {PATHS[0].name: True}
    assert workbooks.make_exercises(source, target) == {PATHS[0].name: False}
    assert [path.name for path in target.iterdir()] == [PATHS[0].name]


def test_a_sentence_is_all_that_a_notebook_shows():
    assert WrongAnswer("f: no.")._render_traceback_() == ["WrongAnswer: f: no."]
    assert issubclass(WrongAnswer, AssertionError)


def test_a_prediction_comes_before_the_run(tmp_path, capsys):
    measured = []

    def measure():
        measured.append(1)
        return 0.25

    def predict(prediction):
        return predictions.predicted("a", prediction, measure, folder=tmp_path, maximum=1)

    def undone():
        raise NotImplementedError

    for empty in (undone, lambda: None, lambda: ...):
        with pytest.raises(NotDone, match="a: predict before you look"):
            predict(empty)
    for odd, words in ((lambda: "x", "finite number"), (lambda: 2, "at most 1")):
        with pytest.raises(WrongAnswer, match=words):
            predict(odd)
    with pytest.raises(WrongAnswer, match="without arguments"):
        predict(lambda x: x)
    assert not measured
    assert not list(tmp_path.iterdir())
    assert predict(lambda: 0.5) == 0.25
    assert predict(lambda: 0.3) == 0.25
    said = capsys.readouterr().out
    assert "You predicted 0.5" in said
    assert "now says 0.3; the first prediction counts" in said
    stored = json.loads((tmp_path / predictions.FILE).read_text())
    assert (stored["a"]["predicted"], stored["a"]["measured"]) == (0.5, 0.25)
    (tmp_path / predictions.FILE).write_text("{")
    with pytest.raises(WrongAnswer, match=r"predictions.json .* is damaged; delete it"):
        predict(lambda: 0.5)


def test_a_prediction_that_cannot_be_stored_is_said(tmp_path, capsys):
    (tmp_path / "full").write_text("a file where a folder should be")
    given = ("a", lambda: 1, lambda: 2.0)
    assert predictions.predicted(*given, folder=tmp_path / "full") == 2.0
    assert "could not be stored" in capsys.readouterr().out


def executed(path) -> list:
    """Code cells of an executed workbook with their errors: (metadata, ename, sentence)."""
    found = []
    for cell, mark in cells(path):
        if cell.cell_type == "code":
            errors = [o for o in cell.outputs if o.output_type == "error"]
            said = (errors[0].ename, errors[0].evalue, errors[0].traceback) if errors else None
            found.append((mark.get("grade_id"), said))
    return found


@pytest.mark.slow
def test_a_solution_runs_and_an_open_workbook_says_what_lacks(tmp_path):
    """Through papermill: a solution from top to bottom; the student's version stops at the first
    open cell, and where it is made to go on, every test says its sentence and nothing more.

    How a kernel shows them is the same for all; each of the others is asked below.
    """
    homes = {name: tmp_path / name for name in ("solved", "open", "going on")}
    for name, home in homes.items():
        (home / "out").mkdir(parents=True)
        source = workbooks.SOLUTIONS if name == "solved" else workbooks.EXERCISES
        shutil.copy(source / PATHS[0].name, home)
    path = homes["going on"] / PATHS[0].name
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata["tags"] = ["raises-exception"]
    nbformat.write(notebook, path)
    for name, home in homes.items():
        (outcome,) = run.run_series([home / path.name], home / "out", parameters={})
        if name == "solved":
            assert not outcome.error
        elif name == "open":
            assert "NotDone: back_through_time is not written yet" in outcome.error
    path = homes["going on"] / "out" / path.name
    tests = [name for name in workbooks.points(path) if name.endswith("_test")]
    found = {name: said for name, said in executed(path) if said}
    assert list(found) == tests  # the cells of answers define functions, and end well
    for name, (kind, sentence, shown) in found.items():
        assert kind == "NotDone", (name, sentence)
        assert shown == [f"NotDone: {sentence}"]
        assert "not written yet" in sentence or "predict before you look" in sentence


@each
def test_a_solution_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    """As in :func:`test_a_solution_runs_and_an_open_workbook_says_what_lacks`, in this process."""
    monkeypatch.chdir(tmp_path)  # where predictions are stored
    monkeypatch.setenv("HELPERS_INTERACTIVE", "0")
    book = Workbook(path)
    for cell, _ in cells(path):
        if cell.cell_type == "code":
            book.run(cell.source)
    assert (tmp_path / predictions.FILE).exists()


@pytest.mark.parametrize("path", workbooks.solutions(workbooks.EXERCISES), ids=lambda p: p.stem)
def test_every_open_test_says_its_sentence_and_the_other_cells_end_well(path):
    """As in :func:`test_a_solution_runs_and_an_open_workbook_says_what_lacks`, in this process."""
    namespace, said = {"__name__": "__main__"}, {}
    for cell, mark in cells(path):
        if cell.cell_type == "code":
            try:
                exec(cell.source, namespace)
            except NotDone as error:
                said[mark["grade_id"]] = str(error)
    assert list(said) == [name for name in workbooks.points(path) if name.endswith("_test")]
    for sentence in said.values():
        assert "not written yet" in sentence or "predict before you look" in sentence
