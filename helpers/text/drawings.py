"""Drawings of the text wing."""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, Rectangle

from helpers.checks import integer
from helpers.figures import PALETTE


def cuts(windows: int = 4):
    """A text cut into windows at random places, and into streams whose state is carried on.

    Values go from left to right (upper arrows), gradients from right to left (lower ones).

    Raises:
        ValueError: no window, or more than there is room for.
    """
    integer("windows", windows, minimum=1, maximum=4)
    fig, axes = plt.subplots(2, 1, figsize=(9.2, 3.5))
    places = [0.6, 6.1, 3.2, 8.6][:windows]
    titles = (
        "windows: random places, each from the zero state",
        "a stream: one window behind the other, the state is handed on, the gradient is not",
    )
    for ax, title in zip(axes, titles, strict=True):
        ax.set(xlim=(-0.9, 12), ylim=(-1.25, 1.05))
        ax.set_axis_off()
        ax.set_title(title, fontsize=10.5)
        ax.text(-0.15, -1.1, "text", ha="right", va="center", fontsize=9)
    axes[0].plot([0, 12], [-1.1, -1.1], color=PALETTE["muted"], linewidth=1)
    for number, at in enumerate(places, start=1):
        _window(axes[0], at, f"{number}", begins_at_zero=True)
        _text(axes[0], at, at + 2, PALETTE["ink"])
    for number in range(windows):
        at = 0.6 + 2.85 * number
        _window(axes[1], at, f"{number + 1}", begins_at_zero=number == 0)
        # The boxes leave room for arrows; the text below them is read without a gap.
        first, last = at - 0.425, at + 2.425
        _text(axes[1], first, last, PALETTE["muted" if number % 2 else "ink"])
        for corner, end in ((at, first), (at + 2, last)):
            axes[1].plot([corner, end], [-0.6, -1.03], color=PALETTE["muted"], linewidth=0.7)
        if number:
            _arrow(axes[1], (at - 0.85, 0.3), (at, 0.3), PALETTE["graph"])
            axes[1].text(at - 0.42, 0.42, "state", ha="center", fontsize=8.5)
            axes[1].plot([at + 0.1] * 2, [-0.45, -0.05], color=PALETTE["accent"], linewidth=2.5)
    return fig


def _text(ax, first: float, last: float, color: str) -> None:
    """The piece of the text that a window reads."""
    ax.plot([first, last], [-1.1, -1.1], color=color, linewidth=4, solid_capstyle="butt")


def _window(ax, at: float, name: str, *, begins_at_zero: bool) -> None:
    """A box of width 2, with the arrows of values and of gradients inside."""
    ax.add_patch(Rectangle((at, -0.6), 2, 1.2, fill=False, color=PALETTE["ink"], linewidth=1.5))
    ax.text(at + 1, 0.7, f"step {name}", ha="center", fontsize=9)
    _arrow(ax, (at + 0.15, 0.3), (at + 1.85, 0.3), PALETTE["graph"])
    _arrow(ax, (at + 1.85, -0.25), (at + 0.15, -0.25), PALETTE["accent"])
    if begins_at_zero:
        ax.text(at - 0.12, 0.3, "0", ha="right", va="center", fontsize=11, fontweight="bold")


def _arrow(ax, start, end, color) -> None:
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=color, shrinkA=0)
    )
