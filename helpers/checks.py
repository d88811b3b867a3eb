"""Bad input gets a sentence: validators that raise ``ValueError`` saying what is accepted.

Each takes the name under which the caller knows the value, and returns the value in a clean type.
"""

import functools
import numbers
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import psutil

try:
    import resource
except ImportError:  # Windows
    resource = None

#: An argument that is no count, and has no bounds (:mod:`helpers.boundary`).
UNBOUNDED = "unbounded"
#: An argument that is checked for its class alone.
UNCHECKED = "unchecked"
AnyInt = Annotated[int, UNBOUNDED]
#: Scores of what is ruled out are minus infinity, and what diverges ends at infinity or NaN.
AnyTensor = Annotated["torch.Tensor", UNBOUNDED]  # noqa: F821

#: The largest number that float32 holds, and the largest seed that torch takes.
LARGEST, LARGEST_SEED = 3.4e38, 2**63 - 1


def integer(name: str, value, minimum: AnyInt | None = None, maximum: AnyInt | None = None) -> int:
    """``value`` as an ``int`` between ``minimum`` and ``maximum``, both included."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ValueError(f"{name} must be a whole number, got {shown(value)}")
    whole = _in_range(name, int(value), minimum, maximum)
    if abs(whole) > LARGEST_SEED:
        raise ValueError(f"{name} must be a whole number of at most 64 bits, got {shown(value)}")
    return whole


def number(name: str, value, minimum=None, maximum=None) -> float:
    """``value`` as a finite ``float`` between ``minimum`` and ``maximum``, both included.

    Args:
        minimum, maximum: numbers, which may be infinite.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not abs(value) <= sys.float_info.max:  # NaN is not, either
        raise ValueError(f"{name} must be a finite number, got {shown(value)}")
    return _in_range(name, float(value), minimum, maximum)


def positive(name: str, value) -> float:
    """``value`` as a ``float`` above 0 that float32 holds."""
    if number(name, value, maximum=LARGEST) <= 0:
        raise ValueError(f"{name} must be above 0, got {shown(value)}")
    return float(value)


def boolean(name: str, value) -> bool:
    """``value`` as a ``bool``, if it is True or False, Python's or NumPy's."""
    kind = type(value)  # NumPy need not be imported to know its own
    if not isinstance(value, bool) and (kind.__module__ != "numpy" or "bool" not in kind.__name__):
        raise ValueError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def seed(name: str, value) -> int:
    """``value`` as an ``int`` that every generator takes."""
    return integer(name, value, minimum=0, maximum=LARGEST_SEED)


def integers(name: str, values, minimum: AnyInt | None = None) -> list[int]:
    """``values`` as a non-empty list of ``int``."""
    if getattr(values, "ndim", 0) == 1 and hasattr(values, "tolist"):
        values = tensor(name, values).tolist()
    one = getattr(values, "ndim", 1) == 0
    if one or isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a list of whole numbers, got {shown(values)}")
    checked = [integer(f"{name}[{i}]", value, minimum) for i, value in enumerate(values)]
    if not checked:
        raise ValueError(f"{name} must hold at least one whole number, got an empty list")
    return checked


def items(name: str, values) -> Sequence:
    """``values`` if they are a list or a tuple."""
    if not isinstance(values, list | tuple):
        raise ValueError(f"{name} must be a list or a tuple, got {shown(values)}")
    return values


def tensor(name: str, value, dtype=None):
    """A tensor, an array, a number or nested lists of numbers, as a dense tensor of real ones."""
    import torch  # where it is asked for, it is there

    try:
        found = torch.as_tensor(value, dtype=dtype)
    except Exception as error:  # of nine kinds, by what was passed
        raise ValueError(f"{name} must be numbers, got {shown(value)}") from error
    if found.is_sparse or found.is_complex() or without_data(found):
        raise ValueError(f"{name} must be a dense tensor of real numbers, got {shown(value)}")
    return found


def is_square(matrix) -> bool:
    """Whether a tensor is a square matrix."""
    return matrix.dim() == 2 and matrix.shape[0] == matrix.shape[1]


def square(name: str, matrix):
    """``matrix`` if it is square, and not empty."""
    if not is_square(matrix) or not matrix.numel():
        raise ValueError(f"{name} must be a square matrix, got {shown(matrix)}")
    return matrix


def is_symmetric(matrix) -> bool:
    """Whether a tensor is a symmetric matrix, but for rounding."""
    return is_square(matrix) and matrix.allclose(matrix.T)


def without_data(value) -> bool:
    """Whether a tensor has a shape and no numbers; of a class derived from it, it is not known."""
    import torch

    return value.device.type == "meta" and type(value) in (torch.Tensor, torch.nn.Parameter)


def choice(name: str, value, options: Sequence):
    """``value`` if it is one of ``options``."""
    # The type counts: True is no 1, and a tensor would be compared element by element.
    if not any(_same_kind(value, option) and value == option for option in options):
        known = ", ".join(map(repr, options))
        raise ValueError(f"{name} must be one of {known}; got {shown(value)}")
    return value


def text(name: str, value) -> str:
    """``value`` if it is a string with at least one character."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text of at least one character, got {shown(value)}")
    return value


def fits(count: AnyInt, /, **sizes: AnyInt) -> None:
    """Refuse sizes that would need more than all memory of this machine.

    Args:
        count: how many numbers of four bytes they need, at the least.
        sizes: by the names under which the caller knows them.
    """
    needed, there = 4 * count, memory_of_machine()
    if needed > there:
        said = " and ".join(f"{name} = {shown(size)}" for name, size in sizes.items())
        raise ValueError(
            f"{said} would need at least {_gigabytes(needed)} of memory; "
            f"this machine has {_gigabytes(there)}"
        )


def memory_of_machine() -> int:
    """Bytes that this process may hold: all of the machine, or the limit that was set for it."""
    there = _built_in()
    if resource is not None:
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        there = there if limit == resource.RLIM_INFINITY else min(there, limit)
    return there


@functools.cache
def _built_in() -> int:
    return psutil.virtual_memory().total


def shown(value, width: int = 120) -> str:
    """A value as a message shows it: its ``repr``, cut where it is long; the shape of an array."""
    if isinstance(value, int) and abs(value) >= 10**width:  # Python refuses to print the longest
        return f"a whole number of {value.bit_length():,} bits"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000:
        return f"{value:,}"
    if hasattr(value, "shape") and (hasattr(value, "dtype") or hasattr(value, "columns")):
        of = f" and {value.dtype}" if hasattr(value, "dtype") else ""
        return f"{type(value).__name__} of shape {tuple(value.shape)}{of}"
    try:
        said = repr(value)
    except Exception:  # of any object that somebody passes
        said = f"an object of type {type(value).__name__}"
    said = " ".join(said.split()) if "\n" in said else said
    return said if len(said) <= width else f"{said[:width]}…"


def _same_kind(value, option) -> bool:
    return isinstance(value, type(option)) and isinstance(value, bool) == isinstance(option, bool)


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:,.3g} GB" if count < 10**300 else "more than 10²⁹⁰ GB"


def _in_range(name, value, minimum, maximum):
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {shown(value)}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {shown(value)}")
    return value
