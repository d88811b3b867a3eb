"""Decaying averages: their weights, their start from zero, and what correcting it changes."""

import itertools
import math

import torch

from helpers.checks import number


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
    return (1 - beta) * beta ** torch.arange(t, dtype=torch.float64)


def expected_average(
    outcomes: list[float], chances: list[float], beta: float, t: int, power: int = 1
) -> float:
    """The exact mean of the decaying average after ``t`` draws, over all their sequences.

    Every draw is one of ``outcomes`` with its chance; what is averaged is its ``power``-th power.
    """
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
    """
    return (1 - beta_1**t) / (1 - beta_2**t).sqrt()
