"""Measuring side by side: medians over repeats, ratios from one run."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from helpers.runtime import cores


@dataclass
class Row:
    """One line of the table of ``make bench``.

    Attributes:
        name: what is measured.
        ours, reference: seconds, or another quantity whose unit ``unit`` names.
        aim: what the ratio should reach, as a text; "" where there is none.
        note: anything else a reader needs.
    """

    name: str
    ours: float
    reference: float | None = None
    unit: str = "s"
    aim: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """reference / ours: how many times faster ours is."""
        return self.reference / self.ours if self.reference is not None else None

    def as_line(self) -> str:
        """The row for whoever waits for the table: what was measured, the ratio and its aim."""
        parts = [f"{self.ours:.4g} {self.unit}"]
        parts += [] if self.ratio is None else [f"{self.ratio:.2f} times as fast"]
        parts += [f"aim {self.aim}"] if self.aim else []
        return f"{self.name}: " + ", ".join(parts + ([self.note] if self.note else []))


def side_by_side(
    *functions: Callable[[], object], repeats: int = 5, warm_up: int = 1
) -> tuple[float, ...]:
    """Median seconds of each function, called in turn so that all meet the same machine."""
    times = [[] for _ in functions]
    for round_number in range(warm_up + repeats):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            if round_number >= warm_up:
                taken.append(time.perf_counter() - start)
    return tuple(statistics.median(taken) for taken in times)


#: What a busy core does: nothing of use, for a bounded time, and not without whoever asked for it.
_LOOP = """
import os, sys, time
end, parent = time.monotonic() + float(sys.argv[1]), os.getppid()
while time.monotonic() < end and os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def every_core_busy(at_most_s: float = 600.0) -> Iterator[None]:
    """Inside, another process keeps each core that this one may use busy, as programs would."""
    command = [sys.executable, "-c", _LOOP, str(at_most_s)]
    loops = [subprocess.Popen(command) for _ in range(cores())]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def as_table(rows: list[Row]) -> str:
    """Rows as aligned text."""
    header = ("what", "ours", "reference", "ratio", "aim", "note")
    lines = [header]
    for row in rows:
        lines.append(
            (
                row.name,
                f"{row.ours:.4g} {row.unit}",
                "" if row.reference is None else f"{row.reference:.4g} {row.unit}",
                "" if row.ratio is None else f"{row.ratio:.2f}",
                row.aim,
                row.note,
            )
        )
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    texts = [
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([texts[0], "  ".join("─" * w for w in widths), *texts[1:]])
