"""Many runs of one optimizer at once: every rate of a grid, every start or seed, side by side.

The optimizers work entry by entry, so runs may share one tensor; the rate of a run is an entry of a
tensor of rates. Rates of one grid meet the same noise.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch.optim import Optimizer

from helpers.checks import integer, number
from helpers.optimizers.algorithms import ALGORITHMS

#: The methods of the trials, with their default hyperparameters. AdamW without decay is Adam.
METHODS: dict[str, type[Optimizer]] = {
    name: optimizer for name, optimizer in ALGORITHMS.items() if name != "AdamW"
}


def grid_of_rates(low: float, high: float, per_decade: int = 4) -> list[float]:
    """Rates from 10^low to 10^high, both included, ``per_decade`` of them in each factor of ten."""
    integer("per_decade", per_decade, minimum=1)
    number("low", low, minimum=-30, maximum=30)
    number("high", high, minimum=low, maximum=30)
    count = round((high - low) * per_decade)
    return [10 ** (low + k / per_decade) for k in range(count + 1)]


def side_by_side(
    optimizer: type[Optimizer],
    rates: Sequence[float],
    start: torch.Tensor,
    gradient: Callable[[torch.Tensor], torch.Tensor],
    steps: int,
    *,
    falling: bool = False,
    **options: float,
) -> Iterator[torch.Tensor]:
    """The weights of all runs after each step; runs that overflow hold infinities or NaN.

    Args:
        start: weights of the runs, ``(*runs, n)``.
        gradient: of weights ``(rates, *runs, n)``, the same shape; called once a step.
        falling: let every rate fall as 1 / sqrt(t).

    Shapes:
        ``(rates, *runs, n)``, ``steps`` times
    """
    theta = start.expand(len(rates), *start.shape).clone().requires_grad_()
    update = optimizer([theta], lr=1.0, **options)
    column = torch.tensor(rates, dtype=theta.dtype).reshape(-1, *[1] * start.dim())
    for t in range(1, integer("steps", steps, minimum=1) + 1):
        theta.grad = gradient(theta.detach())
        update.param_groups[0]["lr"] = column / t**0.5 if falling else column
        update.step()
        yield theta.detach()
