"""Graphs and message passing.

Imports recurrent.

graphs -> propagation, loaders -> sparse -> layers -> smoothing, tasks -> traps -> drawings, plots
-> widgets. Beside them: refinement, gates (a layer taken apart), pictures -> form_drawings.
"""

from helpers.graph.graphs import Graph, six_node_graph
from helpers.graph.layers import GatedGraphLayer, GATLayer, GCNLayer, GINLayer
from helpers.graph.propagation import hops, normalized_adjacency

__all__ = [
    "GATLayer",
    "GCNLayer",
    "GINLayer",
    "GatedGraphLayer",
    "Graph",
    "hops",
    "normalized_adjacency",
    "six_node_graph",
]
