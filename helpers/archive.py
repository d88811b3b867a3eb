"""The archive: published runs in ``data/results/``, with a record of where they come from.

What is archived under a name is up to three files: ``name.csv.gz`` (a row a run),
``name_curves.npz`` (arrays) and ``name.json`` (its provenance). All are plain data; reading them
runs no code.

A row that belongs to a study (:class:`helpers.study.Study`) says so in its columns: "key" names the
run, "parts" the parts of the study that it belongs to, "settings" what it is called in each of
them, "made" and "torch" when and with what it was computed.
"""

import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import paths
from helpers.files import atomic_write
from helpers.store import made_now

#: Between the parts, and between the settings, that one run belongs to.
SEPARATOR = " | "


@dataclass
class Archive:
    """What :func:`read` found.

    Attributes:
        table: a row a run.
        curves: named arrays.
        provenance: who made it: "made" (date), "torch", "experiment_version", "runs", and more.
    """

    table: pd.DataFrame
    curves: dict[str, np.ndarray]
    provenance: dict

    def credit(self, runs: pd.DataFrame | None = None) -> str:
        """One line for a figure of ``runs``, or of all: how many, seeds, when, with what."""
        runs = self.table if runs is None else runs
        said = {
            name: sorted(set(runs[name].dropna())) if name in runs else [self.provenance[name]]
            for name in ("made", "torch")
        }
        days = said["made"]
        made = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        seeds = f", {runs['seed'].nunique()} seeds" if "seed" in runs else ""
        return f"{len(runs)} runs{seeds}, {made}, torch {' and '.join(said['torch'])}"

    def has(self, part: str) -> bool:
        """Whether runs of this part of the study have been published."""
        return any(part in parts for parts in self._parts())

    def part(self, name: str) -> pd.DataFrame:
        """The runs of one part, with a column "setting": what it calls them.

        Raises:
            ValueError: none has been published.
        """
        rows, settings = [], []
        named = self.table["settings"].astype(object).fillna("").str.split(SEPARATOR, regex=False)
        for k, (parts, called) in enumerate(zip(self._parts(), named, strict=True)):
            if name in parts:
                rows.append(k)
                settings.append(called[parts.index(name)])
        if not rows:
            known = sorted({part for parts in self._parts() for part in parts})
            raise ValueError(f"no published runs belong to {name!r}; there are {', '.join(known)}")
        return self.table.iloc[rows].assign(setting=settings).reset_index(drop=True)

    def parts(self, prefix: str) -> pd.DataFrame:
        """The runs of all published parts whose name begins with ``prefix``, each run once.

        Raises:
            ValueError: there are none.
        """
        known = sorted({part for parts in self._parts() for part in parts})
        fitting = [self.part(name) for name in known if name.startswith(prefix)]
        if not fitting:
            raise ValueError(f"no published part begins with {prefix!r}; there are {known}")
        return pd.concat(fitting, ignore_index=True).drop_duplicates("key", ignore_index=True)

    def by_setting(self, part: str) -> dict[str, pd.DataFrame]:
        """The runs of a part by the name of their setting, in the part's order."""
        return dict(tuple(self.part(part).groupby("setting", sort=False)))

    def _parts(self) -> list[list[str]]:
        return self.table["parts"].str.split(SEPARATOR, regex=False).tolist()


def write(
    name: str,
    table: pd.DataFrame,
    curves: dict[str, np.ndarray] | None = None,
    folder: Path = paths.RESULTS,
    **provenance,
) -> None:
    """Archive a table of runs, and curves, under ``name``.

    The same runs make the same bytes, so that archiving again without new runs changes nothing.
    """
    text = table.to_csv(index=False, lineterminator="\n")
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(text.encode())
    record = {**made_now(), "runs": len(table), **provenance}
    old = folder / f"{name}.csv.gz"
    if old.exists() and old.read_bytes() == packed.getvalue():
        record["made"] = json.loads((folder / f"{name}.json").read_text())["made"]
    with atomic_write(old) as file:
        file.write(packed.getvalue())
    if curves is not None:
        with atomic_write(folder / f"{name}_curves.npz") as file:
            np.savez_compressed(file, **curves)
    with atomic_write(folder / f"{name}.json") as file:
        file.write(json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")


def exists(name: str, folder: Path = paths.RESULTS) -> bool:
    """Whether anything is archived under this name."""
    return (folder / f"{name}.csv.gz").exists()


def read(name: str, folder: Path = paths.RESULTS) -> Archive:
    """What is archived under a name.

    Raises:
        ValueError: it is not there.
    """
    path = folder / f"{name}.csv.gz"
    if not exists(name, folder):
        raise ValueError(
            f"there are no published runs {name!r}; the notebook with profile='full' makes them"
        )
    curves = {}
    if (folder / f"{name}_curves.npz").exists():
        with np.load(folder / f"{name}_curves.npz", allow_pickle=False) as file:
            curves = {key: file[key] for key in file.files}
    provenance = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Archive(pd.read_csv(path), curves, provenance)
