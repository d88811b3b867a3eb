"""The smallest memory, one number: what is left of each input at the end."""

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch
from matplotlib.ticker import MaxNLocator

from helpers import colors, figures
from helpers.live import live


def remembered(w: float, T: int) -> torch.Tensor:
    """What each of T inputs still weighs in the last state of h_t = w h_{t-1} + x_t.

    Read off by feeding each input alone, a 1 among zeros, and stepping T times.

    Shapes:
        returns (T,), float64.
    """
    h = torch.zeros(T, dtype=torch.float64)  # one state for each input that is fed alone
    for x in torch.eye(T, dtype=torch.float64):
        h = w * h + x
    return h


def fading_explorer(w: float, T: int) -> None:
    """Sliders over the weight and the length; statically, the figure at the values given."""

    def draw(w: float, T: int) -> None:
        weights = remembered(w, T)
        fig, ax = plt.subplots(figsize=(7.5, 2.6))
        ax.bar(range(1, T + 1), weights, color=colors.BLUE, width=0.8)
        ax.set(xlabel="input $t$", ylabel="left of it at the end", xlim=(0.2, T + 0.8))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_title(f"w = {w:g}: of the first of {T} inputs {weights[0]:.3g} is left")
        figures.show(fig, alt=_described(w, weights))

    live(
        draw,
        guide="Move w. What is left of the first input where w = 1, and what just above and below?",
        frames={"w": [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0, 1.02, 1.05, 1.1], "T": [5, 10, 20, 40]},
        w=widgets.FloatSlider(w, min=0.5, max=1.1, step=0.01, description="weight w"),
        T=widgets.IntSlider(T, min=2, max=60, description="length T"),
    )


def _described(w: float, weights: torch.Tensor) -> str:
    way = "grow" if weights[0] < weights[-1] else "do not grow"
    return (
        f"Bars for {len(weights)} inputs, which {way} towards the last one: with w = {w:g} the "
        f"first weighs {weights[0]:.3g}, the last {weights[-1]:.3g}."
    )
