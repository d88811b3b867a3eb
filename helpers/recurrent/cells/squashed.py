"""The LSTM with other squashings: why gates take a sigmoid and the candidate a tanh."""

from typing import ClassVar

import torch

from helpers.checks import choice
from helpers.recurrent.cells.lstm import LSTM

SQUASHINGS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh}


class SquashedLSTM(LSTM):
    """The LSTM with a choice of squashing for its three gates and for its candidate.

    Gates with a tanh begin where gates with a sigmoid would: the initial biases of f and i are
    those whose tanh is what the sigmoid makes of the LSTM's.

    Args:
        gate_squash, candidate_squash: "sigmoid" or "tanh".
        options: those of :class:`LSTM`.

    Raises:
        ValueError: an unknown squashing.
    """

    name = "lstm_squashed"
    label = "LSTM, other squashings"
    has_fused_kernel = False
    options: ClassVar = {**LSTM.options, "gate_squash": "sigmoid", "candidate_squash": "tanh"}

    def __init__(
        self, *sizes, gate_squash: str = "sigmoid", candidate_squash: str = "tanh", **options
    ):
        super().__init__(*sizes, **options)
        self.gate_squash = choice("gate_squash", gate_squash, tuple(SQUASHINGS))
        self.candidate_squash = choice("candidate_squash", candidate_squash, tuple(SQUASHINGS))
        if gate_squash == "tanh":
            with torch.no_grad():
                for layer in range(self.num_layers):
                    for direction in range(self.directions):
                        w = self.weights(layer, reverse=bool(direction))
                        for bias in (w.b_f, w.b_i):
                            bias.copy_(torch.atanh(torch.sigmoid(bias)))

    def step(self, x, state, w):
        h, c = state
        gate, candidate = SQUASHINGS[self.gate_squash], SQUASHINGS[self.candidate_squash]
        g = candidate(x @ w.W_gx.T + h @ w.W_gh.T + w.b_g)  # (B, n)
        i, f, o = (
            gate(x @ W_kx.T + h @ W_kh.T + b_k)
            for W_kx, W_kh, b_k in (
                (w.W_ix, w.W_ih, w.b_i),
                (w.W_fx, w.W_fh, w.b_f),
                (w.W_ox, w.W_oh, w.b_o),
            )
        )
        c = g * i + c * f
        return torch.tanh(c) * o, c
