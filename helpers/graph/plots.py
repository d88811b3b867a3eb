"""Drawings of graphs, of matrices beside them, and of messages on their way."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
from matplotlib.patches import Rectangle

from helpers.figures import PALETTE
from helpers.graph.graphs import Graph
from helpers.graph.propagation import reach


def draw_graph(
    ax,
    graph: Graph,
    *,
    colors: Sequence | None = None,
    outlines: Sequence[str] = (),
    edges: Sequence[tuple[str, str]] = (),
    notes: dict[str, str] | None = None,
    size: float = 620,
) -> None:
    """Nodes and edges at the graph's own positions.

    Args:
        colors: a fill a node, in the graph's order.
        outlines: names of nodes drawn with a heavy outline.
        edges: edges drawn heavily, in either order.
        notes: node -> text under it.
    """
    places = graph.layout()
    heavy = {frozenset(edge) for edge in edges}
    for a, b in graph.edges:
        on = frozenset((a, b)) in heavy
        ax.plot(
            *zip(places[a], places[b], strict=True),
            color=PALETTE["accent"] if on else PALETTE["muted"],
            linewidth=3.0 if on else 1.2,
            zorder=1,
        )
    fills = ["white"] * len(graph) if colors is None else list(colors)
    for name, fill in zip(graph.nodes, fills, strict=True):
        x, y = places[name]
        ax.scatter(
            x,
            y,
            s=size,
            color=[fill],
            edgecolor=PALETTE["ink"],
            linewidth=2.8 if name in outlines else 1.0,
            zorder=2,
        )
        ax.text(
            x, y, name, ha="center", va="center", zorder=3, color=readable_on(fill), weight="bold"
        )
        if notes and name in notes:
            ax.annotate(
                notes[name],
                (x, y),
                xytext=(0, -19),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=8.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
                zorder=4,
            )
    ax.set_axis_off()
    ax.margins(0.16)


def readable_on(fill) -> str:
    """Black or white, whichever reads better on ``fill``."""
    r, g, b = plt.matplotlib.colors.to_rgb(fill)
    return "black" if 0.299 * r + 0.587 * g + 0.114 * b > 0.55 else "white"


def draw_matrix(
    ax,
    matrix: torch.Tensor,
    names: Sequence[str],
    *,
    title: str = "",
    cells: Sequence[tuple[int, int]] = (),
    digits: int = 2,
) -> None:
    """A matrix with its numbers; ``cells`` are framed."""
    values = matrix.detach().numpy()
    top = values.max() if values.max() > 0 else 1.0
    ax.imshow(values, cmap=sns.light_palette(PALETTE["calm"], as_cmap=True), vmin=0, vmax=top)
    for (i, j), value in np.ndenumerate(values):
        whole = float(value).is_integer()
        shown = f"{value:.0f}" if whole else f"{value:.{digits}f}".lstrip("0")
        ax.text(
            j,
            i,
            shown,
            ha="center",
            va="center",
            fontsize=9,
            color=PALETTE["ink"] if value else PALETTE["muted"],
        )
    for i, j in cells:
        ax.add_patch(
            Rectangle(
                (j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=PALETTE["accent"], linewidth=2.4
            )
        )
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_title(title, pad=8)


def graph_and_matrices(graph: Graph, matrices: dict[str, torch.Tensor], edge: tuple[str, str]):
    """The drawing, and beside it each matrix with the cells of one edge framed."""
    fig, axes = plt.subplots(1, 1 + len(matrices), figsize=(3.0 * (1 + len(matrices)), 3.2))
    draw_graph(axes[0], graph, edges=[edge], outlines=edge)
    axes[0].set_title(f"edge {edge[0]}–{edge[1]}")
    i, j = (graph.index(node) for node in edge)
    for ax, (title, matrix) in zip(axes[1:], matrices.items(), strict=True):
        draw_matrix(ax, matrix, graph.nodes, title=title, cells=[(i, j), (j, i)])
    return fig


def message_frame(ax, graph: Graph, source: str, updates: int) -> None:
    """Which nodes have heard of ``source`` after ``updates`` updates, and over how many walks."""
    walks = reach(graph, source, updates)
    before = reach(graph, source, updates - 1) if updates else torch.zeros_like(walks)
    colors = []
    for name, now, earlier in zip(graph.nodes, walks.tolist(), before.tolist(), strict=True):
        if name == source:
            colors.append(PALETTE["source"])
        elif now == 0:
            colors.append("white")
        else:
            colors.append(PALETTE["calm"] if earlier else PALETTE["graph"])
    heard = {a for a, n in zip(graph.nodes, before.tolist(), strict=True) if n}
    carried = [e for e in graph.edges if updates and (e[0] in heard or e[1] in heard)]
    notes = {n: f"{w:.0f}" for n, w in zip(graph.nodes, walks.tolist(), strict=True) if w}
    draw_graph(ax, graph, colors=colors, edges=carried, notes=notes)
    count = int((walks > 0).sum())
    noun = "update" if updates == 1 else "updates"
    ax.set_title(f"{updates} {noun}: {count} of {len(graph)}")


def message_strip(graph: Graph, source: str, updates: Sequence[int]):
    """Frames of :func:`message_frame` side by side."""
    fig, axes = plt.subplots(1, len(updates), figsize=(2.7 * len(updates), 2.9), squeeze=False)
    for ax, k in zip(axes[0], updates, strict=True):
        message_frame(ax, graph, source, k)
    return fig
