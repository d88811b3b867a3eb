"""Drawings of a graph's frequencies, of filters on them, and of what a hub weighs."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.polynomial import chebyshev

from helpers.figures import CYCLE, DIVERGING, HALO, PALETTE
from helpers.graph.graphs import Graph
from helpers.graph.plots import draw_graph
from helpers.graph.spectral import changes_of_sign, frequencies, laplacian


def frequency_strip(graph: Graph):
    """The eigenvectors of L on the graph, from slow to fast, with their eigenvalues."""
    values, U = frequencies(laplacian(graph))
    columns = 3
    rows = -(-len(values) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(8.4, 2.6 * rows), squeeze=False)
    shade = plt.get_cmap(DIVERGING)
    for ax in axes.flat[len(values) :]:
        ax.set_axis_off()
    for k, ax in enumerate(axes.flat[: len(values)]):
        column = U[:, k].tolist()
        notes = {name: f"{v:+.2f}" for name, v in zip(graph.nodes, column, strict=True)}
        notes = {name: note.replace("-", "−") for name, note in notes.items()}
        notes = {name: "0" if note[1:] == "0.00" else note for name, note in notes.items()}
        draw_graph(ax, graph, colors=[shade(0.5 + 0.7 * v)[:3] for v in column], notes=notes)
        changes = changes_of_sign(graph, U[:, k])
        ax.set_title(f"λ = {abs(values[k]):.2f}: {changes} sign changes")
    return fig


def responses(target: Callable, orders: Sequence[int], eigenvalues: torch.Tensor):
    """Polynomials of growing order against the response that they approximate, on [0, 2].

    Args:
        target: takes eigenvalues as an array and gives the factor for each.
        eigenvalues: of a graph, marked on the axis.
    """
    fig, ax = plt.subplots(figsize=(6.4, 3.3))
    grid = np.linspace(0, 2, 201)
    ax.plot(grid, target(grid), color=PALETTE["ink"], linewidth=3, alpha=0.35)
    ax.annotate("wanted", (grid[-1], target(grid)[-1]), xytext=(4, 0), **_AT_END)
    for order, color in zip(orders, CYCLE, strict=False):
        theta = chebyshev.chebinterpolate(lambda y: target(y + 1), order)
        curve = chebyshev.chebval(grid - 1, theta)
        ax.plot(grid, curve, color=color)
        k = int(np.argmin(np.abs(grid - 0.02)))
        ax.annotate(f"order {order}", (grid[k], curve[k]), xytext=(-4, 0), color=color, **_AT_START)
    for value in eigenvalues.tolist():
        ax.axvline(value, ymax=0.04, color=PALETTE["ink"], linewidth=1.5)
    ax.set(xlabel="eigenvalue λ of L (marks: those of the graph)", ylabel="factor g(λ)")
    ax.set(xlim=(-0.3, 2.3), xticks=[0, 0.5, 1, 1.5, 2])
    return fig


def growth(curves: dict[str, list[float]]):
    """The length of a signal after k applications of a matrix, by matrix, on a logarithmic axis."""
    fig, ax = plt.subplots(figsize=(6.4, 3.2))
    for (name, lengths), color in zip(curves.items(), CYCLE, strict=False):
        ax.plot(lengths, "o-", ms=3, color=color)
        ax.annotate(name, (len(lengths) - 1, lengths[-1]), xytext=(6, 0), color=color, **_AT_END)
    longest = max(len(lengths) for lengths in curves.values())
    ax.set(yscale="log", xlabel="how often applied", ylabel="length of the signal")
    ax.set_xlim(-0.3, longest * 1.3)
    ax.set_xticks(range(0, longest, 2))
    return fig


def weight_of_a_hub(degrees: Sequence[int], weights: dict[str, Sequence[float]]):
    """What a leaf takes in of a hub, against the hub's degree, by normalisation."""
    fig, ax = plt.subplots(figsize=(6.4, 3.1))
    for (name, values), color in zip(weights.items(), CYCLE, strict=False):
        ax.plot(degrees, values, "o-", ms=3.5, color=color)
        ax.annotate(name, (degrees[-1], values[-1]), xytext=(6, 0), color=color, **_AT_END)
    ax.set(xlabel="neighbours of the hub", ylabel="weight of the hub in a leaf")
    ax.set(xscale="log", xlim=(degrees[0] * 0.9, degrees[-1] * 2.6), ylim=(0, 1.08))
    ax.set_xticks(degrees, [str(d) for d in degrees])
    ax.minorticks_off()
    return fig


_AT_END = {
    "textcoords": "offset points",
    "va": "center",
    "ha": "left",
    "fontsize": 9,
    # No grid line runs through a curve's name.
    "path_effects": HALO,
}
_AT_START = _AT_END | {"ha": "right"}
