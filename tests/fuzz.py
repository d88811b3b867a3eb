"""``python -m tests.fuzz``, or ``make fuzz``: wrong arguments for every name that a reader meets.

The names are those that the cells of the notebooks and workbooks and the README import from
``helpers``, read from their source. The valid calls are the notebooks' own: each is executed in a
process of its own, and of each name a few calls are remembered. Hypothesis then replaces one or two
arguments of such a call. What may come of it:

told      a ValueError, an error of a file or a KeyError that our own code raises, or Python's own
          TypeError for the number of arguments
quoted    a sentence of ours with the arguments that quotes a library's error (helpers.boundary)
answered  an answer, where the argument may be legal: another length, zero, a text
deep      an error from inside a library, or an operation of ours that failed
accepted  an answer, where the argument cannot mean anything: of another type, NaN, empty
hang      more than two seconds, and more than three times the valid call

The last three must be 0. ``tests/test_fuzz.py`` runs a part of it.
"""

import argparse
import ast
import collections
import contextlib
import importlib
import inspect
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import types
import typing
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from helpers import boundary, paths
from tests.fuzz_values import wrong

#: Inputs a name, of a full run; calls that are remembered of each; seconds that no call may take.
EXAMPLES, REMEMBERED, PATIENCE = 40, 3, 2.0
OUTCOMES = ("told", "quoted", "answered", "deep", "accepted", "hang")
BAD = OUTCOMES[-3:]
#: Memory of a process that executes a notebook and is fuzzed, and how long it may be silent.
MEMORY, SILENCE = 8 * 2**30, 60

#: Names that start a training which writes published files: their arguments are attacked with
#: what is certainly wrong only.
WRITERS = re.compile(r"run_and_write|train_and_save|measure_and_write|lexicon\.write")


# The names ------------------------------------------------------------------------------------


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


# Valid calls ----------------------------------------------------------------------------------


class Call(typing.NamedTuple):
    """A call that a notebook makes, and how long it took."""

    args: tuple
    kwargs: dict
    seconds: float


def remembered(
    pieces: list[str], folder: Path, failed: Callable[[str], object]
) -> dict[str, list[Call]]:
    """Execute code cells, and remember calls of the names that they import, the shortest first.

    Args:
        folder: where figures go.
        failed: told of each cell that fails.
    """
    calls = collections.defaultdict(list)
    restore = []

    def recording(key, function, skip=0):
        def shim(*args, **kwargs):
            if sys._getframe(1).f_globals.get("__name__") != "__main__":  # from inside the package
                return getattr(function, "__wrapped__", function)(*args, **kwargs)
            start = time.monotonic()
            try:
                return function(*args, **kwargs)
            finally:
                call = Call(args[skip:], kwargs, time.monotonic() - start)
                calls[key] = sorted([*calls[key], call], key=lambda c: c.seconds)[:REMEMBERED]

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
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    exec(compile(piece, "<ipython-cell>", "exec"), space)
                except Exception as error:
                    where = traceback.extract_tb(error.__traceback__)[-1]
                    said = f"{type(error).__name__}: {error} ({where.name}, {where.lineno})"
                    failed(f"{piece[:60]!r} … {said}")
            _close_figures()
    finally:
        for at, name, value in restore:
            setattr(at, name, value)
    return dict(calls)


def _close_figures() -> None:
    import matplotlib.pyplot as plt

    plt.close("all")


# Outcomes -------------------------------------------------------------------------------------


class _TooLong(BaseException):
    pass


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise :class:`_TooLong` inside after so many seconds, where the system has such an alarm."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_):
        raise _TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(function: Callable, call: Call, certainly: bool) -> tuple[str, str]:
    """What comes of a call, and what was said."""
    patience = max(PATIENCE, 3 * call.seconds + 1)
    try:
        with (
            at_most(patience),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            answer = function(*call.args, **call.kwargs)
            if inspect.isgenerator(answer):
                next(answer, None)
    except _TooLong:
        return "hang", f"more than {patience:.1f} s"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error} ({last.name}, line {last.lineno})"
        if last.filename == boundary.__file__ and last.name == "from_outside":
            # Python's own word for a wrong number of arguments, or ours with a library's inside.
            return ("told" if isinstance(error, TypeError) else "quoted"), said
        if isinstance(error, TypeError) and last.filename == __file__:
            return "told", said
        ours = last.filename.startswith(str(paths.ROOT / "helpers")) and "raise" in last.line
        return ("told" if ours else "deep"), said
    return ("accepted" if certainly else "answered"), type(answer).__name__


def hints_of(function: Callable) -> dict:
    """Name of an argument -> its annotation, of a function or of a class's constructor."""
    inner = inspect.unwrap(function.__init__ if inspect.isclass(function) else function)
    space = {**vars(sys.modules[function.__module__]), **getattr(inner, "__globals__", {})}
    return typing.get_type_hints(inner, space, include_extras=True)


def attack(
    function: Callable, calls: list[Call], examples: int, number: int, certain_only: bool = False
) -> tuple[collections.Counter, list[str]]:
    """Hand wrong arguments to a function; how often each outcome, and what the bad ones were.

    Args:
        calls: valid ones, to be mutated.
        number: the seed.
    """
    tally, bad = collections.Counter(), []
    signature, hints = inspect.signature(function), hints_of(function)
    parameters = signature.parameters

    def arguments(call: Call) -> dict:
        with contextlib.suppress(TypeError):
            bound = signature.bind(*call.args, **call.kwargs)
            return dict(bound.arguments)
        return {}

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        call = data.draw(st.sampled_from(calls))
        given_, open_ = arguments(call), []
        for name, parameter in parameters.items():
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                open_.append(name)
        if not open_:
            tally["told"] += 1
            return
        chosen = data.draw(st.lists(st.sampled_from(open_), min_size=1, max_size=2, unique=True))
        certainly, said = False, []
        for name in chosen:
            now = given_.get(name, parameters[name].default)
            new, is_wrong, _ = data.draw(wrong(hints.get(name), now, name))
            if parameters[name].default is None and new is None:
                is_wrong = False
            given_[name] = new
            certainly |= is_wrong
            said.append(f"{name} = {boundary.shown(new, 80)}")
        if certain_only and not certainly:
            return
        args, kwargs = [], {}
        for name, parameter in parameters.items():
            if name not in given_:
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                args += given_[name]
            elif parameter.kind is parameter.VAR_KEYWORD:
                kwargs |= given_[name]
            elif parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(given_[name])
            else:
                kwargs[name] = given_[name]
        kind, answer = outcome(function, Call(tuple(args), kwargs, call.seconds), certainly)
        tally[kind] += 1
        if kind in BAD:
            bad.append(f"{kind}: {', '.join(said)}: {answer[:200]}")
        elif os.environ.get("FUZZ_SHOW") == kind:
            bad.append(f"({kind}): {', '.join(said)}: {answer[:300]}")
        _close_figures()

    run()
    return tally, bad


# A notebook in a process of its own -----------------------------------------------------------


def child(source: str, number: int, examples: int, without: set[str]) -> None:
    """Execute one source and attack the names that it calls; a line of JSON for each."""
    limit_memory()
    torch.set_num_threads(1)
    os.environ.setdefault("HELPERS_INTERACTIVE", "0")
    out = sys.stdout
    pieces = sources()[source]
    with tempfile.TemporaryDirectory() as folder:

        def failed(what: str) -> None:
            print(json.dumps({"failed": what}), file=out, flush=True)

        calls = remembered(pieces, Path(folder), failed)
        os.chdir(folder)
        random.seed(number)
        for key, (value, _) in names({"": pieces}).items():
            if key in without or key not in calls:
                continue
            if not examples:  # to see that the valid calls are taken for such
                continue
            print(json.dumps({"begin": key}), file=out, flush=True)
            tally, bad = attack(value, calls[key], examples, number, bool(WRITERS.search(key)))
            print(json.dumps({"name": key, "tally": tally, "bad": bad}), file=out, flush=True)


def limit_memory() -> None:
    """A call may not take the machine's memory."""
    with contextlib.suppress(ImportError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY * 4, MEMORY * 4))


def fuzz(number: int, examples: int, only: list[str]) -> dict[str, dict]:
    """Attack all names, notebook by notebook: name -> its tally and what was bad."""
    found: dict[str, dict] = {}
    for source in sources():
        if source.startswith("exercises") or (only and not any(part in source for part in only)):
            continue
        while True:
            finished, hung = _run_child(source, number, examples, set(found), found)
            if finished:
                break
            found[hung] = {"tally": {"hang": 1}, "bad": ["hang: the process was silent, or died"]}
    return found


def _run_child(source, number, examples, without, found) -> tuple[bool, str]:
    command = [sys.executable, "-m", "tests.fuzz", "--child", source, "--seed", str(number)]
    command += ["--examples", str(examples), "--without", json.dumps(sorted(without))]
    print(f"{source} …", file=sys.stderr, flush=True)
    begun = ""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=paths.ROOT
        )
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                begun = told.get("begin", begun)
                if "failed" in told:
                    print(f"{source}: a cell failed: {told['failed']}", flush=True)
                if "name" in told:
                    found[told["name"]] = told
        code = process.wait()
        if code == 0:
            return True, ""
        errors.seek(0)
        print(errors.read()[-3000:], file=sys.stderr)
    if code > 0 or not begun or begun in found:  # not killed: an error of this harness
        raise SystemExit(f"{source} could not be fuzzed")
    return False, begun


def table(found: dict[str, dict]) -> str:
    """A row a name, a sum, and what was bad."""
    width = max(map(len, found), default=4)
    lines = [f"{'name':<{width}}  inputs  " + "  ".join(f"{kind:>8}" for kind in OUTCOMES)]
    total = collections.Counter()
    for name, one in sorted(found.items()):
        total.update(one["tally"])
        lines.append(_row(name, one["tally"], width))
    lines += ["─" * len(lines[0]), _row(f"{len(found)} names", total, width), ""]
    lines += [f"{name}: {bad}" for name, one in sorted(found.items()) for bad in one["bad"][:8]]
    return "\n".join(lines)


def _row(name, tally, width) -> str:
    cells_ = "  ".join(f"{tally.get(kind, 0):>8,}" for kind in OUTCOMES)
    return f"{name:<{width}}  {sum(tally.values()):>6,}  {cells_}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="inputs a name")
    parser.add_argument("--only", action="append", default=[], help="part of a notebook's name")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--without", default="[]", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.seed, options.examples, set(json.loads(options.without)))
        return 0
    found = fuzz(options.seed, options.examples, options.only)
    print(table(found))
    lacking = sorted(set(names()) - set(found))
    if not options.only and lacking:
        print(f"\nno call of {len(lacking)} names was seen: {', '.join(lacking)}")
    return int(any(one["tally"].get(kind) for one in found.values() for kind in BAD))


if __name__ == "__main__":
    sys.exit(main())
