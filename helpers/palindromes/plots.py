"""Figures of the palindrome study, all from published runs."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from helpers import colors, figures
from helpers.figures import PALETTE
from helpers.palindromes.analysis import shares, unsolved_over_time
from helpers.palindromes.archive import BOX, PalindromeArchive
from helpers.palindromes.parts import FACTORS
from helpers.palindromes.tasks.palindromes import CHANCE
from helpers.recurrent.cells import CELLS, LSTM, VanillaRNN
from helpers.recurrent.plots import LINES, smooth, with_commas

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


def _diamond(model: str) -> dict:
    """How a report's value is drawn: filled for the RNN, open for the LSTM, so that both show."""
    color = CELLS[model].color
    return {"color": color, "ms": 5, "mfc": color if model == "rnn" else "none"}


def mean_curves(
    study: PalindromeArchive, part: str, lengths: tuple, reported: pd.DataFrame, steps: int
):
    """Accuracy over loss, mean over seeds, a column a length; the report's end points beside."""
    fig, axes = plt.subplots(2, len(lengths), figsize=(10, 3.9), sharex=True, sharey="row")
    guessing = {"accuracy": CHANCE, "loss": -math.log(CHANCE)}
    for column, T in enumerate(lengths):
        for model, line in LINES.items():
            end = reported[(reported["model"] == model) & (reported["T"] == T)].iloc[0]
            for ax, metric in zip(axes[:, column], guessing, strict=True):
                mean = study.curve(part, metric, model, T).mean(0)
                at = np.arange(1, len(mean) + 1) * BOX
                ax.plot(at, mean, color=CELLS[model].color, linestyle=line, linewidth=1.3)
                if not math.isnan(end[metric]):
                    ax.plot(
                        steps * 1.07, end[metric], "D", clip_on=False, zorder=3, **_diamond(model)
                    )
        for ax, metric in zip(axes[:, column], guessing, strict=True):
            ax.axhline(guessing[metric], color=PALETTE["muted"], linestyle=":", linewidth=1)
        axes[0, column].set_title(f"T = {T}")
        axes[1, column].set_xticks([0, steps], ["0", f"{steps:,}"], fontsize=8)
        for label, side in zip(axes[1, column].get_xticklabels(), ("left", "right"), strict=True):
            label.set_ha(side)
    axes[1, len(lengths) // 2].set_xlabel("training step", fontsize=9)
    axes[0, 0].set(ylabel="accuracy", ylim=(0, 1.04))
    axes[1, 0].set(ylabel="loss in nats", ylim=(0, 2.6))
    key = [
        Line2D(
            [], [], color=CELLS[m].color, linestyle=line, label=f"{CELLS[m].label}, mean of seeds"
        )
        for m, line in LINES.items()
    ]
    key += [
        Line2D([], [], marker="D", ls="", label=f"{CELLS[m].label}, report", **_diamond(m))
        for m in LINES
    ]
    key.append(Line2D([], [], color=PALETTE["muted"], linestyle=":", label="guessing"))
    fig.legend(handles=key, loc="outside upper right", ncols=5, fontsize=8.5)
    figures.credit(fig, study.credit(study.part(part)))
    return fig


def single_runs(
    study: PalindromeArchive,
    part: str,
    lengths: tuple,
    models: tuple = ("rnn", "lstm"),
    window: int = 5,
):
    """Every seed's accuracy, a column a length, a row a network: what a mean curve is made of.

    A column's axis ends where the longest of its runs does.
    """
    fig, axes = plt.subplots(
        len(models),
        len(lengths),
        figsize=(10, 1.45 * len(models) + 0.7),
        sharex="col",
        sharey=True,
        squeeze=False,
    )
    for row, model in zip(axes, models, strict=True):
        for ax, T in zip(row, lengths, strict=True):
            curves = study.curve(part, "accuracy", model, T)
            at = np.arange(1, curves.shape[1] + 1) * BOX
            for curve in curves:
                seen = smooth(curve, window)
                ax.plot(at, seen, color=CELLS[model].color, linewidth=0.6, alpha=0.6)
            ax.plot(at, smooth(curves.mean(0), window), color=PALETTE["ink"], linewidth=1.4)
            ax.set_ylim(0, 1.05)
        row[0].set_ylabel(CELLS[model].label)
    for ax, T in zip(axes[0], lengths, strict=True):
        ax.set_title(f"T = {T}")
    for column in axes.T:
        end = int(max(line.get_xdata()[-1] for ax in column for line in ax.lines))
        column[-1].set_xticks([0, end], ["0", f"{end:,}"], fontsize=8)
    axes[-1, len(lengths) // 2].set_xlabel("training step", fontsize=9)
    fig.supylabel("training-stream accuracy", fontsize=9)
    key = [
        Line2D(
            [], [], color=PALETTE["muted"], lw=0.8, label=f"a seed, means of {BOX * window} steps"
        ),
        Line2D([], [], color=PALETTE["ink"], lw=1.4, label="mean of the seeds"),
    ]
    fig.legend(handles=key, loc="outside upper right", ncols=2, fontsize=8.5)
    runs = study.part(part)
    shown = runs["T"].isin(lengths) & runs["model"].isin(models)
    figures.credit(fig, study.credit(runs[shown]))
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
    with_commas(ax.xaxis)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def share_and_final(study: PalindromeArchive, runs: pd.DataFrame, reported: pd.DataFrame | None):
    """Left: ever solved. Right: held-out accuracy in the end, every seed a dot, and the report."""
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=[1, 1.15])
    lengths = sorted(runs["T"].unique())
    rng = np.random.default_rng(0)
    place = {T: k for k, T in enumerate(lengths)}
    for offset, model, marker in ((-0.12, "rnn", "o"), (0.12, "lstm", "s")):
        part = runs[runs["model"] == model]
        table = shares(part, ["T"])
        x = np.array([place[T] for T in table["T"]]) + offset
        low, high = table["solved"] - table["low"], table["high"] - table["solved"]
        axes[0].errorbar(
            x,
            table["solved"],
            yerr=np.clip([low, high], 0, None),
            fmt=marker,
            color=CELLS[model].color,
            capsize=3,
            label=CELLS[model].label,
        )
        jitter = rng.uniform(-0.07, 0.07, len(part))
        dots = part["T"].map(place) + 1.6 * offset + jitter
        axes[1].plot(
            dots,
            part["held_out_accuracy"],
            marker,
            color=CELLS[model].color,
            ms=4,
            alpha=0.6,
            mew=0,
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


def survival_panels(study: PalindromeArchive, runs: pd.DataFrame, lengths: tuple):
    """Share of runs not yet solved against the step, RNN and LSTM together, a panel a length."""
    fig, axes = plt.subplots(1, len(lengths), figsize=(10, 2.7), sharex=True, sharey=True)
    for ax, T in zip(axes, lengths, strict=True):
        for model, line in LINES.items():
            part = runs[(runs["model"] == model) & (runs["T"] == T)]
            steps, left = unsolved_over_time(part)
            ax.step(steps, left, where="post", color=CELLS[model].color, linestyle=line)
        ax.axhline(0.5, color=PALETTE["muted"], linestyle=":", linewidth=1)
        ax.set_title(f"T = {T}")
        end = int(part["steps"].max())
        ax.set(ylim=(-0.03, 1.04), xlim=(0, end))
        ax.set_xticks([0, end], ["0", f"{end:,}"], fontsize=8)
        for label, side in zip(ax.get_xticklabels(), ("left", "right"), strict=True):
            label.set_ha(side)
    axes[len(lengths) // 2].set_xlabel("training step", fontsize=9)
    axes[0].set_ylabel("share not yet solved")
    key = [
        Line2D([], [], color=CELLS[m].color, linestyle=line, label=CELLS[m].label)
        for m, line in LINES.items()
    ]
    key.append(Line2D([], [], color=PALETTE["muted"], linestyle=":", label="one half"))
    fig.legend(handles=key, loc="outside upper right", ncols=3, fontsize=8.5)
    figures.credit(fig, study.credit(runs[runs["T"].isin(lengths)]))
    return fig


def factorial(
    study: PalindromeArchive, runs: pd.DataFrame, cells: pd.DataFrame, table: pd.DataFrame
):
    """Left: the eight combinations at one length, ever solved and right in the end. Right: effects.

    Args:
        cells: of :func:`.analysis.shares` by "cell", at one length.
        table: of :func:`.analysis.factorial_effects`, at the same length.
    """
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=[1.5, 1])
    cells = cells.assign(moved=cells["cell"].str.count("001")).sort_values(["moved", "cell"])
    y = np.arange(len(cells))
    styles = {
        "solved": ("ever solved", {"fmt": "o", "color": VanillaRNN.color}),
        "final": ("99 % held out in the end", {"fmt": "s", "color": PALETTE["ink"], "ms": 5}),
    }
    for (share, (label, style)), side in zip(styles.items(), (-0.15, 0.15), strict=True):
        low, high = ("low", "high") if share == "solved" else ("final_low", "final_high")
        spread = np.clip([cells[share] - cells[low], cells[high] - cells[share]], 0, None)
        axes[0].errorbar(cells[share], y + side, xerr=spread, capsize=3, label=label, **style)
    axes[0].set_yticks(y, [moved_matrices(cell) for cell in cells["cell"]])
    axes[0].set(xlim=(-0.04, 1.04), xlabel="share of seeds", ylim=(len(y) - 0.5, -0.5))
    axes[0].set_title("which matrices begin as in report 001")
    axes[0].legend(loc="upper right", fontsize=8.5)
    rows = np.arange(len(table))
    spread = np.clip([table["effect"] - table["low"], table["high"] - table["effect"]], 0, None)
    axes[1].errorbar(table["effect"], rows, xerr=spread, fmt="o", color=VanillaRNN.color, capsize=3)
    axes[1].axvline(0, color=PALETTE["muted"], linewidth=1)
    axes[1].set_yticks(rows, [_named(factor) for factor in table["factor"]])
    axes[1].set(ylim=(len(rows) - 0.5, -0.5), xlabel="change of the share ever solved")
    axes[1].set_title("moving one matrix")
    figures.credit(fig, study.credit(runs))
    return fig


def _named(factor: str) -> str:
    """ "W_hh" as a formula, with what it multiplies in words."""
    words = {"W_hh": "recurrent", "W_hx": "input", "W_ph": "read-out"}
    return f"{words[factor]} $W_{{{factor[2:]}}}$"


def moved_matrices(cell: str) -> str:
    """A combination such as "001 000 001" in words: which matrices begin as in report 001."""
    moved = [f for f, report in zip(FACTORS, cell.split(), strict=True) if report == "001"]
    if len(moved) in (0, len(FACTORS)):
        return "all three" if moved else "none"
    return " and ".join(_named(factor) for factor in moved)


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
                color = "white" if value > 0.45 else PALETTE["ink"]
                ax.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=9, color=color)
        ax.set_xticks(range(len(radii)), [f"{r:g}" for r in radii])
        ax.set_yticks(range(len(lengths)), lengths)
        ax.set_title({"raw": "raw digit", "centred": "centred", "one_hot": "one-hot"}[encoding])
        ax.set_xlabel("spectral radius of $W_{hh}$")
        ax.grid(False)
    axes[0, 0].set_ylabel("T")
    fig.colorbar(image, ax=axes[0].tolist(), label=f"share of seeds {column}", pad=0.01)
    figures.credit(fig, study.credit(runs))
    return fig


def candidate_scores(study: PalindromeArchive, runs: pd.DataFrame, scores: pd.DataFrame):
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
    ratio = (
        r"$\gamma = \log_{10}(\Vert\partial\mathcal{L}/\partial h_1\Vert"
        r"/\Vert\partial\mathcal{L}/\partial h_T\Vert)$"
    )
    axes[0, 0].set_ylabel(ratio)
    change = r"$\log_{10}\chi$: change of $h_T$ when the first digit changes"
    axes[0, len(lengths) // 2].set_xlabel(change, fontsize=9)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    figures.credit(fig, study.credit(runs))
    return fig


def dots_by_setting(
    study: PalindromeArchive, panels: dict[str, dict[str, pd.DataFrame]], budgets: tuple
):
    """Steps to success of every run, a row a setting; the share solved at the right.

    Args:
        panels: title of a panel -> name of a setting -> its runs; all with the same settings.
        budgets: steps that the runs of each panel had.
    """
    names = list(dict.fromkeys(name for groups in panels.values() for name in groups))
    fig, axes = plt.subplots(
        1, len(panels), figsize=(10, 0.31 * len(names) + 1.3), sharey=True, squeeze=False
    )
    rng = np.random.default_rng(0)
    for ax, (title, groups), budget in zip(axes[0], panels.items(), budgets, strict=True):
        for name, runs in groups.items():
            k = names.index(name)
            solved = runs["solved"].to_numpy(bool)
            y = k + rng.uniform(-0.2, 0.2, len(runs))
            style = {"color": CELLS[runs["model"].iloc[0]].color, "ms": 4.5}
            ax.plot(runs["solved_step"][solved], y[solved], "o", alpha=0.75, mew=0, **style)
            ax.plot(np.full((~solved).sum(), budget * 1.12), y[~solved], "x", **style)
            ax.text(
                budget * 1.22, k, f"{solved.sum()} of {len(runs)}", va="center", fontsize=8.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )  # fmt: skip
        ax.axvline(budget * 1.05, color=PALETTE["muted"], linestyle=":", linewidth=1)
        ax.text(budget * 1.12, -0.75, "never", ha="center", fontsize=8)
        ax.text(budget * 1.22, -0.75, "solved", fontsize=8.5, weight="bold")
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -1.2)
        ax.set(xlabel="training steps until solved", xlim=(0, budget * 1.5))
        ax.set_xticks([tick for tick in ax.get_xticks() if tick <= budget])
        with_commas(ax.xaxis)
        ax.set_title(title)
    runs = pd.concat([runs for groups in panels.values() for runs in groups.values()])
    figures.credit(fig, study.credit(runs))
    return fig
