"""Diagrams drawn by code: the unrolled network with its gradient paths, the LSTM cell."""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from helpers import figures
from helpers.figures import PALETTE


def _box(ax, x, y, text, *, width=0.62, height=0.46, fill="white", edge=None, fontsize=10):
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0.02,rounding_size=0.09",
        facecolor=fill,
        edgecolor=edge or PALETTE["ink"],
        linewidth=1.1,
        zorder=3,
    )
    ax.add_patch(patch)
    ax.text(x, y, text, ha="center", va="center", fontsize=fontsize, zorder=4)


def _arrow(ax, start, end, *, color=None, width=1.2, style="-|>", bend=0.0, zorder=2):
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=style,
            mutation_scale=11,
            color=color or PALETTE["muted"],
            linewidth=width,
            connectionstyle=f"arc3,rad={bend}",
            shrinkA=0,
            shrinkB=0,
            zorder=zorder,
        )
    )


def _unrolled(ax, T: int) -> None:
    """h_0 … h_T with inputs below, the read-out and the loss behind the last."""
    for t in range(T + 1):
        _box(ax, t, 0, f"$h_{t}$")
        if t:
            _arrow(ax, (t - 0.69, 0), (t - 0.33, 0))
            _box(ax, t, -1, f"$x_{t}$")
            _arrow(ax, (t, -0.77), (t, -0.25))
    _box(ax, T, 1, "$p$")
    _arrow(ax, (T, 0.25), (T, 0.75))
    _box(ax, T + 1, 1, r"$\mathcal{L}$", fill="#FCE9D9")
    _arrow(ax, (T + 0.33, 1), (T + 0.67, 1))
    ax.set(xlim=(-0.5, T + 1.5), ylim=(-1.3, 1.35), aspect="equal")
    ax.set_axis_off()


def gradient_paths(T: int = 4):
    """The paths by which W_ph (one) and W_hh (T) reach the loss, each in a shade."""
    fig, axes = plt.subplots(1, 2, figsize=(10, 2.7))
    for ax in axes:
        _unrolled(ax, T)
    color = PALETTE["accent"]
    _arrow(axes[0], (T + 0.67, 1.1), (T + 0.33, 1.1), color=color, width=2.2)
    _arrow(axes[0], (T + 0.1, 0.75), (T + 0.1, 0.25), color=color, width=2.2)
    axes[0].text(T + 0.2, 0.48, "$W_{ph}$", color=color, fontsize=11)
    axes[0].set_title(r"$\partial\mathcal{L}/\partial W_{ph}$: one path")

    # The path to the t-th use of W_hh, between h_{t-1} and h_t, runs back over all later ones.
    colors = figures.shades(PALETTE["graph"], T)
    for t, shade in zip(range(1, T + 1), colors, strict=True):
        lift, x = 0.31 + 0.09 * (T - t), T + 0.05 * (t - (T + 1) / 2)
        axes[1].plot([T + 0.67, T + 0.3], [1, 1], color=PALETTE["graph"], linewidth=2, zorder=2)
        path = [(x, 0.75), (x, lift), (t - 0.5, lift), (t - 0.5, 0.12)]
        axes[1].plot(*zip(*path, strict=True), color=shade, linewidth=2, zorder=5)
        _arrow(axes[1], (t - 0.5, 0.2), (t - 0.5, 0.03), color=shade, width=2, zorder=5)
        axes[1].text(t - 0.5, -0.2, "$W_{hh}$", ha="center", va="top", color=shade, fontsize=9)
    axes[1].set_title(rf"$\partial\mathcal{{L}}/\partial W_{{hh}}$: $T = {T}$ paths")
    return fig


def lstm_cell():
    """One step of the LSTM: the cell path on top, the four gates below it."""
    fig, ax = plt.subplots(figsize=(8, 3.7))
    ax.add_patch(
        FancyBboxPatch(
            (0.4, 0.1),
            8.2,
            3.9,
            boxstyle="round,pad=0.02,rounding_size=0.25",
            facecolor="#F6F8FA",
            edgecolor=PALETTE["muted"],
            linewidth=1.2,
            zorder=0,
        )
    )
    cell, gate = PALETTE["accent"], PALETTE["graph"]
    top, low, bus = 3.4, 1.3, 0.5

    # The cell path: c_{t-1} is scaled by f, the new content i g is added.
    _arrow(ax, (-0.3, top), (1.79, top), color=cell, width=2.6)
    _arrow(ax, (2.21, top), (4.79, top), color=cell, width=2.6)
    _arrow(ax, (5.21, top), (9.3, top), color=cell, width=2.6)
    ax.text(3.4, top + 0.14, "cell path", color=cell, fontsize=10, ha="center", va="bottom")
    for x, y, sign in ((2, top, "×"), (5, top, "+"), (5, 2.45, "×"), (7.6, 2.0, "×")):
        ax.text(
            x,
            y,
            sign,
            ha="center",
            va="center",
            fontsize=13,
            zorder=5,
            bbox={"boxstyle": "circle,pad=0.18", "facecolor": "white", "edgecolor": PALETTE["ink"]},
        )

    # The four blocks read x_t and h_{t-1} from the same wire.
    ax.plot([-0.3, 6.6], [bus, bus], color=PALETTE["muted"], linewidth=1.6, zorder=1)
    ax.plot([0.9, 0.9], [-0.5, bus], color=PALETTE["muted"], linewidth=1.6, zorder=1)
    gates = (
        (2.0, "sigmoid", "$f_t$", "forget"),
        (3.8, "sigmoid", "$i_t$", "input"),
        (5.0, "tanh", "$g_t$", "candidate"),
        (6.6, "sigmoid", "$o_t$", "output"),
    )
    for x, squash, name, role in gates:
        _arrow(ax, (x, bus), (x, low - 0.36))
        fill = "#FFF1D6" if squash == "tanh" else "#E3F1FA"
        _box(ax, x, low, f"{role}\n{squash}", width=1.0, height=0.7, fill=fill, fontsize=9)
        ax.text(x + 0.08, low + 0.48, name, fontsize=11, color=gate, zorder=5)
    _arrow(ax, (2, low + 0.37), (2, top - 0.2))
    ax.plot([3.8, 3.8], [low + 0.37, 2.45], color=PALETTE["muted"], linewidth=1.2, zorder=1)
    _arrow(ax, (3.8, 2.45), (4.8, 2.45))
    _arrow(ax, (5, low + 0.37), (5, 2.25))
    _arrow(ax, (5, 2.65), (5, top - 0.2))
    ax.plot([6.6, 6.6], [low + 0.37, 2.0], color=PALETTE["muted"], linewidth=1.2, zorder=1)
    _arrow(ax, (6.6, 2.0), (7.4, 2.0))

    # Out of the cell: h_t = tanh(c_t) o_t.
    _arrow(ax, (7.6, top), (7.6, 3.06))
    _box(ax, 7.6, 2.82, "tanh", width=0.7, fill="#FFF1D6", fontsize=9)
    _arrow(ax, (7.6, 2.57), (7.6, 2.2))
    ax.plot([7.6, 7.6], [1.8, bus], color=PALETTE["accent"], linewidth=1.8, zorder=1)
    _arrow(ax, (7.6, bus), (9.3, bus), color=PALETTE["accent"], width=1.8)
    for x, y, text, align in (
        (-0.4, top, "$c_{t-1}$", "right"),
        (9.4, top, "$c_t$", "left"),
        (-0.4, bus, "$h_{t-1}$", "right"),
        (9.4, bus, "$h_t$", "left"),
    ):
        ax.text(x, y, text, ha=align, va="center", fontsize=12)
    ax.text(0.9, -0.6, "$x_t$", ha="center", va="top", fontsize=12)
    ax.set(xlim=(-1.0, 10.0), ylim=(-0.95, 4.1), aspect="equal")
    ax.set_axis_off()
    return fig
