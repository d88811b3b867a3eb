"""Filters on the frequencies of a graph, and the steps from them to the graph convolution.

A signal x is a number a node. The eigenvectors of the Laplacian are the graph's frequencies; a
filter multiplies each by a factor (Bruna et al. 2014), a polynomial needs no eigenvectors
(Defferrard et al. 2016), and its first order is the graph convolution (Kipf and Welling 2017).
"""

from collections.abc import Callable, Sequence

import torch

from helpers.checks import is_symmetric, positive, shown
from helpers.graph.graphs import Graph
from helpers.graph.propagation import adjacency_matrix


def neighbour_weights(graph: Graph | torch.Tensor) -> torch.Tensor:
    """D^(-1/2) A D^(-1/2), without self-loops; zeros for a node that has no neighbour.

    Shapes:
        ``(..., N, N)``, float64
    """
    A = adjacency_matrix(graph).double()
    d = A.sum(-1)
    root = torch.where(d > 0, d.clamp(min=1e-300).rsqrt(), 0.0)
    return root[..., :, None] * A * root[..., None, :]


def laplacian(graph: Graph | torch.Tensor) -> torch.Tensor:
    """L = I - D^(-1/2) A D^(-1/2); a node without neighbours has a row of zeros (Chung 1997).

    Shapes:
        ``(..., N, N)``, float64
    """
    weights = neighbour_weights(graph)
    heard = (adjacency_matrix(graph).sum(-1) > 0).double()
    return torch.diag_embed(heard) - weights


def frequencies(L: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues in rising order and eigenvectors as columns: L = U diag(lambda) U^T.

    The first entry of a column that is not zero is positive, so that drawings are alike.

    Shapes:
        ``(N, N)`` -> ``(N,)``, ``(N, N)``

    Raises:
        ValueError: an L that is not symmetric.
    """
    _check_symmetric(L)
    values, U = torch.linalg.eigh(L)
    first = (U.abs() > 1e-9).double().argmax(0)
    return values, U * U[first, torch.arange(len(U))].sign()


def spectral_filter(
    L: torch.Tensor, response: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor
) -> torch.Tensor:
    """U g(Lambda) U^T x: to frequencies, each times its factor, and back.

    Args:
        response: g, takes the eigenvalues ``(N,)`` and gives a factor for each.

    Shapes:
        L ``(N, N)``, x ``(N,)`` or ``(N, d)`` -> like x

    Raises:
        ValueError: an L that is not symmetric, or an x that is not one row a node.
    """
    _check_signal(x, L)
    values, U = frequencies(L)
    factors = response(values)
    return U @ (factors.reshape(-1, *[1] * (x.dim() - 1)) * (U.T @ x))


def _check_symmetric(L: torch.Tensor) -> None:
    if not (L.is_floating_point() and is_symmetric(L)):
        raise ValueError(f"L must be a symmetric matrix of numbers, got {shown(L)}")


def _check_signal(x: torch.Tensor, L: torch.Tensor) -> None:
    if x.dim() not in (1, 2) or len(x) != len(L) or x.dtype != L.dtype:
        raise ValueError(f"x must be {len(L)} rows of {L.dtype}, got {shown(x)}")


def chebyshev_filter(
    L: torch.Tensor, theta: Sequence[float], x: torch.Tensor, largest: float = 2.0
) -> torch.Tensor:
    """Sum over k of theta_k T_k(Y) x with Y = 2 L / largest - I (Defferrard et al. 2016).

    T_0 x = x, T_1 x = Y x, T_k x = 2 Y (T_(k-1) x) - T_(k-2) x: K products, no eigenvectors.

    Args:
        theta: coefficients, the first for k = 0.
        largest: a bound of the eigenvalues of L, at most 2 for every graph.

    Shapes:
        L ``(N, N)``, x ``(N,)`` or ``(N, d)`` -> like x

    Raises:
        ValueError: no coefficient, a bound that is not above 0, an L that is not symmetric, or an
            x that is not one row a node.
    """
    if len(theta) == 0:
        raise ValueError("a filter needs at least one coefficient")
    positive("largest", largest)
    _check_symmetric(L)
    _check_signal(x, L)
    Y = 2 * L / largest - torch.eye(len(L), dtype=L.dtype)
    before, now = x, Y @ x
    out = theta[0] * before
    for coefficient in theta[1:]:
        out = out + coefficient * now
        before, now = now, 2 * (Y @ now) - before
    return out


def changes_of_sign(graph: Graph, x: torch.Tensor) -> int:
    """Edges whose ends have values of different sign."""
    pairs = [(x[graph.index(a)].item(), x[graph.index(b)].item()) for a, b in graph.edges]
    return sum(1 for a, b in pairs if abs(a) > 1e-9 and abs(b) > 1e-9 and a * b < 0)
