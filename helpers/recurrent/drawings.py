"""Diagrams drawn by code: the unrolled network with its gradient paths, the LSTM cell."""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from helpers.checks import integer
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


def _unrolled(ax, T: int, gap: float) -> None:
    """h_0 … h_T with inputs below; above the last the read-out and the loss."""
    for t in range(T + 1):
        _box(ax, gap * t, 0, f"$h_{t}$")
        if t:
            _arrow(ax, (gap * (t - 1) + 0.33, 0), (gap * t - 0.33, 0))
            _box(ax, gap * t, -1.25, f"$x_{t}$")
            _arrow(ax, (gap * t, -1.0), (gap * t, -0.25))
    _box(ax, gap * T, 1.25, f"$p_{T}$")
    _arrow(ax, (gap * T, 0.25), (gap * T, 1.0))
    _box(ax, gap * (T + 1), 1.25, r"$\mathcal{L}$", fill="#FCE9D9")
    _arrow(ax, (gap * T + 0.33, 1.25), (gap * (T + 1) - 0.33, 1.25))
    ax.set(xlim=(-0.6, gap * (T + 1) + 0.5), ylim=(-1.6, 1.95), aspect="equal")
    ax.set_axis_off()


def gradient_paths(T: int = 4):
    """The paths by which the loss reaches W_ph (one) and W_hh (T), each edge with its factor.

    A gradient runs back from the loss through p_T and the states, over arrows that are labelled
    with what it is multiplied by; at each state one path leaves to that step's use of W_hh.

    Raises:
        ValueError: no step, or more than there is room for.
    """
    integer("T", T, minimum=1, maximum=40)
    gap, up = 1.75, 0.13
    fig, axes = plt.subplots(2, 1, figsize=(9, 7.6))
    accent, blue = PALETTE["accent"], PALETTE["graph"]
    at_T, at_loss = gap * T, gap * (T + 1)

    def label(ax, x, y, text, color, **options):
        ax.text(x, y, text, color=color, fontsize=10, **{"ha": "center", "va": "bottom"} | options)

    for ax, color in zip(axes, (accent, blue), strict=True):
        _unrolled(ax, T, gap)
        _arrow(ax, (at_loss - 0.33, 1.25 + up), (at_T + 0.33, 1.25 + up), color=color, width=2)
        label(ax, (at_T + at_loss) / 2, 1.43, r"$v=\hat{y}-y$", color)

    # W_ph is used once, between h_T and p_T: the path ends there.
    ax = axes[0]
    _arrow(ax, (at_T - up, 1.0), (at_T - up, 0.66), color=accent, width=2)
    label(
        ax,
        at_T - 0.25,
        0.64,
        rf"use of $W_{{ph}}$: $v\,h_{T}^{{\top}}$",
        accent,
        ha="right",
        va="center",
    )
    ax.set_title(r"$\partial\mathcal{L}/\partial W_{ph}$: one path, which ends at the read-out")

    # W_hh is used between h_{t-1} and h_t for every t: the path to each runs through all later h.
    ax = axes[1]
    _arrow(ax, (at_T + up, 1.0), (at_T + up, 0.25), color=blue, width=2)
    label(ax, at_T + 0.25, 0.62, r"$W_{ph}^{\top}$", blue, ha="left", va="center")
    for t in range(T, 0, -1):
        x = gap * t
        if t > 1:
            _arrow(ax, (x - 0.33, up), (x - gap + 0.33, up), color=blue, width=2)
            label(ax, x - gap / 2, 0.2, f"$W_{{hh}}^{{\\top}} D_{t}$", blue)
        _arrow(ax, (x - 0.2, -0.25), (x - 0.62, -0.62), color=blue, width=2, bend=-0.2)
        label(ax, x - 0.72, -0.72, rf"$\delta_{t}\,h_{t - 1}^{{\top}}$", blue, va="top")
    ax.set_title(
        rf"$\partial\mathcal{{L}}/\partial W_{{hh}}$: $T={T}$ paths, one to each use of the matrix"
    )
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
    ax.plot(0.9, bus, "o", color=PALETTE["muted"], markersize=5)
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
    ax.plot([7.6, 7.6], [1.8, bus], color=PALETTE["ink"], linewidth=1.8, zorder=1)
    _arrow(ax, (7.6, bus), (9.3, bus), color=PALETTE["ink"], width=1.8)
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
