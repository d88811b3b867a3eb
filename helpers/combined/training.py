"""One training loop for all comparisons: Adam, batches drawn anew, a score a step.

A task is a function ``draw(n, generator)`` that returns the network's inputs as a tuple and the
targets. Training and test draw from streams of different names.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import integer, number

Draw = Callable[[int, torch.Generator], tuple[tuple, torch.Tensor]]


@dataclass
class Fit:
    """A value a step: the loss, and the share of the batch that was right before the update."""

    loss: np.ndarray
    accuracy: np.ndarray


def check_settings(run, *counts: str) -> None:
    """Check what all runs of this wing have, and ``counts``, names of further whole numbers.

    Raises:
        ValueError: a count below 1, or a rate that is negative or no number.
    """
    for name in (*counts, "steps", "batch_size"):
        integer(name, getattr(run, name), minimum=1)
    number("lr", run.lr, minimum=0.0)


def settings(run) -> dict:
    """The part of a run's configuration that :func:`fit` takes."""
    return {"steps": run.steps, "lr": run.lr, "batch_size": run.batch_size}


def fit(
    model: nn.Module,
    draw: Draw,
    generator: torch.Generator,
    *,
    steps: int,
    lr: float = 3e-3,
    batch_size: int = 64,
    clip_norm: float = 1.0,
    regression: bool = False,
    on_step: Callable[[], object] | None = None,
) -> Fit:
    """Train in place. The rate falls along a cosine to a tenth.

    Args:
        regression: squared error; the "accuracy" is then that error once more.

    Raises:
        FloatingPointError: the loss turned NaN or infinite.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, foreach=False)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=lr / 10)
    losses, scores = [], []
    for step in range(steps):
        inputs, y = draw(batch_size, generator)
        out = model(*inputs)
        loss = F.mse_loss(out, y) if regression else F.cross_entropy(out.movedim(-1, 1), y)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"the loss became {loss.item()} at step {step}")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        scores.append(losses[-1] if regression else (out.argmax(-1) == y).float().mean().item())
        if on_step is not None:
            on_step()
    return Fit(np.array(losses, np.float32), np.array(scores, np.float32))


@torch.no_grad()
def score(
    model: nn.Module,
    draw: Draw,
    generator: torch.Generator,
    *,
    n: int = 2000,
    batch_size: int = 250,
    regression: bool = False,
) -> float:
    """Share of right answers, or the mean squared error, on ``n`` fresh examples."""
    total = 0.0
    for _ in range(n // batch_size):
        inputs, y = draw(batch_size, generator)
        out = model(*inputs)
        right = (out - y) ** 2 if regression else (out.argmax(-1) == y).float()
        total += right.mean().item()
    return total / (n // batch_size)
