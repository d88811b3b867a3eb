"""``python -m helpers.exercises``: make the students' workbooks, or a course folder for "
"nbgrader."""

import argparse
import sys
from pathlib import Path

from helpers.exercises import workbooks
from helpers.processes import command


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.exercises",
        description="Make notebooks/exercises/ from notebooks/solutions/.",
    )
    parser.add_argument(
        "--course", metavar="DIR", help="write a course folder for nbgrader there instead"
    )
    options = parser.parse_args(arguments)
    try:
        if options.course:
            names = workbooks.make_course(Path(options.course))
            print(f"{options.course}: {len(names)} assignments. Next, in that folder:")
            print(f"nbgrader generate_assignment {names[0]}")
        else:
            for name, changed in workbooks.make_exercises().items():
                print(f"{name:30} {'updated' if changed else 'unchanged'}")
    except ModuleNotFoundError as error:
        print(f"helpers.exercises: {error}; pip install 'nbgrader>=0.9.5'", file=sys.stderr)
        return 2
    except FileExistsError as error:
        print(f"helpers.exercises: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    command("helpers.exercises", main)
