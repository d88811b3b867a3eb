"""One gradient under the microscope: what reaches each step, and what each step adds.

A small network of random weights reads random inputs and is wrong about a class after the last
step. The norms come from the hand-written equations of :mod:`.bptt`, in float64.
"""

import math
from typing import NamedTuple

import torch

from helpers.checks import integer, number
from helpers.recurrent.cells import CELLS
from helpers.recurrent.classifier import SequenceClassifier
from helpers.recurrent.gradient_flow import state_gradient_norms, step_terms

#: Samples, inputs, units and classes of the network.
B, D, N, K = 8, 4, 24, 5
MODELS = ("rnn", "lstm")


class Slide(NamedTuple):
    """What the microscope sees, for t = 1 … T.

    Attributes:
        hidden: ||e_t|| = ||dL/dh_t||, the norm over batch and units, ``(T,)``.
        cell: ||s_t|| = ||dL/dc_t||, ``(T,)``; ``None`` for the RNN.
        terms: norm of what step t adds to the gradient of the core's parameters, ``(T,)``.
        cosine: for k = 1 … T, between the gradient of the last k steps and the whole, ``(T,)``.
    """

    hidden: torch.Tensor
    cell: torch.Tensor | None
    terms: torch.Tensor
    cosine: torch.Tensor

    @property
    def shares(self) -> torch.Tensor:
        """Norm of each step's term over the sum of all norms, ``(T,)``."""
        return self.terms / self.terms.sum()


def prepare(
    model: str,
    radius: float,
    T: int,
    input_scale: float = 1.0,
    forget_bias: float = 1.0,
    seed: int = 0,
) -> Slide:
    """A slide of the network of these settings.

    Args:
        model: "rnn" or "lstm".
        radius: spectral radius of W_hh, for the LSTM of each gate's matrix.
        T: steps.
        input_scale: standard deviation of the inputs.
        forget_bias: initial b_f of the LSTM.

    Raises:
        ValueError: another model, a negative radius or scale, less than one step.
    """
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
    number("radius", radius, minimum=0.0)
    number("input_scale", input_scale, minimum=0.0)
    integer("T", T, minimum=1)
    generator = torch.Generator().manual_seed(seed)
    options = {"forget_bias": forget_bias} if model == "lstm" else {}
    core = CELLS[model].initialised(D, N, W_h=f"spectral:{radius}", generator=generator, **options)
    network = SequenceClassifier(core, K, generator=generator).double()
    x = input_scale * torch.randn(B, T, D, generator=generator, dtype=torch.float64)
    y = torch.randint(K, (B,), generator=generator)
    norms = state_gradient_norms(network, x, y)
    terms = step_terms(network, x, y)
    sums = terms.flip(0).cumsum(0)  # row k - 1: the last k steps
    cosine = torch.nn.functional.cosine_similarity(sums, sums[-1:], dim=1)
    return Slide(norms["h"], norms.get("c"), terms.norm(dim=1), cosine)


def level_radius(model: str, T: int, input_scale: float, seed: int = 0) -> tuple[float, float]:
    """The radius at which the first step gets most nearly as much gradient as the last.

    Returns:
        the radius, one of the explorer's own between 0.1 and 3, and ||e_1|| / ||e_T|| there
    """
    ratios = {}
    for radius in torch.arange(2, 61) / 20:
        hidden = prepare(model, radius.item(), T, input_scale, seed=seed).hidden
        ratios[round(radius.item(), 2)] = (hidden[0] / hidden[-1]).item()
    return min(ratios.items(), key=lambda found: abs(math.log(max(found[1], 1e-300))))
