"""Training and evaluation of a sequence classifier on streams of batches."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import choice, integer, number

Batches = Iterator[tuple[torch.Tensor, torch.Tensor]]

OPTIMIZERS: dict[str, Callable] = {
    # alpha and eps as both reports used them; eps is added outside the root
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr=lr, alpha=0.99, eps=1e-8, foreach=False),
    "adam": lambda p, lr: torch.optim.Adam(p, lr=lr, foreach=False),
    "sgd": lambda p, lr: torch.optim.SGD(p, lr=lr, foreach=False),
}

#: A run is solved when a mean of training-stream accuracy over this many steps …
SOLVED_WINDOW = 50
#: … reaches this.
SOLVED_ACCURACY = 0.99


@dataclass
class Curves:
    """Training-stream loss and accuracy of every step that was run.

    Attributes:
        loss: cross-entropy in nats, float32 ``(steps,)``.
        accuracy: share of the batch that was right, before the step's update, float32 ``(steps,)``.
        diverged: the loss became infinite or NaN, which ended the training.
    """

    loss: np.ndarray
    accuracy: np.ndarray
    diverged: bool = False

    @property
    def steps(self) -> int:
        return len(self.loss)

    def smoothed(self, window: int) -> np.ndarray:
        """Means of the accuracy over ``window`` steps, one for each step that ends a window."""
        if self.steps < window:
            return np.empty(0)
        total = np.cumsum(np.concatenate([[0.0], self.accuracy]))
        return (total[window:] - total[:-window]) / window

    def solved_step(self, window: int = SOLVED_WINDOW) -> int | None:
        """Steps until a mean over ``window`` steps first reached 0.99; ``None`` if none did."""
        reached = np.flatnonzero(self.smoothed(window) >= SOLVED_ACCURACY - 1e-9)
        return int(reached[0]) + window if len(reached) else None


class _Flat:
    """A model's parameters and gradients as one vector each: one optimizer step, one norm."""

    def __init__(self, model: nn.Module):
        parameters = [p for p in model.parameters() if p.requires_grad]
        self.vector = nn.Parameter(torch.cat([p.detach().reshape(-1) for p in parameters]))
        self.vector.grad = torch.zeros_like(self.vector)
        start = 0
        for p in parameters:
            part = slice(start, start + p.numel())
            p.data = self.vector.data[part].view_as(p)
            p.grad = self.vector.grad[part].view_as(p)
            start += p.numel()


def fit(
    model: nn.Module,
    batches: Batches,
    *,
    steps: int,
    lr: float,
    optimizer: str | Callable[[list, float], torch.optim.Optimizer] = "rmsprop",
    clip_norm: float | None = 10.0,
    bf16: bool = False,
    stop_after_perfect: int | None = None,
    on_step: Callable[[int, float, float], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Curves:
    """Train ``model`` on ``steps`` batches of ``(x, y)``.

    Args:
        lr: learning rate.
        optimizer: a name in :data:`OPTIMIZERS`, or a function of parameters and rate that makes
            an elementwise one (all parameters come as one vector).
        clip_norm: the gradient's norm over all parameters is scaled down to this.
        bf16: run the model under bfloat16 autocast; loss and parameters stay float32.
        stop_after_perfect: end early once this many steps in a row had every answer right.
        on_step: called with (step, loss, accuracy) after every step; what it returns is ignored.
        should_stop: asked after every step; True ends the training (a Stop button, say).

    Raises:
        ValueError: an unknown optimizer, or a number out of range.
    """
    integer("steps", steps, minimum=1)
    if not callable(optimizer):
        optimizer = OPTIMIZERS[choice("optimizer", optimizer, tuple(OPTIMIZERS))]
    if number("lr", lr) <= 0:
        raise ValueError(f"lr must be above 0, got {lr}")
    flat = _Flat(model)
    update = optimizer([flat.vector], lr)
    cast = torch.autocast("cpu", dtype=torch.bfloat16) if bf16 else nullcontext()
    loss_curve = np.empty(steps, np.float32)
    accuracy_curve = np.empty(steps, np.float32)
    perfect = 0
    model.train()
    for step in range(steps):
        x, y = next(batches)
        with cast:
            logits = model(x)
        logits = logits.float() if bf16 else logits
        loss = F.cross_entropy(logits, y)
        flat.vector.grad.zero_()
        loss.backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_([flat.vector], clip_norm, foreach=False)
        update.step()

        loss_curve[step] = value = loss.item()
        accuracy_curve[step] = accuracy = (logits.argmax(1) == y).sum().item() / len(y)
        done = step + 1
        if not np.isfinite(value):
            return Curves(loss_curve[:done], accuracy_curve[:done], diverged=True)
        perfect = perfect + 1 if accuracy == 1.0 else 0
        if on_step is not None:
            on_step(step, value, accuracy)
        solved = stop_after_perfect is not None and perfect >= stop_after_perfect
        if solved or (should_stop is not None and should_stop()):
            return Curves(loss_curve[:done], accuracy_curve[:done])
    return Curves(loss_curve, accuracy_curve)


@torch.no_grad()
def evaluate(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, batch_size: int = 1000
) -> tuple[float, float]:
    """Mean loss in nats and accuracy over ``x (N, T, d), y (N,)``, in float32."""
    model.eval()
    loss, right = 0.0, 0
    for xs, ys in zip(x.split(batch_size), y.split(batch_size), strict=True):
        logits = model(xs)
        loss += F.cross_entropy(logits, ys, reduction="sum").item()
        right += (logits.argmax(1) == ys).sum().item()
    model.train()
    return loss / len(y), right / len(y)
