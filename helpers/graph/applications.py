"""Applications of graph networks that the reports name: what is a node, what is an edge.

Each drawing is made from the lists below; the texts and references stand in the notebook.
"""

from dataclasses import dataclass

import matplotlib.pyplot as plt

from helpers import figures
from helpers.figures import PALETTE


@dataclass(frozen=True)
class Application:
    """A drawing: nodes by kind with positions, edges by kind.

    Attributes:
        nodes: label -> (kind, x, y).
        edges: (label, label, kind).
        asked: what the network is asked for, drawn heavily: a node's label, or a pair of labels for
            an edge; "" where it is the graph as a whole.
    """

    title: str
    nodes: dict[str, tuple[str, float, float]]
    edges: tuple[tuple[str, str, str], ...]
    asked: str | tuple[str, str]


APPLICATIONS = (
    Application(
        "social relations in a picture",
        {
            "adult": ("person", 0, 1),
            "child": ("person", 1, 1),
            "ball": ("object", 1.6, 0.3),
            "bench": ("object", -0.6, 0.3),
            "arms": ("pose", 0, 0.2),
            "head": ("pose", 1, 0.2),
        },
        (
            ("adult", "child", "relation?"),
            ("adult", "bench", "near"),
            ("child", "ball", "near"),
            ("adult", "arms", "body"),
            ("child", "head", "body"),
        ),
        ("adult", "child"),
    ),
    Application(
        "diagnosis in a population",
        {
            "p1": ("scan, ill", 0, 1),
            "p2": ("scan, well", 1, 1.1),
            "p3": ("scan, ill", -0.3, 0.1),
            "p4": ("scan, ?", 0.6, 0.3),
            "p5": ("scan, well", 1.5, 0.3),
        },
        (
            ("p1", "p3", "same sex, age"),
            ("p1", "p4", "same sex, age"),
            ("p3", "p4", "same sex, age"),
            ("p2", "p5", "same sex, age"),
            ("p4", "p5", "same clinic"),
        ),
        "p4",
    ),
    Application(
        "tomorrow's stocks",
        {
            "maker": ("company", 0, 1),
            "chips": ("company", 1, 1.1),
            "mine": ("company", 1.6, 0.3),
            "shop": ("company", -0.5, 0.2),
            "bank": ("company", 0.5, 0.1),
        },
        (
            ("chips", "maker", "supplies"),
            ("mine", "chips", "supplies"),
            ("maker", "shop", "supplies"),
            ("bank", "maker", "owns"),
            ("bank", "shop", "owns"),
        ),
        "maker",
    ),
    Application(
        "recommendation with knowledge",
        {
            "reader": ("user", 0, 0.7),
            "friend": ("user", 0, -0.1),
            "film 1": ("item", 0.8, 1.0),
            "film 2": ("item", 0.8, 0.1),
            "actor": ("entity", 1.6, 0.6),
            "studio": ("entity", 1.6, -0.2),
        },
        (
            ("reader", "film 1", "seen"),
            ("friend", "film 2", "seen"),
            ("reader", "friend", "knows"),
            ("film 1", "actor", "stars"),
            ("film 2", "actor", "stars"),
            ("film 2", "studio", "made by"),
            ("reader", "film 2", "next?"),
        ),
        ("reader", "film 2"),
    ),
    Application(
        "person re-identification",
        {
            "probe": ("probe image", 0, 0.6),
            "g1": ("gallery image", 0.9, 1.1),
            "g2": ("gallery image", 1.1, 0.4),
            "g3": ("gallery image", 0.7, -0.2),
        },
        (
            ("probe", "g1", "similar"),
            ("probe", "g2", "similar"),
            ("probe", "g3", "similar"),
            ("g1", "g2", "similar"),
            ("g2", "g3", "similar"),
        ),
        ("probe", "g2"),
    ),
    Application(
        "travelling salesman",
        {
            "a": ("city", 0, 0.9),
            "b": ("city", 0.7, 1.2),
            "c": ("city", 1.5, 0.8),
            "d": ("city", 1.1, 0.0),
            "e": ("city", 0.2, 0.1),
        },
        (
            ("a", "b", "tour"),
            ("b", "c", "tour"),
            ("c", "d", "tour"),
            ("d", "e", "tour"),
            ("a", "e", "tour"),
            ("a", "c", "road"),
            ("b", "d", "road"),
            ("b", "e", "road"),
        ),
        "",
    ),
)


def draw(ax, application: Application) -> None:
    """Nodes coloured by kind, edges styled by kind, what is asked drawn heavily."""
    kinds = list(dict.fromkeys(kind for kind, *_ in application.nodes.values()))
    colors = dict(zip(kinds, figures.CYCLE, strict=False))
    edge_kinds = list(dict.fromkeys(kind for *_, kind in application.edges))
    styles = dict(zip(edge_kinds, ("-", "--", ":", "-.", (0, (6, 2))), strict=False))
    asked = frozenset(application.asked) if isinstance(application.asked, tuple) else None
    for a, b, kind in application.edges:
        (_, x0, y0), (_, x1, y1) = application.nodes[a], application.nodes[b]
        on = frozenset((a, b)) == asked
        color = PALETTE["accent"] if on else PALETTE["muted"]
        ax.plot(
            [x0, x1],
            [y0, y1],
            linestyle=styles[kind],
            color=color,
            linewidth=2.6 if on else 1.3,
            zorder=1,
        )
    for label, (kind, x, y) in application.nodes.items():
        outline = PALETTE["accent"] if label == application.asked else "white"
        ax.scatter(x, y, s=150, color=colors[kind], edgecolor=outline, linewidth=2.4, zorder=2)
        ax.annotate(
            label,
            (x, y),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
        )
    for kind, color in colors.items():
        ax.plot([], [], "o", color=color, label=kind)
    for kind, style in styles.items():
        ax.plot([], [], linestyle=style, color=PALETTE["muted"], label=kind)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2, fontsize=7.5)
    ax.set_title(application.title)
    ax.set_axis_off()
    ax.margins(0.2)


def figure(which: slice = slice(None)):
    """Drawings of some or all applications side by side."""
    chosen = APPLICATIONS[which]
    columns = 3
    rows = -(-len(chosen) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(10, 3.4 * rows), squeeze=False)
    for ax in axes.flat[len(chosen) :]:
        ax.set_axis_off()
    for ax, application in zip(axes.flat, chosen, strict=False):
        draw(ax, application)
    return fig
