"""Checks of workbook 06: the normalised adjacency, a graph convolution, an attention head.

What is right comes from :mod:`helpers.graph`, which equals PyTorch Geometric.
"""

import math

import torch

from helpers.exercises.answers import Case, check
from helpers.exercises.predictions import predicted
from helpers.graph.graphs import six_node_graph
from helpers.graph.layers import GATLayer, GCNLayer
from helpers.graph.propagation import normalized_adjacency
from helpers.graph.widgets import signal_player
from helpers.runtime import generator

_A_HAT = {
    "every edge goes both ways: A[u, v] and A[v, u].": {"both": False},
    "the self-loops are missing: Ã = A + I.": {"loops": 0},
    "degrees without self-loops: d̃ is the row sum of Ã, one more than the number of neighbours.": {
        "degree": "of A"
    },
    "this is the average, D̃⁻¹ Ã, whose rows sum to 1; the GCN divides by √d̃_u √d̃_v.": {
        "norm": "row"
    },
    "this is Ã itself; the entries are to be divided by √d̃_u √d̃_v.": {"norm": "none"},
    "D̃^(−1/2) stands on both sides; one of them is missing.": {"norm": "one side"},
    "the roots are missing: 1 / √(d̃_u d̃_v), not 1 / (d̃_u d̃_v).": {"norm": "no root"},
    "multiplied by the roots of the degrees where they divide.": {"norm": "times"},
}
_GCN = {
    "the relu at the end is missing.": {"relu": "none"},
    "the bias is missing.": {"bias": 0},
    "the bias belongs inside the relu.": {"relu": "before bias"},
    "the bias is added once to each node, after the sum; yours is sent with every message.": {
        "bias": "sent"
    },
    "the relu comes last, after the messages are added up.": {"relu": "before sum"},
    "the transposed matrix: row u of the matrix holds the weights of what u hears, M @ H.": {
        "turned": True
    },
    "no messages: H W alone. The matrix M is not used.": {"silent": True},
}
_HEAD = {
    "the LeakyReLU of the scores is missing: without it the hearer's part cancels in the softmax, "
    "and all who hear the same nodes give them the same proportions, (40).": {"slope": 1.0},
    "LeakyReLU keeps a part below zero; this is the plain relu.": {"slope": 0.0},
    "the softmax runs over the neighbours v of each u, so along rows: dim=1.": {"dim": 0},
    "u hears only its neighbours and itself: where Ã is 0 the score must be −∞ before the "
    "softmax.": {"mask": "none"},
    "a score of 0 still has a weight, exp(0) = 1: set it to −∞, not to 0.": {"mask": "zero"},
    "after the mask each row must sum to 1 again: mask the scores before the softmax.": {
        "mask": "after"
    },
    "a_u and a_v are exchanged: a_u goes with the hearer, the row.": {"swapped": True},
    "every node also hears itself: the diagonal belongs to the neighbours.": {"itself": False},
}


def a_hat(function, seed: int = 0) -> None:
    """``(n, edges) -> (n, n)``, edges as pairs of numbers, each given once."""
    source = generator("a_hat", seed)
    ring = [(k, (k + 1) % 6) for k in range(6)]
    chord = torch.randint(2, 5, (1,), generator=source).item()
    cases = []
    for n, edges in ((6, [*ring, (0, chord), (1, 4)]), (5, [(0, 1), (1, 2)]), (1, [])):
        A = torch.zeros(n, n, dtype=torch.float64)
        for u, v in edges:
            A[u, v] = A[v, u] = 1
        wrong = {k: _a_hat_mistaken(n, edges, **m) for k, m in _A_HAT.items()}
        cases.append(Case((n, edges), normalized_adjacency(A), wrong))
    check(function, cases, name="a_hat")


def _a_hat_mistaken(n, edges, both=True, loops=1, degree="of Ã", norm="symmetric"):
    A = torch.zeros(n, n, dtype=torch.float64)
    for u, v in edges:
        A[u, v] = 1
        if both:
            A[v, u] = 1
    A_tilde = A + loops * torch.eye(n, dtype=A.dtype)
    d = (A if degree == "of A" else A_tilde).sum(1)
    r = d**-0.5
    factor = {
        "symmetric": torch.outer(r, r),
        "row": (1 / d)[:, None],
        "none": torch.ones(n, n),
        "one side": r[:, None],
        "no root": torch.outer(1 / d, 1 / d),
        "times": torch.outer(d**0.5, d**0.5),
    }[norm]
    return factor * A_tilde


def gcn_layer(function, seed: int = 0) -> None:
    """``(H, M, W, b) -> relu(M H W + b)``; M need not be symmetric, nor sum to 1 by rows."""
    cases = []
    for N, width, out in ((5, 3, 4), (1, 2, 2), (4, 4, 4)):
        H, W, b, A = _drawn(N, width, out, seed)
        M = normalized_adjacency(A, "row") * torch.linspace(0.5, 1.5, N, dtype=A.dtype)[:, None]
        layer = GCNLayer(width, out).double()
        layer.load_state_dict({"W": W, "b": b})
        right = torch.relu(layer(H, M)).detach()
        wrong = {k: _gcn_mistaken(H, M, W, b, **m) for k, m in _GCN.items()}
        cases.append(Case((H, M, W, b), right, wrong))
    check(function, cases, name="gcn_layer")


def _gcn_mistaken(H, M, W, b, relu="last", bias=1, turned=False, silent=False):
    z = H @ W
    if relu == "before sum":
        return M @ torch.relu(z + b)
    if bias == "sent":
        return torch.relu(M @ (z + b))
    sums = z if silent else (M.T if turned else M) @ z
    if relu == "before bias":
        return torch.relu(sums) + b
    sums = sums + bias * b
    return sums if relu == "none" else torch.relu(sums)


def attention_head(function, seed: int = 0) -> None:
    """``(H, A_tilde, W, a_u, a_v) -> (alpha, H')``: GAT's head, slope 0.2."""
    cases = []
    for N, width, out in ((5, 3, 4), (1, 2, 2), (4, 4, 3)):
        H, W, _, A = _drawn(N, width, out, seed)
        a = torch.randn(2, out, generator=generator("a", N, seed), dtype=torch.float64)
        A_tilde = A + torch.eye(N, dtype=A.dtype)
        layer = GATLayer(width, out).double()
        layer.load_state_dict({"W": W, "a_u": a[:1], "a_v": a[1:], "b": 0 * a[0]})
        right = (layer.attention(H, A_tilde)[0].detach(), layer(H, A_tilde).detach())
        arguments = (H, A_tilde, W, *a)
        wrong = {k: _head_mistaken(*arguments, **m) for k, m in _HEAD.items()}
        cases.append(Case(arguments, right, wrong))
    check(function, cases, name="attention_head", parts=("α", "H'"))


def _head_mistaken(
    H, A_tilde, W, a_u, a_v, slope=0.2, dim=1, mask="before", swapped=False, itself=True
):
    z = H @ W
    if swapped:
        a_u, a_v = a_v, a_u
    e = torch.nn.functional.leaky_relu((z @ a_u)[:, None] + (z @ a_v)[None], slope)
    silent = A_tilde == 0
    if not itself:
        silent = silent | torch.eye(len(H), dtype=torch.bool)
    if mask == "before":
        e = e.masked_fill(silent, -torch.inf)
    elif mask == "zero":
        e = e.masked_fill(silent, 0.0)
    alpha = e.softmax(dim)
    if mask == "after":
        alpha = alpha.masked_fill(silent, 0.0)
    return alpha, alpha @ z


def _drawn(N: int, width: int, out: int, seed: int):
    source = generator("graph", N, width, out, seed)

    def draw(*shape):
        return torch.randn(*shape, generator=source, dtype=torch.float64)

    A = torch.eye(N, dtype=torch.float64).roll(1, 0) if N > 2 else torch.zeros(N, N).double()
    A = A + A.T
    if N > 3:
        A[0, 2] = A[2, 0] = 1
    return draw(N, width), draw(width, out), draw(out), A


def smoothing(weight, ratio, eigenvalue, left, seed: int = 0) -> None:
    """The four blanks about what many layers leave, each against the matrix itself."""
    graph = six_node_graph()
    A_hat = normalized_adjacency(graph).double()
    d = graph.adjacency().sum(1).double() + 1
    unequal = [(u, v) for u, v in graph.edge_index().T.tolist() if d[u] != d[v]]
    u, v = unequal[seed % len(unequal)]
    mistakes = {
        "the product of both degrees stands under the root.": 1 / (d[u] * d[v]),
        "upside down.": (d[u] * d[v]).sqrt(),
        "both nodes count, hearer and heard.": 1 / d[u],
        "one over the root of the sum is something else: the two roots multiply.": (d[u] + d[v])
        ** -0.5,
    }
    check(weight, [Case((d[u], d[v]), A_hat[u, v], mistakes)], name="weight")
    far = torch.linalg.matrix_power(A_hat, 400)[:, 0]
    mistakes = {
        "no consensus: Â does not average equally; nodes with a larger degree end with more.": 1.0,
        "the root is missing: √d̃ is the eigenvector.": d[u] / d[v],
        "upside down: the larger degree ends with more.": (d[v] / d[u]).sqrt(),
    }
    check(ratio, [Case((d[u], d[v]), far[u] / far[v], mistakes)], name="ratio")
    N, j = 7 + seed % 3, 2
    cycle = torch.eye(N, dtype=torch.float64).roll(1, 0)
    on_cycle = normalized_adjacency(cycle + cycle.T)
    wave = torch.cos(2 * math.pi * j * torch.arange(N, dtype=torch.float64) / N)
    angle = 2 * math.pi * j / N
    mistakes = {
        "the self-loop is missing: a node also hears itself, 1 + 2 cos.": 2 * math.cos(angle) / 3,
        "each node has two neighbours: cos(θ + φ) + cos(θ − φ) = 2 cos θ cos φ.": (
            1 + math.cos(angle)
        )
        / 3,
        "the degree with the self-loop is 3: each weight is 1/3.": 1 + 2 * math.cos(angle),
        "the degree counts the self-loop: 3, not 2.": (1 + 2 * math.cos(angle)) / 2,
    }
    right = (on_cycle @ wave)[0] / wave[0]
    check(eigenvalue, [Case((N, j), right, mistakes)], name="eigenvalue")
    mu, layers = right.item(), 5
    after = (torch.linalg.matrix_power(on_cycle, layers) @ wave)[0] / wave[0]
    mistakes = {
        "each layer multiplies by μ: a power, not a multiple.": layers * mu,
        "off by one: k layers, k factors.": mu ** (layers - 1),
        "μ is what is left, not what is lost.": (1 - mu) ** layers,
    }
    check(left, [Case((mu, layers), after, mistakes)], name="left")


def many_layers(prediction) -> float:
    """Predict what A holds over what C holds, 30 layers after C sent a message."""
    graph = six_node_graph()

    def measure() -> float:
        far = torch.linalg.matrix_power(normalized_adjacency(graph).double(), 30)
        sent = far[:, graph.index("C")]
        return (sent[graph.index("A")] / sent[graph.index("C")]).item()

    def show() -> None:
        signal_player({"six nodes": graph}, "C")

    return predicted("many layers", prediction, measure, show=show, minimum=0)
