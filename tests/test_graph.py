"""Graphs, their matrices, the graph convolution, loaders, smoothing, tasks and traps."""

import itertools

import networkx as nx
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

from helpers.graph import (
    GATLayer,
    GCNLayer,
    Graph,
    applications,
    hops,
    loaders,
    normalized_adjacency,
    six_node_graph,
    smoothing,
    tasks,
    traps,
)
from helpers.graph import propagation as p

pytestmark = pytest.mark.usefixtures("float64")


def random_graph(n, probability, seed):
    return Graph.from_networkx(nx.gnp_random_graph(n, probability, seed=seed))


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


@pytest.mark.parametrize("seed", range(3))
def test_gcn_layer_equals_pyg(seed):
    graph = random_graph(12, 0.3, seed)
    ours, theirs = GCNLayer(4, 6), GCNConv(4, 6)
    with torch.no_grad():
        theirs.lin.weight.copy_(ours.W.T)
        theirs.bias.copy_(torch.nn.init.normal_(ours.b))
    H = torch.randn(12, 4, requires_grad=True)
    G = H.detach().clone().requires_grad_()
    out, expected = ours(H, normalized_adjacency(graph)), theirs(G, graph.edge_index())
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
    with pytest.raises(ValueError, match=r"(an adjacency|graph) must"):
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


# Loaders ----------------------------------------------------------------------------------------


def test_karate_club_and_les_miserables():
    karate, clubs, classes = loaders.karate_club()
    assert (len(karate), len(karate.edges)) == (34, 78)
    assert clubs.bincount().tolist() == [17, 17]
    assert sorted(classes.bincount().tolist()) == [5, 6, 11, 12]
    graph, labels = loaders.les_miserables()
    assert (len(graph), len(graph.edges)) == (77, 254)
    assert labels.shape == (77,)
    assert torch.equal(labels, loaders.les_miserables()[1])


def test_edge_lists(tmp_path):
    path = tmp_path / "graph.txt"
    path.write_text("# a comment\na b\nb c  # another\n\n")
    assert loaders.load_edge_list(path).edges == (("a", "b"), ("b", "c"))
    for text, message in (("", "holds no edge"), ("a b c\n", "line 1: an edge is two names")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            loaders.load_edge_list(path)
    with pytest.raises(ValueError, match="there is no edge list"):
        loaders.load_edge_list(tmp_path / "missing.txt")


def test_pyg_data():
    data = Data(
        x=torch.ones(3, 2),
        edge_index=torch.tensor([[0, 1, 0], [1, 2, 1]]),
        y=torch.tensor([[0], [1], [0]]),
    )
    edges, nodes, x, y = loaders.from_pyg(data)
    assert edges.T.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    assert (nodes, x.shape, y.tolist()) == (3, (3, 2), [0, 1, 0])
    with pytest.raises(ValueError, match="has no edge_index"):
        loaders.from_pyg([data])


# Smoothing, twins, tasks ------------------------------------------------------------------------


def test_dirichlet_energy_is_the_sum_over_edges_and_a_trace():
    graph, H = random_graph(8, 0.4, 3), torch.randn(8, 3)
    rows = smoothing.over_root_degree(H, graph)
    by_hand = sum(
        ((rows[graph.index(a)] - rows[graph.index(b)]) ** 2).sum().item() for a, b in graph.edges
    )
    assert smoothing.dirichlet_energy(rows, graph) == pytest.approx(by_hand)
    trace = torch.trace(H.T @ (torch.eye(8) - normalized_adjacency(graph)) @ H).item()
    assert by_hand == pytest.approx(trace)


def test_the_limit_is_what_many_layers_give():
    graph, H = loaders.karate_club()[0], torch.randn(34, 4)
    power = torch.linalg.matrix_power(normalized_adjacency(graph.adjacency()), 3000)
    torch.testing.assert_close(power @ H, smoothing.limit(H, graph))


def test_deep_propagation_forgets_at_the_rate_of_the_second_eigenvalue():
    graph = six_node_graph()
    rate = smoothing.second_eigenvalue(graph)
    distance = smoothing.smoothing(graph, 60)["distance"]
    assert distance[60] / distance[59] == pytest.approx(rate, rel=1e-3)
    assert smoothing.smoothing(graph, 60, residual=0.2)["distance"][60] > 0.1
    assert smoothing.attention_smoothing(graph, 60)["distance"][60] < 1e-3


def test_twins_become_equal():
    graph = six_node_graph()
    assert smoothing.twins(graph) == []
    triangle = Graph(("a", "b", "c"), (("a", "b"), ("b", "c"), ("a", "c")))
    assert len(smoothing.twins(triangle)) == 3
    for how, edge, (a, b) in smoothing.changes_that_make_twins(graph):
        changed = (
            graph.without(edge) if how == "remove" else Graph(graph.nodes, (*graph.edges, edge))
        )
        out = GCNLayer(3, 2)(torch.randn(6, 3), normalized_adjacency(changed))
        torch.testing.assert_close(out[changed.index(a)], out[changed.index(b)])


def test_communities_are_found_better_than_by_the_majority():
    torch.set_default_dtype(torch.float32)
    karate, clubs, _ = loaders.karate_club()
    shown = tasks.one_label_each(clubs, 0)
    assert clubs[shown].tolist() == [0, 1]
    training = tasks.train_communities(karate, clubs, shown, epochs=300)
    assert training.embeddings.shape == (301, 34, 2)
    assert training.accuracy[-1] > 0.8 > tasks.majority_class(clubs, shown)
    # Harmonic: each hidden node is the weighted mean of its neighbours (one linear system).
    A = karate.adjacency().double()
    hidden = [k for k in range(34) if k not in shown.tolist()]
    laplacian = torch.diag(A.sum(1)) - A
    told = A[hidden][:, shown] @ clubs[shown].double()
    harmonic = torch.linalg.solve(laplacian[hidden][:, hidden], told) > 0.5
    expected = (harmonic == clubs[hidden].bool()).double().mean().item()
    assert tasks.label_propagation(karate, clubs, shown) == pytest.approx(expected)


def test_label_propagation_on_a_chain():
    chain = Graph(tuple("abcdef"), tuple(["ab", "bc", "cd", "de", "ef"]))
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    assert tasks.label_propagation(chain, labels, torch.tensor([0, 5])) == 1.0


def test_stars_have_equal_means_and_different_targets():
    H, A, targets = tasks.marked_neighbour(500)
    assert H.shape == (500, 5, 2)
    assert (H[:, 1:, 1].sum(1) == 1).all()
    assert set(targets.tolist()) == {-1.0, 1.0}
    both = (H[:, 1:, 0].max(1).values == 1) & (H[:, 1:, 0].min(1).values == -1)
    assert both.all()
    assert A[0].tolist() == [0, 1, 1, 1, 1]


@pytest.mark.slow
def test_attention_finds_the_mark_and_averaging_cannot():
    torch.set_default_dtype(torch.float32)
    A = tasks.marked_neighbour(1)[1]
    torch.manual_seed(0)
    attends = tasks.train_on_stars(GATLayer(2, 16), p.add_self_loops(A))
    averages = tasks.train_on_stars(GCNLayer(2, 16), normalized_adjacency(A, "row"))
    assert attends["accuracy"] > 0.97
    assert averages["accuracy"] < 0.75


def test_rankings_are_compared_between_different_nodes_and_different_neighbours():
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    layer, alike = GATLayer(4, 8, dynamic=True), []
    for _ in range(50):
        alpha = layer.attention(torch.randn(8, 4), torch.ones(8, 8))[0].tolist()
        for row, (v, w) in itertools.product(alpha[1:], itertools.combinations(range(8), 2)):
            alike.append((row[v] > row[w]) == (alpha[0][v] > alpha[0][w]))
    expected = sum(alike) / len(alike)
    assert traps.static_ranking_agreement(dynamic=True) == pytest.approx(expected)


def test_traps_of_the_graphs():
    torch.set_default_dtype(torch.float32)
    rows = traps.rows()
    assert all(len(row) == 4 and all(row) for row in rows)
    assert traps.ends_of_a_path() == pytest.approx(0.5)
    assert "on 0 ways, after 3 on 2" in rows[2].number
    assert traps.degrees_without_the_self_loop(six_node_graph()) == pytest.approx(1.379, abs=1e-3)
    assert traps.static_ranking_agreement(dynamic=False) == 1.0
    assert traps.static_ranking_agreement(dynamic=True) < 0.99
    assert traps.ratios_without_leaky_relu()[0] == pytest.approx(
        traps.ratios_without_leaky_relu()[1]
    )


def test_applications_are_graphs():
    for application in applications.APPLICATIONS:
        asked = application.asked
        nodes = set(application.nodes)
        for a, b, _ in application.edges:
            assert {a, b} <= nodes
        if isinstance(asked, tuple):  # an edge that is drawn
            assert set(asked) in [{a, b} for a, b, _ in application.edges]
        else:
            assert asked in nodes | {""}
