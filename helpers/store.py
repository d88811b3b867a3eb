"""The store of runs: one file per finished run, named by the run's key.

A run is a frozen dataclass (its configuration, seed included), a record of numbers, and curves.
The key hashes the whole configuration and the code version of the experiment, so that a changed
setting or a changed experiment never finds an old run. Files are written beside their place and
renamed into it: a reader sees a whole file or none, and two studies may share a store.
"""

import dataclasses
import datetime
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers.files import atomic_write


def later(default):
    """A field of a configuration that came after runs had been published.

    At its default it is left out of the key, so that those runs keep theirs.
    """
    return dataclasses.field(default=default, metadata={"later": True})


def run_key(config, version: int) -> str:
    """The hash that names a run: of the configuration's type, its fields, and ``version``.

    A field made by :func:`later` counts only where it differs from its default.
    """
    fields = dataclasses.asdict(config)
    for field in dataclasses.fields(config):
        if field.metadata.get("later") and fields[field.name] == field.default:
            del fields[field.name]
    content = {"experiment": type(config).__name__, "version": version, **fields}
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def made_now() -> dict[str, str]:
    """Today, and the version of torch."""
    return {
        "made": datetime.date.today().isoformat(),
        "torch": importlib.metadata.version("torch").split("+")[0],
    }


@dataclass
class FinishedRun:
    """A finished run as read back from the store.

    Attributes:
        config: the configuration's fields.
        record: named numbers, texts and ``None``.
        curves: named arrays.
        made: the day on which it finished, and "torch", the version that it ran with.
    """

    config: dict[str, Any]
    record: dict[str, Any]
    curves: dict[str, np.ndarray]
    made: dict[str, str]


class RunStore:
    """Runs of one experiment in one folder.

    Args:
        folder: made on the first save.
        version: the experiment's ``EXPERIMENT_VERSION``.
    """

    def __init__(self, folder: str | Path, version: int):
        self.folder = Path(folder)
        self.version = version

    def path(self, config) -> Path:
        return self.folder / f"{run_key(config, self.version)}.npz"

    def __contains__(self, config) -> bool:
        return self.path(config).exists()

    def save(self, config, record: Mapping[str, Any], curves: Mapping[str, np.ndarray]) -> None:
        """Write a finished run, atomically."""
        header = {"config": dataclasses.asdict(config), "record": dict(record), "made": made_now()}
        with atomic_write(self.path(config)) as file:
            np.savez_compressed(file, header=np.array(json.dumps(header)), **curves)

    def load(self, config) -> FinishedRun:
        """Read a run.

        Raises:
            KeyError: the run is not in the store.
        """
        path = self.path(config)
        if not path.exists():
            raise KeyError(f"no finished run of {config} in {self.folder}")
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            curves = {name: file[name] for name in file.files if name != "header"}
        return FinishedRun(header["config"], header["record"], curves, header["made"])

    def missing(self, configs: Iterable) -> list:
        """Those of ``configs`` that have no finished run, each once, in order."""
        return [config for config in dict.fromkeys(configs) if config not in self]
