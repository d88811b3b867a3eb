"""The palindrome study as published: run everything, write it down, read it back.

``data/results/palindromes.csv.gz`` has a row a run: its configuration, its record, and the parts of
the study it belongs to. The curves of both protocols lie beside it, averaged over ten steps. What
growing runs mastered and could then read is in ``palindromes_growing.csv.gz``, a row a length.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import paths, published, study
from helpers.recurrent.experiments import EXPERIMENT_VERSION
from helpers.recurrent.growing import GrowingRun, train
from helpers.recurrent.protocols import PARTS
from helpers.results import Run, RunStore, run_key
from helpers.study import Failure

NAME = "palindromes"
NAME_GROWING = "palindromes_growing"
#: Parts whose learning curves are published.
WITH_CURVES = ("protocol_a", "protocol_b")
#: Training steps that one point of a published curve averages.
BOX = 10


def store() -> RunStore:
    """Where the study keeps its runs while it goes on."""
    return RunStore(paths.WORK / NAME, EXPERIMENT_VERSION)


def run_parts(
    parts: list[str] | None = None, *, workers: int | None = None, cluster: str | None = None
) -> list[Failure]:
    """Compute what is missing of some parts, or of all, in their order; returns what failed.

    Raises:
        ValueError: an unknown part.
    """
    known = {name: (train, configs) for name, configs in PARTS.items()}
    return study.run_parts(known, parts, store(), workers=workers, cluster=cluster)


def publish(parts: list[str] | None = None) -> None:
    """Write the finished runs of some parts, or of all, to ``data/results/``."""
    runs: dict[str, dict] = {}
    read_lengths: dict[str, pd.DataFrame] = {}
    curves: dict[str, np.ndarray] = {}
    kept = store()
    for part in study.chosen_parts(PARTS, parts):
        configs = [config for config in dict.fromkeys(PARTS[part]()) if config in kept]
        drawn: dict[str, list[np.ndarray]] = {"loss": [], "accuracy": []}
        for config in configs:
            run = kept.load(config)
            key = run_key(config, EXPERIMENT_VERSION)
            row = runs.setdefault(key, {"key": key, "parts": "", **run.config, **run.record})
            row["parts"] = " ".join([*row["parts"].split(), part])
            if isinstance(config, GrowingRun):
                read_lengths[key] = _read_lengths(run, key)
            if part in WITH_CURVES:
                for name, rows in drawn.items():
                    rows.append(box_means(run, name))
        if part in WITH_CURVES and configs:
            for name, rows in drawn.items():
                curves[f"{part} {name}"] = _stack(rows)
            keys = [run_key(config, EXPERIMENT_VERSION) for config in configs]
            curves[f"{part} keys"] = np.array(keys)
    table = pd.DataFrame(runs.values())
    published.write(
        NAME,
        table,
        curves,
        seeds=int(table["seed"].nunique()),
        experiment_version=EXPERIMENT_VERSION,
        curve_box=BOX,
    )
    if read_lengths:
        profile = pd.concat(read_lengths.values(), ignore_index=True)
        published.write(NAME_GROWING, profile, experiment_version=EXPERIMENT_VERSION)


def _read_lengths(run: Run, key: str) -> pd.DataFrame:
    """A row a length that a growing run was read at; ``mastered_step`` is missing beyond those."""
    curves = run.curves
    mastered = pd.Series(curves["mastered_step"], curves["mastered_T"])
    lengths = curves["read_T"].tolist()
    return pd.DataFrame(
        {
            "key": key,
            "T": lengths,
            "mastered_step": mastered.reindex(lengths).to_numpy(),
            "held_out_accuracy": curves["read_accuracy"].round(4),
            "renamed_accuracy": curves["read_renamed"].round(4),
        }
    )


def _stack(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of several lengths as one array; NaN stands where a row has ended."""
    stacked = np.full((len(rows), max(map(len, rows))), np.nan, np.float16)
    for k, row in enumerate(rows):
        stacked[k, : len(row)] = row
    return stacked


def run_and_publish(workers: int | None = None, cluster: str | None = None) -> None:
    """The whole study, resumably, and its publication."""
    failures = run_parts(workers=workers, cluster=cluster)
    publish()
    if failures:
        raise RuntimeError("runs that did not finish: " + "; ".join(map(str, failures)))


def box_means(run: Run, name: str) -> np.ndarray:
    """A curve averaged over :data:`BOX` steps, float16; a stopped run keeps its last value."""
    values = run.curves[name].astype(np.float64)
    steps = run.config["steps"]
    if len(values) < steps:
        values = np.concatenate([values, np.full(steps - len(values), values[-1])])
    whole = steps // BOX * BOX
    return values[:whole].reshape(-1, BOX).mean(1).astype(np.float16)


@dataclass
class PublishedStudy:
    """The study as read back.

    Attributes:
        runs: a row a run.
        lengths: a row a growing run and length that it was read at.
        curves: "part metric" -> a row a run, and "part keys" -> which run.
        provenance: when and with what the runs were made.
    """

    runs: pd.DataFrame
    lengths: pd.DataFrame
    curves: dict[str, np.ndarray]
    provenance: dict

    def credit(self, runs: pd.DataFrame) -> str:
        """One line for a figure of ``runs``: how many, how many seeds, when, with what."""
        made, version = self.provenance["made"], self.provenance["torch"]
        return f"{len(runs)} runs, {runs['seed'].nunique()} seeds, {made}, torch {version}"

    def part(self, name: str) -> pd.DataFrame:
        """The runs of one part.

        Raises:
            ValueError: the part has not been published.
        """
        rows = self.runs[self.runs["parts"].str.split().apply(lambda names: name in names)]
        if rows.empty:
            raise ValueError(f"no published runs belong to the part {name!r}")
        return rows.reset_index(drop=True)

    def parts(self, prefix: str) -> pd.DataFrame:
        """The runs of all published parts whose name begins with ``prefix``."""
        names = sorted({n for ns in self.runs["parts"].str.split() for n in ns})
        fitting = [self.part(name) for name in names if name.startswith(prefix)]
        if not fitting:
            raise ValueError(f"no published part begins with {prefix!r}; there are {names}")
        return pd.concat(fitting, ignore_index=True).drop_duplicates("key", ignore_index=True)

    def has(self, name: str) -> bool:
        """Whether runs of this part have been published."""
        return any(name in names for names in self.runs["parts"].str.split())

    def curve(self, part: str, metric: str, model: str, T: int) -> np.ndarray:
        """The curves of one model and length, a row a seed: ``(seeds, steps / 10)`` float32.

        NaN follows where a run had fewer steps than another of its model and length.
        """
        rows = self.part(part).set_index("key")
        chosen = [
            k
            for k, key in enumerate(self.curves[f"{part} keys"])
            if rows.loc[key, "model"] == model and rows.loc[key, "T"] == T
        ]
        values = self.curves[f"{part} {metric}"][chosen].astype(np.float32)
        return values[:, ~np.isnan(values).all(axis=0)]


def read() -> PublishedStudy:
    """The published study."""
    publication, growing = published.read(NAME), published.read(NAME_GROWING)
    return PublishedStudy(
        publication.table, growing.table, publication.curves, publication.provenance
    )


def left_out(study: PublishedStudy) -> dict[str, tuple[int, int]]:
    """Parts of the study that are not published in full: part -> runs published, runs planned."""
    counts = {name: len(study.part(name)) if study.has(name) else 0 for name in PARTS}
    planned = {name: len(dict.fromkeys(configs())) for name, configs in PARTS.items()}
    return {name: (counts[name], planned[name]) for name in PARTS if counts[name] < planned[name]}
