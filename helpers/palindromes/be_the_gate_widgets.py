"""Be the gate: carry a digit through distractors by hand, beside a unit of a trained network."""

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.ticker import MaxNLocator

from helpers import colors, figures
from helpers.figures import PALETTE
from helpers.live import live
from helpers.palindromes.be_the_gate import GATES, Played, Setting, play, presets, trained_unit
from helpers.recurrent.classifier import SequenceClassifier

MINE = "mine"
GUIDE = (
    "Carry the first digit to the end. Click a step in the left column, then move its sliders: "
    "f keeps, i writes, o shows, g is what is written. Which gates have to be where when the "
    "distractors come, and what does the panel of the gradient say then?"
)
_LOOK = {
    "f": (colors.BLUE, "-", "o"),
    "i": (colors.VERMILION, "--", "s"),
    "o": (colors.GREEN, ":", "^"),
}


def gate_explorer(
    model: SequenceClassifier, T: int, encoding: str, digits: tuple[int, ...]
) -> None:
    """Gates under the reader's hand, step by step; beside it the network's own.

    Args:
        model, T, encoding: a trained LSTM, the length and the encoding that it was trained with.
        digits: what both read; the first is to be carried.
    """
    ways = presets(list(digits))
    first = next(iter(ways))
    mine = list(ways[first])
    unit, trained = trained_unit(model, T, encoding, list(digits))

    loading: list[bool] = []

    def draw(way: str, step: int, **gates: float) -> None:
        if loading:  # the sliders are being set to the chosen step's gates
            return
        settings = mine if way == MINE else ways[way]
        played = play(settings)
        right = round(played.answer) == digits[0]
        verdict = "carried" if right else "lost"
        fig, left = beside(digits, settings, played, trained, unit, step)
        figures.show(
            fig,
            caption=f"The digit {digits[0]} is **{verdict}**: in the end the cell set by hand "
            f"reads {played.answer:.2f}. Left the cell set by hand ({way}), right unit {unit} of "
            "the trained network over the same digits. Above the gates, in the middle the cell and "
            "the hidden state, below the share of the gradient at $c_T$ that reaches each step "
            "along the cell.",
            alt=f"Two columns of three panels over {len(digits)} digits: forget, input and output "
            f"gate; cell and hidden state; share of the gradient. By hand, {way}: reads "
            f"{played.answer:.2f} where {digits[0]} was to be carried.",
            clicks=dict.fromkeys(left, ("step", "")),
        )

    step = widgets.IntSlider(1, min=1, max=len(digits), description="step t")
    way = widgets.Dropdown(options=[*ways, MINE], value=first, description="gates")
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

    def set_gates(_) -> None:
        """A moved slider makes the gates the reader's own."""
        if loading:
            return
        if way.value != MINE:
            mine[:] = ways[way.value]
        mine[step.value - 1] = Setting(*(sliders[name].value for name in GATES))
        way.value = MINE

    step.observe(load, "value")
    way.observe(load, "value")
    for slider in sliders.values():
        slider.observe(set_gates, "value")
    live(
        draw,
        static=[{"way": name, "step": len(digits)} for name in (first, "write once, then keep")],
        guide=GUIDE,
        frames={"way": list(ways), "step": list(range(1, len(digits) + 1))},
        way=way,
        step=step,
        **sliders,
    )


def beside(
    digits: tuple[int, ...],
    settings: list[Setting],
    played: Played,
    trained: dict[str, torch.Tensor],
    unit: int,
    step: int,
):
    """Both cells over the same digits, what lies after ``step`` paler; and the left panels."""
    fig, axes = plt.subplots(
        3, 2, figsize=(10, 5.6), sharex=True, sharey="row", height_ratios=[1.3, 1.3, 1]
    )
    by_hand = {name: np.array([getattr(s, name) for s in settings]) for name in "fio"}
    by_hand |= {"c": played.c.numpy(), "h": played.h.numpy(), "kept": played.kept.numpy()}
    network = {name: trained[name].numpy() for name in ("f", "i", "o", "c", "h")}
    network["kept"] = np.append(np.cumprod(network["f"][:0:-1])[::-1], 1.0)
    titles = ("by hand", f"unit {unit} of the trained network")
    for column, title, cell in zip(axes.T, titles, (by_hand, network), strict=True):
        _cell(column, digits, cell, step)
        column[0].set_title(title)
    axes[0, 0].set_ylabel("gate")
    axes[1, 0].set_ylabel("state")
    axes[2, 0].set_ylabel("gradient kept")
    axes[0, 1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    axes[1, 1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
    return fig, list(axes[:, 0])


def _cell(column, digits: tuple[int, ...], cell: dict, step: int) -> None:
    t = np.arange(1, len(digits) + 1)
    gates, states, gradient = column
    for name, (color, line, marker) in _LOOK.items():
        style = {"color": color, "linestyle": line, "marker": marker, "markersize": 4}
        gates.plot(t, cell[name], alpha=0.25, **style)
        gates.plot(t[:step], cell[name][:step], label=f"${name}_t$", **style)
    gates.set(ylim=(-0.06, 1.06))
    for name, color, line in (("c", PALETTE["ink"], "-"), ("h", PALETTE["accent"], "--")):
        states.plot(t, cell[name], color=color, linestyle=line, alpha=0.25)
        states.plot(t[:step], cell[name][:step], color=color, linestyle=line, label=f"${name}_t$")
    states.axhline(0, color=PALETTE["grid"], linewidth=1)
    gradient.bar(t, cell["kept"], color=PALETTE["calm"], width=0.7)
    gradient.set(ylim=(0, 1.05), xlabel="digit read at step t")
    gradient.set_xticks(t, [str(d) for d in digits])
    for ax in column:
        ax.axvline(step, color=PALETTE["ink"], linewidth=0.8, linestyle=":")
        ax.yaxis.set_major_locator(MaxNLocator(4))
