"""Graph layers and propagation entry by entry, on graphs that one can draw; what they refuse."""

import re
import warnings

import pytest
import torch

from helpers.graph import GatedGraphLayer, GATLayer, GCNLayer, GINLayer, Graph, sparse
from helpers.graph import propagation as p
from helpers.graph.layers import LAYERS, GraphLayer, find_layer

pytestmark = pytest.mark.usefixtures("float64")
CHAIN = Graph(tuple("abcd"), (("a", "b"), ("b", "c"), ("c", "d")))
APART = Graph(tuple("abc"), (("a", "b"),))
#: a hears b twice as loud as b hears a; c hears a and nobody hears c.
DIRECTED = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0], [3.0, 0.0, 0.0]])


def refused(sentence, call, *arguments, **options):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        call(*arguments, **options)


# Propagation ------------------------------------------------------------------------------------


def test_self_loops_are_set_and_not_added():
    A = torch.tensor([[0.0, 2.0], [2.0, 5.0]])
    kept = A.clone()
    assert p.add_self_loops(A).tolist() == [[1, 2], [2, 1]]
    assert torch.equal(A, kept)
    batch = p.add_self_loops(torch.stack([A, 3 * A]))
    assert batch.tolist() == [[[1, 2], [2, 1]], [[1, 6], [6, 1]]]


def test_normalised_adjacencies_entry_by_entry():
    A_tilde = p.add_self_loops(CHAIN)
    d = [2, 3, 3, 2]
    symmetric, row = p.normalized_adjacency(CHAIN), p.normalized_adjacency(CHAIN, "row")
    for u in range(4):
        for v in range(4):
            assert symmetric[u, v].item() == pytest.approx(A_tilde[u, v] / (d[u] * d[v]) ** 0.5)
            assert row[u, v].item() == pytest.approx(A_tilde[u, v] / d[u])
    torch.testing.assert_close(p.normalized_adjacency(CHAIN, "none"), A_tilde)
    directed = p.normalized_adjacency(DIRECTED.double(), "row")
    torch.testing.assert_close(directed.sum(1), torch.ones(3))
    assert directed[2].tolist() == [0.75, 0, 0.25]
    refused(
        "symmetric normalisation is for undirected graphs; use 'row' for a directed adjacency",
        p.normalized_adjacency, DIRECTED,
    )  # fmt: skip
    refused(
        "normalisation must be one of 'symmetric', 'row', 'none'; got 'column'",
        p.normalized_adjacency, CHAIN, "column",
    )  # fmt: skip
    batch = torch.stack([CHAIN.adjacency(), torch.zeros(4, 4)]).double()
    torch.testing.assert_close(p.normalized_adjacency(batch)[0], symmetric)
    torch.testing.assert_close(p.normalized_adjacency(batch)[1], torch.eye(4))
    torch.testing.assert_close(p.normalized_adjacency(batch, "row")[0], row)


def test_hops_reach_and_diameter_of_a_chain():
    assert [p.hops(CHAIN, "a", node) for node in "abcd"] == [0, 1, 2, 3]
    assert p.diameter(CHAIN) == 3
    assert p.updates_until_heard(CHAIN, "a", "d") == 3
    assert p.updates_until_heard(CHAIN, "b", "b") == 0
    assert p.reach(CHAIN, "a", 0).tolist() == [1, 0, 0, 0]
    assert p.reach(CHAIN, "a", 2).tolist() == [2, 2, 1, 0]
    assert p.reach(CHAIN, "b", 1).dtype == torch.float64
    refused("updates must be at least 0, got -1", p.reach, CHAIN, "a", -1)
    sentence = "no path leads from 'a' to 'c': no message ever arrives"
    refused(sentence, p.hops, APART, "a", "c")
    refused(sentence, p.updates_until_heard, APART, "a", "c")
    refused("the graph is not connected: some messages never arrive", p.diameter, APART)
    for nodes in (("x", "a"), ("a", "x")):
        with pytest.raises(ValueError, match="'x'"):
            p.hops(CHAIN, *nodes)


# Sparse -----------------------------------------------------------------------------------------

ENTRIES = torch.tensor([[0, 1, 2, 0], [1, 0, 0, 1]])


def test_an_entry_given_twice_counts_once_without_weights_and_adds_up_with_them():
    plain = sparse.sparse_adjacency(ENTRIES, 3)
    assert plain.to_dense().tolist() == [[0, 1, 0], [1, 0, 0], [1, 0, 0]]
    weighted = sparse.sparse_adjacency(ENTRIES, 3, torch.tensor([2.0, 1.0, 3.0, 0.5]))
    assert weighted.to_dense().tolist() == [[0, 2.5, 0], [1, 0, 0], [3, 0, 0]]
    assert weighted.shape == (3, 3)
    torch.testing.assert_close(weighted.A_T.to_dense(), weighted.A.to_dense().T)
    assert weighted.A_T is not weighted.A
    assert weighted.A.crow_indices().dtype == torch.int32
    assert weighted.A.col_indices().dtype == torch.int32
    assert weighted.A.values().dtype == torch.float64


def test_a_symmetric_matrix_is_kept_once():
    both_ways = torch.tensor([[0, 1], [1, 0]])
    assert (found := sparse.sparse_adjacency(both_ways, 2)).A is found.A_T
    same = sparse.sparse_adjacency(both_ways, 2, torch.tensor([2.0, 2.0]))
    assert same.A is same.A_T
    other = sparse.sparse_adjacency(both_ways, 2, torch.tensor([2.0, 1.0]))
    assert other.A is not other.A_T
    assert (found := sparse.sparse_normalized_adjacency(both_ways, 2)).A is found.A_T
    row = sparse.sparse_normalized_adjacency(torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), 3, "row")
    assert row.A is not row.A_T
    torch.testing.assert_close(row.A_T.to_dense(), row.A.to_dense().T)


@pytest.mark.parametrize("normalisation", p.NORMALISATIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_equals_dense_with_gradients(normalisation, weighted):
    edges = sparse.random_edge_index(30, 80, seed=1)
    weights = None
    dense = torch.zeros(30, 30)
    dense[edges[0], edges[1]] = 1
    if weighted:
        dense *= (W := torch.rand(30, 30)) + W.T
        weights = dense[edges[0], edges[1]]
    A = sparse.sparse_adjacency(edges, 30, weights)
    torch.testing.assert_close(A.to_dense(), dense)
    expected = p.normalized_adjacency(dense, normalisation)
    direct = sparse.sparse_normalized_adjacency(edges, 30, normalisation, weights)
    for found in (direct, A.normalized(normalisation)):
        torch.testing.assert_close(found.to_dense(), expected)
    torch.testing.assert_close(A.normalized().to_dense(), p.normalized_adjacency(dense))
    X = torch.randn(30, 4, requires_grad=True)
    Y = X.detach().clone().requires_grad_()
    torch.testing.assert_close(direct @ X, expected @ Y)
    ((direct @ X) ** 2).sum().backward()
    ((expected @ Y) ** 2).sum().backward()
    torch.testing.assert_close(X.grad, Y.grad)


def test_self_loops_of_a_sparse_graph_are_replaced():
    entries = torch.tensor([[0, 0, 1], [0, 1, 0]])
    found = sparse.sparse_normalized_adjacency(entries, 3, "none", torch.tensor([7.0, 2.0, 2.0]))
    assert found.to_dense().tolist() == [[1, 2, 0], [2, 1, 0], [0, 0, 1]]


def test_directed_sparse_graphs():
    directed = torch.tensor([[0, 2], [1, 1]])
    row = sparse.sparse_normalized_adjacency(directed, 3, "row")
    assert row.to_dense().tolist() == [[0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5]]
    torch.testing.assert_close(row.A_T.to_dense(), row.to_dense().T)
    none = sparse.sparse_normalized_adjacency(directed, 3, "none")
    torch.testing.assert_close(none.A_T.to_dense(), none.to_dense().T)
    sentence = "symmetric normalisation is for undirected graphs; use 'row' for a directed one"
    refused(sentence, sparse.sparse_normalized_adjacency, directed, 3)


def test_bad_entries_are_sentences():
    good = torch.tensor([[0, 1], [1, 0]])
    for make in (sparse.sparse_adjacency, sparse.sparse_normalized_adjacency):
        refused("nodes must be at least 1, got 0", make, good, 0)
        for bad in (good[0], torch.zeros(3, 2, dtype=torch.int64), good.int(), good[None]):
            refused(
                f"edge_index must be int64 of shape (2, E), got {bad.dtype} "
                f"of shape {tuple(bad.shape)}",
                make, bad, 2,
            )  # fmt: skip
        refused("edge_index must lie between 0 and 1", make, good + 1, 2)
        refused("edge_index must lie between 0 and 1", make, good - 1, 2)
        sentence = "weights must be one number of at least 0 for each entry of edge_index"
        refused(sentence, make, good, 2, weights=torch.tensor([1.0, -1.0]))
        refused(sentence, make, good, 2, weights=torch.ones(3))
        assert make(good, 2, weights=torch.tensor([0.0, 0.0])).shape == (2, 2)
        empty = torch.zeros(2, 0, dtype=torch.int64)
        assert make(empty, 2).shape == (2, 2)
    refused(
        "normalisation must be one of 'symmetric', 'row', 'none'; got 'column'",
        sparse.sparse_normalized_adjacency, good, 2, "column",
    )  # fmt: skip


def test_sparse_matrices_are_made_quietly():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        sparse.sparse_normalized_adjacency(ENTRIES[:, :2], 3)
    assert seen == []


def test_random_graphs_of_about_the_size_asked_for():
    edges = sparse.random_edge_index(200, 1000, seed=3)
    assert edges.dtype == torch.int64
    assert 950 <= edges.shape[1] <= 1000
    assert edges.shape[1] % 2 == 0
    low, high = edges[:, : edges.shape[1] // 2]
    assert (low < high).all()
    assert torch.equal(edges[:, edges.shape[1] // 2 :], torch.stack([high, low]))
    pairs = set(zip(*edges.tolist(), strict=True))
    assert len(pairs) == edges.shape[1]
    assert edges.min() < 10
    assert edges.max() > 190
    assert torch.equal(edges, sparse.random_edge_index(200, 1000, 3))
    first = sparse.random_edge_index(200, 1000)
    assert torch.equal(first, sparse.random_edge_index(200, 1000, seed=0))
    assert not torch.equal(first[:, :100], edges[:, :100])


# Layers -----------------------------------------------------------------------------------------

SIZED = {
    "gcn": lambda d, out: GCNLayer(d, out),
    "gat": lambda d, out: GATLayer(d, out),
    "gin": lambda d, out: GINLayer(d, out),
}


@pytest.mark.parametrize("make", SIZED.values(), ids=SIZED)
def test_sizes_of_layers_are_checked(make):
    refused("in_features must be at least 1, got 0", make, 0, 2)
    refused("out_features must be at least 1, got 0", make, 2, 0)
    make(1, 1)


def test_other_settings_of_layers_are_checked():
    refused("features must be at least 1, got 0", GatedGraphLayer, 0)
    refused("heads must be at least 1, got 0", GATLayer, 2, 2, 0)
    refused("slope must be a finite number, got 'x'", GATLayer, 2, 2, slope="x")
    refused("eps must be a finite number, got 'x'", GINLayer, 2, 2, eps="x")
    assert GINLayer(2, 2).eps.item() == 0
    assert GINLayer(2, 2, 0.5).eps.item() == 0.5
    assert GATLayer(2, 2).slope == 0.2
    assert GATLayer(2, 2).heads == 1
    assert GATLayer(2, 2).dynamic is False


@pytest.mark.parametrize("name", LAYERS)
def test_shapes_are_checked(name):
    layer = LAYERS[name].of_width(3)
    A = layer.prepare(CHAIN.adjacency().double())
    sentence = f"H must have shape (..., N, 3) and {layer.matrix} (..., N, N), got {{}} and {{}}"
    for H, M in (
        (torch.zeros(4, 2), A),
        (torch.zeros(5, 3), A),
        (torch.zeros(3), A),
        (torch.zeros(4, 3), A[:3]),
    ):
        refused(sentence.format(tuple(H.shape), tuple(M.shape)), layer, H, M)
    assert layer(torch.zeros(4, 3), A).shape == (4, 3)
    assert layer(torch.zeros(2, 4, 3), A).shape == (2, 4, 3)
    assert isinstance(layer, LAYERS[name])


def test_an_unknown_layer_is_named():
    assert find_layer("gin") is GINLayer
    names = ", ".join(map(repr, LAYERS))
    refused(f"layer must be one of {names}; got 'gine'", find_layer, "gine")


def test_one_name_is_one_layer():
    with pytest.raises(ValueError, match=r"^two layers are called 'gcn': <class .*> and <class"):
        type("Other", (GraphLayer,), {"name": "gcn"})
    assert LAYERS["gcn"] is GCNLayer
    names = {"name": "gcn", "__module__": GCNLayer.__module__, "__qualname__": "GCNLayer"}
    again = type("GCNLayer", (GCNLayer,), names)
    try:
        assert LAYERS["gcn"] is again  # the module was imported anew
    finally:
        LAYERS["gcn"] = GCNLayer
    before = set(LAYERS)
    type("Nameless", (GraphLayer,), {})
    assert set(LAYERS) == before


def test_layers_prepare_and_update():
    A = CHAIN.adjacency().double()
    H = torch.randn(4, 3)
    kept = sparse.sparse_adjacency(CHAIN.edge_index(), 4)
    for layer, matrix in (
        (GCNLayer(3, 3), p.normalized_adjacency(A)),
        (GATLayer(3, 3), p.add_self_loops(A)),
        (GINLayer(3, 3), A),
        (GatedGraphLayer(3), A),
    ):
        torch.testing.assert_close(layer.prepare(CHAIN).double(), matrix)
        torch.testing.assert_close(layer.prepare(A), matrix)
        out = layer(H, matrix)
        updated = out if isinstance(layer, GatedGraphLayer) else torch.tanh(out)
        torch.testing.assert_close(layer.update(H, matrix), updated)
        if not isinstance(layer, GATLayer):
            prepared = layer.prepare(kept)
            torch.testing.assert_close(prepared.to_dense(), matrix)
            torch.testing.assert_close(layer(H, prepared), out)
    assert GINLayer(3, 3).prepare(kept) is kept
    refused("attention must have a dense adjacency; got a sparse one", GATLayer(3, 3).prepare, kept)


def test_the_convolution_is_its_sum():
    layer = GCNLayer(2, 3)
    assert (layer.b == 0).all()
    assert layer.W.abs().max() <= (6 / 5) ** 0.5  # Glorot's bound
    assert layer.W.abs().max() > 0.3
    with torch.no_grad():
        layer.b.normal_()
    H, M = torch.randn(4, 2), p.normalized_adjacency(CHAIN.adjacency().double())
    out = layer(H, M)
    for u in range(4):
        expected = sum(M[u, v] * (H[v] @ layer.W) for v in range(4)) + layer.b
        torch.testing.assert_close(out[u], expected)
    bare = GCNLayer(2, 3, bias=False)
    assert bare.b is None
    torch.testing.assert_close(bare(H, M), M @ H @ bare.W)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("heads", [1, 2])
def test_attention_node_by_node(dynamic, heads):
    layer = GATLayer(2, 3, heads, dynamic=dynamic, slope=0.3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    A_tilde = p.add_self_loops(DIRECTED)
    H = torch.randn(3, 2)
    alpha, out = layer.attention(H, A_tilde), layer(H, A_tilde)
    assert alpha.shape == (heads, 3, 3)
    assert out.shape == (3, 3 * heads)

    def leaky(z):
        return torch.where(z > 0, z, 0.3 * z)

    for k in range(heads):
        part = slice(3 * k, 3 * k + 3)
        z = H @ layer.W[:, part]
        for u in range(3):
            heard = [v for v in range(3) if A_tilde[u, v] != 0]
            if dynamic:
                z_u = H[u] @ layer.W_u[:, part]
                e = torch.stack([layer.a_v[k] @ leaky(z_u + z[v]) for v in heard])
            else:
                e = torch.stack([leaky(layer.a_u[k] @ z[u] + layer.a_v[k] @ z[v]) for v in heard])
            weights = torch.softmax(e, 0)
            torch.testing.assert_close(alpha[k, u, heard], weights)
            silent = [v for v in range(3) if v not in heard]
            assert (alpha[k, u, silent] == 0).all()
            torch.testing.assert_close(out[u, part], weights @ z[heard] + layer.b[part])
    batch = layer(torch.stack([H, 2 * H]), A_tilde)
    torch.testing.assert_close(batch[0], out)
    assert (layer.W_u is None) is not dynamic
    assert (layer.a_u is None) is dynamic


def test_attention_begins_with_glorots_weights():
    layer = GATLayer(20, 30, 2, dynamic=True)
    bound = (6 / (20 + 60)) ** 0.5
    for W in (layer.W, layer.W_u):
        assert W.shape == (20, 60)
        assert 0.9 * bound < W.abs().max() <= bound
    assert layer.a_v.shape == (2, 30)
    assert 0 < layer.a_v.abs().max() <= (6 / 32) ** 0.5
    assert (layer.b == 0).all()
    assert layer.b.shape == (60,)
    still = GATLayer(20, 30)
    assert 0 < still.a_u.abs().max() <= (6 / 31) ** 0.5
    assert still.a_u.shape == (1, 30)


def test_attention_needs_somebody_to_hear():
    layer = GATLayer(2, 2)
    silent = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    sentence = "every node must hear at least itself: A_tilde has an empty row"
    refused(sentence, layer, torch.ones(3, 2), silent)
    unheard = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]])
    assert layer(torch.ones(3, 2), unheard).shape == (3, 2)  # node 1 is heard by nobody: fine


def test_the_gated_layer_is_a_gru_of_what_it_hears():
    layer = GatedGraphLayer(3)
    assert 0 < layer.W.abs().max() <= 1
    A, H = CHAIN.adjacency().double(), torch.randn(4, 3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    m = A @ H @ layer.W
    theirs = torch.nn.GRUCell(3, 3)
    flat = layer.gru._flat()
    with torch.no_grad():
        for parameter, ours in zip(theirs.parameters(), flat, strict=True):
            parameter.copy_(ours)
    torch.testing.assert_close(layer(H, A), theirs(m, H))


def test_the_isomorphism_layer_sums_and_keeps_itself():
    layer = GINLayer(2, 3, eps=0.25)
    A, H = CHAIN.adjacency().double(), torch.randn(4, 2)
    W_1, b_1 = layer.mlp[0].weight, layer.mlp[0].bias
    W_2, b_2 = layer.mlp[2].weight, layer.mlp[2].bias
    assert W_1.shape == (3, 2)
    assert W_2.shape == (3, 3)
    for u in range(4):
        x = 1.25 * H[u] + sum(H[v] for v in range(4) if A[u, v])
        expected = W_2 @ torch.clamp(W_1 @ x + b_1, min=0) + b_2
        torch.testing.assert_close(layer(H, A)[u], expected)
    assert layer.eps.requires_grad
