"""Gates of a trained LSTM held fixed one at a time, and what it then still gets right."""

import copy

import pandas as pd
import torch

from helpers.palindromes import probes
from helpers.palindromes.tasks import palindromes
from helpers.recurrent.cells.held import hold_gate_
from helpers.recurrent.classifier import SequenceClassifier

#: Gate -> what it is called.
GATES = {"i": "input gate", "f": "forget gate", "o": "output gate", "g": "candidate"}
#: What a gate is held at: shut, at the mean that it has while the network reads, open.
VALUES = ("0", "mean", "1")


def mean_gates(
    model: SequenceClassifier, T: int, encoding: str, n: int = 64
) -> dict[str, torch.Tensor]:
    """Each unit's mean of each gate, over ``n`` held-out palindromes and all steps: ``(n,)``."""
    digits = palindromes.held_out_set(T, n)[:, :-1]
    found = probes.traces(model, digits, encoding, tuple(GATES))
    return {gate: found[gate].mean((0, 1)) for gate in GATES}


def held(model: SequenceClassifier, gate: str, value: float | torch.Tensor) -> SequenceClassifier:
    """A copy of ``model`` with one gate held at ``value`` (:func:`.cells.held.hold_gate_`)."""
    model = copy.deepcopy(model)
    hold_gate_(model.core, gate, value)
    return model


@torch.no_grad()
def share_right(model: SequenceClassifier, T: int, encoding: str, n: int = 500) -> float:
    """Share of ``n`` held-out palindromes whose last digit is named."""
    x, y = palindromes.split_target(palindromes.held_out_set(T, n), encoding)
    return (model(x).argmax(1) == y).double().mean().item()


def lesions(
    model: SequenceClassifier, T: int, encoding: str, lengths: list[int], n: int = 500
) -> pd.DataFrame:
    """Share right with each gate held at each value, at each length; a row a measurement.

    Args:
        T: the length that the network was trained on, where the means are taken.

    Columns: "gate" ("none" for the whole network), "held at", "T", "right".
    """
    means = mean_gates(model, T, encoding)
    networks = {("none", ""): model}
    for gate in GATES:
        for name in VALUES:
            value = means[gate] if name == "mean" else float(name)
            networks[gate, name] = held(model, gate, value)
    return pd.DataFrame(
        [
            {"gate": g, "held at": v, "T": k, "right": share_right(network, k, encoding, n)}
            for (g, v), network in networks.items()
            for k in lengths
        ]
    )
