"""``python -m helpers.bench``: what the series costs, and how it compares.

Ratios are measured side by side in one run, as medians over repeats; the machine is named. Close
everything else first: these rows mean nothing beside a training.
"""

import argparse
import importlib
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from helpers.processes import command, leave_home_alone
from helpers.timing import Row, as_table, every_core_busy, side_by_side

_WINGS = sorted(path.parent.name for path in Path(__file__).parent.glob("*/bench.py"))
#: Group -> the module that yields its rows: this one, and the ``bench`` of each wing that has one.
GROUPS = {"series": "helpers.bench", **{wing: f"helpers.{wing}.bench" for wing in _WINGS}}


def rows() -> Iterator[Row]:
    """Import of ``helpers``, and Run All of every notebook: alone, and with every core busy."""
    from helpers.run import run_series, select

    (seconds,) = side_by_side(
        lambda: subprocess.run([sys.executable, "-c", "import helpers"], check=True), repeats=5
    )
    (bare,) = side_by_side(
        lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), repeats=5
    )
    yield Row("import helpers", seconds - bare, aim="under 0.2 s", note="beyond Python's own start")
    for notebook in select([]):
        with tempfile.TemporaryDirectory() as folder:
            (alone,) = run_series([notebook], Path(folder), parameters={"profile": "quick"})
            with every_core_busy():
                (busy,) = run_series([notebook], Path(folder), parameters={"profile": "quick"})
        yield Row(f"Run All {alone.notebook}", alone.seconds, aim="under 60 s", note=alone.error)
        yield Row(
            f"Run All {busy.notebook}, every core busy elsewhere",
            busy.seconds,
            aim="at most 2.5 times alone",
            note=busy.error or f"{busy.seconds / alone.seconds:.2f} times alone",
        )


def machine() -> str:
    """The machine in one line."""
    import torch

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    return (
        f"{name}, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"torch {torch.__version__.split('+')[0]}"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=GROUPS, default=[], metavar="GROUP")
    options = parser.parse_args(arguments)
    leave_home_alone()
    print(machine())
    found = []
    for group in options.only or GROUPS:
        for row in importlib.import_module(GROUPS[group]).rows():
            found.append(row)
            print(f"  {row.as_line()}", flush=True)
    print("\n" + as_table(found))
    return 0


if __name__ == "__main__":
    command("helpers.bench", main)
