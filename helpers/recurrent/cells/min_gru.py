"""The minimal gated unit whose gate does not see the state."""

from types import SimpleNamespace
from typing import ClassVar

import torch

from helpers import colors
from helpers.checks import number
from helpers.recurrent.core import RecurrentCore, suffix
from helpers.recurrent.initialisation import chrono_biases
from helpers.recurrent.scan import scan


class MinGRU(RecurrentCore):
    """The minGRU (Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs all we needed?").

    z_t = sigmoid(W_zx x_t + b_z)               update gate
    g_t = W_gx x_t + b_g                        candidate
    h_t = (1 - z_t) * h_{t-1} + z_t * g_t

    A GRU without reset gate and tanh, whose gate and candidate see the input alone: there is no
    recurrent matrix, and given the inputs h_t is linear in h_{t-1}, so that all steps can be had by
    a scan. The price: what one layer writes at a step depends on the input of that step and on
    nothing before it. From the second layer on the input tells of the past.

    Note that z_t here multiplies what is new, as in the paper; in :class:`GRU` it is what is kept.

    Args:
        update_bias: the initial b_z. A unit keeps a value for about 1 + exp(-b_z) steps: 2 at zero,
            so that a longer past fades before anything has been learned; -4 makes it 56.
        chrono: initialise b_z for dependencies of up to this many steps, in place of
            ``update_bias``: b_z = -log U(1, chrono - 1) (:func:`.initialisation.chrono_biases`, its
            input bias), which spreads the units' memories evenly.
        options: those of :class:`RecurrentCore`; there is no ``W_h``.

    Shapes:
        W_x ``(2 n, d)`` with blocks W_zx, W_gx; b ``(2 n,)`` with blocks b_z, b_g
    """

    name = "min_gru"
    label = "minGRU"
    color = colors.BROWN
    gates = ("z", "g")
    initialised_matrices = ("W_x",)
    has_fused_kernel = True
    options: ClassVar = {"update_bias": 0.0, "chrono": None}

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        update_bias: float = 0.0,
        chrono: float | None = None,
        generator: torch.Generator | None = None,
        **options,
    ):
        super().__init__(input_size, hidden_size, num_layers, generator=generator, **options)
        number("update_bias", update_bias)
        for layer in range(self.num_layers):
            for direction in range(self.directions):
                b_z = self.weights(layer, reverse=bool(direction)).b_z
                with torch.no_grad():
                    if chrono is None:
                        b_z.fill_(update_bias)
                    else:
                        b_z.copy_(chrono_biases(self.hidden_size, chrono, generator)[1])

    @classmethod
    def parameters_in_layer(cls, d, n):
        """2 n (d + 1): two matrices that read the input, two biases."""
        return 2 * n * (d + 1)

    def _shapes(self, n, G, d):
        return {"W_x": (G * n, d), "b": (G * n,)}

    def stacked(self, end="_l0"):
        """``W_x (2 n, d)`` and ``b (2 n,)`` of one layer and direction; no matrix is recurrent."""
        return getattr(self, "W_x" + end), getattr(self, "b" + end)

    def weights(self, layer=0, reverse=False):
        W_x, b = self.stacked(suffix(layer, reverse))
        (W_zx, W_gx), (b_z, b_g) = W_x.chunk(2), b.chunk(2)
        return SimpleNamespace(W_zx=W_zx, W_gx=W_gx, b_z=b_z, b_g=b_g)

    def step(self, x, state, w):
        # z_t = sigmoid(W_zx x_t + b_z)
        z = torch.sigmoid(x @ w.W_zx.T + w.b_z)  # (B, n)
        # g_t = W_gx x_t + b_g
        g = x @ w.W_gx.T + w.b_g
        # h_t = (1 - z_t) * h_{t-1} + z_t * g_t
        return (1 - z) * state + z * g

    def _fused_layer(self, x, before, w, *, reverse):
        xs = (x.flip(1) if reverse else x).transpose(0, 1)  # (T, B, d)
        # gates and candidates of all steps at once: no h in them
        z = torch.sigmoid(xs @ w.W_zx.T + w.b_z)  # (T, B, n)
        g = xs @ w.W_gx.T + w.b_g
        # h_t = a_t * h_{t-1} + b_t with a_t = 1 - z_t, b_t = z_t * g_t
        hs, h_T = scan(1 - z, z * g, before[0])
        hs = hs.transpose(0, 1)  # (B, T, n)
        return hs.flip(1) if reverse else hs, (h_T,)
