"""Drawings of graphs, of matrices beside them, and of messages on their way."""

import itertools
from collections.abc import Sequence

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import seaborn as sns
import torch
from matplotlib.patches import Rectangle

from helpers.checks import AnyTensor
from helpers.figures import CYCLE, HALO, PALETTE
from helpers.foreign import in_figure
from helpers.graph.graphs import Graph
from helpers.graph.propagation import hops, reach


def draw_graph(
    ax,
    graph: Graph,
    *,
    colors: Sequence | None = None,
    outlines: Sequence[str] = (),
    edges: Sequence[tuple[str, str]] = (),
    lacking: Sequence[tuple[str, str]] = (),
    notes: dict[str, str] | None = None,
    size: float = 620,
) -> None:
    """Nodes and edges at the graph's own positions.

    Args:
        colors: a fill a node, in the graph's order.
        outlines: names of nodes drawn with a heavy outline.
        edges: edges drawn heavily, in either order.
        lacking: pairs of nodes that are no edge here, though one might look for it: dotted.
        notes: node -> text under it, or above it where that is farther from the node's edges.
        size: area of a node in square points; names on small nodes are set small enough to fit.
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
    for a, b in lacking:
        line = {"color": PALETTE["muted"], "linewidth": 1.6, "linestyle": ":", "zorder": 1}
        ax.plot(*zip(places[a], places[b], strict=True), **line)
    fills = ["white"] * len(graph) if colors is None else list(colors)
    font = {"weight": "bold"} if size >= 400 else {"fontsize": 0.52 * size**0.5}
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
        ink = readable_on(fill)
        ax.text(x, y, in_figure(name), ha="center", va="center", zorder=3, color=ink, **font)
        if notes and name in notes:
            offset = _beside(graph, places, name)
            ax.annotate(
                in_figure(notes[name]),
                (x, y),
                xytext=offset,
                textcoords="offset points",
                ha="center",
                va="bottom" if offset[1] > 0 else "top",
                fontsize=8.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
                zorder=4,
            )
    ax.set_axis_off()
    ax.margins(0.16, 0.32 if notes else 0.16)  # notes stay clear of the title


def _beside(graph: Graph, places: dict, name: str) -> tuple[float, float]:
    """Where a note stands from its node, in points: above or below, away from the node's edges."""
    ways = []  # of length 1
    for edge in graph.edges:
        if name in edge and edge[0] != edge[1]:
            way = np.subtract(places[edge[1] if edge[0] == name else edge[0]], places[name])
            ways.append(way / max(np.hypot(*way), 1e-9))
    across, up = np.array(ways or [(0.0, 0.0)]).T
    above = up.max() < -up.min() - 1e-6
    between = up.max() > 0.1 and up.min() < -0.1  # edges go both up and down
    aside = -7 * np.sign(across.mean()) if between and abs(across.mean()) > 0.3 else 0
    return aside, 19 if above else -19


def readable_on(fill) -> str:
    """Black or white, whichever reads better on ``fill``."""
    r, g, b = plt.matplotlib.colors.to_rgb(fill)
    return "black" if 0.299 * r + 0.587 * g + 0.114 * b > 0.55 else "white"


def draw_matrix(
    ax,
    matrix: AnyTensor,
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
    shown_names = [in_figure(name) for name in names]
    ax.set_xticks(range(len(names)), shown_names)
    ax.set_yticks(range(len(names)), shown_names)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_title(title, pad=8)


def graph_and_matrices(graph: Graph, matrices: dict[str, AnyTensor], edge: tuple[str, str]):
    """The drawing, and beside it each matrix with the cells of one edge framed."""
    fig, axes = plt.subplots(1, 1 + len(matrices), figsize=(2.35 * (1 + len(matrices)), 3.0))
    draw_graph(axes[0], graph, edges=[edge], outlines=edge)
    axes[0].set_title(in_figure(f"edge {edge[0]}–{edge[1]}"))
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


# Two readings, normalisations, reach ------------------------------------------------------------


def two_readings(readings: dict[str, tuple[Graph, int]], source: str, target: str):
    """Graphs side by side, with a shortest path from source to target and its length.

    An edge that only another of them has is dotted.

    Args:
        readings: title -> (graph, updates from source to target).

    Raises:
        ValueError: an unknown node, or no path.
    """
    for graph, _ in readings.values():
        hops(graph, source, target)
    fig, axes = plt.subplots(1, len(readings), figsize=(4.2 * len(readings), 3.2))
    all_edges = {frozenset(edge) for graph, _ in readings.values() for edge in graph.edges}
    for ax, (title, (graph, updates)) in zip(np.atleast_1d(axes), readings.items(), strict=True):
        path = nx.shortest_path(graph.to_networkx(), source, target)
        heavy = list(itertools.pairwise(path))
        lacking = all_edges - {frozenset(edge) for edge in graph.edges}
        pairs = sorted(tuple(sorted(edge)) for edge in lacking if edge <= set(graph.nodes))
        draw_graph(ax, graph, edges=heavy, outlines=(source, target), lacking=pairs)
        ax.set_title(f"{title}: {updates} updates")
    return fig


def normalisations(graph: Graph, matrices: dict[str, torch.Tensor]):
    """A_hat under each normalisation, with the sums of its rows."""
    fig, axes = plt.subplots(1, len(matrices), figsize=(3.2 * len(matrices), 2.9))
    fig.get_layout_engine().set(wspace=0.12)
    for ax, (title, matrix) in zip(axes, matrices.items(), strict=True):
        draw_matrix(ax, matrix, graph.nodes, title=title)
        for i, total in enumerate(matrix.sum(1).tolist()):
            ax.text(len(graph) - 0.35, i, f"Σ {total:.2f}", va="center", fontsize=8.5)
    return fig


def signal_frame(axes, graph: Graph, A_hat: torch.Tensor, source: str, layer: int) -> None:
    """What each node holds of the source's message after ``layer`` layers; the matrix beside it.

    Args:
        axes: two axes, for the drawing and for A_hat^layer.
    """
    power = torch.linalg.matrix_power(A_hat.double(), layer)
    column = graph.index(source)
    held = power[:, column]
    shade = sns.light_palette(PALETTE["graph"], as_cmap=True)
    top = max(held.max().item(), 1e-12)
    colors = ["white" if v == 0 else shade(0.15 + 0.85 * v / top) for v in held.tolist()]
    small = len(graph) <= 12
    notes = {n: f"{v:.2f}" for n, v in zip(graph.nodes, held.tolist(), strict=True) if v}
    draw_graph(
        axes[0],
        graph,
        colors=colors,
        outlines=(source,),
        notes=notes if small else None,
        size=620 if small else 190,
    )
    noun = "layer" if layer == 1 else "layers"
    axes[0].set_title(f"after {layer} {noun}")
    if small:
        cells = [(i, column) for i in range(len(graph))]
        draw_matrix(axes[1], power, graph.nodes, title=f"Â to the power {layer}", cells=cells)
    else:
        axes[1].imshow(power, cmap="mako_r", vmin=0)
        frame = {"fill": False, "edgecolor": PALETTE["accent"], "linewidth": 1.5}
        axes[1].add_patch(Rectangle((column - 0.5, -0.5), 1, len(graph), clip_on=False, **frame))
        axes[1].set_title(f"Â to the power {layer}")
        axes[1].grid(False)


def signal_strip(graph: Graph, A_hat: torch.Tensor, source: str, layers: Sequence[int]):
    """Frames of :func:`signal_frame` below one another in two rows: drawing above, matrix below."""
    fig, axes = plt.subplots(2, len(layers), figsize=(2.6 * len(layers), 5.0))
    for column, layer in enumerate(layers):
        signal_frame(axes[:, column], graph, A_hat, source, layer)
    return fig


# Limits -----------------------------------------------------------------------------------------


def smoothing_curves(curves: dict[str, dict[str, list[float]]], rate: float | None = None):
    """Dirichlet energy and pairwise distance against depth, each curve named at its end.

    Args:
        curves: name -> "energy", "distance".
        rate: the eigenvalue whose powers both should follow, drawn as a dashed line.
    """
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.6))
    last = len(next(iter(curves.values()))["distance"]) - 1
    for ax, measure, power in zip(axes, ("energy", "distance"), (2, 1), strict=True):
        for (name, found), color in zip(curves.items(), CYCLE, strict=False):
            values = np.array(found[measure])
            ax.plot(values.clip(min=1e-15), "o-", ms=3, color=color)
            at = (last, max(values[-1], 1e-15))
            ax.annotate(
                name, at, xytext=(5, 0), textcoords="offset points", va="center", color=color,
                path_effects=HALO,
            )  # fmt: skip
        if rate is not None:
            start = next(iter(curves.values()))[measure][0]
            ax.plot(3 * start * rate ** (power * np.arange(last + 1)), "--", color=PALETTE["muted"])
            exponent = "2k" if power == 2 else "k"
            ax.annotate(
                rf"slope of $|\mu_2|^{{{exponent}}}$",
                (last / 2, 3 * start * rate ** (power * last / 2)),
                xytext=(4, 6),
                textcoords="offset points",
                color=PALETTE["ink"],
                path_effects=HALO,
            )
        ax.set(
            xlabel="layers", yscale="log", xlim=(-0.5, last * 1.42), xticks=range(0, last + 1, 6)
        )
    axes[0].set_title("Dirichlet energy, over the sum of squares")
    axes[1].set_title("mean distance, over the mean length")
    return fig


# Communities ------------------------------------------------------------------------------------

#: A shape a class, so that classes are told apart without colour.
SHAPES = "os^DvPX"


def embedding(ax, points: torch.Tensor, labels: torch.Tensor, graph: Graph, labelled, title: str):
    """The two features of every node, edges between them, labelled nodes outlined.

    A class is a colour and a shape.
    """
    x, y = points.T.tolist()
    for a, b in graph.edges:
        i, j = graph.index(a), graph.index(b)
        ax.plot([x[i], x[j]], [y[i], y[j]], color=PALETTE["grid"], linewidth=0.7, zorder=1)
    chosen = set(labelled.tolist())
    for k, label in enumerate(labels.tolist()):
        ax.scatter(
            x[k],
            y[k],
            s=55,
            color=CYCLE[label % len(CYCLE)],
            marker=SHAPES[label % len(SHAPES)],
            edgecolor=PALETTE["ink"] if k in chosen else "white",
            linewidth=2.2 if k in chosen else 0.6,
            zorder=3 if k in chosen else 2,
        )
    ax.set_title(title)
    ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[-1, 0, 1], yticks=[-1, 0, 1])


def accuracy_dots(results: dict[str, dict[str, list[float]]]):
    """Every choice of labelled nodes a dot, a row a method, a panel a labelling.

    Args:
        results: labelling -> method -> accuracies.
    """
    fig, axes = plt.subplots(1, len(results), figsize=(10, 2.6), sharey=True)
    rng = np.random.default_rng(0)
    for ax, (title, methods) in zip(np.atleast_1d(axes), results.items(), strict=True):
        for k, values in enumerate(methods.values()):
            y = k + rng.uniform(-0.18, 0.18, len(values))
            ax.plot(values, y, "o", color=CYCLE[k], ms=4.5, alpha=0.6, mew=0)
            ax.plot([np.mean(values)] * 2, [k - 0.34, k + 0.34], color=PALETTE["ink"], linewidth=2)
        ax.set_yticks(range(len(methods)), list(methods))
        ax.set_title(title)
        ax.set(xlim=(0, 1.03), xlabel="accuracy on the other nodes")
    np.atleast_1d(axes)[0].invert_yaxis()
    return fig
