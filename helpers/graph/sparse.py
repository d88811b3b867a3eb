"""Propagation over graphs of real size: compressed sparse rows and a small autograd function.

A product of a sparse matrix with dense features needs, backwards, the product with the transpose.
Both are kept as compressed rows; for an undirected graph they are one matrix.
"""

import warnings
from typing import Annotated

import torch

from helpers.checks import UNCHECKED, choice, integer
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

    def __init__(
        self,
        A: Annotated[torch.Tensor, UNCHECKED],
        A_T: Annotated[torch.Tensor, UNCHECKED],
    ):
        self.A, self.A_T = A, A_T

    @property
    def shape(self) -> torch.Size:
        return self.A.shape

    def __matmul__(self, X: torch.Tensor) -> torch.Tensor:
        return _Product.apply(X, self.A, self.A_T)

    def to_dense(self) -> torch.Tensor:
        return self.A.to_dense()

    def normalized(self, normalisation: str = "symmetric") -> "SparseMatrix":
        """A_hat of this adjacency, as :func:`sparse_normalized_adjacency` makes it."""
        A = self.A.to_sparse_coo().coalesce()
        return _normalized(A.indices(), A.values(), self.shape[0], normalisation)


def sparse_adjacency(
    edge_index: torch.Tensor, nodes: int, weights: torch.Tensor | None = None
) -> SparseMatrix:
    """A without ever forming a dense matrix.

    Args:
        edge_index: row and column of every entry of A, int64 ``(2, E)``: both directions of an
            undirected edge. An entry given twice counts once without weights, and adds up with
            them.
        nodes: N.
        weights: of the entries, ``(E,)``, at least 0; ones if left out.

    Raises:
        ValueError: indices out of range, another shape, or negative weights.
    """
    A = _coalesced(*_checked(edge_index, nodes, weights), nodes, counted=weights is not None)
    A_T = A.t().coalesce()
    return SparseMatrix(_csr(A), _csr(A_T)) if not _same(A, A_T) else _twice(_csr(A))


def sparse_normalized_adjacency(
    edge_index: torch.Tensor,
    nodes: int,
    normalisation: str = "symmetric",
    weights: torch.Tensor | None = None,
) -> SparseMatrix:
    """A_hat of :func:`.propagation.normalized_adjacency` without ever forming a dense matrix.

    Args:
        edge_index, nodes, weights: as of :func:`sparse_adjacency`; self-loops are replaced by one
            of weight 1 at every node.

    Raises:
        ValueError: as of :func:`sparse_adjacency`, or a directed graph with symmetric
            normalisation.
    """
    entries, values = _checked(edge_index, nodes, weights)
    return _normalized(entries, values, nodes, normalisation, counted=weights is not None)


def _checked(edge_index, nodes, weights):
    """Places ``(2, E)`` and values ``(E,)`` of the entries."""
    integer("nodes", nodes, minimum=1)
    if edge_index.dim() != 2 or edge_index.shape[0] != 2 or edge_index.dtype != torch.int64:
        raise ValueError(
            f"edge_index must be int64 of shape (2, E), got {edge_index.dtype} "
            f"of shape {tuple(edge_index.shape)}"
        )
    if edge_index.numel() and not 0 <= edge_index.min() <= edge_index.max() < nodes:
        raise ValueError(f"edge_index must lie between 0 and {nodes - 1}")
    if weights is None:
        return edge_index, torch.ones(edge_index.shape[1])
    if weights.shape != edge_index.shape[1:] or (weights < 0).any():
        raise ValueError("weights must be one number of at least 0 for each entry of edge_index")
    return edge_index, weights.to(torch.get_default_dtype())


def _coalesced(entries, values, nodes, *, counted: bool):
    """Each place once, sorted; values of one place added up if ``counted``, and 1 if not."""
    A = torch.sparse_coo_tensor(entries, values, (nodes, nodes), check_invariants=False).coalesce()
    return A if counted else _valued(A, torch.ones_like(A.values()))


def _valued(A, values):
    """The places of ``A`` with other values."""
    return torch.sparse_coo_tensor(
        A.indices(), values, A.shape, is_coalesced=True, check_invariants=False
    )


def _same(A, B) -> bool:
    return torch.equal(A.indices(), B.indices()) and torch.allclose(A.values(), B.values())


def _normalized(entries, values, nodes, normalisation, *, counted: bool = True) -> SparseMatrix:
    choice("normalisation", normalisation, NORMALISATIONS)
    # A_tilde: self-loops out, one of weight 1 at every node in
    off = entries[0] != entries[1]
    loops = torch.arange(nodes).expand(2, nodes)
    entries = torch.cat([entries[:, off], loops], dim=1)
    values = torch.cat([values[off], values.new_ones(nodes)])
    A = _coalesced(entries, values, nodes, counted=counted)
    A_T = A.t().coalesce()
    symmetric = _same(A, A_T)
    (row, column), value = A.indices(), A.values()
    d = value.new_zeros(nodes).index_add_(0, row, value)
    if normalisation == "symmetric":
        if not symmetric:
            raise ValueError(
                "symmetric normalisation is for undirected graphs; use 'row' for a directed one"
            )
        value = value * (d[row] * d[column]).rsqrt()
    elif normalisation == "row":
        value = value / d[row]
    A = _valued(A, value)
    if symmetric and normalisation != "row":
        return _twice(_csr(A))
    return SparseMatrix(_csr(A), _csr(A.t().coalesce()))


def _twice(A: torch.Tensor) -> SparseMatrix:
    """A symmetric matrix, which is its own transpose."""
    return SparseMatrix(A, A)


def _csr(A: torch.Tensor) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        A = A.to_sparse_csr()
        # 32-bit indices halve what a product has to read; MKL takes them as they are.
        return torch.sparse_csr_tensor(
            A.crow_indices().int(),
            A.col_indices().int(),
            A.values(),
            size=A.shape,
            check_invariants=False,
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
