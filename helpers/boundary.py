"""Where a notebook calls the package: what comes in is held against the annotations.

A call of a public function, or of a public class, from outside the package is checked: each
argument against its annotation, by :mod:`.checks`. What does not fit is refused in a sentence that
names the argument. A call from inside the package goes straight through, so that nothing is checked
in a loop of ours. Nothing need be written for it: ``helpers`` has every module of its own guarded
as it is imported.

What the annotations mean here:

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
import re
import sys
import sysconfig
import types
import typing
from collections.abc import Callable, Mapping, MappingView, Sequence, Set
from importlib.machinery import PathFinder, SourceFileLoader
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
}

#: Checks a value under a name, and returns it; raises ValueError.
Check = Callable[[str, Any], Any]

_OURS = f"{Path(__file__).parent}{os.sep}"
_LIBRARIES = tuple(
    sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")
)
#: Where Python says that a line was typed.
_TYPED = ("<ipython", "<stdin", "<python-input", "<console")
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
                value.__init__ = guarded(own, of=value)
        elif hasattr(value, "__code__") or hasattr(value, "__wrapped__"):
            module[key] = guarded(value)


def guarded(function: Callable, of: type | None = None) -> Callable:
    """``function``, its arguments checked where the call comes from outside of the package.

    Args:
        of: the class whose ``__init__`` it is.
    """
    if getattr(function, "__code__", None) == _through({}, None).__code__:
        return function  # of a name that a reload left over
    own = getattr(function, "__globals__", vars(sys.modules[__name__]))
    from_outside = functools.update_wrapper(_through(own, of), function)
    # What torch.compile compiles instead: asked to, and where it meets the guard inside of another.
    from_outside._torchdynamo_orig_callable = from_outside._torchdynamo_inline = function
    from_outside._torchdynamo_wrapper_id = id(from_outside)
    for name in ("cache_clear", "cache_info"):  # of functools.cache
        if hasattr(function, name):
            setattr(from_outside, name, getattr(function, name))
    return from_outside


def _through(own: dict, __class__: type | None) -> Callable:
    """A guard of what it is given as ``__wrapped__``, with the global names ``own``.

    Jupyter's autoreload puts the code of an edited function in the place of its guard's. So that it
    runs there, the guard has the function's global names, reaches its own tools by its closure, and
    of a method holds the ``__class__`` that ``super()`` asks for.
    """
    frame, package = sys._getframe, f"{_PACKAGE}."
    checked, as_it_is, told = _checked, _as_it_is, _told

    def from_outside(*args, **kwargs):
        __debuggerskip__ = False  # IPython's debugger steps over what has this name
        # Of the caller; a comprehension or lambda has its module's globals.
        if frame(1).f_globals.get("__name__", "").startswith(package):
            return me.__wrapped__(*args, **kwargs)
        args, kwargs = checked(me.__wrapped__, args, kwargs)
        try:
            return me.__wrapped__(*args, **kwargs)
        except Exception as error:
            if as_it_is(error):
                raise
            raise told(error, __class__, me.__wrapped__, args, kwargs) from error

    code = from_outside.__code__.replace()  # of its own, by which torch.compile knows a function
    me = types.FunctionType(code, own, "", None, from_outside.__closure__)
    return me


def _checked(function, args, kwargs) -> tuple[list, dict]:
    """The arguments of a call, each checked."""
    __debuggerskip__ = True
    names, checked, rest, others = _plan(function)
    args, kwargs = list(args), dict(kwargs)
    try:
        for k, value in enumerate(args):
            name = names[k] if k < len(names) else None
            check = checked.get(name) if name else rest
            if check is not None:
                args[k] = check(name or f"argument {k + 1}", value)
        for name, value in kwargs.items():
            check = checked.get(name, others if name not in names else None)
            if check is not None:
                kwargs[name] = check(name, value)
    except ValueError as error:
        raise error.with_traceback(None) from None  # where it was checked helps nobody
    return args, kwargs


@functools.cache  # at the first call from outside, as annotations may name what comes later
def _plan(function) -> tuple:
    """Names of the positional arguments, name -> check, check of ``*args`` and of ``**kwargs``."""
    inner = inspect.unwrap(function)
    hints = typing.get_type_hints(inner, inner.__globals__, include_extras=True)
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
        if not ours and not _of_a_library(where.co_filename):
            return True  # a function that the caller passed
        if trace.tb_next is None:
            return ours and where.co_code[trace.tb_lasti] == _RAISE
        trace = trace.tb_next


def _of_a_library(filename: str) -> bool:
    made = filename.startswith("<") and not filename.startswith(_TYPED)  # by a library, as it runs
    return made or filename.endswith(".pyx") or filename.startswith(_LIBRARIES)


def _told(error: Exception, of: type | None, function, args, kwargs) -> Exception:
    """A library's error as a sentence with the arguments."""
    given = dict(zip(_plan(function)[0], args, strict=False)) | kwargs
    given.pop("self", None)
    called = (of or function).__name__
    said = str(error).strip().split("\n")[0]
    if isinstance(error, TypeError) and "unexpected keyword argument" in said:
        return TypeError(f"{called}() got an {said[said.index('unexpected') :]}")
    tables = {name: value for name, value in given.items() if hasattr(value, "columns")}
    for column in _looked_up(error) if tables else ():
        without = [name for name, frame in tables.items() if column not in frame.columns]
        if without:
            known = shown(", ".join(map(str, tables[without[0]].columns)))
            has = f"; it has {known}" if len(without) == 1 else ""
            said = f"{called}: {' or '.join(without)} must have a column {column!r}{has}"
            return _in_words(error, said)
    empty = [name for name, value in given.items() if _is_empty(value)]
    arguments = ", ".join(f"{name} = {shown(value, 60)}" for name, value in given.items())
    wrong = f"an empty {empty[0]}" if empty else arguments or "nothing"
    return _in_words(error, f"{called} cannot work with {wrong}: {type(error).__name__}: {said}")


def _in_words(error: Exception, sentence: str) -> Exception:
    """A ValueError with a sentence; who catches errors of the kind of ``error`` catches it too."""
    kind = type(error)
    told = kind.__new__(_both(kind))  # not made as usual: some kinds ask for more than a sentence
    told.args = (sentence,)
    vars(told).update(vars(error))
    if isinstance(error, OSError):
        told.errno, told.strerror, told.filename = error.errno, error.strerror, error.filename
    return told


@functools.cache
def _both(kind: type[Exception]) -> type[Exception]:
    """The class of a ValueError that is a ``kind`` too; it goes to other processes as the first."""
    names = {
        "__module__": "builtins",
        "__str__": lambda self: self.args[0],
        "__reduce__": lambda self: (ValueError, self.args),
    }
    bases = (kind,) if issubclass(kind, ValueError) else (ValueError, kind)
    return type("ValueError", bases, names)


def _looked_up(error: Exception) -> list[str]:
    """The columns that pandas did not find, as its messages quote them."""
    if not isinstance(error, KeyError | NameError) or not error.args:
        return []
    said = str(error.args[0])
    return re.findall(r"'([^']+)'", said) or [said]


def _is_empty(value) -> bool:
    try:
        return not isinstance(value, str) and len(value) == 0
    except Exception:  # of any object that somebody passes
        return False


# Annotations -------------------------------------------------------------------------------------


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
        return kind(*value)  # a NamedTuple, given without its name
    raise ValueError(f"{name} must be {_a(kind.__name__)}, got {shown(value)}")


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
