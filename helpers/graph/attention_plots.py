"""Drawings of attention: as widths on edges, and as a matrix of who ranks whom."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch

from helpers.checks import AnyTensor
from helpers.figures import PALETTE, SEQUENTIAL
from helpers.foreign import in_figure
from helpers.graph.graphs import Graph
from helpers.graph.plots import draw_graph, readable_on


def attention_to_the_mark(A: torch.Tensor, stars: dict[str, tuple[torch.Tensor, torch.Tensor]]):
    """The centre's attention in stars side by side; beside each neighbour its value and mark.

    Args:
        A: adjacency of the star, the centre first.
        stars: title -> features ``(N, 2)``, value and mark, and attention ``(N, N)``.
    """
    graph = Graph.from_adjacency(A)
    fig, axes = plt.subplots(1, len(stars), figsize=(4.4 * len(stars), 3.3), squeeze=False)
    for ax, (title, (H, alpha)) in zip(axes[0], stars.items(), strict=True):
        marks = [bool(mark) for mark in H[:, 1]]
        notes = {
            name: f"{value:+.0f}{', marked' if mark else ''}".replace("-", "−")
            for name, value, mark in zip(graph.nodes[1:], H[1:, 0].tolist(), marks[1:], strict=True)
        }
        colors = [PALETTE["source"] if mark else "white" for mark in marks]
        attention_on_edges(ax, graph, alpha, graph.nodes[0], notes=notes, colors=colors)
        ax.set_title(title)
    return fig


def attention_on_edges(
    ax,
    graph: Graph,
    alpha: torch.Tensor,
    node: str,
    *,
    notes: dict[str, str] | None = None,
    colors: Sequence | None = None,
) -> None:
    """How much ``node`` listens to each of its neighbours and to itself, as widths.

    Args:
        notes: texts below other nodes.
        colors: a fill a node, in the graph's order.
    """
    places = graph.layout()
    u = graph.index(node)
    own = {node: f"itself {alpha[u, u]:.2f}"}
    draw_graph(ax, graph, colors=colors, outlines=(node,), notes=(notes or {}) | own)
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


def attention_matrices(matrices: dict[str, AnyTensor], rows: Sequence[str], columns: Sequence[str]):
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
        ax.set_xticks(range(len(columns)), map(in_figure, columns))
        ax.set_yticks(range(len(rows)), map(in_figure, rows))
        ax.set(xlabel="key", ylabel="query")
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines[:].set_visible(False)
        ax.set_title(title)
    return fig
