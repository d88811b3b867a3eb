"""Drawings of attention: as widths on edges, and as a matrix of who ranks whom."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch

from helpers.figures import PALETTE, SEQUENTIAL
from helpers.graph.graphs import Graph
from helpers.graph.plots import draw_graph, readable_on


def attention_on_edges(ax, graph: Graph, alpha: torch.Tensor, node: str) -> None:
    """How much ``node`` listens to each of its neighbours and to itself, as widths."""
    places = graph.layout()
    u = graph.index(node)
    draw_graph(ax, graph, outlines=(node,), notes={node: f"itself {alpha[u, u]:.2f}"})
    for v, name in enumerate(graph.nodes):
        weight = alpha[u, v].item()
        if v != u and weight > 0:
            (x0, y0), (x1, y1) = places[name], places[node]
            ax.plot([x0, x1], [y0, y1], color=PALETTE["accent"], linewidth=1 + 9 * weight, zorder=1)
            ax.text(
                (x0 + x1) / 2,
                (y0 + y1) / 2,
                f"{weight:.2f}",
                fontsize=8,
                ha="center",
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
                zorder=5,
            )


def attention_matrices(
    matrices: dict[str, torch.Tensor], rows: Sequence[str], columns: Sequence[str]
):
    """Attention of queries (rows) to keys (columns), a panel a layer; each row's largest framed."""
    fig, axes = plt.subplots(1, len(matrices), figsize=(3.3 * len(matrices), 3.1), squeeze=False)
    shade = plt.get_cmap(SEQUENTIAL)
    for ax, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        ax.imshow(matrix, cmap=shade, vmin=0, vmax=1)
        for u, row in enumerate(matrix.tolist()):
            for v, value in enumerate(row):
                top = value == max(row)
                ax.text(
                    v,
                    u,
                    f"{value:.2f}".lstrip("0"),
                    ha="center",
                    va="center",
                    fontsize=9,
                    weight="bold" if top else "normal",
                    color=readable_on(shade(value)[:3]),
                )
                if top:
                    box = {"fill": False, "edgecolor": PALETTE["accent"], "linewidth": 2.4}
                    ax.add_patch(plt.Rectangle((v - 0.47, u - 0.47), 0.94, 0.94, **box))
        ax.set_xticks(range(len(columns)), columns)
        ax.set_yticks(range(len(rows)), rows)
        ax.set(xlabel="key", ylabel="query")
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines[:].set_visible(False)
        ax.set_title(title)
    return fig
