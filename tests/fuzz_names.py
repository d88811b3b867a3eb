"""The names that readers meet, and the calls that the notebooks make of them (``tests.fuzz``)."""

import ast
import collections
import contextlib
import importlib
import inspect
import io
import json
import os
import re
import sys
import time
import traceback
import types
import typing
from collections.abc import Callable
from pathlib import Path

from helpers import paths

#: Calls that are remembered of a name.
REMEMBERED = 3


def cells(path: Path) -> list[str]:
    """The code cells of a notebook."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


def sources() -> dict[str, list[str]]:
    """Notebook, workbook or README -> its pieces of code."""
    found = {
        str(path.relative_to(paths.NOTEBOOKS)): cells(path)
        for path in sorted(paths.NOTEBOOKS.rglob("*.ipynb"))
    }
    readme = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    found["README.md"] = re.findall(r"```python\n(.*?)```", readme, re.S)
    return found


def imported(pieces: list[str]) -> set[tuple[str, str]]:
    """(module, name) of everything that the code takes from ``helpers``."""
    modules, found = {}, set()
    trees = []
    for piece in pieces:
        with contextlib.suppress(SyntaxError):  # a workbook's blanks
            trees.append(ast.parse(piece))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "helpers":
            for alias in node.names:
                value = _attribute(node.module, alias.name)
                if isinstance(value, types.ModuleType):
                    modules[alias.asname or alias.name] = value.__name__
                else:
                    found.add((node.module, alias.name))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "helpers":
                    modules[alias.asname or alias.name] = alias.name
    for node in nodes:
        if isinstance(node, ast.Attribute):
            parts, at = [node.attr], node.value
            while isinstance(at, ast.Attribute):
                parts.append(at.attr)
                at = at.value
            if isinstance(at, ast.Name) and at.id in modules:
                module = modules[at.id]
                for part in reversed(parts):
                    value = _attribute(module, part)
                    if not isinstance(value, types.ModuleType):
                        found.add((module, part))
                        break
                    module = value.__name__
    return found


def _attribute(module: str, name: str):
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        return importlib.import_module(f"{module}.{name}")


def called(value) -> str:
    """How the report calls a name: its module within the package, and the name."""
    return f"{value.__module__}.{value.__qualname__}".removeprefix("helpers.")


def names(found: dict[str, list[str]] | None = None) -> dict[str, tuple[Callable, set]]:
    """Name in the report -> the function or class, and the (module, name) under which it is met."""
    met: dict[str, tuple[Callable, set]] = {}
    for pieces in (sources() if found is None else found).values():
        for module, name in sorted(imported(pieces)):
            value = _attribute(module, name)
            if callable(value) and value.__module__.startswith("helpers"):
                met.setdefault(called(value), (value, set()))[1].add((module, name))
    return dict(sorted(met.items()))


class Call(typing.NamedTuple):
    """A call that a notebook makes, and how long it took."""

    args: tuple
    kwargs: dict
    seconds: float


def remembered(
    pieces: list[str], folder: Path, tell: Callable[..., object]
) -> dict[str, list[Call]]:
    """Execute code cells, and remember calls of the names that they import, the shortest first.

    Args:
        folder: where figures go.
        tell: told of each cell, and as ``failed`` what one said that failed.
    """
    calls = collections.defaultdict(list)
    restore = []

    def recording(key, function, skip=0):
        def shim(*args, **kwargs):
            if sys._getframe(1).f_globals.get("__name__") != "__main__":  # from inside the package
                return getattr(function, "__wrapped__", function)(*args, **kwargs)
            start = time.process_time()
            answer = function(*args, **kwargs)
            call = Call(args[skip:], kwargs, time.process_time() - start)
            calls[key] = sorted([*calls[key], call], key=lambda c: c.seconds)[:REMEMBERED]
            return answer

        shim.__wrapped__ = function
        return shim

    for key, (value, places) in names({"": pieces}).items():
        if inspect.isclass(value):
            if isinstance(value.__init__, types.FunctionType):
                restore.append((value, "__init__", value.__init__))
                value.__init__ = recording(key, value.__init__, skip=1)
        else:
            for module, name in places:
                at = importlib.import_module(module)
                restore.append((at, name, value))
                setattr(at, name, recording(key, value))
    os.environ["HELPERS_FIGURES"] = str(folder)
    space = {"__name__": "__main__"}
    try:
        for piece in pieces:
            tell(cell=piece[:60])
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    exec(compile(piece, "<ipython-cell>", "exec"), space)
                except Exception as error:
                    where = traceback.extract_tb(error.__traceback__)[-1]
                    said = f"{type(error).__name__}: {error} ({where.name}, {where.lineno})"
                    tell(failed=f"{piece[:60]!r} … {said}")
            close_figures()
    finally:
        for at, name, value in restore:
            setattr(at, name, value)
    return dict(calls)


def close_figures() -> None:
    import matplotlib.pyplot as plt

    plt.close("all")
