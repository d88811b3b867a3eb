"""Figures of a trained LSTM that reads a palindrome, and of the probes into it."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers import colors
from helpers.figures import DIVERGING, PALETTE
from helpers.palindromes.tasks.palindromes import CHANCE


def opened_cell(found: dict[str, torch.Tensor], digits: list[int], units: torch.Tensor):
    """One palindrome's way through a trained LSTM: cell state, gates, and the answer so far.

    Args:
        found: of :func:`.probes.traces`, one sample.
        digits: fed in.
        units: rows to show, those that keep the first digit first.
    """
    T = len(digits)
    fig, axes = plt.subplots(3, 1, figsize=(8, 6.6), sharex=True, height_ratios=[2.2, 1.3, 1.5])
    cell = found["c"][0][:, units].T.numpy()
    bound = max(np.abs(cell).max(), 1e-6)
    image = axes[0].imshow(
        cell, aspect="auto", cmap=DIVERGING, vmin=-bound, vmax=bound, interpolation="nearest"
    )
    axes[0].set_title("cell state $c_t$, units that keep the first digit on top")
    axes[0].set_ylabel("unit")
    fig.colorbar(image, ax=axes[0], pad=0.01)
    for gate, color, name in (
        ("f", PALETTE["accent"], "forget"),
        ("i", PALETTE["graph"], "input"),
        ("o", colors.GREEN, "output"),
    ):
        axes[1].plot(range(T), found[gate][0][:, units].mean(1), color=color, label=name)
    axes[1].set(ylim=(0, 1.02), ylabel="mean gate")
    axes[1].set_title("gates, mean over these units")
    axes[1].legend(loc="lower right", ncols=3, bbox_to_anchor=(1.0, 0.98), borderaxespad=0.2)
    answer = axes[2].imshow(
        found["answer"][0].T, aspect="auto", cmap="mako_r", vmin=0, vmax=1, interpolation="nearest"
    )
    axes[2].set(ylabel="digit", yticks=range(0, 10, 3))
    axes[2].set_title("what the read-out would answer after each step")
    fig.colorbar(answer, ax=axes[2], pad=0.01)
    axes[2].set_xticks(range(T), [str(d) for d in digits])
    axes[2].set_xlabel("digits as they are read")
    for ax in (axes[0], axes[2]):
        ax.grid(False)
    return fig


def probe_curves(accuracy: dict[str, dict[str, list[float]]]):
    """How well a linear probe reads the first digit after each step.

    Args:
        accuracy: name of a network -> "c" and "h" -> accuracy after step 1, 2, …
    """
    fig, ax = plt.subplots(figsize=(8, 3.2))
    hues = (colors.VERMILION, colors.SKY, colors.GREEN)
    for (name, states), color in zip(accuracy.items(), hues, strict=False):
        for state, style in (("c", "o-"), ("h", "s--")):
            steps = range(1, len(states[state]) + 1)
            ax.plot(steps, states[state], style, color=color, ms=4, label=f"{name}, ${state}_t$")
    ax.axhline(CHANCE, color=PALETTE["muted"], linestyle=":", label="guessing")
    ax.set(xlabel="after step t", ylabel="first digit read right", ylim=(0, 1.04))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig
