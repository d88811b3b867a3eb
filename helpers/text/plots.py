"""Figures of the text wing."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from helpers import figures
from helpers.colors import BLUE
from helpers.figures import PALETTE
from helpers.recurrent import LSTM
from helpers.text.measures import nats_to_bits
from helpers.text.passages import visible
from helpers.text.sampling import next_distribution
from helpers.text.training import History
from helpers.text.vocabulary import Vocabulary


def bpc_curve(history: History, baselines: dict[str, float], smooth: int = 20):
    """Bits per character against the training step, with baselines as lines.

    Args:
        baselines: name -> bits per character on the held-out text.
        smooth: training losses are averaged over this many steps.
    """
    fig, ax = plt.subplots(figsize=(8, 3.8))
    bits = nats_to_bits(np.array(history.loss))
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
        color=LSTM.color,
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


def book_model_curves(header: dict):
    """Loss, accuracy and bits per character over the book model's training, baselines as lines.

    Args:
        header: of :func:`.book_model.train_and_save`.
    """
    curves, baselines = header["curves"], header["baselines"]["valid"]
    steps = (np.arange(len(curves["loss"])) + 1) * curves["every"]
    looks = pd.DataFrame(curves["valid"])
    fig, axes = plt.subplots(1, 3, figsize=(10, 3.5))
    train, valid = PALETTE["calm"], LSTM.color
    axes[0].plot(steps, curves["loss"], color=train, label="training")
    axes[0].plot(looks["step"], looks["loss"], color=valid, label="validation")
    axes[0].set_title("loss in nats")
    axes[1].plot(steps, curves["accuracy"], color=train)
    axes[1].plot(looks["step"], looks["accuracy"], color=valid)
    axes[1].set_title("accuracy")
    axes[2].plot(steps, nats_to_bits(np.array(curves["loss"])), color=train)
    axes[2].plot(looks["step"], looks["bpc"], color=valid)
    for name, value in baselines.items():
        axes[2].axhline(value, color=PALETTE["muted"], linestyle="--", linewidth=0.9)
        axes[2].text(
            1.02, value, f"{name} {value:.2f}", transform=axes[2].get_yaxis_transform(),
            fontsize=8, va="center",
        )  # fmt: skip
    axes[2].set_title("bits per character")
    for ax in axes:
        ax.set_xlabel("training step")
    axes[0].legend()
    return fig


def next_character(
    logits: torch.Tensor, vocab: Vocabulary, temperatures: tuple[float, ...], most: int = 18
):
    """The likeliest next characters, a panel a temperature.

    Args:
        logits: ``(V,)``.
    """
    fig, axes = plt.subplots(1, len(temperatures), figsize=(10, 2.4), sharey=True)
    order = logits.argsort(descending=True)[:most]
    names = [visible(vocab.characters[k]) for k in order.tolist()]
    for ax, temperature in zip(np.atleast_1d(axes), temperatures, strict=True):
        p = next_distribution(logits, temperature)
        ax.bar(range(len(order)), p[order], color=BLUE)
        ax.set_xticks(range(len(order)), names, family="monospace", fontsize=8)
        ax.tick_params(axis="x", length=0)
        ax.set_title(f"temperature {temperature:g}")
        ax.set_ylim(0, 1.02)
    np.atleast_1d(axes)[0].set_ylabel("probability")
    return fig


def by_position(bits: dict[str, np.ndarray], trained_on: int | None = None):
    """Bits per character against the position since the state was reset, averaged in bins.

    Args:
        bits: name -> mean bits at position 1, 2, …
        trained_on: the length of the training windows, drawn as a line.
    """
    fig, ax = plt.subplots(figsize=(8, 3.3))
    for (name, values), color in zip(bits.items(), figures.CYCLE, strict=False):
        positions = np.arange(1, len(values) + 1)
        edges = np.unique(np.geomspace(1, len(values) + 1, 25).astype(int))
        bins = [slice(a - 1, b - 1) for a, b in itertools.pairwise(edges)]
        x = [np.exp(np.log(positions[each]).mean()) for each in bins]
        y = [np.mean(values[each]) for each in bins]
        ax.plot(x, y, label=name, color=color, linewidth=1.5)
    if trained_on is not None:
        ax.axvline(trained_on, color=PALETTE["muted"], linestyle=":", linewidth=1.2)
        ax.text(trained_on * 1.05, ax.get_ylim()[1], f"{trained_on}", va="top", fontsize=9)
    ax.set(xscale="log", xlabel="characters read since the reset", ylabel="bits per character")
    ax.legend()
    return fig


def against_temperature(table: pd.DataFrame, book: dict[str, float]):
    """Measures of generated text against temperature; the book's own value as a line.

    Args:
        table: a column "temperature" and one a measure.
        book: measure -> the value of the held-out text.
    """
    measures = [column for column in table.columns if column != "temperature"]
    fig, axes = plt.subplots(1, len(measures), figsize=(10, 2.9), squeeze=False)
    axes = axes[0]
    for ax, measure in zip(axes, measures, strict=True):
        ax.plot(table["temperature"], table[measure], "o-", color=LSTM.color, ms=4)
        if measure in book:
            ax.axhline(book[measure], color=PALETTE["ink"], linestyle="--", linewidth=1)
        ax.set_title(measure, fontsize=9.5)
        ax.set_xlabel("temperature")
    axes[0].plot([], [], "--", color=PALETTE["ink"], label="the book")
    axes[0].legend(fontsize=8.5)
    return fig
