"""Figures of LSTMs that lack a gate: taken from a trained network, or never given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.figures import PALETTE, SEQUENTIAL
from helpers.palindromes.analysis import wilson
from helpers.palindromes.gate_lesions import GATES, VALUES
from helpers.palindromes.tasks.palindromes import CHANCE


def lesions(measured: dict[str, pd.DataFrame]):
    """Share right with one gate held: a panel a network, a row a gate and value, a column a length.

    Args:
        measured: title of a panel -> table of :func:`.gate_lesions.lesions`.
    """
    fig, axes = plt.subplots(1, len(measured), figsize=(8.6, 5.0), sharey=True)
    names = [("none", ""), *((gate, value) for gate in GATES for value in VALUES)]
    labels = ["whole network", *(f"{GATES[g]} ${g}$ = {v}" for g, v in names[1:])]
    for ax, (title, table) in zip(np.atleast_1d(axes), measured.items(), strict=True):
        right = table.pivot_table(index=["gate", "held at"], columns="T", values="right")
        grid = np.array([right.loc[name].to_numpy() for name in names])
        image = ax.imshow(grid, aspect="auto", cmap=SEQUENTIAL, vmin=0, vmax=1)
        for (row, column), value in np.ndenumerate(grid):
            ink = "white" if value > 0.5 else PALETTE["ink"]
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=9)
        ax.set_xticks(range(grid.shape[1]), [str(T) for T in right.columns])
        ax.set_yticks(range(len(labels)), labels)
        for edge in range(len(VALUES), len(names), len(VALUES)):
            ax.axhline(edge + 0.5, color="white", linewidth=3)
        ax.axhline(0.5, color="white", linewidth=3)
        ax.set(title=title, xlabel="digits fed in, T")
        ax.grid(False)
    fig.colorbar(image, ax=axes, pad=0.02, label=f"share right; guessing {CHANCE:g}")
    return fig


def trained_without(runs: pd.DataFrame):
    """Share of runs solved by networks that never had a gate, with intervals; a panel a length.

    Args:
        runs: a row a run, with columns "setting", "T", "solved" and "solved_step".
    """
    lengths = sorted(runs["T"].unique())
    names = list(dict.fromkeys(runs["setting"]))
    fig, axes = plt.subplots(1, len(lengths), figsize=(8.6, 3.6), sharey=True)
    for ax, T in zip(np.atleast_1d(axes), lengths, strict=True):
        for row, name in enumerate(names):
            part = runs[(runs["T"] == T) & (runs["setting"] == name)]
            solved, n = int(part["solved"].sum()), len(part)
            low, high = wilson(solved, n)
            color = PALETTE["accent"] if name == names[0] else PALETTE["graph"]
            ax.plot([low, high], [row, row], color=color, linewidth=1.6)
            ax.plot(solved / n, row, "o", color=color, ms=6)
            steps = part["solved_step"].median()
            told = f"{solved}, step {steps:.0f}" if solved else "none"
            ax.text(1.06, row, told, va="center", fontsize=9, color=PALETTE["ink"])
        ax.grid(False, axis="y")
        ax.set(title=f"T = {T}", xlabel=f"share of {n} runs solved", xlim=(-0.04, 1.5))
        ax.set_xticks([0, 0.5, 1])
    np.atleast_1d(axes)[0].set_yticks(range(len(names)), names)
    np.atleast_1d(axes)[0].set_ylim(len(names) - 0.5, -0.5)
    return fig
