"""Backpropagation through time, by hand: no autograd inside.

The numbers are those of the equations in notebook 01, which derives each of them. For one sample,
with column vectors, a_t = W_hx x_t + W_hh h_{t-1} + b_h, h_t = tanh(a_t), p_t = W_ph h_t + b_p and
D_t = diag(1 - h_t^2); with e_t = dL/dh_t, delta_t = dL/da_t and v_t = dL/dp_t,

    v_t      = y_hat_t - y_t, y_t one-hot                         (9), (11)
    e_T      = W_ph^T v_T                                         (15)
    delta_t  = D_t e_t                                            (17)
    dL/dW_hh = sum_t delta_t h_{t-1}^T                            (25)
    e_t      = W_hh^T delta_{t+1}                                 (26)  loss after the last step
    dL/dW_hx = sum_t delta_t x_t^T,  dL/db_h = sum_t delta_t      (27)
    dL/dx_t  = W_hx^T delta_t                                     (28)
    e_t      = W_ph^T v_t + W_hh^T delta_{t+1}                    (29)  a loss after every step
    dL/dW_ph = sum_t v_t h_t^T,      dL/db_p = sum_t v_t          (30)

The loss is the mean over the batch of L = sum_t L_t, where L_t = -log y_hat_t[m_t] and m_t is the
index of the right class; a target ``y`` of shape ``(B,)`` leaves the last step's term alone.

Tensors are batch-first, so that a batch of column vectors v is ``(B, K)`` and v h^T summed over the
batch is ``v.T @ h``.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch

from helpers.checks import AnyTensor, integer
from helpers.equations import relative_difference
from helpers.recurrent.cells import LSTM, VanillaRNN
from helpers.recurrent.classifier import SequenceModel

#: Of a gradient: ||a - b|| / max(||a||, ||b||), as two sides of an equation are compared.
relative_error = relative_difference


def softmax(p: AnyTensor) -> torch.Tensor:
    """Equation (2), over the last dimension: y_hat_k = exp(p_k) / sum_j exp(p_j)."""
    e = (p - p.amax(-1, keepdim=True)).exp()  # the shift cancels, and no exp overflows
    return e / e.sum(-1, keepdim=True)


def softmax_jacobian(y_hat: torch.Tensor) -> torch.Tensor:
    """Equation (8): dy_hat_k / dp_j = y_hat_k (I_kj - y_hat_j).

    Shapes:
        ``(B, K)`` -> ``(B, K, K)``, the first index of the Jacobian is k
    """
    return torch.diag_embed(y_hat) - y_hat[:, :, None] * y_hat[:, None, :]


def logit_gradient_by_jacobian(p: torch.Tensor, y: AnyTensor) -> torch.Tensor:
    """Equation (9): v_j = sum_k (dL/dy_hat_k) (dy_hat_k/dp_j), through the softmax Jacobian.

    Shapes:
        p ``(B, K)``, y ``(B,)`` -> ``(B, K)``, a row a sample, not yet averaged over the batch
    """
    y_hat = softmax(p)
    dL_dy_hat = -one_hot(y, p) / y_hat  # (5), (B, K)
    return torch.einsum("bk,bkj->bj", dL_dy_hat, softmax_jacobian(y_hat))


def logit_gradient_by_logsumexp(p: AnyTensor, y: AnyTensor) -> torch.Tensor:
    """Equation (11): v = y_hat - y, the derivative of log sum_j exp(p_j) - p_m.

    Shapes:
        as :func:`logit_gradient_by_jacobian`
    """
    return softmax(p) - one_hot(y, p)


def one_hot(y: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """The vector y of the equations from the index that code calls y: ``(B,)`` -> ``(B, K)``."""
    return torch.zeros_like(like).scatter_(-1, y[..., None], 1)


@dataclass
class Gradients:
    """What backpropagation through time yields.

    Attributes:
        loss: of the batch in nats: the mean over samples of the sum over steps.
        parameters: name -> gradient, of the parameter's shape.
        d_h: e_t = dL/dh_t for t = 0 … T, ``(T + 1, B, n)``: what reaches each hidden state.
        d_c: s_t = dL/dc_t for the LSTM's cell, else ``None``.
        d_x: dL/dx_t, ``(B, T, d)``.
        shares: t = 1 … T, the terms of equation (25), ``(T, n, n)``; ``None`` for the LSTM.
        forget_gates: f_t for t = 1 … T, ``(T, B, n)``; ``None`` for the RNN.
    """

    loss: float
    parameters: dict[str, torch.Tensor]
    d_h: torch.Tensor
    d_x: torch.Tensor
    d_c: torch.Tensor | None = None
    shares: torch.Tensor | None = None
    forget_gates: torch.Tensor | None = None


@torch.no_grad()
def rnn_gradients(
    model: SequenceModel,
    x: torch.Tensor,
    y: torch.Tensor,
    h_0: torch.Tensor | None = None,
    truncate: int | None = None,
) -> Gradients:
    """All gradients of a one-layer vanilla RNN.

    Args:
        model: a read-out on a :class:`VanillaRNN`.
        x: ``(B, T, d)``.
        y: the index of the right class, after the last step ``(B,)`` or after every one ``(B, T)``.
        h_0: initial state ``(B, n)``; zeros if left out.
        truncate: keep only the last this many terms of the sums over t (truncated BPTT).

    Raises:
        ValueError: another core, more than one layer or direction, targets of another shape, a
            truncation below 1.
    """
    _check_core(model, VanillaRNN)
    w = model.core.weights()
    B, T, _ = x.shape
    first = _first_step(T, truncate)
    h = [x.new_zeros(B, model.core.hidden_size) if h_0 is None else h_0]
    for t in range(1, T + 1):
        h.append(torch.tanh(x[:, t - 1] @ w.W_hx.T + h[t - 1] @ w.W_hh.T + w.b_h))  # (1), (B, n)

    loss, from_read_out, parameters = _read_out(model, h, y)
    d_h, d_x = torch.zeros_like(torch.stack(h)), torch.zeros_like(x)
    shares = x.new_zeros(T, *w.W_hh.shape)
    d_W_hx, d_b_h = torch.zeros_like(w.W_hx), torch.zeros_like(w.b_h)
    e = torch.zeros_like(h[T])
    for t in range(T, first - 1, -1):
        e = e + from_read_out[t]  # (29): W_ph^T v_t is added to what comes from later steps
        d_h[t] = e
        delta = (1 - h[t] ** 2) * e  # (17): delta_t = D_t e_t
        shares[t - 1] = delta.T @ h[t - 1]  # (25), (n, n)
        d_W_hx += delta.T @ x[:, t - 1]  # (27), (n, d)
        d_b_h += delta.sum(0)  # (27), (n,)
        d_x[:, t - 1] = delta @ w.W_hx  # (28)
        e = delta @ w.W_hh  # (26): dL/dh_{t-1} = W_hh^T delta_t
    d_h[first - 1] = e
    parameters |= {"W_hh": shares.sum(0), "W_hx": d_W_hx, "b_h": d_b_h}
    return Gradients(loss, parameters, d_h, d_x, shares=shares)


@torch.no_grad()
def lstm_gradients(
    model: SequenceModel,
    x: torch.Tensor,
    y: torch.Tensor,
    state: tuple[torch.Tensor, torch.Tensor] | None = None,
    truncate: int | None = None,
) -> Gradients:
    """All gradients of a one-layer LSTM.

    With e_t = dL/dh_t and s_t = dL/dc_t, equations (41) to (46) of notebook 01.

    Args:
        model: a read-out on an :class:`LSTM`.
        x, y, truncate: as for :func:`rnn_gradients`.
        state: initial (h_0, c_0), each ``(B, n)``; zeros if left out.
    """
    _check_core(model, LSTM)
    w = model.core.weights()
    B, T, _ = x.shape
    first = _first_step(T, truncate)
    zeros = x.new_zeros(B, model.core.hidden_size)
    h, c = ([zeros], [zeros]) if state is None else ([state[0]], [state[1]])
    g, i, f, o = [None], [None], [None], [None]
    for t in range(1, T + 1):
        a = {
            r: x[:, t - 1] @ getattr(w, f"W_{r}x").T
            + h[t - 1] @ getattr(w, f"W_{r}h").T
            + getattr(w, f"b_{r}")
            for r in "gifo"
        }  # (39), each (B, n)
        g.append(torch.tanh(a["g"]))
        i.append(torch.sigmoid(a["i"]))
        f.append(torch.sigmoid(a["f"]))
        o.append(torch.sigmoid(a["o"]))
        c.append(g[t] * i[t] + c[t - 1] * f[t])  # (40)
        h.append(torch.tanh(c[t]) * o[t])  # (40)

    loss, from_read_out, parameters = _read_out(model, h, y)
    d_h, d_c, d_x = x.new_zeros(T + 1, *zeros.shape), x.new_zeros(T + 1, *zeros.shape), x * 0
    for r in "gifo":
        for name in (f"W_{r}x", f"W_{r}h", f"b_{r}"):
            parameters[name] = torch.zeros_like(getattr(w, name))
    e, s = torch.zeros_like(zeros), torch.zeros_like(zeros)
    for t in range(T, first - 1, -1):
        tanh_c = torch.tanh(c[t])
        e = e + from_read_out[t]  # (43), its first term
        s = s + e * o[t] * (1 - tanh_c**2)  # (42), its first term
        d_h[t], d_c[t] = e, s
        delta = {
            "o": e * tanh_c * o[t] * (1 - o[t]),  # (44)
            "g": s * i[t] * (1 - g[t] ** 2),  # (45)
            "i": s * g[t] * i[t] * (1 - i[t]),  # (45)
            "f": s * c[t - 1] * f[t] * (1 - f[t]),  # (45)
        }
        e = torch.zeros_like(e)
        for r, delta_r in delta.items():
            parameters[f"W_{r}x"] += delta_r.T @ x[:, t - 1]  # (46)
            parameters[f"W_{r}h"] += delta_r.T @ h[t - 1]  # (46)
            parameters[f"b_{r}"] += delta_r.sum(0)  # (46)
            d_x[:, t - 1] += delta_r @ getattr(w, f"W_{r}x")
            e = e + delta_r @ getattr(w, f"W_{r}h")  # (43), for the step before
        s = s * f[t]  # (42), for the step before: the cell path
    d_h[first - 1], d_c[first - 1] = e, s
    return Gradients(loss, parameters, d_h, d_x, d_c=d_c, forget_gates=torch.stack(f[1:]))


def autograd_gradients(
    model: SequenceModel, x: torch.Tensor, y: torch.Tensor
) -> dict[str, torch.Tensor]:
    """What autograd says of every parameter, under the names of the equations.

    Args:
        model: reads out where ``y`` has targets: after the last step, or after every one.
    """
    model.zero_grad()
    logits = model(x)
    total = torch.nn.functional.cross_entropy(logits.flatten(0, -2), y.flatten(), reduction="sum")
    (total / len(y)).backward()
    named = {"W_ph": model.W_ph.grad, "b_p": model.b_p.grad}
    blocks: SimpleNamespace = model.core.weights()
    stacked = [p.grad.chunk(len(model.core.gates)) for p in model.core.stacked()]
    for k, gate in enumerate(model.core.gates):
        for name, parts in zip((f"W_{gate}x", f"W_{gate}h", f"b_{gate}"), stacked, strict=True):
            assert parts[k].shape == getattr(blocks, name).shape
            named[name] = parts[k]
    return named


def _read_out(model, h, y):
    """Loss, W_ph^T v_t for t = 0 … T (zero where no loss is), and the read-out's gradients."""
    T, B = len(h) - 1, len(y)
    if y.shape not in ((B,), (B, T)):
        raise ValueError(f"y must have shape (B,) or (B, T) = ({B}, {T}), got {tuple(y.shape)}")
    targets = {T: y} if y.dim() == 1 else dict(enumerate(y.unbind(1), start=1))
    loss, from_read_out = 0.0, [torch.zeros_like(h[0]) for _ in h]
    d_W_ph, d_b_p = torch.zeros_like(model.W_ph), torch.zeros_like(model.b_p)
    for t, m in targets.items():
        p = h[t] @ model.W_ph.T + model.b_p  # (1), (B, K)
        loss += (p.logsumexp(1) - p[torch.arange(B), m]).mean().item()  # (10)
        v = logit_gradient_by_logsumexp(p, m) / B  # (11), averaged over the batch
        d_W_ph += v.T @ h[t]  # (30)
        d_b_p += v.sum(0)  # (30)
        from_read_out[t] = v @ model.W_ph  # (15)
    return loss, from_read_out, {"W_ph": d_W_ph, "b_p": d_b_p}


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


def by_hand(model: SequenceModel):
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
