"""Published results that the present code would not make: said where they are read.

A change of an experiment bumps its ``EXPERIMENT_VERSION``, and a change of a plan its
configurations. What was published before stays readable; whoever reads it is told what differs.
"""

import importlib
import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from helpers import paths
from helpers.store import run_key

#: Name in ``data/results`` -> the module that makes it. It has an ``EXPERIMENT_VERSION``, and a
#: ``STUDY`` or a function ``planned``: table -> part -> configurations. It is imported when results
#: are read, as it reads them itself.
MAKERS = {
    "palindromes": "helpers.palindromes.archive",
    "palindromes_growing": "helpers.palindromes.archive",
    "clock": "helpers.palindromes.clock",
    "reproduction": "helpers.palindromes.reproduction",
    "gate_removal": "helpers.palindromes.gate_removal",
    "levers": "helpers.text.levers",
    "optimizer_race": "helpers.optimizers.race",
    "sequences_and_graphs": "helpers.combined.archive",
}
#: Name in ``data/checkpoints``, or the beginning of several with a "*" behind it -> the module with
#: ``recipe``: name -> what the header of that checkpoint should say.
MODEL_MAKERS = {
    "palindrome_*": "helpers.palindromes.trained_networks",
    "anna_karenina": "helpers.text.book_model",
}
#: Fields that one sentence names.
_MOST = 4


def of_runs(name: str, table: pd.DataFrame, provenance: dict) -> list[str]:
    """What differs between published runs and those that the code would make, a sentence each."""
    if name not in MAKERS:
        return []
    maker = importlib.import_module(MAKERS[name])
    version, told = provenance.get("experiment_version"), []
    if version != maker.EXPERIMENT_VERSION:
        told.append(
            f"the published runs {name!r} were made by version {version} of their experiment, and "
            f"the code is at version {maker.EXPERIMENT_VERSION}"
        )
    if not {"part", "parts"} & set(table):  # curves of runs that another table names
        return told
    study = getattr(maker, "STUDY", None)
    planned = maker.planned(table) if study is None else study.planned()
    for part, configs in planned.items():
        keys = {run_key(config, version) for config in configs}
        rows = [row for row in _rows(table, part) if _key(row, configs, version) not in keys]
        if rows and configs:
            told.append(
                f"{len(rows)} published runs of {name!r}, part {part!r}, have another "
                f"configuration than the code would give them: {_said(_changes(rows, configs))}"
            )
    return told


def of_model(path: Path, header: dict) -> list[str]:
    """The same for a published model; nothing of one that lies elsewhere, which is a reader's own.

    Args:
        path: of its checkpoint, without a suffix.
        header: of its checkpoint.
    """
    name = path.name
    makers = [maker for names, maker in MODEL_MAKERS.items() if fnmatchcase(name, names)]
    if not makers or path.parent.resolve() != paths.CHECKPOINTS.resolve():
        return []
    wanted = json.loads(json.dumps(importlib.import_module(makers[0]).recipe(name)))
    changes = {}
    for entry, value in wanted.items():
        there = header.get(entry)
        if isinstance(value, dict) and isinstance(there, dict):
            changes |= {
                f"{entry}.{field}": (there.get(field), now)
                for field, now in value.items()
                if field in there and there[field] != now
            }
        elif there != value:
            changes[entry] = (there, value)
    if not changes:
        return []
    return [f"the published model {name!r} was trained in another way: {_said(changes)}"]


def say(told: Iterable[str]) -> None:
    """Print what differs."""
    for sentence in told:
        print(f"Out of date: {sentence}. A run with profile='full' makes it anew.")


def _rows(table: pd.DataFrame, part: str) -> list[dict]:
    column = "parts" if "parts" in table else "part"
    belongs = table[column].astype(str).str.split(" | ", regex=False).map(lambda p: part in p)
    return table[belongs].to_dict("records")


def _key(row: dict, configs: list, version) -> str | None:
    """The key of a published run; from its configuration where the table has none."""
    if "key" in row:
        return row["key"]
    kind = type(configs[0])
    try:
        return run_key(kind(**{field.name: row[field.name] for field in fields(kind)}), version)
    except (KeyError, ValueError):  # it had other fields, or other bounds
        return None


def _changes(rows: list[dict], configs: list) -> dict[str, tuple]:
    """Field -> value as published, and as planned in the nearest configuration."""
    planned, changes = [asdict(config) for config in configs], {}
    for row in rows:
        apart = [
            {f: (row.get(f), now) for f, now in config.items() if not _alike(row.get(f), now)}
            for config in planned
        ]
        for field, values in min(apart, key=len).items():
            changes.setdefault(field, values)
    return changes


def _alike(published: object, planned: object) -> bool:
    """Whether a value as a table gives it back is the one that was written there."""
    if pd.api.types.is_scalar(published) and pd.isna(published):
        return planned in (None, "")
    if isinstance(planned, int | float) and not isinstance(planned, bool):
        return isinstance(published, int | float) and float(published) == float(planned)
    return str(published) == str(planned)


def _said(changes: dict[str, tuple]) -> str:
    named = [f"{field} {old!r}, now {new!r}" for field, (old, new) in changes.items()]
    more = f"; and {len(named) - _MOST} more" if len(named) > _MOST else ""
    return "; ".join(named[:_MOST]) + more if named else "runs that it no longer makes"
