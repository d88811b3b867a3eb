"""Figures of the tasks besides palindromes, from published runs."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from helpers import figures
from helpers.figures import PALETTE
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.tasks import find_task
from helpers.recurrent.cells import CELLS

#: A mark for each cell; settings of one cell differ in their lines, and the second's are open.
_MARKERS = {"rnn": "o", "lstm": "s", "lru": "^"}
_LINES = ("-", "--")


def other_tasks(study: PalindromeArchive, parts: tuple[str, ...]):
    """Held-out score against length, a panel a task, every seed a dot, the mean a line."""
    fig, axes = plt.subplots(1, len(parts), figsize=(10, 3.8), sharey=True)
    key = {}
    for ax, part in zip(np.atleast_1d(axes), parts, strict=True):
        runs = study.part(part)
        task = find_task(runs["task"].iloc[0])
        lengths = sorted(runs["T"].unique())
        seen: dict[str, int] = {}
        for k, (name, of_setting) in enumerate(study.by_setting(part).items()):
            model = of_setting["model"].iloc[0]
            seen[model] = seen.get(model, 0) + 1
            line, color = _LINES[seen[model] - 1], CELLS[model].color
            face = {"mew": 0} if seen[model] == 1 else {"mew": 1, "mfc": "none"}
            style = {"color": color, "marker": _MARKERS.get(model, "D"), **face}
            place = of_setting["T"].map({T: i for i, T in enumerate(lengths)}) + 0.06 * (k - 2)
            ax.plot(place, of_setting["held_out_accuracy"], ls="", ms=4, alpha=0.6, **style)
            means = of_setting.groupby("T")["held_out_accuracy"].mean()
            at = np.arange(len(lengths)) + 0.06 * (k - 2)
            ax.plot(at, means, ls=line, linewidth=1.5, color=color)
            key[name] = Line2D([], [], ls=line, linewidth=1.5, ms=5, label=name, **style)
        ax.axhline(task.chance, color=PALETTE["muted"], linestyle=":", linewidth=1)
        ax.set_xticks(range(len(lengths)), lengths)
        ax.set(xlabel="T, how long it must be remembered", ylim=(-0.03, 1.05))
        ax.set_title(task.label)
    np.atleast_1d(axes)[0].set_ylabel("held-out answers right\n(dotted: guessing)")
    fig.legend(handles=list(key.values()), loc="outside right upper")
    figures.credit(fig, study.credit(study.table[study.table["task"].isin(["adding", "copying"])]))
    return fig
