"""Figures of a trained LSTM that reads a palindrome, and of the probes into it."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers import colors
from helpers.figures import DIVERGING, PALETTE, SEQUENTIAL
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
    axes[0].set_ylabel("rank of the unit")
    fig.colorbar(image, ax=axes[0], pad=0.01)
    for gate, color, style, name in (
        ("f", PALETTE["accent"], "-", "forget"),
        ("i", PALETTE["graph"], "--", "input"),
        ("o", colors.GREEN, "-.", "output"),
    ):
        values = found[gate][0][:, units].mean(1)
        axes[1].plot(range(T), values, style, color=color)
        axes[1].annotate(
            name,
            (T - 1, values[-1]),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=color,
            annotation_clip=False,
        )
    axes[1].set(ylim=(0, 1.02), ylabel="mean gate")
    axes[1].set_title("gates, mean over these units")
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
    """How often a linear probe reads the first digit after each step, a panel a state.

    Args:
        accuracy: name of a network -> "c" and "h" -> accuracy after step 1, 2, …
    """
    fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.3), sharey=True)
    styles = ((colors.VERMILION, "o-"), (colors.BLUE, "s--"))
    for ax, state, title in zip(
        axes, ("c", "h"), ("from the cell state $c_t$", "from the output $h_t$"), strict=True
    ):
        for (name, states), (color, style) in zip(accuracy.items(), styles, strict=True):
            values = states[state]
            ax.plot(range(1, len(values) + 1), values, style, color=color, ms=4)
            flat = min(values) > 0.9
            at = len(values) * 3 // 4 if flat else int(np.argmin(values))
            ax.annotate(
                name,
                (at + 1, values[at]),
                xytext=(0, -8),
                textcoords="offset points",
                ha="center",
                va="top",
                color=color,
            )
        ax.axhline(CHANCE, color=PALETTE["muted"], linestyle=":")
        ax.text(1, CHANCE + 0.015, "guessing", color=PALETTE["muted"], fontsize=9)
        ax.set(title=title, xlabel="digits read so far, t", ylim=(0, 1.05))
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("share of test palindromes\nwhose first digit the probe names")
    return fig


def listening(shares: dict[str, torch.Tensor]):
    """Which digits the answer depends on, asked after each step: a panel a network.

    Args:
        shares: title -> of :func:`.probes.listening`.
    """
    fig, axes = plt.subplots(1, len(shares), figsize=(8.6, 4.3), sharey=True)
    for ax, (title, share) in zip(np.atleast_1d(axes), shares.items(), strict=True):
        T = len(share)
        read = np.ma.masked_where(np.triu(np.ones((T, T)), 1) > 0, share.numpy())
        image = ax.imshow(
            read, cmap=SEQUENTIAL, vmin=0, vmax=0.6, extent=(0.5, T + 0.5, T + 0.5, 0.5)
        )
        ax.set(title=title, xlabel="digit read at step t")
        ax.set_xticks(range(1, T + 1, 3))
        ax.set_yticks(range(1, T + 1, 3))
        ax.grid(False)
    np.atleast_1d(axes)[0].set_ylabel("asked after step s")
    fig.colorbar(image, ax=axes, pad=0.02, extend="max", label="share of the score's sensitivity")
    return fig


def writes(measured: dict[str, tuple[torch.Tensor, torch.Tensor]]):
    """What each step has left in the last cell state, and how much of it is about the first digit.

    Args:
        measured: name of a network -> of :func:`.probes.writes`.
    """
    fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.3))
    styles = ((colors.VERMILION, "-"), (colors.BLUE, "--"))
    for (name, panels), (color, style) in zip(measured.items(), styles, strict=True):
        for ax, values in zip(axes, panels, strict=True):
            place = np.arange(1, len(values) + 1) / len(values)
            ax.plot(place, values, style, color=color)
            ax.annotate(
                name,
                (1, values[-1]),
                xytext=(5, 0),
                textcoords="offset points",
                va="bottom" if style == "-" else "top",
                color=color,
                annotation_clip=False,
            )
    axes[0].set(title="left in the last cell state", ylabel="share of what is left", ylim=(0, None))
    axes[1].set(title="how much the first digit explains", ylabel="share of the write's variance")
    axes[1].set_ylim(0, 1.05)
    for ax in axes:
        ax.set_xlabel("step of the write, t / T")
    return fig
