"""Published runs: tables and curves in ``data/results/`` with a record of where they come from.

A publication is up to three files: ``name.csv.gz`` (a row a run), ``name_curves.npz`` (arrays) and
``name.json`` (its provenance). All are plain data; reading them runs no code.
"""

import datetime
import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import paths
from helpers.results import atomic_write


@dataclass
class Publication:
    """What :func:`read` found.

    Attributes:
        table: a row a run.
        curves: named arrays.
        provenance: who made it: "made" (date), "torch", "experiment_version", "runs", and more.
    """

    table: pd.DataFrame
    curves: dict[str, np.ndarray]
    provenance: dict

    @property
    def credit(self) -> str:
        """One line for a figure: runs, seeds, date, version."""
        p = self.provenance
        seeds = f", {p['seeds']} seeds" if "seeds" in p else ""
        return f"{p['runs']} runs{seeds}, {p['made']}, torch {p['torch']}"


def write(
    name: str,
    table: pd.DataFrame,
    curves: dict[str, np.ndarray] | None = None,
    folder: Path = paths.RESULTS,
    **provenance,
) -> None:
    """Publish a table of runs, and curves, under ``name``.

    The same runs make the same bytes, so that publishing again without new runs changes nothing.
    """
    text = table.to_csv(index=False, lineterminator="\n")
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(text.encode())
    record = {
        "made": datetime.date.today().isoformat(),
        "torch": torch.__version__.split("+")[0],
        "runs": len(table),
        **provenance,
    }
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


def read(name: str, folder: Path = paths.RESULTS) -> Publication:
    """A publication.

    Raises:
        ValueError: it is not there.
    """
    path = folder / f"{name}.csv.gz"
    if not path.exists():
        raise ValueError(
            f"there are no published runs {name!r}; the notebook with profile='full' makes them"
        )
    curves = {}
    if (folder / f"{name}_curves.npz").exists():
        with np.load(folder / f"{name}_curves.npz", allow_pickle=False) as file:
            curves = {key: file[key] for key in file.files}
    provenance = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Publication(pd.read_csv(path), curves, provenance)
