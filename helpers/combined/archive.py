"""The comparisons of notebook 07 as grids of runs, run and published together.

``data/results/sequences_and_graphs.csv.gz`` has a row a run. What a kind of run does not have is
empty there; "parts" says which comparison it belongs to.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import archive, paths
from helpers.archive import Archive
from helpers.combined.links import MODELS as LINK_MODELS
from helpers.combined.links import LinkRun, train_links
from helpers.combined.neighbours import AGGREGATORS, NeighbourRun, train_aggregator
from helpers.combined.networks import READERS
from helpers.combined.pedigree import PedigreeRun, train_pedigree
from helpers.combined.serialised import GraphRun, train_graphs
from helpers.combined.series import MODELS as SERIES_MODELS
from helpers.combined.series import SeriesRun, train_series
from helpers.combined.small_graphs import ORDERS, TASKS
from helpers.combined.structure import AttentionRun, StructureRun, train_attention, train_structure
from helpers.store import FinishedRun
from helpers.study import Part, Study, grid, report

#: Bumped by hand whenever a change alters what a run computes.
EXPERIMENT_VERSION = 1
#: Columns that count; beside rows without them they would come back as floats.
COUNTS = (
    *("T", "L", "Q", "seed", "steps", "batch_size", "depth", "width", "neighbours"),
    *("parameters", "parameters_used"),
)
LENGTHS = (5, 10, 20, 40)
#: On the chain as many rounds as digits are needed; 40 of them on 41 nodes are left out for time.
CHAIN_LENGTHS = (5, 10, 20)
ATTENTION_LENGTHS = (10, 20, 40)
LINK_LENGTHS = (10, 20, 40)
#: Layers that pass messages over palindromes; on graph tasks the most expressive one comes to them.
LAYERS = ("gcn", "gat", "gated")


def structure(seeds=range(10)) -> list[StructureRun]:
    """Palindromes as a sequence, as a chain, and with mirrored positions joined."""
    lengths = {"sequence": LENGTHS, "mirror": LENGTHS, "chain": CHAIN_LENGTHS}
    return [
        StructureRun(model, form, T, seed)
        for form, of_form in lengths.items()
        for T in of_form
        for model in (READERS if form == "sequence" else LAYERS)
        for seed in seeds
    ]


def serialised(seeds=range(5)) -> dict[str, list[GraphRun]]:
    """Graph tasks: message passing with three kinds of features, and readers in three orders."""
    tasks = list(TASKS)
    passing = grid(GraphRun, model=[*LAYERS, "gin"], task=tasks, seed=seeds, features="mark")
    repaired = grid(GraphRun, model="gated", task=tasks, seed=seeds, features=["walks", "random"])
    reading = grid(GraphRun, model=list(READERS), task=tasks, seed=seeds, order=list(ORDERS))
    pooled = grid(GraphRun, model="gated", task=tasks, seed=seeds, features="mark", pool="lstm")
    found: dict[str, list[GraphRun]] = {}
    for run in passing + repaired + pooled + reading:
        found.setdefault(run.setting, []).append(run)
    return found


#: The LSTM of notebook 04, what differs from the comparison's: name of a change -> what it sets.
#: Together they are its training there, but for the budget, which the last two enlarge.
CHANGES = {
    "RMSprop": {"optimizer": "rmsprop"},
    "constant rate": {"schedule": "constant"},
    "clipped at 10": {"clip_norm": 10.0},
    "orthogonal W_hh": {"start": "orthogonal"},
    "chrono biases": {"start": "chrono"},
    "batches of 128": {"batch_size": 128},
    "3000 steps": {"steps": 3000},
}
#: The LSTM as notebook 04 trains it, in the comparison's budget of steps and sequences.
OF_04 = {
    "optimizer": "rmsprop",
    "schedule": "constant",
    "clip_norm": 10.0,
    "start": "orthogonal, chrono",
}
#: What :data:`OF_04` is called among the settings, and the same with notebook 04's budget.
AS_IN_04, ALL_OF_04 = "as in 04, same budget", "as in 04, its budget"
#: The best setting that was found in the comparison's budget.
BEST_SETTING = f"{AS_IN_04}, without: clipped at 10"
#: The gated network on the chain of 10 digits: was it the training?
ON_THE_CHAIN = {
    "RMSprop, constant rate, clipped at 10": {k: v for k, v in OF_04.items() if k != "start"},
    "rate 0.001": {"lr": 1e-3},
    "rate 0.01": {"lr": 1e-2},
    "batches of 128": {"batch_size": 128},
    "3000 steps": {"steps": 3000},
}


def lstm_settings(T: int = 20, seeds=range(10)) -> dict[str, list[StructureRun]]:
    """The LSTM as a reader: one change at a time, all together at every length, one taken back."""

    def runs(T=T, **setting):
        return [StructureRun("lstm", "sequence", T, seed, **setting) for seed in seeds]

    budget = {"batch_size": 128, "steps": 3000}
    found = {name: runs(**change) for name, change in CHANGES.items()}
    found["orthogonal W_hh, chrono biases"] = runs(start=OF_04["start"])
    found[AS_IN_04] = [run for length in LENGTHS for run in runs(length, **OF_04)]
    found[ALL_OF_04] = runs(**OF_04, **budget)
    taken_back = {"RMSprop": "optimizer", "constant rate": "schedule", "clipped at 10": "clip_norm"}
    for name, field in taken_back.items():
        kept = {k: v for k, v in OF_04.items() if k != field}
        setting = f"{AS_IN_04}, without: {name}"
        lengths = LENGTHS if setting == BEST_SETTING else [T]
        found[setting] = [run for length in lengths for run in runs(length, **kept)]
    for name, start in (("orthogonal W_hh", "chrono"), ("chrono biases", "orthogonal")):
        found[f"{AS_IN_04}, without: {name}"] = runs(**OF_04 | {"start": start})
    return found


def chain_settings(T: int = 10, seeds=range(5)) -> dict[str, list[StructureRun]]:
    """The gated network on the chain, one change of its training at a time."""
    return {
        name: [StructureRun("gated", "chain", T, seed, **change) for seed in seeds]
        for name, change in ON_THE_CHAIN.items()
    }


def pedigree(seeds=range(5)) -> dict[str, list[PedigreeRun]]:
    """Family trees: messages over enough rounds and over three, readers in two orders."""
    passing = grid(PedigreeRun, model="gated", depth=[10, 3], seed=seeds)
    passing += grid(PedigreeRun, model="gin", seed=seeds)
    reading = grid(PedigreeRun, model=list(READERS), order=["birth", "random"], seed=seeds)
    found: dict[str, list[PedigreeRun]] = {}
    for run in passing + reading:
        found.setdefault(run.setting, []).append(run)
    return found


PARTS = {
    "attention": Part(
        train_attention, lambda: grid(AttentionRun, T=ATTENTION_LENGTHS, seed=range(5))
    ),
    "neighbours": Part(
        train_aggregator, lambda: grid(NeighbourRun, aggregator=list(AGGREGATORS), seed=range(10))
    ),
    "series": Part(train_series, lambda: grid(SeriesRun, model=list(SERIES_MODELS), seed=range(5))),
    "links": Part(
        train_links, lambda: grid(LinkRun, model=list(LINK_MODELS), L=LINK_LENGTHS, seed=range(5))
    ),
    "serialised": Part(train_graphs, serialised),
    "structure": Part(train_structure, structure),
    "lstm_settings": Part(train_structure, lstm_settings),
    "chain_settings": Part(train_structure, chain_settings),
    "pedigree": Part(train_pedigree, pedigree),
}

STUDY = Study("sequences_and_graphs", EXPERIMENT_VERSION, PARTS)


def write(folder: Path = paths.RESULTS) -> None:
    """Archive the finished runs beside those published before, and one attention map a length."""
    old = read(folder) if archive.exists(STUDY.name, folder) else None
    maps = {} if old is None else dict(old.curves)
    kept = STUDY.store()
    for config in PARTS["attention"].runs():
        if config.seed == 0 and (run := kept.find(config)) is not None:
            maps[f"attention {config.T}"] = _map(run)
    table = STUDY.merged(old)
    archive.write(STUDY.name, table, maps, folder, experiment_version=EXPERIMENT_VERSION)


def _map(run: FinishedRun) -> np.ndarray:
    return run.curves["attention"].astype(np.float16)


def run_and_write(
    workers: int | None = None, cluster: str | None = None, device: str | torch.device = "cpu"
) -> None:
    """The whole study, resumably, and its archive."""
    failures = STUDY.run_parts(workers=workers, cluster=cluster, device=device)
    write()
    report(failures)


@dataclass
class ComparisonArchive(Archive):
    """The study as read back; "attention T" among its curves is one run's, ``(T + 1, T + 1)``."""

    def part(self, name: str) -> pd.DataFrame:
        """The runs of one kind, without the columns that they do not have.

        Raises:
            ValueError: none has been published.
        """
        rows = super().part(name).dropna(axis=1, how="all")
        rows = rows.fillna({"order": "", "features": ""})  # empty texts, in the file as nothing
        return rows.astype({name: int for name in COUNTS if name in rows})


def read(folder: Path = paths.RESULTS) -> ComparisonArchive:
    """The published comparisons."""
    found = archive.read(STUDY.name, folder)
    return ComparisonArchive(found.table, found.curves, found.provenance)


def summary(comparisons: ComparisonArchive) -> pd.DataFrame:
    """Means over seeds: the best reader, the best message passing, and networks that are both.

    Shares of right answers but in the last row, whose errors are better the smaller they are.
    "best" names every column whose number, as printed, is the best one.
    """
    form, graphs, linked = (comparisons.part(name) for name in ("structure", "serialised", "links"))
    T = form[form["structure"] == "chain"]["T"].max()
    by_form = form[form["T"] == T].groupby(["structure", "model"])["accuracy"].mean()
    rows = [
        (f"order alone: palindromes as a chain, T = {T}", by_form["sequence"], by_form["chain"]),
        (f"order and known pairs: the mirror, T = {T}", by_form["sequence"], by_form["mirror"]),
    ]
    rows = [(name, reader.max(), passing.max(), None) for name, reader, passing in rows]
    keys = ["model", "order", "features", "pool"]
    for task, runs in graphs.groupby("task", sort=False):
        reads = runs["model"].isin(READERS)
        pooled = ~reads & (runs["pool"] == "lstm")
        best = [
            runs[which].groupby(keys)["accuracy"].mean().max()
            for which in (reads, ~reads & ~pooled, pooled)
        ]
        rows.append((f"a graph, asked for {task}", *best))
    kin = comparisons.part("pedigree")
    far = kin.groupby(["model", "order", "depth"])["far"].mean()
    reads = far.index.get_level_values("model").isin(READERS)
    rows.append(("a family tree, long lines of mothers", far[reads].max(), far[~reads].max(), None))
    L = linked["L"].max()
    at_L = linked[linked["L"] == L].groupby("model")["accuracy"].mean()
    passing = max(at_L["graph"], at_L["graph+"])
    rows.append((f"text with links, {L} digits", at_L["reader"], passing, at_L["combined"]))
    near = comparisons.part("neighbours").groupby("aggregator")["accuracy"].mean()
    rows.append(
        (
            "how many neighbours differ",
            near["lstm"],
            near[["mean", "gin"]].max(),
            near["sorted lstm"],
        )
    )
    error = comparisons.part("series").groupby("model")["error"].mean()
    rows.append(("coupled series, error", error["lstm"], error["gcn"], error["combined"]))
    columns = ["reading", "messages", "both"]
    table = pd.DataFrame(rows, columns=["data", *columns])
    numbers = table[columns].astype(float).round(2)
    top = numbers.max(axis=1)
    top.iloc[-1] = numbers.iloc[-1].min()
    best = numbers.eq(top, axis=0).apply(lambda row: ", ".join(row.index[row]), axis=1)
    texts = numbers.map(lambda value: "–" if np.isnan(value) else f"{value:.2f}")
    return pd.concat([table["data"], texts, best.rename("best")], axis=1)
