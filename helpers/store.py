"""The store of runs: one file per finished run, named by the run's key.

A run is a frozen dataclass (its configuration, seed included), a record of numbers, and curves.
The key hashes the whole configuration and the code version of the experiment, so that a changed
setting or a changed experiment never finds an old run. Files are written beside their place and
renamed into it: a reader sees a whole file or none, and two studies may share a store. A file that
a disk or a person has damaged is set aside under another name, and its run is missing again.
"""

import contextlib
import dataclasses
import datetime
import hashlib
import importlib.metadata
import io
import itertools
import json
import os
import warnings
import zipfile
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


def read_arrays(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, none of them pickled; every byte of them is checked first.

    Args:
        content: of the file.
        name: of the file, for the message.

    Raises:
        ValueError: the file is damaged, or no .npz.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            damaged = packed.testzip()  # before NumPy believes what an array says of its size
            if damaged is not None:
                raise ValueError(f"{damaged} in it fails its checksum")
            # The end of the file says how many arrays there are: one may have been skipped.
            if int.from_bytes(content[-12:-10], "little") != len(packed.namelist()):
                raise ValueError("an array is missing")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except MemoryError:
        raise
    except Exception as error:  # nine kinds were seen of flipped and cut files
        raise ValueError(f"{name} is damaged: {error or type(error).__name__}") from error


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
        """Write a finished run, atomically, to survive a power cut."""
        header = {"config": dataclasses.asdict(config), "record": dict(record), "made": made_now()}
        packed = io.BytesIO()  # zipfile tells of a full disk in other words
        np.savez_compressed(packed, header=np.array(json.dumps(header)), **curves)
        with atomic_write(self.path(config), durable=True) as file:
            file.write(packed.getbuffer())

    def load(self, config) -> FinishedRun:
        """Read a run.

        Raises:
            KeyError: the run is not in the store.
            ValueError: its file is damaged, or holds another run.
        """
        path = self.path(config)
        if not path.exists():
            raise KeyError(f"no finished run of {config} in {self.folder}")
        if path.is_dir():
            raise ValueError(f"{path.name} is damaged: it is a folder")
        arrays = read_arrays(path.read_bytes(), path.name)
        try:
            header = json.loads(str(arrays.pop("header")))
            run = FinishedRun(header["config"], header["record"], arrays, header["made"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is damaged: it does not say which run it is") from error
        expected = json.loads(json.dumps(dataclasses.asdict(config)))
        if {name: run.config.get(name, expected[name]) for name in expected} != expected:
            raise ValueError(f"{path.name} is damaged: it holds another run, {run.config}")
        return run

    def find(self, config) -> FinishedRun | None:
        """A run, or ``None`` if it is not there.

        A damaged file is set aside as ``KEY.npz.damaged`` with a warning: the run is missing again.
        """
        try:
            return self.load(config)
        except KeyError:
            return None
        except ValueError as error:
            path = self.path(config)
            aside = path.with_name(f"{path.name}.damaged")
            for k in itertools.count(2):
                if not aside.exists():
                    break
                aside = path.with_name(f"{path.name}.damaged-{k}")
            with contextlib.suppress(FileNotFoundError):  # another study was faster
                os.rename(path, aside)
            warnings.warn(f"{error}. It is kept as {aside.name}; the run is missing", stacklevel=2)
            return None

    def missing(self, configs: Iterable) -> list:
        """Those of ``configs`` that have no finished run, each once, in order.

        Each file is read, and set aside if it is damaged (:meth:`find`).
        """
        return [config for config in dict.fromkeys(configs) if self.find(config) is None]
