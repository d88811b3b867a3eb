"""Figures of what became of the runs, and of when they were solved."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import colors, figures
from helpers.figures import PALETTE
from helpers.palindromes import outcomes
from helpers.palindromes.archive import PalindromeArchive
from helpers.recurrent.cells import CELLS
from helpers.recurrent.plots import with_commas

#: Outcome -> its colour and hatching, which tells it without the colour.
_FILLS = {
    "kept": (colors.GREEN, ""),
    "unsteady": (colors.SKY, "//"),
    "collapsed": (colors.VERMILION, "xx"),
    "never solved": (colors.GRID, ""),
}


def ends(study: PalindromeArchive, groups: dict[str, pd.DataFrame]):
    """What became of the runs of each group, a bar a group, the counts written in it."""
    counts = outcomes.counted(groups)
    shares = counts.div(counts.sum(axis=1), axis=0)
    fig, ax = plt.subplots(figsize=(9, 0.42 * len(groups) + 1.2))
    left = np.zeros(len(groups))
    for name, (color, hatch) in _FILLS.items():
        ax.barh(
            list(groups), shares[name], left=left, color=color, hatch=hatch,
            edgecolor="white", linewidth=1, label=name,
        )  # fmt: skip
        for y, (start, share, n) in enumerate(zip(left, shares[name], counts[name], strict=True)):
            if n:
                ax.text(
                    start + share / 2, y, str(n), ha="center", va="center", fontsize=9,
                    bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
                )  # fmt: skip
        left += shares[name].to_numpy()
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xlabel="share of runs; the numbers count them")
    ax.grid(False)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=4)
    figures.credit(fig, study.credit(pd.concat(groups.values())))
    return fig


def times(study: PalindromeArchive, protocols: dict[str, pd.DataFrame]):
    """Steps until solved against the length: every run a mark, medians of the solved with bars.

    Args:
        protocols: title of a panel -> its runs, RNN and LSTM.
    """
    fig, axes = plt.subplots(1, len(protocols), figsize=(10, 3.6), width_ratios=[1.25, 1])
    rng = np.random.default_rng(0)
    for ax, (title, runs) in zip(axes, protocols.items(), strict=True):
        lengths = sorted(runs["T"].unique())
        place = {T: k for k, T in enumerate(lengths)}
        table = outcomes.times_to_solve(runs, ["model", "T"])
        never = 1.1 * runs["solved_step"].max()
        for model, marker, side in (("rnn", "o", -0.17), ("lstm", "s", 0.17)):
            part = runs[runs["model"] == model]
            x = part["T"].map(place) + side + rng.uniform(-0.07, 0.07, len(part))
            style = {"color": CELLS[model].color, "ms": 4}
            solved = part["solved"].to_numpy(bool)
            ax.plot(
                x[solved], part["solved_step"][solved], marker, ls="", alpha=0.5, mew=0, **style
            )
            ax.plot(x[~solved], np.full((~solved).sum(), never), "x", **style)
            row = table[(table["model"] == model) & (table["solved"] > 0)]
            spread = [row["median"] - row["low"], row["high"] - row["median"]]
            ax.errorbar(
                row["T"].map(place) + side, row["median"], yerr=spread, fmt=marker,
                color=PALETTE["ink"], mfc=CELLS[model].color, ms=6.5, lw=1.2, capsize=3,
                label=CELLS[model].label,
            )  # fmt: skip
        ax.axhline(0.5 * (never + runs["solved_step"].max()), color=PALETTE["muted"], ls=":", lw=1)
        ax.text(-0.45, never, "not by\nthe end", fontsize=8, va="center")
        ax.set_xticks(range(len(lengths)), lengths)
        ax.set(xlabel="T, digits fed in", ylim=(0, 1.06 * never), xlim=(-0.55, len(lengths) - 0.5))
        ax.set_title(title)
    axes[0].set_ylabel("training steps until solved")
    for ax in axes:
        with_commas(ax.yaxis)
    axes[1].legend(
        loc="lower right", title="median of the solved", fontsize=8.5, title_fontsize=8.5
    )
    figures.credit(fig, study.credit(pd.concat(protocols.values())))
    return fig
