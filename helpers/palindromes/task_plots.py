"""Figures of the tasks besides palindromes, from published runs."""

import matplotlib.pyplot as plt
import numpy as np

from helpers import figures
from helpers.figures import PALETTE
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.tasks import find_task
from helpers.recurrent.cells import CELLS

#: Settings of one cell differ in their lines and dots.
_STYLES = (("-", "o"), ("--", "s"))


def other_tasks(study: PalindromeArchive, parts: tuple[str, ...]):
    """Held-out score against length, a panel a task, every seed a dot, the mean a line."""
    fig, axes = plt.subplots(1, len(parts), figsize=(10, 3.8), sharey=True)
    for ax, part in zip(np.atleast_1d(axes), parts, strict=True):
        runs = study.part(part)
        task = find_task(runs["task"].iloc[0])
        lengths = sorted(runs["T"].unique())
        seen: dict[str, int] = {}
        for k, (name, of_setting) in enumerate(study.by_setting(part).items()):
            model = of_setting["model"].iloc[0]
            line, marker = _STYLES[seen.get(model, 0)]
            seen[model] = seen.get(model, 0) + 1
            style = {"color": CELLS[model].color, "marker": marker}
            place = of_setting["T"].map({T: i for i, T in enumerate(lengths)}) + 0.06 * (k - 2)
            ax.plot(place, of_setting["held_out_accuracy"], ls="", ms=4, alpha=0.6, mew=0, **style)
            means = of_setting.groupby("T")["held_out_accuracy"].mean()
            at = np.arange(len(lengths)) + 0.06 * (k - 2)
            ax.plot(at, means, ls=line, ms=0, linewidth=1.5, label=name, **style)
        ax.axhline(task.chance, color=PALETTE["muted"], linestyle=":", linewidth=1)
        ax.set_xticks(range(len(lengths)), lengths)
        ax.set(xlabel="T, how long it must be remembered", ylim=(-0.03, 1.05))
        ax.set_title(task.label)
    np.atleast_1d(axes)[0].set_ylabel("held-out answers right\n(dotted: guessing)")
    handles, labels = np.atleast_1d(axes)[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside right upper")
    figures.credit(fig, study.credit(study.table[study.table["task"].isin(["adding", "copying"])]))
    return fig
