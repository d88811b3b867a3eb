"""Levers of a character model: networks and dropouts, turned one at a time and three together.

Data flow::

    LEVERS -> Reading (a lever, a seed) -> LeveredLM, Plan -> fit on a small part of the novel
           -> looks at the validation text -> store, one file a run -> data/results/levers.csv.gz

What a lever is worth depends on where one stands. All runs read the same short text many times with
a small network, about as often as the published model read the novel before it was widened, and end
up knowing it far better than any other text. The novel's test text has no part in this.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from helpers import archive, paths
from helpers.checks import choice, fits, integer, seed
from helpers.runtime import device as find_device
from helpers.runtime import generator
from helpers.store import RunStore
from helpers.study import report, run_study
from helpers.text.book_model import NAME as BOOK
from helpers.text.books import load_book
from helpers.text.corpus import split_text
from helpers.text.levered import LeveredLM
from helpers.text.measures import nats_to_bits
from helpers.text.training import Plan, fit
from helpers.text.vocabulary import Vocabulary

#: Name of the archive, and of the store in ``data/work``.
NAME = "levers"
EXPERIMENT_VERSION = 1
#: Characters of the training text that are read, its first ones; a training reads them fifty times.
CHARACTERS = 30_000
#: Characters of the validation text at each look, its first ones too.
LOOKED_AT = 40_000


#: What is turned from: streams, a rate along a cosine, dropout behind the layers and nothing more.
#: The recipe of the published model's first training is, in small, the last of :data:`LEVERS`.
MODEL = {"hidden_size": 128, "num_layers": 2, "embedding_size": 64, "dropout": 0.2}
PLAN = Plan(
    steps=3000,
    batching="streams",
    length=50,
    batch_size=10,
    optimizer="adamw",
    lr=6e-3,
    schedule="cosine",
    warmup=50,
    weight_decay=0.01,
    clip_norm=1.0,
    eval_every=150,
)
#: Of the three levers that gain most alone, the two that the model has.
_THREE = {"norm": True, "weight_dropout": 0.3}
_AVERAGED = {"schedule": "constant", "average": 0.995}
#: The setting that the others are compared with.
CENTRE = "as it is"
#: Name of a setting -> fields of the model and of the plan that it sets otherwise.
LEVERS: dict[str, tuple[dict, dict]] = {
    CENTRE: ({}, {}),
    "no dropout": ({"dropout": 0.0}, {}),
    "more dropout": ({"dropout": 0.4}, {}),
    "dropout locked over time": ({"locked": True}, {}),
    "dropout of recurrent weights": ({"weight_dropout": 0.3}, {}),
    "weights averaged": ({}, {"average": 0.995}),
    "constant rate": ({}, {"schedule": "constant"}),
    "constant rate, averaged": ({}, _AVERAGED),
    "windows at random places": ({}, {"batching": "windows"}),
    "windows of 100": ({}, {"length": 100, "batch_size": 5}),
    "residual layers": ({"residual": True}, {}),
    "layers normalised": ({"norm": True}, {}),
    "both dropouts, averaged": ({"locked": True, "weight_dropout": 0.3}, {"average": 0.995}),
    "three together": (_THREE, {"batching": "windows"}),
    "three together, averaged": (_THREE, {"batching": "windows", **_AVERAGED}),
    "three together, more dropout": ({**_THREE, "dropout": 0.4}, {"batching": "windows"}),
    "three together, averaged, more dropout": (
        {**_THREE, "dropout": 0.4},
        {"batching": "windows", **_AVERAGED},
    ),
}
#: Do the gains of the best three add up?
TOGETHER = tuple(name for name in LEVERS if name.startswith("three together"))


@dataclass(frozen=True)
class Reading:
    """One training under a lever.

    Attributes:
        seed: of the weights, of the batches and of dropout.
        characters: of the training text that are read.

    Raises:
        ValueError: an unknown lever, or a number out of range.
    """

    lever: str
    seed: int
    steps: int = PLAN.steps
    characters: int = CHARACTERS

    def __post_init__(self):
        choice("a lever", self.lever, tuple(LEVERS))
        seed("seed", self.seed)
        integer("steps", self.steps, minimum=1)
        integer("characters", self.characters, minimum=PLAN.length + 1)
        fits(2 * self.steps, steps=self.steps)  # the two curves
        fits(2 * self.characters, characters=self.characters)  # as indices


SEEDS = range(3)


def planned(_runs: pd.DataFrame | None = None) -> dict[str, list[Reading]]:
    """Part -> the runs of it: all levers, seed by seed."""
    return {NAME: [Reading(lever, seed) for seed in SEEDS for lever in LEVERS]}


def read_book(run: Reading, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """Train one network; returns its record and its curves.

    The record has "valid" and "train", bits a character of the validation text at the best look and
    of the training batches over the last look's steps, with dropout; "best_step"; "parameters". The
    curve "valid" has the bits at each look.

    Raises:
        FloatingPointError: the training diverged.
    """
    fields, changes = LEVERS[run.lever]
    text = load_book(BOOK).text
    parts, vocab = split_text(text), Vocabulary(text)
    weights = generator(run.seed, "weights")
    model = LeveredLM(len(vocab), **{**MODEL, **fields}, generator=weights).to(find_device(device))
    plan = replace(PLAN, steps=run.steps, seed=run.seed, **changes)
    train_ids = vocab.encode(parts.train[: run.characters])
    history = fit(model, train_ids, vocab.encode(parts.valid[:LOOKED_AT]), plan).undiverged()
    last = history.loss[-plan.eval_every :]
    record = {
        "valid": history.best()["bpc"],
        "best_step": history.best()["step"],
        "train": nats_to_bits(sum(last) / len(last)),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    return record, {"valid": [look["bpc"] for look in history.valid]}


def run_and_write(workers: int | None = None, device: str | torch.device = "cpu") -> None:
    """Train what is missing, and archive all.

    Raises:
        ValueError: the novel is not here and cannot be fetched.
        RuntimeError: some runs failed; the others are in the store.
    """
    load_book(BOOK)
    store = RunStore(paths.WORK / NAME, EXPERIMENT_VERSION)
    runs = planned()[NAME]
    outcome = run_study(read_book, runs, store, workers=workers, device=device, desc=NAME)
    archive.write(NAME, outcome.table.assign(part=NAME), experiment_version=EXPERIMENT_VERSION)
    report(outcome.failures)


def read(folder: Path = paths.RESULTS) -> pd.DataFrame:
    """A row a run."""
    return archive.read(NAME, folder).table


def worth(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a lever, sorted by what it gains, without the setting that it is turned from.

    "gain" is the mean, over the seeds, of the bits a character that the lever saves against
    :data:`CENTRE` with the same seed; "least" and "most" its range. Also the means of "valid",
    "train", "best_step" and "parameters".
    """
    bits = runs.pivot(index="lever", columns="seed", values="valid")
    gain = (bits.loc[CENTRE] - bits.drop(CENTRE)).T.agg(["mean", "min", "max"]).T
    gain.columns = ["gain", "least", "most"]
    means = runs.groupby("lever")[["valid", "train", "best_step", "parameters"]].mean()
    return gain.join(means).sort_values("gain", ascending=False)


if __name__ == "__main__":
    run_and_write()
