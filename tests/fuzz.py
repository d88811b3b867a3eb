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
hang      more than two seconds of work, and more than three times the valid call; a count up to a
          hundred times that of the valid call may take so many times as long: it was asked for

The last three must be 0. ``tests/test_fuzz.py`` runs a part of it.
"""

import argparse
import collections
import contextlib
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
import threading
import time
import traceback
import typing
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from helpers import boundary, paths
from helpers.checks import shown
from tests.fuzz_names import Call, close_figures, names, remembered, sources
from tests.fuzz_values import wrong

#: Inputs a name in a full run, and seconds of work that no call may take.
EXAMPLES, PATIENCE, MOST_PATIENCE = 40, 2.0, 60.0
OUTCOMES = ("told", "quoted", "answered", "deep", "accepted", "hang")
BAD = OUTCOMES[-3:]
#: Seconds from which on a valid call is slow.
SLOW = 0.25
#: Of a process that is fuzzed: bytes of memory, and seconds after which silence is a hang.
MEMORY, SILENCE = 24 * 2**30, 600

#: Names that write published files when they are called in earnest.
WRITERS = re.compile(r"run_and_write|train_and_save|measure_and_write|lexicon\.write")


# Outcomes -------------------------------------------------------------------------------------


class _TooLong(BaseException):
    pass


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise :class:`_TooLong` inside after so many seconds of work, where a system has alarms."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_):
        raise _TooLong

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)  # again, where a callback swallows it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def outcome(function: Callable, call: Call, certainly: bool) -> tuple[str, str]:
    """What comes of a call, and what was said; what hangs does so twice.

    The first call of an optimizer, whatever its arguments, imports for two seconds.
    """
    once = _outcome(function, call, certainly)
    return once if once[0] != "hang" else _outcome(function, call, certainly)


def _outcome(function, call, certainly) -> tuple[str, str]:
    patience = min(MOST_PATIENCE, max(PATIENCE, 3 * call.seconds + 1))
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
    function: Callable,
    calls: list[Call],
    examples: int,
    number: int,
    *,
    certain_only: bool = False,
    beat: Callable[[], object] = lambda: None,
) -> tuple[collections.Counter, list[str]]:
    """Hand wrong arguments to a function; how often each outcome, and what the bad ones were.

    Args:
        calls: valid ones, to be mutated.
        number: the seed.
        certain_only: try nothing that might be legal.
        beat: called before each input.
    """
    tally, bad = collections.Counter(), []
    signature, hints = inspect.signature(function), hints_of(function)
    if not signature.parameters:
        return tally, bad

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
        beat()
        call = data.draw(st.sampled_from(calls))
        mutated, certainly, said = data.draw(mutations(call, signature, hints))
        if certain_only and not certainly:
            return
        kind, answer = outcome(function, mutated, certainly)
        tally[kind] += 1
        if kind in BAD or kind in os.environ.get("FUZZ_SHOW", "").split(","):
            bad.append(f"{kind}: {said}: {answer[:200]}")
        close_figures()

    run()
    return tally, bad


@st.composite
def mutations(draw, call: Call, signature: inspect.Signature, hints: dict):
    """A call with one or two arguments wrong, whether certainly so, and which they are."""
    bound = signature.bind_partial(*call.args, **call.kwargs)
    given_, certainly, said = dict(bound.arguments), False, []
    seconds = call.seconds
    chosen = st.lists(
        st.sampled_from(list(signature.parameters)), min_size=1, max_size=2, unique=True
    )
    for name in draw(chosen):
        parameter, hint = signature.parameters[name], hints.get(name)
        if parameter.kind is parameter.VAR_POSITIONAL:
            before = list(given_.get(name, ()))
            new, is_wrong = draw(wrong(hint, before[-1] if before else None, name))
            given_[name] = (*before[:-1], new)
        elif parameter.kind is parameter.VAR_KEYWORD:
            before = dict(given_.get(name, {"other": None}))
            key = draw(st.sampled_from(sorted(before)))
            new, is_wrong = draw(wrong(hint, before[key], key))
            given_[name] = {**before, key: new}
        else:
            new, is_wrong = draw(wrong(hint, given_.get(name, parameter.default), name))
            is_wrong = is_wrong and not (new is None and parameter.default is None)
            seconds *= _more(given_.get(name, parameter.default), new)
            given_[name] = new
        certainly |= is_wrong
        said.append(f"{name} = {shown(new, 80)}")
    bound.arguments.clear()
    in_order = {name: given_[name] for name in signature.parameters if name in given_}
    bound.arguments.update(in_order)
    named = {
        name: value
        for name, value in in_order.items()
        if signature.parameters[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    }
    if len(bound.args) < len(named):  # an argument in front is missing: pass the others by name
        return Call((), {**bound.kwargs, **named}, seconds), certainly, ", ".join(said)
    return Call(bound.args, bound.kwargs, seconds), certainly, ", ".join(said)


def _more(before, after) -> float:
    """How many times as long a call may take as before: by a count, or by the letters of a text."""
    if isinstance(before, str) and isinstance(after, str) and before:
        return max(1.0, len(after) / len(before))
    if not all(isinstance(value, int) and value > 0 for value in (before, after)):
        return 1.0
    return after / before if before < after <= 100 * before else 1.0


# A notebook in a process of its own -----------------------------------------------------------


def child(source: str, seeds: list[int], examples: int, without: set[str]) -> None:
    """Execute one source and attack the names that it calls; a line of JSON for each.

    Without a source: those that no source calls.
    """
    limit_memory()
    torch.set_num_threads(1)
    os.environ.setdefault("HELPERS_INTERACTIVE", "0")
    out = sys.stdout

    def tell(**what) -> None:
        print(json.dumps(what), file=out, flush=True)

    pieces = sources()[source] if source else []
    met = names({source: pieces}) if source else names()
    with tempfile.TemporaryDirectory() as folder:
        calls = remembered(pieces, Path(folder), tell)
        os.chdir(folder)
        torch.set_flush_denormal(False)  # what Hypothesis asks of a processor
        for key, (value, _) in met.items():
            known = calls.get(key) or ([] if source else [Call((), {}, 0.0)])
            if key in without or not known or not examples:
                continue
            tell(begin=key)
            careful = not source or bool(WRITERS.search(key))
            # A third of them on what trains or draws: it would take most of the time.
            many = examples if known[0].seconds < SLOW else max(1, examples // 3)
            start, tallies, bad = time.process_time(), [], []
            for number in seeds:
                random.seed(number)
                tally, more = attack(
                    value, known, many, number, certain_only=careful, beat=lambda: tell(beat=1)
                )
                tallies.append(tally)
                bad += more
            seconds = time.process_time() - start
            tell(name=key, tallies=tallies, bad=bad, seconds=seconds, valid=known[0].seconds)


def limit_memory() -> None:
    """What a call asks for beyond this is refused, where the system can."""
    with contextlib.suppress(ImportError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def fuzz(seeds: list[int], examples: int, only: list[str], jobs: int) -> dict[str, dict]:
    """Attack all names, notebook by notebook: name -> its tally for each seed and what was bad."""
    found: dict[str, dict] = {}
    answered = [name for name in sources() if not name.startswith("exercises")]  # those have blanks
    chosen = [name for name in answered if any(part in name for part in only)]

    def attack_those_of(source: str) -> None:
        print(f"{source or 'what none of them calls'} …", file=sys.stderr, flush=True)
        while (hung := _run_child(source, seeds, examples, found)) is not None:
            told = ["hang: the process was silent, or died"]
            found[hung] = {"tallies": [{"hang": 1} for _ in seeds], "bad": told}

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(attack_those_of, chosen if only else answered))
    if not only:
        attack_those_of("")
    return found


def _run_child(source: str, seeds: list[int], examples: int, found: dict[str, dict]) -> str | None:
    """Let a process attack what is not in ``found`` yet; the name at which it was killed."""
    command = [sys.executable, "-m", "tests.fuzz", "--child", source]
    command += [f"--seed={number}" for number in seeds]
    command += ["--examples", str(examples), "--without", json.dumps(sorted(found))]
    begun = None
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=paths.ROOT
        )
        watch = threading.Timer(SILENCE, process.kill)
        for line in process.stdout:
            watch.cancel()
            watch = threading.Timer(SILENCE, process.kill)
            watch.start()
            with contextlib.suppress(ValueError):  # what a library prints
                told = json.loads(line)
                begun = told.get("begin", begun)
                if "failed" in told:
                    print(f"{source}: a cell failed: {told['failed']}", flush=True)
                if "name" in told:
                    inputs = sum(sum(tally.values()) for tally in told["tallies"])
                    print(
                        f"{told['name']}: {inputs} inputs, {told['seconds']:.1f} s; "
                        f"a valid call {told['valid']:.2f} s",
                        *told["bad"],
                        sep="\n    ",
                        file=sys.stderr,
                        flush=True,
                    )
                    found[told["name"]] = told
        watch.cancel()
        if (code := process.wait()) == 0:
            return None
        errors.seek(0)
        print(errors.read()[-3000:], file=sys.stderr)
    if code > 0 or begun is None or begun in found:  # not killed: an error of this harness
        raise SystemExit(f"{source} could not be fuzzed")
    return begun


def table(found: dict[str, dict]) -> str:
    """A row a name, a sum, and what was bad."""
    width = max(map(len, found), default=4)
    lines = [f"{'name':<{width}}  inputs  " + "  ".join(f"{kind:>8}" for kind in OUTCOMES)]
    runs = max((len(one["tallies"]) for one in found.values()), default=0)
    totals = [collections.Counter() for _ in range(runs)]
    for name, one in sorted(found.items()):
        for total, tally in zip(totals, one["tallies"], strict=True):
            total.update(tally)
        lines.append(_row(name, sum(map(collections.Counter, one["tallies"]), _NONE), width))
    lines += ["─" * len(lines[0])]
    lines += [_row(f"{len(found)} names", total, width) for total in totals]  # a row a seed
    lines += [""]
    lines += [f"{name}: {bad}" for name, one in sorted(found.items()) for bad in one["bad"][:8]]
    return "\n".join(lines)


_NONE = collections.Counter()


def _row(name, tally, width) -> str:
    cells_ = "  ".join(f"{tally.get(kind, 0):>8,}" for kind in OUTCOMES)
    return f"{name:<{width}}  {sum(tally.values()):>6,}  {cells_}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", help="of a run; several make several")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at a time, a gigabyte each")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="inputs a name")
    parser.add_argument("--only", action="append", default=[], help="part of a notebook's name")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--without", default="[]", help=argparse.SUPPRESS)
    options = parser.parse_args()
    seeds = options.seed or [0]
    if options.child is not None:
        child(options.child, seeds, options.examples, set(json.loads(options.without)))
        return 0
    met = names()
    found = fuzz(seeds, options.examples, options.only, options.jobs)
    print(table(found))
    lacking = sorted(set(met) - set(found))
    if not options.only and lacking:
        print(f"\nno call of {len(lacking)} names was seen: {', '.join(lacking)}")
    tallies = [tally for one in found.values() for tally in one["tallies"]]
    return int(any(tally.get(kind) for tally in tallies for kind in BAD))


if __name__ == "__main__":
    sys.exit(main())
