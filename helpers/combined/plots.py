"""Figures of notebook 07: every seed a dot, what can be known as a line."""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pandas as pd
import seaborn as sns
import torch

from helpers import figures
from helpers.combined.archive import AS_IN_04, BEST_SETTING, ComparisonArchive
from helpers.combined.layouts import clear_layout
from helpers.combined.links import one_of_both
from helpers.combined.networks import kind_of
from helpers.combined.reconciled import right_of, settings_at
from helpers.combined.small_graphs import serialise, visiting_order
from helpers.combined.structure import chain, mirrored
from helpers.figures import PALETTE
from helpers.palindromes.tasks.palindromes import DIGITS
from helpers.recurrent import LSTM
from helpers.runtime import generator

FORMS = {
    "sequence": "read from left to right",
    "chain": "a chain of nodes",
    "mirror": "mirrored nodes joined",
}
LINKED = {
    "reader": ("LSTM, addresses as input", LSTM.color, "o"),
    "graph": ("graph, links only", PALETTE["calm"], "s"),
    "graph+": ("graph, links and chain", PALETTE["graph"], "D"),
    "combined": ("LSTM, then graph", PALETTE["ink"], "^"),
}
#: A mark for each network, so that colour is not all that tells them apart.
MARKERS = {"rnn": "o", "lstm": "s", "gcn": "^", "gat": "v", "gated": "D"}


def palindrome_graphs(digits: list[int], rounds: int):
    """The chain and the mirrored graph; blue nodes are heard by the blank after ``rounds``."""
    N = len(digits)
    fig, axes = plt.subplots(1, 2, figsize=(10, 2.7))
    for ax, A, title in zip(axes, (chain(N), mirrored(N)), ("chain", "mirrored"), strict=True):
        graph = nx.from_numpy_array(A.numpy())
        hops = nx.single_source_shortest_path_length(graph, N - 1)
        for u, v in graph.edges:
            bow = 0 if v - u == 1 else (v - u) / N
            _arc(ax, u, v, bow)
        for k, digit in enumerate(digits):
            heard = hops[k] <= rounds
            blank = k == N - 1
            fill = PALETTE["source"] if blank else PALETTE["calm"] if heard else "white"
            edge = PALETTE["accent"] if k == 0 else PALETTE["ink"]
            width = 2.6 if k == 0 else 1.0
            ax.scatter(k, 0, s=420, color=[fill], edgecolor=edge, linewidth=width, zorder=2)
            ax.text(k, 0, "?" if blank else str(digit), ha="center", va="center", weight="bold")
        heard = "heard" if hops[0] <= rounds else "not heard yet"
        unit = "round" if rounds == 1 else "rounds"
        ax.set_title(f"{title}, {rounds} {unit}: the first digit is {heard}")
        ax.set(xlim=(-0.7, N - 0.3), ylim=(-0.5, 1.6))
        ax.set_axis_off()
    return fig


def _arc(ax, u: int, v: int, height: float) -> None:
    t = np.linspace(0, 1, 40)
    y = 1.35 * height * 4 * t * (1 - t)
    ax.plot(u + (v - u) * t, y, color=PALETTE["muted"], linewidth=1.3, zorder=1)


def structure(comparisons: ComparisonArchive):
    """Held-out accuracy against length: a panel a form, every seed a dot, the mean a line.

    The LSTM is there twice: as it was compared, and at its best setting.
    """
    runs = comparisons.part("structure")
    best = comparisons.by_setting("lstm_settings")[BEST_SETTING]
    fig, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True)
    lengths = sorted(runs["T"].unique())
    place = {T: k for k, T in enumerate(lengths)}
    rng = np.random.default_rng(0)
    for ax, (form, title) in zip(axes, FORMS.items(), strict=True):
        of_form = runs[runs["structure"] == form]
        drawn = {
            kind_of(m).label: of_form[of_form["model"] == m] for m in of_form["model"].unique()
        }
        if form == "sequence":
            drawn["LSTM, best setting"] = best
        for label, part in drawn.items():
            kind, mark = kind_of(part["model"].iloc[0]), MARKERS[part["model"].iloc[0]]
            hollow = part is best
            x = part["T"].map(place).astype(float) + rng.uniform(-0.09, 0.09, len(part))
            edge = {"mfc": "none", "mew": 0.8} if hollow else {"mew": 0}
            ax.plot(x, part["accuracy"], mark, color=kind.color, ms=3.5, alpha=0.55, **edge)
            mean = part.groupby("T")["accuracy"].mean()
            at, style = [place[T] for T in mean.index], "--" if hollow else "-"
            face = "white" if hollow else kind.color
            shown = {"marker": mark, "ms": 6, "mfc": face, "label": label}
            ax.plot(at, mean, style, color=kind.color, **shown)
        ax.axhline(1 / DIGITS, color=PALETTE["muted"], linestyle=":", linewidth=1)
        ax.set_xticks(range(len(lengths)), [str(T) for T in lengths])
        ax.set(title=title, xlabel="T, digits shown", ylim=(0, 1.04))
        ax.set_xlim(-0.3, len(lengths) - 0.7)
    axes[0].set_ylabel("held-out accuracy")
    axes[2].text(3.25, 1 / DIGITS + 0.01, "chance", fontsize=8, color=PALETTE["muted"], ha="right")
    found = {}
    for ax in axes:
        found |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    axes[2].legend(found.values(), found.keys(), loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figures.credit(fig, comparisons.credit(pd.concat([runs, best])))
    return fig


def lstm_settings(comparisons: ComparisonArchive, T: int = 20):
    """The LSTM at one length: a row a setting, a dot a seed, a bar at the mean; seeds right."""
    settings = settings_at(comparisons, T)
    fig, ax = plt.subplots(figsize=(8.4, 0.26 * len(settings) + 1.1))
    for row, (name, runs) in enumerate(settings.items()):
        emphasis = name in ("as compared", BEST_SETTING)
        color = LSTM.color if emphasis else PALETTE["graph"]
        y = row + np.linspace(-0.2, 0.2, len(runs))
        ax.plot(runs["accuracy"], y, "o", color=color, ms=4, alpha=0.7, mew=0)
        ax.plot([runs["accuracy"].mean()] * 2, [row - 0.36, row + 0.36], color=color, linewidth=2.2)
        ax.text(1.05, row, right_of(runs), va="center", fontsize=8.5)
    ax.axvline(1 / DIGITS, color=PALETTE["muted"], linestyle=":", linewidth=1.2)
    ax.text(1 / DIGITS, -0.7, "chance", fontsize=8, ha="center", va="bottom")
    ax.text(1.05, -0.7, "right", fontsize=8, weight="bold", va="bottom")
    names = [name.replace(f"{AS_IN_04}, without:", "as in 04, but not") for name in settings]
    names = [name.replace("W_hh", "$W_{hh}$") for name in names]
    ax.set_yticks(range(len(settings)), names)
    for label, name in zip(ax.get_yticklabels(), settings, strict=True):
        label.set_weight("bold" if name in ("as compared", BEST_SETTING) else "normal")
    ax.set_ylim(len(settings) - 0.5, -0.6)
    ax.set(xlabel=f"held-out accuracy at T = {T}", xlim=(0, 1.03))
    figures.credit(fig, comparisons.credit(pd.concat(settings.values())))
    return fig


def pedigree(comparisons: ComparisonArchive):
    """Family trees: a row a setting; all who are asked, and those with a long line of mothers."""
    settings = comparisons.by_setting("pedigree")
    fig, ax = plt.subplots(figsize=(8.6, 0.36 * len(settings) + 1.5))
    for row, runs in enumerate(settings.values()):
        color = kind_of(runs["model"].iloc[0]).color
        for column, mark, lift in (("accuracy", "o", -0.16), ("far", "D", 0.16)):
            y = [row + lift] * len(runs)
            face = color if column == "accuracy" else "white"
            ax.plot(runs[column], y, mark, color=color, mfc=face, ms=5, alpha=0.8)
    for mark, face, name in (
        ("o", PALETTE["ink"], "anybody of the younger half"),
        ("D", "white", "five or more generations of mothers up to a founder"),
    ):
        ax.plot([], [], mark, color=PALETTE["ink"], mfc=face, ms=5, label=name)
    ax.axvline(0.5, color=PALETTE["muted"], linestyle=":", linewidth=1.2)
    ax.text(0.5, -0.65, "guessing", fontsize=8, ha="center", va="bottom")
    ax.set_yticks(range(len(settings)), list(settings))
    ax.set_ylim(len(settings) - 0.5, -0.55)
    ax.set(xlabel="people right", xlim=(0.4, 1.03))
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=1)
    figures.credit(fig, comparisons.credit(comparisons.part("pedigree")))
    return fig


def attention_map(comparisons: ComparisonArchive, T: int):
    """Where each position looks; the mirrored position is outlined for those that must answer."""
    attention = comparisons.curves[f"attention {T}"].astype(np.float32)
    N, blanks = len(attention), (T + 1) // 2
    fig, ax = plt.subplots(figsize=(6.2, 4.6))
    sns.heatmap(
        attention[-blanks:],
        ax=ax,
        cmap=figures.SEQUENTIAL,
        vmin=0,
        vmax=1,
        cbar_kws={"label": "attention"},
    )
    for row, u in enumerate(range(N - blanks, N)):
        box = plt.Rectangle((N - 1 - u, row), 1, 1, fill=False, edgecolor=PALETTE["accent"], lw=1.4)
        ax.add_patch(box)
    ticks = range(0, N, max(1, N // 8))
    ax.set_xticks([t + 0.5 for t in ticks], [str(t + 1) for t in ticks], rotation=0)
    rows = range(0, blanks, max(1, blanks // 6))
    ax.set_yticks([r + 0.5 for r in rows], [str(N - blanks + r + 1) for r in rows], rotation=0)
    ax.set(xlabel="position that is heard", ylabel="position that must answer")
    ax.set_title(f"T = {T}; outlined: the mirrored position")
    return fig


def graph_tasks(comparisons: ComparisonArchive, column: str, label: str):
    """One number of every run: a panel a task, a row a setting; dotted: the largest class."""
    runs = comparisons.part("serialised")
    settings = list(dict.fromkeys(runs["setting"]))
    tasks = list(dict.fromkeys(runs["task"]))
    fig, axes = plt.subplots(1, len(tasks), figsize=(10, 0.3 * len(settings) + 1.2), sharey=True)
    for ax, task in zip(axes, tasks, strict=True):
        part = runs[runs["task"] == task]
        for row, name in enumerate(settings):
            found = part[part["setting"] == name]
            color = kind_of(found["model"].iloc[0]).color
            y = row + np.linspace(-0.2, 0.2, len(found))
            ax.plot(found[column], y, "o", color=color, ms=4, alpha=0.8, mew=0)
        if column == "accuracy":
            majority = part["majority"].iloc[0]
            ax.axvline(majority, color=PALETTE["ink"], linestyle=":", linewidth=1.2)
        ax.set(title=task, xlabel=label, xlim=(-0.03, 1.03))
        ax.set_yticks(range(len(settings)), settings)
    axes[0].set_ylim(len(settings) - 0.5, -0.5)
    figures.credit(fig, comparisons.credit(runs))
    return fig


def links(comparisons: ComparisonArchive):
    """Accuracy against the number of digits; dashed: :func:`.links.one_of_both`."""
    runs = comparisons.part("links")
    fig, ax = plt.subplots(figsize=(7.6, 3.6))
    lengths = sorted(runs["L"].unique())
    for model, (label, color, mark) in LINKED.items():
        part = runs[runs["model"] == model]
        x = part["L"].map({L: k for k, L in enumerate(lengths)}).astype(float)
        of_length = part.groupby("L").cumcount()
        jitter = 0.12 * (of_length / max(1, of_length.max()) - 0.5)
        ax.plot(x + jitter, part["accuracy"], mark, color=color, ms=3.5, alpha=0.6, mew=0)
        mean = part.groupby("L")["accuracy"].mean()
        ax.plot(range(len(lengths)), mean, color=color, marker=mark, ms=5)
        ax.annotate(
            label,
            (len(lengths) - 1, mean.iloc[-1]),
            (17, 0),
            textcoords="offset points",
            va="center",
        )
    for known, style, name in (
        ([one_of_both(L) for L in lengths], "--", "one of both neighbours"),
        ([1 / DIGITS] * len(lengths), ":", "chance"),
    ):
        ax.plot(known, color=PALETTE["ink"], linestyle=style, linewidth=1.2, zorder=3)
        ax.text(0.5, min(known[:2]) - 0.03, name, fontsize=8.5, color=PALETTE["ink"], va="top")
    ax.set_xticks(range(len(lengths)), [str(L) for L in lengths])
    ax.set(xlabel="L, digits in the text", ylabel="answers right", ylim=(0, 1.04))
    ax.set_xlim(-0.25, len(lengths) - 0.8)
    figures.credit(fig, comparisons.credit(runs))
    return fig


def dots_and_lines(groups: dict[str, pd.Series], known: dict[str, float], label: str, credit: str):
    """A row a group with a dot a run; a dashed line, with its name, for what is known."""
    fig, ax = plt.subplots(figsize=(8.4, 0.42 * len(groups) + 1.7))
    everything = [*known.values(), *(value for values in groups.values() for value in values)]
    for row, values in enumerate(groups.values()):
        y = row + np.linspace(-0.18, 0.18, len(values))
        ax.plot(values, y, "o", color=PALETTE["graph"], ms=5, alpha=0.75, mew=0)
    near = 0.22 * (max(everything) - min(everything))
    before, raised = -np.inf, True
    for name, value in sorted(known.items(), key=lambda item: item[1]):
        ax.axvline(value, color=PALETTE["accent"], linestyle="--", linewidth=1.1)
        # A name stands higher where it would run into the one before.
        raised = value - before < near and not raised
        before, height = value, -0.98 if raised else -0.62
        ax.text(value, height, name, ha="center", va="bottom", fontsize=8.5)
    ax.set_yticks(range(len(groups)), list(groups))
    ax.set_ylim(len(groups) - 0.5, -0.55)
    ax.set_xlabel(label)
    ax.set_title(" ", fontsize=16)  # room for the names above
    figures.credit(fig, credit)
    return fig


def serialisations(A: torch.Tensor, marks: torch.Tensor, orders: tuple[str, ...]):
    """One graph, and what a reader sees of it in each order: rows are steps."""
    fig, axes = plt.subplots(1, 1 + len(orders), figsize=(10, 3.0))
    fig.get_layout_engine().set(w_pad=0.12)
    numbers = [str(k + 1) for k in range(len(A))]
    network(axes[0], A, marks, numbers)
    for ax, order in zip(axes[1:], orders, strict=True):
        visited = visiting_order(A, order, generator("drawn"))
        x = serialise(A[None], marks[None], visited[None])[0]
        sns.heatmap(x, ax=ax, cmap=figures.SEQUENTIAL, cbar=False, linewidths=0.4, square=True)
        names = [numbers[k] for k in visited]
        ax.set_yticks(np.arange(len(A)) + 0.5, names, rotation=0, fontsize=7)
        ax.set_xticks(np.arange(len(A)) + 0.5, names, rotation=0, fontsize=7)
        ax.text(len(A) + 0.5, len(A) + 0.3, "mark", rotation=90, ha="center", va="top", fontsize=7)
        ax.tick_params(length=0, pad=2)
        ax.axvline(len(A), color=PALETTE["accent"], linewidth=1.6)
        title = "random order" if order == "random" else order.upper()
        ax.set_title(title)
        ax.set_xlabel("links to earlier nodes", fontsize=8)
    return fig


def network(ax, A: torch.Tensor, marks: torch.Tensor, numbers: list[str]) -> None:
    """A small graph with numbered nodes; marked ones are filled."""
    graph = nx.from_numpy_array(A.numpy())
    places = clear_layout(graph)
    for u, v in graph.edges:
        ax.plot(*zip(places[u], places[v], strict=True), color=PALETTE["muted"], lw=1.2, zorder=1)
    for k, (x, y) in places.items():
        fill = PALETTE["source"] if marks[k] else "white"
        ax.scatter(x, y, s=190, color=[fill], edgecolor=PALETTE["ink"], linewidth=1.0, zorder=2)
        ax.text(x, y, numbers[k], ha="center", va="center", fontsize=8, zorder=3)
    ax.set_axis_off()
    ax.margins(0.12)


def relabelled(A, marks, numbers: list[str], answers: dict[str, torch.Tensor], target: int):
    """A graph under some numbering, and what each network answers."""
    fig, axes = plt.subplots(1, 1 + len(answers), figsize=(10, 2.9), width_ratios=[1.2, 1, 1])
    network(axes[0], A, marks, numbers)
    for ax, (name, probabilities) in zip(axes[1:], answers.items(), strict=True):
        hops = np.arange(len(probabilities)) + 1
        chosen = int(probabilities.argmax())
        colors = [PALETTE["accent"] if k == chosen else PALETTE["calm"] for k in range(len(hops))]
        ax.bar(hops, probabilities.numpy(), color=colors)
        ax.set_xticks(hops)
        right = "right" if chosen == target else "wrong"
        ax.set(title=f"{name}: {right}", xlabel="hops between the filled nodes", ylim=(0, 1))
    axes[1].set_ylabel("probability")
    return fig


def series_window(x: torch.Tensor, forecasts: dict[str, torch.Tensor], nodes: tuple[int, ...]):
    """Some nodes' last values, and the next one as it was and as each network forecasts it.

    Args:
        forecasts: of the LSTM, of the GCN, and of both together.
    """
    # Colours as in the other figures: the combined network is the LSTM, then graph, of the links.
    styles = (("s", LSTM.color), ("D", kind_of("gcn").color), ("^", LINKED["combined"][1]))
    fig, axes = plt.subplots(1, len(nodes), figsize=(10, 2.7), sharey=True)
    for k, (ax, node) in enumerate(zip(axes, nodes, strict=True)):
        past = x[:-1, node]
        steps = np.arange(-len(past) + 1, 1)
        ax.plot(steps, past, color=PALETTE["muted"])
        # All of the shaded region is the one next step: side by side, none hides another.
        last = len(forecasts) + 1
        ax.axvspan(0.4, last + 0.6, color=PALETTE["grid"], alpha=0.6, linewidth=0)
        ring = {"mfc": "white", "mew": 1.6, "ms": 7.5}
        ax.plot(1, x[-1, node], "o", color=PALETTE["ink"], label="what came", **ring)
        for j, ((name, values), (mark, color)) in enumerate(
            zip(forecasts.items(), styles, strict=True)
        ):
            ax.plot(2 + j, values[node], mark, color=color, label=name, ms=6)
        ax.set_xticks([-10, -5, 0, (1 + last) / 2], ["−10", "−5", "0", "next"])
        ax.set(title=f"node {node + 1}", xlabel="step", xlim=(steps[0] - 0.6, last + 0.6))
        if k == len(nodes) - 1:
            ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes[0].set_ylabel("value")
    return fig
