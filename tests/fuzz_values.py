"""Wrong arguments for ``tests.fuzz``: anything for anything, and what a notebook passes, amiss."""

import collections
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hypothesis import strategies as st

from helpers import checks

HUGE = 10**12
_OBJECTS = st.sampled_from([object(), int, print, ..., 1j, NotImplemented, Path, range(3), b"\0"])
_ODD = st.one_of(
    _OBJECTS,
    st.binary(max_size=5),
    st.lists(st.lists(st.integers(), max_size=2), max_size=3),
    st.sets(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.complex_numbers(allow_subnormal=False),
    st.builds(lambda n: (k for k in range(n)), st.integers(0, 3)),
)
_NUMBERS = st.one_of(
    st.integers(-HUGE, HUGE),
    st.floats(allow_subnormal=False),
    st.sampled_from([0, -1, HUGE, -HUGE, 10**400, 1e300, True, False, np.float64("nan")]),
)
_TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["", "nan", "\0", "ä😀", "../..", "a" * 9999])
)
_ARRAYS = st.one_of(
    st.builds(np.zeros, st.sampled_from([(), (0,), (2,), (2, 3), (1, 1, 1)])),
    st.builds(lambda d: np.array([1, 2]).astype(d), st.sampled_from(["O", "U", "M8[s]", "c16"])),
    st.sampled_from([pd.DataFrame(), pd.DataFrame({"a": [1]}), pd.Series([1, 2], dtype=object)]),
)
_TENSORS = st.builds(
    lambda shape, dtype: torch.ones(shape).to(dtype),
    st.lists(st.integers(0, 4), max_size=4),
    st.sampled_from([torch.float32, torch.float64, torch.float16, torch.int64, torch.bool,
                     torch.complex64, torch.uint8]),
)  # fmt: skip
_NOT_NAN = torch.tensor([1.0, 2.0])
_DEAD_TENSORS = st.sampled_from(
    [_NOT_NAN.to("meta"), _NOT_NAN.to_sparse(), torch.tensor([]), torch.tensor(float("nan")),
     torch.tensor([1.0, float("inf")])]
)  # fmt: skip
_EVERYTHING = st.one_of(st.none(), _NUMBERS, _TEXTS, _ODD, _ARRAYS, _TENSORS)


def wrong(hint, value, name: str) -> st.SearchStrategy:
    """Values for an argument that holds ``value`` in the valid call, each with whether it is
    certainly wrong by the argument's annotation.
    """
    anything = st.one_of(_EVERYTHING, _DEAD_TENSORS)
    near = st.one_of(_near(value)) if _near(value) else anything
    # As often the one as the other, whatever either is made of.
    drawn = st.booleans().flatmap(lambda is_near: near if is_near else anything)
    return drawn.map(lambda new: (new, certainly_wrong(hint, new, name)))


def _near(value) -> list[st.SearchStrategy]:
    """Mutations of what the notebook passes: of the right type, and with something amiss."""
    if isinstance(value, torch.Tensor) and value.numel():
        plain = value.detach()
        real = plain.is_floating_point()
        changed = [plain.flatten()[:0], plain.unsqueeze(0), plain.flatten(), plain.to("meta")]
        changed += [plain.double(), plain.long() if real else plain.float()]
        changed += [~plain if plain.dtype == torch.bool else torch.full_like(plain, 10**6)]
        changed += [plain[:1]] if plain.dim() else []
        if real:
            changed += [torch.full_like(plain, bad) for bad in (float("nan"), float("inf"))]
            changed += [plain.half(), plain.to(torch.complex64), plain * 1e30, -plain]
        return [st.sampled_from(changed)]
    if isinstance(value, pd.DataFrame) and len(value.columns):
        return [
            st.sampled_from(list(value.columns)).map(lambda c: value.drop(columns=c)),
            st.sampled_from(list(value.columns)).map(lambda c: value.assign(**{str(c): "x"})),
            st.sampled_from(list(value.columns)).map(lambda c: value.assign(**{str(c): np.nan})),
            st.just(value.iloc[:0]),
            st.just(value.iloc[:1]),
        ]
    if isinstance(value, Mapping):
        items = list(value.items())
        return [
            st.just({}),
            _EVERYTHING.map(lambda new: {**value, (items[0][0] if items else "a"): new}),
            _EVERYTHING.filter(_hashable).map(
                lambda new: {**value, new: items[0][1] if items else 1}
            ),
        ]
    if isinstance(value, list | tuple):
        kind = list if isinstance(value, list) else tuple
        return [
            st.just(kind(value)[:0]),
            st.just(kind(value)[:1]),
            _EVERYTHING.map(lambda new: kind([new, *value[1:]])),
            st.just(set(map(str, value))),
            st.just(k for k in value),
        ]
    if isinstance(value, str):
        return [_TEXTS.map(lambda new: value + new), st.just(value.upper()), st.just(Path(value))]
    if isinstance(value, bool):
        return [st.sampled_from([0, 1, "True", None])]
    if isinstance(value, int):
        return [
            st.integers(-3, 3).map(lambda k: value + k),
            st.just(float(value)),
            st.just(str(value)),
        ]
    if isinstance(value, float):
        return [st.sampled_from([-value, 0.0, value * 1e30, 1.0, 1e-30, torch.tensor(value)])]
    return []


def _hashable(value) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _is_numbers(value) -> bool:
    """Of NumPy or pandas: a tensor could be made of it."""
    return getattr(getattr(value, "dtype", None), "kind", "") in tuple("biuf")


def certainly_wrong(hint, value, name: str) -> bool:
    """Whether an argument so annotated cannot be ``value``; written apart from the checks."""
    if hint is None or hint is typing.Any or isinstance(hint, str | typing.TypeVar):
        return False
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    number = hint in (int, float, bool) or inside[:1] == (int,)
    if number and getattr(value, "ndim", None) == 0:  # a scalar of NumPy or torch is its number
        if isinstance(value, torch.Tensor) and (value.is_sparse or value.device.type == "meta"):
            return True
        value = value.item()
    if origin is typing.Annotated:
        if checks.UNCHECKED in inside:
            return not isinstance(value, inside[0])
        if checks.UNBOUNDED in inside:
            if inside[0] is not int:
                if _is_numbers(value):
                    return False
                return not isinstance(value, inside[0]) or value.is_complex()
            return isinstance(value, bool) or not isinstance(value, int | np.integer)
        return certainly_wrong(inside[0], value, name)
    if origin in (typing.Union, types.UnionType):
        return all(certainly_wrong(part, value, name) for part in inside)
    if hint is types.NoneType:
        return value is not None
    if hint is bool:
        return not isinstance(value, bool | np.bool_)
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            return True
        return value < 0 or (value >= HUGE and name != "seed") or value >= 2**63
    if hint is float:
        plain = isinstance(value, int | float | np.integer | np.floating)
        return isinstance(value, bool) or not plain or not abs(value) <= sys.float_info.max
    if hint is str:
        return not isinstance(value, str)
    if hint is Path:
        return not isinstance(value, str | Path) or not str(value)
    if hint is torch.Tensor:
        if _is_numbers(value):
            return False
        if not isinstance(value, torch.Tensor) or value.is_sparse or value.device.type == "meta":
            return True
        if value.is_complex():
            return True
        return not bool(value.isfinite().all())
    if hint is pd.DataFrame:
        return not isinstance(value, pd.DataFrame)
    if origin is type:
        return not isinstance(value, type)
    if hint is Callable or origin is Callable:
        return not callable(value)
    if origin is not None and issubclass(origin, Mapping | dict):
        if not isinstance(value, Mapping | pd.Series | pd.DataFrame):
            return True
        return any(
            certainly_wrong(inside[0], k, "") or certainly_wrong(inside[1], v, "")
            for k, v in value.items()
        )
    if origin is not None and issubclass(origin, collections.abc.Iterable):
        if isinstance(value, str | bytes) or not isinstance(value, collections.abc.Iterable):
            return True
        if isinstance(value, Iterator):
            return origin is not collections.abc.Iterable
        if not isinstance(value, list | tuple):
            return isinstance(value, set) and origin is not collections.abc.Iterable
        items = inside[:1] * len(value) if origin is not tuple or ... in inside else inside
        return len(items) != len(value) or any(
            certainly_wrong(item, one, "") for item, one in zip(items, value, strict=True)
        )  # fmt: skip
    if hint is collections.abc.Sequence and getattr(value, "ndim", None) == 1:
        return False  # a row of values
    if hint is np.ndarray:  # of a tensor or a list one could be made, and most of them are not read
        return not (isinstance(value, list | tuple | range) or hasattr(value, "dtype"))
    return isinstance(hint, type) and not isinstance(value, hint)
