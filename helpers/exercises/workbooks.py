"""Workbooks: authored with solutions, given out without.

``notebooks/solutions/NN_name.ipynb`` is the source: nbgrader's format, solutions between markers.
What a student gets is made from it by nbgrader's own steps and lies in ``notebooks/exercises/``.
"""

import copy
import json
from pathlib import Path

import nbformat

from helpers import paths
from helpers.publish import METADATA, write

SOLUTIONS = paths.NOTEBOOKS / "solutions"
EXERCISES = paths.NOTEBOOKS / "exercises"

#: What stands in place of a solution.
CODE_STUB = 'raise NotImplementedError("put your lines here")'
TEXT_STUB = "*Your answer: write it here.*"
#: Seconds that a cell may take when it is graded; nbgrader's own 30 are short for a busy server.
TIMEOUT_S = 180

CONFIG = f"""c = get_config()
c.CourseDirectory.course_id = "memory_and_messages"
c.ClearSolutions.code_stub = {{"python": {CODE_STUB!r}}}
c.ClearSolutions.text_stub = {TEXT_STUB!r}
c.Execute.timeout = {TIMEOUT_S}
"""


def solutions(folder: Path | None = None) -> list[Path]:
    """The workbooks with solutions, in order."""
    return sorted((folder or SOLUTIONS).glob("[0-9][0-9]_*.ipynb"))


def students_version(workbook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The workbook without solutions and hidden tests, by the steps of ``generate_assignment``.

    Left out is the step that writes to a course's database.

    Raises:
        RuntimeError: markers that do not pair, or stand in a cell that is not for solutions.
        ValidationError: two cells with one grade_id, or other damaged metadata.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import SaveCells
    from traitlets.config import Config

    config = Config()
    config.ClearSolutions.code_stub = {"python": CODE_STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    made, resources = copy.deepcopy(workbook), {}
    for step in GenerateAssignment.preprocessors.default():
        if step is not SaveCells:
            made, resources = step(config=config).preprocess(made, resources)
    made.metadata = nbformat.from_dict(METADATA)
    return made


def make_exercises(source: Path | None = None, target: Path | None = None) -> dict[str, bool]:
    """Write the student's version of every workbook; name of the file -> whether it changed."""
    target = target or EXERCISES
    target.mkdir(parents=True, exist_ok=True)
    found = solutions(source)
    for left in set(target.glob("*.ipynb")) - {target / path.name for path in found}:
        left.unlink()
    made = {p: students_version(nbformat.read(p, as_version=4)) for p in found}
    return {path.name: write(notebook, target / path.name) for path, notebook in made.items()}


def make_course(folder: Path, source: Path | None = None) -> list[str]:
    """Write a course folder for nbgrader: its configuration, and one assignment a workbook.

    Raises:
        FileExistsError: the folder holds a configuration already.
    """
    config = folder / "nbgrader_config.py"
    if config.exists():
        raise FileExistsError(f"{folder} is a course folder already")
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text(CONFIG, encoding="utf-8")
    names = []
    for path in solutions(source):
        home = folder / "source" / path.stem
        home.mkdir(parents=True)
        (home / path.name).write_bytes(path.read_bytes())
        names.append(path.stem)
    return names


def points(workbook: Path) -> dict[str, float]:
    """grade_id -> points of the cells of a workbook that are graded."""
    cells = json.loads(workbook.read_text(encoding="utf-8"))["cells"]
    marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    return {m["grade_id"]: m["points"] for m in marks if m.get("grade")}
