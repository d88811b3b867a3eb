"""The archive: published runs in ``data/results/``, with a record of where they come from.

What is archived under a name is up to three files: ``name.csv.gz`` (a row a run),
``name_curves.npz`` (arrays) and ``name.json`` (its provenance). All are plain data; reading them
runs no code. ``name.json`` also holds the SHA-256 of each file and of itself ("sha256"), so that
damage is told.

A row that belongs to a study (:class:`helpers.study.Study`) says so in its columns: "key" names the
run, "parts" the parts of the study that it belongs to, "settings" what it is called in each of
them, "made" and "torch" when and with what it was computed.
"""

import contextlib
import gzip
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import paths, staleness
from helpers.files import write_together
from helpers.store import made_now, read_arrays

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
    contents = {f"{name}.csv.gz": packed.getvalue()}
    if curves is not None:
        packed = io.BytesIO()
        np.savez_compressed(packed, **curves)
        contents[f"{name}_curves.npz"] = packed.getvalue()
    old = folder / f"{name}.csv.gz"
    if old.is_file() and old.read_bytes() == contents[old.name]:
        with contextlib.suppress(ValueError):  # what says it is damaged, and now written anew
            before = unsealed(folder / f"{name}.json")
            record |= {key: before[key] for key in ("made", "torch") if key in before}
    files = {folder / file_name: content for file_name, content in contents.items()}
    files[folder / f"{name}.json"] = sealed(record, contents)
    write_together(files, durable=True)


def sealed(record: dict, contents: dict[str, bytes] | None = None) -> bytes:
    """A record as JSON, with the SHA-256 of the files beside it, and of its own text.

    Args:
        contents: file name -> its bytes.
    """
    digests = {name: _digest(content) for name, content in (contents or {}).items()}
    itself = _digest(_as_json({**record, "sha256": digests}))
    return _as_json({**record, "sha256": {**digests, "this file": itself}})


def unsealed(path: Path) -> dict:
    """The record of a file that :func:`sealed` made; "sha256" in it has the files beside it.

    Raises:
        ValueError: it is missing or damaged; the message says how to get it back.
    """
    written = _content(path).replace(b"\r\n", b"\n")
    try:
        record = json.loads(written)
        digests = dict(record["sha256"])
        itself = digests.pop("this file")
        whole = _as_json(record) == written
        record["sha256"] = digests
        if not whole or _digest(_as_json(record)) != itself:
            raise ValueError("its checksum is another")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path) from error
    return record


def unsealed_results(path: Path, what: str) -> dict:
    """As :func:`unsealed`; of results that are not there also what makes them.

    Args:
        what: the results, as the message calls them.
    """
    if not path.exists():
        raise ValueError(
            f"{what} are missing: {path.name} is not there; profile='full' makes it, "
            f"and git checkout -- data/results/{path.name} brings the published ones back"
        )
    return unsealed(path)


def _as_json(record: dict) -> bytes:
    return json.dumps(record, indent=1, sort_keys=True).encode() + b"\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError(
            f"the published file {path.name} is missing; "
            f"git checkout -- data/results/{path.name} brings it back"
        )
    return path.read_bytes()


def _damaged(path: Path) -> ValueError:
    return ValueError(
        f"the published file {path.name} is damaged, or does not belong to the files beside it; "
        f"git checkout -- data/results/{path.name} brings it back"
    )


def exists(name: str, folder: Path = paths.RESULTS) -> bool:
    """Whether anything is archived under this name."""
    return any((folder / f"{name}{end}").exists() for end in (".json", ".csv.gz"))


def read(name: str, folder: Path = paths.RESULTS) -> Archive:
    """What is archived under a name. Where the present code would make other runs, it is said.

    Raises:
        ValueError: it is not there; or one of its files is missing or damaged, and which.
    """
    if not exists(name, folder):
        raise ValueError(
            f"there are no published runs {name!r}; the notebook with profile='full' makes them"
        )
    provenance = unsealed(folder / f"{name}.json")
    contents = {}
    for file_name, expected in provenance.pop("sha256").items():
        contents[file_name] = _content(folder / file_name)
        if _digest(contents[file_name]) != expected:
            raise _damaged(folder / file_name)
    packed = contents.pop(f"{name}.csv.gz")
    curves = {}
    for file_name, content in contents.items():
        curves |= read_arrays(content, file_name)
    table = pd.read_csv(io.BytesIO(packed), compression="gzip")
    staleness.say(staleness.of_runs(name, table, provenance))
    return Archive(table, curves, provenance)
