"""Figures of the palindrome study, all from published runs."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import colors, figures
from helpers.figures import PALETTE
from helpers.palindromes.analysis import shares, unsolved_over_time
from helpers.palindromes.archive import BOX, PalindromeArchive
from helpers.palindromes.tasks.palindromes import CHANCE
from helpers.recurrent.cells import CELLS, LSTM, VanillaRNN
from helpers.recurrent.plots import smooth

#: Published network -> the short name that figures use.
SHORT = {
    "palindrome_rnn_000_T99": "RNN 000",
    "palindrome_rnn_001_T99": "RNN 001",
    "palindrome_lstm_T99": "LSTM",
}
TRAINED_COLORS = {
    "RNN 000, h": colors.SKY,
    "RNN 001, h": VanillaRNN.color,
    "LSTM, h": LSTM.color,
    "LSTM, c": LSTM.color,
}
INITIAL_COLORS = {
    "RNN, report 001": VanillaRNN.color,
    "RNN, report 000": colors.SKY,
    "LSTM, report 000, no bias": LSTM.color,
    "LSTM, report 001, no bias": colors.ORANGE,
    "LSTM, forget bias 3": colors.BLUE,
    "LSTM, chrono bias": colors.PURPLE,
}


def mean_curves(
    study: PalindromeArchive, part: str, lengths: tuple, reported: pd.DataFrame, steps: int
):
    """Accuracy over loss, mean over seeds, lightness for length; the report's end points beside."""
    fig, axes = plt.subplots(2, 2, figsize=(10, 5.2), sharex=True, sharey="row")
    for column, model in enumerate(("rnn", "lstm")):
        colors = figures.shades(CELLS[model].color, len(lengths))
        for T, color in zip(lengths, colors, strict=True):
            for row, metric in enumerate(("accuracy", "loss")):
                mean = study.curve(part, metric, model, T).mean(0)
                at = np.arange(1, len(mean) + 1) * BOX
                axes[row, column].plot(at, mean, color=color, linewidth=1.3, label=f"T = {T}")
            end = reported[(reported["model"] == model) & (reported["T"] == T)].iloc[0]
            axes[0, column].plot(
                steps * 1.03, end["accuracy"], "D", color=color, ms=5, clip_on=False
            )
            if not math.isnan(end["loss"]):
                axes[1, column].plot(
                    steps * 1.03, end["loss"], "D", color=color, ms=5, clip_on=False
                )
        axes[0, column].set_title(CELLS[model].label)
        axes[0, column].set_ylim(0, 1.03)
        axes[1, column].set_ylim(0, 2.6)
        axes[1, column].set_xlabel("training step")
    axes[0, 0].set_ylabel("training-stream\naccuracy")
    axes[1, 0].set_ylabel("training-stream\nloss in nats")
    axes[0, 1].plot([], [], "D", color=PALETTE["muted"], ms=5, label="report")
    handles = [h for ax in axes[0] for h in ax.get_legend_handles_labels()[0]]
    labels = [label for ax in axes[0] for label in ax.get_legend_handles_labels()[1]]
    fig.legend(handles, labels, loc="outside right upper", fontsize=8.5)
    figures.credit(fig, study.credit(study.part(part)))
    return fig


def single_runs(study: PalindromeArchive, part: str, model: str, lengths: tuple, window: int = 5):
    """Every seed's accuracy at each length, a panel a length: what a mean curve is made of."""
    rows = math.ceil(len(lengths) / 5)
    columns = math.ceil(len(lengths) / rows)
    fig, axes = plt.subplots(
        rows, columns, figsize=(10, 1.75 * rows + 0.4), sharex=True, sharey=True, squeeze=False
    )
    for ax in axes.flat[len(lengths) :]:
        ax.set_axis_off()
    for ax, T in zip(axes.flat, lengths, strict=False):
        curves = study.curve(part, "accuracy", model, T)
        at = np.arange(1, curves.shape[1] + 1) * BOX
        for curve in curves:
            ax.plot(at, smooth(curve, window), color=CELLS[model].color, linewidth=0.7, alpha=0.55)
        ax.plot(at, smooth(curves.mean(0), window), color=PALETTE["ink"], linewidth=1.6)
        ax.set_title(f"T = {T}")
        ax.set_ylim(0, 1.05)
    fig.supylabel("training-stream accuracy", fontsize=9)
    smoothed = (
        f"training step; every seed a line, means of {BOX * window} steps; their mean in black"
    )
    fig.supxlabel(smoothed, fontsize=9)
    return fig


def explored(
    study: PalindromeArchive, part: str, model: str, lengths: list[int], metric: str, window: int
):
    """Every seed a thin line and their mean a thick one, a colour a length."""
    fig, ax = plt.subplots(figsize=(8, 3.6))
    for T, color in zip(lengths, figures.shades(CELLS[model].color, len(lengths)), strict=True):
        curves = study.curve(part, metric, model, T)
        at = np.arange(1, curves.shape[1] + 1) * BOX
        for curve in curves:
            ax.plot(at, smooth(curve, window), color=color, linewidth=0.6, alpha=0.45)
        ax.plot(at, smooth(curves.mean(0), window), color=color, linewidth=2.2, label=f"T = {T}")
    unit = "" if metric == "accuracy" else " in nats"
    ax.set(xlabel="training step", ylabel=f"training-stream {metric}{unit}")
    ax.set_ylim(0, 1.04 if metric == "accuracy" else None)
    ax.set_title(f"{CELLS[model].label}, every seed, and the mean in bold")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def share_and_final(study: PalindromeArchive, runs: pd.DataFrame, reported: pd.DataFrame | None):
    """Left: ever solved. Right: held-out accuracy in the end, every seed a dot, and the report."""
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=[1, 1.15])
    lengths = sorted(runs["T"].unique())
    rng = np.random.default_rng(0)
    place = {T: k for k, T in enumerate(lengths)}
    for offset, model in ((-0.12, "rnn"), (0.12, "lstm")):
        part = runs[runs["model"] == model]
        table = shares(part, ["T"])
        x = np.array([place[T] for T in table["T"]]) + offset
        low, high = table["solved"] - table["low"], table["high"] - table["solved"]
        axes[0].errorbar(
            x,
            table["solved"],
            yerr=np.clip([low, high], 0, None),
            fmt="o",
            color=CELLS[model].color,
            capsize=3,
            label=CELLS[model].label,
        )
        jitter = rng.uniform(-0.07, 0.07, len(part))
        dots = part["T"].map(place) + 1.6 * offset + jitter
        axes[1].plot(
            dots, part["held_out_accuracy"], "o", color=CELLS[model].color, ms=4, alpha=0.6, mew=0
        )
        if reported is not None:
            said = reported[reported["model"] == model]
            axes[1].plot(
                said["T"].map(place) + 1.6 * offset,
                said["accuracy"],
                "D",
                color="none",
                mec=CELLS[model].color,
                ms=8,
                mew=1.5,
                label=f"{CELLS[model].label} in the report",
            )
    for ax in axes:
        ax.set_xticks(range(len(lengths)), lengths)
        ax.set(xlabel="T, digits fed in", ylim=(-0.03, 1.05))
    axes[0].set_title("share ever solved, Wilson intervals")
    axes[1].set_title("held-out accuracy after the last step")
    axes[1].axhline(CHANCE, color=PALETTE["muted"], linestyle=":", linewidth=1)
    axes[0].legend(loc="lower left")
    if reported is not None:
        axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figures.credit(fig, study.credit(runs))
    return fig


def survival(runs: pd.DataFrame, lengths: tuple, model: str, ax) -> None:
    """Share of runs not yet solved against the step, a line a length."""
    for T, color in zip(lengths, figures.shades(CELLS[model].color, len(lengths)), strict=True):
        part = runs[(runs["model"] == model) & (runs["T"] == T)]
        steps, left = unsolved_over_time(part)
        ax.step(steps, left, where="post", color=color, label=f"T = {T}")
    ax.set(xlabel="training step", ylim=(-0.02, 1.04))
    ax.set_title(CELLS[model].label)
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def survival_panels(study: PalindromeArchive, runs: pd.DataFrame, lengths: tuple):
    """:func:`survival` for the RNN and for the LSTM."""
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
    for ax, model in zip(axes, ("rnn", "lstm"), strict=True):
        survival(runs, lengths, model, ax)
    axes[0].set_ylabel("share not yet solved")
    figures.credit(fig, study.credit(runs))
    return fig


def factorial(study: PalindromeArchive, runs: pd.DataFrame, cells: pd.DataFrame):
    """Share ever solved and share right in the end for the eight cells, a panel a length.

    Args:
        cells: of :func:`.analysis.shares`, with "cell" and "T".
    """
    lengths = sorted(runs["T"].unique())
    fig, axes = plt.subplots(1, len(lengths), figsize=(10, 3.7), sharey=True, squeeze=False)
    for ax, T in zip(axes[0], lengths, strict=True):
        part = cells[cells["T"] == T]
        y = np.arange(len(part))
        ax.errorbar(
            part["solved"],
            y - 0.13,
            xerr=np.clip([part["solved"] - part["low"], part["high"] - part["solved"]], 0, None),
            fmt="o",
            color=VanillaRNN.color,
            capsize=3,
            label="ever solved",
        )
        ax.errorbar(
            part["final"],
            y + 0.13,
            xerr=np.clip(
                [part["final"] - part["final_low"], part["final_high"] - part["final"]], 0, None
            ),
            fmt="s",
            color=PALETTE["ink"],
            capsize=3,
            ms=5,
            label="99 % held out in the end",
        )
        ax.set_yticks(y, part["cell"], family="monospace")
        ax.set(xlim=(-0.04, 1.04), xlabel="share of seeds")
        ax.set_title(f"T = {T}")
    axes[0, 0].invert_yaxis()
    axes[0, 0].set_ylabel("W_hh W_hx W_ph as in report")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    figures.credit(fig, study.credit(runs))
    return fig


def effects(study: PalindromeArchive, runs: pd.DataFrame, table: pd.DataFrame):
    """Paired effects with their intervals, a row a factor, a colour a length.

    Args:
        table: columns "factor", "T", "effect", "low", "high".
    """
    factors = list(dict.fromkeys(table["factor"]))
    lengths = sorted(table["T"].unique())
    fig, ax = plt.subplots(figsize=(8, 0.62 * len(factors) + 1.5))
    for k, (T, color) in enumerate(
        zip(lengths, figures.shades(VanillaRNN.color, len(lengths)), strict=True)
    ):
        part = table[table["T"] == T].set_index("factor").reindex(factors)
        y = np.arange(len(factors)) + 0.2 * (k - (len(lengths) - 1) / 2)
        spread = np.clip([part["effect"] - part["low"], part["high"] - part["effect"]], 0, None)
        ax.errorbar(
            part["effect"], y, xerr=spread, fmt="o", color=color, capsize=3, label=f"T = {T}"
        )
    ax.axvline(0, color=PALETTE["muted"], linewidth=1)
    ax.set_yticks(range(len(factors)), factors)
    ax.set_ylim(len(factors) - 0.5, -0.5)
    ax.set_xlabel("change of the share of seeds solved, paired by seed")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figures.credit(fig, study.credit(runs[runs["T"].isin(lengths)]))
    return fig


def phase_diagram(study: PalindromeArchive, runs: pd.DataFrame, column: str = "solved"):
    """Share of seeds over spectral radius and length, a panel an encoding."""
    encodings = [e for e in ("raw", "centred", "one_hot") if e in set(runs["encoding"])]
    lengths = sorted(runs["T"].unique())
    radii = sorted(runs["radius"].unique())
    fig, axes = plt.subplots(
        1, len(encodings), figsize=(10, 0.55 * len(lengths) + 1.9), sharey=True, squeeze=False
    )
    for ax, encoding in zip(axes[0], encodings, strict=True):
        part = runs[runs["encoding"] == encoding]
        grid = part.pivot_table(index="T", columns="radius", values=column, aggfunc="mean")
        grid = grid.reindex(index=lengths, columns=radii)
        image = ax.imshow(grid, cmap="mako_r", vmin=0, vmax=1, aspect="auto")
        for (i, j), value in np.ndenumerate(grid.to_numpy(float)):
            if not math.isnan(value):
                color = "white" if value > 0.55 else PALETTE["ink"]
                ax.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=9, color=color)
        ax.set_xticks(range(len(radii)), [f"{r:g}" for r in radii])
        ax.set_yticks(range(len(lengths)), lengths)
        ax.set_title({"raw": "raw digit", "centred": "centred", "one_hot": "one-hot"}[encoding])
        ax.set_xlabel("spectral radius of W_hh")
        ax.grid(False)
    axes[0, 0].set_ylabel("T")
    fig.colorbar(image, ax=axes[0].tolist(), label="share of seeds", pad=0.01)
    figures.credit(fig, study.credit(runs))
    return fig


def candidate_scores(runs: pd.DataFrame, scores: pd.DataFrame):
    """The two candidate explanations against each other, a panel a length, solved runs filled."""
    lengths = sorted(runs["T"].unique())
    fig, axes = plt.subplots(
        1, len(lengths), figsize=(10, 3.4), sharex=True, sharey=True, squeeze=False
    )
    solved = runs["solved"].to_numpy(bool)
    for ax, T in zip(axes[0], lengths, strict=True):
        for mask, style, label in (
            (~solved, {"color": "none", "mec": PALETTE["muted"]}, "not solved"),
            (solved, {"color": VanillaRNN.color, "mew": 0}, "solved"),
        ):
            part = scores[mask & (runs["T"] == T).to_numpy()]
            x, y = part["sensitivity"], part["gradient, signed"]
            ax.plot(x, y, "o", ms=4.5, alpha=0.65, label=label, **style)
        ax.axhline(0, color=PALETTE["muted"], linewidth=0.8)
        ax.set_title(f"T = {T}")
    ratio = r"$\log_{10}(\Vert\partial L/\partial h_1\Vert/\Vert\partial L/\partial h_T\Vert)$"
    axes[0, 0].set_ylabel(ratio)
    fig.supxlabel(r"$\log_{10}$ change of $h_T$ when the first digit changes", fontsize=9)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return fig


def dots_by_setting(study: PalindromeArchive, groups: dict[str, pd.DataFrame], budget: int):
    """Steps to success of every run, a row a setting; the share solved at the right."""
    fig, ax = plt.subplots(figsize=(9, 0.36 * len(groups) + 1.5))
    rng = np.random.default_rng(0)
    for k, runs in enumerate(groups.values()):
        solved = runs["solved"].to_numpy(bool)
        y = k + rng.uniform(-0.2, 0.2, len(runs))
        color = CELLS[runs["model"].iloc[0]].color
        ax.plot(runs["solved_step"][solved], y[solved], "o", color=color, ms=4.5, alpha=0.75, mew=0)
        ax.plot(np.full((~solved).sum(), budget * 1.12), y[~solved], "x", color=color, ms=4.5)
        ax.text(budget * 1.25, k, f"{solved.sum()} of {len(runs)}", va="center", fontsize=9)
    ax.axvline(budget * 1.05, color=PALETTE["muted"], linestyle=":", linewidth=1)
    ax.text(budget * 1.12, -0.9, "never", ha="center", fontsize=8)
    ax.text(budget * 1.25, -0.9, "solved", fontsize=9, weight="bold")
    ax.set_yticks(range(len(groups)), list(groups))
    ax.set_ylim(len(groups) - 0.5, -1.3)
    ax.set(xlabel="training steps until solved", xlim=(0, budget * 1.42))
    ax.set_xticks([tick for tick in ax.get_xticks() if tick <= budget])
    figures.credit(fig, study.credit(pd.concat(groups.values())))
    return fig
