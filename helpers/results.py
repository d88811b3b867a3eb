"""The store of runs: one file per finished run, named by the run's key.

A run is a frozen dataclass (its configuration, seed included), a record of numbers, and curves.
The key hashes the whole configuration and the code version of the experiment, so that a changed
setting or a changed experiment never finds an old run. Files are written beside their place and
renamed into it: a reader sees a whole file or none, and two studies may share a store.
"""

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


def run_key(config, version: int) -> str:
    """The hash that names a run: of the configuration's type, all its fields, and ``version``."""
    content = {
        "experiment": type(config).__name__,
        "version": version,
        **dataclasses.asdict(config),
    }
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass
class Run:
    """A finished run as read back from the store.

    Attributes:
        config: the configuration's fields.
        record: named numbers, texts and ``None``.
        curves: named arrays.
    """

    config: dict[str, Any]
    record: dict[str, Any]
    curves: dict[str, np.ndarray]


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
        header = {"config": dataclasses.asdict(config), "record": dict(record)}
        with atomic_write(self.path(config)) as file:
            np.savez_compressed(file, header=np.array(json.dumps(header)), **curves)

    def load(self, config) -> Run:
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
        return Run(header["config"], header["record"], curves)

    def missing(self, configs: Iterable) -> list:
        """Those of ``configs`` that have no finished run, each once, in order."""
        return [config for config in dict.fromkeys(configs) if config not in self]


class atomic_write:
    """``with atomic_write(path) as file``: binary file that appears whole, or not at all."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".part-")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        return self._file

    def __exit__(self, kind, *_):
        self._file.close()
        if kind is None:
            umask = os.umask(0)
            os.umask(umask)
            self._temporary.chmod(0o666 & ~umask)  # mkstemp's own mode is 0600
            os.replace(self._temporary, self.path)
        else:
            self._temporary.unlink(missing_ok=True)
