"""What an annotation of the package means: the check of the arguments that carry it.

==================  ==============================================================================
``int``             a whole number that is not negative: a count that memory can hold and that a
                    reader lives to see, or a seed where the argument is called so
``float``           a finite number
``Tensor``          of torch, or an array of NumPy, which is made one: finite real numbers, dense
``Annotated[int, UNBOUNDED]``, or of a tensor: any whole number, any dense tensor of real ones
``Annotated[Tensor, UNCHECKED]``: any tensor, sparse or complex too
``list[int]``       and other collections: of that kind, with such elements
``Path``            a path, or a text that is made one
==================  ==============================================================================
"""

import collections.abc
import functools
import inspect
import itertools
import os
import types
import typing
from collections.abc import Callable, Mapping, MappingView, Sequence, Set
from pathlib import Path
from typing import Annotated, Any

from helpers import checks
from helpers.checks import UNBOUNDED, UNCHECKED, shown

#: No count in a notebook is larger; what takes longer than a training should not be begun.
MOST = 10_000_000

#: By their names: what a loop goes through one by one.
MOST_OF = {
    **dict.fromkeys(("steps", "limit", "T"), 100_000),
    **dict.fromkeys(("epochs", "rounds", "depth", "updates", "runs"), 10_000),
    "num_layers": 1000,
    "characters": 10_000_000_000,  # of a shelf of books
}

#: Checks a value under a name, and returns it; raises ValueError.
Check = Callable[[str, Any], Any]

_PACKAGE = __name__.rpartition(".")[0]


def check_of(hint, name: str = "") -> Check | None:
    """The check of an annotation; ``None`` for one that anything fits."""
    if hint is Any or hint is inspect.Parameter.empty or isinstance(hint, typing.TypeVar | str):
        return None
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        plain, *notes = inside
        if UNBOUNDED in notes:
            return _any_integer if plain is int else functools.partial(_real_tensor, plain)
        if UNCHECKED in notes:
            return functools.partial(_of_class, plain)
        return check_of(plain, name)
    if origin in (typing.Union, types.UnionType):
        return _one_of(hint, [part for part in inside if part is not types.NoneType], name)
    if hint in _PLAIN:
        return _seed if hint is int and name == "seed" else _PLAIN[hint]
    if origin is type:
        return _class_below(inside[0])
    if hint in (Callable, collections.abc.Callable) or origin is collections.abc.Callable:
        return _function
    if (origin or hint) in _COLLECTIONS:
        return _collection_of(hint)
    if getattr(hint, "__module__", "") == "torch" and hint.__name__ == "Tensor":
        return functools.partial(_tensor, hint)
    if getattr(hint, "__module__", "") == "numpy" and hint.__name__ == "ndarray":
        return _array
    strict = isinstance(hint, type) and hint.__module__.split(".")[0] in _STRICT
    return functools.partial(_instance, hint) if strict else None


def _plain(value):
    """The number of a tensor or an array without a dimension; anything else as it is."""
    if getattr(value, "ndim", None) != 0 or not hasattr(value, "item"):
        return value
    try:
        return value.item()
    except (RuntimeError, NotImplementedError, TypeError):  # of a tensor that has no numbers
        return value


def _count(name, value):
    whole = checks.integer(name, _plain(value), minimum=0)
    checks.fits(whole, **{name: whole})
    checks.integer(name, whole, maximum=MOST_OF.get(name, MOST))
    return _number_of(value, whole)


def _seed(name, value):
    return _number_of(value, checks.seed(name, _plain(value)))


def _number(name, value):
    return _number_of(value, checks.number(name, _plain(value)))


def _number_of(value, plain):
    """What the function gets of a scalar of NumPy or torch: its number, if no gradient is lost."""
    return plain if hasattr(value, "ndim") and not getattr(value, "requires_grad", False) else value


def _boolean(name, value):
    return checks.boolean(name, _plain(value))


def _text(name, value):
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {shown(value)}")
    return value


def _path(name, value):
    if isinstance(value, str | os.PathLike) and os.fspath(value) and "\0" not in str(value):
        return value if isinstance(value, Path) else Path(value)
    raise ValueError(f"{name} must be a path, got {shown(value)}")


def _function(name, value):
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {shown(value)}")
    return value


def _instance(kind, name, value):
    if isinstance(value, kind) or _like(kind, value):
        return value
    fields = getattr(kind, "_fields", ())
    if fields and type(value) in (tuple, list) and len(value) == len(fields):
        return _named(kind, name, value)
    raise ValueError(f"{name} must be {_a(kind.__name__)}, got {shown(value)}")


def _named(kind, name, values):
    """A NamedTuple that was given without its name, each field by its own annotation."""
    hints = typing.get_type_hints(kind, include_extras=True)
    found = []
    for field, value in zip(kind._fields, values, strict=True):
        check = check_of(hints[field], field)
        found.append(value if check is None else check(f"{name}.{field}", value))
    return kind(*found)


def _like(kind, value) -> bool:
    """Whether the reader's own class has something of ``kind``, one of ours or torch's."""
    if type(value).__module__.partition(".")[0] in _NOT_LIKE:
        return False
    wanted = {name for name in dir(kind) if not name.startswith("_")}
    wanted |= {*getattr(kind, "__annotations__", {})}
    return any(hasattr(value, name) for name in wanted)


def _any_integer(name, value):
    return _number_of(value, checks.integer(name, _plain(value)))


def _is_array(value) -> bool:
    """Whether it is an array of NumPy, or a column of numbers, which a tensor is made of."""
    return hasattr(value, "__array__") and hasattr(value, "ndim") and hasattr(value, "dtype")


def _array(name, value):
    if not _is_array(value) and not isinstance(value, list | tuple | range):
        raise ValueError(f"{name} must be an array, got {shown(value)}")
    return value


def _of_class(kind, name, value):
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be {_a(kind.__name__)}, got {shown(value)}")
    return value


def _real_tensor(kind, name, value):
    if not isinstance(value, kind) and _is_array(value):
        value = checks.tensor(name, value.__array__().copy())  # of any index and strides
    _of_class(kind, name, value)
    if str(value.layout) != "torch.strided" or value.is_complex() or checks.without_data(value):
        raise ValueError(f"{name} must be a dense tensor of real numbers, got {shown(value)}")
    return value


def _tensor(kind, name, value):
    value = _real_tensor(kind, name, value)
    if not _is_finite(value):
        raise ValueError(f"{name} must be finite, but some of its numbers are infinite or NaN")
    return value


def _is_finite(value) -> bool:
    try:
        return bool(value.isfinite().all())
    except RuntimeError:  # inside of vmap, or traced, it has no numbers yet
        return True


def _class_below(parent) -> Check:
    def check(name, value):
        made = value.func if isinstance(value, functools.partial) else value
        if not (isinstance(made, type) and issubclass(made, parent)):
            raise ValueError(f"{name} must be a class of {parent.__name__}, got {shown(value)}")
        return value

    return check if isinstance(parent, type) else _function


def _one_of(hint, parts, name) -> Check:
    """The check of ``A | B``, or of ``A | None``."""
    options = {part: check_of(part, name) for part in parts}
    if None in options.values():
        return None
    check = functools.partial(_first_that_fits, options)
    if len(options) == 1:
        (check,) = options.values()
    return or_none(check) if types.NoneType in typing.get_args(hint) else check


def _first_that_fits(options, name, value):
    # What it is comes first: a tensor stays one where a number, too, may be passed.
    plain = [part for part in options if isinstance(part, type) and typing.get_origin(part) is None]
    own = [options[part] for part in plain if isinstance(value, part)]
    if own and type(value).__module__ != "builtins":  # a complex tensor is no array of numbers
        checked = own
    else:
        checked = dict.fromkeys([*own, *options.values()])
    told = []
    for check in checked:
        try:
            return check(name, value)
        except ValueError as error:
            told.append(str(error))
    inside = [said for said in told if said.startswith(f"{name}[")]  # a list, with a wrong element
    raise ValueError("; or ".join(dict.fromkeys(inside or told)))


def or_none(check: Check) -> Check:
    """The same check, where nothing may be passed."""
    return lambda name, value: None if value is None else check(name, value)


#: Packages whose classes are asked for by name; what behaves like those of others may be passed.
_STRICT = (_PACKAGE, "torch", "pandas", "matplotlib", "ipywidgets")
#: Packages whose objects are what they are: nobody passes one of them for one of another kind.
_NOT_LIKE = (*_STRICT, "builtins", "numpy", "collections", "pathlib", "functools")
_PLAIN: dict = {
    int: _count,
    float: _number,
    bool: _boolean,
    str: _text,
    Path: _path,
}
#: By name: to be iterable is not to be a list, as tensors and frames show.
_COLLECTIONS = (
    *(list, tuple, dict, set, Mapping, Sequence),
    *(collections.abc.Iterable, collections.abc.Collection),
)
#: Elements that are looked at: those of a text of a million lines are of one kind.
_LOOKED_AT = 1000


def _collection_of(hint) -> Check:
    """The check of ``list[int]``, ``dict[str, Tensor]``, ``tuple[float, float]`` …"""
    kind, inside = typing.get_origin(hint) or hint, typing.get_args(hint)
    if issubclass(kind, Mapping | dict):
        key, item = (check_of(part) for part in inside) if inside else (None, None)
        return functools.partial(_mapping, key, item)
    if kind is tuple and inside and inside[-1] is not Ellipsis:
        return functools.partial(_fixed, [check_of(part) for part in inside])
    item = check_of(inside[0]) if inside else None
    ordered = kind in (list, tuple, Sequence)
    return functools.partial(_sequence, item, ordered, kind is collections.abc.Iterable)


def _mapping(key, item, name, value):
    like_one = all(hasattr(value, one) for one in ("keys", "items", "__getitem__"))  # as a Series
    if isinstance(value, type) or not like_one:
        raise ValueError(f"{name} must be a dictionary, got {shown(value)}")
    if key is not None:
        for k in value.keys():  # noqa: SIM118 - of a Series
            key(f"a key of {name}", k)
    if item is None:
        return value
    given = dict(value.items())
    found = {k: item(f"{name}[{k!r}]", v) for k, v in given.items()}
    return found if _made_anew(found.values(), given.values()) else value


def _fixed(items, name, value):
    row = _row(value)
    if row is None or len(row) != len(items):
        raise ValueError(f"{name} must be a tuple of {len(items)}, got {shown(value)}")
    pairs = enumerate(zip(items, row, strict=True))
    found = [one if item is None else item(f"{name}[{k}]", one) for k, (item, one) in pairs]
    return tuple(found) if _made_anew(found, row) else value


def _made_anew(found, given) -> bool:
    """Whether a check made something of an element, other than the number of a scalar."""
    pairs = zip(found, given, strict=True)
    return any(new is not old and not isinstance(new, int | float) for new, old in pairs)


def _sequence(item, ordered, lazy, name, value):
    if lazy and isinstance(value, collections.abc.Iterator):
        return value  # looking at it would use it up
    row = value if not ordered and isinstance(value, Set | Mapping) else _row(value)
    if row is None:
        raise ValueError(f"{name} must be a list, got {shown(value)}")
    if item is not None:
        first = list(itertools.islice(row, _LOOKED_AT))
        found = [item(f"{name}[{k}]", one) for k, one in enumerate(first)]
        if _made_anew(found, first):
            return [item(f"{name}[{k}]", one) for k, one in enumerate(row)]
    return row if isinstance(value, MappingView) else value


def _row(value) -> Sequence | None:
    """The elements of what has an order: a list, an array, a tensor, a column; else ``None``."""
    if isinstance(value, MappingView):  # the keys or values of a dictionary
        return list(value)
    if isinstance(value, str | bytes | type | Mapping) or hasattr(value, "columns"):
        return None
    if not hasattr(value, "ndim"):
        like_a_list = all(hasattr(value, one) for one in ("__len__", "__iter__", "__getitem__"))
        return value if like_a_list and not hasattr(value, "keys") else None
    try:
        return value.tolist() if value.ndim == 1 else list(value)
    except (TypeError, NotImplementedError, RuntimeError):  # no dimension, or no data
        return None


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
