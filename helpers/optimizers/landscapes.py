"""Functions of two variables to walk on, and the paths that optimizers take."""

from collections.abc import Callable

import torch
from torch.optim import Optimizer

from helpers.checks import integer, number

Landscape = Callable[[torch.Tensor], torch.Tensor]


def quadratic(condition: float) -> Landscape:
    """f(x) = (x_1^2 + condition x_2^2) / 2: a valley, ``condition`` times as steep across as along.

    Shapes:
        x ``(..., 2)`` -> ``(...)``

    Raises:
        ValueError: a condition number below 1.
    """
    number("the condition number", condition, minimum=1.0)
    return lambda x: (x[..., 0] ** 2 + condition * x[..., 1] ** 2) / 2


def rosenbrock(x: torch.Tensor) -> torch.Tensor:
    """f(x) = (1 - x_1)^2 + 100 (x_2 - x_1^2)^2 (Rosenbrock 1960); the minimum is at (1, 1).

    Shapes:
        x ``(..., 2)`` -> ``(...)``
    """
    return (1 - x[..., 0]) ** 2 + 100 * (x[..., 1] - x[..., 0] ** 2) ** 2


def walk(
    f: Landscape,
    start: tuple[float, float],
    steps: int,
    optimizer: type[Optimizer],
    **hyperparameters: float,
) -> torch.Tensor:
    """The path of an optimizer over ``f``, in float64.

    A path that leaves the plane (overflow) ends at its last finite point.

    Shapes:
        ``(steps + 1, 2)``, or fewer rows
    """
    integer("steps", steps, minimum=0)
    x = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    update = optimizer([x], **hyperparameters)
    path = [x.detach().clone()]
    for _ in range(steps):
        update.zero_grad()
        f(x).backward()
        update.step()
        if not torch.isfinite(x).all():
            break
        path.append(x.detach().clone())
    return torch.stack(path)


def steps_to(f: Landscape, path: torch.Tensor, level: float) -> int | None:
    """Steps until ``f`` first fell to ``level`` along ``path``; ``None`` if it never did."""
    below = (f(path) <= level).nonzero()
    return int(below[0]) if len(below) else None
