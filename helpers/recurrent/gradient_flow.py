"""How gradients travel through time: Jacobians, norms, truncation, clipping.

In float64, and where nothing else is said from the hand-written equations of :mod:`.bptt`.
"""

import math
from types import SimpleNamespace
from typing import NamedTuple

import torch

from helpers.checks import integer, positive
from helpers.recurrent import bptt
from helpers.recurrent.cells import VanillaRNN
from helpers.recurrent.classifier import SequenceModel


@torch.no_grad()
def step_jacobians(core: VanillaRNN, x: torch.Tensor) -> torch.Tensor:
    """dh_t/dh_{t-1} = D_t W_hh for t = 1 … T along one sample.

    Shapes:
        x ``(T, d)`` -> ``(T, n, n)``
    """
    W_hh = core.weights().W_hh
    h = core(x[None])[0][0]  # (T, n)
    return (1 - h**2)[:, :, None] * W_hh


def state_jacobians(jacobians: torch.Tensor) -> torch.Tensor:
    """dh_T/dh_t = J_T J_{T-1} … J_{t+1} for t = T, T - 1, …, 0: entry k is T - t = k.

    Shapes:
        J ``(T, n, n)`` -> ``(T + 1, n, n)``
    """
    products = [torch.eye(jacobians.shape[1], dtype=jacobians.dtype)]
    for J in jacobians.flip(0):
        products.append(products[-1] @ J)
    return torch.stack(products)


def jacobian_singular_values(
    spectral_radius: float, T: int, input_scale: float = 1.0, n: int = 64, seed: int = 0
) -> tuple[torch.Tensor, float]:
    """Singular values of dh_T/dh_t for a random network of the given spectral radius.

    Args:
        input_scale: standard deviation of W_hx x_t; large inputs saturate the tanh.

    Returns:
        values ``(T + 1, n)``, row k for T - t = k, each in descending order; and the largest
        singular value of W_hh, whose powers bound the first column.

    Raises:
        ValueError: no unit or step, or so many that it would take minutes.
    """
    integer("n", n, minimum=1, maximum=256)
    integer("T", T, minimum=1, maximum=500)
    g = torch.Generator().manual_seed(seed)
    core = VanillaRNN(
        1, n, W_hh=f"spectral:{spectral_radius}", W_hx="normal:1", generator=g
    ).double()
    x = input_scale * torch.randn(T, 1, generator=g, dtype=torch.float64)
    values = torch.linalg.svdvals(state_jacobians(step_jacobians(core, x)))
    sigma_max = torch.linalg.matrix_norm(core.weights().W_hh, 2).item()
    return values, sigma_max


def power_norms(W: torch.Tensor, K: int) -> torch.Tensor:
    """||W^k|| for k = 1 … K, the norm the largest singular value: ``(K,)``."""
    power, norms = torch.eye(len(W), dtype=W.dtype), []
    for _ in range(K):
        power = power @ W
        norms.append(torch.linalg.matrix_norm(power, 2))
    return torch.stack(norms)


def state_gradient_norms(
    model: SequenceModel, x: torch.Tensor, y: torch.Tensor
) -> dict[str, torch.Tensor]:
    """||dL/dh_t|| and, for an LSTM, ||dL/dc_t|| for t = 1 … T, the norm over batch and units.

    Shapes:
        values ``(T,)``
    """
    gradients = bptt.by_hand(model)(model, x, y)
    norms = {"h": gradients.d_h[1:].flatten(1).norm(dim=1)}
    if gradients.d_c is not None:
        norms["c"] = gradients.d_c[1:].flatten(1).norm(dim=1)
    return norms


class CellPaths(NamedTuple):
    """What reaches the cell of an LSTM, for t = 1 … T.

    Attributes:
        all_paths: ||dL/dc_t||, the norm over batch and units, ``(T,)``.
        cell_path: the same of what came from dL/dc_T along the cell alone: times f_T … f_{t+1} and
            nothing else.
        forget_gate: mean forget gate over steps, batch and units.
    """

    all_paths: torch.Tensor
    cell_path: torch.Tensor
    forget_gate: float

    @property
    def share(self) -> float:
        """Cell path over all paths at the first step."""
        return (self.cell_path[0] / self.all_paths[0]).item()


def cell_paths(model: SequenceModel, x: torch.Tensor, y: torch.Tensor) -> CellPaths:
    """How much of an LSTM's gradient the cell path carries, the loss after the last step."""
    found = bptt.lstm_gradients(model, x, y)
    along = [found.d_c[-1]]
    for f in found.forget_gates.flip(0)[:-1]:
        along.append(f * along[-1])
    return CellPaths(
        found.d_c[1:].flatten(1).norm(dim=1),
        torch.stack(along[::-1]).flatten(1).norm(dim=1),
        found.forget_gates.mean().item(),
    )


def recurrent_gradient(
    model: SequenceModel, x: torch.Tensor, y: torch.Tensor, truncate: int | None = None
) -> torch.Tensor:
    """The gradient of all parameters of the core as one vector, whole or truncated."""
    named = bptt.by_hand(model)(model, x, y, truncate=truncate).parameters
    return torch.cat([named[k].flatten() for k in sorted(named) if k not in ("W_ph", "b_p")])


def step_terms(model: SequenceModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What each step's use of the weights adds to :func:`recurrent_gradient`.

    A shared weight's gradient is the sum of the gradients of its copies: every step gets a copy of
    its own, and autograd one pass. The loss is asked after the last step.

    Args:
        model: of one layer and one direction.

    Shapes:
        ``(T, parameters)``; the last k rows add up to the gradient truncated to k steps
    """
    core, named = model.core, vars(model.core.weights())
    copies, state = [], [x.new_zeros(len(x), core.hidden_size) for _ in range(core.state_tensors)]
    state = state[0] if core.state_tensors == 1 else tuple(state)
    for x_t in x.unbind(1):
        copies.append({k: named[k].detach().clone().requires_grad_() for k in sorted(named)})
        state = core.step(x_t, state, SimpleNamespace(**copies[-1]))
    h_T = state if core.state_tensors == 1 else state[0]
    loss = torch.nn.functional.cross_entropy(h_T @ model.W_ph.T + model.b_p, y)
    found = torch.autograd.grad(loss, [w for copy in copies for w in copy.values()])
    return torch.cat([gradient.flatten() for gradient in found]).view(len(copies), -1)


class TruncationBias(NamedTuple):
    """The truncated gradient beside the whole one, a value a length.

    Attributes:
        kept: terms kept of the sums over t, counted from the last.
        cosine: of the angle between the two.
        norm_ratio: norm of the truncated one over the norm of the whole.
    """

    kept: list[int]
    cosine: list[float]
    norm_ratio: list[float]


def truncation_bias(
    model: SequenceModel, x: torch.Tensor, y: torch.Tensor, kept: list[int]
) -> TruncationBias:
    """Direction and length of the truncated gradient of the recurrent parameters."""
    whole = recurrent_gradient(model, x, y)
    short = [recurrent_gradient(model, x, y, truncate=k) for k in kept]
    cosine = [torch.nn.functional.cosine_similarity(whole, s, dim=0).item() for s in short]
    return TruncationBias(kept, cosine, [(s.norm() / whole.norm()).item() for s in short])


def clip(gradients: list[torch.Tensor], max_norm) -> tuple[list[torch.Tensor], float]:
    """Scale all gradients by one factor so that their common norm is at most ``max_norm``: (38).

    Pascanu, Mikolov and Bengio 2013, algorithm 1: the direction stays, the length is cut.

    Args:
        max_norm: a number above 0; infinite, the norm is measured and nothing cut.

    Returns:
        the scaled gradients and the norm before.

    Raises:
        ValueError: no gradient, or a norm that is not above 0.
    """
    if not len(gradients):
        raise ValueError("there must be at least one gradient")
    if max_norm != math.inf:
        positive("max_norm", max_norm)
    norm = torch.sqrt(sum(g.square().sum() for g in gradients)).item()
    factor = min(1.0, max_norm / norm) if norm > 0 else 1.0
    return [g * factor for g in gradients], norm
