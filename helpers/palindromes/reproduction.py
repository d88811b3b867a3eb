"""The same runs on another machine and under other conditions: what agrees, and how far.

``python -m helpers.palindromes.reproduction`` trains a few runs of protocol A once more, in a
process of its own for each condition, and archives a row a run and condition beside what was
published. Seeds fix the numbers that a run draws, exactly, on any machine. They do not fix the
order in which a product sums, which depends on how wide the processor's vectors are and on how
many threads share the work; so the last bit of a sum may differ, and training makes it grow.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import archive as ground_floor
from helpers import paths, runtime
from helpers.palindromes import archive
from helpers.palindromes.experiment import EXPERIMENT_VERSION, PalindromeRun
from helpers.palindromes.growing import train
from helpers.palindromes.parts import protocol_a
from helpers.store import RunStore, run_key

NAME = "reproduction"
LENGTHS, SEEDS = (5, 7, 9), (0,)
#: What a condition sets: variables of the environment, read when torch is loaded, and threads.
#: "narrow vectors" holds ATen, oneDNN and MKL to the instructions of a processor of 2008.
NARROW = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
}
CONDITIONS: dict[str, tuple[dict[str, str], int]] = {
    "as it is": ({}, 1),
    "two threads": ({"OMP_WAIT_POLICY": "passive"}, 2),  # a busy machine bears no spinning
    "narrow vectors": (NARROW, 1),
}
#: Numbers of a run's record that are compared: measured before the first step, and after.
BEFORE = ("spectral_radius", "sigma_max", "sensitivity", "log10_gradient_ratio")
AFTER = ("solved", "solved_step", "final_accuracy", "held_out_accuracy")


def runs() -> list[PalindromeRun]:
    """The runs that are trained again."""
    return [run for run in protocol_a(SEEDS) if run.T in LENGTHS]


def store_of(condition: str) -> RunStore:
    """Where the runs of a condition are kept while they go on."""
    return RunStore(paths.WORK / NAME / condition.replace(" ", "_"), EXPERIMENT_VERSION)


def train_under(condition: str) -> None:
    """Train what is missing, in this process, whose environment is the condition's."""
    kept = store_of(condition)
    runtime.prepare_worker(threads=CONDITIONS[condition][1])
    vectors = torch.backends.cpu.get_cpu_capability()
    for run in kept.missing(runs()):
        record, curves = train(run)
        kept.save(run, {**record, "vectors": vectors}, curves)


def run_and_write() -> None:
    """All conditions, one after another, resumably, and their archive."""
    for condition, (variables, _) in CONDITIONS.items():
        command = [sys.executable, "-m", __spec__.name if __name__ == "__main__" else __name__]
        subprocess.run(
            [*command, "--condition", condition],
            check=True,
            cwd=paths.ROOT,
            env={**os.environ, **variables},
        )
    write()


def write(folder: Path = paths.RESULTS) -> None:
    """Archive the finished runs of all conditions."""
    published = archive.read()
    rows = [
        row(published, condition, run)
        for condition in CONDITIONS
        for run in runs()
        if run in store_of(condition)
    ]
    ground_floor.write(
        NAME, pd.DataFrame(rows), None, folder, experiment_version=EXPERIMENT_VERSION
    )


def row(published: archive.PalindromeArchive, condition: str, run: PalindromeRun) -> dict:
    """A run under a condition: its record, and how long its curves are those of others.

    "vectors" is what torch says of the instructions that it uses. "steps_as_published" counts the
    steps before the ten whose mean loss, as published in half precision, is another;
    "steps_as_here" those before the first loss, in full, that differs from this machine's own
    under the first condition.
    """
    found = store_of(condition).load(run)
    here = store_of(next(iter(CONDITIONS))).load(run)
    key = run_key(run, EXPERIMENT_VERSION)
    at = published.curves["protocol_a keys"].tolist().index(key)
    means = archive.box_means(found, "loss")
    boxes = agreeing(means, published.curves["protocol_a loss"][at][: len(means)])
    return {
        "key": key,
        "condition": condition,
        "vectors": found.record["vectors"],
        **{name: getattr(run, name) for name in ("model", "T", "seed", "steps")},
        **{name: found.record[name] for name in (*BEFORE, *AFTER)},
        "steps_as_published": boxes * archive.BOX,
        "steps_as_here": agreeing(found.curves["loss"], here.curves["loss"]),
        **found.made,
    }


def agreeing(a: np.ndarray, b: np.ndarray) -> int:
    """How many values are equal before the first that is not."""
    differs = np.flatnonzero(a != b)
    return int(differs[0]) if len(differs) else len(a)


def agreement(published: archive.PalindromeArchive, again: pd.DataFrame) -> pd.DataFrame:
    """A row a condition and number: in how many runs it is as published, and by how much not.

    Columns: "condition", "number", "runs", "equal" (to the last digit), "largest difference" (of
    runs that have the number; of "solved_step" in steps).
    """
    was = published.part("protocol_a").set_index("key")
    rows = []
    for condition, found in again.groupby("condition", sort=False):
        found = found.set_index("key")
        for name in (*BEFORE, *AFTER):
            pair = pd.DataFrame({"was": was.loc[found.index, name], "is": found[name]})
            pair = pair.astype(float)
            equal = (pair["was"] == pair["is"]) | pair.isna().all(axis=1)
            has = pair.notna().any(axis=1)
            rows.append(
                {
                    "condition": condition,
                    "number": name,
                    "runs": int(has.sum()),
                    "equal": int((equal & has).sum()),
                    "largest difference": float((pair["was"] - pair["is"]).abs().max()),
                }
            )
    return pd.DataFrame(rows)


def read(folder: Path = paths.RESULTS) -> pd.DataFrame:
    """A row a run and condition."""
    return ground_floor.read(NAME, folder).table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m helpers.palindromes.reproduction")
    parser.add_argument("--condition", choices=list(CONDITIONS))
    chosen = parser.parse_args().condition
    run_and_write() if chosen is None else train_under(chosen)
