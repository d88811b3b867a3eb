"""Figures of networks that were trained on growing lengths, all from published runs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from helpers import figures
from helpers.figures import PALETTE
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.tasks.palindromes import CHANCE, PALINDROMES
from helpers.recurrent.cells import CELLS
from helpers.recurrent.parameters import cell_parameters, read_out_parameters
from helpers.recurrent.plots import with_commas

#: Settings of one cell differ in their lines.
_LINES = ("-", "--", ":")
#: Setting -> a name for its bunch of lines and where it stands, so that colour is not all that
#: tells the cells apart; both reports' RNNs climb together.
_BUNCHES = {
    "GRU": ("GRU", 360, 250, "right"),
    "LSTM, best setting": ("LSTM", 1080, 400, "left"),
    "RNN, orthogonal": ("orthogonal RNN", 2950, 138, "right"),
    "RNN, report 000": ("RNNs of the reports", 1290, 10.5, "left"),
}
#: Ticks of a logarithmic axis of lengths.
LENGTHS = [5 * 2**k for k in range(11)]


def _styles(groups: dict[str, pd.DataFrame]) -> dict[str, dict]:
    """Colour by cell, kind of line by setting."""
    styles, seen = {}, {}
    for name, runs in groups.items():
        model = runs["model"].iloc[0]
        styles[name] = {"color": CELLS[model].color, "linestyle": _LINES[seen.get(model, 0)]}
        seen[model] = seen.get(model, 0) + 1
    return styles


def _lengths_axis(axis, ticks) -> None:
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def staircases(study: PalindromeArchive, groups: dict[str, pd.DataFrame], marks: dict[str, float]):
    """Longest length mastered so far against the training step, every seed a line.

    Args:
        groups: name of a setting -> its runs.
        marks: label -> a length to draw across, such as a report's claim.
    """
    fig, ax = plt.subplots(figsize=(9, 4.2))
    styles = _styles(groups)
    for name, runs in groups.items():
        for run in runs.itertuples():
            part = study.lengths[study.lengths["key"] == run.key].dropna(subset=["mastered_step"])
            steps = [*part["mastered_step"], run.steps_run]
            reached = [*part["T"], run.longest]
            ax.step(steps, reached, where="post", linewidth=1.1, alpha=0.75, **styles[name])
        if name in _BUNCHES:
            bunch, x, y, side = _BUNCHES[name]
            ax.text(
                x, y, bunch, color=styles[name]["color"], ha=side, va="center", fontsize=9,
                weight="bold", path_effects=figures.HALO,
            )  # fmt: skip
    ax.set_yscale("log")
    _lengths_axis(ax.yaxis, LENGTHS)
    with_commas(ax.xaxis)
    end = max(runs["steps"].max() for runs in groups.values())
    for label, T in marks.items():
        ax.axhline(T, color=PALETTE["ink"], linewidth=0.9)
        ax.text(end * 1.01, T, label, va="center", fontsize=8.5)
    ax.set(xlabel="training step", ylabel="longest T mastered so far", xlim=(0, end))
    handles = [Line2D([], [], label=name, **style) for name, style in styles.items()]
    fig.legend(handles=handles, loc="outside upper center", ncols=3)
    figures.credit(fig, study.credit(pd.concat(groups.values())))
    return fig


def reading_profiles(study: PalindromeArchive, readings: dict[str, pd.DataFrame]):
    """Held-out accuracy at other lengths than the longest, every run a line, a panel a setting.

    Args:
        readings: name of a setting -> a table of :func:`.analysis.reading`.
    """
    fig, axes = plt.subplots(
        1, len(readings), figsize=(10, 3.4), sharex=True, sharey=True, squeeze=False
    )
    for ax, (name, table) in zip(axes[0], readings.items(), strict=True):
        line = {"color": CELLS[table["model"].iloc[0]].color, "markersize": 4}
        for _, run in table.groupby("key"):
            ax.plot(run["T"], run["renamed_accuracy"], "o:", **line, mfc="none", lw=0.7, alpha=0.6)
            ax.plot(run["T"], run["held_out_accuracy"], "o-", **line, lw=1, alpha=0.7, mew=0)
            at = run[run["ratio"] == 1]
            ax.plot(at["T"], at["held_out_accuracy"], "D", color=PALETTE["ink"], ms=6, zorder=3)
        ax.axhline(CHANCE, color=PALETTE["muted"], linestyle="--", linewidth=1)
        ax.set_xscale("log")
        _lengths_axis(ax.xaxis, LENGTHS[::2])
        ax.set(xlabel="T, digits fed in", ylim=(-0.03, 1.05))
        ax.set_title(name)
    axes[0, 0].set_ylabel("held-out accuracy")
    ink = PALETTE["ink"]
    handles = [
        Line2D([], [], color=ink, marker="o", lw=1, ms=4, label="right"),
        Line2D(
            [], [], color=ink, marker="o", lw=0.7, ls=":", ms=4, mfc="none", label="by any name"
        ),
        Line2D([], [], color=ink, marker="D", ls="", ms=6, label="mastered last"),
        Line2D([], [], color=PALETTE["muted"], ls="--", lw=1, label="guessing"),
    ]
    fig.legend(handles=handles, loc="outside upper right", ncols=4)
    runs = study.table[study.table["key"].isin(pd.concat(readings.values())["key"])]
    figures.credit(fig, study.credit(runs))
    return fig


def every_length(study: PalindromeArchive, read: pd.DataFrame):
    """Held-out accuracy at every length, a dot a run, and what would be right by any name.

    Args:
        read: of :func:`.analysis.reading`, of runs that were read at each of these lengths.
    """
    fig, ax = plt.subplots(figsize=(9, 3.2))
    color = CELLS[read["model"].iloc[0]].color
    for T in read.dropna(subset=["mastered_step"])["T"].unique():
        ax.axvspan(T - 0.4, T + 0.4, color=PALETTE["grid"], zorder=0)
    mean = read.groupby("T")[["held_out_accuracy", "renamed_accuracy"]].mean()
    ax.plot(mean["held_out_accuracy"], color=color, linewidth=1.2)
    ax.plot(read["T"], read["held_out_accuracy"], "o", color=color, ms=3.5, alpha=0.5, mew=0)
    ax.plot(mean["renamed_accuracy"], ":", color=PALETTE["ink"], linewidth=1.2)
    ax.axhline(CHANCE, color=PALETTE["muted"], linestyle="--", linewidth=1)
    first, last = read["T"].min(), read["T"].max()
    ax.set_xticks(range(first, last + 1, 5))
    ax.set(xlabel="T, digits fed in", ylabel="held-out accuracy", ylim=(-0.03, 1.05))
    ax.set_xlim(first - 1, last + 1)
    handles = [
        Line2D([], [], color=color, marker="o", lw=1.2, ms=3.5, label="right (dots: networks)"),
        Line2D([], [], color=PALETTE["ink"], lw=1.2, ls=":", label="by any name, mean"),
        Line2D([], [], color=PALETTE["muted"], ls="--", lw=1, label="guessing"),
        Patch(color=PALETTE["grid"], label="trained on"),
    ]
    fig.legend(handles=handles, loc="outside upper right", ncols=4)
    figures.credit(fig, study.credit(study.table[study.table["key"].isin(read["key"])]))
    return fig


def palindrome_parameters(model: str, hidden_size: int, encoding: str) -> int:
    """How many numbers a network that reads palindromes learns."""
    cell = cell_parameters(model, PALINDROMES.input_size(encoding), hidden_size)
    return cell + read_out_parameters(hidden_size, PALINDROMES.outputs)


def depth_against_size(study: PalindromeArchive, runs: pd.DataFrame):
    """Longest length mastered against the number of parameters, every seed a dot."""
    fig, ax = plt.subplots(figsize=(7.5, 3.8))
    rng = np.random.default_rng(0)
    for model, part in runs.groupby("model", sort=False):
        sizes = sorted(part["hidden_size"].unique())
        counts = {n: palindrome_parameters(model, n, part["encoding"].iloc[0]) for n in sizes}
        x = part["hidden_size"].map(counts)
        jitter = 10 ** rng.uniform(-0.03, 0.03, len(part))
        ax.plot(
            x * jitter, part["longest"], "o", color=CELLS[model].color, ms=4.5, alpha=0.65, mew=0
        )
        medians = part.groupby("hidden_size")["longest"].median()
        ax.plot(list(counts.values()), medians, color=CELLS[model].color, label=CELLS[model].label)
        for n in sizes:
            ax.annotate(
                f"n = {n}",
                (counts[n], medians[n]),
                xytext=(7, -11),
                textcoords="offset points",
                fontsize=8,
                color=CELLS[model].color,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )
    ax.axhline(runs["T"].max(), color=PALETTE["muted"], linestyle="--", linewidth=1, zorder=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    _lengths_axis(ax.yaxis, LENGTHS)
    ax.set(xlabel="parameters; dashed: where the runs end", ylabel="longest T mastered")
    ax.set_xlim(right=2.2 * ax.get_xlim()[1])  # room for the last labels
    ax.set_ylim(3.5, 1.4 * runs["T"].max())
    ax.legend(title="median over seeds", loc="lower right")
    figures.credit(fig, study.credit(runs))
    return fig
