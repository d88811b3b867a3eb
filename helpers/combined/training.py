"""One training loop for all comparisons: batches drawn anew, a score a step; Adam if not said.

A task is a function ``draw(n, generator)`` that returns the network's inputs as a tuple and the
targets. Training and test draw from streams of different names.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import choice, fits, integer, positive, seed
from helpers.recurrent.training import OPTIMIZERS
from helpers.runtime import device as find_device
from helpers.runtime import device_of
from helpers.steps import OnStep, ShouldStop, Step

Draw = Callable[[int, torch.Generator], tuple[tuple, torch.Tensor]]

#: How the rate goes on: along half a cosine to a tenth, or as it began.
SCHEDULES = ("cosine", "constant")


@dataclass
class Fit:
    """What a training leaves besides the network: a value a step that was run.

    Attributes:
        loss: of the batch, before the update, float32 ``(steps,)``.
        accuracy: share of the batch that was right, before the update, float32 ``(steps,)``.
        diverged: the loss became infinite or NaN, which ended the training.
    """

    loss: np.ndarray
    accuracy: np.ndarray
    diverged: bool = False


def check_fit_options(run, **sizes: int) -> None:
    """Check what every run of this wing has: its seed, and what :func:`fit_options` takes of it.

    Args:
        sizes: the least value of those fields of the run that a batch grows with.

    Raises:
        ValueError: a count too small or beyond all memory, a negative seed, or a rate that is not
            above 0.
    """
    seed("seed", run.seed)
    fits(2 * integer("steps", run.steps, minimum=1), steps=run.steps)  # the two curves
    batch = integer("batch_size", run.batch_size, minimum=1)
    fits(batch, batch_size=batch)
    for name, minimum in sizes.items():
        size = integer(name, getattr(run, name), minimum=minimum)
        fits(size * run.batch_size, **{name: size, "batch_size": run.batch_size})
    if hasattr(run, "parameters"):  # with their gradients and what Adam keeps of both
        fits(4 * integer("parameters", run.parameters, minimum=1), parameters=run.parameters)
    positive("lr", run.lr)
    given = fit_options(run)
    if "optimizer" in given:
        choice("optimizer", run.optimizer, tuple(OPTIMIZERS))
    if "schedule" in given:
        choice("schedule", run.schedule, SCHEDULES)
    if "clip_norm" in given:
        positive("clip_norm", run.clip_norm)


#: Fields of a run that :func:`fit` takes; the later ones only where a kind of run has them.
_FIT_FIELDS = ("steps", "lr", "batch_size", "optimizer", "schedule", "clip_norm")


def fit_options(run) -> dict:
    """The part of a run's configuration that :func:`fit` takes."""
    return {name: getattr(run, name) for name in _FIT_FIELDS if hasattr(run, name)}


def fit(
    model: nn.Module,
    draw: Draw,
    generator: torch.Generator,
    *,
    steps: int,
    lr: float = 3e-3,
    batch_size: int = 64,
    optimizer: str = "adam",
    schedule: str = "cosine",
    clip_norm: float = 1.0,
    regression: bool = False,
    on_step: OnStep | None = None,
    should_stop: ShouldStop | None = None,
    device: str | torch.device = "cpu",
) -> Fit:
    """Train in place.

    Args:
        optimizer: a name in :data:`helpers.recurrent.training.OPTIMIZERS`.
        schedule: of the rate, one of :data:`SCHEDULES`.
        clip_norm: the gradient's norm over all parameters is scaled down to this.
        device: to which the model is moved; its initial weights do not depend on it.
        regression: squared error; the "accuracy" is then that error once more.
        on_step: called after every step.
        should_stop: asked after every step; True ends the training.
    """
    where = find_device(device)
    model.to(where)
    rule = OPTIMIZERS[optimizer](model.parameters(), lr)
    least = lr / 10 if schedule == "cosine" else lr
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(rule, steps, eta_min=least)
    losses, scores, diverged = [], [], False
    for count in range(1, steps + 1):
        inputs, y = moved(draw(batch_size, generator), where)
        out = model(*inputs)
        loss = F.mse_loss(out, y) if regression else F.cross_entropy(out.movedim(-1, 1), y)
        losses.append(loss.item())
        scores.append(losses[-1] if regression else (out.argmax(-1) == y).float().mean().item())
        if not math.isfinite(losses[-1]):
            diverged = True  # no update follows: its gradient means nothing
            break
        rule.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        rule.step()
        falling.step()
        if on_step is not None:
            on_step(Step(count, losses[-1], scores[-1]))
        if should_stop is not None and should_stop():
            break
    return Fit(np.array(losses, np.float32), np.array(scores, np.float32), diverged)


def moved(batch: tuple[tuple, torch.Tensor], where: torch.device) -> tuple[tuple, torch.Tensor]:
    """What a ``draw`` returned, on another device."""
    inputs, y = batch
    return tuple(part.to(where) for part in inputs), y.to(where)


@torch.no_grad()
def score(
    model: Callable,
    draw: Draw,
    generator: torch.Generator,
    *,
    n: int = 2000,
    batch_size: int = 250,
    regression: bool = False,
) -> float:
    """Share of right answers, or the mean squared error, on ``n`` fresh examples.

    Raises:
        ValueError: no example, or a batch of none.
    """
    integer("n", n, minimum=1)
    integer("batch_size", batch_size, minimum=1)
    total, where = 0.0, device_of(model)
    for done in range(0, n, batch_size):
        size = min(batch_size, n - done)  # the last batch may be a smaller one
        inputs, y = moved(draw(size, generator), where)
        out = model(*inputs)
        right = (out - y) ** 2 if regression else (out.argmax(-1) == y).float()
        total += right.mean().item() * (size / batch_size)
    return total / (n / batch_size)
