"""Graphs and message passing.

Imports recurrent.

graphs -> propagation, loaders, applications, refinement, pictures -> sparse, spectral, tables
-> layers -> smoothing, tasks, gates (a layer taken apart), attention_tasks, encoders, inductive,
whole_graphs, editor -> traps -> plots, spectral_plots, attention_plots, application_drawings,
form_drawings -> widgets, editor_widgets
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
