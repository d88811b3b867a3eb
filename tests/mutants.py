"""`make mutants`: draw mutants of the code that must be right, run them, say which survive.

mutmut (https://mutmut.readthedocs.io) writes the mutants, notes which tests call which function
and runs them; [tool.mutmut] in pyproject.toml says over which modules. This file draws, so many
from each module as its share of all mutants, holds each mutant to the quick tests of its own wing,
the cheapest file first (it is mutmut's pytest plugin, too), and reports:

    python -m tests.mutants --seed 7 --count 330
    python -m tests.mutants --only 'helpers.store.*'

A survivor is a mutant that no test tells from the original. Read its diff: either a test is
missing, or nothing that a caller can see has changed; then it is listed with its reason in
equivalent_mutants.toml and counts as neither. A mutant that timed out is not counted as killed.

mutmut mutates what stands inside functions and methods, but not where they have a decorator, and
`@torch.no_grad()` stands above the gradients by hand. So it works on a copy of the repository, in
build/mutants/, where `@decorator` above `def f` has become `f = decorator(f)` below it. It needs
`fork`, so not Windows.
"""

import argparse
import ast
import fnmatch
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
SHARE = 0.85  # of the mutants that are not equivalent: fewer killed is an error
PLACE = ROOT / "build" / "mutants"  # git ignores it
MUTANT = "MUTANT_UNDER_TEST"  # where mutmut says which one is on
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")

# The plugin -------------------------------------------------------------------------------------


def wing_of(module: str) -> str | None:
    """The wing of helpers.wing.module; None on the ground floor, which has every test."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 else None


def tests_the_wing(path: Path, wing: str | None) -> bool:
    return wing is None or re.search(rf"\bhelpers\.{wing}\b", path.read_text()) is not None


def pytest_collection_modifyitems(config, items):
    """Under a mutant: the files of its wing only, those whose tests are quickest first."""
    module, _, function = os.environ.get(MUTANT, "").rpartition(".")
    if "__mutmut_" not in function:
        return
    durations = json.loads(Path("mutmut-stats.json").read_text())["duration_by_test"]
    by_file: dict[Path, list] = {}
    for item in items:
        by_file.setdefault(item.path, []).append(item)
    wing = wing_of(module)
    own = [path for path in by_file if tests_the_wing(path, wing)]
    own.sort(key=lambda path: (sum(durations[i.nodeid] for i in by_file[path]), path))
    config.hook.pytest_deselected(
        items=[item for path in by_file if path not in own for item in by_file[path]]
    )
    items[:] = [item for path in own for item in by_file[path]]


def pytest_unconfigure():
    """A mutant's process ends without a goodbye; joblib's workers would stay behind."""
    if "joblib.externals.loky" in sys.modules and "__mutmut_" in os.environ.get(MUTANT, ""):
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=False, kill_workers=True)


# The copy ---------------------------------------------------------------------------------------


def without_decorators(source: str) -> str:
    """`@decorator` above a function as `f = decorator(f)` below it, which means the same.

    A lone `@staticmethod` or `@classmethod` stays, as mutmut knows them.
    """
    lines = source.splitlines()
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    for f in sorted(functions, key=lambda f: -f.lineno):  # from below, so that numbers stay right
        decorators = [ast.unparse(d) for d in f.decorator_list]
        if not decorators or decorators in (["staticmethod"], ["classmethod"]):
            continue
        made = f.name
        for decorator in reversed(decorators):
            made = f"{decorator}({made})"
        first = f.decorator_list[0].lineno - 1
        indent = " " * f.col_offset
        lines[f.end_lineno : f.end_lineno] = ["", f"{indent}{f.name} = {made}"]
        del lines[first : f.lineno - 1]
    return "\n".join(lines) + "\n"


def copy_repository() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "runs", "work")
    for name in ("helpers", "tests", "data"):
        shutil.copytree(ROOT / name, PLACE / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, PLACE / name)
    for path in (PLACE / "helpers").rglob("*.py"):
        path.write_text(without_decorators(path.read_text()))


# Drawing ----------------------------------------------------------------------------------------


def all_mutants() -> dict[str, list[str]]:
    """Name of a module -> names of its mutants."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.file_utils import walk_mutatable_files
    from mutmut.utils.format_utils import get_mutant_name

    found = {}
    for path in sorted(walk_mutatable_files()):
        names = mutate_file_contents(str(path), path.read_text()).mutant_names
        if names:
            found[str(path)] = [get_mutant_name(path, name) for name in names]
    return found


def draw(mutants: dict[str, list[str]], count: int, seed: int) -> list[str]:
    """``count`` mutants, each module's part as near to its share as whole numbers allow."""
    total = sum(map(len, mutants.values()))
    shares = {module: len(names) * min(count, total) / total for module, names in mutants.items()}
    parts = {module: int(share) for module, share in shares.items()}
    by_remainder = sorted(shares, key=lambda module: (parts[module] - shares[module], module))
    for module in by_remainder[: min(count, total) - sum(parts.values())]:
        parts[module] += 1
    rng = random.Random(seed)
    return [name for m, names in mutants.items() for name in rng.sample(names, parts[m])]


# Reporting --------------------------------------------------------------------------------------


def changed(diff: str) -> dict[str, str]:
    """The lines that a mutant takes away and those that it puts in, without their indents."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    taken = {sign: [line[1:].strip() for line in lines if line[:1] == sign] for sign in "-+"}
    return {"was": "\n".join(taken["-"]), "becomes": "\n".join(taken["+"])}


def function_of(name: str) -> str:
    """helpers.store.xǁRunStoreǁload__mutmut_3 -> helpers.store.RunStore.load"""
    module, _, mangled = name.rpartition(".")
    mangled = mangled.partition("__mutmut_")[0]
    inside = mangled[1:].strip("ǁ").replace("ǁ", ".") if "ǁ" in mangled else mangled[2:]
    return f"{module}.{inside}"


def reason(name: str, diff: str) -> str | None:
    """Why a mutant is known to be equivalent."""
    key = {"function": function_of(name), **changed(diff)}
    for entry in tomllib.loads(EQUIVALENT.read_text())["mutant"]:
        if all(entry[field].strip() == value for field, value in key.items()):
            return entry["reason"]
    return None


def verdicts(names: list[str]) -> pd.DataFrame:
    """One row a mutant: module, name, what became of it, its diff unless it was killed."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    wanted = set(names)
    rows = []
    for meta in sorted(Path("mutants/helpers").rglob("*.meta")):
        module = str(meta.relative_to("mutants")).removesuffix(".meta")
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            if name not in wanted:
                continue
            status = status_by_exit_code[code]
            verdict = {"killed": "killed", "timeout": "timed out"}.get(status, "survived")
            if status not in ("killed", "timeout", "survived", "no tests"):
                verdict = status
            diff = "" if verdict == "killed" else get_diff_for_mutant(name, path=module)
            if verdict != "killed" and reason(name, diff):
                verdict = "equivalent"
            rows.append({"module": module, "name": name, "verdict": verdict, "diff": diff})
    return pd.DataFrame(rows)


def report(found: pd.DataFrame) -> float:
    """Print the table and the survivors; the share killed of those that are not equivalent."""
    for row in found[~found["verdict"].isin(["killed", "equivalent"])].itertuples():
        print(f"\n# {row.verdict}: {row.name}\n{row.diff.strip()}")
    counts = pd.crosstab(found["module"], found["verdict"])
    for column in ("killed", "survived", "timed out", "equivalent"):
        counts[column] = counts.get(column, 0)
    counts.loc["all"] = counts.sum()
    counts["share"] = counts["killed"] / (counts.drop(columns="equivalent").sum(axis=1))
    print("\n" + counts.to_string(float_format="{:.1%}".format))
    return counts.loc["all", "share"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the draw")
    parser.add_argument("--count", type=int, default=330, help="how many are drawn")
    parser.add_argument("--only", nargs="+", metavar="PATTERN", help="names, instead of a draw")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    copy_repository()
    os.chdir(PLACE)  # mutmut reads pyproject.toml here, and writes into ./mutants
    mutants = all_mutants()
    if args.only:
        every = [name for names in mutants.values() for name in names]
        names = [name for name in every if any(fnmatch.fnmatch(name, p) for p in args.only)]
        print(f"{len(names)} mutants of {' '.join(args.only)}")
    else:
        names = draw(mutants, args.count, args.seed)
        total = sum(map(len, mutants.values()))
        print(f"{len(names)} of {total} mutants in {len(mutants)} modules, seed {args.seed}")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    mutmut = Path(sys.executable).with_name("mutmut")
    command = [mutmut, "run", "--max-children", str(args.workers), *names]
    subprocess.run(command, env=environment, check=True)
    share = report(verdicts(names))
    print(f"\n{share:.1%} killed; at least {SHARE:.0%} must be.")
    sys.exit(int(share < SHARE))


if __name__ == "__main__":
    main()
