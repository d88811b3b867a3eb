"""Small experiments that the tests of the study run in worker processes."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Config:
    value: int
    steps: int = 10
    behaviour: str = "fine"
    folder: str = ""


def experiment(config: Config):
    """Square the value; or misbehave as the configuration says."""
    folder = Path(config.folder) if config.folder else None
    if config.behaviour == "raises":
        raise ValueError(f"value {config.value} is no good")
    if config.behaviour == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if config.behaviour == "dies once" and not (folder / f"died-{config.value}").exists():
        (folder / f"died-{config.value}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if config.behaviour == "slow":
        (folder / f"started-{config.value}-{os.getpid()}").touch()
        time.sleep(0.7)
    if folder is not None and config.behaviour == "fine":
        (folder / f"ran-{config.value}-{time.monotonic_ns()}").touch()
    return {"square": config.value**2}, {"curve": np.arange(config.value, dtype=np.float32)}
