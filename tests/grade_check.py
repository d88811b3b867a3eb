"""``make grade-check``: nbgrader's own commands on a fresh course, three submissions a workbook.

A right one, a wrong one (a typical mistake in every function) and one that was handed in as it was
given out. The points that autograding gives are compared with what they should be.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from helpers.exercises import workbooks
from helpers.files import atomic_write
from tests.exercise_mistakes import MISTAKES

STUDENTS = ("right", "wrong", "empty")


def nbgrader(course: Path, *arguments: str) -> None:
    """Run an nbgrader command in the course's folder.

    Raises:
        SystemExit: it failed; what it said is printed.
    """
    command = [sys.executable, "-m", "nbgrader", *arguments]
    # nbgrader calls alembic, which lies beside this python: an environment that is not activated
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[2:])} failed\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def hand_in(course: Path, name: str) -> None:
    """Submissions of all students, made from what was released."""
    released = course / "release" / name / f"{name}.ipynb"
    source = nbformat.read(course / "source" / name / f"{name}.ipynb", as_version=4)
    solved = {c.metadata.nbgrader.grade_id: c for c in source.cells if "nbgrader" in c.metadata}
    for student in STUDENTS:
        notebook = nbformat.read(released, as_version=4)
        for cell in notebook.cells:
            mark = cell.metadata.get("nbgrader", {})
            if mark.get("solution") and student != "empty":
                cell.source = solved[mark.grade_id].source
                for right, wrong, _ in MISTAKES[name[:2]].get(mark.grade_id, [])[:1]:
                    if student == "wrong":
                        cell.source = cell.source.replace(right, wrong)
        with atomic_write(course / "submitted" / student / name / f"{name}.ipynb") as file:
            file.write(nbformat.writes(notebook).encode())


def expected(name: str) -> dict[str, float]:
    """Points that autograding must give: all tests, the prediction alone, none."""
    points = workbooks.points(workbooks.SOLUTIONS / f"{name}.ipynb")
    tests = {k: p for k, p in points.items() if k.endswith("_test")}
    wrong = {f"{function}_test" for function in MISTAKES[name[:2]]}
    kept = sum(p for k, p in tests.items() if k not in wrong)
    return {"right": sum(tests.values()), "wrong": kept, "empty": 0}


def scores(course: Path, name: str) -> dict[str, float]:
    """What nbgrader's gradebook holds after autograding."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        return {s: book.find_submission(name, s).score for s in STUDENTS}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.grade_check", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NN")
    options = parser.parse_args(arguments)
    status = 0
    with tempfile.TemporaryDirectory() as home:
        course = Path(home) / "course"
        for name in workbooks.make_course(course):
            if options.only and name[:2] not in options.only:
                continue
            nbgrader(course, "generate_assignment", name)
            hand_in(course, name)
            nbgrader(course, "autograde", name)
            nbgrader(course, "generate_feedback", name)
            found, due = scores(course, name), expected(name)
            status |= found != due
            said = ", ".join(f"{s} {found[s]:g} of {due[s]:g}" for s in STUDENTS)
            print(
                f"{name:26} {'ok' if found == due else 'NOT AS IT SHOULD BE'}: {said}", flush=True
            )
    return status


if __name__ == "__main__":
    sys.exit(main())
