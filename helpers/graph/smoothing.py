"""Where message passing loses what it knew: over-smoothing, and nodes that become twins.

H <- A_hat H drives all rows towards one direction, scaled by sqrt(d_tilde); what is left of their
differences shrinks by the second eigenvalue of A_hat a layer.
"""

import torch

from helpers.checks import fits, integer, number, shown
from helpers.graph.graphs import Graph
from helpers.graph.layers import GATLayer
from helpers.graph.propagation import add_self_loops, normalized_adjacency
from helpers.runtime import seeded


def _check_rows(H: torch.Tensor, graph: Graph) -> None:
    if H.dim() != 2 or len(H) != len(graph) or not H.is_floating_point():
        raise ValueError(f"H must have {len(graph)} rows of numbers, one a node, got {shown(H)}")


def dirichlet_energy(H: torch.Tensor, graph: Graph) -> float:
    """The sum over edges of ||h_u - h_v||^2: how unalike neighbours are."""
    _check_rows(H, graph)
    edges = graph.edge_index()[:, : len(graph.edges)]
    return (H[edges[0]] - H[edges[1]]).square().sum().item()


def over_root_degree(H: torch.Tensor, graph: Graph) -> torch.Tensor:
    """D_tilde^(-1/2) H: the rows that the symmetric rule makes equal."""
    _check_rows(H, graph)
    d = add_self_loops(graph.adjacency()).sum(1).to(H)
    return H / d.sqrt()[:, None]


def limit(H: torch.Tensor, graph: Graph) -> torch.Tensor:
    """What A_hat^k H becomes: row u is sqrt(d_tilde_u) times one vector for all nodes.

    That vector is the sum over v of sqrt(d_tilde_v) h_v, over the sum of the d_tilde_v; for a graph
    that is connected.
    """
    _check_rows(H, graph)
    d = add_self_loops(graph.adjacency()).sum(1).to(H)
    common = (d.sqrt()[:, None] * H).sum(0) / d.sum()
    return d.sqrt()[:, None] * common


def pairwise_distance(H: torch.Tensor) -> float:
    """Mean distance of two rows, relative to the mean norm of a row.

    Raises:
        ValueError: fewer than two rows, or nothing but zeros.
    """
    if H.dim() != 2 or len(H) < 2 or not H.is_floating_point() or not H.any():
        raise ValueError(f"H must have at least two rows, and not be zero, got {shown(H)}")
    return (torch.pdist(H).mean() / H.norm(dim=1).mean()).item()


def smoothing(
    graph: Graph, depth: int, features: int = 16, residual: float = 0.0, seed: int = 0
) -> dict[str, list[float]]:
    """How alike the rows become under k = 0 … depth propagations, H <- (1 - r) A_hat H + r H_0.

    Features are random; before measuring, rows are divided by sqrt(d_tilde), to which the symmetric
    rule converges. ``residual`` r is GCNII's initial residual (Chen et al. 2020).

    Returns:
        "energy": Dirichlet energy over the sum of squares, "distance": mean pairwise distance, a
        value a depth.

    Raises:
        ValueError: a graph of one node, no feature, or a residual outside of [0, 1].
    """
    _check_size(graph, depth, features)
    number("residual", residual, minimum=0.0, maximum=1.0)
    g = torch.Generator().manual_seed(seed)
    A_hat = normalized_adjacency(graph).double()
    H_0 = torch.randn(len(graph), features, generator=g, dtype=torch.float64)
    H, found = H_0, {"energy": [], "distance": []}
    for _ in range(depth + 1):
        rows = over_root_degree(H, graph)
        found["energy"].append(_share_of_energy(rows, graph))
        found["distance"].append(pairwise_distance(rows))
        H = (1 - residual) * (A_hat @ H) + residual * H_0
    return found


def attention_smoothing(
    graph: Graph, depth: int, features: int = 16, seed: int = 0
) -> dict[str, list[float]]:
    """As :func:`smoothing`, with a random, untrained attention layer's weights in place of A_hat.

    Attention rows average, so that no division by sqrt(d_tilde) is due.
    """
    _check_size(graph, depth, features)
    g = torch.Generator().manual_seed(seed)
    H = torch.randn(len(graph), features, generator=g, dtype=torch.float64)
    with seeded(seed):
        layer = GATLayer(features, features).double()
    M = layer.prepare(graph).double()
    with torch.no_grad():
        layer.a_v.mul_(4)  # sharp, so that it is far from a uniform average
        found = {"energy": [], "distance": []}
        for _ in range(depth + 1):
            found["energy"].append(_share_of_energy(H, graph))
            found["distance"].append(pairwise_distance(H))
            H = layer.attention(H, M)[0] @ H
    return found


def _check_size(graph: Graph, depth: int, features: int) -> None:
    integer("nodes", len(graph), minimum=2)
    integer("depth", depth, minimum=0)
    fits(len(graph) * integer("features", features, minimum=1), features=features)


def _share_of_energy(H: torch.Tensor, graph: Graph) -> float:
    return dirichlet_energy(H, graph) / H.square().sum().item()


def second_eigenvalue(graph: Graph) -> float:
    """The second largest |eigenvalue| of A_hat: the factor by which differences shrink a layer.

    Raises:
        ValueError: a graph of one node.
    """
    integer("nodes", len(graph), minimum=2)
    values = torch.linalg.eigvalsh(normalized_adjacency(graph).double()).abs()
    return values.sort(descending=True).values[1].item()


def twins(graph: Graph) -> list[tuple[str, str]]:
    """Pairs of nodes with the same closed neighbourhood: one layer makes their rows equal."""
    rows = add_self_loops(graph.adjacency())
    return [
        (graph.nodes[i], graph.nodes[j])
        for i in range(len(graph))
        for j in range(i + 1, len(graph))
        if torch.equal(rows[i], rows[j])
    ]


def changes_that_make_twins(graph: Graph) -> list[tuple[str, tuple[str, str], tuple[str, str]]]:
    """All single edges whose addition or removal gives two nodes the same closed neighbourhood.

    Returns:
        ("add" or "remove", edge, the twins it makes)
    """
    present = set(map(frozenset, graph.edges))
    found = []
    for i, a in enumerate(graph.nodes):
        for b in graph.nodes[i + 1 :]:
            if frozenset((a, b)) in present:
                changed, what = graph.without((a, b)), "remove"
            else:
                changed = Graph(graph.nodes, (*graph.edges, (a, b)), graph.positions)
                what = "add"
            found += [(what, (a, b), pair) for pair in twins(changed)]
    return found
