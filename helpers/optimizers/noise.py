"""Noisy gradients: where descent stops getting better, and which methods shrug off outliers."""

import math

import pandas as pd
import scipy.linalg
import torch
from torch.optim import Optimizer

from helpers import runtime
from helpers.checks import choice, number, positive, shown
from helpers.optimizers.quadratics import spectral_radius
from helpers.optimizers.trials import side_by_side

#: Kinds of noise, all of standard deviation 1 an entry.
KINDS = ("even", "outliers")
#: Outliers: how often, and how large they are then.
RARE = 0.01
#: Curvatures of the noisy bowl, its start, and the size of the noise.
CURVATURES = torch.logspace(0, 1, 10, dtype=torch.float64)
START, NOISE = 3.0, 3.0


def draw_noise(kind: str, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Noise of mean 0 and standard deviation 1: normal, or rarely (once in 100 steps) 10 times so.

    An outlier hits all entries of a gradient at once, as a strange batch does.
    """
    choice("kind", kind, KINDS)
    even = torch.randn(shape, generator=generator, dtype=torch.float64)
    if kind == "even":
        return even
    hit = torch.rand((*shape[:-1], 1), generator=generator, dtype=torch.float64) < RARE
    return even * hit / math.sqrt(RARE)


# One direction, solved --------------------------------------------------------------------------


def momentum_variance(lr: float, momentum: float, lam: float, noise: float) -> float:
    """The variance of z that the heavy ball settles at, noise of standard deviation ``noise``.

    eta noise^2 (1 + mu) / ((1 - mu) lam (2 (1 + mu) - eta lam)); without momentum
    eta noise^2 / (lam (2 - eta lam)).

    Raises:
        ValueError: settings at which it does not settle.
    """
    number("momentum", momentum, minimum=0.0)
    positive("lr", lr)
    positive("lam", lam)
    number("noise", noise, minimum=0.0)
    below = (1 - momentum) * lam * (2 * (1 + momentum) - lr * lam)
    if momentum >= 1 or below <= 0:
        raise ValueError(f"lr = {lr}, momentum = {momentum} and lam = {lam} do not settle")
    return lr * noise**2 * (1 + momentum) / below


def settled_variance(R: torch.Tensor, lr: float, noise: float) -> float:
    """The same from the matrix alone: C_11 of C = R C R^T + (lr noise)^2 (1, 0)^T (1, 0).

    Raises:
        ValueError: no 2 x 2 matrix, or one that does not shrink.
    """
    positive("lr", lr)
    number("noise", noise, minimum=0.0)
    if R.shape != (2, 2) or not spectral_radius(R) < 1:
        raise ValueError(f"R must be a 2 x 2 matrix that shrinks what it acts on, got {shown(R)}")
    kick = torch.tensor([[(lr * noise) ** 2, 0.0], [0.0, 0.0]], dtype=torch.float64)
    return float(scipy.linalg.solve_discrete_lyapunov(R.double().numpy(), kick.numpy())[0, 0])


# Many directions, run ---------------------------------------------------------------------------


def noisy_losses(
    optimizer: type[Optimizer],
    rates: list[float],
    kind: str,
    *,
    steps: int,
    runs: int,
    seed: int = 0,
    falling: bool = False,
    **options: float,
) -> torch.Tensor:
    """The loss on the noisy bowl after each step. The loss itself is measured without noise.

    Shapes:
        ``(steps, rates, runs)``
    """
    g = torch.Generator().manual_seed(seed)
    start = torch.full((runs, len(CURVATURES)), START, dtype=torch.float64)

    def gradient(theta):
        return CURVATURES * theta + NOISE * draw_noise(kind, start.shape, g)

    path = side_by_side(optimizer, rates, start, gradient, steps, falling=falling, **options)
    return torch.stack([(CURVATURES * theta**2).sum(-1) / 2 for theta in path])


@runtime.threads(1)  # many tiny steps: a second thread would be waited for at each
def noisy_trials(
    methods: dict[str, tuple[type[Optimizer], dict]],
    rates: list[float],
    *,
    steps: int,
    runs: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Each method on both kinds of noise at the rate that is best for its mean loss at the end.

    The rate is chosen on one half of the runs, the losses are those of the other half.

    Returns:
        columns optimizer, kind, lr, run, loss
    """
    rows = []
    for kind in KINDS:
        for name, (optimizer, options) in methods.items():
            losses = noisy_losses(
                optimizer, rates, kind, steps=steps, runs=2 * runs, seed=seed, **options
            )[-1].nan_to_num(math.inf, math.inf)
            best = int(losses[:, :runs].mean(1).argmin())
            rows += [
                (name, kind, rates[best], k, loss)
                for k, loss in enumerate(losses[best, runs:].tolist())
            ]
    return pd.DataFrame(rows, columns=["optimizer", "kind", "lr", "run", "loss"])
