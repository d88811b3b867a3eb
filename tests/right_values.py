"""Other values that mean the same: what a reader may write in the place of an argument."""

import collections
import enum
import functools
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch


class Text(str):
    """A reader's own kind of text."""


class Count(int):
    """A reader's own kind of number."""


class Frame(pd.DataFrame):
    """A reader's own kind of table."""

    @property
    def _constructor(self):
        return Frame


class Where:
    """Something with a path, as what other libraries return."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


class Applied:
    """An object that can be called; its method is a function too."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)


class AsModule(torch.nn.Module):
    """A function as a module of torch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args, **kwargs):
        return self.function(*args, **kwargs)


class Other(NamedTuple):
    """Another value for an argument: what it is, and how it is made for each call."""

    said: str
    make: Callable[[], object]


def others(value) -> list[Other]:
    """Values of other kinds that mean the same as ``value``."""
    for kind, found in _OTHERS.items():
        if isinstance(value, kind):
            return [Other(said, make) for said, make in found(value).items()]
    return []


def _of_bool(value):
    return {"np.bool_": lambda: np.bool_(value), "tensor": lambda: torch.tensor(value)}


def _of_int(value):
    return {
        "np.int64": lambda: np.int64(value),
        "tensor": lambda: torch.tensor(value),
        "array without dimension": lambda: np.array(value),
        "item of a column": lambda: pd.Series([value]).iloc[0],
        "own kind": lambda: Count(value),
        "IntEnum": lambda: enum.IntEnum("Chosen", {"IT": value}).IT,
    }


def _of_float(value):
    found = {
        "np.float64": lambda: np.float64(value),
        "np.float32": lambda: np.float32(value),
        "tensor": lambda: torch.tensor(value, dtype=torch.float64),
        "array without dimension": lambda: np.array(value),
        "item of a column": lambda: pd.Series([value]).iloc[0],
    }
    return found | ({"int": lambda: int(value)} if value == int(value) else {})


def _of_str(value):
    found = {"own kind": lambda: Text(value), "np.str_": lambda: np.str_(value)}
    found["StrEnum"] = lambda: enum.StrEnum("Chosen", {"IT": value}).IT
    return found | ({"device": lambda: torch.device(value)} if value == "cpu" else {})


def _of_path(value):
    return {"text": lambda: str(value), "own kind": lambda: Where(value)}


def _of_tensor(value):
    plain = value.detach()
    found = {
        "not contiguous": lambda: torch.stack([plain, plain], -1)[..., 0],
        "expanded": lambda: plain.expand(1, *plain.shape)[0],
        "array": lambda: plain.numpy().copy(),
        "own kind": lambda: plain.as_subclass(type("Mine", (torch.Tensor,), {})),
    }
    if plain.is_floating_point():
        found["with a gradient"] = lambda: plain.clone().requires_grad_()
        found["parameter"] = lambda: torch.nn.Parameter(plain.clone())
    if plain.is_floating_point() and plain.dim() == 1:
        found["column"] = lambda: pd.Series(plain.numpy(), index=range(5, 5 + len(plain)))
    return found


def _of_frame(value):
    return {
        "own kind": lambda: Frame(value),
        "one column more": lambda: value.assign(remark="x"),
        "columns in another order": lambda: value[list(value.columns)[::-1]],
        "filtered": lambda: pd.concat([value.iloc[:1], value])[1:],
        "other index": lambda: value.set_axis(range(7, 7 + len(value))),
    }


def _of_list(value):
    found = {
        "list": lambda: list(value),
        "tuple": lambda: tuple(value),
        "deque": lambda: collections.deque(value),
        "UserList": lambda: collections.UserList(value),
        "values of a dictionary": lambda: dict(enumerate(value)).values(),
    }
    if value and all(type(one) in (int, float) for one in value):
        found["array"] = lambda: np.array(value)
        found["tensor"] = lambda: torch.tensor(value)
        found["column"] = lambda: pd.Series(value, index=range(3, 3 + len(value)))
        found["index"] = lambda: pd.Index(value)
        found["numbers of NumPy"] = lambda: list(np.array(value))
    if value and all(isinstance(one, str) for one in value):
        found["keys of a dictionary"] = lambda: dict.fromkeys(value).keys()
        found["column"] = lambda: pd.Series(value)
        found["index"] = lambda: pd.Index(value)
        found["array"] = lambda: np.array(value)
        found["own kinds"] = lambda: [Text(one) for one in value]
    if value and all(isinstance(one, torch.Tensor) for one in value):
        found["arrays"] = lambda: [one.detach().numpy() for one in value]
        if len({one.shape for one in value}) == 1:
            found["one tensor"] = lambda: torch.stack([*value])
        if all(one.is_floating_point() for one in value):
            found["parameters"] = lambda: torch.nn.ParameterList(value)
    if value and all(isinstance(one, tuple) for one in value):
        found["lists"] = lambda: [list(one) for one in value]
    return found


def _of_dict(value):
    found = {
        "OrderedDict": lambda: collections.OrderedDict(value),
        "defaultdict": lambda: collections.defaultdict(list, value),
        "read only": lambda: types.MappingProxyType(value),
        "UserDict": lambda: collections.UserDict(value),
        "ChainMap": lambda: collections.ChainMap(value),
    }
    if value and all(isinstance(key, str) for key in value):
        found["own keys"] = lambda: {Text(key): one for key, one in value.items()}
    if value and all(type(one) is float for one in value.values()):
        found["column"] = lambda: pd.Series(value)
    if value and all(isinstance(one, torch.Tensor) for one in value.values()):
        found["arrays"] = lambda: {key: one.detach().numpy() for key, one in value.items()}
        found["parameters"] = lambda: {
            key: torch.nn.Parameter(one) if one.is_floating_point() else one
            for key, one in value.items()
        }
    return found


def _of_class(value):
    found = {"own kind": lambda: type("Mine", (value,), {})}
    return found | {"with options": lambda: functools.partial(value)}


def _of_function(value):
    return {
        "partial": lambda: functools.partial(value),
        "lambda": lambda: lambda *args, **kwargs: value(*args, **kwargs),
        "object": lambda: Applied(value),
        "method": lambda: Applied(value).__call__,
        "module": lambda: AsModule(value),
    }


_OTHERS = {
    bool: _of_bool,
    int: _of_int,
    float: _of_float,
    str: _of_str,
    Path: _of_path,
    torch.Tensor: _of_tensor,
    pd.DataFrame: _of_frame,
    (torch.nn.Module, torch.Generator): lambda value: {},
    (range, list, tuple): _of_list,
    Mapping: _of_dict,
    type: _of_class,
    Callable: _of_function,
}
