"""Attacks on what is read: lists of edges, parameters, notebooks, settings."""

import contextlib
import io
import itertools
import json
import random
import time
from pathlib import Path
from unittest import mock

import nbformat

from helpers import paths, run
from helpers.graph.loaders import load_edge_list
from tests import test_settings
from tests.damage import damaged
from tests.tally import Tally

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le",
             "latin-1", "cp1253", "shift_jis", "cp037")  # fmt: skip


def edge_lists(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A list of edges in any encoding, with a mark or without: the right nodes, or told."""
    tally, path = Tally(), folder / "edges.txt"
    for _ in range(tries):
        encoding = rng.choice(ENCODINGS)
        letters = rng.choice(["abc", "äöé", "αβγ", "アイウ", "a7_"])
        names = [c * rng.randrange(1, 4) for c in letters]
        text = "".join(f"{a} {b}\n" for a, b in itertools.pairwise(names))
        path.write_bytes(text.encode(encoding, errors="ignore"))
        tally.judge(
            f"{names} in {encoding}",
            "edges.txt",
            lambda: load_edge_list(path).nodes,
            lambda nodes, names=names: nodes == tuple(names),
        )
    return tally


def parameters(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A ``-p`` that no notebook can have: refused in a sentence, within two seconds of work."""
    tally = Tally()
    for _ in range(tries):
        text = _odd_yaml(rng)
        begun = time.process_time()

        def act(text=text):
            return run.parse_parameters([["x", text]])["x"]

        def is_right(value):
            json.dumps(value, allow_nan=False)
            return True

        tally.judge(text[:60], "-p x: ", act, is_right)
        if time.process_time() - begun > 2:
            tally.count(text[:60], False, "more than two seconds")
    return tally


def _odd_yaml(rng: random.Random) -> str:
    n = rng.randrange(2, 9)
    bomb = "[&a [x,x,x,x,x,x,x,x,x], " + ", ".join(
        f"&{b} [{','.join([f'*{a}'] * 9)}]"
        for a, b in zip("abcdefgh"[:n], "bcdefghi", strict=False)
    )
    deep = rng.randrange(1, 20_000)
    return rng.choice(
        [
            bomb + "]",
            f"20{n}0-01-0{n}",
            f"&a [{'x, ' * n}*a]",
            f"&a {{x: [{'1, ' * n}*a]}}",
            "[" * deep,
            "{a: " * deep,
            "- " * deep,
            "[" * deep + "]" * deep,
            rng.choice([".nan", ".inf", "-.inf", "[.nan]", "!!float nan"]),
            "!!binary aGk=",
            "!!set {a, b}",
            "!!python/object/apply:os.system ['true']",
            "!!python/name:os.system ''",
            "9" * rng.randrange(4000, 60_000),
            f"{{{n}: 1, 2020-01-01: 2}}",
            "".join(chr(rng.randrange(1, 0x3000)) for _ in range(n)),
            "'" * n + '"' * n,
            "%YAML 9.9\n--- a",
            "<<: *b",
        ]
    )


def damaged_notebooks(rng: random.Random, tries: int, folder: Path) -> Tally:
    """One damaged notebook: an outcome of its own, and the other one runs."""
    tally = Tally()
    cells = [nbformat.v4.new_code_cell("print('whole')", id="one")]
    content = nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()
    (folder / "02_whole.ipynb").write_bytes(content)
    for k in range(tries):
        what, after = damaged(content, rng)
        (folder / "01_damaged.ipynb").write_bytes(after)
        said, wrong = io.StringIO(), io.StringIO()
        arguments = ["--jobs", "1", "--out", str(folder / "out")]
        with (
            mock.patch.object(paths, "NOTEBOOKS", folder),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(wrong),
        ):
            try:
                status = run.main(arguments)
            except Exception as error:
                status = repr(error)
        rows = {line.split()[0]: line for line in said.getvalue().splitlines() if line.strip()}
        other, own = rows.get("02_whole", "").endswith("ok"), rows.get("01_damaged", "")
        if status == 0 and other and own.endswith("ok"):
            tally.harmless += 1
        else:
            told = status == 1 and other and bool(own) and not own.endswith("ok")
            tally.count(f"{what}, notebook {k}", told, f"{status}: {own}")
    return tally


def settings(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A field of a configuration that it cannot have: refused with its name."""
    tally = Tally()
    for _ in range(tries):
        example, name, value = test_settings.drawn(rng)
        told = test_settings.refusal(example, name, value)
        what = f"{type(example).__name__}({name}={value!r:.60})"
        if told is None and test_settings.is_legal(example, name, value):
            tally.harmless += 1
        else:
            tally.count(what, told is not None and name in told and len(told) < 500, told)
    return tally
