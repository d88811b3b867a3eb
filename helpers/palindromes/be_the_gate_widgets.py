"""Be the gate: carry a digit through distractors by hand, beside a unit of a trained network."""

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

from helpers import colors, figures
from helpers.figures import PALETTE
from helpers.live import live
from helpers.palindromes.be_the_gate import (
    GATES,
    Played,
    Setting,
    TrainedUnit,
    play,
    presets,
    trained_unit,
)
from helpers.recurrent.classifier import SequenceClassifier

MINE = "mine"
HERE, FROM_HERE = "the chosen step", "it and all later ones"
GUIDE = (
    "Choose gates and walk through the steps: with which of them is the first digit still there at "
    "the end? Where a kernel runs, be the gate: choose a step (a click in the left column does "
    "it), then move the sliders: f keeps, i writes, o shows, g is what could be written."
)
#: Colour, line, marker and its size, so that curves that coincide are all seen.
_LOOK = {
    "f": (colors.BLUE, "-", "o", 9),
    "i": (colors.VERMILION, "--", "s", 6),
    "o": (colors.GREEN, ":", "^", 3.5),
}


def gate_explorer(
    model: SequenceClassifier, T: int, encoding: str, digits: tuple[int, ...]
) -> None:
    """Gates under the reader's hand, step by step; beside it the network's own.

    Args:
        model, T, encoding: a trained LSTM, the length and the encoding that it was trained with.
        digits: what both read; the first is to be carried.
    """
    ways = presets(digits)
    first = next(iter(ways))
    mine = list(ways[first])
    trained = trained_unit(model, T, encoding, digits)

    loading: list[bool] = []

    def draw(way: str, step: int, span: str, **gates: float) -> None:
        if loading:  # the sliders are being set to the chosen step's gates
            return
        settings = mine if way == MINE else ways[way]
        played = play(settings)
        fig, left = beside(digits, settings, played, trained, step)
        f, i, o, g = settings[step - 1]
        figures.show(
            fig,
            caption=f"Left, the cell set by hand ({way}): the digit {digits[0]} is "
            f"**{verdict(played, digits)}**, it reads {played.answer:.2f} in the end. At step "
            f"{step}, over the digit {digits[step - 1]}, $f$ = {f:g}, $i$ = {i:g}, $o$ = {o:g}, "
            f"$g$ = {g:g}. Right, unit {trained.number} of the trained network over the same "
            f"digits; all its units together make it name {trained.answer}, with probability "
            f"{trained.probability:.2f}. Above: the gates. Middle: cell and hidden state. "
            "Below: the share of the gradient at $c_T$ that reaches each step along the cell.",
            alt=f"Two columns of three panels over {len(digits)} digits: forget, input and output "
            f"gate; cell and hidden state; share of the gradient. By hand, {way}: reads "
            f"{played.answer:.2f} where {digits[0]} was to be carried.",
            clicks=dict.fromkeys(left, ("step", "")),
        )

    step = widgets.IntSlider(1, min=1, max=len(digits), description="step t")
    way = widgets.Dropdown(options=[*ways, MINE], value=first, description="gates")
    span = widgets.Dropdown(options=[HERE, FROM_HERE], description="sliders set")
    sliders = {
        name: widgets.FloatSlider(
            getattr(mine[0], name), min=-1 if name == "g" else 0, max=1, step=0.05, description=name
        )
        for name in GATES
    }

    def load(_) -> None:
        """The sliders show the gates of the chosen step."""
        loading.append(True)
        try:
            now = (mine if way.value == MINE else ways[way.value])[step.value - 1]
            for name, slider in sliders.items():
                slider.value = getattr(now, name)
        finally:
            loading.pop()

    def set_gate(name: str, value: float) -> None:
        """A moved slider makes the gates the reader's own."""
        if loading:
            return
        if way.value != MINE:
            mine[:] = ways[way.value]
        last = len(digits) if span.value == FROM_HERE else step.value
        for t in range(step.value - 1, last):
            mine[t] = mine[t]._replace(**{name: value})
        way.value = MINE

    step.observe(load, "value")
    way.observe(load, "value")
    for name, slider in sliders.items():
        slider.observe(lambda change, name=name: set_gate(name, change["new"]), "value")
    live(
        draw,
        static=[{"way": name, "step": len(digits)} for name in (first, "write once, then keep")],
        guide=GUIDE,
        frames={"way": list(ways), "step": list(range(1, len(digits) + 1))},
        way=way,
        step=step,
        **sliders,
        span=span,
    )


def verdict(played: Played, digits: tuple[int, ...]) -> str:
    """Whether the first digit is read at the end."""
    return "carried" if round(played.answer) == digits[0] else "lost"


def beside(
    digits: tuple[int, ...],
    settings: list[Setting],
    played: Played,
    trained: TrainedUnit,
    step: int,
):
    """Both cells over the same digits, what lies after ``step`` paler; and the left panels."""
    fig, axes = plt.subplots(
        3, 2, figsize=(10, 5.2), sharex=True, sharey="row", height_ratios=[1.3, 1.3, 1]
    )
    by_hand = {name: np.array([getattr(s, name) for s in settings]) for name in "fio"}
    by_hand |= {"c": played.c.numpy(), "h": played.h.numpy(), "kept": played.kept.numpy()}
    network = {name: trained.traces[name].numpy() for name in ("f", "i", "o", "c", "h")}
    network["kept"] = np.append(np.cumprod(network["f"][:0:-1])[::-1], 1.0)
    said = f"reads {played.answer:.2f}, {digits[0]} is {verdict(played, digits)}"
    titles = (f"by hand: {said}", f"unit {trained.number} of the trained network")
    for column, title, cell in zip(axes.T, titles, (by_hand, network), strict=True):
        _cell(column, digits, cell, step)
        column[0].set_title(title)
    for ax, label in zip(axes[:, 0], ("gate", "state", "gradient kept"), strict=True):
        ax.set_ylabel(label)
    for ax in axes[:2, 1]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9)
    return fig, list(axes[:, 0])


def _cell(column, digits: tuple[int, ...], cell: dict, step: int) -> None:
    t = np.arange(1, len(digits) + 1)
    gates, states, gradient = column
    for name, (color, line, marker, size) in _LOOK.items():
        style = {"color": color, "linestyle": line, "marker": marker, "markersize": size}
        style |= {"markerfacecolor": "none" if size > 5 else color}
        gates.plot(t, cell[name], alpha=0.25, **style)
        gates.plot(t[:step], cell[name][:step], label=f"${name}_t$", **style)
    gates.set(ylim=(-0.08, 1.08), yticks=(0, 0.5, 1))
    for name, color, line in (("c", PALETTE["ink"], "-"), ("h", PALETTE["accent"], "--")):
        states.plot(t, cell[name], color=color, linestyle=line, alpha=0.25)
        states.plot(t[:step], cell[name][:step], color=color, linestyle=line, label=f"${name}_t$")
    states.axhline(0, color=PALETTE["grid"], linewidth=1)
    gradient.bar(t, cell["kept"], color=PALETTE["calm"], width=0.7)
    gradient.set(ylim=(0, 1.05), yticks=(0, 0.5, 1), xlabel="digit read at step t")
    gradient.set_xticks(t, [str(d) for d in digits])
    for ax in column:
        ax.axvline(step, color=PALETTE["ink"], linewidth=0.8, linestyle=":")
