"""Figures of the recurrent wing."""

import matplotlib.pyplot as plt
import numpy as np

from helpers import figures
from helpers.figures import PALETTE
from helpers.recurrent.cells import CELLS


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Trailing mean over up to ``window`` values; the first ones average what there is."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    end = np.arange(1, len(values) + 1)
    start = np.maximum(0, end - window)
    return (total[end] - total[start]) / (end - start)


def learning_curves(
    runs: dict[tuple[str, int], dict[str, np.ndarray]], chance: float, window: int = 10
):
    """Accuracy over loss against the step; lightness codes the length, as in report 000.

    Args:
        runs: (name of a cell, T) -> curves with "accuracy" and "loss".
        chance: accuracy of a network that guesses, drawn across.
    """
    fig, axes = plt.subplots(2, 1, figsize=(8, 5.4), sharex=True)
    for model in dict.fromkeys(model for model, _ in runs):
        lengths = sorted(T for m, T in runs if m == model)
        for T, color in zip(lengths, figures.shades(CELLS[model].color, len(lengths)), strict=True):
            for ax, name in zip(axes, ("accuracy", "loss"), strict=True):
                values = smooth(runs[model, T][name], window)
                ax.plot(np.arange(1, len(values) + 1), values, color=color, linewidth=1.4)
            axes[0].plot([], [], color=color, label=f"{CELLS[model].label}, T = {T}")
    axes[0].axhline(chance, color=PALETTE["muted"], linestyle=":", linewidth=1)
    axes[0].set(ylabel="training-stream accuracy", ylim=(0, 1.03))
    axes[1].set(ylabel="loss in nats", xlabel="training step", ylim=(0, None))
    axes[0].legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return fig
