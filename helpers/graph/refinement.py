"""Colour refinement, the 1-WL test: the most that messages between equal nodes can tell.

Weisfeiler and Leman 1968. Every node has a colour; in a round its new colour names its old one
together with the multiset of its neighbours' old ones. Two graphs whose colours differ in number
are different; where they never do, the test cannot tell, and neither can message passing (Xu et al.
2019, lemma 2; Morris et al. 2019, theorem 1).
"""

import itertools
from collections.abc import Sequence

import torch

from helpers.checks import integer, is_square, shown

#: Nodes whose orders are gone through one by one.
SMALL = 8


def refine(
    graphs: Sequence[torch.Tensor],
    rounds: int,
    colors: Sequence[Sequence[int]] | None = None,
) -> list[list[list[int]]]:
    """The colours of some graphs, refined together, so that a colour means one thing in all.

    A colour of a round is the number of its name among the sorted names of that round.

    Args:
        graphs: adjacencies ``(N, N)``; row u lists whom u hears.
        rounds: of refinement.
        colors: a whole number a node to begin with; all equal if left out.

    Returns:
        ``found[k][g][u]``: the colour of node u of graph g after k rounds.

    Raises:
        ValueError: an adjacency that is not square, or colours that are not one a node.
    """
    integer("rounds", rounds, minimum=0)
    for A in graphs:
        _check_square("a graph", A)
    if colors is not None and list(map(len, colors)) != list(map(len, graphs)):
        raise ValueError("colors must be one a node of each graph")
    hears = [[row.nonzero()[:, 0].tolist() for row in A] for A in graphs]
    now = [[0] * len(A) for A in graphs] if colors is None else [list(c) for c in colors]
    found = [now]
    for _ in range(rounds):
        names = [
            [(own[u], tuple(sorted(own[v] for v in heard[u]))) for u in range(len(own))]
            for own, heard in zip(now, hears, strict=True)
        ]
        number = {name: k for k, name in enumerate(sorted({n for one in names for n in one}))}
        now = [[number[name] for name in one] for one in names]
        found.append(now)
    return found


def told_apart(A: torch.Tensor, B: torch.Tensor) -> bool:
    """Whether colour refinement tells two graphs apart, in as many rounds as it can go on.

    Raises:
        ValueError: one of them is no square matrix.
    """
    *_, (a, b) = refine([A, B], len(A) + len(B))
    return sorted(a) != sorted(b)


def _check_square(name: str, A: torch.Tensor) -> None:
    if not is_square(A):
        raise ValueError(f"{name} must be a square matrix, got {shown(A)}")


def from_edges(nodes: int, edges: Sequence[tuple[int, int]]) -> torch.Tensor:
    """The adjacency of an undirected graph: ``(N, N)``."""
    A = torch.zeros(nodes, nodes)
    for u, v in edges:
        A[u, v] = A[v, u] = 1.0
    return A


def ring(nodes: int, first: int = 0) -> list[tuple[int, int]]:
    """The edges of a cycle of nodes that are numbered from ``first``."""
    return [(first + k, first + (k + 1) % nodes) for k in range(nodes)]


def decalin() -> torch.Tensor:
    """Ten carbon atoms: two rings of six that share an edge."""
    return from_edges(10, [*ring(10), (0, 5)])


def bicyclopentyl() -> torch.Tensor:
    """Ten carbon atoms: two rings of five with an edge between them."""
    return from_edges(10, [*ring(5), *ring(5, 5), (0, 5)])


#: Name of a pair -> its two graphs by name.
PAIRS = {
    "rings": {
        "one ring of six": from_edges(6, ring(6)),
        "two rings of three": from_edges(6, [*ring(3), *ring(3, 3)]),
    },
    "molecules": {"decalin": decalin(), "bicyclopentyl": bicyclopentyl()},
    "a branch": {
        "a path of six": from_edges(6, [(k, k + 1) for k in range(5)]),
        "a branched tree": from_edges(6, [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5)]),
    },
}


def writings(A: torch.Tensor) -> tuple[int, int]:
    """Over all N! orders of a small graph's nodes: different matrices, and orders that keep it.

    Raises:
        ValueError: no square matrix, or one of more than :data:`SMALL` nodes.
    """
    _check_square("A", A)
    N = integer("the number of nodes", len(A), maximum=SMALL)
    seen = [A[list(o)][:, list(o)] for o in itertools.permutations(range(N))]
    kept = sum(torch.equal(one, A) for one in seen)
    return len({tuple(one.flatten().tolist()) for one in seen}), kept
