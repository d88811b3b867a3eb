"""Backpropagation through time, by hand: no autograd inside.

The loss is the mean over the batch of the cross-entropy at the last step,

    L = -log y_hat[y],    y_hat = softmax(p),    p = W_ph h_T + b_p.

Equations are for one sample, with column vectors, a_t = W_hx x_t + W_hh h_{t-1} + b_h,
h_t = tanh(a_t) and D_t = diag(1 - h_t^2):

    v        = y_hat - onehot(y)                                  (1)   dL/dp
    dL/dW_ph = v h_T^T,  dL/db_p = v                              (2)
    delta_T  = D_T W_ph^T v                                       (3)   delta_t = dL/da_t
    delta_t  = D_t W_hh^T delta_{t+1}                             (4)
    dL/dW_hh = sum_t delta_t h_{t-1}^T                            (5)
    dL/dW_hx = sum_t delta_t x_t^T                                (6)
    dL/db_h  = sum_t delta_t                                      (7)

Tensors are batch-first, so that a batch of column vectors v is ``(B, c)`` and v h^T summed over the
batch is ``v.T @ h``.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch

from helpers.checks import integer
from helpers.recurrent.cells import LSTM, VanillaRNN
from helpers.recurrent.classifier import SequenceClassifier


def softmax(p: torch.Tensor) -> torch.Tensor:
    """y_hat_k = exp(p_k) / sum_j exp(p_j), over the last dimension."""
    e = (p - p.amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True)


def softmax_jacobian(y_hat: torch.Tensor) -> torch.Tensor:
    """dy_hat_k / dp_i = y_hat_k (delta_ik - y_hat_i).

    Shapes:
        ``(B, c)`` -> ``(B, c, c)``, the first index of the Jacobian is k
    """
    return torch.diag_embed(y_hat) - y_hat[:, :, None] * y_hat[:, None, :]


def logit_gradient_by_jacobian(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """dL/dp through the softmax Jacobian: sum_k (dL/dy_hat_k) (dy_hat_k/dp_i).

    Shapes:
        p ``(B, c)``, y ``(B,)`` -> ``(B, c)``, a row a sample, not yet averaged over the batch
    """
    y_hat = softmax(p)
    dL_dy_hat = torch.zeros_like(p)
    rows = torch.arange(len(y))
    dL_dy_hat[rows, y] = -1 / y_hat[rows, y]  # L = -log y_hat[y]
    return torch.einsum("bk,bki->bi", dL_dy_hat, softmax_jacobian(y_hat))


def logit_gradient_by_logsumexp(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """dL/dp from L = logsumexp(p) - p[y], whose derivative is y_hat - onehot(y).

    Shapes:
        as :func:`logit_gradient_by_jacobian`
    """
    onehot = torch.zeros_like(p)
    onehot[torch.arange(len(y)), y] = 1
    return softmax(p) - onehot


@dataclass
class Gradients:
    """What backpropagation through time yields.

    Attributes:
        loss: mean cross-entropy of the batch in nats.
        parameters: name -> gradient, of the parameter's shape.
        d_h: dL/dh_t for t = 0 … T, ``(T + 1, B, n)``: what reaches each hidden state.
        d_c: the same for the LSTM's cell, else ``None``.
        d_x: dL/dx_t, ``(B, T, d)``.
        shares: t = 1 … T, the terms of equation (5), ``(T, n, n)``; ``None`` for the LSTM.
    """

    loss: float
    parameters: dict[str, torch.Tensor]
    d_h: torch.Tensor
    d_x: torch.Tensor
    d_c: torch.Tensor | None = None
    shares: torch.Tensor | None = None


@torch.no_grad()
def rnn_gradients(
    model: SequenceClassifier,
    x: torch.Tensor,
    y: torch.Tensor,
    h_0: torch.Tensor | None = None,
    truncate: int | None = None,
) -> Gradients:
    """All gradients of a one-layer vanilla RNN, by equations (1) to (7).

    Args:
        model: a :class:`SequenceClassifier` on a :class:`VanillaRNN`.
        x, y: ``(B, T, d)`` and ``(B,)``.
        h_0: initial state ``(B, n)``; zeros if left out.
        truncate: keep only the last this many terms of the sums over t (truncated BPTT).

    Raises:
        ValueError: another core, more than one layer or direction, a truncation below 1.
    """
    _check_core(model, VanillaRNN)
    w = model.core.weights()
    B, T, _ = x.shape
    first = _first_step(T, truncate)
    h = [x.new_zeros(B, model.core.hidden_size) if h_0 is None else h_0]
    for t in range(1, T + 1):
        h.append(torch.tanh(x[:, t - 1] @ w.W_hx.T + h[t - 1] @ w.W_hh.T + w.b_h))  # (B, n)

    loss, v, parameters = _read_out(model, h[T], y)
    e = v @ model.W_ph  # dL/dh_T = W_ph^T v, (B, n)
    d_h = x.new_zeros(T + 1, *e.shape)
    d_h[T] = e
    d_x = torch.zeros_like(x)
    shares = x.new_zeros(T, *w.W_hh.shape)
    d_W_hx, d_b_h = torch.zeros_like(w.W_hx), torch.zeros_like(w.b_h)
    for t in range(T, first - 1, -1):
        delta = (1 - h[t] ** 2) * e  # (3), (4): delta_t = D_t e
        shares[t - 1] = delta.T @ h[t - 1]  # (5), (n, n)
        d_W_hx += delta.T @ x[:, t - 1]  # (6), (n, d)
        d_b_h += delta.sum(0)  # (7), (n,)
        d_x[:, t - 1] = delta @ w.W_hx
        e = delta @ w.W_hh  # dL/dh_{t-1} = W_hh^T delta_t
        d_h[t - 1] = e
    parameters |= {"W_hh": shares.sum(0), "W_hx": d_W_hx, "b_h": d_b_h}
    return Gradients(loss, parameters, d_h, d_x, shares=shares)


@torch.no_grad()
def lstm_gradients(
    model: SequenceClassifier,
    x: torch.Tensor,
    y: torch.Tensor,
    state: tuple[torch.Tensor, torch.Tensor] | None = None,
    truncate: int | None = None,
) -> Gradients:
    """All gradients of a one-layer LSTM.

    With e_t = dL/dh_t and s_t = dL/dc_t, each summed over everything later, one step back is::

        dL/do_t = e_t tanh(c_t)                     delta_o = dL/do_t  o (1 - o)
        s_t    += e_t o_t (1 - tanh(c_t)^2)         the state's two ways meet
        dL/dg_t = s_t i_t                           delta_g = dL/dg_t  (1 - g^2)
        dL/di_t = s_t g_t                           delta_i = dL/di_t  i (1 - i)
        dL/df_t = s_t c_{t-1}                       delta_f = dL/df_t  f (1 - f)
        s_{t-1} = s_t f_t                           the cell path: no matrix, no squashing
        e_{t-1} = sum over k in g, i, f, o of W_kh^T delta_k

    and for each gate k: dL/dW_kx = sum_t delta_k x_t^T, dL/dW_kh = sum_t delta_k h_{t-1}^T,
    dL/db_k = sum_t delta_k.

    Args:
        model: a :class:`SequenceClassifier` on an :class:`LSTM`.
        x, y, truncate: as for :func:`rnn_gradients`.
        state: initial (h_0, c_0), each ``(B, n)``; zeros if left out.
    """
    _check_core(model, LSTM)
    w = model.core.weights()
    B, T, _ = x.shape
    first = _first_step(T, truncate)
    zeros = x.new_zeros(B, model.core.hidden_size)
    h, c = [zeros if state is None else state[0]], [zeros if state is None else state[1]]
    g, i, f, o = [None], [None], [None], [None]
    for t in range(1, T + 1):
        a = {
            k: x[:, t - 1] @ getattr(w, f"W_{k}x").T
            + h[t - 1] @ getattr(w, f"W_{k}h").T
            + getattr(w, f"b_{k}")
            for k in "gifo"
        }  # each (B, n)
        g.append(torch.tanh(a["g"]))
        i.append(torch.sigmoid(a["i"]))
        f.append(torch.sigmoid(a["f"]))
        o.append(torch.sigmoid(a["o"]))
        c.append(g[t] * i[t] + c[t - 1] * f[t])
        h.append(torch.tanh(c[t]) * o[t])

    loss, v, parameters = _read_out(model, h[T], y)
    e, s = v @ model.W_ph, torch.zeros_like(zeros)
    d_h, d_c = x.new_zeros(T + 1, *e.shape), x.new_zeros(T + 1, *e.shape)
    d_x = torch.zeros_like(x)
    for k in "gifo":
        for name in (f"W_{k}x", f"W_{k}h", f"b_{k}"):
            parameters[name] = torch.zeros_like(getattr(w, name))
    d_h[T] = e
    for t in range(T, first - 1, -1):
        tanh_c = torch.tanh(c[t])
        s = s + e * o[t] * (1 - tanh_c**2)
        d_c[t] = s
        delta = {
            "o": e * tanh_c * o[t] * (1 - o[t]),
            "g": s * i[t] * (1 - g[t] ** 2),
            "i": s * g[t] * i[t] * (1 - i[t]),
            "f": s * c[t - 1] * f[t] * (1 - f[t]),
        }
        e = torch.zeros_like(e)
        for k, delta_k in delta.items():
            parameters[f"W_{k}x"] += delta_k.T @ x[:, t - 1]
            parameters[f"W_{k}h"] += delta_k.T @ h[t - 1]
            parameters[f"b_{k}"] += delta_k.sum(0)
            d_x[:, t - 1] += delta_k @ getattr(w, f"W_{k}x")
            e = e + delta_k @ getattr(w, f"W_{k}h")
        s = s * f[t]
        d_h[t - 1], d_c[t - 1] = e, s
    return Gradients(loss, parameters, d_h, d_x, d_c=d_c)


def relative_error(a: torch.Tensor, b: torch.Tensor) -> float:
    """||a - b|| / max(||a||, ||b||); zero if both are zero."""
    scale = max(a.norm().item(), b.norm().item())
    return (a - b).norm().item() / scale if scale > 0 else 0.0


def autograd_gradients(
    model: SequenceClassifier, x: torch.Tensor, y: torch.Tensor
) -> dict[str, torch.Tensor]:
    """What autograd says of every parameter, under the names of the equations."""
    model.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    named = {"W_ph": model.W_ph.grad, "b_p": model.b_p.grad}
    blocks: SimpleNamespace = model.core.weights()
    stacked = [p.grad.chunk(len(model.core.gates)) for p in model.core.stacked()]
    for k, gate in enumerate(model.core.gates):
        for name, parts in zip((f"W_{gate}x", f"W_{gate}h", f"b_{gate}"), stacked, strict=True):
            assert parts[k].shape == getattr(blocks, name).shape
            named[name] = parts[k]
    return named


def _read_out(model, h_T, y):
    """Loss, v averaged over the batch, and the read-out's gradients: equations (1) and (2)."""
    p = h_T @ model.W_ph.T + model.b_p  # (B, c)
    loss = (p.logsumexp(1) - p[torch.arange(len(y)), y]).mean().item()
    v = logit_gradient_by_logsumexp(p, y) / len(y)
    return loss, v, {"W_ph": v.T @ h_T, "b_p": v.sum(0)}


def _first_step(T: int, truncate: int | None) -> int:
    if truncate is None:
        return 1
    return max(1, T - integer("truncate", truncate, minimum=1) + 1)


def _check_core(model, kind) -> None:
    core = model.core
    if type(core) is not kind or core.num_layers != 1 or core.bidirectional:
        raise ValueError(
            f"these gradients are for one layer and one direction of {kind.__name__}, got {core!r}"
        )


#: Cells whose gradients are written by hand.
BY_HAND = {VanillaRNN: rnn_gradients, LSTM: lstm_gradients}


def by_hand(model: SequenceClassifier):
    """The function of this module that computes the gradients of ``model``.

    Raises:
        ValueError: they are not written by hand for its cell.
    """
    if type(model.core) not in BY_HAND:
        known = ", ".join(cell.__name__ for cell in BY_HAND)
        raise ValueError(
            f"gradients are written by hand for {known}, not for {type(model.core).__name__}"
        )
    return BY_HAND[type(model.core)]
