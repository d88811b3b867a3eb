"""The map of the series: which notebook builds on which."""

import itertools
import textwrap

import matplotlib.pyplot as plt
import networkx as nx
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from helpers import colors
from helpers.contents import Chapter, levels

_LANES = 3
_WIDTH, _HEIGHT = 0.86, 0.6  # of a box, where lanes and levels are 1 apart


def arrows(series: list[Chapter]) -> list[tuple[str, str]]:
    """From what a notebook builds on to the notebook, without what follows from other arrows."""
    graph = nx.DiGraph([(before, c.number) for c in series for before in c.before])
    return sorted(nx.transitive_reduction(graph).edges)


def places(series: list[Chapter]) -> dict[str, tuple[int, int]]:
    """Number of a notebook -> (lane, level), so that few arrows run through other notebooks.

    Tries every order of the lanes of each level: there are few notebooks on a level.
    """
    level = levels(series)
    rows = [[n for n in level if level[n] == k] for k in range(max(level.values()) + 1)]
    lanes = max(_LANES, *map(len, rows))
    orders = [itertools.permutations(range(lanes), len(row)) for row in rows]
    drawn = arrows(series)
    best, least = {}, None
    for chosen in itertools.product(*orders):
        at = {
            n: (lane, level[n])
            for row, order in zip(rows, chosen, strict=True)
            for n, lane in zip(row, order, strict=True)
        }
        cost = sum(_cost(at, *arrow) for arrow in drawn)
        if least is None or cost < least:
            best, least = at, cost
    return best


def _cost(at: dict, start: str, end: str) -> float:
    """What an arrow costs: its way to the side squared, and more for each box that it crosses."""
    (x, y), (to_x, to_y) = at[start], at[end]
    through = 0
    for name, (lane, level) in at.items():
        if name not in (start, end) and y < level < to_y:
            crossing = x + (to_x - x) * (level - y) / (to_y - y)
            through += abs(crossing - lane) < 0.5
    return (to_x - x) ** 2 + 10 * through


def series_map(series: list[Chapter]):
    """A box a notebook with its question; arrows from what it builds on."""
    at = places(series)
    across = 1 + max(lane for lane, _ in at.values())
    down = 1 + max(level for _, level in at.values())
    fig, ax = plt.subplots(figsize=(3.4 * across, 1.2 * down))
    for before, after in arrows(series):
        (x, y), (to_x, to_y) = at[before], at[after]
        start, end = y + _HEIGHT / 2 + 0.02, to_y - _HEIGHT / 2 - 0.02
        between = end - 0.14  # across just above the box, so that the point comes down on it
        arrow = FancyArrowPatch(
            path=Path([(x, start), (x, between), (to_x, between), (to_x, end)]),
            arrowstyle="-|>",
            mutation_scale=14,
            color=colors.MUTED,
            linewidth=1.6,
            joinstyle="miter",
            shrinkA=0,
            shrinkB=0,
        )
        ax.add_patch(arrow)
    for chapter in series:
        _box(ax, chapter, *at[chapter.number])
    ax.set(xlim=(-0.48, across - 0.52), ylim=(down - 0.62, -0.38))
    ax.set_axis_off()
    return fig


def _box(ax, chapter: Chapter, x: float, y: float) -> None:
    corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
    style = "round,pad=0.01,rounding_size=0.05"
    box = {"facecolor": "white", "edgecolor": colors.BLUE, "linewidth": 1.4}
    ax.add_patch(FancyBboxPatch(corner, _WIDTH, _HEIGHT, boxstyle=style, zorder=2, **box))
    ax.text(
        x,
        y - 0.17,
        f"{chapter.number} · {chapter.title}",
        ha="center",
        va="center",
        fontsize=10,
        weight="bold",
        color=colors.BLUE,
        zorder=3,
    )
    question = textwrap.fill(chapter.question, 42)
    ax.text(x, y + 0.09, question, ha="center", va="center", fontsize=8.5, zorder=3)
