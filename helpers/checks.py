"""Bad input gets a sentence: validators that raise ``ValueError`` saying what is accepted.

Each takes the name under which the caller knows the value, and returns the value in a clean type.
"""

import math
import numbers
from collections.abc import Iterable, Sequence


def integer(name: str, value, minimum: int | None = None, maximum: int | None = None) -> int:
    """``value`` as an ``int`` between ``minimum`` and ``maximum``, both included."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return _in_range(name, int(value), minimum, maximum)


def number(name: str, value, minimum: float | None = None, maximum: float | None = None) -> float:
    """``value`` as a finite ``float`` between ``minimum`` and ``maximum``, both included."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return _in_range(name, float(value), minimum, maximum)


def positive(name: str, value) -> float:
    """``value`` as a finite ``float`` above 0."""
    if number(name, value) <= 0:
        raise ValueError(f"{name} must be above 0, got {value!r}")
    return float(value)


def boolean(name: str, value) -> bool:
    """``value`` if it is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def integers(name: str, values, minimum: int | None = None) -> list[int]:
    """``values`` as a non-empty list of ``int``."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a list of whole numbers, got {values!r}")
    checked = [integer(f"{name}[{i}]", value, minimum) for i, value in enumerate(values)]
    if not checked:
        raise ValueError(f"{name} must hold at least one whole number, got an empty list")
    return checked


def choice(name: str, value, options: Sequence):
    """``value`` if it is one of ``options``."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}; got {value!r}")
    return value


def text(name: str, value) -> str:
    """``value`` if it is a string with at least one character."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text of at least one character, got {value!r}")
    return value


def _in_range(name, value, minimum, maximum):
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {value}")
    return value
