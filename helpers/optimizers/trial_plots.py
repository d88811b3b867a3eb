"""Figures of the trials and of the race: turned valleys, noise, rare features, a real task."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import ON_GRID, PALETTE
from helpers.optimizers.noise import KINDS
from helpers.optimizers.plots import color_of, name_ends

#: Losses below are drawn here: a few lucky runs would squeeze all others together.
FLOOR = 1e-3
#: Where less than two powers of ten are drawn, these are numbered instead of the powers.
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
RACE_TICKS = (20, 50, 100, 200, 500, 1000, 2000)


def turned(best: pd.DataFrame):
    """Steps and swing against the angle of the valley, each method at its best rate.

    Raises:
        ValueError: no row at all.
    """
    if best.empty:
        raise ValueError("cannot work with an empty best: it has no row")
    fig, axes = plt.subplots(1, 2, figsize=(10.5, 3.6))
    labels = ("steps until f stays below 1/1000", "swing across the valley")
    for ax, column, label in zip(axes, ("steps", "swing"), labels, strict=True):
        ends = {}
        for name, rows in best.groupby("optimizer", sort=False):
            style = "--" if "," in name else "-"
            ax.plot(rows["angle"], rows[column], "o" + style, color=color_of(name), ms=4, lw=1.3)
            ends[name] = (rows["angle"].iloc[-1], rows[column].iloc[-1])
        ax.set(yscale="log", xlabel="angle of the valley in degrees", ylabel=label)
        ax.set_xticks(sorted(set(best["angle"])))
        ticks = [t for t in TICKS if best[column].min() / 2 < t < best[column].max() * 2]
        ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
        ax.minorticks_off()
        name_ends(ax, ends)
    return fig


def noisy_ends(trials: pd.DataFrame):
    """The loss at the end of every run, a row a method, a panel a kind of noise."""
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharex=True, sharey=True)
    names = list(dict.fromkeys(trials["optimizer"]))
    rng = np.random.default_rng(0)
    for ax, kind in zip(axes, KINDS, strict=True):
        for k, name in enumerate(names):
            losses = trials.query("kind == @kind and optimizer == @name")["loss"]
            jitter = rng.uniform(-0.25, 0.25, len(losses))
            face = {"mfc": "none", "mew": 0.6} if "," in name else {}
            at = losses.clip(lower=FLOOR)
            ax.plot(at, k + jitter, ".", color=color_of(name), ms=4, alpha=0.6, **face)
            ax.plot([losses.mean()] * 2, [k - 0.36, k + 0.36], color=PALETTE["ink"], lw=2)
        ax.set(xscale="log", xlabel=f"loss at the end (smaller ones drawn at {FLOOR:g})")
        ax.set_title({"even": "even noise", "outliers": "rare outliers"}[kind])
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    return fig


def errors_by_presence(trials: pd.DataFrame):
    """The squared error of each weight against how often its feature is there."""
    fig, ax = plt.subplots(figsize=(8, 3.8))
    ends = {}
    for name, rows in trials.groupby("optimizer", sort=False):
        style = {"momentum": "--", "Nesterov": ":"}.get(name, "-")
        ax.plot(rows["presence"], rows["error"], style, color=color_of(name), lw=1.5)
        ends[name] = (rows["presence"].iloc[-1], rows["error"].iloc[-1])
    ax.axhline(1, color=PALETTE["muted"], lw=0.8, ls=":")
    ax.set(xscale="log", yscale="log")
    ax.set_xlabel("share of examples that hold the feature (rarer to the right)")
    ax.set_ylabel("squared error of its weight")
    ax.set_xlim(1, trials["presence"].min())
    name_ends(ax, ends)
    return fig


def tuning_curves(tuning: pd.DataFrame, budget: int):
    """Steps to 99 % against the rate, a panel an optimizer; unsolved runs are counted on top.

    Raises:
        ValueError: an optimizer without a name, or none.
    """
    names = list(dict.fromkeys(tuning["optimizer"]))
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError("tuning must name an optimizer in each row")
    fig, axes = plt.subplots(1, len(names), figsize=(10.5, 2.9), sharey=True, squeeze=False)
    axes = axes[0]
    never = budget * 1.6
    for ax, name in zip(axes, names, strict=True):
        runs = tuning[tuning["optimizer"] == name]
        solved = runs.dropna(subset="steps_to_99")
        ax.plot(solved["lr"], solved["steps_to_99"], "o", color=color_of(name), ms=4, alpha=0.7)
        lost = runs[runs["steps_to_99"].isna()].groupby("lr").size()
        for rate, count in lost.items():
            ax.text(rate, never, count, ha="center", va="center", fontsize=8, bbox=ON_GRID)
        ax.axhline(budget * 1.15, color=PALETTE["muted"], lw=0.8, ls=":")
        ax.set(xscale="log", yscale="log", title=name, ylim=(15, budget * 2.3))
        ax.set(xticks=[1e-3, 1], xlim=(4e-5, 80))
        ax.minorticks_off()
    ticks = [20, 100, 1000]
    axes[0].set_yticks([*ticks, never], [*ticks, "never"])
    axes[0].set_ylabel("training steps to 99 %\nof held-out palindromes")
    fig.supxlabel("learning rate", fontsize=10)
    return fig


def race_dots(race: pd.DataFrame, budget: int, enough: int):
    """Every run a dot; runs that never got there stand at the right, beyond the budget.

    A bar is the median of solved runs, drawn where at least ``enough`` are solved.
    """
    names = list(dict.fromkeys(race["optimizer"]))
    fig, ax = plt.subplots(figsize=(8, 3.6))
    rng = np.random.default_rng(0)
    for k, name in enumerate(names):
        runs = race[race["optimizer"] == name]
        steps = runs["steps_to_99"]
        jitter = rng.uniform(-0.22, 0.22, len(runs))
        never = steps.isna()
        ax.plot(steps[~never], k + jitter[~never], "o", color=color_of(name), ms=5, alpha=0.75)
        ax.plot([budget * 1.4] * never.sum(), k + jitter[never], "x", color=color_of(name), ms=5)
        if (~never).sum() >= enough:
            ax.plot([steps.median()] * 2, [k - 0.32, k + 0.32], color=PALETTE["ink"], linewidth=2)
        share = f"{(~never).sum()} of {len(runs)}"
        ax.text(budget * 2, k, share, va="center", ha="left", fontsize=9, bbox=ON_GRID)
    ax.axvline(budget * 1.08, color=PALETTE["muted"], linewidth=0.8, linestyle=":")
    ax.text(budget * 2, -0.75, "solved", ha="left", fontsize=9)
    ax.text(budget * 1.4, -0.75, "never", ha="center", fontsize=9)
    ax.set_yticks(range(len(names)), names)
    ax.set(xscale="log", xlabel="training steps to 99 % of held-out palindromes")
    ticks = [t for t in RACE_TICKS if t <= budget]
    ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlim(right=budget * 3)
    ax.set_ylim(len(names) - 0.5, -1.1)
    return fig
