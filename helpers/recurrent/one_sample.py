"""The networks for one sample, as plain functions of their weights: the other side of equations.

Nothing here is shared with :mod:`.bptt`: states are column vectors, weights stand in a dictionary,
so that ``w | {"W_hh": W}`` is the network with another matrix and autograd can differentiate any
quantity with respect to any other; the sums of notebook 01 are formed term by term, however slowly.

Third-order derivatives such as dh_t/dW_hh have shape ``(n, n, n)``: first the unit of h_t, then the
row and the column of W_hh.
"""

from itertools import pairwise
from types import SimpleNamespace
from typing import NamedTuple

import torch

from helpers.checks import AnyTensor
from helpers.recurrent.classifier import SequenceModel

Weights = dict[str, torch.Tensor]


def weights(model: SequenceModel) -> Weights:
    """The weights of a one-layer network under their names in the equations, as copies."""
    named = vars(model.core.weights()) | {"W_ph": model.W_ph, "b_p": model.b_p}
    return {name: tensor.detach().clone() for name, tensor in named.items()}


def logits(w: Weights, h: torch.Tensor) -> torch.Tensor:
    """p = W_ph h + b_p: ``(n,)`` -> ``(K,)``."""
    return w["W_ph"] @ h + w["b_p"]


def cross_entropy(p: AnyTensor, m: int) -> torch.Tensor:
    """-log of the m-th entry of softmax(p), as torch computes it."""
    return -p.log_softmax(0)[m]


# The RNN ----------------------------------------------------------------------------------------


def rnn_step(w: Weights, x_t: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """h_t = tanh(W_hx x_t + W_hh h_{t-1} + b_h)."""
    return torch.tanh(w["W_hx"] @ x_t + w["W_hh"] @ h + w["b_h"])


def rnn_states(
    w: Weights,
    x: torch.Tensor,
    copies: torch.Tensor | None = None,
    h_0: torch.Tensor | None = None,
) -> list[torch.Tensor]:
    """h_0, h_1, …, h_T for x ``(T, d)``.

    Args:
        copies: a matrix in place of W_hh for each step, ``(T, n, n)``.
        h_0: zeros if left out.
    """
    h = [torch.zeros_like(w["b_h"]) if h_0 is None else h_0]
    for t, x_t in enumerate(x):
        own = w if copies is None else w | {"W_hh": copies[t]}
        h.append(rnn_step(own, x_t, h[-1]))
    return h


def rnn_loss(
    w: Weights,
    x: torch.Tensor,
    m: int,
    copies: torch.Tensor | None = None,
    h_0: torch.Tensor | None = None,
) -> torch.Tensor:
    """The loss after the last step."""
    return cross_entropy(logits(w, rnn_states(w, x, copies, h_0)[-1]), m)


def gradient_by_copies(w: Weights, x: torch.Tensor, m: int) -> torch.Tensor:
    """dL/dW_hh of each step's own copy of W_hh, by autograd: ``(T, n, n)``."""
    copies = w["W_hh"].expand(len(x), -1, -1).clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(rnn_loss(w, x, m, copies), copies)
    return gradient


def step_jacobian(w: Weights, h_t: torch.Tensor) -> torch.Tensor:
    """J_t = D_t W_hh, equation (18)."""
    return torch.diag(1 - h_t**2) @ w["W_hh"]


def immediate_derivative(h_t: torch.Tensor, h_before: torch.Tensor) -> torch.Tensor:
    """The immediate derivative of h_t by W_hh, equation (20): h_{t-1} is held fixed.

    Entry (k, l, j) is (1 - h_{t,k}^2) I_kl h_{t-1,j}.
    """
    I = torch.eye(len(h_t), dtype=h_t.dtype)  # noqa: E741 - the equation's name
    return torch.einsum("k,kl,j->klj", 1 - h_t**2, I, h_before)


def total_derivatives(w: Weights, h: list[torch.Tensor]) -> list[torch.Tensor]:
    """dh_t/dW_hh for t = 0 … T, each ``(n, n, n)``, forward in time by the recursion (21)."""
    n = len(h[0])
    total = [torch.zeros(n, n, n, dtype=h[0].dtype)]
    for h_before, h_t in pairwise(h):
        through_state = torch.einsum("kr,rlj->klj", step_jacobian(w, h_t), total[-1])
        total.append(immediate_derivative(h_t, h_before) + through_state)
    return total


def jacobian_product(w: Weights, h: list[torch.Tensor], t: int) -> torch.Tensor:
    """J_T J_{T-1} … J_{t+1}, later steps to the left; the identity for t = T."""
    product = torch.eye(len(h[0]), dtype=h[0].dtype)
    for j in range(t + 1, len(h)):
        product = step_jacobian(w, h[j]) @ product
    return product


def sum_over_steps(w: Weights, h: list[torch.Tensor]) -> torch.Tensor:
    """dh_T/dW_hh as the sum (23), every product of Jacobians formed on its own: ``(n, n, n)``."""
    return sum(
        torch.einsum("kr,rlj->klj", jacobian_product(w, h, t), immediate_derivative(h[t], h[t - 1]))
        for t in range(1, len(h))
    )


# The LSTM ---------------------------------------------------------------------------------------


class LSTMStep(NamedTuple):
    """What a step of the LSTM computes, each ``(n,)``; ``a`` has the four pre-activations."""

    h: torch.Tensor
    c: torch.Tensor
    g: torch.Tensor
    i: torch.Tensor
    f: torch.Tensor
    o: torch.Tensor
    a: dict[str, torch.Tensor]


def lstm_step(w: Weights, x_t: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> LSTMStep:
    """One step from h_{t-1} and c_{t-1}, equations (39) and (40)."""
    a = {r: w[f"W_{r}x"] @ x_t + w[f"W_{r}h"] @ h + w[f"b_{r}"] for r in "gifo"}
    g, (i, f, o) = a["g"].tanh(), (a[r].sigmoid() for r in "ifo")
    c = g * i + c * f
    return LSTMStep(c.tanh() * o, c, g, i, f, o, a)


def lstm_steps(w: Weights, x: torch.Tensor) -> list[LSTMStep]:
    """All steps t = 1 … T from a state of zeros, behind an entry t = 0 that holds that state."""
    zero = torch.zeros_like(w["b_f"])
    steps = [LSTMStep(*[zero] * 6, {r: zero for r in "gifo"})]
    for x_t in x:
        steps.append(lstm_step(w, x_t, steps[-1].h, steps[-1].c))
    return steps


def lstm_derivatives(w: Weights, x: torch.Tensor, m: int) -> SimpleNamespace:
    """A run of the LSTM with a loss after the last step, and its derivatives by autograd.

    Returns:
        h, c, g, i, f, o; e = dL/dh, s = dL/dc; and "delta": gate r -> dL/da^r. Each
        ``(T + 1, n)`` with row t for step t; row 0 of derivatives is zero.
    """
    watched = {name: tensor.clone().requires_grad_(True) for name, tensor in w.items()}
    steps = lstm_steps(watched, x)
    loss = cross_entropy(logits(watched, steps[-1].h), m)

    def derivative(of):
        wanted = [of(step) for step in steps[1:]]
        found = torch.autograd.grad(loss, wanted, retain_graph=True)
        return torch.stack([torch.zeros_like(found[0]), *found])

    values = {
        name: torch.stack([getattr(step, name).detach() for step in steps]) for name in "hcgifo"
    }
    delta = {r: derivative(lambda step, r=r: step.a[r]) for r in "gifo"}
    e, s = derivative(lambda step: step.h), derivative(lambda step: step.c)
    return SimpleNamespace(**values, e=e, s=s, delta=delta)


def cell_through_gates(w: Weights, step: LSTMStep, c_before: torch.Tensor) -> torch.Tensor:
    """M_t = dc_t/dh_{t-1}, equation (47): the three gates that write the cell read h_{t-1}."""
    g, i, f = step.g, step.i, step.f
    return (
        torch.diag(i * (1 - g**2)) @ w["W_gh"]
        + torch.diag(g * i * (1 - i)) @ w["W_ih"]
        + torch.diag(c_before * f * (1 - f)) @ w["W_fh"]
    )


def cell_from(w: Weights, x: torch.Tensor, t: int, c_t: torch.Tensor, *, gates_fixed: bool):
    """c_T as a function of c_t, the rest of the past as it was.

    Args:
        gates_fixed: keep every later gate and candidate at its value, so that only the cell path
            is left; otherwise they read the hidden states that follow from ``c_t``.
    """
    steps = lstm_steps(w, x)
    c, h = c_t, c_t.tanh() * steps[t].o
    for j in range(t + 1, len(steps)):
        now = steps[j] if gates_fixed else lstm_step(w, x[j - 1], h, c)
        c = now.g * now.i + c * now.f
        h = c.tanh() * now.o
    return c
