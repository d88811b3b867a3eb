"""What the two reports claim of the palindromes, side by side."""

import matplotlib.pyplot as plt

from helpers import colors
from helpers.palindromes.reported import PROTOCOL_A, PROTOCOL_B
from helpers.palindromes.tasks.palindromes import CHANCE
from helpers.recurrent.cells import CELLS

#: Report -> its table and its mark.
_CLAIMS = {"report 000": (PROTOCOL_A, "o"), "report 001": (PROTOCOL_B, "s")}
_COLORS = {"report 000": colors.BLUE, "report 001": colors.VERMILION}
#: Network and report -> where the curve's name stands, and on which side of that place.
_NAMES = {
    ("rnn", "report 000"): (12, 0.34, "right"),
    ("rnn", "report 001"): (46, 0.80, "left"),
    ("lstm", "report 000"): (17, 0.34, "right"),
    ("lstm", "report 001"): (70, 0.66, "right"),
}


def two_claims():
    """Accuracy against the length, a panel for each network, a curve for each report."""
    fig, axes = plt.subplots(1, 2, figsize=(9.5, 3.4), sharey=True)
    for ax, model in zip(axes, ("rnn", "lstm"), strict=True):
        for report, (table, mark) in _CLAIMS.items():
            rows, color = table[table["model"] == model], _COLORS[report]
            ax.errorbar(
                rows["T"],
                rows["accuracy"],
                yerr=rows.get("std"),
                color=color,
                marker=mark,
                markersize=5,
                capsize=3,
            )
            x, y, side = _NAMES[model, report]
            ax.text(x, y, report, color=color, ha=side, weight="bold")
        ax.axhline(CHANCE, color=colors.MUTED, linestyle=":", linewidth=1.2)
        ax.text(5, CHANCE - 0.025, "chance", color=colors.MUTED, va="top", fontsize=9)
        ax.set_xscale("log", base=2)
        ax.set_xticks([5, 10, 20, 40, 80, 160], ["5", "10", "20", "40", "80", "160"])
        ax.set(title=CELLS[model].label, xlabel="digits fed in, T", ylim=(0, 1.06))
    axes[0].set_ylabel("reported accuracy")
    return fig
