"""Functions to walk on, and the paths that optimizers take."""

import math
from collections.abc import Callable, Sequence

import torch
from torch.optim import Optimizer

from helpers.checks import AnyTensor, integer, is_symmetric, number, shown, tensor

Landscape = Callable[[torch.Tensor], torch.Tensor]


def rotation(angle: float) -> torch.Tensor:
    """The matrix that turns the plane by ``angle`` degrees, counter-clockwise, float64."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return torch.tensor([[c, -s], [s, c]], dtype=torch.float64)


def valley(condition: float, angle: float = 0.0) -> torch.Tensor:
    """The Hessian U diag(1, condition) U^T of a valley whose floor is turned by ``angle`` degrees.

    Shapes:
        ``(2, 2)``, float64

    Raises:
        ValueError: a condition number below 1.
    """
    number("the condition number", condition, minimum=1.0)
    U = rotation(angle)
    return U @ torch.diag(torch.tensor([1.0, condition], dtype=torch.float64)) @ U.T


def bowl(H: torch.Tensor, minimum: torch.Tensor | None = None) -> Landscape:
    """f(theta) = (theta - theta*)^T H (theta - theta*) / 2, with H symmetric.

    Args:
        minimum: theta*, zero if left out.

    Shapes:
        theta ``(..., n)`` -> ``(...)``

    Raises:
        ValueError: an H that is not symmetric, or a minimum of another size.
    """
    if not is_symmetric(H):
        raise ValueError(f"H must be a symmetric matrix, got {shown(H)}")
    if minimum is not None and minimum.shape != H.shape[:1]:
        raise ValueError(f"minimum must have shape ({len(H)},), got {shown(minimum)}")

    def f(theta: torch.Tensor) -> torch.Tensor:
        e = theta if minimum is None else theta - minimum
        return ((e @ H.to(e.dtype)) * e).sum(-1) / 2

    return f


def quadratic(condition: float, angle: float = 0.0) -> Landscape:
    """A valley ``condition`` times as steep across as along: :func:`bowl` of :func:`valley`."""
    return bowl(valley(condition, angle))


def rosenbrock(x: AnyTensor) -> torch.Tensor:
    """f(x) = (1 - x_1)^2 + 100 (x_2 - x_1^2)^2 (Rosenbrock 1960); the minimum is at (1, 1).

    Shapes:
        x ``(..., 2)`` -> ``(...)``
    """
    _last("x", x, 2)
    return (1 - x[..., 0]) ** 2 + 100 * (x[..., 1] - x[..., 0] ** 2) ** 2


def three_pieces(x: AnyTensor) -> torch.Tensor:
    """A convex function of one variable on which the heavy ball goes round for ever.

    Its slope is 25 x below 1, x + 24 from 1 to 2, and 25 x - 24 above 2, so that curvatures lie
    between 1 and 25 (Lessard, Recht and Packard 2016, section 4.6). The minimum is at 0.

    Shapes:
        x ``(..., 1)`` -> ``(...)``
    """
    _last("x", x, 1)
    x = x[..., 0]
    below, between, above = 12.5 * x**2, x**2 / 2 + 24 * x - 12, 12.5 * x**2 - 24 * x + 36
    return torch.where(x < 1, below, torch.where(x < 2, between, above))


def _last(name: str, x: torch.Tensor, size: int) -> None:
    if x.dim() < 1 or x.shape[-1] != size:
        raise ValueError(f"{name} must have a last dimension of {size}, got {shown(x)}")


def walk(
    f: Landscape,
    start: Sequence[float] | torch.Tensor,
    steps: int,
    optimizer: type[Optimizer],
    **hyperparameters: float,
) -> torch.Tensor:
    """The path of an optimizer over ``f``, in float64.

    A path that leaves the plane (overflow) ends at its last finite point.

    Shapes:
        ``(steps + 1, n)``, or fewer rows

    Raises:
        ValueError: a start that is no point, or a number of steps below 0.
    """
    integer("steps", steps, minimum=0)
    x = tensor("start", start, torch.float64).clone().requires_grad_()
    if x.dim() != 1 or not len(x):
        raise ValueError(f"start must be a point, numbers in one row, got {shown(start)}")
    update = optimizer([x], **hyperparameters)
    path = torch.empty(steps + 1, *x.shape, dtype=x.dtype)
    path[0] = x.detach()
    for step in range(1, steps + 1):
        (x.grad,) = torch.autograd.grad(f(x), x)
        update.step()
        path[step] = x.detach()
    # looked at once, behind the loop: a look at every step would cost as much as the step
    left = (~path.isfinite().all(1)).nonzero()
    return path[: int(left[0])] if len(left) else path


def steps_to(f: Landscape, path: AnyTensor, level: float) -> int | None:
    """Steps until ``f`` first fell to ``level`` along ``path``; ``None`` if it never did.

    Raises:
        ValueError: a path that is not one point a row.
    """
    if path.dim() != 2 or not path.numel():
        raise ValueError(f"path must hold a point in each row, got {shown(path)}")
    below = (f(path) <= level).nonzero()
    return int(below[0]) if len(below) else None
