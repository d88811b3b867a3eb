"""Where a notebook calls the package: what comes in is held against the annotations.

A call of a public function, or of a public class, from outside the package is checked: each
argument against its annotation, by :mod:`.checks`. What does not fit is refused in a sentence that
names the argument. A call from inside the package goes straight through, so that nothing is checked
in a loop of ours. Nothing need be written for it: ``helpers`` has every module of its own guarded
as it is imported.

What the annotations mean is said in :mod:`.annotations`.

An error from deep inside a library that a call from outside ends in, as two tensors do that do not
go together, is told in one sentence as well, with the arguments; its traceback stands above it.
Errors that our own code raises, and those of functions that the caller passes, stay as they are.
"""

import dis
import functools
import inspect
import os
import re
import sys
import sysconfig
import types
import typing
from collections.abc import Callable
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

from helpers import checks
from helpers.annotations import check_of, or_none
from helpers.checks import shown

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
    if getattr(function, "__code__", None) == _GUARD:
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
            check = or_none(check)
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


#: What the code of every guard is equal to.
_GUARD = _through({}, None).__code__


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
