"""Graphs and message passing.

graphs -> propagation, loaders -> layers, sparse -> smoothing, tasks -> errata -> plots -> widgets
"""

from helpers.graph.graphs import Graph, six_node_graph
from helpers.graph.layers import GatedGraphLayer, GATLayer, GCNLayer
from helpers.graph.propagation import hops, normalized_adjacency

__all__ = [
    "GATLayer",
    "GCNLayer",
    "GatedGraphLayer",
    "Graph",
    "hops",
    "normalized_adjacency",
    "six_node_graph",
]
