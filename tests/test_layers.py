"""Layers against PyG with the same weights, over dense and sparse matrices."""

import copy
import re

import networkx as nx
import pytest
import torch
from torch_geometric.nn import GATConv, GatedGraphConv, GATv2Conv, GINConv

from helpers.graph import (
    GatedGraphLayer,
    GATLayer,
    GCNLayer,
    GINLayer,
    Graph,
    normalized_adjacency,
    six_node_graph,
    sparse,
)
from helpers.graph import propagation as p
from helpers.graph.layers import LAYERS, GraphLayer, find_layer
from helpers.paths import ROOT

pytestmark = pytest.mark.usefixtures("float64")


def random_graph(n, probability, seed):
    return Graph.from_networkx(nx.gnp_random_graph(n, probability, seed=seed))


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("dynamic", [False, True])
def test_attention_equals_pyg(heads, dynamic):
    graph = random_graph(12, 0.3, 1)
    ours = GATLayer(5, 4, heads, dynamic=dynamic)
    theirs = (GATv2Conv if dynamic else GATConv)(5, 4, heads)
    with torch.no_grad():
        torch.nn.init.normal_(ours.b)
        theirs.bias.copy_(ours.b)
        if dynamic:
            theirs.lin_l.weight.copy_(ours.W.T)
            theirs.lin_r.weight.copy_(ours.W_u.T)
            theirs.lin_l.bias.zero_()
            theirs.lin_r.bias.zero_()
            theirs.att.copy_(ours.a_v[None])
        else:
            theirs.lin.weight.copy_(ours.W.T)
            theirs.att_src.copy_(ours.a_v[None])
            theirs.att_dst.copy_(ours.a_u[None])
    H = torch.randn(12, 5, requires_grad=True)
    G = H.detach().clone().requires_grad_()
    out = ours(H, p.add_self_loops(graph.adjacency()))
    expected = theirs(G, graph.edge_index())
    torch.testing.assert_close(out, expected)
    out.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(H.grad, G.grad)


def test_gated_layer_equals_pyg():
    graph = random_graph(9, 0.4, 2)
    ours, theirs = GatedGraphLayer(5), GatedGraphConv(5, 3)
    with torch.no_grad():
        for k in range(3):
            theirs.weight[k].copy_(ours.W)
        theirs.rnn.weight_ih.copy_(ours.gru.W_x_l0)
        theirs.rnn.weight_hh.copy_(ours.gru.W_h_l0)
        theirs.rnn.bias_ih.copy_(torch.nn.init.normal_(ours.gru.b_l0))
        theirs.rnn.bias_hh.zero_()
        theirs.rnn.bias_hh[-5:] = torch.nn.init.normal_(ours.gru.b_gh_l0)
    H = G = torch.randn(9, 5)
    for _ in range(3):
        H = ours(H, graph.adjacency())
    torch.testing.assert_close(H, theirs(G, graph.edge_index()))


@pytest.mark.parametrize("eps", [0.0, -0.4, 0.7])
@pytest.mark.parametrize("seed", range(2))
def test_gin_layer_equals_pyg(eps, seed):
    graph = random_graph(12, 0.3, seed)
    ours = GINLayer(4, 6, eps)
    theirs = GINConv(copy.deepcopy(ours.mlp), eps=eps, train_eps=True)
    theirs.nn.load_state_dict(ours.mlp.state_dict())  # it draws new ones when it is made
    H = torch.randn(12, 4, requires_grad=True)
    G = H.detach().clone().requires_grad_()
    out, expected = ours(H, ours.prepare(graph)), theirs(G, graph.edge_index())
    torch.testing.assert_close(out, expected)
    out.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(H.grad, G.grad)
    torch.testing.assert_close(ours.eps.grad, theirs.eps.grad.squeeze())
    for a, b in zip(ours.mlp.parameters(), theirs.nn.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    for layer in (ours, GCNLayer(4, 6)):
        A = sparse.sparse_adjacency(graph.edge_index(), 12)
        expected = layer(H, layer.prepare(graph))
        torch.testing.assert_close(layer(H, layer.prepare(A)), expected)


def test_a_sum_tells_how_often_and_a_mean_does_not():
    """Centres that hear 1 and 2, or each of them twice: the pair that Xu et al. 2019 draw."""
    few, many = torch.tensor([[0.0], [1], [2]]), torch.tensor([[0.0], [1], [1], [2], [2]])
    stars = [Graph(tuple("abcde"[:n]), tuple("a" + b for b in "bcde"[: n - 1])) for n in (3, 5)]
    gin = GINLayer(1, 6)
    sums = [gin(H, gin.prepare(star))[0] for H, star in zip((few, many), stars, strict=True)]
    assert not torch.allclose(*sums)
    for H, star in zip((few, many), stars, strict=True):
        A = star.adjacency()
        assert (A[0] @ H / A[0].sum()).item() == 1.5
    # and where all nodes have two neighbours alike, two triangles are a hexagon to it as well
    hexagon = nx.cycle_graph(6)
    triangles = nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))
    ones = torch.ones(6, 1)
    out = [gin(ones, gin.prepare(Graph.from_networkx(g))) for g in (hexagon, triangles)]
    torch.testing.assert_close(*out)


def test_each_layer_prepares_its_own_matrix():
    """From a graph, its adjacency, or a batch of adjacencies."""
    graphs = [random_graph(6, 0.4, k) for k in range(3)]
    expected = {"gcn": normalized_adjacency, "gat": p.add_self_loops}
    for name in LAYERS:
        layer = find_layer(name).of_width(3)
        matrix = expected.get(name, Graph.adjacency)
        batch = layer.prepare(torch.stack([graph.adjacency() for graph in graphs]))
        for graph, one in zip(graphs, batch, strict=True):
            torch.testing.assert_close(layer.prepare(graph), matrix(graph))
            torch.testing.assert_close(layer.prepare(graph.adjacency()), matrix(graph))
            torch.testing.assert_close(one, matrix(graph))
        H = torch.randn(6, 3)
        M = layer.prepare(graphs[0])
        out = layer(H, M)
        torch.testing.assert_close(layer.update(H, M), out if name == "gated" else out.tanh())
    with pytest.raises(ValueError, match="must have a dense adjacency"):
        GATLayer(3, 3).prepare(sparse.sparse_normalized_adjacency(graphs[0].edge_index(), 6))


def test_layers_are_found_by_name_and_each_file_has_one():
    files = {path.stem for path in (ROOT / "helpers/graph/layers").glob("*.py")}
    assert files - {"__init__", "base"} == {"gat", "gated", "gcn", "gin"} == set(LAYERS)
    for name, layer in LAYERS.items():
        assert find_layer(name) is layer
        assert layer.__module__.rsplit(".", 1)[1] == name
        assert layer.label
        assert re.fullmatch(r"#[0-9A-F]{6}", layer.color)
    with pytest.raises(ValueError, match="layer must be one of"):
        find_layer("gcnn")
    with pytest.raises(ValueError, match="two layers are called 'gcn'"):
        type("Other", (GraphLayer,), {"name": "gcn"})
    assert LAYERS["gcn"] is GCNLayer


#: Every layer that can be found, and two forms of attention.
MADE = {name: lambda name=name: LAYERS[name].of_width(3) for name in LAYERS} | {
    "GAT, 2 heads": lambda: GATLayer(3, 4, 2),
    "GATv2": lambda: GATLayer(3, 4, dynamic=True),
    "GCN, wider": lambda: GCNLayer(3, 4),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("seed", range(3))
def test_relabelling_the_nodes_relabels_the_output(name, seed):
    graph = random_graph(8, 0.35, seed)
    layer, H, A = MADE[name](), torch.randn(8, 3), graph.adjacency()
    order = torch.randperm(8)
    relabelled = layer(H[order], layer.prepare(A[order][:, order]))
    torch.testing.assert_close(relabelled, layer(H, layer.prepare(A))[order])


@pytest.mark.parametrize("name", MADE)
def test_a_batch_is_its_graphs_one_by_one(name):
    layer, H = MADE[name](), torch.randn(4, 6, 3)
    M = layer.prepare(torch.stack([random_graph(6, 0.4, k).adjacency() for k in range(4)]))
    together = layer(H, M)
    for k in range(4):
        torch.testing.assert_close(together[k], layer(H[k], M[k]))
    torch.testing.assert_close(layer(H, M[0])[2], layer(H[2], M[0]))


@pytest.mark.parametrize("name", MADE)
def test_wrong_shapes_are_sentences(name):
    layer = MADE[name]()
    for H, N in ((torch.zeros(5, 4), 5), (torch.zeros(5, 3), 4), (torch.zeros(3), 3)):
        with pytest.raises(ValueError, match="H must have shape"):
            layer(H, layer.prepare(torch.ones(N, N) - torch.eye(N)))


def test_attention_rows_sum_to_one_over_neighbours_only():
    graph = six_node_graph()
    layer = GATLayer(3, 4, 2)
    A_tilde = p.add_self_loops(graph.adjacency())
    alpha = layer.attention(torch.randn(6, 3), A_tilde)
    torch.testing.assert_close(alpha.sum(-1), torch.ones(2, 6))
    assert (alpha[:, A_tilde == 0] == 0).all()
    with pytest.raises(ValueError, match="every node must hear at least itself"):
        layer(torch.randn(2, 3), torch.zeros(2, 2))


# Sparse -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalisation", p.NORMALISATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_sparse_propagation_equals_dense(normalisation, seed):
    graph = random_graph(15, 0.2, seed)
    A_hat = normalized_adjacency(graph, normalisation)
    S = sparse.sparse_normalized_adjacency(graph.edge_index(), 15, normalisation)
    torch.testing.assert_close(S.to_dense(), A_hat)
    layer, H = GCNLayer(4, 3), torch.randn(15, 4, requires_grad=True)
    G = H.detach().clone().requires_grad_()
    a, b = layer(H, S), layer(G, A_hat)
    torch.testing.assert_close(a, b)
    a.square().sum().backward()
    b.square().sum().backward()
    torch.testing.assert_close(H.grad, G.grad)


def test_sparse_directed_weighted_double_and_isolated():
    edges = torch.tensor([[0, 0, 1, 3, 0], [1, 2, 0, 3, 1]])  # 0-1 twice, a loop, 2 one way only
    S = sparse.sparse_normalized_adjacency(edges, 5, "row")
    A = torch.zeros(5, 5)
    A[0, 1] = A[0, 2] = A[1, 0] = 1
    torch.testing.assert_close(S.to_dense(), normalized_adjacency(A, "row"))
    H = torch.randn(5, 2, requires_grad=True)
    (S @ H).sum().backward()
    torch.testing.assert_close(H.grad, S.to_dense().T @ torch.ones(5, 2))
    with pytest.raises(ValueError, match="for undirected graphs"):
        sparse.sparse_normalized_adjacency(edges, 5)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 2.0])
    W = sparse.sparse_normalized_adjacency(edges, 5, "none", weights).to_dense()
    assert W[0].tolist() == [1, 3, 2, 0, 0]
    assert W[3, 3] == 1
    assert W[4].tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("edges", "options", "message"),
    [
        (torch.zeros(3, 2, dtype=torch.int64), {}, "edge_index must be int64 of shape"),
        (torch.zeros(2, 2), {}, "edge_index must be int64"),
        (torch.tensor([[0], [9]]), {}, "must lie between 0 and 3"),
        (torch.tensor([[0], [-1]]), {}, "must lie between 0 and 3"),
        (torch.tensor([[0], [1]]), {"weights": torch.tensor([-1.0])}, "weights must be"),
        (torch.tensor([[0], [1]]), {"normalisation": "max"}, "normalisation must be one of"),
    ],
)
def test_bad_sparse_input_is_a_sentence(edges, options, message):
    with pytest.raises(ValueError, match=message):
        sparse.sparse_normalized_adjacency(edges, 4, **options)


def test_random_graphs_are_undirected_without_doubles():
    edges = sparse.random_edge_index(50, 400)
    A = torch.zeros(50, 50).index_put_(tuple(edges), torch.ones(edges.shape[1]), accumulate=True)
    assert torch.equal(A, A.T)
    assert A.max() == 1
    assert A.diagonal().sum() == 0
