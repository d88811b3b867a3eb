"""Checks of workbook 01: back through time, a step back through the LSTM, a leaky unit.

What is right comes from autograd, for one sample with column vectors in the notation of notebook
01; what mistakes give is computed from their own lines.
"""

import torch

from helpers.exercises.answers import Case, check, slope
from helpers.exercises.predictions import predicted
from helpers.recurrent.gradient_flow import jacobian_singular_values
from helpers.recurrent.widgets import vanishing_explorer
from helpers.runtime import generator

#: Names that would do the work of a gradient.
NO_AUTOGRAD = ("backward", "grad", "autograd", "jacobian", "vjp", "func")


def back_through_time(function, seed: int = 0) -> None:
    """``(x, h, v, W_hh, W_ph) -> (d_W_hh, d_W_hx)``: equations (15), (25), (26), (27)."""
    cases = [_rnn_case(T, n, seed) for T, n in ((5, 4), (1, 3), (9, 2))]
    parts = ("dL/dW_hh", "dL/dW_hx")
    check(function, cases, name="back_through_time", parts=parts, without=NO_AUTOGRAD)


def _rnn_case(T: int, n: int, seed: int) -> Case:
    source = generator("back_through_time", seed, T)
    d, K = 3, 5

    def draw(*shape):
        return 0.7 * torch.randn(*shape, generator=source, dtype=torch.float64)

    x, v = draw(T, d), draw(K)
    W_hh, W_hx, W_ph = draw(n, n).requires_grad_(), draw(n, d).requires_grad_(), draw(K, n)
    h = [draw(n)]
    for x_t in x:
        h.append(torch.tanh(W_hh @ h[-1] + W_hx @ x_t))
    right = torch.autograd.grad(v @ (W_ph @ h[T]), (W_hh, W_hx))
    arguments = (x, torch.stack(h).detach(), v, W_hh.detach(), W_ph)
    mistakes = {
        "the step back multiplies by W_hh where its transpose belongs: e_{t-1} = W_hhᵀ δ_t, "
        "(26).": {"transpose": False},
        "the slope of the tanh is missing: δ_t = (1 − h_t²) ⊙ e_t, (17).": {"slope": "none"},
        "the slope of tanh(a) is 1 − h², not 1 − h: the square is missing.": {"slope": "no square"},
        "off by one in t: δ_t belongs to h_{t-1}, the state that W_hh was multiplied with, (25); "
        "you took h_t.": {"state": 0},
        "only the last step counts so far. W_hh acts at every step: the sum over t is missing, "
        "(25).": {"steps": 1},
        "the first step is left out: the loop ends at t = 2, and x_1 and h_0 get no term.": {
            "first": 2
        },
        "the outer product is the other way round: δ_t h_{t-1}ᵀ has a row for each entry of δ.": {
            "outer": "turned"
        },
    }
    return Case(arguments, right, {k: _rnn_mistaken(*arguments, **m) for k, m in mistakes.items()})


def _rnn_mistaken(
    x, h, v, W_hh, W_ph, transpose=True, slope="square", state=1, steps=None, first=1, outer=""
):
    T = len(x)
    d_W_hh, d_W_hx = torch.zeros_like(W_hh), torch.zeros(len(W_hh), x.shape[1], dtype=x.dtype)
    e = W_ph.T @ v
    for t in range(T, max(first, 1 if steps is None else T - steps + 1) - 1, -1):
        slopes = {"square": 1 - h[t] ** 2, "no square": 1 - h[t], "none": torch.ones_like(e)}
        delta = slopes[slope] * e
        d_W_hh += torch.outer(delta, h[t - state])
        d_W_hx += torch.outer(delta, x[t - 1])
        e = (W_hh.T if transpose else W_hh) @ delta
    return (d_W_hh.T, d_W_hx.T) if outer else (d_W_hh, d_W_hx)


def lstm_step_back(function, seed: int = 0) -> None:
    """``(e, from_later, c_before, c, g, i, f, o, W_h) -> (delta, along_cell, e_before)``."""
    cases = [_lstm_case(n, seed) for n in (4, 1, 6)]
    parts = ("the four δ", "along the cell", "dL/dh_{t-1}")
    check(function, cases, name="lstm_step_back", parts=parts, without=NO_AUTOGRAD)


def _lstm_case(n: int, seed: int) -> Case:
    source = generator("lstm_step_back", seed, n)

    def draw(*shape):
        return torch.randn(*shape, generator=source, dtype=torch.float64)

    W_h = {r: draw(n, n) for r in "gifo"}
    h_before, c_before = draw(n).requires_grad_(), draw(n).requires_grad_()
    a = {r: W_h[r] @ h_before + draw(n) for r in "gifo"}
    g, (i, f, o) = torch.tanh(a["g"]), (torch.sigmoid(a[r]) for r in "ifo")
    c = g * i + c_before * f
    e, from_later = draw(n), draw(n)
    loss = e @ (torch.tanh(c) * o) + from_later @ c
    *by_a, along, e_before = torch.autograd.grad(loss, [*a.values(), c_before, h_before])
    right = (dict(zip("gifo", by_a, strict=True)), along, e_before)
    arguments = (e, from_later, *(q.detach() for q in (c_before, c, g, i, f, o)), W_h)
    mistakes = {
        "what comes back along the cell, s_{t+1} ⊙ f_{t+1}, is not in s_t: the second term of "
        "(42).": {"later": 0},
        "on its way through h_t = tanh(c_t) ⊙ o_t the gradient meets the slope of this tanh, "
        "1 − tanh²(c_t): it is missing in s_t, (42).": {"tanh_c": False},
        "the gates have the slope of the sigmoid, o (1 − o), not that of the tanh, (41).": {
            "gate": "tanh"
        },
        "the slopes of the squashings are missing: behind each partner stands 1 − g² or f (1 − "
        "f).": {"gate": "none"},
        "off by one in t: the partner of the forget gate is the old cell, c_{t-1}, not c_t, "
        "(45).": {"old": False},
        "each gate is multiplied by its partner: δ^g by i and δ^i by g. They are exchanged, "
        "(45).": {"swapped": True},
        "W_rh carries h_{t-1} forward; on the way back its transpose belongs there, (43).": {
            "transpose": False
        },
        "h_{t-1} is read by all four: the output gate's term is missing in dL/dh_{t-1}, (43).": {
            "gates": "gif"
        },
        "along the cell the gradient is multiplied by the forget gate, s_t ⊙ f_t, (42).": {
            "forget": False
        },
    }
    return Case(arguments, right, {k: _lstm_mistaken(*arguments, **m) for k, m in mistakes.items()})


def _lstm_mistaken(
    e,
    from_later,
    c_before,
    c,
    g,
    i,
    f,
    o,
    W_h,
    later=1,
    tanh_c=True,
    gate="sigmoid",
    old=True,
    swapped=False,
    transpose=True,
    gates="gifo",
    forget=True,
):
    slopes = {
        "sigmoid": lambda q: q * (1 - q),
        "tanh": lambda q: 1 - q**2,
        "none": torch.ones_like,
    }[gate]
    s = e * o * (1 - c.tanh() ** 2 if tanh_c else 1) + later * from_later
    for_g, for_i = (g, i) if swapped else (i, g)
    delta = {
        "g": s * for_g * (1 if gate == "none" else 1 - g**2),
        "i": s * for_i * slopes(i),
        "f": s * (c_before if old else c) * slopes(f),
        "o": e * c.tanh() * slopes(o),
    }
    e_before = sum((W_h[r].T if transpose else W_h[r]) @ delta[r] for r in gates)
    return delta, s * f if forget else s, e_before


def leaky_unit(immediate, one_step, total, far, seed: int = 0) -> None:
    """The four blanks of the derivation, each against a difference quotient.

    The unit is h_t = k h_{t-1} + (1 − k) q_t with q_t = tanh(w h_{t-1} + u x_t).
    """
    source = generator("leaky_unit", seed)
    k, w, u, h_0, *xs = torch.rand(6, generator=source, dtype=torch.float64) + 0.2

    def h_1(w, h):
        return k * h + (1 - k) * torch.tanh(w * h + u * xs[0])

    def h_2(w, h):
        return k * h + (1 - k) * torch.tanh(w * h + u * xs[1])

    q = torch.tanh(w * h_0 + u * xs[0])
    by_w, by_h = slope(lambda z: h_1(z, h_0), w), slope(lambda z: h_1(w, z), h_0)
    forgotten = {
        "the share 1 − k stands before the tanh, also in its derivative.": (1 - q**2) * h_0,
        "the slope of the tanh, 1 − q², is missing.": (1 - k) * h_0,
        "the inner derivative is missing: a = w h_{t-1} + u x_t, and ∂a/∂w = h_{t-1}.": (1 - k)
        * (1 - q**2),
    }
    check(immediate, [Case((k, w, q, h_0), by_w, forgotten)], name="immediate", within=1e-5)
    forgotten = {
        "h_{t-1} acts twice: through the tanh, and directly with the weight k. The direct path "
        "is missing.": by_h - k,
        "the path through the tanh is missing: h_{t-1} acts twice.": k,
        "the inner derivative is missing: ∂a/∂h_{t-1} = w.": k + (1 - k) * (1 - q**2),
        "the share 1 − k stands before the tanh, also in its derivative.": k + (1 - q**2) * w,
    }
    check(one_step, [Case((k, w, q, h_0), by_h, forgotten)], name="one_step", within=1e-5)
    middle = h_1(w, h_0)
    a_2, b_2 = slope(lambda z: h_2(z, middle), w), slope(lambda z: h_2(w, z), middle)
    both = slope(lambda z: h_2(z, h_1(z, h_0)), w)
    forgotten = {
        "the path over h_1 is missing: w acts at the first step too, and the state carries it "
        "on.": a_2,
        "the first step's share is carried on to h_2 by one factor ∂h_2/∂h_1.": a_2 + by_w,
        "the immediate derivative at the second step is missing.": b_2 * by_w,
        "the sum is over paths: b_2 belongs to the path that starts at the first step.": by_w
        + b_2 * a_2,
    }
    check(total, [Case((by_w, a_2, b_2), both, forgotten)], name="total", within=1e-4)
    kept = slope(lambda z: _decayed(k, z, 12), h_0)
    forgotten = {
        "each of the steps multiplies by k: a power, not a multiple.": 12 * k,
        "off by one: twelve steps are twelve factors.": k**11,
        "with w = 0 the tanh passes nothing on; what is left is the direct path, k.": (1 - k) ** 12,
    }
    check(far, [Case((k, 12), kept, forgotten)], name="far", within=1e-4)


def _decayed(k, h, steps: int):
    for _ in range(steps):
        h = k * h + (1 - k) * torch.tanh(0 * h)
    return h


def large_inputs(prediction) -> float:
    """Predict log10 of the largest singular value of dh_T/dh_0: radius 3, large inputs."""

    def measure() -> float:
        values, _ = jacobian_singular_values(3.0, 60, 1.5, seed=0)
        return values[-1, 0].log10().item()

    return predicted("large inputs", prediction, measure, show=vanishing_explorer, maximum=30)
