"""Recurrent cells from their equations: the RNN, the LSTM, the GRU, the peephole LSTM.

The equation stands above the line that computes it. Shapes, layers, directions and engines are
those of :class:`helpers.recurrent.core.RecurrentCore`.
"""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import integer, number
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.initialisation import chrono_biases, initialise_, spectral_radius
from helpers.recurrent.kernels import Elman

#: Features from which on a bfloat16 LSTM's forward pass uses the matrix units of a CPU.
_WIDE = 16


class VanillaRNN(RecurrentCore):
    """Elman's network (Elman 1990, "Finding structure in time"), with tanh.

    h_t = tanh(W_hx x_t + W_hh h_{t-1} + b_h)

    Args:
        W_hx, W_hh: initialisations of the two matrices.
        spectral_radius: scale the initial ``W_hh`` to this spectral radius.
        options: those of :class:`RecurrentCore`.
    """

    gates = ("h",)

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
        for _, suffix in self._parts():
            W_hh = getattr(self, "W_hh" + suffix)
            W_hh.mul_(radius / spectral_radius(W_hh))

    def _stacked(self, name):
        return {"W_x": "W_hx", "W_h": "W_hh", "b": "b_h"}[name]

    def step(self, x, state, w):
        # h_t = tanh(W_hx x_t + W_hh h_{t-1} + b_h)
        return torch.tanh(x @ w.W_hx.T + state @ w.W_hh.T + w.b_h)  # (B, n)

    def _fused(self, x, states):
        if x.is_cuda:
            return self._run_kernel(torch.rnn_tanh, x, self._flat(), states[0])
        outputs, (h,) = self._equations(x, states)
        return outputs, h

    def _loop(self, x, before, w, *, reverse):
        if self.engine == "equations":
            return super()._loop(x, before, w, reverse=reverse)
        hs, h_T = Elman.apply(x.flip(1) if reverse else x, before[0], w.W_hx, w.W_hh, w.b_h)
        return hs.flip(1) if reverse else hs, (h_T,)


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

    gates = ("i", "f", "g", "o")
    state_tensors = 2

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
        number("forget_bias", forget_bias)
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
        return self._run_kernel(torch.lstm, *self._widened(x), states)

    def _widened(self, x):
        """``x`` and the flat parameters, with features of zeros where those make bfloat16 faster.

        oneDNN's forward pass leaves the matrix units of the CPU alone if an input has few features;
        a raw digit has one. Zeros times zero weights change nothing.
        """
        flat = self._flat()
        if x.is_cuda or self.input_size >= _WIDE or not torch.is_autocast_enabled("cpu"):
            return x, flat
        pad = (0, _WIDE - self.input_size)
        first = range(0, 4 * self.directions, 4)  # W_x of the first layer's directions
        flat = [F.pad(p, pad) if k in first else p for k, p in enumerate(flat)]
        return F.pad(x, pad), flat


class GRU(RecurrentCore):
    """The gated recurrent unit (Cho et al. 2014), in the form that torch and cuDNN compute.

    r_t = sigmoid(W_rx x_t + W_rh h_{t-1} + b_r)                     reset gate
    z_t = sigmoid(W_zx x_t + W_zh h_{t-1} + b_z)                     update gate
    g_t = tanh(W_gx x_t + b_g + r_t * (W_gh h_{t-1} + b_gh))         candidate
    h_t = (1 - z_t) * g_t + z_t * h_{t-1}

    The reset gate acts after the matrix product, which needs a bias ``b_gh`` of its own inside the
    bracket. Cho et al. apply it before the product.
    """

    gates = ("r", "z", "g")

    def _shapes(self, n, G, d):
        return {**super()._shapes(n, G, d), "b_gh": (n,)}

    def weights(self, layer=0, reverse=False):
        w = super().weights(layer, reverse)
        w.b_gh = getattr(self, f"b_gh_l{layer}" + ("_reverse" if reverse else ""))
        return w

    def step(self, x, state, w):
        # r_t = sigmoid(W_rx x_t + W_rh h_{t-1} + b_r)
        r = torch.sigmoid(x @ w.W_rx.T + state @ w.W_rh.T + w.b_r)  # (B, n)
        # z_t = sigmoid(W_zx x_t + W_zh h_{t-1} + b_z)
        z = torch.sigmoid(x @ w.W_zx.T + state @ w.W_zh.T + w.b_z)
        # g_t = tanh(W_gx x_t + b_g + r_t * (W_gh h_{t-1} + b_gh))
        g = torch.tanh(x @ w.W_gx.T + w.b_g + r * (state @ w.W_gh.T + w.b_gh))
        # h_t = (1 - z_t) * g_t + z_t * h_{t-1}
        return (1 - z) * g + z * state

    def _flat(self):
        flat = []
        for _, suffix in self._parts():
            W_x, W_h, b = self.stacked(suffix)
            b_gh = getattr(self, "b_gh" + suffix)
            flat += [W_x, W_h, b, torch.cat([b_gh.new_zeros(2 * self.hidden_size), b_gh])]
        return flat

    def _fused(self, x, states):
        return self._run_kernel(torch.gru, x, self._flat(), states[0])


class PeepholeLSTM(LSTM):
    """The LSTM whose gates see the cell (Gers and Schmidhuber 2000).

    As :class:`LSTM`, but i_t and f_t see c_{t-1} and o_t sees c_t, each through a vector
    (a diagonal matrix), p_i, p_f and p_o::

        i_t = sigmoid(W_ix x_t + W_ih h_{t-1} + p_i * c_{t-1} + b_i)
        f_t = sigmoid(W_fx x_t + W_fh h_{t-1} + p_f * c_{t-1} + b_f)
        o_t = sigmoid(W_ox x_t + W_oh h_{t-1} + p_o * c_t + b_o)

    The peepholes start at zero, where the cell is an LSTM. No fused kernel exists for it.
    """

    has_fused_kernel = False

    def _shapes(self, n, G, d):
        return {**super()._shapes(n, G, d), "p_i": (n,), "p_f": (n,), "p_o": (n,)}

    def weights(self, layer=0, reverse=False):
        w = super().weights(layer, reverse)
        suffix = f"_l{layer}" + ("_reverse" if reverse else "")
        w.p_i, w.p_f, w.p_o = (getattr(self, p + suffix) for p in ("p_i", "p_f", "p_o"))
        return w

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


class SequenceClassifier(nn.Module):
    """A last-step read-out on any core: p = W_ph h_T + b_p.

    h_T is the last layer's hidden state after the whole sequence; of a bidirectional core both
    directions' final states, joined.

    Args:
        core: any of the cells.
        num_classes: c, at least 2.
        W_ph: initialisation of the read-out; ``b_p`` starts at zero.

    Shapes:
        x ``(B, T, d)`` -> logits ``(B, c)``
    """

    def __init__(
        self,
        core: RecurrentCore,
        num_classes: int,
        *,
        W_ph: str = "uniform",
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        integer("num_classes", num_classes, minimum=2)
        self.core = core
        width = core.hidden_size * core.directions
        self.W_ph = nn.Parameter(torch.zeros(num_classes, width))
        self.b_p = nn.Parameter(torch.zeros(num_classes))
        initialise_(self.W_ph, W_ph, hidden_size=core.hidden_size, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, state = self.core(x)
        h = state[0] if isinstance(state, tuple) else state  # (L D, B, n)
        h_T = torch.cat([h[-2], h[-1]], dim=1) if self.core.bidirectional else h[-1]
        # p = W_ph h_T + b_p
        return h_T @ self.W_ph.T + self.b_p
