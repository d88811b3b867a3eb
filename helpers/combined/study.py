"""The comparisons of notebook 07 as grids of runs, run and published together.

``data/results/sequences_and_graphs.csv.gz`` has a row a run. What a kind of run does not have is
empty there; "experiment" says which kind it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers import paths, published, study
from helpers.combined.links import MODELS as LINK_MODELS
from helpers.combined.links import LinkRun, train_links
from helpers.combined.neighbours import AGGREGATORS, NeighbourRun, train_aggregator
from helpers.combined.networks import CORES, LAYERS
from helpers.combined.serialised import ORDERS, TASKS, GraphRun, train_graphs
from helpers.combined.series import MODELS as SERIES_MODELS
from helpers.combined.series import SeriesRun, train_series
from helpers.combined.structure import AttentionRun, StructureRun, train_attention, train_structure
from helpers.results import RunStore
from helpers.study import Failure, grid

#: Bumped by hand whenever a change alters what a run computes.
EXPERIMENT_VERSION = 1
NAME = "sequences_and_graphs"
#: Columns that count; beside rows without them they would come back as floats.
COUNTS = ("T", "L", "Q", "seed", "steps", "depth", "width", "parameters_used")
LENGTHS = (5, 10, 20, 40)
#: On the chain as many rounds as digits are needed; 40 of them on 41 nodes are left out for time.
CHAIN_LENGTHS = (5, 10, 20)
ATTENTION_LENGTHS = (10, 20, 40)
LINK_LENGTHS = (10, 20, 40)


def structure(seeds=range(10)) -> list[StructureRun]:
    """Palindromes as a sequence, as a chain, and with mirrored positions joined."""
    lengths = {"sequence": LENGTHS, "mirror": LENGTHS, "chain": CHAIN_LENGTHS}
    return [
        StructureRun(model, form, T, seed)
        for form, of_form in lengths.items()
        for T in of_form
        for model in (CORES if form == "sequence" else LAYERS)
        for seed in seeds
    ]


def serialised(seeds=range(5)) -> list[GraphRun]:
    """Graph tasks: message passing with three kinds of features, and readers in three orders."""
    passing = grid(GraphRun, model=list(LAYERS), task=list(TASKS), seed=seeds, features="mark")
    repaired = grid(
        GraphRun, model="gated", task=list(TASKS), seed=seeds, features=["walks", "random"]
    )
    reading = grid(GraphRun, model=list(CORES), task=list(TASKS), seed=seeds, order=list(ORDERS))
    pooled = grid(
        GraphRun, model="gated", task=list(TASKS), seed=seeds, features="mark", pool="lstm"
    )
    return passing + repaired + pooled + reading


class Part(NamedTuple):
    """One kind of run: how it is trained, and its configurations."""

    experiment: Callable
    configs: Callable[[], list]


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
}


def store() -> RunStore:
    """Where the study keeps its runs while it goes on."""
    return RunStore(paths.WORK / NAME, EXPERIMENT_VERSION)


def run_parts(
    parts: list[str] | None = None, *, workers: int | None = None, cluster: str | None = None
) -> list[Failure]:
    """Compute what is missing of some parts, or of all; returns what failed.

    Raises:
        ValueError: an unknown part.
    """
    return study.run_parts(PARTS, parts, store(), workers=workers, cluster=cluster)


def publish() -> None:
    """Write the finished runs to ``data/results/``, and one attention map a length."""
    kept, rows, maps = store(), [], {}
    for name, part in PARTS.items():
        for config in part.configs():
            if config in kept:
                run = kept.load(config)
                rows.append({"experiment": name, **run.config, **run.record})
                if name == "attention" and config.seed == 0:
                    maps[f"attention {config.T}"] = run.curves["attention"].astype(np.float16)
    published.write(NAME, pd.DataFrame(rows), maps, experiment_version=EXPERIMENT_VERSION)


def run_and_publish(workers: int | None = None, cluster: str | None = None) -> None:
    """The whole study, resumably, and its publication."""
    failures = run_parts(workers=workers, cluster=cluster)
    publish()
    if failures:
        raise RuntimeError("runs that did not finish: " + "; ".join(map(str, failures)))


@dataclass
class PublishedComparisons:
    """The study as read back.

    Attributes:
        runs: a row a run.
        maps: "attention T" -> the attention of one run, ``(T + 1, T + 1)``.
        provenance: when and with what the runs were made.
    """

    runs: pd.DataFrame
    maps: dict[str, np.ndarray]
    provenance: dict

    def part(self, name: str) -> pd.DataFrame:
        """The runs of one kind, without the columns that they do not have.

        Raises:
            ValueError: none has been published.
        """
        rows = self.runs[self.runs["experiment"] == name]
        if rows.empty:
            raise ValueError(f"no published runs of {name!r}; there are {', '.join(PARTS)}")
        rows = rows.dropna(axis=1, how="all").reset_index(drop=True)
        rows = rows.fillna({"order": "", "features": ""})  # empty texts, in the file as nothing
        return rows.astype({name: int for name in COUNTS if name in rows})

    def credit(self, runs: pd.DataFrame) -> str:
        """One line for a figure of ``runs``: how many, how many seeds, when, with what."""
        made, version = self.provenance["made"], self.provenance["torch"]
        return f"{len(runs)} runs, {runs['seed'].nunique()} seeds, {made}, torch {version}"


def read() -> PublishedComparisons:
    """The published comparisons."""
    publication = published.read(NAME)
    return PublishedComparisons(publication.table, publication.curves, publication.provenance)


def summary(comparisons: PublishedComparisons) -> pd.DataFrame:
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
        reads = runs["model"].isin(CORES)
        pooled = ~reads & (runs["pool"] == "lstm")
        best = [
            runs[which].groupby(keys)["accuracy"].mean().max()
            for which in (reads, ~reads & ~pooled, pooled)
        ]
        rows.append((f"a graph, asked for {task}", *best))
    L = linked["L"].max()
    at_L = linked[linked["L"] == L].groupby("model")["accuracy"].mean()
    passing = max(at_L["graph"], at_L["graph+"])
    rows.append((f"text with links, {L} digits", at_L["reader"], passing, at_L["combined"]))
    near = comparisons.part("neighbours").groupby("aggregator")["accuracy"].mean()
    rows.append(("how many neighbours differ", near["lstm"], near["mean"], near["sorted lstm"]))
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
