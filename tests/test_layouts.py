"""Drawings of small graphs: no edge passes through a node that is not its own."""

import networkx as nx
import numpy as np
import pytest

from helpers.combined.layouts import GAP, clear_layout, pushes
from helpers.combined.small_graphs import graphs_of


def nearest(places: dict, graph: nx.Graph) -> float:
    """Between an edge and a node that is none of its ends, of the larger side of the drawing."""
    side = np.ptp(list(places.values()), axis=0).max()
    found = []
    for u, v in graph.edges:
        points = np.linspace(places[u], places[v], 201)
        for k in set(graph) - {u, v}:
            found.append(np.linalg.norm(points - places[k], axis=1).min() / side)
    return min(found)


def test_no_edge_passes_through_a_node_of_the_explorers_graphs():
    A, _, _ = graphs_of("distance", "test")
    graphs = [nx.from_numpy_array(one.numpy()) for one in A[:51]]
    # A node is drawn with a radius of about 0.05 of the side.
    assert min(nearest(clear_layout(graph), graph) for graph in graphs) > 0.06
    assert nearest(nx.kamada_kawai_layout(graphs[7]), graphs[7]) < 0.01  # what was to be mended


def test_a_node_right_on_an_edge_is_pushed_off_and_others_stay():
    P = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 0.0], [1.0, 5.0]])
    push = pushes(P, np.array([[0, 1]]))
    assert abs(push[2, 1]) == pytest.approx(GAP, rel=1e-3)
    assert push[:2].sum(0) == pytest.approx(-push[2])
    assert not push[3].any()
    assert not pushes(P[:2], np.array([[0, 1]])).any()


def test_small_and_unconnected_graphs_have_places():
    assert set(clear_layout(nx.path_graph(1))) == {0}
    assert len(clear_layout(nx.path_graph(2))) == 2
    apart = nx.Graph([(0, 1), (2, 3)])
    assert nearest(clear_layout(apart), apart) > 0.06
