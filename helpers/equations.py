"""Numbered equations that are run: both sides computed, compared, and said to hold.

A notebook displays an equation with ``\\tag{3}`` and runs it in a cell below, with
``holds("3", left, right)``. The two sides come from different code: a claim that is compared with
itself cannot fail. A test refuses a ``\\tag`` without such a call, and the nbval run disturbs each
side of each call, which must then fail (``tests/nbval_disturb.py``).
"""

from typing import NamedTuple

import torch
from IPython.display import Markdown, display

from helpers import checks
from helpers.foreign import without_tags

#: What a side is moved by, relative to its size, when a test disturbs it.
DISTURBANCE = 1e-3


#: Relative differences below this are rounding, which is another on another machine.
ROUNDING = 1e-13


class Held(NamedTuple):
    """An equation that was found to hold: what a test needs to disturb it."""

    number: str
    left: torch.Tensor
    right: torch.Tensor
    relation: str
    within: float


#: The equations that this kernel has run, in order.
HELD: list[Held] = []


def holds(number: str, left, right, relation: str = "=", within: float = 1e-10) -> None:
    """Say in one line that equation ``(number)`` holds on what is given, and by how much.

    Args:
        number: as in the equation's ``\\tag``.
        left, right: its sides: numbers, arrays, tensors, or nested lists of numbers.
        relation: "=", "<=" (elementwise, with ``within`` to spare) or "<".
        within: the largest relative error: norm of left - right over the larger of both norms.

    Raises:
        AssertionError: it does not hold; the message says by how much.
        ValueError: sides of different shapes, empty, not finite, or an unknown relation.
    """
    a, b = _side("left", number, left), _side("right", number, right)
    if a.shape != b.shape:
        raise ValueError(
            f"equation ({number}): the left side has shape {tuple(a.shape)}, "
            f"the right side {tuple(b.shape)}"
        )
    if relation == "=":
        error = relative_difference(a, b)
        if error > within:
            raise AssertionError(
                f"equation ({number}) does not hold: its sides differ by {error:.1e}, "
                f"more than {within:.0e}"
            )
        said = f"to better than {ROUNDING:.0e}" if error < ROUNDING else f"to {error:.0e}"
        text = f"({number}) holds: both sides agree {said}."
    elif relation in ("<=", "<"):
        room = b - a
        spare = within * torch.maximum(a.abs(), b.abs())
        if not (room > 0 if relation == "<" else room >= -spare).all():
            raise AssertionError(
                f"equation ({number}) does not hold: its left side is greater than the right, "
                f"by up to {-room.min():.1e}"
            )
        sides = f" in all {a.numel()} cases" if a.numel() > 1 else ""
        text = f"({number}) holds{sides}: {_bound(a, b)}."
    else:
        raise ValueError(f"relation must be '=', '<=' or '<', got {relation!r}")
    HELD.append(Held(number, a, b, relation, within))
    display(Markdown(f"<small>✓ {text}</small>"))


def defines(number: str, name: str, value) -> None:
    """Show a number that the definition ``(number)`` defines, for the small case at hand.

    For equations that are true by definition. What can be computed in two ways goes to
    :func:`holds`.

    Args:
        number: as in the equation's ``\\tag``.
        name: what the number is, in words or as a formula between dollars.
        value: a number, or a few.

    Raises:
        ValueError: nothing to show, or not finite.
    """
    side = _side("value", number, value)
    numbers = ", ".join(f"{v:.4g}" for v in side.flatten()[:8].tolist())
    more = " …" if side.numel() > 8 else ""
    display(Markdown(f"<small>✓ ({number}) defines {without_tags(name)} = {numbers}{more}</small>"))


def relative_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """||a - b|| / max(||a||, ||b||); zero if both are zero."""
    size = max(a.norm().item(), b.norm().item())
    return 0.0 if size == 0 else (a - b).norm().item() / size


def survives_disturbance(held: Held) -> list[str]:
    """The sides of an equation that may be moved by :data:`DISTURBANCE` without being noticed.

    Of an inequality: whether it would also hold the other way round.
    """
    a, b = held.left, held.right
    if held.relation == "=":
        moved = {"left": (a * (1 + DISTURBANCE), b), "right": (a, b * (1 + DISTURBANCE))}
        return [k for k, sides in moved.items() if relative_difference(*sides) <= held.within]
    return ["sides exchanged"] if (b <= a).all() else []


def _side(name: str, number: str, value) -> torch.Tensor:
    called = f"equation ({number}): {name}"
    if isinstance(value, list | tuple) and any(isinstance(v, torch.Tensor) for v in value):
        parts = [checks.tensor(called, v, torch.float64) for v in value]
        value = torch.cat([part.flatten() for part in parts])
    side = checks.tensor(called, value, torch.float64).detach()
    if side.numel() == 0:
        raise ValueError(f"equation ({number}): {name} is empty")
    if not torch.isfinite(side).all():
        raise ValueError(f"equation ({number}): {name} is not finite")
    return side


def _bound(a: torch.Tensor, b: torch.Tensor) -> str:
    k = int((b - a).argmin())
    tightest = " at its tightest" if a.numel() > 1 else ""
    return f"{a.flatten()[k]:.4g} against {b.flatten()[k]:.4g}{tightest}"
