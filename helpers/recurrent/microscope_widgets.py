"""The gradient microscope: click a step, and see what of the loss reaches it and what it adds."""

from functools import lru_cache

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.ticker import LogLocator, MaxNLocator

from helpers import figures
from helpers.figures import PALETTE
from helpers.live import live
from helpers.recurrent.cells import CELLS
from helpers.recurrent.microscope import MODELS, Slide, prepare

#: The axis of norms, the same at every setting; what is below or above lies on its edge.
LOW, HIGH = 1e-9, 1e3
MOST_STEPS = 24
GUIDE = (
    "Move the spectral radius. At which one does as much of the gradient reach the first step as "
    "left the last? Then choose the LSTM. Where a kernel runs, click a step in the picture to "
    "follow the gradient just to there, make the inputs larger, and lower the forget bias."
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
        rest = (
            f"the terms of steps {step} to {T} alone have the cosine {seen.cosine[T - step]:.2f} "
        )
        figures.show(
            fig,
            caption=f"{CELLS[model].label}, radius {radius:g}, {T} steps, inputs times "
            f"{input_scale:g}"
            + (f", forget bias {forget_bias:g}" if seen.cell is not None else "")
            + f". **{reaches:.2g}** times the norm of the gradient at $h_{{{T}}}$ reaches "
            f"$h_{{{step}}}$. The term of step {step} makes {100 * seen.shares[step - 1]:.2g} % of "
            + (f"all; {rest} with the whole gradient. " if step > 1 else "all. ")
            + "Above, an edge is the darker the more gradient travels back on it, and its number "
            r"is $\Vert e_t \Vert$ where it arrives.",
            alt=f"An unrolled network of {T} steps, its edges shaded by the norm of the gradient "
            f"that travels back; below, that norm over the steps, the share that each step adds, "
            f"and the cosine of the truncated gradient. At step {step}: {reaches:.2g} of the norm.",
            clicks=dict.fromkeys(panels, ("step", "")),
        )

    model = widgets.Dropdown(options={CELLS[m].label: m for m in MODELS}, description="network")
    bias = widgets.FloatSlider(1.0, min=-3, max=6, step=0.25, description="forget bias")
    bias.disabled = True  # the RNN has none
    model.observe(lambda _: setattr(bias, "disabled", model.value != "lstm"), "value")
    live(
        draw,
        static=[{"radius": 0.8}, {"model": "lstm", "radius": 0.8, "forget_bias": 3.0}],
        guide=GUIDE,
        frames={"model": list(MODELS), "radius": [0.3, 0.5, 0.8, 1.0, 1.1, 1.2, 1.5, 2.0, 3.0]},
        model=model,
        radius=widgets.FloatSlider(1.0, min=0.1, max=3.0, step=0.05, description="spectral radius"),
        step=widgets.IntSlider(1, min=1, max=MOST_STEPS, description="step t"),
        input_scale=widgets.FloatSlider(0.3, min=0, max=3, step=0.05, description="input scale"),
        T=widgets.IntSlider(16, min=2, max=MOST_STEPS, description="length T"),
        forget_bias=bias,
    )


def microscope(seen: Slide, step: int, color: str):
    """The figure, and its axes whose x is a step."""
    T = len(seen.hidden)
    fig, axes = plt.subplot_mosaic(
        [["net"] * 3, ["norms", "shares", "cosine"]], figsize=(10, 3.9), height_ratios=[0.4, 1.5]
    )
    _network(axes["net"], seen.hidden.clamp(LOW, HIGH).numpy(), step)
    t = np.arange(1, T + 1)
    norms = axes["norms"]
    hidden = seen.hidden.clamp(LOW, HIGH)
    norms.plot(t, hidden, color=color, label=r"$\Vert e_t\Vert$, hidden state")
    if seen.cell is not None:
        cell = seen.cell.clamp(LOW, HIGH)
        norms.plot(t, cell, color=color, linestyle="--", label=r"$\Vert s_t\Vert$, cell state")
    norms.axhline(hidden[-1], color=PALETTE["muted"], linewidth=1, label="level of the last step")
    norms.legend(loc="lower right", fontsize=8)
    norms.set(yscale="log", ylim=(LOW, HIGH), title="norm that reaches step t")
    norms.yaxis.set_major_locator(LogLocator(numticks=5))
    shares = axes["shares"]
    chosen = [PALETTE["ink"] if k == step else color for k in t]
    shares.bar(t, 100 * seen.shares.numpy(), color=chosen, width=0.8)
    top = next(top for top in (26, 52, 104) if top >= 99 * seen.shares.max())
    shares.set(ylim=(0, top), title="share of the term of step t, %")
    cosine = axes["cosine"]
    cosine.plot(t, seen.cosine.flip(0), color=color)
    cosine.set(
        ylim=(min(-0.05, seen.cosine.min() - 0.05), 1.05), title="cosine, steps t to T alone"
    )
    for ax in (norms, shares, cosine):
        ax.axvline(step, color=PALETTE["ink"], linewidth=1, linestyle=":")
        ax.set(xlim=(0.3, T + 0.7), xlabel="step t")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    return fig, [axes["net"], norms, shares, cosine]


def _network(ax, norms: np.ndarray, step: int) -> None:
    """Steps in a row; an edge has the colour of what travels back over it, and its norm."""
    T = len(norms)
    right = max(T, 8) + 1.5
    ax.set(xlim=(0.4, right), ylim=(-0.5, 0.9))
    ax.set_axis_off()
    # What reaches h_t came over the edge from the right: from h_{t+1}, or from the loss.
    t = np.arange(1, T + 1)
    shade = plt.get_cmap("viridis_r")(LogNorm(1e-5, 10, clip=True)(norms))
    shade[t < step] = to_rgba(PALETTE["grid"])
    ends = [[(k + 0.75, 0), (k + 0.4, 0)] for k in t]
    ax.add_collection(LineCollection(ends, colors=shade, linewidths=3))
    ax.scatter(t + 0.38, 0 * t, marker="<", c=shade, s=45, linewidths=0)
    size = (0.55 * 690 / right) ** 2  # the figure is about 690 printer's points wide inside
    ring = [PALETTE["accent"] if k == step else PALETTE["ink"] for k in t]
    ax.scatter(t, 0 * t, s=min(size, 620), c="white", edgecolors=ring, linewidths=1.4, zorder=3)
    for k in t:
        ax.text(k, -0.01, str(k), ha="center", va="center", fontsize=8, zorder=4)
        if k == step or (k > step and (T - k) % (1 if T <= 16 else 2) == 0):
            ax.text(k + 0.5, 0.52, short(norms[k - 1]), ha="center", fontsize=8)
    loss = {"facecolor": "#FCE9D9", "edgecolor": PALETTE["ink"], "boxstyle": "round"}
    ax.text(T + 1.05, 0, r"$\mathcal{L}$", ha="center", va="center", bbox=loss)


def short(norm: float) -> str:
    """A norm in a few characters: 0.03, 12, 2e-5."""
    if norm < 0.001:
        return f"{norm:.0e}".replace("e-0", "e-")
    return f"{norm:.0f}" if norm >= 1 else f"{norm:.1g}"
