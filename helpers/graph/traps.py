"""The traps of notebook 06, each with the number that shows it."""

import torch

from helpers.graph.graphs import Graph, six_node_graph
from helpers.graph.layers import GATLayer
from helpers.graph.propagation import (
    add_self_loops,
    diameter,
    normalized_adjacency,
    reach,
    updates_until_heard,
)
from helpers.graph.smoothing import twins
from helpers.notebook import Trap


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

    The first node against each of the others, over all pairs of different neighbours and random
    features, on a complete graph of 8 nodes, with random weights: 1 for GAT, whose attention is
    static, less for GATv2 (Brody, Alon and Yahav 2022).
    """
    torch.manual_seed(seed)
    layer = GATLayer(4, 8, dynamic=dynamic)
    alike, different = [], ~torch.eye(8, dtype=torch.bool)
    for _ in range(50):
        H, A_tilde = torch.randn(8, 4), torch.ones(8, 8)
        with torch.no_grad():
            alpha = layer.attention(H, A_tilde)[0]  # (8, 8)
        first = alpha[:, :, None] > alpha[:, None, :]  # node u ranks v above w
        alike.append((first[1:] == first[:1])[:, different].float().mean().item())
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


def weights_of_the_score(features: int) -> int:
    """How many weights the score of a GAT layer has behind W."""
    layer = GATLayer(4, features)
    return layer.a_u.numel() + layer.a_v.numel()


def own_attention() -> float:
    """The attention that node A of the six gives itself, with random weights and features."""
    torch.manual_seed(0)
    graph = six_node_graph()
    layer = GATLayer(4, 8)
    with torch.no_grad():
        return layer.attention(torch.randn(6, 4), layer.prepare(graph))[0][0, 0].item()


def ends_of_a_path() -> float:
    """How far the rows of Â differ for two nodes that share all neighbours but not each other.

    The ends of a path of three nodes.
    """
    A_hat = normalized_adjacency(Graph(("a", "b", "c"), (("a", "b"), ("b", "c"))))
    return (A_hat[0] - A_hat[2]).abs().max().item()


def rows() -> list[Trap]:
    """Each with a number from the six nodes, or from a layer with random weights."""
    graph, other = six_node_graph(), report_002_graph()
    A_hat = normalized_adjacency(graph)
    row_A = ", ".join(f"{value:.3f}" for value in A_hat[0])
    k = updates_until_heard(graph, "C", "E")
    return [
        Trap(
            "an edge missed when a drawing is turned into a matrix",
            "report 002: its Ã has no B–C and no E–F, and so, rightly for that matrix, 4 updates",
            "go through the drawing edge by edge and count the ones (report 004 has them all)",
            f"{updates_until_heard(other, 'C', 'E')} updates on its graph, {k} on the drawing",
        ),
        Trap(
            "counting the nodes between, not the edges",
            "report 004: three updates, “because there are two edges between these nodes”",
            "a message takes one edge an update; two nodes between make three edges",
            f"a shortest path has {k} edges",
        ),
        Trap(
            "“at most” for “at least”",
            "report 001, loosely: for nodes 3 hops away “at most three layers”; its proof is right",
            "fewer layers do not bring the message, more do no harm to that",
            f"after {k - 1} layers E has heard of C on {_ways(graph, k - 1)} ways, after {k} "
            f"on {_ways(graph, k)}",
        ),
        Trap(
            "one pair needs as many layers as the diameter",
            "report 004, of B and E: “as many layer as the diameter of the graph”, loosely",
            "enough for all pairs; one pair needs its distance",
            f"diameter {diameter(graph)}; B and E need {updates_until_heard(graph, 'B', 'E')}",
        ),
        Trap(
            "(ÂH)_u as the plain sum of the neighbours' features",
            "report 001, where it expands the product; its next formula has weights again",
            "Â is not Ã: each neighbour weighs 1/√(d̃_u d̃_v)",
            f"row A of Â is {row_A}",
        ),
        Trap(
            "degrees without the self-loop that is summed",
            "report 001: a sum over N(v) ∪ v with √(|N(u)| |N(v)|) below, if N leaves out v",
            "degrees of Ã, which count the loop",
            f"spectral radius {degrees_without_the_self_loop(graph):.3f} in place of 1; "
            "an isolated node divides by 0",
        ),
        Trap(
            "a graph convolution treats its neighbours equally",
            "report 002: “rather than treating them equally”, loosely; it names the normalisation",
            "it weighs them by their degrees, whatever they say, and is no average",
            f"rows of Â sum to {A_hat.sum(1).min():.3f} up to {A_hat.sum(1).max():.3f}",
        ),
        Trap(
            "nodes with the same neighbours become one",
            "report 002: “when nodes have the same neighbours”, loosely",
            "only if each is also the other's neighbour: the own features differ otherwise",
            f"ends of a path of three: rows of Â differ by up to {ends_of_a_path():.2f}; pairs "
            f"that coincide among the six nodes: {len(twins(graph))}",
        ),
        Trap(
            "the score of attention as an MLP",
            "report 002: “an MLP a which maps the concatenation”, loosely; GAT's paper calls it a "
            "feedforward network of a single layer",
            "in GAT a is one linear map, a LeakyReLU behind it; a hidden layer makes it GATv2",
            f"for pairs of two times 8 numbers a has {weights_of_the_score(8)} weights",
        ),
        Trap(
            "attention over the neighbours without the node itself",
            "report 002: a sum over N(i), if N leaves out i",
            "a node is among those it hears, in GAT's paper too; else its own features reach it "
            "by way of others only",
            f"with random weights A gives itself {own_attention():.0%}, which would be 0; "
            "a node without neighbours would divide by 0",
        ),
        Trap(
            "attention without a non-linearity in its score",
            "often seen; report 002 names the reason for LeakyReLU rightly",
            "the asking node's part of the sum is the same for all it hears, and cancels",
            "with slope 1 α_AE/α_AF = {:.3f} = α_FE/α_FF = {:.3f} (other random weights than in "
            "section 7)".format(*ratios_without_leaky_relu()),
        ),
        Trap(
            "attention that depends on the asking node ranks by it",
            "often seen; report 002's “dependent on the query” is right of the weights",
            "in GAT the weights depend on it and the ranking does not; in GATv2 it does",
            f"nodes agree on {static_ranking_agreement(False):.0%} of rankings, "
            f"in GATv2 on {static_ranking_agreement(True):.0%}",
        ),
    ]


def _ways(graph: Graph, k: int) -> int:
    """Ways of k steps, waiting included, from C to E."""
    return int(reach(graph, "C", k)[graph.index("E")])
