"""Paths of optimizers over contour lines, a panel each so that no path hides another."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
from matplotlib.colors import LogNorm

from helpers.checks import AnyTensor
from helpers.figures import CYCLE, PALETTE
from helpers.optimizers.algorithms import ALGORITHMS
from helpers.optimizers.landscapes import Landscape

COLORS = dict(zip(ALGORITHMS, CYCLE, strict=True))


def color_of(name: str) -> str:
    """The colour of an optimizer; variants ("Adam, …") have that of their first word."""
    return COLORS.get(name.split(",")[0], PALETTE["ink"])


def ink_of(name: str) -> tuple[float, float, float]:
    """The same hue, dark enough for words: the palette's sky and orange are too pale on white."""
    return sns.blend_palette([color_of(name), PALETTE["ink"]], 11)[4]


def scientific(value: float) -> str:
    r"""One digit and a power of ten as a formula: 0.083 is ``$8\cdot10^{-2}$``."""
    digit, power = f"{value:.0e}".split("e")
    return rf"${digit}\cdot10^{{{int(power)}}}$"


def thinned(path: AnyTensor, distance: float) -> torch.Tensor:
    """The points of a path that are at least ``distance`` from the one kept before, and the last.

    Shapes:
        ``(steps, 2)`` -> ``(kept, 2)``
    """
    kept = [0]
    for k in range(1, len(path)):
        if (path[k] - path[kept[-1]]).norm() >= distance:
            kept.append(k)
    return path[[*kept, len(path) - 1]]


def draw_contours(
    ax,
    f: Landscape,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    minimum: tuple[float, float],
    lines: int = 8,
) -> None:
    """Contour lines of ``f``, evenly spaced in log f, and a star at the minimum."""
    xs, ys = np.linspace(*x_range, 90), np.linspace(*y_range, 90)
    grid = torch.tensor(np.stack(np.meshgrid(xs, ys), axis=-1))
    values = f(grid).numpy() + 1e-6
    levels = np.geomspace(max(values.min(), values.max() * 1e-4), values.max(), lines)
    ax.contour(xs, ys, values, levels=levels, cmap="Greys", norm=LogNorm(), linewidths=0.6)
    edge = {"color": "white", "markeredgecolor": PALETTE["ink"], "markeredgewidth": 0.8}
    ax.plot(*minimum, marker="*", markersize=12, linestyle="none", zorder=3, **edge)
    ax.set(xlim=x_range, ylim=y_range)
    ax.grid(False)


def paths_apart(
    f: Landscape,
    walks: dict[str, AnyTensor],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    minimum: tuple[float, float],
    notes: Sequence[str] | None = None,
    columns: int = 3,
    height: float = 2.3,
):
    """A panel for each path, over the same contour lines, with the start marked.

    Args:
        walks: name -> ``(steps + 1, 2)``.
        notes: a line under each panel's name.
    """
    rows = -(-len(walks) // columns)
    fig, axes = plt.subplots(
        rows, columns, figsize=(10, height * rows), sharex=True, sharey=True, squeeze=False
    )
    notes = [""] * len(walks) if notes is None else notes
    span = max(x_range[1] - x_range[0], y_range[1] - y_range[0])
    for ax, (name, path), note in zip(axes.flat, walks.items(), notes, strict=False):
        draw_contours(ax, f, x_range, y_range, minimum)
        x, y = thinned(path, span / 300).numpy().T
        style = ".-" if len(path) <= 200 else "-"  # of a long path the line alone: a light file
        ax.plot(x, y, style, color=color_of(name), linewidth=1.3, markersize=3)
        ax.plot(x[0], y[0], "o", color=PALETTE["ink"], markersize=5)
        ax.set_title(name)
        if note:
            behind = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none"}
            at = {"transform": ax.transAxes, "ha": "right", "va": "top", "fontsize": 8}
            ax.text(0.98, 0.96, note, bbox=behind, **at)
    for ax in list(axes.flat)[len(walks) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel(r"$\theta_1$")
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$\theta_2$")
    return fig


def draw_descents(f: Landscape, walks: dict[str, AnyTensor], floor: float = 1e-12):
    """f along each path on a logarithmic scale, named at the curve's end."""
    fig, ax = plt.subplots(figsize=(8, 3.4))
    ends = {}
    for name, path in walks.items():
        values = f(path).clamp(min=floor).numpy()
        at = np.unique(np.linspace(0, len(values) - 1, 250).astype(int))
        ax.plot(at, values[at], color=color_of(name), linewidth=1.5)
        ends[name] = (len(values) - 1, values[-1])
    ax.set(yscale="log", xlabel="step", ylabel=r"$f(\theta)$")
    name_ends(ax, ends)
    return fig


def name_ends(ax, ends: dict[str, tuple[float, float]], gap: float = 0.075) -> None:
    """Names at the right of the axes, at their curves' ends, moved apart where they would touch.

    Call it last: it reads the axes' limits.

    Args:
        ends: name -> (x, y) of the end, in the axes' units.
        gap: smallest distance of two names, in heights of the axes.
    """
    to_axes = ax.transData + ax.transAxes.inverted()
    ax.autoscale_view()
    places = sorted((*to_axes.transform(end)[::-1].tolist(), name) for name, end in ends.items())
    heights = _apart([height for height, _, _ in places], gap, top=1 + gap)
    for (true, right, name), height in zip(places, heights, strict=True):
        line = {"color": color_of(name), "lw": 0.6, "shrinkB": 3, "relpos": (0, 0.5)}
        ax.annotate(
            name,
            xy=(right, true),
            xytext=(1.05, height),
            xycoords="axes fraction",
            va="center",
            fontsize=9,
            color=ink_of(name),
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", **line},
        )


def _apart(heights: list[float], gap: float, top: float) -> list[float]:
    """Ascending ``heights`` moved ``gap`` apart or more, each group about its mean, below ``top``.

    It is a regression with given order, solved by merging neighbours (Ayer et al. 1955).
    """
    groups: list[tuple[float, int]] = []  # the lowest height, how many
    for lowest in heights:
        n = 1
        while groups and groups[-1][0] + gap * groups[-1][1] > lowest:
            below, m = groups.pop()
            lowest, n = (m * below + n * (lowest - m * gap)) / (m + n), m + n
        groups.append((lowest, n))
    moved = [lowest + k * gap for lowest, n in groups for k in range(n)]
    for k in reversed(range(len(moved))):
        top = moved[k] = min(moved[k], top - gap)
    return moved


def comparison(
    f: Landscape,
    walks: dict[str, AnyTensor],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    minimum: tuple[float, float],
    limits: tuple[float, float] = (1e-10, 1e4),
):
    """A panel for each path, and f along them: the figure of the explorer.

    Args:
        limits: of the axis of f, the same at every setting, so that settings can be compared.

    Returns:
        the figure, and the axes of the paths.
    """
    fig, axes = plt.subplots(2, 3, figsize=(10, 4.6))
    *panels, descent = axes.flat
    ends = {}
    for ax, (name, path) in zip(panels, walks.items(), strict=True):
        draw_contours(ax, f, x_range, y_range, minimum)
        ax.plot(*path.numpy().T, ".-", color=color_of(name), linewidth=1.1, markersize=3)
        ax.plot(*path[0].numpy(), "o", color=PALETTE["ink"], markersize=5)
        values = f(path)
        lost = diverged(values)
        ax.set_title(f"{name}: diverges" if lost else name)
        descent.plot(values.clamp(*limits), color=color_of(name), linewidth=1.5)
        ends[name] = (len(values) - 1, float(values[-1].clamp(*limits)))
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$\theta_2$")
    for ax in axes[1, :2]:
        ax.set_xlabel(r"$\theta_1$")
    longest = max(len(path) for path in walks.values()) - 1
    descent.set(yscale="log", xlabel="step", title=r"descent of $f(\theta)$")
    descent.set(xlim=(0, longest), ylim=limits)
    name_ends(descent, ends)
    return fig, panels


def diverged(values: AnyTensor) -> bool:
    """Whether a function ends, or was lost, above where it began."""
    return not bool(values[-1] <= values[0])
