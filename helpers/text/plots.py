"""Figures of the text wing."""

import math

import matplotlib.pyplot as plt
import numpy as np

from helpers.figures import PALETTE
from helpers.text.training import History


def bpc_curve(history: History, baselines: dict[str, float], smooth: int = 20):
    """Bits per character against the training step, with baselines as lines.

    Args:
        baselines: name -> bits per character on the held-out text.
        smooth: training losses are averaged over this many steps.
    """
    fig, ax = plt.subplots(figsize=(8, 3.8))
    bits = np.array(history.loss) / math.log(2)
    kernel = np.ones(smooth) / smooth
    steps = np.arange(smooth, len(bits) + 1)
    if len(steps):
        averaged = np.convolve(bits, kernel, mode="valid")
        ax.plot(steps, averaged, color=PALETTE["calm"], label=f"training, mean of {smooth} steps")
    at = [look["step"] for look in history.valid]
    ax.plot(
        at,
        [look["bpc"] for look in history.valid],
        "o-",
        color=PALETTE["lstm"],
        markersize=4,
        label="held out",
    )
    for name, value in baselines.items():
        ax.axhline(value, color=PALETTE["muted"], linestyle="--", linewidth=1)
        ax.annotate(
            f"{name} {value:.2f}",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            fontsize=9,
        )
    ax.set(xlabel="training step", ylabel="bits per character", xlim=(0, None))
    ax.legend(loc="upper center")
    return fig
