"""Rare features: a linear model some of whose weights seldom get a gradient."""

import itertools
import math

import pandas as pd
import torch
from torch.optim import Optimizer

from helpers import runtime
from helpers.checks import number
from helpers.optimizers.trials import side_by_side

#: How often each of the 32 features is there: from always down to about once in 200 examples.
PRESENCE = 2.0 ** (-torch.arange(32, dtype=torch.float64) / 4)
NOISE = 0.1
#: Features of an example whose every value is gone through.
MOST_FEATURES = 12


def draw_features(runs: int, generator: torch.Generator) -> torch.Tensor:
    """One example a run: +1 or -1 where a feature is there, 0 where it is not.

    Shapes:
        ``(runs, 32)``, float64
    """
    shape = (runs, len(PRESENCE))
    there = torch.rand(shape, generator=generator, dtype=torch.float64) < PRESENCE
    sign = torch.where(torch.rand(shape, generator=generator) < 0.5, -1.0, 1.0)
    return (there * sign).double()


def exact_curvature(shares: list[float]) -> torch.Tensor:
    """The Hessian of the mean loss, E x x^T, summed over everything that an example can be.

    Args:
        shares: how often each feature is there; each triples the number of cases.

    Shapes:
        ``(n, n)``, float64

    Raises:
        ValueError: a share outside of [0, 1], or more than :data:`MOST_FEATURES` of them.
    """
    for share in shares:
        number("a share", share, minimum=0.0, maximum=1.0)
    if len(shares) > MOST_FEATURES:
        raise ValueError(f"shares must be at most {MOST_FEATURES}: each triples the cases")
    H = torch.zeros(len(shares), len(shares), dtype=torch.float64)
    for values in itertools.product((-1.0, 0.0, 1.0), repeat=len(shares)):
        chances = [p / 2 if v else 1 - p for v, p in zip(values, shares, strict=True)]
        x = torch.tensor(values, dtype=torch.float64)
        H += math.prod(chances) * torch.outer(x, x)
    return H


def squared_errors(
    optimizer: type[Optimizer],
    rates: list[float],
    *,
    steps: int,
    runs: int,
    seed: int = 0,
    **options: float,
) -> torch.Tensor:
    """The squared error of every weight after each step of one example, from weights of 0.

    The loss of an example is (x . theta - y)^2 / 2, with y = x . target + noise and a target of
    +1 or -1 for each weight, so that every error starts at 1.

    Shapes:
        ``(steps, rates, runs, 32)``
    """
    g = torch.Generator().manual_seed(seed)
    shape = (runs, len(PRESENCE))
    target = torch.where(torch.rand(shape, generator=g) < 0.5, -1.0, 1.0).double()

    def gradient(theta):
        x = draw_features(runs, g)
        noise = NOISE * torch.randn((runs, 1), generator=g, dtype=torch.float64)
        return (((theta - target) * x).sum(-1, keepdim=True) - noise) * x

    path = side_by_side(optimizer, rates, torch.zeros(shape).double(), gradient, steps, **options)
    return torch.stack([(theta - target) ** 2 for theta in path])


@runtime.threads(1)  # many tiny steps: a second thread would be waited for at each
def sparse_trials(
    methods: dict[str, tuple[type[Optimizer], dict]],
    rates: list[float],
    *,
    steps: int,
    runs: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Each method at the rate that is best for its mean error, with the error of each feature.

    The rate is chosen on one half of the runs, the errors are those of the other half.

    Returns:
        columns optimizer, lr, presence, error (the mean over the runs)
    """
    rows = []
    for name, (optimizer, options) in methods.items():
        errors = squared_errors(optimizer, rates, steps=steps, runs=2 * runs, seed=seed, **options)[
            -1
        ].nan_to_num(1e9, 1e9)
        best = int(errors[:, :runs].mean((1, 2)).argmin())
        rows += [
            (name, rates[best], presence, error)
            for presence, error in zip(
                PRESENCE.tolist(), errors[best, runs:].mean(0).tolist(), strict=True
            )
        ]
    return pd.DataFrame(rows, columns=["optimizer", "lr", "presence", "error"])
