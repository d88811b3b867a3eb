"""The traps of notebook 07, each with the number that shows it."""

import torch

from helpers.combined import small_graphs
from helpers.combined.archive import BEST_SETTING, ComparisonArchive
from helpers.combined.claims import Numbers, percent
from helpers.combined.networks import GraphClassifier, kind_of, seeded_build
from helpers.combined.reconciled import right_of, settings_at
from helpers.graph import pictures
from helpers.graph.refinement import PAIRS, refine
from helpers.notebook import Trap
from helpers.runtime import generator


def spread_at_depth(depth: int, graphs: int = 50) -> float:
    """How far a deep gated network's answers differ between graphs of one and of two cycles."""
    A, marks, _ = (part[:graphs] for part in small_graphs.graphs_of("connectivity", "test"))
    X = small_graphs.node_features(A.double(), marks.double(), "mark", generator(0))
    build = seeded_build(lambda: GraphClassifier("gated", 2, 16, depth, 2).double(), 0)
    with torch.no_grad():
        answers = build(X, A.double())
    return (answers - answers[0]).abs().max().item()


def pixels_heard(rounds: int, size: int = pictures.SIZE) -> int:
    """How many pixels the middle one has heard of after so many rounds on the grid."""
    A = pictures.grid_graph(size)
    heard = torch.zeros(size * size)
    heard[size // 2 * size + size // 2] = 1.0
    for _ in range(rounds):
        heard = ((A @ heard + heard) > 0).float()
    return int(heard.sum())


def rows(found: ComparisonArchive) -> list[Trap]:
    """Each with a number from the published runs or from exact arithmetic.

    What a report says and the table of claims answers is not said again here.
    """
    n = Numbers(found)
    gated, T, depth = kind_of("gated").label, 20, 24
    at_T = settings_at(found, T)
    colors = refine(list(PAIRS["molecules"].values()), 10)[-1]
    grid = pictures.forms(pictures.scene())[1]
    return [
        Trap(
            "joining each part to the next gives a network a memory",
            "often seen; report 004 suggests it, of sentences: “this could act as a viable memory”",
            "that graph is a chain: what was first is as many rounds away as there are parts "
            "(sentences are fewer than words); an edge must join what belongs together",
            f"{T} digits: chain {percent(n.best_on('chain', T))}, mirror "
            f"{percent(n.best_on('mirror', T))}, reading {percent(n.best_reader(T))}",
        ),
        Trap(
            "a layer accounts for the whole neighbourhood, so a picture is covered",
            "often seen; one may read it out of report 002’s “a GNN that accounts for its entire "
            "neighbourhood”, which does not say it",
            "one round covers the next pixels only; what is far takes as many rounds",
            f"of {grid['steps or nodes']} pixels one has heard of {pixels_heard(1)} after 1 round, "
            f"of {pixels_heard(5)} after 5; all hear all after {grid['farthest apart']}",
        ),
        Trap(
            "an LSTM over neighbours, as if they had an order",
            "often seen; report 001 tells of it: “we pass the neighbours though a modified LSTM”",
            "another order, another answer (GraphSAGE draws one); sort what can be sorted, or sum",
            f"{percent(n.near.loc['lstm', 'changed'])} of answers change; sorted "
            f"{percent(n.near.loc['sorted lstm', 'changed'])}, GIN "
            f"{percent(n.near.loc['gin', 'changed'])}",
        ),
        Trap(
            "more rounds tell more",
            "often seen",
            "refinement ends when no colour splits any more; after that depth tells nothing",
            f"one cycle or two, {depth} rounds: answers differ by less than 1e-12: "
            f"{'yes' if spread_at_depth(depth) < 1e-12 else 'no'}",
        ),
        Trap(
            "two molecules that differ are told apart by a network on their atoms",
            "often seen",
            "not if colour refinement ends with equal counts; rings have to be features",
            f"decalin and bicyclopentyl: {len(set(colors[0]))} colours, equally often in both: "
            f"{'yes' if sorted(colors[0]) == sorted(colors[1]) else 'no'}",
        ),
        Trap(
            "random numbers at the nodes repair that for nothing",
            "often seen",
            "they make nodes distinct, and answers depend on the draw",
            f"triangles {percent(n.graphs['triangles', f'{gated} + random numbers'])} right, and "
            f"{percent(n.changed['triangles', f'{gated} + random numbers'])} of answers change; "
            f"closed walks {percent(n.graphs['triangles', f'{gated} + closed walks'])} and "
            f"{percent(n.changed['triangles', f'{gated} + closed walks'])}",
        ),
        Trap(
            "a method loses a comparison in which nobody set it well",
            "this notebook's own first comparison",
            "look for the best setting of each side, and report both",
            f"LSTM at T = {T}: {percent(at_T['as compared']['accuracy'].mean())} as compared, "
            f"{percent(at_T[BEST_SETTING]['accuracy'].mean())} at its best setting",
        ),
        Trap(
            "a mean accuracy between chance and 1 as what the network can do",
            "often seen, and above",
            "seeds differ: some have found the way, others have not yet",
            f"the LSTM as compared: {right_of(at_T['as compared'])} seeds right; at its best "
            f"setting: {right_of(at_T[BEST_SETTING])}",
        ),
    ]
