"""Where a notebook calls the package: what comes in is held against the annotations.

A call of a public function, or of a public class, from outside the package is checked: each
argument against its annotation, by :mod:`.checks`. What does not fit is refused in a sentence that
names the argument. A call from inside the package goes straight through, so that nothing is checked
in a loop of ours. Nothing need be written for it: ``helpers`` has every module of its own guarded
as it is imported.

What the annotations mean here:

==================  ==============================================================================
``int``             a whole number that is not negative: a count that memory can hold, or a seed
                    where the argument is called so
``float``           a finite number
``Tensor``          of torch, finite, dense, with data
``Annotated[int, UNBOUNDED]``, or of a tensor: any whole number, any dense tensor
``list[int]``       and other collections: of that kind, with such elements
``Path``            a path, or a text that is made one
==================  ==============================================================================

An error from deep inside a library that a call from outside ends in, as two tensors do that do not
go together, is told in one sentence as well, with the arguments; its traceback stands above it.
Errors that our own code raises, and those of functions that the caller passes, stay as they are.
"""

import collections.abc
import dis
import functools
import inspect
import itertools
import os
import sys
import sysconfig
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import Annotated, Any

from helpers import checks
from helpers.checks import UNBOUNDED, shown

#: No count in a notebook is larger; what takes longer than a training should not be begun.
MOST = 10_000_000

#: Checks a value under a name, and returns it; raises ValueError.
Check = Callable[[str, Any], Any]

_OURS = f"{Path(__file__).parent}{os.sep}"
_LIBRARIES = (
    *(sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
    *("<frozen", "<string>", "<__array"),
)
_RAISE = dis.opmap["RAISE_VARARGS"]
_PACKAGE = __name__.rpartition(".")[0]


def guard(module: dict) -> None:
    """Guard the public functions and classes that a module, given as its names, defines."""
    name = module["__name__"]
    for key, value in list(module.items()):
        if key.startswith("_") or getattr(value, "__module__", None) != name:
            continue
        if inspect.isclass(value):
            own = vars(value).get("__init__")
            # A class that checks itself is left to do so.
            if isinstance(own, types.FunctionType) and not hasattr(value, "__post_init__"):
                value.__init__ = guarded(own, module, called=value.__name__)
        elif hasattr(value, "__code__") or hasattr(value, "__wrapped__"):
            module[key] = guarded(value, module)


def guarded(function: Callable, module: dict, called: str | None = None) -> Callable:
    """``function``, its arguments checked where the call comes from outside of the package."""
    called = called or function.__name__
    plan: list = []  # made at the first call from outside, as annotations may name what comes later

    @functools.wraps(function)
    def from_outside(*args, **kwargs):
        # Of the caller; a comprehension or lambda has its module's globals.
        if sys._getframe(1).f_globals.get("__name__", "").startswith(_PACKAGE):
            return function(*args, **kwargs)
        if not plan:
            plan.extend(_plan(function, module))
        names, checked, rest, others = plan
        args, kwargs = list(args), dict(kwargs)
        for k, value in enumerate(args):
            name = names[k] if k < len(names) else None
            check = checked.get(name) if name else rest
            if check is not None:
                args[k] = check(name or f"argument {k + 1}", value)
        for name, value in kwargs.items():
            check = checked.get(name, others if name not in names else None)
            if check is not None:
                kwargs[name] = check(name, value)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if _as_it_is(error):
                raise
            given = dict(zip(names, args, strict=False)) | kwargs
            given.pop("self", None)
            raise _told(called, given, error) from error

    for name in ("cache_clear", "cache_info"):  # of functools.cache
        if hasattr(function, name):
            setattr(from_outside, name, getattr(function, name))
    return from_outside


def _plan(function, module) -> tuple:
    """Names of the positional arguments, name -> check, check of ``*args`` and of ``**kwargs``."""
    inner = inspect.unwrap(function)
    hints = typing.get_type_hints(inner, {**module, **inner.__globals__}, include_extras=True)
    names, checked, rest, others = [], {}, None, None
    for name, parameter in inspect.signature(inner).parameters.items():
        check = check_of(hints[name], name) if name in hints else None
        if check is not None and parameter.default is None:
            check = _or_none(check)
        if parameter.kind is parameter.VAR_POSITIONAL:
            rest = check
        elif parameter.kind is parameter.VAR_KEYWORD:
            others = check
        else:
            if parameter.kind is not parameter.KEYWORD_ONLY:
                names.append(name)
            checked[name] = check
    return names, checked, rest, others


# Errors ------------------------------------------------------------------------------------------


def _as_it_is(error: Exception) -> bool:
    """Whether an error is left alone: raised by our own code or the caller's, or by the call."""
    trace = error.__traceback__.tb_next  # below the guard
    if trace is None or isinstance(error, Warning):  # the number of arguments, say
        return True
    while True:
        where = trace.tb_frame.f_code
        ours = where.co_filename.startswith(_OURS)
        if not ours and not where.co_filename.startswith(_LIBRARIES):
            return True  # a function that the caller passed
        if trace.tb_next is None:
            return ours and where.co_code[trace.tb_lasti] == _RAISE
        trace = trace.tb_next


def _told(called: str, given: dict, error: Exception) -> Exception:
    """A library's error as a sentence with the arguments; an error of a file stays of its kind."""
    lacking = str(error.args[0]) if isinstance(error, KeyError) and error.args else None
    for name, value in given.items():
        columns = getattr(value, "columns", None)
        if lacking is not None and columns is not None and lacking not in columns:
            known = shown(", ".join(map(str, columns)))
            return ValueError(f"{called}: {name} must have a column {lacking!r}; it has {known}")
    said = str(error).strip().split("\n")[0]
    arguments = ", ".join(f"{name} = {shown(value, 60)}" for name, value in given.items())
    sentence = f"{called} cannot work with {arguments or 'nothing'}: {type(error).__name__}: {said}"
    kind = type(error) if isinstance(error, OSError) else ValueError
    return kind(sentence)


# Annotations -------------------------------------------------------------------------------------


def check_of(hint, name: str = "") -> Check | None:
    """The check of an annotation; ``None`` for one that anything fits."""
    if hint is Any or hint is inspect.Parameter.empty or isinstance(hint, typing.TypeVar | str):
        return None
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        plain, *notes = inside
        if UNBOUNDED in notes:
            return checks.integer if plain is int else functools.partial(_instance, plain)
        return check_of(plain, name)
    if origin in (typing.Union, types.UnionType):
        return _one_of(hint, [part for part in inside if part is not types.NoneType], name)
    if hint in _PLAIN:
        return checks.seed if hint is int and name == "seed" else _PLAIN[hint]
    if origin is type:
        return _class_below(inside[0])
    if hint in (Callable, collections.abc.Callable) or origin is collections.abc.Callable:
        return _function
    if (origin or hint) in _COLLECTIONS:
        return _collection_of(hint)
    if getattr(hint, "__module__", "") == "torch" and hint.__name__ == "Tensor":
        return functools.partial(_tensor, hint)
    strict = isinstance(hint, type) and hint.__module__.split(".")[0] in _STRICT
    return functools.partial(_instance, hint) if strict else None


def _plain(value):
    """The number of a tensor or an array without a dimension; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _count(name, value):
    whole = checks.integer(name, _plain(value), minimum=0)
    checks.fits(whole, **{name: whole})
    checks.integer(name, whole, maximum=MOST)
    return value


def _number(name, value):
    checks.number(name, _plain(value))
    return value


def _text(name, value):
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {shown(value)}")
    return value


def _path(name, value):
    if isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    return _instance(Path, name, value)


def _function(name, value):
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {shown(value)}")
    return value


def _instance(kind, name, value):
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be {_a(kind.__name__)}, got {shown(value)}")
    return value


def _tensor(kind, name, value):
    _instance(kind, name, value)
    if value.is_sparse or checks.without_data(value):
        raise ValueError(f"{name} must be a dense tensor with data, got {shown(value)}")
    if not value.isfinite().all():
        raise ValueError(f"{name} must be finite, but some of its numbers are infinite or NaN")
    return value


def _class_below(parent) -> Check:
    def check(name, value):
        if not (isinstance(value, type) and issubclass(value, parent)):
            raise ValueError(f"{name} must be a class of {parent.__name__}, got {shown(value)}")
        return value

    return check if isinstance(parent, type) else _function


def _one_of(hint, parts, name) -> Check:
    """The check of ``A | B``, or of ``A | None``."""
    options = [check_of(part, name) for part in parts]
    if None in options:
        return None
    check = options[0] if len(options) == 1 else functools.partial(_first_that_fits, hint, options)
    return _or_none(check) if types.NoneType in typing.get_args(hint) else check


def _first_that_fits(hint, options, name, value):
    told = []
    for check in options:
        try:
            return check(name, value)
        except ValueError as error:
            told.append(str(error))
    inside = [said for said in told if said.startswith(f"{name}[")]  # a list, with a wrong element
    raise ValueError("; or ".join(dict.fromkeys(inside or told)))


def _or_none(check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


#: Packages whose classes are asked for by name; what behaves like those of others may be passed.
_STRICT = (_PACKAGE, "torch", "pandas")
_PLAIN: dict = {
    int: _count,
    float: _number,
    bool: checks.boolean,
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
    wanted = Sequence if kind in (list, tuple, Sequence) else collections.abc.Collection
    return functools.partial(_sequence, item, wanted, kind is collections.abc.Iterable)


def _mapping(key, item, name, value):
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a dictionary, got {shown(value)}")
    for k, v in value.items():
        if key is not None:
            key(f"a key of {name}", k)
        if item is not None:
            item(f"{name}[{k!r}]", v)
    return value


def _fixed(items, name, value):
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != len(items):
        raise ValueError(f"{name} must be a tuple of {len(items)}, got {shown(value)}")
    for k, (item, one) in enumerate(zip(items, value, strict=True)):
        if item is not None:
            item(f"{name}[{k}]", one)
    return value


def _sequence(item, kind, lazy, name, value):
    if lazy and isinstance(value, collections.abc.Iterator):
        return value  # looking at it would use it up
    plain = _row(value)
    if plain is None and (isinstance(value, str | bytes) or not isinstance(value, kind)):
        raise ValueError(f"{name} must be a list, got {shown(value)}")
    if item is not None:
        few = itertools.islice(value if plain is None else plain, _LOOKED_AT)
        for k, one in enumerate(few):
            item(f"{name}[{k}]", one)
    return value


def _row(value) -> list | None:
    """The elements of an array or a tensor of one dimension; ``None`` of anything else."""
    try:
        return value.tolist() if value.ndim == 1 else None
    except (AttributeError, NotImplementedError, RuntimeError):  # a sparse one, or one without data
        return None


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


# Every module of the package ----------------------------------------------------------------------


class _Loader(SourceFileLoader):
    def exec_module(self, module):
        super().exec_module(module)
        guard(vars(module))


class _Finder:
    """Loads the package's modules as Python does, and guards them."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not name.startswith(f"{_PACKAGE}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def guard_package() -> None:
    """Guard every module of the package as it is imported."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
        guard(vars(checks))  # imported by this module, before
