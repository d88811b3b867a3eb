"""Elman's network."""

from typing import ClassVar

import torch

from helpers import colors
from helpers.checks import number
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.initialisation import spectral_radius
from helpers.recurrent.kernels import Elman


class VanillaRNN(RecurrentCore):
    """Elman's network (Elman 1990, "Finding structure in time"), with tanh.

    h_t = tanh(W_hx x_t + W_hh h_{t-1} + b_h)

    Args:
        W_hx, W_hh: initialisations of the two matrices.
        spectral_radius: scale the initial ``W_hh`` to this spectral radius.
        options: those of :class:`RecurrentCore`.
    """

    name = "rnn"
    label = "RNN"
    color = colors.GREEN
    gates = ("h",)
    has_fused_kernel = True
    options: ClassVar = {"spectral_radius": None}

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        W_hx: str = "uniform",
        W_hh: str = "uniform",
        spectral_radius: float | None = None,
        **options,
    ):
        super().__init__(input_size, hidden_size, num_layers, W_x=W_hx, W_h=W_hh, **options)
        if spectral_radius is not None:
            self.scale_spectral_radius_(number("spectral_radius", spectral_radius, minimum=0.0))

    @torch.no_grad()
    def scale_spectral_radius_(self, radius: float) -> None:
        """Scale every ``W_hh`` in place to spectral radius ``radius``."""
        for _, end in self._parts():
            W_hh = getattr(self, "W_hh" + end)
            W_hh.mul_(radius / spectral_radius(W_hh))

    @classmethod
    def initialised(cls, *sizes, W_x="uniform", W_h="uniform", **options):
        return cls(*sizes, W_hx=W_x, W_hh=W_h, **options)

    def recurrent_matrix(self):
        return self.weights().W_hh.detach()

    def _stacked(self, name):
        return {"W_x": "W_hx", "W_h": "W_hh", "b": "b_h"}[name]

    def step(self, x, state, w):
        # h_t = tanh(W_hx x_t + W_hh h_{t-1} + b_h)
        return torch.tanh(x @ w.W_hx.T + state @ w.W_hh.T + w.b_h)  # (B, n)

    def _fused(self, x, states):
        if x.device.type != "cpu":  # the engine of the CPU is Elman's
            outputs, h = self._run_kernel(torch.rnn_tanh, x, self._flat(), states[0])
            return outputs, [h]
        return super()._fused(x, states)

    def _fused_layer(self, x, before, w, *, reverse):
        hs, h_T = Elman.apply(x.flip(1) if reverse else x, before[0], w.W_hx, w.W_hh, w.b_h)
        return hs.flip(1) if reverse else hs, (h_T,)
