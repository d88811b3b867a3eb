"""Propagation over graphs of real size: compressed sparse rows and a small autograd function.

A product of a sparse matrix with dense features needs, backwards, the product with the transpose.
Both are kept as compressed rows; for an undirected graph they are one matrix.
"""

import warnings

import torch

from helpers.checks import choice, integer
from helpers.graph.propagation import NORMALISATIONS


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, X, A, A_T):
        ctx.A_T = A_T
        return A @ X

    @staticmethod
    def backward(ctx, gradient):
        return ctx.A_T @ gradient.contiguous(), None, None


class SparseMatrix:
    """A constant sparse matrix that multiplies dense features: ``A_hat @ X``, with gradients.

    Args:
        A: compressed rows, ``torch.sparse_csr``.
        A_T: its transpose, likewise; ``A`` itself where it is symmetric.
    """

    def __init__(self, A: torch.Tensor, A_T: torch.Tensor):
        self.A, self.A_T = A, A_T

    @property
    def shape(self) -> torch.Size:
        return self.A.shape

    def __matmul__(self, X: torch.Tensor) -> torch.Tensor:
        return _Product.apply(X, self.A, self.A_T)

    def to_dense(self) -> torch.Tensor:
        return self.A.to_dense()


def sparse_normalized_adjacency(
    edge_index: torch.Tensor,
    nodes: int,
    normalisation: str = "symmetric",
    weights: torch.Tensor | None = None,
) -> SparseMatrix:
    """A_hat of :func:`.propagation.normalized_adjacency` without ever forming a dense matrix.

    Args:
        edge_index: row and column of every entry of A, int64 ``(2, E)``: both directions of an
            undirected edge. An entry given twice counts once without weights, and adds up with
            them. Self-loops are replaced by one of weight 1 at every node.
        nodes: N.
        weights: of the entries, ``(E,)``, at least 0; ones if left out.

    Raises:
        ValueError: indices out of range, another shape, negative weights, or a directed graph with
            symmetric normalisation.
    """
    choice("normalisation", normalisation, NORMALISATIONS)
    integer("nodes", nodes, minimum=1)
    if edge_index.dim() != 2 or edge_index.shape[0] != 2 or edge_index.dtype != torch.int64:
        raise ValueError(
            f"edge_index must be int64 of shape (2, E), got {edge_index.dtype} "
            f"of shape {tuple(edge_index.shape)}"
        )
    if edge_index.numel() and not 0 <= edge_index.min() <= edge_index.max() < nodes:
        raise ValueError(f"edge_index must lie between 0 and {nodes - 1}")
    if weights is not None and (weights.shape != edge_index.shape[1:] or (weights < 0).any()):
        raise ValueError("weights must be one number of at least 0 for each entry of edge_index")
    place, value = _entries(edge_index, nodes, weights)
    row, column = place // nodes, place % nodes
    d = torch.zeros(nodes, dtype=value.dtype).index_add_(0, row, value)
    mirrored, order = (column * nodes + row).sort()
    symmetric = torch.equal(mirrored, place) and torch.allclose(value[order], value)
    if normalisation == "symmetric":
        if not symmetric:
            raise ValueError(
                "symmetric normalisation is for undirected graphs; use 'row' for a directed one"
            )
        value = value * (d[row] * d[column]).rsqrt()
    elif normalisation == "row":
        value = value / d[row]
    A = _csr(row, column, value, nodes)
    if symmetric and normalisation != "row":
        return SparseMatrix(A, A)
    return SparseMatrix(A, _csr(column[order], row[order], value[order], nodes))


def _entries(edge_index, nodes, weights):
    """Places (row x N + column, sorted) and values of A_tilde, each place once."""
    row, column = edge_index
    off = row != column
    loops = torch.arange(nodes) * (nodes + 1)
    place = torch.cat([row[off] * nodes + column[off], loops])
    if weights is None:
        place = torch.unique(place)
        return place, torch.ones(len(place))
    place, inverse = torch.unique(place, return_inverse=True)
    given = torch.cat([weights[off].to(torch.get_default_dtype()), torch.ones(nodes)])
    return place, torch.zeros(len(place)).index_add_(0, inverse, given)


def _csr(row, column, value, nodes):
    pointer = torch.zeros(nodes + 1, dtype=torch.int64)
    pointer[1:] = torch.bincount(row, minlength=nodes).cumsum(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        # 32-bit indices halve what a product has to read; MKL takes them as they are.
        return torch.sparse_csr_tensor(
            pointer.int(), column.int(), value, size=(nodes, nodes), check_invariants=False
        )


def random_edge_index(nodes: int, edges: int, seed: int = 0) -> torch.Tensor:
    """A random undirected graph: about ``edges`` directed entries, both directions of each edge.

    Shapes:
        int64 ``(2, about edges)``, no self-loops, no doubles
    """
    g = torch.Generator().manual_seed(seed)
    a, b = torch.randint(nodes, (2, edges // 2), generator=g)
    low, high = torch.minimum(a, b), torch.maximum(a, b)
    place = torch.unique((low * nodes + high)[low != high])
    one_way = torch.stack([place // nodes, place % nodes])
    return torch.cat([one_way, one_way.flip(0)], dim=1)
