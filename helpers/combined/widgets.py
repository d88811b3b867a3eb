"""The explorers of notebook 07, each with its static twin."""

import ipywidgets as widgets
import torch

from helpers import figures
from helpers.combined import plots
from helpers.combined.archive import ComparisonArchive
from helpers.combined.serialised import GraphRun, inputs
from helpers.combined.small_graphs import NODES, graphs_of
from helpers.live import live
from helpers.palindromes.tasks.palindromes import mirror
from helpers.runtime import generator


def reach_explorer() -> None:
    """How far messages have come on the chain and on the mirrored graph, round by round."""

    def draw(T: int, rounds: int) -> None:
        half = torch.randint(10, (1, (T + 2) // 2), generator=generator("drawn", T))
        figures.show(plots.palindrome_graphs(mirror(half, T)[0].tolist(), rounds))

    live(
        draw,
        static=[{"T": 8, "rounds": rounds} for rounds in (1, 4, 8)],
        guide="Move the rounds. How many does the chain need until the last digit has heard of the "
        "first, and how many the mirrored graph? Then change T.",
        T=widgets.IntSlider(8, min=2, max=16, description="T"),
        rounds=widgets.IntSlider(1, min=0, max=16, description="rounds"),
    )


def attention_explorer(comparisons: ComparisonArchive) -> None:
    """The learned attention at each published length."""
    lengths = sorted(int(name.split()[1]) for name in comparisons.curves)

    def draw(T: int) -> None:
        figures.show(plots.attention_map(comparisons, T))

    live(
        draw,
        static=[{"T": lengths[0]}, {"T": lengths[-1]}],
        guide="Choose a length. To which digit does the last position attend?",
        T=widgets.ToggleButtons(options=lengths, description="T"),
    )


def relabel_explorer(networks: dict[str, tuple[torch.nn.Module, GraphRun]]) -> None:
    """One test graph under other node numbers, and what trained networks then answer.

    Args:
        networks: name -> a network and the run of the task "distance" that it was trained in.
    """
    A_all, marks_all, targets = graphs_of("distance", "test")

    @torch.no_grad()
    def draw(graph: int, numbering: int) -> None:
        A, marks = A_all[graph], marks_all[graph]
        order = torch.arange(NODES)
        if numbering:
            order = torch.randperm(NODES, generator=generator("numbering", numbering))
        seen = A[order][:, order][None], marks[order][None]
        answers = {
            name: model(*inputs(run, *seen, generator("walk")))[0].softmax(-1)
            for name, (model, run) in networks.items()
        }
        numbers = [str(k + 1) for k in order.argsort().tolist()]
        figures.show(plots.relabelled(A, marks, numbers, answers, int(targets[graph])))

    live(
        draw,
        static=[{"graph": 3, "numbering": numbering} for numbering in (0, 1, 2)],
        guide="Change the numbering alone. Whose answer changes though the graph has not?",
        graph=widgets.IntSlider(3, min=0, max=50, description="graph"),
        numbering=widgets.IntSlider(0, min=0, max=20, description="numbering"),
    )
