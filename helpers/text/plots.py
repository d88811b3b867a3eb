"""Figures of the text wing."""

import itertools
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from helpers import figures
from helpers.checks import AnyTensor
from helpers.colors import BLUE
from helpers.figures import PALETTE
from helpers.foreign import in_figure
from helpers.recurrent import LSTM
from helpers.recurrent.plots import with_commas
from helpers.text.measures import entropy, nats_to_bits
from helpers.text.model_card import TRAININGS
from helpers.text.passages import visible
from helpers.text.sampling import next_distribution
from helpers.text.training import History
from helpers.text.vocabulary import Vocabulary


def bpc_curve(history: History, baselines: dict[str, float], smooth: int = 20):
    """Bits a character against the training step, with baselines as lines.

    Args:
        baselines: name -> bits a character on the held-out text.
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
        ax.text(
            1.01, value, f"{name} {value:.2f}", transform=ax.get_yaxis_transform(),
            fontsize=9, va="center",
        )  # fmt: skip
    ax.set(xlabel="training step", ylabel="bits a character", xlim=(0, None))
    with_commas(ax.xaxis)
    ax.legend(loc="center right")
    return fig


def book_model_curves(header: dict):
    """Loss, accuracy and bits a character over the book model's training, baselines as lines.

    The loss is drawn from near its end on, where most of the training passes; the bits show all.

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
    least = min(*curves["loss"], looks["loss"].min())
    axes[0].set_ylim(0.92 * least, 1.5 * least)
    axes[0].set_title(f"loss in nats, below {1.5 * least:.1f}")
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
    axes[2].set_title("bits a character")
    for ax in axes:
        ax.set_xlabel("training step")
        with_commas(ax.xaxis)
        plans = [header[name] for name in TRAININGS.values() if name in header]
        for begins in np.cumsum([plan["steps"] for plan in plans])[:-1]:
            ax.axvline(begins, color=PALETTE["ink"], linestyle=":", linewidth=1)
    axes[0].legend()
    return fig


#: Measures of what a model wrote that :func:`by_stage` draws.
STAGE_PANELS = (
    "bits a character",
    "letters a word",
    "known words",
    "known pairs",
    "marks in place",
    "names",
)


def by_stage(table: pd.DataFrame, novel: dict[str, float], shuffled: dict[str, float]):
    """Measures of what a model wrote against the training step, the novel's values as lines.

    Args:
        table: of :func:`.stages.by_stage`.
        novel, shuffled: of a :class:`.lexicon.Lexicon`; the second dotted.
    """
    fig, axes = plt.subplots(2, 3, figsize=(10, 4.6), sharex=True)
    room = (table.index[-1] / table.index[0]) ** 0.1  # between two numbers on the axis
    ticks = [table.index[-1]]
    for step in table.index[-2::-1]:
        if step * room <= ticks[-1]:
            ticks.append(step)
    for ax, measure in zip(axes.flat, STAGE_PANELS, strict=True):
        ax.plot(table.index, table[measure], "o-", color=LSTM.color, ms=4)
        values = table[measure].dropna().tolist()
        for known, style, name in ((novel, "--", "the novel"), (shuffled, ":", "shuffled")):
            if measure in known and (name == "the novel" or known[measure] < 0.9):
                ax.axhline(known[measure], color=PALETTE["ink"], linestyle=style, linewidth=1)
                values.append(known[measure])
                ax.text(
                    1.01, known[measure], name, transform=ax.get_yaxis_transform(),
                    fontsize=8, va="center",
                )  # fmt: skip
        # Shares are good to a few hundredths: a difference of less must not fill the panel.
        room = max(0.12 * (max(values) - min(values)), 0.04)
        low, high = min(values) - room, max(values) + room
        if measure in STAGE_PANELS[2:]:  # shares, of which none is beyond 0 or 1
            low, high = max(low, -0.015), min(high, 1.015)
        ax.set(xscale="log", ylim=(low, high))
        ax.set_title(measure, fontsize=9.5)
    for ax in axes[1]:
        ax.set_xlabel("training step")
        names = [f"{step:,}" for step in ticks]
        ax.set_xticks(ticks, names, fontsize=8, rotation=30, ha="right")
        ax.minorticks_off()
    return fig


def entropies(prompts: dict[str, AnyTensor], temperatures: np.ndarray):
    """Entropy of the next character against temperature, a curve a prompt, named at its end.

    Args:
        prompts: what was read -> the logits ``(V,)`` behind it.
    """
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.2))
    for (prompt, logits), color in zip(prompts.items(), figures.CYCLE, strict=False):
        p = torch.stack([next_distribution(logits, t) for t in temperatures])
        bits = nats_to_bits(entropy(p))
        spread = (p * (logits - (p * logits).sum(1, keepdim=True)) ** 2).sum(1)
        axes[0].plot(temperatures, bits, color=color, label=in_figure(f"“{prompt}”"))
        slope = spread / torch.from_numpy(temperatures) ** 3
        axes[1].plot(temperatures, nats_to_bits(slope), color=color)
        numeric = np.gradient(bits.numpy(), temperatures)
        few = slice(4, None, max(1, len(temperatures) // 12))
        axes[1].plot(temperatures[few], numeric[few], "o", color=color, ms=4)
    V = len(logits)
    axes[0].axhline(np.log2(V), color=PALETTE["ink"], linestyle="--", linewidth=1)
    axes[0].text(
        temperatures[0], np.log2(V) - 0.12, f"log₂ {V} = {np.log2(V):.2f}", va="top", fontsize=9
    )
    axes[0].set(xscale="log", xlabel="temperature", ylabel="bits")
    axes[0].set_title("entropy of the next character")
    axes[0].legend(fontsize=8.5, loc="lower right")
    axes[1].set(xscale="log", xlabel="temperature", ylabel="bits per unit of temperature")
    axes[1].set_title("its slope: Var / τ³, and differences (dots)")
    return fig


def nucleus_sizes(sizes: np.ndarray, top_p: float, top_k: int):
    """How many characters top-p keeps at the places of a text; top-k's number as a line."""
    fig, ax = plt.subplots(figsize=(8, 2.9))
    counts = np.bincount(sizes)[1:]
    ax.bar(np.arange(1, len(counts) + 1), counts / len(sizes), color=BLUE, width=0.8)
    ax.axvline(top_k, color=PALETTE["accent"], linestyle="--", linewidth=1.2)
    ax.text(top_k + 0.2, 0.95 * ax.get_ylim()[1], f"top-k keeps {top_k} everywhere", va="top")
    ax.set_xticks(range(1, len(counts) + 1))
    ax.set(xlabel=f"characters that top-p with P = {top_p:g} keeps", ylabel="share of places")
    return fig


def next_character(
    logits: AnyTensor,
    vocab: Vocabulary,
    temperatures: tuple[float, ...],
    most: int = 18,
):
    """The likeliest next characters, a panel a temperature.

    Args:
        logits: ``(V,)``.
    """
    fig, axes = plt.subplots(1, len(temperatures), figsize=(10, 2.4), sharey=True)
    order = logits.argsort(descending=True)[:most]
    names = [in_figure(visible(vocab.characters[k])) for k in order.tolist()]
    top = 1.05 * max(next_distribution(logits, t).max().item() for t in temperatures)
    for ax, temperature in zip(np.atleast_1d(axes), temperatures, strict=True):
        p = next_distribution(logits, temperature)
        ax.bar(range(len(order)), p[order].tolist(), color=BLUE)
        ax.set_xticks(range(len(order)), names, family="monospace", fontsize=8)
        ax.tick_params(axis="x", length=0)
        ax.set_title(f"temperature {temperature:g}")
        ax.set_ylim(0, top)
    np.atleast_1d(axes)[0].set_ylabel("probability")
    return fig


def by_position(bits: dict[str, Sequence[float]], trained_on: int | None = None):
    """Bits a character against the position since the state was reset, averaged in bins.

    Args:
        bits: name -> mean bits at position 1, 2, …
        trained_on: the length of the training windows, drawn as a line.
    """
    fig, ax = plt.subplots(figsize=(8, 3.3))
    # None of them dotted, as the line across is.
    lines = itertools.cycle(("-", "--", "-.", (0, (6, 1.5, 1, 1.5, 1, 1.5))))
    for (name, values), color, line in zip(bits.items(), figures.CYCLE, lines, strict=False):
        positions = np.arange(1, len(values) + 1)
        edges = np.unique(np.geomspace(1, len(values) + 1, 25).astype(int))
        bins = [slice(a - 1, b - 1) for a, b in itertools.pairwise(edges)]
        x = [np.exp(np.log(positions[each]).mean()) for each in bins]
        y = [np.mean(values[each]) for each in bins]
        ax.plot(x, y, label=in_figure(name), color=color, linestyle=line)
    if trained_on is not None:
        ax.axvline(trained_on, color=PALETTE["muted"], linestyle=":", linewidth=1.2)
        ax.text(
            trained_on * 0.95, ax.get_ylim()[1], f"windows of {trained_on} end here",
            va="top", ha="right", fontsize=9,
        )  # fmt: skip
    ax.set(xscale="log", xlabel="characters read since the reset", ylabel="bits a character")
    with_commas(ax.xaxis)
    ax.legend(handlelength=2.8)
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


def lever_worth(worth: pd.DataFrame):
    """Bits a character that each lever saves: the mean over the seeds as a dot, their range a line.

    Args:
        worth: of :func:`helpers.text.levers.worth`.
    """
    fig, ax = plt.subplots(figsize=(8, 0.7 + 0.29 * len(worth)))
    at = np.arange(len(worth))[::-1]
    ax.axvline(0, color=PALETTE["muted"], linewidth=1)
    ax.hlines(at, worth["least"], worth["most"], color=LSTM.color, linewidth=2)
    ax.plot(worth["gain"], at, "o", color=LSTM.color, ms=6)
    ax.set_yticks(at, worth.index)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("bits a character saved (left of the line: lost)")
    ax.grid(axis="y", visible=False)
    return fig


def while_learning(measured: dict, smooth: int = 5):
    """Bits a character along each text, of the model that stays still and of the one that learns.

    Args:
        measured: of :func:`helpers.text.dynamic.read`.
        smooth: blocks that each point is the mean of.
    """
    texts = measured["texts"]
    fig, axes = plt.subplots(1, len(texts), figsize=(10, 3.2), squeeze=False)
    for ax, (title, text) in zip(axes[0], texts.items(), strict=True):
        styles = {"still": (PALETTE["graph"], "--"), "learning": (LSTM.color, "-")}
        for name, (color, style) in styles.items():
            mean = np.convolve(text[name]["blocks"], np.ones(smooth) / smooth, mode="valid")
            read = np.arange(smooth, len(mean) + smooth) * measured["block"] / 1000
            ax.plot(read, mean, style, color=color, linewidth=1.5, label=name)
        ax.set_title(title)
        ax.set(xlabel="thousands of characters read", xlim=(0, None))
    axes[0, 0].set_ylabel("bits a character")
    axes[0, 0].legend()
    return fig
