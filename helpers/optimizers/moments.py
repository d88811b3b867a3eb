"""Decaying averages: their weights, their start from zero, and what correcting it changes."""

import itertools
import math

import torch

from helpers.checks import integer, number, shown

#: Sequences of draws that are gone through one by one.
MOST_SEQUENCES = 1_000_000


def decaying_average(values: list[float], beta: float) -> list[float]:
    """m_t = beta m_{t-1} + (1 - beta) value_t, from m_0 = 0: the average after each value."""
    number("beta", beta, minimum=0.0, maximum=1.0)
    m, averages = 0.0, []
    for value in values:
        m = beta * m + (1 - beta) * value
        averages.append(m)
    return averages


def average_weights(beta: float, t: int) -> torch.Tensor:
    """The weight (1 - beta) beta^k of the value k steps ago, k = 0 … t - 1.

    Shapes:
        ``(t,)``, float64
    """
    number("beta", beta, minimum=0.0, maximum=1.0)
    return (1 - beta) * beta ** torch.arange(integer("t", t, minimum=1), dtype=torch.float64)


def expected_average(
    outcomes: list[float], chances: list[float], beta: float, t: int, power: int = 1
) -> float:
    """The exact mean of the decaying average after ``t`` draws, over all their sequences.

    Every draw is one of ``outcomes`` with its chance; what is averaged is its ``power``-th power.

    Raises:
        ValueError: chances that do not fit the outcomes or do not sum to 1, or too many sequences.
    """
    number("beta", beta, minimum=0.0, maximum=1.0)
    integer("t", t, minimum=1)
    if not len(outcomes):
        raise ValueError("there must be at least one outcome")
    if len(chances) != len(outcomes) or min(chances) < 0 or abs(sum(chances) - 1) > 1e-9:
        raise ValueError(f"chances must be one an outcome and sum to 1, got {shown(chances)}")
    if t * math.log(len(outcomes)) > math.log(MOST_SEQUENCES):
        raise ValueError(
            f"t = {t:,} draws of {len(outcomes)} outcomes make over {MOST_SEQUENCES:,} sequences"
        )
    total = 0.0
    for sequence in itertools.product(range(len(outcomes)), repeat=t):
        chance = math.prod(chances[k] for k in sequence)
        values = [outcomes[k] ** power for k in sequence]
        total += chance * decaying_average(values, beta)[-1]
    return total


def uncorrected_over_corrected(
    t: torch.Tensor, beta_1: float = 0.9, beta_2: float = 0.999
) -> torch.Tensor:
    """How many times as long Adam's step t would be without bias correction.

    (1 - beta_1^t) / sqrt(1 - beta_2^t); with beta_1 = 0 and beta_2 = alpha it is RMSprop's.

    Raises:
        ValueError: a step below 1, or a beta outside of [0, 1).
    """
    for name, beta in (("beta_1", beta_1), ("beta_2", beta_2)):
        if not 0 <= number(name, beta) < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {beta}")
    if (t < 1).any():
        raise ValueError(f"steps t are counted from 1, got {t.min().item()}")
    return (1 - beta_1**t) / (1 - beta_2**t).sqrt()
