"""Figures of the optimizer wing."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.colors import LogNorm

from helpers.figures import CYCLE, PALETTE
from helpers.optimizers.algorithms import ALGORITHMS
from helpers.optimizers.landscapes import Landscape

COLORS = dict(zip(ALGORITHMS, CYCLE, strict=True))


def paths_on_contours(
    ax,
    f: Landscape,
    paths: dict[str, torch.Tensor],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    minimum: tuple[float, float],
    legend: bool = True,
) -> None:
    """Paths over the contour lines of ``f``; the lines are evenly spaced in log f.

    Args:
        paths: name -> ``(steps + 1, 2)``.
    """
    xs, ys = np.linspace(*x_range, 240), np.linspace(*y_range, 240)
    grid = torch.tensor(np.stack(np.meshgrid(xs, ys), axis=-1))
    values = f(grid).numpy() + 1e-6
    levels = np.geomspace(max(values.min(), values.max() * 1e-5), values.max(), 14)
    ax.contour(xs, ys, values, levels=levels, cmap="Greys", norm=LogNorm(), linewidths=0.7)
    for name, path in paths.items():
        color = COLORS.get(name, PALETTE["ink"])
        x, y = path.numpy().T
        ax.plot(x, y, "-", color=color, linewidth=1.2, label=name)
        ax.plot(x, y, ".", color=color, markersize=3.5)
    ax.plot(*minimum, marker="*", color=PALETTE["source"], markersize=13, linestyle="none")
    ax.set(xlim=x_range, ylim=y_range, xlabel="$x_1$", ylabel="$x_2$")
    ax.grid(False)
    if legend:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def descent(ax, f: Landscape, paths: dict[str, torch.Tensor]) -> None:
    """f along each path, on a logarithmic scale."""
    for name, path in paths.items():
        values = f(path).clamp(min=1e-16)
        ax.plot(values, color=COLORS.get(name, PALETTE["ink"]), label=name, linewidth=1.5)
    ax.set(yscale="log", xlabel="step", ylabel="$f(x)$")


def tuning_curves(tuning: pd.DataFrame, budget: int):
    """Steps to 99 % against the rate, a panel an optimizer; unsolved runs are crosses on top."""
    names = list(dict.fromkeys(tuning["optimizer"]))
    fig, axes = plt.subplots(1, len(names), figsize=(10, 2.6), sharey=True)
    for ax, name in zip(axes, names, strict=True):
        runs = tuning[tuning["optimizer"] == name]
        solved = runs.dropna(subset="steps_to_99")
        ax.plot(solved["lr"], solved["steps_to_99"], "o", color=COLORS[name], ms=4, alpha=0.7)
        lost = runs[runs["steps_to_99"].isna()]
        ax.plot(lost["lr"], [budget * 1.35] * len(lost), "x", color=PALETTE["muted"], ms=4)
        ax.set(xscale="log", yscale="log", title=name, xlabel="learning rate")
        ax.set_xticks([1e-4, 1e-2, 1])
    axes[0].set_ylabel("steps to 99 % held out")
    return fig


def race_dots(race: pd.DataFrame, budget: int):
    """Every run a dot; runs that never got there stand at the right, beyond the budget."""
    names = list(dict.fromkeys(race["optimizer"]))
    fig, ax = plt.subplots(figsize=(8, 3.6))
    rng = np.random.default_rng(0)
    for k, name in enumerate(names):
        runs = race[race["optimizer"] == name]
        steps = runs["steps_to_99"]
        jitter = rng.uniform(-0.22, 0.22, len(runs))
        never = steps.isna()
        ax.plot(steps[~never], k + jitter[~never], "o", color=COLORS[name], ms=5, alpha=0.75)
        ax.plot([budget * 1.25] * never.sum(), k + jitter[never], "x", color=COLORS[name], ms=5)
        if (~never).any():
            ax.plot([steps.median()] * 2, [k - 0.32, k + 0.32], color=PALETTE["ink"], linewidth=2)
        share = f"{(~never).sum()} of {len(runs)}"
        ax.text(budget * 1.8, k, share, va="center", ha="left", fontsize=9)
    ax.axvline(budget * 1.08, color=PALETTE["muted"], linewidth=0.8, linestyle=":")
    ax.text(budget * 1.8, -0.75, "solved", ha="left", fontsize=9)
    ax.text(budget * 1.25, -0.75, "never", ha="center", fontsize=9)
    ax.set_yticks(range(len(names)), names)
    ax.set(xscale="log", xlabel="training steps to 99 % of held-out palindromes", ylim=(-1.1, None))
    ax.set_xlim(right=budget * 2.2)
    ax.invert_yaxis()
    ax.set_ylim(len(names) - 0.5, -1.1)
    return fig


def steady_steps(sizes: dict[str, tuple[float, float]]):
    """Sizes of the steady step, in learning rates, for a constant and an alternating gradient.

    Args:
        sizes: optimizer -> (constant, alternating).
    """
    fig, ax = plt.subplots(figsize=(8, 2.6))
    y = np.arange(len(sizes))
    for offset, column, label, color in (
        (-0.18, 0, "constant gradient 1, 1, 1, …", PALETTE["graph"]),
        (0.18, 1, "alternating gradient 1, −1, 1, …", PALETTE["accent"]),
    ):
        values = [size[column] for size in sizes.values()]
        bars = ax.barh(y + offset, values, 0.34, label=label, color=color)
        ax.bar_label(bars, fmt="%.3g", padding=3, fontsize=9)
    ax.set_yticks(y, list(sizes))
    ax.invert_yaxis()
    ax.set(xlabel="size of the step in learning rates")
    ax.legend(loc="upper right")
    ax.margins(x=0.1)
    return fig


def comparison(
    f: Landscape,
    walks: dict[str, torch.Tensor],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    minimum: tuple[float, float],
    titles: Sequence[str] = ("path", "descent"),
):
    """Paths on contours, and beside them f along each path."""
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=[1.35, 1])
    paths_on_contours(
        axes[0], f, walks, x_range=x_range, y_range=y_range, minimum=minimum, legend=False
    )
    descent(axes[1], f, walks)
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig
