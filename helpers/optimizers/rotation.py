"""Valleys along the axes and turned against them: how long methods need, how much they swing."""

import math

import pandas as pd
import torch
from torch.optim import Optimizer

from helpers import runtime
from helpers.optimizers.landscapes import rotation, valley
from helpers.optimizers.trials import side_by_side

#: Starts of each run: points of an ellipse round the minimum, in the valley's own coordinates.
STARTS = 16
LENGTH, WIDTH = 4.0, 1.6


def starts(angle: float) -> torch.Tensor:
    """The starts in a valley turned by ``angle`` degrees: the same points, turned with it.

    Shapes:
        ``(STARTS, 2)``, float64
    """
    psi = (torch.arange(STARTS, dtype=torch.float64) + 0.4) * (2 * math.pi / STARTS)
    points = torch.stack([LENGTH * psi.cos(), WIDTH * psi.sin()], dim=-1)
    return points @ rotation(angle).T


def swing(across: torch.Tensor) -> torch.Tensor:
    """The way travelled across the valley over the distance to its floor: 1 without any detour.

    Args:
        across: the coordinate across, ``(steps + 1, ...)``.
    """
    return (across[1:] - across[:-1]).abs().sum(0) / across[0].abs()


@runtime.threads(1)  # many tiny steps: a second thread would be waited for at each
def turned_trials(
    methods: dict[str, tuple[type[Optimizer], dict]],
    condition: float,
    angles: list[float],
    rates: list[float],
    steps: int,
    shrink: float = 1e-3,
) -> pd.DataFrame:
    """Every method at every angle and rate: median steps, and median swing, over the starts.

    A start counts as done once f stays below ``shrink`` times its first value until the end.

    Args:
        methods: name -> (optimizer, its options).

    Returns:
        columns optimizer, angle, lr, steps (infinite where the median start was never done), swing
    """
    H = torch.stack([valley(condition, angle) for angle in angles])
    U = torch.stack([rotation(angle) for angle in angles])
    start = torch.stack([starts(angle) for angle in angles])
    rows = []
    for name, (optimizer, options) in methods.items():
        run = side_by_side(
            optimizer, rates, start, lambda theta: theta @ H, steps, **options
        )  # theta (rates, angles, starts, 2); H is symmetric
        path = torch.stack([start.expand(len(rates), *start.shape), *(x.clone() for x in run)])
        f = ((path @ H) * path).sum(-1) / 2
        above = ~(f <= shrink * f[0])  # NaN is above
        last = torch.where(above, torch.arange(steps + 1).reshape(-1, 1, 1, 1), -1).amax(0) + 1.0
        last[above[-1]] = math.inf
        done, swings = last.median(-1).values, swing((path @ U)[..., 1]).median(-1).values
        rows += [
            (name, angle, lr, done[i, j].item(), swings[i, j].item())
            for j, angle in enumerate(angles)
            for i, lr in enumerate(rates)
        ]
    return pd.DataFrame(rows, columns=["optimizer", "angle", "lr", "steps", "swing"])


def best_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Of each method and angle the row with the fewest steps (the smaller rate if several)."""
    ordered = trials.sort_values(["steps", "lr"], kind="stable")
    best = ordered.groupby(["optimizer", "angle"], sort=False).head(1)
    names = list(dict.fromkeys(trials["optimizer"]))
    return best.sort_values(
        ["optimizer", "angle"], key=lambda c: c.map(names.index) if c.name == "optimizer" else c
    )
