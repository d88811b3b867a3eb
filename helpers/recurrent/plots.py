"""Figures of the recurrent wing."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import StrMethodFormatter

from helpers import figures
from helpers.figures import PALETTE
from helpers.recurrent.cells import CELLS

#: The two networks are told apart by their lines as well as by their colours.
LINES = {"rnn": "-", "lstm": (0, (4, 1.2))}


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Trailing mean over up to ``window`` values; the first ones average what there is."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    end = np.arange(1, len(values) + 1)
    start = np.maximum(0, end - window)
    return (total[end] - total[start]) / (end - start)


def with_commas(axis: Axis) -> None:
    """Numbers along an axis, of training steps mostly, as the text writes them: 3,000."""
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))


def learning_curves(
    runs: dict[tuple[str, int], dict[str, np.ndarray]], chance: float, window: int = 10
):
    """Accuracy over loss against the step; lightness codes the length, as in report 000.

    The LSTM's lines are dashed.

    Args:
        runs: (name of a cell, T) -> curves with "accuracy" and "loss".
        chance: accuracy of a network that guesses, drawn across.
    """
    fig, axes = plt.subplots(2, 1, figsize=(8, 5.4), sharex=True)
    for model in dict.fromkeys(model for model, _ in runs):
        lengths = sorted(T for m, T in runs if m == model)
        line = LINES.get(model, "-")
        for T, color in zip(lengths, figures.shades(CELLS[model].color, len(lengths)), strict=True):
            style = {"color": color, "linestyle": line, "linewidth": 1.4}
            for ax, name in zip(axes, ("accuracy", "loss"), strict=True):
                values = smooth(runs[model, T][name], window)
                ax.plot(np.arange(1, len(values) + 1), values, **style)
            axes[0].plot([], [], label=f"{CELLS[model].label}, T = {T}", **style)
    axes[0].axhline(chance, color=PALETTE["muted"], linestyle=":", linewidth=1)
    axes[0].set(ylabel="training-stream accuracy", ylim=(0, 1.03))
    axes[1].set(ylabel="loss in nats", xlabel="training step", ylim=(0, None))
    with_commas(axes[1].xaxis)
    # Where the curves have passed; the line of chance, below, stays in sight.
    axes[0].legend(loc="lower right", bbox_to_anchor=(1.0, chance + 0.02))
    return fig
