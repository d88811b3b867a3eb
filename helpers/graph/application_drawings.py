"""The figure of applications: a scheme each, and under it what a node, an edge, the question is."""

import textwrap

import matplotlib.pyplot as plt

from helpers import colors as hues
from helpers.figures import PALETTE
from helpers.graph.applications import APPLICATIONS, Application

#: Characters a line under a scheme.
_WIDTH = 38
_LINE_STYLES = ("-", "--", ":", "-.")
#: Of kinds of nodes; what is asked has the accent's colour to itself.
_FILLS = (hues.BLUE, hues.GREEN, hues.ORANGE)


def draw(ax, application: Application) -> None:
    """Nodes coloured by kind and labelled, edges styled by kind; what is asked stands out."""
    kinds = list(dict.fromkeys(kind for kind, *_ in application.nodes.values()))
    colors = dict(zip(kinds, _FILLS, strict=False))
    styles = dict(zip(dict.fromkeys(k for *_, k in application.edges), _LINE_STYLES, strict=False))
    asked = frozenset(application.asked) if isinstance(application.asked, tuple) else None
    named = set()
    for a, b, kind in application.edges:
        (_, x0, y0), (_, x1, y1) = application.nodes[a], application.nodes[b]
        on = frozenset((a, b)) == asked
        color = PALETTE["accent"] if on else PALETTE["muted"]
        line = {"linestyle": styles[kind], "color": color, "linewidth": 2.8 if on else 1.4}
        ax.plot([x0, x1], [y0, y1], zorder=1, **line)
        if kind not in named:
            named.add(kind)
            at = ((x0 + x1) / 2, (y0 + y1) / 2)
            ax.text(*at, kind, ha="center", va="center", fontsize=7.5, zorder=2, bbox=_paper(0.8))
    for label, (kind, x, y) in application.nodes.items():
        on = label == application.asked
        look = {"color": colors[kind], "edgecolor": "white", "linewidth": 1}
        if on:
            look = {"color": "white", "edgecolor": PALETTE["accent"], "linewidth": 2.8}
        ax.scatter(x, y, s=150, zorder=3, **look)
        below = y < 0.4
        ax.annotate(
            label.strip(),
            (x, y),
            xytext=(0, -9 if below else 9),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            fontsize=8.5,
            weight="bold" if on else "normal",
            bbox=_paper(0.4),
            zorder=4,
        )
    ax.set_title(application.title, fontsize=10)
    ax.set_axis_off()
    ax.set(xlim=(-0.35, 1.95), ylim=(-0.45, 1.55))


def tell(ax, application: Application) -> None:
    """What is a node, an edge and the question, as lines of text."""
    asked = f"{application.question} ({application.level})"
    step, y = 0.175, 0.88
    for head, text in (("node", application.node), ("edge", application.edge), ("asked", asked)):
        # Line by line: the heads, without descenders, would else stand higher than the texts.
        at = {"transform": ax.transAxes, "fontsize": 8.5, "va": "baseline"}
        ax.text(0.0, y, head, weight="bold", **at)
        for line in textwrap.wrap(text, _WIDTH):
            ax.text(0.18, y, line, **at)
            y -= step
    ax.set_axis_off()


def figure(applications: tuple[Application, ...] = APPLICATIONS, columns: int = 3):
    """All applications in a grid."""
    rows = -(-len(applications) // columns)
    fig, axes = plt.subplots(
        2 * rows,
        columns,
        figsize=(9.6, 2.75 * rows),
        squeeze=False,
        height_ratios=[1.6, 1] * rows,
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for k, application in enumerate(applications):
        row, column = divmod(k, columns)
        draw(axes[2 * row, column], application)
        tell(axes[2 * row + 1, column], application)
    return fig


def _paper(pad: float) -> dict:
    return {"facecolor": "white", "edgecolor": "none", "pad": pad, "alpha": 0.85}
