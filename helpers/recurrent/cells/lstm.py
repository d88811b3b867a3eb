"""The long short-term memory."""

from typing import ClassVar

import torch
import torch.nn.functional as F

from helpers import colors
from helpers.checks import LARGEST, number
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.initialisation import chrono_biases

#: Features from which on a bfloat16 LSTM's forward pass uses the matrix units of a CPU.
_WIDE = 16


class LSTM(RecurrentCore):
    """The LSTM with a forget gate (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

    g_t = tanh(W_gx x_t + W_gh h_{t-1} + b_g)         candidate
    i_t = sigmoid(W_ix x_t + W_ih h_{t-1} + b_i)      input gate
    f_t = sigmoid(W_fx x_t + W_fh h_{t-1} + b_f)      forget gate
    o_t = sigmoid(W_ox x_t + W_oh h_{t-1} + b_o)      output gate
    c_t = g_t * i_t + c_{t-1} * f_t
    h_t = tanh(c_t) * o_t

    Args:
        forget_bias: the initial b_f; all other biases start at zero.
        chrono: initialise b_f and b_i for dependencies of up to this many steps
            (:func:`.initialisation.chrono_biases`), in place of ``forget_bias``.
        options: those of :class:`RecurrentCore`.
    """

    name = "lstm"
    label = "LSTM"
    color = colors.VERMILION
    gates = ("i", "f", "g", "o")
    state_tensors = 2
    has_fused_kernel = True
    options: ClassVar = {"forget_bias": 1.0, "chrono": None}

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        forget_bias: float = 1.0,
        chrono: float | None = None,
        generator: torch.Generator | None = None,
        **options,
    ):
        super().__init__(input_size, hidden_size, num_layers, generator=generator, **options)
        number("forget_bias", forget_bias, minimum=-LARGEST, maximum=LARGEST)
        for layer in range(self.num_layers):
            for direction in range(self.directions):
                w = self.weights(layer, reverse=bool(direction))
                with torch.no_grad():
                    if chrono is None:
                        w.b_f.fill_(forget_bias)
                    else:
                        b_f, b_i = chrono_biases(self.hidden_size, chrono, generator)
                        w.b_f.copy_(b_f)
                        w.b_i.copy_(b_i)

    def step(self, x, state, w):
        h, c = state
        # g_t = tanh(W_gx x_t + W_gh h_{t-1} + b_g)
        g = torch.tanh(x @ w.W_gx.T + h @ w.W_gh.T + w.b_g)  # (B, n)
        # i_t = sigmoid(W_ix x_t + W_ih h_{t-1} + b_i)
        i = torch.sigmoid(x @ w.W_ix.T + h @ w.W_ih.T + w.b_i)
        # f_t = sigmoid(W_fx x_t + W_fh h_{t-1} + b_f)
        f = torch.sigmoid(x @ w.W_fx.T + h @ w.W_fh.T + w.b_f)
        # o_t = sigmoid(W_ox x_t + W_oh h_{t-1} + b_o)
        o = torch.sigmoid(x @ w.W_ox.T + h @ w.W_oh.T + w.b_o)
        # c_t = g_t * i_t + c_{t-1} * f_t
        c = g * i + c * f
        # h_t = tanh(c_t) * o_t
        return torch.tanh(c) * o, c

    def _fused(self, x, states):
        outputs, *states = self._run_kernel(torch.lstm, *self._widened(x), states)
        return outputs, states

    def _widened(self, x):
        """``x`` and the flat parameters, with features of zeros where those make bfloat16 faster.

        oneDNN's forward pass leaves the matrix units of the CPU alone if an input has few features;
        a raw digit has one. Zeros times zero weights change nothing.
        """
        flat = self._flat()
        if (
            x.device.type != "cpu"
            or self.input_size >= _WIDE
            or not torch.is_autocast_enabled("cpu")
        ):
            return x, flat
        pad = (0, _WIDE - self.input_size)
        first = range(0, 4 * self.directions, 4)  # W_x of the first layer's directions
        flat = [F.pad(p, pad) if k in first else p for k, p in enumerate(flat)]
        return F.pad(x, pad), flat
