"""How gradients travel through time: Jacobians, norms, truncation, clipping.

All in float64, from the hand-written equations of :mod:`.bptt`.
"""

import torch

from helpers.recurrent import bptt
from helpers.recurrent.cells import VanillaRNN
from helpers.recurrent.classifier import SequenceClassifier


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
    """
    g = torch.Generator().manual_seed(seed)
    core = VanillaRNN(
        1, n, W_hh=f"spectral:{spectral_radius}", W_hx="normal:1", generator=g
    ).double()
    x = input_scale * torch.randn(T, 1, generator=g, dtype=torch.float64)
    values = torch.linalg.svdvals(state_jacobians(step_jacobians(core, x)))
    sigma_max = torch.linalg.matrix_norm(core.weights().W_hh, 2).item()
    return values, sigma_max


def unrolled_W_hh_gradient(
    model: SequenceClassifier, x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    """dL/dW_hh as the sum of Jacobian products, sample by sample, without the recursion.

    sum_t (D_t (dh_T/dh_t)^T W_ph^T v) h_{t-1}^T: every product of Jacobians is formed on its own.

    Shapes:
        x ``(B, T, d)``, y ``(B,)`` -> ``(n, n)``
    """
    core = model.core
    T, n = x.shape[1], core.hidden_size
    total = torch.zeros(n, n, dtype=x.dtype)
    with torch.no_grad():
        for x_b, y_b in zip(x, y, strict=True):
            h = torch.cat([x.new_zeros(1, n), core(x_b[None])[0][0]])  # h_0 … h_T
            p = (model.W_ph @ h[T] + model.b_p)[None]
            v = bptt.logit_gradient_by_logsumexp(p, y_b[None])[0]
            to_state = state_jacobians(step_jacobians(core, x_b))  # dh_T/dh_t at T - t
            for t in range(1, T + 1):
                e_t = to_state[T - t].T @ model.W_ph.T @ v
                total += torch.outer((1 - h[t] ** 2) * e_t, h[t - 1])
    return total / len(x)


def state_gradient_norms(
    model: SequenceClassifier, x: torch.Tensor, y: torch.Tensor
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


def truncation_cosines(
    model: SequenceClassifier, x: torch.Tensor, y: torch.Tensor, lengths: list[int]
) -> list[float]:
    """Cosine between the whole and the truncated gradient of the recurrent parameters."""
    by_hand = bptt.by_hand(model)

    def recurrent(truncate):
        named = by_hand(model, x, y, truncate=truncate).parameters
        return torch.cat(
            [g.flatten() for k, g in sorted(named.items()) if not k.endswith("p") and k != "W_ph"]
        )

    whole = recurrent(None)
    return [
        torch.nn.functional.cosine_similarity(whole, recurrent(k), dim=0).item() for k in lengths
    ]


def clip(gradients: list[torch.Tensor], max_norm: float) -> tuple[list[torch.Tensor], float]:
    """Scale all gradients by one factor so that their common norm is at most ``max_norm``.

    Pascanu, Mikolov and Bengio 2013, algorithm 1: the direction stays, the length is cut.

    Returns:
        the scaled gradients and the norm before.
    """
    norm = torch.sqrt(sum(g.square().sum() for g in gradients)).item()
    factor = min(1.0, max_norm / norm) if norm > 0 else 1.0
    return [g * factor for g in gradients], norm
