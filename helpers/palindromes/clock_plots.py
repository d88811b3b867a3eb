"""The clock of a grown RNN drawn: eigenvalues on their circle, the dial, answers turned back."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import archive, colors, figures
from helpers.palindromes import clock
from helpers.palindromes.tasks.palindromes import CHANCE


def wheel(eigenvalues: np.ndarray, dial: np.ndarray, steps: int):
    """Eigenvalues on the unit circle, and the digits on the dial of the main hand.

    Args:
        eigenvalues: of the turn, one of each pair.
        dial: positions of the classes, as :func:`.clock.positions` gives them; the first row is
            that of the length mastered last, the others follow.
        steps: from the first row to the last.
    """
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.9))
    _circle(axes[0], eigenvalues)
    _dial(axes[1], dial, steps)
    return fig


def _circle(ax, eigenvalues: np.ndarray) -> None:
    """The piece of the unit circle where they lie, and the whole of it in a corner."""
    both = np.concatenate([eigenvalues, eigenvalues.conj()])
    around = np.exp(1j * np.linspace(0, 2 * np.pi, 2000))
    # A step mostly turns little, and all stand about 1. If not, the whole circle is shown.
    far = np.abs(both - 1).max()
    middle, reach = (1, 1.35 * max(far, 0.1)) if far < 0.7 else (0, 1.5)
    ax.plot(around.real, around.imag, color=colors.INK, lw=0.8)
    for value in both:
        ax.plot([0, value.real], [0, value.imag], color=colors.VERMILION, lw=0.6, alpha=0.5)
    ax.plot(both.real, both.imag, "o", color=colors.VERMILION, ms=5.5, mec="white", mew=0.5)
    above = -np.inf
    for value in sorted(eigenvalues, key=lambda value: value.imag):
        above = max(value.imag, above + 0.12 * reach)  # no label upon another
        right = value.real > 0
        ax.annotate(
            f"{np.degrees(np.angle(value)):.1f}°", (value.real, above),
            xytext=(10 if right else -10, 0), textcoords="offset points",
            ha="left" if right else "right", va="center", fontsize=9,
        )  # fmt: skip
    ax.set(xlim=(middle - reach, middle + reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xlabel="real part", ylabel="imaginary part")
    ax.locator_params(nbins=5)
    ax.set_title("eigenvalues of one step")
    if middle:
        whole = ax.inset_axes((0.66, 0.02, 0.33, 0.33))
        whole.plot(around.real, around.imag, color=colors.INK, lw=0.8)
        whole.plot(both.real, both.imag, "o", color=colors.VERMILION, ms=2.5)
        frame = {"fill": False, "edgecolor": colors.MUTED, "lw": 0.8}
        whole.add_patch(plt.Rectangle((middle - reach, -reach), 2 * reach, 2 * reach, **frame))
        whole.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal", xticks=[], yticks=[])
        whole.spines[:].set_visible(False)


def _dial(ax, dial: np.ndarray, steps: int) -> None:
    for digit, path in enumerate(dial.T):
        ax.plot(path.real, path.imag, color=colors.SKY, lw=1.6)
        ax.annotate(
            "", (path[-1].real, path[-1].imag), (path[-2].real, path[-2].imag),
            arrowprops={"arrowstyle": "->", "color": colors.SKY, "lw": 1.6},
        )  # fmt: skip
        ax.plot(path[0].real, path[0].imag, "o", color=colors.BLUE, ms=5)
        at = path[0] * (1 + 0.22 / max(abs(path[0]), 0.2))
        ax.text(at.real, at.imag, str(digit), ha="center", va="center", fontsize=10)
    reach = 0.4 + np.abs(dial).max()
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_title(f"the main hand, over {steps} steps")


def answers(tried: pd.DataFrame, before: int):
    """Share right against the length, a panel a network.

    Args:
        tried: the table of :func:`.clock.read`.
        before: so many lengths up to the one mastered last, shaded, were used to fit.
    """
    lines = {
        "turned back": {"color": colors.VERMILION, "marker": "o", "ls": "-"},
        "as it answers": {"color": colors.BLUE, "marker": "s", "ls": "-"},
        "turned the other way": {"color": colors.MUTED, "marker": "x", "ls": "--"},
    }
    networks = list(tried.groupby("network", sort=False))
    fig, axes = plt.subplots(
        1, len(networks), figsize=(11, 3.3), sharex=True, sharey=True, squeeze=False
    )
    for ax, (_, rows) in zip(axes[0], networks, strict=True):
        longest = rows["longest"].iloc[0]
        ax.axvspan(1 - before / longest, 1, color=colors.GRID, zorder=0)
        for name, style in lines.items():
            ax.plot(rows["T"] / longest, rows[name], ms=3.5, lw=1.2, label=name, **style)
        ax.axhline(CHANCE, color=colors.MUTED, ls=":", lw=1)
        ax.set_title(f"seed {rows['seed'].iloc[0]}, T* = {longest}")
        ax.set(xlabel="T / T*", ylim=(-0.03, 1.05), xticks=[0.5, 1, 1.5, 2, 2.5])
    axes[0, 0].set_ylabel("share right")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    once = tried.drop_duplicates("network")
    figures.credit(fig, archive.read(clock.NAME).credit(once))
    return fig
