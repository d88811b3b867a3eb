"""Explorers of message passing, each with its static twin."""

import ipywidgets as widgets
import matplotlib.pyplot as plt

from helpers import figures
from helpers.graph import plots
from helpers.graph.graphs import Graph
from helpers.graph.propagation import diameter
from helpers.live import live


def message_explorer(graph: Graph, source: str) -> None:
    """A slider over layers and a choice of source; statically, one strip of all layers."""
    layers = diameter(graph) + 1

    def draw(source: str, layer) -> None:
        if isinstance(layer, int):
            fig, ax = plt.subplots(figsize=(4.4, 3.4))
            plots.message_frame(ax, graph, source, layer)
        else:
            fig = plots.message_strip(graph, source, layer)
        figures.show(fig)

    live(
        draw,
        static=[{"source": source, "layer": tuple(range(layers))}],
        source=widgets.Dropdown(options=list(graph.nodes), value=source, description="source"),
        layer=widgets.IntSlider(0, 0, layers, description="layer"),
    )
