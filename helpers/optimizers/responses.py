"""The steps that an optimizer takes on a given sequence of gradients of one weight."""

from itertools import pairwise

import torch
from torch.optim import Optimizer

from helpers.checks import integer


def relative_steps(
    optimizer: type[Optimizer], gradients: list[float], **hyperparameters: float
) -> list[float]:
    """The steps on these gradients, in units of the learning rate.

    Positive is downhill for a positive gradient. The weight starts at 0 and its own size plays no
    part, except under weight decay.
    """
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    update = optimizer([x], lr=1.0, **hyperparameters)
    weights = [0.0]
    for x.grad in torch.tensor(gradients, dtype=torch.float64).split(1):
        update.step()
        weights.append(x.item())
    return [before - after for before, after in pairwise(weights)]


def steady_step(
    optimizer: type[Optimizer], *, alternating: bool, steps: int = 2000, **hyperparameters: float
) -> float:
    """Size of the step after ``steps`` gradients of size 1, constant or of alternating sign."""
    gradients = [(-1.0) ** k if alternating else 1.0 for k in range(steps)]
    return abs(relative_steps(optimizer, gradients, **hyperparameters)[-1])


def first_step(optimizer: type[Optimizer]) -> float:
    """The first step in units of the learning rate, whatever the gradient."""
    return relative_steps(optimizer, [1.0])[0]


def decayed_weights(
    optimizer: type[Optimizer], scales: list[float], steps: int, seed: int = 0, **options: float
) -> torch.Tensor:
    """Weights that start at 1 and feel only noise of these scales and weight decay.

    Shapes:
        ``(steps + 1, len(scales))``, float64: the mean over 200 copies

    Raises:
        ValueError: no scale, or more than 10,000 steps.
    """
    integer("steps", steps, minimum=0, maximum=10_000)
    if not len(scales):
        raise ValueError("there must be at least one scale")
    g = torch.Generator().manual_seed(seed)
    size = torch.tensor(scales, dtype=torch.float64)
    theta = torch.ones(200, len(scales), dtype=torch.float64, requires_grad=True)
    update = optimizer([theta], **options)
    means = [theta.detach().mean(0)]
    for _ in range(steps):
        theta.grad = size * torch.randn(theta.shape, generator=g, dtype=torch.float64)
        update.step()
        means.append(theta.detach().mean(0))
    return torch.stack(means)
