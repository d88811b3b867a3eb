"""The reports' wrong formulas, each beside the right one, as numbers that tell them apart.

Every function returns a relative error of a gradient (:func:`.bptt.relative_error`), or what its
docstring says.
"""

import math

import torch

from helpers.notebook import Trap
from helpers.recurrent import bptt, one_sample
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
def transposed_jacobian(model, x) -> tuple[float, float, float]:
    """Report 001: dh_t/dh_{t-1} = D_t W_hh^T, for one step.

    Returns:
        relative errors: of it against the Jacobian, against the transposed Jacobian (the layout
        in which the report writes dp/dh = W_ph^T), and of D_t W_hh against the Jacobian.
    """
    core = model.core
    w = core.weights()
    h_0 = torch.randn(core.hidden_size, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
    with torch.enable_grad():
        exact = torch.autograd.functional.jacobian(lambda h: core.step(x[0, 0], h, w), h_0)
    D = torch.diag(1 - core.step(x[0, 0], h_0, w) ** 2)
    as_written = D @ w.W_hh.T
    return (
        relative_error(as_written, exact),
        relative_error(as_written, exact.T),
        relative_error(D @ w.W_hh, exact),
    )


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
    """dL/dp_j = -y_j (1 - y_hat_j), the diagonal of the softmax Jacobian alone.

    The error of the dL/dW_ph that follows from it.
    """
    with torch.no_grad():
        h_T = model.core(x)[0][:, -1]
        y_hat = bptt.softmax(h_T @ model.W_ph.T + model.b_p)
        v = -bptt.one_hot(y, y_hat) * (1 - y_hat)
        wrong = v.T @ h_T / len(y)
    return relative_error(wrong, bptt.rnn_gradients(model, x, y).parameters["W_ph"])


def logsumexp_of_soft_targets(y: list[float]) -> tuple[float, float, float]:
    """The loss -sum_k y_k log y_hat_k of targets that are not one-hot, in three forms.

    Returns:
        as it is defined; by -y_m p_m + log sum exp(p), m the largest target, which holds for
        one-hot targets; by -sum_k y_k p_k + (sum_k y_k) log sum exp(p), which holds for all.
    """
    p = torch.tensor([0.3, -1.2, 0.8, 0.1], dtype=torch.float64)
    y = torch.tensor(y, dtype=torch.float64)
    m, log_sum = y.argmax(), p.logsumexp(0)
    defined = -(y * p.log_softmax(0)).sum()
    return (
        defined.item(),
        (log_sum - y[m] * p[m]).item(),
        (y.sum() * log_sum - y @ p).item(),
    )


def total_derivative_overcounts(model, x, y) -> float:
    """sum_t (dh_T/dh_t)(dh_t/dW_hh) with dh_t/dW_hh read as a total derivative.

    The error of dL/dW_hh then; with the immediate derivative, h_{t-1} fixed, the sum is right.
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


def last_line_of_report_001(model, x) -> tuple[int, int]:
    """How many entries the immediate derivative of h_T by W_hh has, and how many are zero.

    The report's last line multiplies diag(1 - h^2), ``(n, n)``, by a row h^T, ``(1, n)``; what
    it stands for is this tensor, equation (20).
    """
    w = one_sample.weights(model)
    h = one_sample.rnn_states(w, x[0])
    tensor = one_sample.immediate_derivative(h[-1], h[-2])
    return tensor.numel(), int((tensor == 0).sum())


def uses_that_get_a_gradient(model, x, y) -> tuple[int, int]:
    """Uses of W_ph and of W_hh through which the loss after the last step reaches them."""
    shares = one_sample.gradient_by_copies(one_sample.weights(model), x[0], int(y[0]))
    return 1, int((shares.flatten(1).norm(dim=1) > 0).sum())


def gradient_rows(
    seed: int, log10_ratio_000: float, log10_ratio_001: float, cell_path_share: float
) -> list[Trap]:
    """The traps of notebook 01, on a network of 5 units and 6 steps where nothing else is said.

    Args:
        log10_ratio_000, log10_ratio_001: log10 of ||dL/dh_1|| / ||dL/dh_T|| at T = 99, each
            report's RNN at its initialisation.
        cell_path_share: ||dL/dc_1|| on the cell path alone over that on all paths, T = 99, of an
            LSTM without a forget bias.
    """
    m, x, y = random_problem(seed=seed)
    transposed, other_layout, correct = transposed_jacobian(m, x)
    norm_A, norm_AA, norm_B60 = norms_above_one_need_not_explode()
    soft = [0.1, 0.2, 0.6, 0.1]
    defined, one_hot_form, general_form = logsumexp_of_soft_targets(soft)
    entries, zeros = last_line_of_report_001(m, x)
    uses_ph, uses_hh = uses_that_get_a_gradient(m, x, y)
    return [
        Trap(
            r"$\partial h_t / \partial h_{t-1} = D_t W_{hh}^\top$",
            "report 001, “diag(1 − h²) W_hhᵀ”",
            r"Row $k$ of the Jacobian belongs to $h_{t,k}$ and holds row $k$ of $W_{hh}$: "
            r"$D_t W_{hh}$, or $W_{hh}^\top D_t$ where Jacobians are written transposed.",
            f"error {transposed:.2f}, read transposed {other_layout:.2f}; of $D_t W_{{hh}}$ "
            f"{correct:.0e}. Carried through, {W_hh_gradient_with(m, x, y, transposed=True):.2f} "
            "of ∂𝓛/∂W_hh",
        ),
        Trap(
            "the Jacobians multiplied from early to late",
            "often seen. Report 001's (0.1) names no order, which is loose; its own expansion has "
            "the right one",
            "The chain rule puts later steps to the left. Matrices do not commute.",
            f"error of ∂𝓛/∂W_hh {W_hh_gradient_with(m, x, y, ascending=True):.2f} in the wrong "
            f"order, {W_hh_gradient_with(m, x, y):.0e} in the right one",
        ),
        Trap(
            "only the diagonal of the softmax Jacobian",
            "report 004, “−y (δ_ij − ŷ) h”, without a sum over i. Report 001's first chain pairs "
            "ŷ_k with p_k alone; its derivation then has all terms and its result is right",
            r"Every $p_j$ moves every $\hat y_k$: equation (9) sums over $k$.",
            f"error of ∂𝓛/∂W_ph {diagonal_softmax(m, x, y):.2f}",
        ),
        Trap(
            r"$-y_m p_m + \log \sum_j \exp p_j$ for targets that are not one-hot",
            "often seen. Report 001 writes the line for a one-hot y, where it is right",
            r"In general $-\sum_k y_k p_k + (\sum_k y_k) \log \sum_j \exp p_j$.",
            f"y = {tuple(soft)}: loss {defined:.3f}, by the line {one_hot_form:.3f}, "
            f"in general {general_form:.3f}",
        ),
        Trap(
            r"$\sum_t \frac{\partial h_T}{\partial h_t} \frac{\partial h_t}{\partial W_{hh}}$ "
            "with a total derivative",
            "reports 002 and 004 write the sum and leave open which derivative is meant, a common "
            "convention; report 001 spells out the immediate one",
            r"$\partial^{+} h_t / \partial W_{hh}$, with $h_{t-1}$ held fixed. The total one "
            "counts early steps again in every later term.",
            f"error of ∂𝓛/∂W_hh {total_derivative_overcounts(m, x, y):.2f}",
        ),
        Trap(
            r"a matrix times a row for the derivative by a matrix, and $\partial h / \partial "
            r"W_{ph}$ for $\partial h / \partial W_{hh}$",
            "report 001, last line of its ii: “diag(1 − h²) (h)ᵀ”; the name is a slip",
            r"$(n, n)$ and $(1, n)$ do not conform. What is meant is the tensor (20); after the "
            r"contraction it is the outer product (25).",
            f"the tensor has {entries} entries, {zeros} of them zero",
        ),
        Trap(
            r"which of the two gradients stays at one step",
            "report 002: “the latter does not depend on the previous time-steps”, where the former "
            "is meant; its first line for W_hh also loses ∂h/∂W_hh, the next has it",
            r"The loss reaches $W_{ph}$ at the read-out alone, and $W_{hh}$ wherever it was used "
            r"on a state that is not zero.",
            f"uses with a gradient: W_ph {uses_ph}, W_hh {uses_hh} (T = {x.shape[1]}, h₀ = 0)",
        ),
        Trap(
            "all norms below 1, so the product vanishes exponentially",
            "report 001, “goes to zero exponentially fast”; loose",
            "One bound below 1 for all factors suffices; σ_max(W_hh) < 1 is such a bound.",
            f"∏(1 − 1/(t+1)²) tends to {norms_below_one_need_not_vanish():.3f}",
        ),
        Trap(
            "all norms above 1, so the product explodes",
            "report 001, “goes to infinity exponentially fast”",
            "Norms bound products from above only. σ_max > 1 is necessary, not sufficient.",
            f"A = [[0, 2], [0, 0]]: ‖A‖ = {norm_A:.0f}, ‖A²‖ = {norm_AA:.0f}; "
            f"B = [[½, 10], [0, ½]]: ‖B⁶⁰‖ = {norm_B60:.0e}",
        ),
        Trap(
            "an RNN that fails on long sequences has a vanishing gradient",
            "report 001 of its RNN at T = 80: “decays exponentially with time”",
            "Measure it, and say when. Before training the gradient explodes backward at the "
            "initialisation of its published program, and vanishes at report 000's. After "
            "training (section 10) both vanish.",
            f"first against last of 99 steps: 10^{log10_ratio_001:+.1f}; "
            f"with report 000's initialisation 10^{log10_ratio_000:+.1f}",
        ),
        Trap(
            "the gradient of an LSTM is the product of its forget gates",
            "often seen",
            "That is the cell path. The paths through the gates come on top. They can carry "
            "nearly everything, at half-open forget gates and, in section 10, at open ones too.",
            "of ∂𝓛/∂c₁ without a forget bias, T = 99, the cell path alone is "
            f"10^{math.log10(cell_path_share):+.0f}",
        ),
    ]
