"""One LSTM cell whose gates are set by hand, to carry the first digit through the others.

The cell is equation by equation that of :class:`.LSTM`, with one unit, without weights: its
candidate and gates are what somebody sets.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from helpers.checks import number
from helpers.palindromes import probes
from helpers.recurrent.classifier import SequenceClassifier

GATES = ("f", "i", "o", "g")
#: A digit d is written as g = d / 10, and read as 10 artanh(h): exactly so where i and o are 1.
SCALE = 10.0


class Setting(NamedTuple):
    """The gates of one step, from 0 to 1, and its candidate, from -1 to 1."""

    f: float
    i: float
    o: float
    g: float


class Played(NamedTuple):
    """A cell that has read all digits.

    Attributes:
        c, h: after each step, ``(T,)``.
        kept: dL/dc_t over dL/dc_T: the product of the forget gates after t, ``(T,)``.
        answer: the digit that h_T stands for, not rounded.
    """

    c: torch.Tensor
    h: torch.Tensor
    kept: torch.Tensor
    answer: float


def play(settings: list[Setting]) -> Played:
    """Run the cell from c_0 = 0.

    c_t = g_t i_t + c_{t-1} f_t, h_t = tanh(c_t) o_t; and back, dc_t/dc_{t-1} = f_t.

    Raises:
        ValueError: no steps, a gate outside of 0 to 1, a candidate outside of -1 to 1.
    """
    if not settings:
        raise ValueError("there must be at least one step")
    c, cells, hidden = torch.zeros((), dtype=torch.float64), [], []
    for t, (f, i, o, g) in enumerate(settings, start=1):
        for name, gate in (("f", f), ("i", i), ("o", o)):
            number(f"{name} of step {t}", gate, minimum=0.0, maximum=1.0)
        number(f"g of step {t}", g, minimum=-1.0, maximum=1.0)
        c = g * i + c * f
        cells.append(c)
        hidden.append(torch.tanh(c) * o)
    forget = torch.tensor([s.f for s in settings[1:]] + [1.0], dtype=torch.float64)
    kept = forget.flip(0).cumprod(0).flip(0)
    answer = SCALE * math.atanh(min(max(hidden[-1].item(), -1 + 1e-12), 1 - 1e-12))
    return Played(torch.stack(cells), torch.stack(hidden), kept, answer)


def presets(digits: Sequence[int]) -> dict[str, list[Setting]]:
    """Ways to set the gates for these digits; the candidate is always the digit."""
    write = [Setting(0.5, 0.5, 0.5, d / SCALE) for d in digits]
    once = [Setting(float(t > 0), float(t == 0), 1.0, d / SCALE) for t, d in enumerate(digits)]
    return {
        "all gates half open": write,
        "input gate always open": [s._replace(f=1.0, i=1.0, o=1.0) for s in write],
        "forget gate always shut": [s._replace(f=0.0, i=1.0, o=1.0) for s in write],
        "write once, then keep": once,
        "keep a little less": [s._replace(f=min(s.f, 0.9)) for s in once],
    }


class TrainedUnit(NamedTuple):
    """A unit of a trained network, and what the network makes of the same digits.

    Attributes:
        number: of the unit.
        traces: "f", "i", "o", "g", "c", "h" over the steps, each ``(T,)``.
        answer: the digit that the network's read-out names after the last step.
        probability: that it gives to this digit.
    """

    number: int
    traces: dict[str, torch.Tensor]
    answer: int
    probability: float


def trained_unit(
    model: SequenceClassifier, T: int, encoding: str, digits: Sequence[int]
) -> TrainedUnit:
    """The unit of a trained network that tells most of the first digit, reading ``digits``."""
    unit = int(probes.memory_units(model, T, encoding)[0])
    found = probes.traces(model, torch.tensor([digits]), encoding)
    probability, answer = found["answer"][0, -1].max(0)
    traces = {name: found[name][0, :, unit] for name in (*GATES, "c", "h")}
    return TrainedUnit(unit, traces, int(answer), probability.item())
