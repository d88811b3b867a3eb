"""Layers that pass messages, each one class in one file, from its equations.

A file of this folder is found by itself. What others need to know of a layer stands in its class
(:class:`.base.GraphLayer`): its name, the matrix that it propagates with, its update inside a
network. Networks, studies, figures and tests find it by its ``name`` in :data:`LAYERS`.
"""

import importlib
import pkgutil

from helpers.graph.layers.base import LAYERS, GraphLayer, find_layer, stacked
from helpers.graph.layers.gat import GATLayer
from helpers.graph.layers.gated import GatedGraphLayer
from helpers.graph.layers.gcn import GCNLayer
from helpers.graph.layers.gin import GINLayer

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "LAYERS",
    "GATLayer",
    "GCNLayer",
    "GINLayer",
    "GatedGraphLayer",
    "GraphLayer",
    "find_layer",
    "stacked",
]
