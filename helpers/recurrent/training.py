"""Training and evaluation of a network on streams of batches."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from helpers.checks import choice, fits, integer, positive
from helpers.recurrent.task import Classification, Task
from helpers.runtime import autocast, device_of
from helpers.steps import OnStep, ShouldStop, Step

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
        loss: of the task, float32 ``(steps,)``; cross-entropy in nats.
        accuracy: share of answers that were right, before the step's update, float32 ``(steps,)``.
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

    def clip_(self, norm: float) -> None:
        """Clip as ``nn.utils.clip_grad_norm_`` does, equal to the last bit and twice as fast."""
        gradient = self.vector.grad
        found = torch.linalg.vector_norm(gradient)
        gradient.mul_((norm / (found + 1e-6)).clamp(max=1.0))


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
    task: Task | None = None,
    on_step: OnStep | None = None,
    should_stop: ShouldStop | None = None,
) -> Curves:
    """Train ``model`` on ``steps`` batches of ``(x, y)``, on the device where it lies.

    Args:
        lr: learning rate.
        optimizer: a name in :data:`OPTIMIZERS`, or a function of parameters and rate that makes
            an elementwise one (all parameters come as one vector).
        clip_norm: the gradient's norm over all parameters is scaled down to this.
        bf16: run the model under bfloat16 autocast; loss and parameters stay float32. A CPU without
            bfloat16 trains in float32 instead.
        stop_after_perfect: end early once this many steps in a row had every answer right.
        task: whose loss and score these are; a class after the last step if left out.
        on_step: called with a :class:`helpers.steps.Step` after every step.
        should_stop: asked after every step; True ends the training (a Stop button, say).

    A loss that is infinite or NaN ends the training, changes no weight, and is told in the curves.

    Raises:
        ValueError: an unknown optimizer, or a number out of range.
    """
    check_fit_options(steps, lr, optimizer, clip_norm, stop_after_perfect)
    if not callable(optimizer):
        optimizer = OPTIMIZERS[optimizer]
    task = Classification() if task is None else task
    flat = _Flat(model)
    update = optimizer([flat.vector], lr)
    device = device_of(model)
    loss_curve = np.empty(steps, np.float32)
    accuracy_curve = np.empty(steps, np.float32)
    perfect = 0
    model.train()
    for step in range(steps):
        x, y = (part.to(device) for part in next(batches))
        with autocast(device, bf16):
            logits = model(x)
        logits = logits.float() if bf16 else logits
        loss = task.loss(logits, y)
        loss_curve[step] = value = loss.item()
        right, answers = task.right(logits, y)
        accuracy_curve[step] = accuracy = right / answers
        done = step + 1
        if not np.isfinite(value):  # no update follows: its gradient means nothing
            return Curves(loss_curve[:done], accuracy_curve[:done], diverged=True)
        flat.vector.grad.zero_()
        loss.backward()
        if clip_norm is not None:
            flat.clip_(clip_norm)
        update.step()
        perfect = perfect + 1 if accuracy == 1.0 else 0
        if on_step is not None:
            on_step(Step(done, value, accuracy))
        solved = stop_after_perfect is not None and perfect >= stop_after_perfect
        if solved or (should_stop is not None and should_stop()):
            return Curves(loss_curve[:done], accuracy_curve[:done])
    return Curves(loss_curve, accuracy_curve)


def check_fit_options(steps, lr, optimizer, clip_norm, stop_after_perfect) -> None:
    """What :func:`fit` and every configuration that ends in it check.

    Raises:
        ValueError: a number out of range, or an unknown optimizer.
    """
    fits(2 * integer("steps", steps, minimum=1), steps=steps)  # the two curves
    if not callable(optimizer):
        choice("optimizer", optimizer, tuple(OPTIMIZERS))
    positive("lr", lr)
    if clip_norm is not None:
        positive("clip_norm", clip_norm)
    if stop_after_perfect is not None:
        integer("stop_after_perfect", stop_after_perfect, minimum=1)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Inside, no dropout and no gradients; afterwards ``model`` is in the mode it was in."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    task: Task | None = None,
) -> tuple[float, float]:
    """Mean loss and share of right answers over finitely many batches ``x, y``, where the model is.

    The model is given back in the mode it was in.

    Raises:
        ValueError: no batch at all.
    """
    task = Classification() if task is None else task
    device = device_of(model)
    loss, right, answers, targets = 0.0, 0, 0, 0
    with evaluating(model):
        for x, y in batches:
            x, y = x.to(device), y.to(device)
            out = model(x)
            loss += task.loss(out, y, "sum").item()
            found, of = task.right(out, y)
            right, answers, targets = right + found, answers + of, targets + y.numel()
    if not targets:
        raise ValueError("there is nothing to evaluate on: no batch was given")
    return loss / targets, right / answers
