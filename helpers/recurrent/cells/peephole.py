"""The LSTM whose gates see the cell."""

import torch

from helpers import colors
from helpers.recurrent.cells.lstm import LSTM


class PeepholeLSTM(LSTM):
    """The LSTM whose gates see the cell (Gers and Schmidhuber 2000).

    As :class:`LSTM`, but i_t and f_t see c_{t-1} and o_t sees c_t, each through a vector
    (a diagonal matrix), p_i, p_f and p_o::

        i_t = sigmoid(W_ix x_t + W_ih h_{t-1} + p_i * c_{t-1} + b_i)
        f_t = sigmoid(W_fx x_t + W_fh h_{t-1} + p_f * c_{t-1} + b_f)
        o_t = sigmoid(W_ox x_t + W_oh h_{t-1} + p_o * c_t + b_o)

    The peepholes start at zero, where the cell is an LSTM. No fused kernel exists for it.
    """

    name = "peephole"
    label = "peephole LSTM"
    color = colors.PURPLE
    vectors = ("p_i", "p_f", "p_o")
    has_fused_kernel = False

    def step(self, x, state, w):
        h, c = state
        # g_t = tanh(W_gx x_t + W_gh h_{t-1} + b_g)
        g = torch.tanh(x @ w.W_gx.T + h @ w.W_gh.T + w.b_g)  # (B, n)
        # i_t = sigmoid(W_ix x_t + W_ih h_{t-1} + p_i * c_{t-1} + b_i)
        i = torch.sigmoid(x @ w.W_ix.T + h @ w.W_ih.T + w.p_i * c + w.b_i)
        # f_t = sigmoid(W_fx x_t + W_fh h_{t-1} + p_f * c_{t-1} + b_f)
        f = torch.sigmoid(x @ w.W_fx.T + h @ w.W_fh.T + w.p_f * c + w.b_f)
        # c_t = g_t * i_t + c_{t-1} * f_t
        c = g * i + c * f
        # o_t = sigmoid(W_ox x_t + W_oh h_{t-1} + p_o * c_t + b_o)
        o = torch.sigmoid(x @ w.W_ox.T + h @ w.W_oh.T + w.p_o * c + w.b_o)
        # h_t = tanh(c_t) * o_t
        return torch.tanh(c) * o, c
