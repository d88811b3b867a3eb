"""Answers to exercises, tried on small random cases: right, or wrong with a hint that fits.

A checker of a workbook hands over what the right answer is, and what each typical mistake gives on
the same case. An answer that equals a mistake's gets that mistake's hint. What the student's code
raises is told as a sentence with the line in which it happened.
"""

import linecache
import math
import traceback
from collections.abc import Callable, Iterable
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch

#: Relative error up to which an answer counts as right; cases are in float64.
WITHIN = 1e-6
#: Where 0 is right, rounding may leave this.
_ROUNDING = 1e-13


class _Sentence(Exception):
    """Shown in a notebook as its sentence alone, without the way through the checker."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class NotDone(_Sentence):
    """The exercise has no answer yet."""


class WrongAnswer(_Sentence, AssertionError):
    """The answer is wrong; the message holds a hint."""


class Case(NamedTuple):
    """One call of the student's function.

    Attributes:
        arguments: by position; the function gets copies.
        right: what it must return: a number, a tensor, a text, a list, or a tuple of these.
        mistakes: hint -> what a function with this mistake returns.
    """

    arguments: tuple
    right: Any
    mistakes: dict[str, Any] = {}  # noqa: RUF012


def check(
    function: Callable,
    cases: Iterable[Case],
    *,
    name: str,
    parts: tuple[str, ...] = (),
    without: Iterable[str] = (),
    within: float = WITHIN,
    through: Callable | None = None,
    told: Callable | None = None,
) -> None:
    """Say that ``function`` is right in every case, or raise with a hint.

    Args:
        function: the student's.
        cases: the first one should tell all mistakes apart.
        name: of the function in the workbook.
        parts: names of what a tuple returns, in order.
        without: names that the function may not use, such as ``backward``, beside everything from
            ``helpers``.
        within: largest relative error of a number or a tensor.
        through: called with the function and the arguments, where what matters is not what the
            function returns but what it does (a training step), or only up to a renaming.
        told: what is wrong with an answer that equals no known mistake: (got, right) -> sentence.

    Raises:
        NotDone: it is not written yet.
        WrongAnswer: it stops, returns nothing, or something else than it should.
    """
    if not callable(function):
        raise WrongAnswer(
            f"{name} is {_described(function)}, but the function itself is asked for: "
            f"`def {name}(…): …`."
        )
    borrowed = borrows(function, without)
    if borrowed:
        raise WrongAnswer(f"{name} uses `{borrowed}`, which does the work; write the lines out.")
    count = 0
    for case in cases:
        got = _called(function, name, case.arguments, through)
        _compare(name, got, case, parts, within, told)
        count += 1
    print(f"{name}: right in {count} {'case' if count == 1 else 'cases'}.")


def borrows(function: Callable, without: Iterable[str] = ()) -> str | None:
    """A name in ``function`` that comes from ``helpers`` or stands in ``without``, if there is one.

    Functions of the workbook that it calls are looked into as well.
    """
    without, seen = set(without), set()
    waiting = [function]
    while waiting:
        code = getattr(waiting[0], "__code__", None)
        known = getattr(waiting.pop(0), "__globals__", {})
        if code is None or code in seen:
            continue
        seen.add(code)
        for name in _names(code):
            used = known.get(name)
            home = used.__name__ if isinstance(used, ModuleType) else _home(used)
            if name in without or name == "helpers" or home.split(".")[0] == "helpers":
                return name
            if home == "__main__":
                waiting.append(used)
    return None


def _home(used) -> str:
    return getattr(used, "__module__", None) or "" if callable(used) else ""


def _names(code: CodeType) -> set[str]:
    inner = [_names(c) for c in code.co_consts if isinstance(c, CodeType)]
    words = {part for name in code.co_names for part in (name, name.split(".")[0])}
    return words.union(*inner)


def _called(function: Callable, name: str, arguments: tuple, through: Callable | None):
    given = [_copy(a) for a in arguments]
    try:
        got = through(function, *given) if through else function(*given)
    except NotImplementedError as error:
        raise NotDone(
            f"{name} is not written yet. Put your lines in place of `raise NotImplementedError`."
        ) from error
    except _Sentence:
        raise
    except Exception as error:
        raise WrongAnswer(_stopped(function, name, error)) from error
    for place, (before, after) in enumerate(zip(arguments, given, strict=True), start=1):
        if isinstance(before, torch.Tensor) and not torch.equal(before, after):
            raise WrongAnswer(
                f"{name} changes its argument number {place} in place. Make a new tensor instead "
                "(`a = a * b`, not `a *= b`): the caller still needs the old one."
            )
    if got is None:
        raise WrongAnswer(f"{name} returns nothing. Does it end with a `return`?")
    if got is Ellipsis or got is NotImplemented:
        raise NotDone(f"{name} is not written yet: it returns {got!r}.")
    return got


def _copy(value):
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_copy(v) for v in value)
    return dict(value) if isinstance(value, dict) else value


def _stopped(function: Callable, name: str, error: Exception) -> str:
    """Where in the student's own code an error was met, as a sentence."""
    here = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if here is not None and f.filename == here.co_filename]
    where = ""
    if own:
        line = own[-1].line or linecache.getline(own[-1].filename, own[-1].lineno)
        line = line.split("  #")[0].strip()
        where = f" in `{line}`" if line else f" in its line {own[-1].lineno}"
    said = (str(error).strip().splitlines() or ["no message"])[0]
    hint = ""
    if any(word in said for word in ("shape", "size", "dimension", "multipl")):
        hint = " Write the shape of each factor beside the line."
    elif isinstance(error, TypeError) and "positional argument" in said:
        hint = " Keep the arguments as they are given."
    return f"{name} stops{where}: {type(error).__name__}: {said}.{hint}"


def _compare(
    name: str, got, case: Case, parts: tuple[str, ...], within: float, told: Callable | None
) -> None:
    if equal(got, case.right, within):
        return
    for hint, mistaken in case.mistakes.items():
        if equal(got, mistaken, within):
            raise WrongAnswer(f"{name}: {hint}")
    said = told(got, case.right) if told else _difference(got, case.right, parts, within)
    raise WrongAnswer(f"{name}: {said}")


def equal(got, right, within: float = WITHIN) -> bool:
    """Whether two answers agree: tuples and lists part by part, numbers and tensors ``within``."""
    if isinstance(right, str | set | bool) or right is None:
        return type(got) is type(right) and got == right
    if isinstance(right, dict):
        return (
            isinstance(got, dict)
            and got.keys() == right.keys()
            and all(equal(got[k], right[k], within) for k in right)
        )
    if _is_sequence(right):
        return (
            _is_sequence(got)
            and len(got) == len(right)
            and all(equal(g, r, within) for g, r in zip(got, right, strict=True))
        )
    a, b = _tensor(got), _tensor(right)
    if a is None or b is None or a.shape != b.shape:
        return False
    if not torch.isfinite(a).all():
        return torch.allclose(a, b, rtol=within, equal_nan=True)
    size = max(a.norm().item(), b.norm().item())
    return (a - b).norm().item() <= within * size + _ROUNDING


def _is_sequence(value) -> bool:
    return isinstance(value, list | tuple)


def _tensor(value) -> torch.Tensor | None:
    """A number, array or tensor as float64, else ``None``."""
    if isinstance(value, torch.Tensor):
        return value.detach().to(torch.float64)
    if isinstance(value, bool | str | set | dict) or value is None:
        return None
    if isinstance(value, int | float | np.ndarray | np.number):
        return torch.as_tensor(np.asarray(value, dtype=float))
    return None


def _difference(got, right, parts: tuple[str, ...], within: float) -> str:
    """What is wrong with an answer that equals no known mistake."""
    if _is_sequence(right):
        if not _is_sequence(got):
            wanted = f"{len(right)} values"
            named = f" ({', '.join(parts)})" if parts else ""
            return f"{wanted}{named} are to be returned; this is {_described(got)}."
        if len(got) != len(right):
            named = f" ({', '.join(parts)})" if parts else ""
            return f"{len(right)} values{named} are to be returned, these are {len(got)}."
        for k, (g, r) in enumerate(zip(got, right, strict=True)):
            if not equal(g, r, within):
                part = parts[k] if k < len(parts) else f"value {k + 1} of {len(right)}"
                return f"{part}: {_difference(g, r, (), within)}"
    if isinstance(right, dict) and isinstance(got, dict):
        missing = [str(k) for k in right if k not in got]
        if missing:
            return f"in the dictionary {', '.join(missing)} is missing."
        for k, r in right.items():
            if not equal(got[k], r, within):
                return f"“{k}”: {_difference(got[k], r, (), within)}"
        return f"only the keys {', '.join(map(str, right))} are asked for."
    if isinstance(right, str | set | dict | bool):
        if type(got) is not type(right):
            return f"{_described(right)} is asked for; this is {_described(got)}."
        return f"not yet. It is {_short(got)} where {_short(right)} is right."
    a, b = _tensor(got), _tensor(right)
    if a is None:
        return f"{_described(right)} is asked for; this is {_described(got)}."
    if a.shape != b.shape:
        hint = ""
        if a.shape == b.shape[::-1]:
            hint = " It is the other way round: a transpose is missing or too much."
        return f"the shape is {tuple(a.shape)}, it should be {tuple(b.shape)}.{hint}"
    if not torch.isfinite(a).all():
        return "it holds NaN or infinity. Is something divided by zero, or a logarithm of zero?"
    ratio = a[b != 0] / b[b != 0]
    if a.numel() > 1 and ratio.numel() and (ratio - ratio.flatten()[0]).abs().max() < within:
        factor = ratio.flatten()[0].item()
        if factor < 0 and math.isclose(factor, -1, abs_tol=within):
            return "right but for the sign."
        return f"right but for a factor: everything is {factor:.4g} times what it should be."
    k = int((a - b).abs().argmax())
    where = f"Where it is furthest off, entry {_index(k, a.shape)}, it" if a.dim() else "It"
    return f"not yet. {where} is {a.flatten()[k]:.4g} and should be {b.flatten()[k]:.4g}."


def _index(k: int, shape) -> str:
    return str(tuple(int(i) for i in np.unravel_index(k, shape)))


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _described(value) -> str:
    if isinstance(value, torch.Tensor | np.ndarray) and value.ndim:
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, bool):
        return "True or False"
    if isinstance(value, int | float | torch.Tensor | np.number | np.ndarray):
        return "a number"
    if value is None:
        return "nothing (None)"
    kinds = {str: "text", tuple: "a tuple", list: "a list", dict: "a dictionary", set: "a set"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def slope(f: Callable, x: torch.Tensor, step: float = 1e-6) -> torch.Tensor:
    """The derivative of a number by each entry of ``x``, by central differences."""
    found = torch.zeros_like(x)
    for k in range(x.numel()):
        moved = torch.zeros_like(x).flatten()
        moved[k] = step
        moved = moved.view_as(x)
        found.view(-1)[k] = (f(x + moved) - f(x - moved)) / (2 * step)
    return found
