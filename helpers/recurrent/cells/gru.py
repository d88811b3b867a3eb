"""The gated recurrent unit."""

import torch

from helpers import colors
from helpers.recurrent.core import RecurrentCore


class GRU(RecurrentCore):
    """The gated recurrent unit (Cho et al. 2014), in the form that torch and cuDNN compute.

    r_t = sigmoid(W_rx x_t + W_rh h_{t-1} + b_r)                     reset gate
    z_t = sigmoid(W_zx x_t + W_zh h_{t-1} + b_z)                     update gate
    g_t = tanh(W_gx x_t + b_g + r_t * (W_gh h_{t-1} + b_gh))         candidate
    h_t = (1 - z_t) * g_t + z_t * h_{t-1}

    The reset gate acts after the matrix product, which needs a bias ``b_gh`` of its own inside the
    bracket. Cho et al. apply it before the product: :meth:`step_reset_first`.
    """

    name = "gru"
    label = "GRU"
    color = colors.BLUE
    gates = ("r", "z", "g")
    vectors = ("b_gh",)
    has_fused_kernel = True

    def step(self, x, state, w):
        # r_t = sigmoid(W_rx x_t + W_rh h_{t-1} + b_r)
        r = torch.sigmoid(x @ w.W_rx.T + state @ w.W_rh.T + w.b_r)  # (B, n)
        # z_t = sigmoid(W_zx x_t + W_zh h_{t-1} + b_z)
        z = torch.sigmoid(x @ w.W_zx.T + state @ w.W_zh.T + w.b_z)
        # g_t = tanh(W_gx x_t + b_g + r_t * (W_gh h_{t-1} + b_gh))
        g = torch.tanh(x @ w.W_gx.T + w.b_g + r * (state @ w.W_gh.T + w.b_gh))
        # h_t = (1 - z_t) * g_t + z_t * h_{t-1}
        return (1 - z) * g + z * state

    def step_reset_first(self, x, state, w):
        """The step of Cho et al. 2014, with the reset gate before the product; no ``b_gh``."""
        r = torch.sigmoid(x @ w.W_rx.T + state @ w.W_rh.T + w.b_r)  # (B, n)
        z = torch.sigmoid(x @ w.W_zx.T + state @ w.W_zh.T + w.b_z)
        # g_t = tanh(W_gx x_t + W_gh (r_t * h_{t-1}) + b_g)
        g = torch.tanh(x @ w.W_gx.T + (r * state) @ w.W_gh.T + w.b_g)
        # h_t = (1 - z_t) * g_t + z_t * h_{t-1}
        return (1 - z) * g + z * state

    def _flat(self):
        flat = []
        for _, end in self._parts():
            W_x, W_h, b = self.stacked(end)
            b_gh = getattr(self, "b_gh" + end)
            flat += [W_x, W_h, b, torch.cat([b_gh.new_zeros(2 * self.hidden_size), b_gh])]
        return flat

    def _fused(self, x, states):
        outputs, h = self._run_kernel(torch.gru, x, self._flat(), states[0])
        return outputs, [h]
