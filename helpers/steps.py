"""The one record that every training loop of the series hands to whoever watches it.

A loop calls ``on_step(step)`` after each step and then asks ``should_stop()``. A loss that is
infinite or NaN ends a training: its result says ``diverged``, and nothing is raised, since in a
study that is an outcome like others.
"""

from collections.abc import Callable
from typing import NamedTuple


class Step(NamedTuple):
    """A finished training step.

    Attributes:
        number: steps finished, from 1.
        loss: of the batch, before the update.
        score: share of the batch that was right, before the update; what a task calls its score.
        T: length of the batch, where it changes during the training.
    """

    number: int
    loss: float
    score: float | None = None
    T: int | None = None


OnStep = Callable[[Step], object]
ShouldStop = Callable[[], bool]
