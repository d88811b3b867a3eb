"""``python -m tests.faults``, or ``make faults``: attack what must not get lost, and count.

Every attack is seeded and bounded, and talks to nobody outside of this machine. What an attack may
find: the fault is *told* in a sentence that names what is at fault; it is *harmless*, the answer is
the right one; it is told *without a name*, as a deep error; or it is *silent*, a wrong answer
without a word. The last two must be 0. ``tests/test_faults.py`` runs a few tries of each.
"""

import argparse
import contextlib
import functools
import io
import os
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from helpers import archive, paths
from helpers.checkpoints import load_snapshot, save_snapshot
from helpers.combined import archive as comparisons
from helpers.palindromes import archive as palindromes
from helpers.palindromes.trained_networks import load_network
from helpers.processes import leave_home_alone
from helpers.store import RunStore
from helpers.text import arriving, book_comparisons, cuts, dynamic, lexicon, load_book, own_books
from tests import faults_input as odd
from tests import faults_processes as processes
from tests import faults_writers as writers
from tests.damage import damage_file
from tests.hostile_server import BOOK, REFUSED, TAKEN, serving
from tests.study_experiments import Config
from tests.tally import Tally

# Stores, checkpoints, archives ---------------------------------------------------------------


def same_arrays(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def run_files(rng: random.Random, tries: int, folder: Path) -> Tally:
    """One damaged run file in a store: named, set aside, missing again; the others untouched."""
    tally, store = Tally(), RunStore(folder / "store", 1)
    for value in (1, 2):
        store.save(Config(value), {"square": value**2}, {"curve": np.arange(50.0 * value)})
    path, right = store.path(Config(1)), store.load(Config(1))
    content = path.read_bytes()
    for _ in range(tries):
        path.write_bytes(content)
        what = damage_file(path, rng)

        def is_right(run):
            return run.record == right.record and same_arrays(run.curves, right.curves)

        before = tally.told
        tally.judge(what, path.name, lambda: store.load(Config(1)), is_right)
        if tally.told > before:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                missing = store.missing([Config(1), Config(2)])
            aside = list(store.folder.glob(f"{path.name}.damaged*"))
            if missing != [Config(1)] or len(aside) != 1 or path.name not in str(said[0].message):
                tally._bad("silent", f"{what}, not set aside", missing)
            for file in aside:
                file.unlink()
    return tally


def snapshots(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A damaged snapshot of a training: told, whatever byte it is."""
    tally, path = Tally(), folder / "training.safetensors"
    tensors = {"model.W": torch.arange(60.0).view(6, 10), "random": torch.arange(40).byte()}
    save_snapshot(path, tensors, {"plan": {"steps": 5, "lr": 0.1}, "history": {"loss": [1.0, 0.5]}})
    content = path.read_bytes()
    for _ in range(tries):
        path.write_bytes(content)
        what = damage_file(path, rng)
        tally.judge(what, path.name, lambda: load_snapshot(path), lambda _: False)
    return tally


def checkpoints(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A published checkpoint whose JSON or tensors are damaged, or one of which is missing."""
    tally, name = Tally(), "palindrome_lstm_T19"
    files = [paths.CHECKPOINTS / f"{name}{suffix}" for suffix in (".json", ".safetensors")]
    for k in range(tries):
        for file in files:
            shutil.copy(file, folder)
        chosen = folder / files[k % 5 == 4].name  # most of the tries on the JSON
        what = damage_file(chosen, rng)
        if rng.random() < 0.02:
            chosen.unlink()
            what = "missing"
        tally.judge(
            f"{chosen.suffix}: {what}", name, lambda: load_network(name, folder), lambda _: False
        )
    return tally


def archives(rng: random.Random, tries: int, folder: Path) -> Tally:
    """Published runs of which a file is damaged or missing: named, with the way to get it back."""
    tally = Tally()
    readers = {
        "palindromes": palindromes.read,
        "sequences_and_graphs": comparisons.read,
        "optimizer_race": lambda folder: archive.read("optimizer_race", folder),
        "book_text": book_comparisons.read,
        "book_cuts": cuts.read,
        "anna_karenina_words": lexicon.read,
        "own_books": own_books.read,
        "dynamic_evaluation": dynamic.read,
        "levers": lambda folder: archive.read("levers", folder),
    }
    for _ in range(tries):
        name = rng.choice(list(readers))
        files = sorted(paths.RESULTS.glob(f"{name}*"))
        for file in files:
            shutil.copy(file, folder)
        chosen = folder / rng.choice(files).name
        what = f"{chosen.name}: {damage_file(chosen, rng)}"
        if rng.random() < 0.05:
            chosen.unlink()
            what = f"{chosen.name} is missing"
        told = f"git checkout -- data/results/{chosen.name}"
        tally.judge(what, told, lambda name=name: readers[name](folder), lambda _: False)
    return tally


def downloads(rng: random.Random, tries: int, folder: Path) -> Tally:
    """Whatever an address may answer: refused in a sentence, the folder of books as it was."""
    tally, books = Tally(), folder / "books"
    books.mkdir()
    (books / "mine.txt").write_bytes(BOOK)
    with (
        serving() as address,
        mock.patch.multiple(arriving, SECONDS=2.0, SILENCE_S=0.5, LARGEST=1_000_000),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        for k in range(tries):
            kind = [*REFUSED, *TAKEN][k % (len(REFUSED) + len(TAKEN))]
            before, begun = writers.everything(books), time.monotonic()
            what = f"{kind} {k}"
            act = functools.partial(load_book, f"{address}/{kind}?{rng.random()}", folder=books)
            words = REFUSED.get(kind, "taken")
            tally.judge(what, words, act, lambda book: book.text.encode() == BOOK)
            after = writers.everything(books)
            if kind in TAKEN:
                for name in after.keys() - before.keys() - {"checksums.json"}:
                    (books / name).unlink()
            elif after != before or time.monotonic() - begun > 4:
                tally._bad("silent", f"{what}: something is left, or it took long", list(after))
    return tally


ATTACKS: dict[str, tuple[Callable, int]] = {
    "a damaged run file in a store": (run_files, 1500),
    "a damaged snapshot of a training": (snapshots, 1500),
    "a damaged checkpoint": (checkpoints, 1000),
    "damaged or missing published runs": (archives, 400),
    "a download that is no book": (downloads, 150),
    **{
        f"killed while writing {kind}": (functools.partial(writers.killed, kind), 100)
        for kind in writers.WRITERS
    },
    "a full disk": (writers.full_disk, 210),
    "a full disk under a study": (writers.full_disk_under_a_study, 30),
    "a full disk under the runner": (writers.full_disk_under_the_runner, 8),
    "a folder in the place of a file": (writers.folders_in_the_way, 200),
    "the runner, told to end at any moment": (processes.ended_runner, 20),
    "a study whose main process is killed": (processes.killed_study, 12),
    "a cluster that is sick or loses a part": (processes.sick_cluster, 6),
    "an edge list in any encoding": (odd.edge_lists, 1000),
    "a parameter that no notebook can have": (odd.parameters, 500),
    "a damaged notebook among others": (odd.damaged_notebooks, 6),
    "a setting out of range": (odd.settings, 3000),
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="attacks with this in their name")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of tries")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}\n\n{'attack':48} tries   told  harmless  unnamed  silent  seconds")
    failed = []
    for name, (attack, tries) in ATTACKS.items():
        if options.only not in name:
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            rng = random.Random(f"{options.seed} {name}")
            found = attack(rng, max(1, round(tries * options.share)), Path(folder))
        print(
            f"{name:48} {found.tries:5}  {found.told:5}  {found.harmless:8}  {found.unnamed:7}"
            f"  {found.silent:6}  {time.monotonic() - begun:7.1f}",
            flush=True,
        )
        failed += [f"{name}: {line}" for line in found.bad]
    print("\n" + "\n".join(failed) if failed else "\nNothing silent, nothing without a name.")
    return 1 if failed else 0


if __name__ == "__main__":
    leave_home_alone()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    sys.exit(main())
