"""Figures of what happens inside a cell."""

import matplotlib.pyplot as plt
import torch

from helpers.figures import PALETTE


def squashing():
    """Sigmoid and tanh with their slopes: why gates use one and the candidate the other."""
    x = torch.linspace(-6, 6, 400)
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.7), sharex=True)
    for ax, function, name, slope in (
        (axes[0], torch.sigmoid, "sigmoid: a share, 0 to 1", lambda y: y * (1 - y)),
        (axes[1], torch.tanh, "tanh: a signed value, −1 to 1", lambda y: 1 - y**2),
    ):
        y = function(x)
        ax.plot(x, y, color=PALETTE["graph"], label="value")
        ax.plot(x, slope(y), "--", color=PALETTE["accent"], label="slope")
        ax.axhline(0, color=PALETTE["muted"], linewidth=0.8)
        ax.set_title(name)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig
