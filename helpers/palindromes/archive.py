"""The study as published: run everything, write it down, read it back.

``data/results/palindromes.csv.gz`` has a row a run: its configuration, its record, and the parts of
the study and the settings it belongs to. The curves of both protocols, and of one growing part, lie
beside it, averaged over ten steps. What growing runs mastered and could then read is in
``palindromes_growing.csv.gz``, a row a length.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import archive, paths
from helpers.archive import Archive
from helpers.palindromes.experiment import EXPERIMENT_VERSION
from helpers.palindromes.growing import GrowingRun
from helpers.palindromes.parts import PARTS
from helpers.store import FinishedRun, RunStore, run_key
from helpers.study import Study, report

STUDY = Study("palindromes", EXPERIMENT_VERSION, PARTS)
#: What growing runs could read lies under a name of its own.
NAME_GROWING = "palindromes_growing"
#: Parts whose learning curves are published.
WITH_CURVES = ("protocol_a", "protocol_b", "growing_identity")
METRICS = ("loss", "accuracy")
#: Training steps that one point of a published curve averages.
BOX = 10


def write(folder: Path = paths.RESULTS) -> None:
    """Archive the finished runs, beside those published before that are not in the store."""
    old = read(folder) if archive.exists(STUDY.name, folder) else None
    table = STUDY.merged(old)
    keys = set(table["key"])
    kept = STUDY.store()
    archive.write(
        STUDY.name,
        table,
        _curves(kept, keys, old),
        folder,
        seeds=int(table["seed"].nunique()),
        experiment_version=EXPERIMENT_VERSION,
        curve_box=BOX,
    )
    profiles = _profiles(kept, keys, old)
    if profiles:
        profile = pd.concat(profiles, ignore_index=True)
        archive.write(NAME_GROWING, profile, None, folder, experiment_version=EXPERIMENT_VERSION)


def _curves(kept: RunStore, keys: set[str], old: Archive | None) -> dict[str, np.ndarray]:
    """ "part metric" -> a row a run, and "part keys" -> which; from store or archive."""
    curves = {}
    for part in (name for name in WITH_CURVES if name in PARTS):
        rows: dict[str, list[np.ndarray]] = {metric: [] for metric in METRICS}
        found = []
        known = [] if old is None else old.curves.get(f"{part} keys", np.array([])).tolist()
        for config in PARTS[part].runs():
            key = run_key(config, EXPERIMENT_VERSION)
            if (run := kept.find(config)) is not None:
                means = {metric: box_means(run, metric) for metric in METRICS}
            elif key in keys and key in known:
                means = {
                    metric: _without_end(old.curves[f"{part} {metric}"][known.index(key)])
                    for metric in METRICS
                }
            else:
                continue
            found.append(key)
            for metric in METRICS:
                rows[metric].append(means[metric])
        if found:
            curves |= {f"{part} {metric}": _stack(rows[metric]) for metric in METRICS}
            curves[f"{part} keys"] = np.array(found)
    return curves


def _profiles(kept: RunStore, keys: set[str], old: "PalindromeArchive | None") -> list:
    """A table a growing run: what it read, from the store or as published."""
    profiles, seen = [], set()
    published = {} if old is None else dict(tuple(old.lengths.groupby("key", sort=False)))
    for part in PARTS.values():
        for config in part.runs():
            key = run_key(config, EXPERIMENT_VERSION)
            if not isinstance(config, GrowingRun) or key not in keys or key in seen:
                continue
            seen.add(key)
            if (run := kept.find(config)) is not None:
                profiles.append(_profile(run, key))
            elif key in published:
                profiles.append(published[key])
    return profiles


def _profile(run: FinishedRun, key: str) -> pd.DataFrame:
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


def _without_end(row: np.ndarray) -> np.ndarray:
    """A row of :func:`_stack` without the NaN behind its end."""
    there = np.flatnonzero(~np.isnan(row))
    return row[: there[-1] + 1] if len(there) else row[:0]


def run_and_write(
    workers: int | None = None, cluster: str | None = None, device: str | torch.device = "cpu"
) -> None:
    """The whole study, resumably, and its archive."""
    failures = STUDY.run_parts(workers=workers, cluster=cluster, device=device)
    write()
    report(failures)


def box_means(run: FinishedRun, name: str) -> np.ndarray:
    """A curve averaged over :data:`BOX` steps, float16; a stopped run keeps its last value."""
    values = run.curves[name].astype(np.float64)
    steps = run.config["steps"]
    if len(values) < steps:
        values = np.concatenate([values, np.full(steps - len(values), values[-1])])
    whole = steps // BOX * BOX
    return values[:whole].reshape(-1, BOX).mean(1).astype(np.float16)


@dataclass
class PalindromeArchive(Archive):
    """The study as read back.

    Attributes:
        table: a row a run.
        lengths: a row a growing run and length that it was read at.
        curves: "part metric" -> a row a run, and "part keys" -> which run.
        provenance: when and with what the runs were made.
    """

    lengths: pd.DataFrame

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


def read(folder: Path = paths.RESULTS) -> PalindromeArchive:
    """The published study."""
    found, growing = archive.read(STUDY.name, folder), archive.read(NAME_GROWING, folder)
    # Early runs stored a "collapsed" that asked the training stream; outcomes.collapsed took its
    # place, and asks the held-out palindromes.
    table = found.table.drop(columns="collapsed", errors="ignore")
    return PalindromeArchive(table, found.curves, found.provenance, growing.table)


def left_out(published: Archive) -> dict[str, tuple[int, int]]:
    """Parts of the study that are not published in full: part -> runs published, runs planned."""
    return STUDY.left_out(published)
