"""Drawings of notebook 07 that show no runs: colours of nodes, a text and a picture as graphs."""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch

from helpers import figures
from helpers.checks import integer
from helpers.figures import PALETTE
from helpers.graph.pictures import Picture, region_graph, superpixels
from helpers.graph.plots import readable_on
from helpers.graph.refinement import refine

#: Fill of a colour class, and the letter that names it for those who cannot tell the fills apart.
FILLS = ("#FFFFFF", *figures.CYCLE[4:6], figures.CYCLE[2], figures.CYCLE[3], figures.CYCLE[1])
LETTERS = "abcdefgh"


def refinement(pairs: dict[str, dict[str, torch.Tensor]], rounds: int):
    """Pairs of graphs, a pair a row, refined together; a node's letter and fill are its colour."""
    fig, axes = plt.subplots(len(pairs), 2, figsize=(8.4, 1.9 * len(pairs)), squeeze=False)
    for row, pair in zip(axes, pairs.values(), strict=True):
        both = refine(list(pair.values()), rounds)[rounds]
        for ax, (name, A), colors in zip(row, pair.items(), both, strict=True):
            _colored(ax, A, colors)
            count = ", ".join(f"{colors.count(c)} {LETTERS[c]}" for c in sorted(set(colors)))
            ax.set_title(f"{name}: {count}")
    return fig


def _colored(ax, A: torch.Tensor, colors: list[int]) -> None:
    graph = nx.from_numpy_array(A.numpy())
    places = _layout(graph)
    for u, v in graph.edges:
        ax.plot(*zip(places[u], places[v], strict=True), color=PALETTE["muted"], lw=1.4, zorder=1)
    for u, (x, y) in places.items():
        fill = FILLS[colors[u] % len(FILLS)]
        ax.scatter(x, y, s=210, color=[fill], edgecolor=PALETTE["ink"], linewidth=1.0, zorder=2)
        ink = readable_on(fill)
        ax.text(x, y, LETTERS[colors[u]], ha="center", va="center", fontsize=9, zorder=3, color=ink)
    low, high = np.min(list(places.values()), axis=0), np.max(list(places.values()), axis=0)
    ax.set(xlim=(low[0] - 0.3, high[0] + 0.3), ylim=(low[1] - 0.3, high[1] + 0.3))
    # Titles of a row stand on one height, those of a column at one indent.
    ax.set_aspect("equal", adjustable="box", anchor="NW")
    ax.set_axis_off()


def _layout(graph: nx.Graph) -> dict:
    """Each connected part by itself, its longest way across, side by side."""
    places, right = {}, 0.0
    for part in nx.connected_components(graph):
        own = nx.kamada_kawai_layout(graph.subgraph(sorted(part)))
        turned = np.array(list(own.values())) @ np.linalg.svd(list(own.values()))[2].T
        left = turned[:, 0].min()
        places |= {u: (x - left + right, y) for u, (x, y) in zip(own, turned, strict=True)}
        right = max(x for x, _ in places.values()) + 0.8
    return places


#: Two sentences of ours: word -> the sentence that it stands in, and whom a word refers to.
WORDS = ("Ada", "wrote", "a", "letter", "Bo", "kept", "it", "for", "her")
SENTENCES = {"sentence 1": range(4), "sentence 2": range(4, 9)}
REFERS = {6: 3, 8: 0}


def text_as_graph():
    """The graph of a text in the manner of Fernandes et al. 2019, with three kinds of edges."""
    fig, ax = plt.subplots(figsize=(10, 3.5))
    for k in range(len(WORDS) - 1):
        _arrow(ax, (k, 0), (k + 1, 0), PALETTE["muted"], "-")
    for name, words in SENTENCES.items():
        middle = (words[0] + words[-1]) / 2
        for k in words:  # up to the lower edge of the box, beside one another
            end = (middle + 0.2 * (k - middle), 1.03)
            _arrow(ax, (k, 0), end, PALETTE["calm"], ":", short=0)
        box = {"boxstyle": "square,pad=0.5", "facecolor": "white", "edgecolor": PALETTE["ink"]}
        ax.text(middle, 1.15, name, ha="center", va="center", fontsize=9, bbox=box, zorder=4)
    for word, meant in REFERS.items():
        _arrow(ax, (word, 0), (meant, 0), PALETTE["accent"], "--", curve=-0.38)
    for k, word in enumerate(WORDS):
        ax.scatter(k, 0, s=1500, color="white", edgecolor=PALETTE["ink"], zorder=3)
        ax.text(k, 0, word, ha="center", va="center", zorder=4, fontsize=9)
    for label, color, style in (
        ("the next word", PALETTE["muted"], "-"),
        ("stands in", PALETTE["calm"], ":"),
        ("refers to", PALETTE["accent"], "--"),
    ):
        ax.plot([], [], color=color, linestyle=style, label=label)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    ax.set(xlim=(-0.6, len(WORDS) - 0.4), ylim=(-1.25, 1.6))
    ax.set_axis_off()
    return fig


def _arrow(ax, start, end, color, style, curve: float = 0.0, short: float = 19) -> None:
    """An arrow between words; ``short`` points before ``end``, a word's radius or none."""
    way = {"shrinkA": 19, "connectionstyle": f"arc3,rad={curve}", "color": color}
    # Twice: the head of a dotted arrow would be dotted itself.
    shaft = {"arrowstyle": "-", "linestyle": style, "linewidth": 1.6, "shrinkB": short + 5}
    head = {"arrowstyle": "-|>", "linewidth": 0, "mutation_scale": 15, "shrinkB": short}
    for kind in (shaft, head):
        ax.annotate("", end, start, arrowprops=way | kind)


def picture_forms(picture: Picture, k: int, side: int = 6):
    """The picture, a square piece of it as a sequence and as a grid, and its superpixels' graph.

    The piece lies across the edge of a scene's disk, so that there is something to see in it.

    Args:
        side: of the piece, in pixels.

    Raises:
        ValueError: a piece of no pixel, or larger than the picture.
    """
    size = np.array(picture.grey.shape)
    integer("side", side, minimum=1, maximum=size.min())
    top, left = np.minimum((size * (0.38, 0.42)).round().astype(int), size - side)
    fig, axes = plt.subplots(1, 4, figsize=(10.6, 3.0))
    axes[0].imshow(picture.grey.numpy(), cmap="gray", vmin=0, vmax=1)
    frame = {"fill": False, "edgecolor": PALETTE["accent"], "linewidth": 2.4}
    axes[0].add_patch(plt.Rectangle((left - 0.5, top - 0.5), side, side, **frame))
    axes[0].set_title("the picture")
    piece = picture.grey[top : top + side, left : left + side]
    for ax, title in zip(axes[1:3], ("read row by row", "grid of pixels"), strict=True):
        ax.imshow(piece.numpy(), cmap="gray", vmin=0, vmax=1, alpha=0.55)
        ax.set_title(title)
    step = torch.arange(side * side)
    read = {"color": PALETTE["accent"], "linewidth": 1.4, "marker": "o", "ms": 3}
    axes[1].plot((step % side).numpy(), (step // side).numpy(), **read)
    axes[1].plot(0, 0, "o", color=PALETTE["accent"], ms=8)  # where it begins, and where it ends
    axes[1].plot(side - 1, side - 1, "s", color=PALETTE["accent"], ms=8, mfc="white", mew=1.8)
    for line in range(side):
        along = list(range(side))
        edges = {"color": PALETTE["graph"], "linewidth": 1.2}
        axes[2].plot(along, [line] * side, marker="o", ms=3, **edges)
        axes[2].plot([line] * side, along, **edges)
    regions = superpixels(picture.grey, k)
    _regions(axes[3], picture, regions)
    axes[3].set_title(f"{int(regions.max()) + 1} superpixels")
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    return fig


def _regions(ax, picture: Picture, regions: torch.Tensor) -> None:
    ax.imshow(picture.grey.numpy(), cmap="gray", vmin=0, vmax=1, alpha=0.55)
    size = len(regions)
    for r in range(size):  # borders between pixels of different superpixels
        for c in range(size):
            if c + 1 < size and regions[r, c] != regions[r, c + 1]:
                ax.plot([c + 0.5] * 2, [r - 0.5, r + 0.5], color=PALETTE["ink"], linewidth=0.7)
            if r + 1 < size and regions[r, c] != regions[r + 1, c]:
                ax.plot([c - 0.5, c + 0.5], [r + 0.5] * 2, color=PALETTE["ink"], linewidth=0.7)
    A = region_graph(regions)
    middle = [(regions == k).nonzero().float().mean(0).tolist() for k in range(len(A))]
    for u, v in A.triu().nonzero().tolist():
        (y0, x0), (y1, x1) = middle[u], middle[v]
        ax.plot([x0, x1], [y0, y1], color=PALETTE["graph"], linewidth=1.2)
    ax.plot([x for _, x in middle], [y for y, _ in middle], "o", color=PALETTE["graph"], ms=4)
