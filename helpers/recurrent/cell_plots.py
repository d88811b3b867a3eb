"""Figures of what happens inside a cell."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.ticker import LogLocator, MaxNLocator

from helpers import colors
from helpers.checks import AnyTensor
from helpers.figures import PALETTE
from helpers.recurrent import note_taker
from helpers.recurrent.cells import CELLS


def _name(ax, x, y, text, color, **options):
    """The name of a curve beside its end."""
    place = {"xytext": (5, 0), "textcoords": "offset points", "va": "center"} | options
    ax.annotate(text, (x, y), color=color, annotation_clip=False, **place)


def squashing():
    """Sigmoid and tanh with their slopes: why gates use one and the candidate the other."""
    a = torch.linspace(-6, 6, 400)
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.9), sharex=True, sharey=True)
    for ax, function, title, slope in (
        (axes[0], torch.sigmoid, "sigmoid: a share, 0 to 1", lambda y: y * (1 - y)),
        (axes[1], torch.tanh, "tanh: a signed value, −1 to 1", lambda y: 1 - y**2),
    ):
        y = function(a)
        ax.plot(a, y, color=PALETTE["graph"])
        ax.plot(a, slope(y), "--", color=PALETTE["accent"])
        ax.axhline(0, color=PALETTE["muted"], linewidth=0.8)
        _name(ax, 6, y[-1], "value", PALETTE["graph"])
        _name(ax, 6, slope(y)[-1], "slope", PALETTE["accent"], xytext=(5, 7))
        ax.set(title=title, xlabel="pre-activation a", xticks=range(-6, 7, 3))
    axes[0].set_ylabel("value, and slope")
    return fig


def path_norms(norms: dict[str, AnyTensor]):
    """How much of a small change of the state is felt k steps later, for several memories.

    Args:
        norms: of :func:`.cell_memory.norms_over_distance`.
    """
    fig, ax = plt.subplots(figsize=(8, 3.3))
    hues = (CELLS["rnn"].color, PALETTE["graph"], PALETTE["accent"])
    for (name, values), color, style in zip(norms.items(), hues, ("-", "--", "-."), strict=True):
        ax.semilogy(values, style, color=color)
        _name(ax, len(values) - 1, values[-1], name, color)
    ax.set_xlabel("steps between the two states, T − t")
    ax.set_ylabel("norm of ∂(last state) / ∂(earlier)")
    ax.yaxis.set_major_locator(LogLocator(base=1e4, numticks=12))
    ax.minorticks_off()
    return fig


def memories(x: torch.Tensor, stages: list[str]):
    """What the note-taker's memory holds with more and more gates, against what it should hold.

    Args:
        x: of :func:`.note_taker.stream`.
        stages: names in :data:`.note_taker.STAGES`, a panel each, below one of what is read.
    """
    c_wanted, h_wanted = note_taker.wanted(x)
    t = np.arange(1, x.shape[1] + 1)
    fig, axes = plt.subplots(len(stages) + 1, 1, figsize=(8, 1.6 + 1.5 * len(stages)), sharex=True)
    stored, shown = x[0, :, 1] > 0, x[0, :, 2] > 0
    axes[0].bar(t, torch.tanh(x[0, :, 0]), width=0.5, color=colors.SKY)
    axes[0].bar(t[stored], torch.tanh(x[0, stored, 0]), width=0.5, color=PALETTE["graph"])
    axes[0].set(title="what is read: values, and flags", ylabel="tanh(value)", ylim=(-1.2, 1.9))
    for k in t[stored]:
        axes[0].text(k, 1.25, "store", ha="center", fontsize=9, color=PALETTE["graph"])
    for k in t[shown]:
        axes[0].text(k, 1.25, "show", ha="center", fontsize=9, color=PALETTE["accent"])
    for ax, name in zip(axes[1:], stages, strict=True):
        gates = note_taker.STAGES[name]
        c, h = note_taker.states(note_taker.note_taker(gates), x)
        last = "o" in gates
        value, aim, symbol = (h, h_wanted, "h_t") if last else (c, c_wanted, "c_t")
        ax.step(t, aim, where="mid", color=PALETTE["muted"], linewidth=5, alpha=0.45)
        ax.step(t, value, where="mid", color=PALETTE["ink"], linewidth=1.6)
        ax.set(title=f"{name}: ${symbol}$", ylabel=f"${symbol}$")
        ax.set_ylim(min(-1.5, float(value.min()) - 0.5), 1.3)
        ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        end = t[-1] + 0.2
        if max(abs(value - aim)) > 0.05:
            _name(ax, end, float(aim[-1]), "wanted", PALETTE["muted"], va="bottom")
            _name(ax, end, float(value[-1]), "held", PALETTE["ink"], va="top", xytext=(5, 3))
        else:
            _name(ax, end, float(aim[-1]), "wanted = held", PALETTE["ink"])
    axes[-1].set(xlabel="step t", xticks=t[::2])
    return fig


def forgetting(predicted: dict[str, torch.Tensor], measured: dict[str, torch.Tensor]):
    """What is left of a cell's state after k steps, for several initial forget biases.

    Args:
        predicted: name of a bias -> share left after k = 0, 1, … steps, drawn as a line.
        measured: the same from a network that reads, drawn as dots.
    """
    fig, ax = plt.subplots(figsize=(8, 3.4))
    hues = (PALETTE["accent"], colors.PURPLE, PALETTE["graph"], colors.GREEN)
    marks = ("o", "s", "^", "D")
    for (name, share), color, mark in zip(predicted.items(), hues, marks, strict=False):
        k = np.arange(len(share))
        ax.semilogy(k, share, color=color)
        at = slice(None, None, max(1, len(share) // 12))
        ax.semilogy(k[at], measured[name][at], mark, color=color, ms=5, mfc="white")
        inside = np.flatnonzero(np.asarray(share) > 2e-4)[-1]
        place = {"xytext": (6, 3), "ha": "left"} if inside < len(share) - 1 else {}
        _name(ax, k[inside], share[inside], name, color, **place)
    ax.axhline(0.5, color=PALETTE["muted"], linestyle=":", linewidth=1)
    ax.text(len(k) - 1, 0.53, "half", color=PALETTE["muted"], fontsize=9, ha="right", va="bottom")
    ax.set(xlabel="steps later, k", ylabel="share left", ylim=(1e-4, 1.5))
    return fig
