"""Graphs, their matrices, and layers against dense sums and PyG with the same weights."""

import networkx as nx
import pytest
import torch
from torch_geometric.nn import GCNConv

from helpers.graph import GCNLayer, Graph, hops, normalized_adjacency, six_node_graph
from helpers.graph import propagation as p

pytestmark = pytest.mark.usefixtures("float64")


def random_graph(n, probability, seed):
    return Graph.from_networkx(nx.gnp_random_graph(n, probability, seed=seed))


def edge_index(graph):
    return graph.adjacency().nonzero().T


def test_six_node_graph_is_the_assignments():
    graph = six_node_graph()
    rows = ["".join(str(int(v)) for v in row) for row in p.add_self_loops(graph.adjacency())]
    assert rows == ["110011", "111100", "011100", "011101", "100011", "100111"]
    assert p.add_self_loops(graph.adjacency()).sum(1).tolist() == [4, 4, 3, 4, 3, 4]
    assert p.diameter(graph) == 3
    assert [int(p.reach(graph, "C", k)[4]) for k in range(1, 5)] == [0, 0, 2, 12]


def test_c_to_e_takes_three_updates_and_four_on_the_other_reading():
    graph = six_node_graph()
    other = graph.without("BC", "EF")
    for which, updates in ((graph, 3), (other, 4)):
        assert p.updates_until_heard(which, "C", "E") == hops(which, "C", "E") == updates


@pytest.mark.parametrize("seed", range(4))
def test_updates_equal_hops_for_all_pairs(seed):
    graph = random_graph(9, 0.35, seed)
    for a in graph.nodes:
        for b in graph.nodes:
            if nx.has_path(graph.to_networkx(), a, b):
                assert p.updates_until_heard(graph, a, b) == hops(graph, a, b)
            else:
                for function in (p.updates_until_heard, hops):
                    with pytest.raises(ValueError, match="no path leads"):
                        function(graph, a, b)


def test_normalisations():
    graph = random_graph(8, 0.4, 0)
    A_tilde = p.add_self_loops(graph.adjacency())
    d = A_tilde.sum(1)
    symmetric = normalized_adjacency(graph)
    torch.testing.assert_close(symmetric, torch.diag(d**-0.5) @ A_tilde @ torch.diag(d**-0.5))
    torch.testing.assert_close(normalized_adjacency(graph, "row").sum(1), torch.ones(8))
    assert torch.equal(normalized_adjacency(graph, "none"), A_tilde)
    assert torch.linalg.eigvalsh(symmetric).abs().max().item() == pytest.approx(1)


@pytest.mark.parametrize("normalisation", p.NORMALISATIONS)
def test_gcn_layer_equals_the_sum_over_neighbours(normalisation):
    graph = random_graph(7, 0.4, 1)
    layer, H = GCNLayer(3, 5), torch.randn(7, 3)
    torch.nn.init.normal_(layer.b)
    A_hat = normalized_adjacency(graph, normalisation)
    out = layer(H, A_hat)
    for u in range(7):
        expected = layer.b.clone()
        for v in range(7):
            expected = expected + A_hat[u, v] * (H[v] @ layer.W)
        torch.testing.assert_close(out[u], expected)
    torch.testing.assert_close(layer(H, A_hat.to_sparse_csr()), out)


@pytest.mark.parametrize("seed", range(3))
def test_gcn_layer_equals_pyg(seed):
    graph = random_graph(12, 0.3, seed)
    ours, theirs = GCNLayer(4, 6), GCNConv(4, 6)
    with torch.no_grad():
        theirs.lin.weight.copy_(ours.W.T)
        theirs.bias.copy_(torch.nn.init.normal_(ours.b))
    H = torch.randn(12, 4, requires_grad=True)
    G = H.detach().clone().requires_grad_()
    out, expected = ours(H, normalized_adjacency(graph)), theirs(G, edge_index(graph))
    torch.testing.assert_close(out, expected)
    out.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(H.grad, G.grad)
    torch.testing.assert_close(ours.W.grad, theirs.lin.weight.grad.T)


def test_isolated_nodes_hear_themselves():
    graph = Graph(("a", "b", "c"), (("a", "b"),))
    A_hat = normalized_adjacency(graph)
    assert A_hat[2].tolist() == [0, 0, 1]


def test_a_self_loop_given_twice_counts_once():
    A = six_node_graph().adjacency()
    assert torch.equal(normalized_adjacency(A + torch.eye(6)), normalized_adjacency(A))
    assert Graph(("a", "b"), (("a", "a"), ("b", "a"), ("a", "b"))).edges == (("a", "b"),)


def test_weighted_and_directed_matrices():
    A = torch.tensor([[0.0, 2.0], [2.0, 0.0]])
    torch.testing.assert_close(normalized_adjacency(A), torch.tensor([[1, 2], [2, 1]]) / 3.0)
    one_way = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    assert normalized_adjacency(one_way, "row").tolist() == [[0.5, 0.5], [0.0, 1.0]]
    with pytest.raises(ValueError, match="use 'row' for a directed"):
        normalized_adjacency(one_way)


@pytest.mark.parametrize(
    "A",
    [
        torch.zeros(2, 3),
        torch.zeros(4),
        torch.zeros(0, 0),
        torch.tensor([[0.0, -1.0], [-1.0, 0.0]]),
        torch.tensor([[0.0, float("nan")], [0.0, 0.0]]),
    ],
)
def test_bad_adjacencies_are_sentences(A):
    with pytest.raises(ValueError, match="an adjacency must"):
        normalized_adjacency(A)


def test_bad_graphs_are_sentences():
    with pytest.raises(ValueError, match="at least one node"):
        Graph((), ())
    with pytest.raises(ValueError, match="a name of its own"):
        Graph(("a", "a"), ())
    with pytest.raises(ValueError, match="there is no node 'z'"):
        Graph(("a", "b"), (("a", "z"),))
    with pytest.raises(ValueError, match="there is no node 'Z'; the graph has A, B, C, D, E, F"):
        hops(six_node_graph(), "Z", "A")
    with pytest.raises(ValueError, match="are edges"):
        six_node_graph().without("AC")
    with pytest.raises(ValueError, match="must be symmetric"):
        Graph.from_adjacency([[0, 1], [0, 0]])
    with pytest.raises(ValueError, match="zeros and ones"):
        Graph.from_adjacency([[0, 2], [2, 0]])
    with pytest.raises(ValueError, match="normalisation must be one of"):
        normalized_adjacency(six_node_graph(), "mean")
    with pytest.raises(ValueError, match="updates must be at least 0"):
        p.reach(six_node_graph(), "A", -1)
    with pytest.raises(ValueError, match="H must have shape"):
        GCNLayer(3, 2)(torch.zeros(5, 4), torch.eye(5))


def test_adjacency_round_trip_and_relabelling():
    graph = random_graph(6, 0.5, 2)
    assert Graph.from_adjacency(graph.adjacency(), graph.nodes).edges == graph.edges
    permutation = torch.randperm(6)
    layer, H = GCNLayer(3, 3), torch.randn(6, 3)
    A = graph.adjacency()
    relabelled = layer(H[permutation], normalized_adjacency(A[permutation][:, permutation]))
    torch.testing.assert_close(relabelled, layer(H, normalized_adjacency(A))[permutation])
