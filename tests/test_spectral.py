"""Filters on a graph's frequencies, against PyG's and by their definitions."""

import networkx as nx
import pytest
import torch
from torch_geometric.nn import ChebConv
from torch_geometric.utils import get_laplacian, to_dense_adj

from helpers.graph import Graph, normalized_adjacency, six_node_graph, spectral, spectral_plots
from helpers.graph import propagation as p

pytestmark = pytest.mark.usefixtures("float64")


def random_graph(seed, n=9, probability=0.4):
    """One without isolated nodes, whose row of L is a convention."""
    drawn = nx.gnp_random_graph(n, probability, seed=seed)
    drawn.add_edges_from((k, (k + 1) % n) for k in range(n))
    return Graph.from_networkx(drawn)


@pytest.mark.parametrize("seed", range(3))
def test_laplacian_equals_pyg(seed):
    graph = random_graph(seed)
    index, weight = get_laplacian(graph.edge_index(), normalization="sym", dtype=torch.float64)
    theirs = to_dense_adj(index, edge_attr=weight)[0]
    torch.testing.assert_close(spectral.laplacian(graph), theirs)


def test_a_node_without_neighbours_has_no_energy():
    L = spectral.laplacian(Graph(("a", "b", "c"), (("a", "b"),)))
    assert L.tolist() == [[1, -1, 0], [-1, 1, 0], [0, 0, 0]]


def test_frequencies_of_the_six_nodes():
    values, U = spectral.frequencies(spectral.laplacian(six_node_graph()))
    expected = [0, (3 - 3**0.5) / 3, 1, 4 / 3, (3 + 3**0.5) / 3, 5 / 3]
    torch.testing.assert_close(values, torch.tensor(expected))
    torch.testing.assert_close(U.T @ U, torch.eye(6))
    assert (U[0] > 0).all()  # signs are fixed by the first entry that is not zero
    changes = [spectral.changes_of_sign(six_node_graph(), column) for column in U.T]
    assert changes == [0, 2, 2, 4, 6, 4]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", [1, 2, 4])
def test_chebyshev_filter_equals_pyg(order, seed):
    graph = random_graph(seed)
    theta, x = torch.randn(order), torch.randn(len(graph))
    theirs = ChebConv(1, 1, order, normalization="sym", bias=False)
    with torch.no_grad():
        for lin, coefficient in zip(theirs.lins, theta, strict=True):
            lin.weight.fill_(coefficient)
    ours = spectral.chebyshev_filter(spectral.laplacian(graph), theta.tolist(), x)
    expected = theirs(x[:, None], graph.edge_index(), lambda_max=torch.tensor(2.0))[:, 0]
    torch.testing.assert_close(ours, expected.detach())


def test_a_filter_keeps_what_its_response_keeps():
    L = spectral.laplacian(random_graph(5))
    _, U = spectral.frequencies(L)
    x = torch.randn(9, 2)
    torch.testing.assert_close(spectral.spectral_filter(L, torch.ones_like, x), x)
    torch.testing.assert_close(spectral.spectral_filter(L, lambda lam: lam, x), L @ x)
    slowest = spectral.spectral_filter(L, lambda lam: (lam < 1e-9).double(), x)
    torch.testing.assert_close(slowest, U[:, :1] @ (U[:, :1].T @ x))
    theta = [0.3, -1.0, 0.4]
    by_spectrum = spectral.spectral_filter(
        L,
        lambda lam: sum(
            t * torch.cos(k * torch.arccos((lam - 1).clamp(-1, 1))) for k, t in enumerate(theta)
        ),
        x,
    )
    torch.testing.assert_close(spectral.chebyshev_filter(L, theta, x), by_spectrum)
    with pytest.raises(ValueError, match="at least one coefficient"):
        spectral.chebyshev_filter(L, [], x)


@pytest.mark.parametrize("seed", range(5))
def test_the_trick_keeps_eigenvalues_inside(seed):
    """Without self-loops they reach -1 on graphs of two sides; with them none does."""
    sides = Graph.from_networkx(nx.bipartite.random_graph(4, 5, 0.9, seed=seed))
    bare = torch.linalg.eigvalsh(spectral.neighbour_weights(sides))
    assert bare.min().item() == pytest.approx(-1)
    looped = torch.linalg.eigvalsh(normalized_adjacency(sides))
    bound = -1 + 2 / p.add_self_loops(sides.adjacency()).sum(1).max()
    assert bound - 1e-12 <= looped.min() < looped.max() < 1 + 1e-12


def test_drawings_of_frequencies():
    figure = spectral_plots.frequency_strip(six_node_graph())
    assert [ax.get_title("left") for ax in figure.axes][:2] == [
        "λ = 0.00: 0 sign changes",
        "λ = 0.42: 2 sign changes",
    ]
    first = figure.axes[0]
    above = {text.xyann[1] > 0 for text in first.texts if hasattr(text, "xyann")}
    assert above == {True, False}  # entries stand where a node's edges leave room
    values, _ = spectral.frequencies(spectral.laplacian(six_node_graph()))
    figure = spectral_plots.responses(lambda lam: 1 - lam / 2, (1,), values)
    wanted, order_one = figure.axes[0].lines[:2]
    assert order_one.get_ydata() == pytest.approx(wanted.get_ydata())
    figure = spectral_plots.growth({"a": [1.0, 2.0], "b": [1.0, 1.0]})
    assert [text.get_text() for text in figure.axes[0].texts] == ["a", "b"]
    figure = spectral_plots.weight_of_a_hub([1, 2], {"row": [0.5, 0.5]})
    assert figure.axes[0].lines[0].get_ydata().tolist() == [0.5, 0.5]
