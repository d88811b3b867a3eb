"""The reports' wrong formulas, each beside the right one, as numbers that tell them apart.

Every function returns a relative error of a gradient (:func:`.bptt.relative_error`), or what its
docstring says.
"""

import math

import torch

from helpers.recurrent import bptt
from helpers.recurrent.bptt import relative_error
from helpers.recurrent.cells import VanillaRNN
from helpers.recurrent.classifier import SequenceClassifier
from helpers.recurrent.gradient_flow import state_jacobians, step_jacobians


def random_problem(B: int = 1, T: int = 6, n: int = 5, c: int = 4, seed: int = 0):
    """A small vanilla RNN and a batch in float64: ``(model, x, y)``."""
    g = torch.Generator().manual_seed(seed)
    model = SequenceClassifier(VanillaRNN(2, n), c).double()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.6, generator=g)
    x = torch.randn(B, T, 2, generator=g, dtype=torch.float64)
    return model, x, torch.randint(c, (B,), generator=g)


@torch.no_grad()
def transposed_jacobian(model, x) -> tuple[float, float]:
    """Report 001: dh_t/dh_{t-1} = D_t W_hh^T. Relative errors of it and of D_t W_hh, one step."""
    core = model.core
    w = core.weights()
    h_0 = torch.randn(core.hidden_size, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
    with torch.enable_grad():
        exact = torch.autograd.functional.jacobian(lambda h: core.step(x[0, 0], h, w), h_0)
    D = torch.diag(1 - core.step(x[0, 0], h_0, w) ** 2)
    return relative_error(D @ w.W_hh.T, exact), relative_error(D @ w.W_hh, exact)


@torch.no_grad()
def W_hh_gradient_with(model, x, y, *, transposed=False, ascending=False) -> float:
    """Report 001, equation 0.1: error of dL/dW_hh with W_hh^T, or with the product ascending.

    Equation 0.1 as the sum of products of Jacobians, with the one change.
    """
    core = model.core
    J = step_jacobians(core, x[0])  # (T, n, n)
    T, n = J.shape[:2]
    h = torch.cat([x.new_zeros(1, n), core(x[:1])[0][0]])
    if transposed:
        J = (1 - h[1:] ** 2)[:, :, None] * core.weights().W_hh.T
    v = bptt.logit_gradient_by_logsumexp((model.W_ph @ h[T] + model.b_p)[None], y[:1])[0]
    total = torch.zeros(n, n, dtype=x.dtype)
    for t in range(1, T + 1):
        product = torch.eye(n, dtype=x.dtype)
        for j in range(t + 1, T + 1):
            product = product @ J[j - 1] if ascending else J[j - 1] @ product
        total += torch.outer((1 - h[t] ** 2) * (product.T @ model.W_ph.T @ v), h[t - 1])
    return relative_error(total, bptt.rnn_gradients(model, x[:1], y[:1]).parameters["W_hh"])


def diagonal_softmax(model, x, y) -> float:
    """Reports 001 (on the way) and 004: dL/dp_i = -y_i (1 - y_hat_i), the diagonal alone.

    The error of the dL/dW_ph that follows from it.
    """
    with torch.no_grad():
        h_T = model.core(x)[0][:, -1]
        y_hat = bptt.softmax(h_T @ model.W_ph.T + model.b_p)
        onehot = torch.nn.functional.one_hot(y, y_hat.shape[1]).to(y_hat)
        v = -onehot * (1 - y_hat)
        wrong = v.T @ h_T / len(y)
    return relative_error(wrong, bptt.rnn_gradients(model, x, y).parameters["W_ph"])


def logsumexp_needs_unit_targets(total: float) -> float:
    """Report 001: -y_c p_c + log sum exp(p) is the cross-entropy if the targets sum to 1.

    The relative error of its gradient, y_hat - y, where they sum to ``total`` and the loss is
    -sum_k y_k log y_hat_k.
    """
    p = torch.tensor([[0.3, -1.2, 0.8, 0.1]], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([[0.1, 0.2, 0.6, 0.1]], dtype=torch.float64) * total
    (exact,) = torch.autograd.grad(-(y * p.log_softmax(1)).sum(), p)
    return relative_error(p.detach().softmax(1) - y, exact)


def total_derivative_overcounts(model, x, y) -> float:
    """Reports 002 and 004: sum_i (dh_T/dh_i)(dh_i/dW) with dh_i/dW read as a total derivative.

    The error of dL/dW_hh then; with the immediate derivative, h_{i-1} fixed, the sum is right.
    """
    core = model.core
    w = core.weights()
    states, h = [], torch.zeros(1, core.hidden_size, dtype=x.dtype)
    for x_t in x[:1].unbind(1):
        h = core.step(x_t, h, w)
        states.append(h)
    p = states[-1] @ model.W_ph.T + model.b_p
    v = bptt.logit_gradient_by_logsumexp(p.detach(), y[:1])[0]
    to_state = state_jacobians(step_jacobians(core, x[0]))
    overcounted = torch.zeros_like(w.W_hh)
    T = len(states)
    for i, h_i in enumerate(states, start=1):
        e_i = to_state[T - i].T @ model.W_ph.T @ v
        (total,) = torch.autograd.grad(h_i[0] @ e_i, w.W_hh, retain_graph=True, allow_unused=True)
        overcounted = overcounted + total
    right = bptt.rnn_gradients(model, x[:1], y[:1]).parameters["W_hh"]
    return relative_error(overcounted, right)


def norms_below_one_need_not_vanish(steps: int = 10_000) -> float:
    """The product of 1 - 1/(t + 1)^2 over t = 1 … steps: every factor below 1, the limit 1/2."""
    return math.exp(sum(math.log1p(-1 / (t + 1) ** 2) for t in range(1, steps + 1)))


def norms_above_one_need_not_explode() -> tuple[float, float, float]:
    """||A|| and ||A^2|| of [[0, 2], [0, 0]]; ||B^60|| of [[.5, 10], [0, .5]]."""
    A = torch.tensor([[0.0, 2.0], [0.0, 0.0]], dtype=torch.float64)
    B = torch.tensor([[0.5, 10.0], [0.0, 0.5]], dtype=torch.float64)
    norm = torch.linalg.matrix_norm
    power = torch.linalg.matrix_power
    return norm(A, 2).item(), norm(power(A, 2), 2).item(), norm(power(B, 60), 2).item()


def gradient_rows(seed: int, log10_ratio_000: float, log10_ratio_001: float) -> list[tuple]:
    """The traps of notebook 01: (report, what it says, what is right, the number).

    Args:
        log10_ratio_000, log10_ratio_001: log10 of ||dL/dh_1|| / ||dL/dh_T|| at T = 99, each
            report's RNN at its initialisation.
    """
    m, x, y = random_problem(seed=seed)
    transposed, correct = transposed_jacobian(m, x)
    norm_A, norm_AA, norm_B60 = norms_above_one_need_not_explode()
    return [
        (
            "001",
            "∂h_t/∂h_{t−1} = D_t W_hhᵀ",
            "D_t W_hh",
            f"error {transposed:.2f} against {correct:.0e}; "
            f"of ∂L/∂W_hh {W_hh_gradient_with(m, x, y, transposed=True):.2f}",
        ),
        (
            "001, eq. 0.1",
            "the product of Jacobians in ascending order",
            "descending: later steps to the left",
            f"error of ∂L/∂W_hh {W_hh_gradient_with(m, x, y, ascending=True):.2f} "
            f"against {W_hh_gradient_with(m, x, y):.0e}",
        ),
        (
            "001 on the way, 004",
            "−y_i (1 − ŷ_i), the diagonal of the softmax Jacobian",
            "a sum over all classes: ŷ_i − y_i",
            f"error of ∂L/∂W_ph {diagonal_softmax(m, x, y):.2f}",
        ),
        (
            "001",
            "−Σ y_k log ŷ_k = −y_c p_c + log Σ exp p",
            "only where Σ y = 1",
            f"error {logsumexp_needs_unit_targets(1.0):.0e} for Σ y = 1, "
            f"{logsumexp_needs_unit_targets(2.0):.2f} for Σ y = 2",
        ),
        (
            "002, 004",
            "Σ_i (∂h_T/∂h_i)(∂h_i/∂W), ∂h_i/∂W a total derivative",
            "the immediate derivative, h_{i−1} fixed",
            f"overcounts, error {total_derivative_overcounts(m, x, y):.2f}",
        ),
        (
            "001",
            "all norms below 1, so the product vanishes",
            "needs one bound below 1 for all",
            f"∏(1 − 1/(t+1)²) tends to {norms_below_one_need_not_vanish():.3f}",
        ),
        (
            "001",
            "all norms above 1, so the product explodes",
            "σ_max > 1 is necessary, not sufficient",
            f"‖A‖ = {norm_A:.0f} and ‖A²‖ = {norm_AA:.0f}; ‖B‖ > 10 and ‖B⁶⁰‖ = {norm_B60:.0e}",
        ),
        (
            "001",
            "the RNN fails at T = 80 because gradients vanish",
            "at its own initialisation they explode",
            f"first against last of 99 steps: 10^{log10_ratio_001:+.1f}; "
            f"with report 000's initialisation 10^{log10_ratio_000:+.1f}",
        ),
    ]
