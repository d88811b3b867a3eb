"""The gradient microscope: click a step, and see what of the loss reaches it and what it adds."""

from functools import lru_cache

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator

from helpers import figures
from helpers.figures import PALETTE
from helpers.live import live
from helpers.recurrent.cells import CELLS
from helpers.recurrent.drawings import _arrow, _box
from helpers.recurrent.microscope import Slide, prepare

#: The axis of norms, the same at every setting; what is below or above lies on its edge.
LOW, HIGH = 1e-9, 1e3
MOST_STEPS = 24
GUIDE = (
    "Click a step in the drawing or in a curve. What of the gradient at the loss reaches it? Find "
    "the radius at which gradients neither vanish nor explode; then choose the LSTM and lower its "
    "forget bias."
)


def microscope_explorer(seed: int = 0) -> None:
    """The unrolled network with the gradient's norm at every edge, under the reader's hand."""

    # A click alone moves the step; the network is the same.
    @lru_cache(maxsize=8)
    def slide(*settings) -> Slide:
        return prepare(*settings, seed=seed)

    def draw(
        model: str, step: int, radius: float, T: int, input_scale: float, forget_bias: float
    ) -> None:
        step = min(step, T)
        seen = slide(model, radius, T, input_scale, forget_bias)
        fig, panels = microscope(seen, step, CELLS[model].color)
        reaches = (seen.hidden[step - 1] / seen.hidden[-1]).item()
        figures.show(
            fig,
            caption=f"{CELLS[model].label}, radius {radius:g}, {T} steps: of the gradient at "
            f"$h_{{{T}}}$, {reaches:.2g} times its norm reaches $h_{{{step}}}$; this step adds "
            f"{100 * seen.shares[step - 1]:.2g} % of the sum of norms; the last {T - step + 1} "
            f"steps alone point {seen.cosine[T - step]:.2f} (cosine) the way of the whole.",
            alt=f"An unrolled network of {T} steps, its edges coloured by the norm of the gradient "
            f"that travels back; below, that norm over the steps, the share that each step adds, "
            f"and the cosine of the truncated gradient. At step {step}: {reaches:.2g} of the norm.",
            clicks=dict.fromkeys(panels, ("step", "")),
        )

    live(
        draw,
        static=[{"radius": 0.8}, {"model": "lstm", "radius": 0.8, "forget_bias": 3.0}],
        guide=GUIDE,
        frames={"step": list(range(1, 17)), "radius": [0.5, 0.8, 1.0, 1.2, 1.5, 2.0]},
        model=widgets.Dropdown(
            options={CELLS[m].label: m for m in ("rnn", "lstm")}, description="network"
        ),
        step=widgets.IntSlider(4, min=1, max=MOST_STEPS, description="step t"),
        radius=widgets.FloatSlider(1.0, min=0.1, max=3.0, step=0.05, description="spectral radius"),
        T=widgets.IntSlider(16, min=2, max=MOST_STEPS, description="length T"),
        input_scale=widgets.FloatSlider(0.3, min=0, max=3, step=0.05, description="input scale"),
        forget_bias=widgets.FloatSlider(1.0, min=-3, max=6, step=0.25, description="forget bias"),
    )


def microscope(seen: Slide, step: int, color: str):
    """The figure, and its axes whose x is a step."""
    T = len(seen.hidden)
    fig, axes = plt.subplot_mosaic(
        [["net"] * 3, ["norms", "shares", "cosine"]], figsize=(10, 4.2), height_ratios=[0.55, 1.5]
    )
    _network(axes["net"], seen.hidden.clamp(LOW, HIGH).numpy(), step)
    t = np.arange(1, T + 1)
    norms = axes["norms"]
    norms.plot(
        t, seen.hidden.clamp(LOW, HIGH), color=color, label=r"$\Vert e_t\Vert$, hidden state"
    )
    if seen.cell is not None:
        cell = seen.cell.clamp(LOW, HIGH)
        norms.plot(t, cell, color=color, linestyle="--", label=r"$\Vert s_t\Vert$, cell state")
    norms.legend(loc="lower right", fontsize=8)
    norms.set(yscale="log", ylim=(LOW, HIGH), title="norm that reaches step t")
    shares = axes["shares"]
    chosen = [PALETTE["ink"] if k == step else color for k in t]
    shares.bar(t, 100 * seen.shares, color=chosen, width=0.8)
    shares.set(ylim=(0, 105), title="share of step t in the sum, %")
    cosine = axes["cosine"]
    cosine.plot(t, seen.cosine.flip(0), color=color)
    cosine.set(ylim=(-0.05, 1.05), title="cosine, steps t to T alone")
    for ax in (norms, shares, cosine):
        ax.axvline(step, color=PALETTE["ink"], linewidth=1, linestyle=":")
        ax.set(xlim=(0.3, T + 0.7), xlabel="step t")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    return fig, [axes["net"], norms, shares, cosine]


def _network(ax, norms: np.ndarray, step: int) -> None:
    """Steps in a row; an edge has the colour of what travels back over it, and its norm."""
    T = len(norms)
    shade = plt.get_cmap("viridis_r")
    scale = LogNorm(LOW, HIGH)
    every = max(1, -(-T // 12))
    for t in range(1, T + 1):
        travelled = t >= step
        colour = shade(scale(norms[t - 1]))
        # What reaches h_t came over the edge from the right: from h_{t+1}, or from the loss.
        _arrow(
            ax,
            (t + 0.72, 0),
            (t + 0.28, 0),
            color=colour if travelled else PALETTE["grid"],
            width=3,
        )
        edge = PALETTE["accent"] if t == step else PALETTE["ink"]
        ax.add_patch(Circle((t, 0), 0.27, facecolor="white", edgecolor=edge, zorder=3))
        ax.text(t, 0, str(t), ha="center", va="center", fontsize=8, zorder=4)
        if (T - t) % every == 0 and travelled:
            ax.text(t + 0.5, 0.33, f"{norms[t - 1]:.0e}", ha="center", fontsize=7, rotation=30)
    _box(ax, T + 1.05, 0, r"$\mathcal{L}$", fill="#FCE9D9")
    ax.set(xlim=(0.3, max(T, 8) + 1.7), ylim=(-0.35, 1.0), aspect="equal")
    ax.set_axis_off()
