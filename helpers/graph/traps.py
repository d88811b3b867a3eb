"""The reports' statements about graphs that are not so, each with the number that shows it."""

import torch

from helpers.graph.graphs import Graph, six_node_graph
from helpers.graph.layers import GATLayer
from helpers.graph.propagation import (
    add_self_loops,
    diameter,
    normalized_adjacency,
    updates_until_heard,
)
from helpers.graph.smoothing import twins


def report_002_graph() -> Graph:
    """The six-node graph as report 002 wrote it down, without B-C and E-F."""
    return six_node_graph().without("BC", "EF")


def degrees_without_the_self_loop(graph: Graph) -> float:
    """Report 001's second formula: sum over u and its neighbours of h / sqrt(|N(u)| |N(v)|).

    The spectral radius of that matrix; with the self-loop counted in the degrees it is 1.
    """
    A = graph.adjacency()
    d = A.sum(1)
    return torch.linalg.eigvalsh(add_self_loops(A) / (d[:, None] * d).sqrt()).abs().max().item()


def static_ranking_agreement(dynamic: bool, seed: int = 0) -> float:
    """How often two nodes that hear the same two neighbours rank them alike.

    Over random features, on a complete graph of 8 nodes, with random weights: 1 for GAT, whose
    attention is static, less for GATv2 (Brody, Alon and Yahav 2022).
    """
    torch.manual_seed(seed)
    layer = GATLayer(4, 8, dynamic=dynamic)
    alike = []
    for _ in range(50):
        H, A_tilde = torch.randn(8, 4), torch.ones(8, 8)
        with torch.no_grad():
            alpha = layer.attention(H, A_tilde)[0]  # (8, 8)
        first = alpha[:, :, None] > alpha[:, None, :]  # node u ranks v above w
        alike.append((first == first[:1]).float().mean().item())
    return sum(alike) / len(alike)


def ratios_without_leaky_relu() -> tuple[float, float]:
    """Report 002's remark that is right: without LeakyReLU the query drops out of the softmax.

    alpha_AE / alpha_AF and alpha_FE / alpha_FF on the six-node graph, with slope 1.
    """
    torch.manual_seed(0)
    graph = six_node_graph()
    layer = GATLayer(4, 8, slope=1.0)
    with torch.no_grad():
        alpha = layer.attention(torch.randn(6, 4), layer.prepare(graph))[0]
    A, E, F = (graph.index(node) for node in "AEF")
    return (alpha[A, E] / alpha[A, F]).item(), (alpha[F, E] / alpha[F, F]).item()


def rows() -> list[tuple]:
    """The traps of notebook 06: (report, what it says, what is right, the number)."""
    graph, other = six_node_graph(), report_002_graph()
    A_hat = normalized_adjacency(graph)
    row_A = ", ".join(f"{value:.3f}" for value in A_hat[0])
    k = updates_until_heard(graph, "C", "E")
    return [
        (
            "002",
            "Ã without B–C and E–F; C to E in 4 updates",
            "the drawing has both edges",
            f"{updates_until_heard(other, 'C', 'E')} updates on its graph, {k} on the drawing",
        ),
        (
            "004",
            "three updates, because there are two edges between C and E",
            "three edges",
            f"a shortest path has {k} edges",
        ),
        (
            "001",
            "at most three layers to hear nodes 3 hops away",
            "at least three",
            f"after {k - 1} layers E has heard of C over 0 walks, after {k} over 2",
        ),
        (
            "004",
            "as many layers as the diameter, for one pair",
            "enough for all pairs; one pair needs its distance",
            f"diameter {diameter(graph)}; A and B need {updates_until_heard(graph, 'A', 'B')}",
        ),
        (
            "001",
            "(ÂH)_u is the sum of the neighbours' features",
            "each weighs 1/√(d̃_u d̃_v)",
            f"row A of Â is {row_A}",
        ),
        (
            "001",
            "1/√(|N(u)| |N(v)|) without the self-loop that is summed",
            "degrees of Ã",
            f"spectral radius {degrees_without_the_self_loop(graph):.3f} in place of 1; "
            "an isolated node divides by 0",
        ),
        (
            "002",
            "a node's input is shared equally by its neighbours",
            "a GCN is no average",
            f"rows of Â sum to {A_hat.sum(1).min():.3f} up to {A_hat.sum(1).max():.3f}",
        ),
        (
            "002",
            "nodes with the same neighbours become indistinguishable",
            "with the same closed neighbourhood",
            f"pairs among the six nodes: {len(twins(graph))}",
        ),
        (
            "002",
            "attention: one MLP a over N(i)",
            "one linear map aᵀ, and N(i) holds i",
            "without LeakyReLU α_AE/α_AF = {:.3f} = α_FE/α_FF = {:.3f}".format(
                *ratios_without_leaky_relu()
            ),
        ),
        (
            "002",
            "attention depends on the query",
            "in GAT the ranking does not; in GATv2 it does",
            f"nodes agree on {static_ranking_agreement(False):.0%} of rankings, "
            f"in GATv2 on {static_ranking_agreement(True):.0%}",
        ),
    ]
