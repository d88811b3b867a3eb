"""Cycles: where a text begins to repeat itself to its end."""

from typing import NamedTuple


class Cycle(NamedTuple):
    """From ``start`` on every character equals the one ``period`` characters later."""

    start: int
    period: int


def find_cycle(text: str, rounds: int = 2) -> Cycle | None:
    """The shortest cycle in which ``text`` ends, if it is passed at least ``rounds`` times."""
    for period in range(1, len(text) // rounds + 1):
        start = len(text) - period
        while start > 0 and text[start - 1] == text[start - 1 + period]:
            start -= 1
        if len(text) - start >= rounds * period:
            return Cycle(start, period)
    return None
