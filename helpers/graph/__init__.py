"""Graphs and message passing.

graphs -> propagation, layers -> tasks -> plots -> widgets
"""

from helpers.graph.graphs import Graph, six_node_graph
from helpers.graph.layers import GCNLayer
from helpers.graph.propagation import hops, normalized_adjacency

__all__ = ["GCNLayer", "Graph", "hops", "normalized_adjacency", "six_node_graph"]
