"""The phase diagram with its runs: click a cell, see the seeds behind it."""

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import figures
from helpers.figures import PALETTE
from helpers.live import live
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.tasks.palindromes import CHANCE
from helpers.recurrent.cells import VanillaRNN

ENCODINGS = {"raw digit": "raw", "centred": "centred", "one-hot": "one_hot"}
GUIDE = (
    "Click a cell at the edge of the dark region. Do the seeds that fail there know nothing, or "
    "half of it? Then look at the same cell with another way to write a digit."
)


def phase_explorer(study: PalindromeArchive, runs: pd.DataFrame) -> None:
    """A cell of the phase diagram to choose; beside it each seed's run.

    Args:
        runs: with "encoding", "T", "radius".
    """
    lengths, radii = sorted(runs["T"].unique()), sorted(runs["radius"].unique())

    def draw(encoding: str, T: int, radius: int) -> None:
        part = runs[runs["encoding"] == encoding]
        cell = part[(part["T"] == lengths[T]) & (part["radius"] == radii[radius])]
        fig, grid = diagram_and_runs(part, cell, lengths, radii, (T, radius))
        figures.credit(fig, study.credit(runs))
        solved = int(cell["solved"].sum())
        written = next(name for name, value in ENCODINGS.items() if value == encoding)
        figures.show(
            fig,
            caption=f"Digits: {written}. Left the share of seeds that solve a length from a "
            f"spectral radius; framed the chosen cell, T = {lengths[T]} and radius "
            f"{radii[radius]:g}. Right its runs: {solved} of {len(cell)} solved, each with the "
            "step at which it was.",
            alt=f"A map of shares of solved seeds over radius and length. In the cell T = "
            f"{lengths[T]}, radius {radii[radius]:g}, {solved} of {len(cell)} seeds solved; a bar "
            "each shows their held-out accuracy.",
            clicks={grid: ("radius", "T")},
        )

    names = [f"{value:g}" for value in radii]
    live(
        draw,
        static=[{"encoding": "one_hot"}],
        guide=GUIDE,
        frames={"radius": list(range(len(radii))), "T": list(range(len(lengths)))},
        encoding=widgets.Dropdown(options=ENCODINGS, value="one_hot", description="a digit is"),
        T=widgets.SelectionSlider(
            options=[(str(value), k) for k, value in enumerate(lengths)], value=1, description="T"
        ),
        radius=widgets.SelectionSlider(
            options=[(name, k) for k, name in enumerate(names)],
            value=1,
            description="spectral radius",
        ),
    )


def diagram_and_runs(
    part: pd.DataFrame, cell: pd.DataFrame, lengths: list, radii: list, at: tuple[int, int]
):
    """The figure, and the axes of the map, whose coordinates are places in the lists."""
    fig, (grid, bars) = plt.subplots(1, 2, figsize=(10, 3.2), width_ratios=[1.25, 1])
    shares = part.pivot_table(index="T", columns="radius", values="solved", aggfunc="mean")
    shares = shares.reindex(index=lengths, columns=radii).to_numpy(float)
    grid.imshow(shares, cmap="mako_r", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(shares):
        if not np.isnan(value):
            color = "white" if value > 0.45 else PALETTE["ink"]
            grid.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=9, color=color)
    frame = {"fill": False, "edgecolor": PALETTE["accent"], "linewidth": 2.6}
    grid.add_patch(plt.Rectangle((at[1] - 0.5, at[0] - 0.5), 1, 1, **frame))
    grid.set_xticks(range(len(radii)), [f"{r:g}" for r in radii])
    grid.set_yticks(range(len(lengths)), lengths)
    grid.set(xlabel="spectral radius of $W_{hh}$", ylabel="T", title="share of seeds solved")
    grid.grid(False)
    cell = cell.sort_values("seed")
    places = range(len(cell))
    bars.barh(places, 100 * cell["held_out_accuracy"], color=VanillaRNN.color, height=0.6)
    for k, run in zip(places, cell.itertuples(), strict=True):
        said = f"solved at step {run.solved_step:,.0f}" if run.solved else "not solved"
        inside = run.held_out_accuracy > 0.6
        bars.text(
            100 * run.held_out_accuracy - 1.5 if inside else 100 * run.held_out_accuracy + 1.5,
            k, said, va="center", ha="right" if inside else "left", fontsize=8.5,
            color="white" if inside else PALETTE["ink"],
        )  # fmt: skip
    bars.axvline(100 * CHANCE, color=PALETTE["muted"], linestyle=":")
    bars.set_yticks(places, [f"seed {seed}" for seed in cell["seed"]])
    bars.invert_yaxis()
    bars.set(xlim=(0, 104), xlabel="held-out accuracy, %", title="the runs behind it")
    bars.grid(False)
    return fig, grid
