"""The explorers of notebook 07, each with its static twin."""

import ipywidgets as widgets
import torch

from helpers import figures
from helpers.combined import plots, structure
from helpers.combined.archive import ComparisonArchive
from helpers.combined.reconciled import RIGHT, right_of
from helpers.combined.serialised import GraphRun, inputs
from helpers.combined.small_graphs import NODES, all_hops, graphs_of
from helpers.live import live
from helpers.palindromes.tasks.palindromes import mirror
from helpers.runtime import generator


def reach_explorer() -> None:
    """How far messages have come on the chain and on the mirrored graph, round by round."""

    def draw(T: int, rounds: int) -> None:
        half = torch.randint(10, (1, (T + 2) // 2), generator=generator("drawn", T))
        heard = [
            int((all_hops(A(T + 1))[T, :T] <= rounds).sum())
            for A in (structure.chain, structure.mirrored)
        ]
        told = (
            f"After {rounds} round{'' if rounds == 1 else 's'} the blank has heard of {heard[0]} "
            f"of the {T} digits on the chain, and of {heard[1]} on the mirrored graph."
        )
        figures.show(
            plots.palindrome_graphs(mirror(half, T)[0].tolist(), rounds),
            caption=f"{told} Blue: a digit that the blank, marked ?, has heard of. Outlined in "
            "orange: the first digit, which is the answer.",
            alt=f"The same {T + 1} nodes in a row twice, a digit in each but the last: left joined "
            f"to the next, right with arcs between mirrored positions as well. {told}",
        )

    live(
        draw,
        static=[{"T": 8, "rounds": rounds} for rounds in (1, 4, 8)],
        guide="Move the rounds. How many does the chain need until the last digit has heard of the "
        "first, and how many the mirrored graph? Then change T.",
        frames={"T": [4, 8, 16], "rounds": list(range(17))},
        T=widgets.IntSlider(8, min=2, max=16, description="T"),
        rounds=widgets.IntSlider(1, min=0, max=16, description="rounds"),
    )


def attention_explorer(comparisons: ComparisonArchive) -> None:
    """The learned attention at each published length."""
    lengths = sorted(int(name.split()[1]) for name in comparisons.curves)
    runs = comparisons.part("attention")

    def draw(T: int) -> None:
        mirrored = comparisons.curves[f"attention {T}"][:, ::-1].diagonal()[-((T + 1) // 2) :]
        told = (
            f"On average {mirrored.mean(dtype=float):.0%} of a hidden position's attention lies on "
            "its mirrored position"
        )
        at_T = runs[runs["T"] == T]
        others = f"{right_of(at_T)} seeds find all pairs at this length"
        first = at_T.loc[at_T["seed"] == 0, "accuracy"].item() >= RIGHT
        if first and (at_T["accuracy"] < RIGHT).any():
            others = f"it is one of those that do: {others}"
        figures.show(
            plots.attention_map(comparisons, T),
            caption=f"{told}, which is outlined. A row is a hidden position and sums to 1, a "
            f"column a position that it can hear. The map is of seed 0; {others}.",
            alt=f"A map of attention, hidden positions against all {T + 1}, with the cells of "
            f"mirrored positions outlined on a diagonal. {told}.",
        )

    live(
        draw,
        static=[{"T": lengths[0]}, {"T": lengths[-1]}],
        guide="Choose a length. To which digit does the last position attend?",
        frames={"T": lengths},
        T=widgets.SelectionSlider(options=lengths, description="T"),
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
        right = int(targets[graph]) + 1
        told = f"The filled nodes are {right} hop{'' if right == 1 else 's'} apart. " + " ".join(
            f"Answer of the {name}: {int(p.argmax()) + 1}, with probability {p.max():.2f}."
            for name, p in answers.items()
        )
        figures.show(
            plots.relabelled(A, marks, numbers, answers, right - 1),
            caption=f"{told} The bar of the answer is orange. The graph is the same under every "
            "numbering; only the numbers in its nodes change.",
            alt=f"A graph of {NODES} numbered nodes, two of them filled, and for each network a "
            f"bar for every number of hops. {told}",
        )

    live(
        draw,
        static=[{"graph": 7, "numbering": numbering} for numbering in (0, 1)],
        guide="Change the numbering alone. Whose answer changes though the graph has not?",
        frames={"graph": [7, 12, 23, 31, 42], "numbering": list(range(9))},
        graph=widgets.IntSlider(7, min=0, max=50, description="graph"),
        numbering=widgets.IntSlider(0, min=0, max=20, description="numbering"),
    )
