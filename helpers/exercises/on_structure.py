"""Checks of workbook 07: colour refinement, a graph written down and read back, counting.

What is right is computed from plain lines or by trying everything; :mod:`helpers.combined` writes
the same rows.
"""

import itertools
import math

import networkx as nx
import torch

from helpers.combined import archive, small_graphs
from helpers.combined.widgets import attention_explorer
from helpers.exercises.answers import Case, WrongAnswer, check
from helpers.exercises.predictions import predicted
from helpers.runtime import generator

_COLOURS = {
    "a set forgets how often: two red neighbours are not one red neighbour. Take the sorted "
    "list.": {"gathered": "set"},
    "a node's own colour is lost: the new one comes from the old one and the neighbours'.": {
        "own": False
    },
    "one round is not enough: go on until the number of colours no longer grows.": {"rounds": 1},
    "the colours are those of the start: no neighbour was asked.": {"rounds": 0},
    "the neighbours' colours have no order: sort them before you compare.": {"gathered": "listed"},
    "only the number of neighbours is used, not their colours.": {"gathered": "counted"},
}
_WRITING = {
    "the order is not used: row k belongs to node order[k].": {"order": False},
    "each node's links to those *after* it are written; those before it are meant.": {
        "side": "after"
    },
    "the diagonal is not written: no node has a link to itself, row k has k entries.": {
        "side": "with itself"
    },
    "the whole row is written, and so every edge twice; row k has k entries.": {"side": "whole"},
    "within a row the links run from the first node to the one just before.": {"side": "backwards"},
}
_READING = {
    "an edge goes both ways: A[j, k] = A[k, j].": {"both": False},
    "the entries fill row after row: row k has k of them.": {"by": "columns"},
    "the number of nodes: N (N − 1) / 2 bits were written, solve for N.": {"nodes": 1},
    "the diagonal is 0: no node is linked to itself.": {"loops": True},
}


def colour_refinement(function, seed: int = 0) -> None:
    """``(neighbours, colours) -> colours``, a list; only who shares a colour matters."""

    def renamed(f, neighbours, colours):
        found = f(neighbours, colours)
        if found is None or found is Ellipsis:
            return found
        if not isinstance(found, list | tuple) or len(found) != len(neighbours):
            raise WrongAnswer(
                f"colour_refinement: a list of {len(neighbours)} colours is asked for, one a node."
            )
        plain = [c.item() if isinstance(c, torch.Tensor) else c for c in found]
        return _partition(plain)

    cases = []
    for neighbours, colours in _coloured_graphs(seed):
        right = renamed(_refined, neighbours, colours)
        wrong = {
            k: renamed(lambda *a, m=m: _refined(*a, **m), neighbours, colours)
            for k, m in _COLOURS.items()
        }
        cases.append(Case((neighbours, colours), right, wrong))
    check(function, cases, name="colour_refinement", through=renamed, told=_first_pair)


def _coloured_graphs(seed: int) -> list[tuple[list[list[int]], list[int]]]:
    """A graph on which all mistakes differ from what is right and from one another, and others."""
    source = generator("colours", seed)

    def draw(n, p):
        A = torch.rand(n, n, generator=source).triu(1) > 1 - p
        A = A | A.T
        colours = torch.randint(2, (n,), generator=source).tolist()
        orders = [torch.randperm(n, generator=source) for _ in range(n)]
        listed = [[int(v) for v in orders[u] if A[u, v]] for u in range(n)]
        return listed, colours

    while True:
        first = draw(9, 0.25)
        answers = [_partition(_refined(*first, **m)) for m in ({}, *_COLOURS.values())]
        if len({str(a) for a in answers}) == len(answers):
            break
    cycle = [[(u - 1) % 6, (u + 1) % 6] for u in range(6)]
    return [first, (cycle, [0] * 6), ([[]], [3]), draw(7, 0.3)]


def _refined(neighbours, colours, gathered="sorted", own=True, rounds=None):
    def seen(u):
        of = [colours[v] for v in neighbours[u]]
        kinds = {
            "set": lambda: sorted(set(of)),
            "counted": lambda: [len(of)],
            "listed": lambda: of,
            "sorted": lambda: sorted(of),
        }
        return (colours[u] if own else 0, tuple(kinds[gathered]()))

    for _ in range(len(colours) if rounds is None else rounds):
        signs = [seen(u) for u in range(len(colours))]
        names = {sign: k for k, sign in enumerate(sorted(set(signs)))}
        new = [names[sign] for sign in signs]
        if rounds is None and own and len(set(new)) == len(set(colours)):
            break
        colours = new
    return list(colours)


def _partition(colours) -> list[int]:
    names = {}
    return [names.setdefault(c, len(names)) for c in colours]


def _first_pair(got: list[int], right: list[int]) -> str:
    """Two nodes that share a colour in one partition and not in the other."""
    u, v = next(
        (u, v)
        for u, v in itertools.combinations(range(len(right)), 2)
        if (got[u] == got[v]) != (right[u] == right[v])
    )
    if got[u] == got[v]:
        return f"nodes {u} and {v} share a colour in your list and must not."
    return f"nodes {u} and {v} must share a colour, and in your list they do not."


def serialise(function, seed: int = 0) -> None:
    """``(A, order) -> bits``: for each node of the order its links to those before it, one list."""
    cases = []
    for N in (6, 4, 1):
        A, order = _graph(N, seed)
        rows = small_graphs.serialise(A[None], torch.zeros(1, N), order[None])[0]
        right = [int(rows[k, j]) for k in range(N) for j in range(k)]
        arguments = (A, order.tolist())
        wrong = {k: _written(*arguments, **m) for k, m in _WRITING.items()}
        cases.append(Case(arguments, right, wrong))
    check(function, cases, name="serialise")


def _written(A, given, order=True, side="before"):
    N = len(A)
    nodes = given if order else list(range(N))
    columns = {
        "before": lambda k: range(k),
        "after": lambda k: range(k + 1, N),
        "with itself": lambda k: range(k + 1),
        "whole": lambda k: range(N),
        "backwards": lambda k: range(k - 1, -1, -1),
    }[side]
    return [int(A[nodes[k], nodes[j]]) for k in range(N) for j in columns(k)]


def deserialise(function, seed: int = 0) -> None:
    """``bits -> A``, the nodes numbered in the order of the rows."""
    cases = []
    for N in (6, 3, 2):
        A, order = _graph(N, seed + 1)
        bits = _written(A, order.tolist())
        wrong = {k: _read(bits, **m) for k, m in _READING.items()}
        cases.append(Case((bits,), small_graphs.relabel(A, order), wrong))
    check(function, cases, name="deserialise")


def _read(bits, both=True, by="rows", nodes=0, loops=False):
    N = nodes + next(N for N in range(1, 99) if len(bits) == N * (N - 1) // 2)
    places = [(k, j) for k in range(N) for j in range(k)]
    if by == "columns":
        places = [(k, j) for j in range(N) for k in range(j + 1, N)]
    A = torch.eye(N) if loops else torch.zeros(N, N)
    for (k, j), bit in zip(places, bits, strict=False):
        A[k, j] = bit
        if both:
            A[j, k] = bit
    return A


def _graph(N: int, seed: int):
    source = generator("written", N, seed)
    while True:
        A = (torch.rand(N, N, generator=source) < 0.5).float().triu(1)
        A, order = A + A.T, torch.randperm(N, generator=source)
        bits = [_written(A, order.tolist(), **m) for m in ({}, *_WRITING.values())]
        if N < 6 or len({str(b) for b in bits}) == len(bits):
            return A, order


def counting(bits, texts, triangles, rounds, seed: int = 0) -> None:
    """The four blanks about graphs written down, each against counting everything."""
    N, more = 5 + seed % 2, 9

    def pairs(N):
        return len(list(itertools.combinations(range(N), 2)))

    mistakes = {
        "each pair once: half of N (N − 1).": N * (N - 1),
        "no node has a link to itself: N − 1, not N.": N * N / 2,
        "that is with the diagonal; row k has k entries, from 0 to N − 1.": N * (N + 1) / 2,
    }
    check(bits, [Case((N,), pairs(N), mistakes), Case((more,), pairs(more))], name="bits")
    ring_with_tail = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 4), (4, 5)][:N]
    symmetries, different = _texts(nx.Graph(ring_with_tail))
    mistakes = {
        "each text is written by as many orders as the graph has symmetries: divide by them.": (
            math.factorial(N)
        ),
        "N nodes have N! orders, not 2^N.": 2**N / symmetries,
        "N nodes have N! orders, not N².": N**2 / symmetries,
        "symmetries make texts equal, so there are fewer: divide, do not multiply.": (
            math.factorial(N) * symmetries
        ),
    }
    of_a_ring = _texts(nx.cycle_graph(4))
    cases = [Case((N, symmetries), different, mistakes), Case((4, of_a_ring[0]), of_a_ring[1])]
    check(texts, cases, name="texts")
    A = torch.tensor(nx.to_numpy_array(nx.complete_graph(4 + seed % 3)))
    walks = torch.linalg.matrix_power(A, 3).trace().item()
    found = sum(nx.triangles(nx.complete_graph(len(A))).values()) / 3
    mistakes = {
        "each triangle is walked in two directions as well.": walks / 3,
        "each triangle is walked from each of its three nodes as well.": walks / 2,
        "closed walks of three steps come six to a triangle.": walks,
    }
    check(triangles, [Case((walks,), found, mistakes)], name="triangles")
    T = 8 + seed % 5
    mistakes = {
        "off by one: T + 1 nodes in a row have T edges.": T + 1,
        "the blank is the last node, the first digit the first: all the way, not half.": T / 2,
        "over the mirror edge it would be one; this is the chain alone.": 1,
        "off by one: T + 1 nodes, the blank among them.": T - 1,
    }
    far = {n: nx.shortest_path_length(nx.path_graph(n + 1), 0, n) for n in (T, 3)}
    check(rounds, [Case((T,), far[T], mistakes), Case((3,), far[3])], name="rounds")


def _texts(graph: nx.Graph) -> tuple[int, int]:
    """Symmetries of a graph, and how many different texts its orders write."""
    nodes = range(len(graph))
    A = torch.tensor(nx.to_numpy_array(graph, nodelist=nodes))
    written = [tuple(_written(A, list(order))) for order in itertools.permutations(nodes)]
    return written.count(written[0]), len(set(written))


def mirrored(prediction) -> float:
    """Predict the share of a blank's attention on its mirror in the worst seed, in percent."""
    found = archive.read()

    def measure() -> float:
        runs = found.part("attention")
        return 100 * runs[runs["T"] == runs["T"].max()]["mirror"].min()

    def show() -> None:
        attention_explorer(found)

    return predicted("mirrored", prediction, measure, show=show, minimum=0, maximum=100)
