"""Descent and momentum on a quadratic, solved: factors, matrices, best settings.

In the basis of the Hessian's eigenvectors every direction moves on its own. ``lam`` is one
eigenvalue or several, ``smallest`` and ``largest`` are the ends of the spectrum, kappa their ratio.
Sources: Polyak (1964); Nesterov (1983); Lessard, Recht and Packard (2016) for the proofs of the
rates; Goh, "Why momentum really works" (2017).
"""

import math

import torch
from torch.optim import Optimizer

from helpers.checks import integer, is_symmetric, number, positive, shown
from helpers.optimizers.landscapes import bowl, walk
from helpers.recurrent.initialisation import spectral_radius


def random_hessian(eigenvalues: list[float], seed: int = 0) -> torch.Tensor:
    """A symmetric matrix with these eigenvalues and random orthogonal eigenvectors, float64."""
    g = torch.Generator().manual_seed(seed)
    n = len(eigenvalues)
    Q, _ = torch.linalg.qr(torch.randn(n, n, generator=g, dtype=torch.float64))
    H = Q @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ Q.T
    return (H + H.T) / 2


# Gradient descent -------------------------------------------------------------------------------


def best_descent(smallest: float, largest: float) -> tuple[float, float]:
    """The rate 2 / (smallest + largest), and its factor (kappa - 1) / (kappa + 1)."""
    _spectrum(smallest, largest)
    kappa = largest / smallest
    return 2 / (smallest + largest), (kappa - 1) / (kappa + 1)


# Momentum ---------------------------------------------------------------------------------------


def momentum_matrix(lr: float, momentum: float, lam: float) -> torch.Tensor:
    """R of the heavy ball on one direction: (z_{t+1}, z_t) = R (z_t, z_{t-1})."""
    return torch.tensor([[1 + momentum - lr * lam, -momentum], [1.0, 0.0]], dtype=torch.float64)


def nesterov_matrix(lr: float, momentum: float, lam: float) -> torch.Tensor:
    """R of Nesterov's momentum on one direction: (z_{t+1}, z_t) = R (z_t, z_{t-1})."""
    q = 1 - lr * lam
    first = [q * (1 + momentum), -q * momentum]
    return torch.tensor([first, [1.0, 0.0]], dtype=torch.float64)


def momentum_rate(lr: float, momentum: float, eigenvalues: torch.Tensor) -> float:
    """The factor a step of the heavy ball, in the long run, in the worst direction.

    Raises:
        ValueError: eigenvalues that are not in one row.
    """
    _row(eigenvalues)
    return max(spectral_radius(momentum_matrix(lr, momentum, lam)) for lam in eigenvalues.tolist())


def _row(eigenvalues) -> None:
    if eigenvalues.dim() != 1 or not len(eigenvalues):
        raise ValueError(f"eigenvalues must be a row of numbers, got {shown(eigenvalues)}")


def best_momentum(smallest: float, largest: float) -> tuple[float, float]:
    """Rate and momentum of the fastest heavy ball; its factor is the root of the momentum."""
    _spectrum(smallest, largest)
    root = math.sqrt(largest / smallest)
    return 4 / (math.sqrt(smallest) + math.sqrt(largest)) ** 2, ((root - 1) / (root + 1)) ** 2


def best_nesterov(smallest: float, largest: float) -> tuple[float, float]:
    """Rate 1 / largest, momentum (root kappa - 1) / (root kappa + 1); factor 1 - 1/root kappa."""
    _spectrum(smallest, largest)
    root = math.sqrt(largest / smallest)
    return 1 / largest, (root - 1) / (root + 1)


def friction_path(
    lam: float, mass: float, friction: float, dt: float, first: float, steps: int
) -> list[float]:
    """A mass on the slope of lam z^2 / 2, by finite differences, from rest.

    mass (z_{t+1} - 2 z_t + z_{t-1}) / dt^2 + friction (z_{t+1} - z_t) / dt = - lam z_t,
    solved for z_{t+1}.

    Raises:
        ValueError: a mass or a time step that is not above 0, or negative friction.
    """
    positive("mass", mass)
    positive("dt", dt)
    number("friction", friction, minimum=0.0)
    z = [first, first]
    for _ in range(steps):
        inertia = mass * (2 * z[-1] - z[-2]) / dt**2
        forces = inertia + friction * z[-1] / dt - lam * z[-1]
        z.append(forces / (mass / dt**2 + friction / dt))
    return z[1:]


# Measured on runs -------------------------------------------------------------------------------


def stability_edge(
    H: torch.Tensor, optimizer: type[Optimizer], steps: int = 200, **hyperparameters: float
) -> float:
    """The largest rate at which a real run does not grow, found by bisection.

    A run grows if it ends, after ``steps`` steps, further from the minimum than it was half-way:
    by then only the direction that breaks first is left.

    Raises:
        ValueError: no symmetric matrix, or too few steps to tell.
    """
    integer("steps", steps, minimum=2)
    if not is_symmetric(H) or not H.any():
        raise ValueError(f"H must be a symmetric matrix, and not zero; got {shown(H)}")
    start = torch.ones(len(H), dtype=torch.float64)
    low, high = 0.0, 8 / torch.linalg.matrix_norm(H, 2).item()
    for _ in range(18):
        middle = (low + high) / 2
        path = walk(bowl(H), start, steps, optimizer, lr=middle, **hyperparameters)
        grows = len(path) <= steps or path[-1].norm() > path[steps // 2].norm()
        low, high = (low, middle) if grows else (middle, high)
    return low


def steps_to_shrink(
    eigenvalues: torch.Tensor,
    optimizer: type[Optimizer],
    factor: float,
    limit: int = 100_000,
    **hyperparameters: float,
) -> int | None:
    """Steps until the error is ``factor`` times its first size for good, from (1, …, 1).

    The gradient is written down, not differentiated, so that many steps are quick.

    Returns:
        ``None`` if the run needs more than ``limit`` steps, or grows without bound.

    Raises:
        ValueError: eigenvalues that are not above 0, or not in one row; a factor that is not above
            0, which no run reaches.
    """
    _row(eigenvalues)
    if (eigenvalues <= 0).any():
        raise ValueError(f"eigenvalues must be above 0, got {eigenvalues.min().item():g}")
    integer("limit", limit, minimum=1)
    if not 0 < number("factor", factor) <= 1:
        raise ValueError(f"factor must be above 0 and at most 1, got {factor:g}")
    e = torch.ones_like(eigenvalues, requires_grad=True)
    update = optimizer([e], **hyperparameters)
    first, last_above = e.norm().item(), 0
    for step in range(1, limit + 1):
        e.grad = eigenvalues * e.detach()
        update.step()
        size = e.norm().item() / first
        if not math.isfinite(size):
            break
        if size > factor:
            last_above = step
        elif size < factor / 10 or step > 2 * last_above + 50:
            return last_above + 1
    return None


def _spectrum(smallest: float, largest: float) -> None:
    number("the smallest eigenvalue", smallest, minimum=0.0)
    number("the largest eigenvalue", largest, minimum=smallest)
    if smallest == 0:
        raise ValueError("the smallest eigenvalue must be above 0: along it nothing moves")
