"""How information travels: normalised adjacencies, hops, reach.

One update of the graph convolution (Kipf and Welling 2017, equation 2) is H' = sigma(A_hat H W).
What can travel at all is decided by A_hat alone: H after k updates depends on the features of
exactly those nodes that A_tilde^k connects.
"""

import networkx as nx
import torch

from helpers.checks import choice, integer
from helpers.graph.graphs import Graph, check_adjacency

NORMALISATIONS = ("symmetric", "row", "none")


def adjacency_matrix(graph: Graph | torch.Tensor) -> torch.Tensor:
    """The adjacency of a :class:`Graph`, or a matrix, or a batch of them, checked.

    Shapes:
        ``(..., N, N)``
    """
    return check_adjacency(graph.adjacency() if isinstance(graph, Graph) else graph)


def add_self_loops(A: Graph | torch.Tensor) -> torch.Tensor:
    """A_tilde = A + I. A self-loop that ``A`` already has counts once.

    Shapes:
        ``(..., N, N)`` -> ``(..., N, N)``
    """
    A_tilde = adjacency_matrix(A).clone()
    A_tilde.diagonal(dim1=-2, dim2=-1).fill_(1.0)
    return A_tilde


def normalized_adjacency(graph: Graph | torch.Tensor, normalisation: str = "symmetric"):
    """A_hat, the weights with which a node takes in its neighbours and itself.

    "symmetric": D_tilde^(-1/2) A_tilde D_tilde^(-1/2), the GCN's; "row": D_tilde^(-1) A_tilde, an
    average; "none": A_tilde, a sum. D_tilde holds the row sums of A_tilde, so that a degree counts
    the self-loop and is never zero.

    Args:
        graph: a :class:`Graph`, or a square matrix or a batch of them, which may have weights.

    Shapes:
        ``(..., N, N)``

    Raises:
        ValueError: an adjacency that is not square, or negative; a directed one with "symmetric".
    """
    choice("normalisation", normalisation, NORMALISATIONS)
    A_tilde = add_self_loops(graph)
    if normalisation == "none":
        return A_tilde
    d = A_tilde.sum(-1)  # (..., N)
    if normalisation == "row":
        return A_tilde / d[..., :, None]
    if not torch.allclose(A_tilde, A_tilde.mT):
        raise ValueError(
            "symmetric normalisation is for undirected graphs; use 'row' for a directed adjacency"
        )
    root = d.rsqrt()
    return root[..., :, None] * A_tilde * root[..., None, :]


def hops(graph: Graph, a: str, b: str) -> int:
    """Edges on a shortest path from ``a`` to ``b``.

    Raises:
        ValueError: an unknown node, or no path.
    """
    graph.index(a), graph.index(b)
    try:
        return nx.shortest_path_length(graph.to_networkx(), a, b)
    except nx.NetworkXNoPath:
        raise ValueError(f"no path leads from {a!r} to {b!r}: no message ever arrives") from None


def reach(graph: Graph, source: str, updates: int) -> torch.Tensor:
    """How many walks with self-loops of ``updates`` steps lead from ``source`` to each node.

    The column of A_tilde^k; a node has heard of the source after k updates where it is not zero.

    Shapes:
        ``(N,)``
    """
    integer("updates", updates, minimum=0)
    walks = torch.zeros(len(graph), dtype=torch.float64)
    walks[graph.index(source)] = 1.0
    A_tilde = add_self_loops(graph.adjacency()).double()
    for _ in range(updates):
        walks = A_tilde @ walks
    return walks


def updates_until_heard(graph: Graph, source: str, target: str) -> int:
    """Updates until ``target`` has heard of ``source``, found by propagating.

    Raises:
        ValueError: an unknown node, or the message never arrives.
    """
    target_row = graph.index(target)
    for k in range(len(graph)):
        if reach(graph, source, k)[target_row] > 0:
            return k
    raise ValueError(f"no path leads from {source!r} to {target!r}: no message ever arrives")


def diameter(graph: Graph) -> int:
    """The largest number of hops between two nodes: layers until all have heard of all."""
    g = graph.to_networkx()
    if not nx.is_connected(g):
        raise ValueError("the graph is not connected: some messages never arrive")
    return nx.diameter(g)
