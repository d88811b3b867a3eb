"""A graph task given to a recurrent network: small random graphs, written down node by node.

A serialisation lists the nodes in some order; each step holds the node's links to the nodes before
it (as in GraphRNN, You et al. 2018) and its mark. Nothing is lost, but the order is arbitrary, and
with it the numbers that the network sees.

Data flow::

    drawn graphs A (B, N, N), marks (B, N), targets (B,)
        -> message passing: features (B, N, f) and A
        -> recurrent: order of the nodes -> rows (B, N, N + 1)

Tasks:
    distance: hops between two marked nodes, 1 to 4. Within reach of message passing.
    triangles: 0, 1, 2, or 3 and more, in random 3-regular graphs. By the 1-WL bound (Xu et al.
        2019; Morris et al. 2019) message passing from equal features tells no two regular graphs
        of one size and degree apart.
    connectivity: one cycle or two, likewise 2-regular.
"""

from dataclasses import dataclass
from functools import cache

import networkx as nx
import torch
import torch.nn.functional as F

from helpers.checks import choice
from helpers.combined.networks import (
    CORES,
    LAYERS,
    POOLS,
    GraphClassifier,
    matched,
    parameters_of,
    reader,
    seeded_build,
)
from helpers.combined.training import Fit, check_settings, fit, score, settings
from helpers.runtime import generator

TASKS = ("distance", "triangles", "connectivity")
ORDERS = ("bfs", "dfs", "random")
#: What a node knows at first: its mark; that and its closed walks; that and random numbers.
FEATURES = ("mark", "walks", "random")
NODES = 12
WALKS = 8
RANDOM = 4
CLASSES = {"distance": 4, "triangles": 4, "connectivity": 2}
GRAPHS = 4000


@dataclass(frozen=True)
class GraphRun:
    """A network on one task.

    Attributes:
        model: "gcn", "gat", "gated", "rnn" or "lstm".
        order: how the recurrent networks' graphs are written down; "" for the others.
        features: what the nodes of the others know; "" for the recurrent networks.
        pool: how the others make one vector of all nodes, "mean" or "lstm".
    """

    model: str
    task: str
    seed: int
    order: str = ""
    features: str = ""
    pool: str = "mean"
    depth: int = 6
    steps: int = 1000
    parameters: int = 12_000
    batch_size: int = 64
    lr: float = 3e-3

    def __post_init__(self):
        choice("model", self.model, (*CORES, *LAYERS))
        choice("task", self.task, TASKS)
        if self.recurrent:
            choice("order", self.order, ORDERS)
        else:
            choice("features", self.features, FEATURES)
        choice("pool", self.pool, POOLS)
        check_settings(self, "depth", "parameters")

    @property
    def recurrent(self) -> bool:
        return self.model in CORES


# Graphs -------------------------------------------------------------------------------------------


@cache
def graphs_of(
    task: str, part: str, n: int = GRAPHS
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``n`` graphs of a task: A ``(n, N, N)``, marks ``(n, N)``, targets ``(n,)``.

    ``part`` "train" or "test" names the stream that they are drawn from. Classes are balanced for
    distance and connectivity; triangles are as frequent as random regular graphs have them.
    """
    choice("task", task, TASKS)
    stream = generator(task, part)
    found = [_DRAWN[task](k, stream) for k in range(n)]
    A, marks, targets = zip(*found, strict=True)
    return torch.stack(A), torch.stack(marks), torch.tensor(targets)


def _distance(k: int, stream: torch.Generator):
    wanted = k % CLASSES["distance"] + 1
    while True:
        # 1.6 edges a node: sparse enough for distances up to 4, and mostly connected
        upper = torch.rand(NODES, NODES, generator=stream).triu(1) > 1 - 3.2 / (NODES - 1)
        A = (upper.triu(1) | upper.triu(1).T).float()
        hops = all_hops(A)
        pairs = (hops == wanted).nonzero()
        if len(pairs):
            pair = pairs[torch.randint(len(pairs), (1,), generator=stream).item()]
            return A, F.one_hot(pair, NODES).sum(0).float(), wanted - 1


def _triangles(k: int, stream: torch.Generator):
    seed = torch.randint(2**31, (1,), generator=stream).item()
    A = torch.tensor(nx.to_numpy_array(nx.random_regular_graph(3, NODES, seed=seed))).float()
    return A, torch.zeros(NODES), min(int(triangles(A)), CLASSES["triangles"] - 1)


def _connectivity(k: int, stream: torch.Generator):
    cycles = [NODES]
    if k % 2 == 0:
        first = torch.randint(3, NODES - 2, (1,), generator=stream).item()
        cycles = [first, NODES - first]
    blocks = []
    for length in cycles:
        cycle = torch.eye(length).roll(1, 0)
        blocks.append(cycle + cycle.T)
    A = relabel(torch.block_diag(*blocks), torch.randperm(NODES, generator=stream))
    return A, torch.zeros(NODES), k % 2


_DRAWN = {"distance": _distance, "triangles": _triangles, "connectivity": _connectivity}


def all_hops(A: torch.Tensor) -> torch.Tensor:
    """Hops between all pairs, ``(N, N)``; infinite where no path leads."""
    hops = torch.full(A.shape, float("inf")).fill_diagonal_(0.0)
    reached = torch.eye(len(A))
    for step in range(1, len(A)):
        reached = ((A @ reached + reached) > 0).float()
        hops[(reached > 0) & hops.isinf()] = step
    return hops


def triangles(A: torch.Tensor) -> torch.Tensor:
    """trace(A^3) / 6: each triangle is walked from 3 nodes in 2 directions."""
    return (A @ A @ A).diagonal(dim1=-2, dim2=-1).sum(-1) / 6


def relabel(A: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """The same graph with its nodes in another order: P A P^T."""
    return A[order][:, order]


# What the networks see ----------------------------------------------------------------------------


def node_features(
    A: torch.Tensor, marks: torch.Tensor, features: str, stream: torch.Generator
) -> torch.Tensor:
    """``(B, N, f)``: marks and a 1; with "walks" the shares of random walks that are back after
    2 to 8 steps, the diagonal of (D^-1 A)^k; with "random" four numbers, drawn anew each time
    (Sato, Yamada and Kashima 2021).
    """
    X = torch.stack([marks, torch.ones_like(marks)], dim=-1)
    if features == "walks":
        P = A / A.sum(-1, keepdim=True).clamp(min=1)
        power, found = P, []
        for _ in range(WALKS - 1):
            power = power @ P
            found.append(power.diagonal(dim1=-2, dim2=-1))
        return torch.cat([X, torch.stack(found, dim=-1)], dim=-1)
    if features == "random":
        return torch.cat([X, torch.randn(*marks.shape, RANDOM, generator=stream)], dim=-1)
    return X


def visiting_order(A: torch.Tensor, order: str, stream: torch.Generator) -> torch.Tensor:
    """Nodes in the order of a search, or at random: ``(N,)``.

    A search starts at a random node, takes neighbours in the order of their numbers, and starts
    again at the lowest unvisited node where a part of the graph ends.
    """
    choice("order", order, ORDERS)
    N = len(A)
    if order == "random":
        return torch.randperm(N, generator=stream)
    neighbours = [row.nonzero().flatten().tolist() for row in A]
    start = torch.randint(N, (1,), generator=stream).item()
    seen, visited = set(), []
    for root in [start, *range(N)]:
        waiting = [root]
        while waiting:
            node = waiting.pop(0 if order == "bfs" else -1)
            if node in seen:
                continue
            seen.add(node)
            visited.append(node)
            # The stack is last in, first out: turned round, the lowest number comes first.
            waiting += neighbours[node] if order == "bfs" else neighbours[node][::-1]
    return torch.tensor(visited)


def serialise(A: torch.Tensor, marks: torch.Tensor, orders: torch.Tensor) -> torch.Tensor:
    """Step k: links of the k-th node to those before it, and its mark.

    Shapes:
        A ``(B, N, N)``, marks ``(B, N)``, orders ``(B, N)`` -> ``(B, N, N + 1)``
    """
    rows = torch.arange(len(A))[:, None, None]
    ordered = A[rows, orders[:, :, None], orders[:, None, :]].tril(-1)
    return torch.cat([ordered, marks.gather(1, orders).unsqueeze(-1)], dim=-1)


# The experiment -----------------------------------------------------------------------------------


def build(run: GraphRun) -> torch.nn.Module:
    """The network of a run, matched in parameters."""
    classes = CLASSES[run.task]
    extra = {"mark": 0, "walks": WALKS - 1, "random": RANDOM}

    def of_width(n: int):
        if run.recurrent:
            return reader(run.model, NODES + 1, n, classes, generator(run.seed, "weights"))
        known = 2 + extra[run.features]
        return GraphClassifier(run.model, known, n, run.depth, classes, run.pool)

    return seeded_build(lambda: matched(of_width, run.parameters), run.seed)


def task(run: GraphRun, part: str, *, shuffle: bool = True):
    """The ``draw`` of :func:`.training.fit`, from the graphs of ``part``.

    Each graph that is drawn gets new node numbers, unless ``shuffle`` is off.
    """
    A_all, marks_all, targets = graphs_of(run.task, part)

    def draw(n, stream):
        chosen = torch.randint(len(targets), (n,), generator=stream)
        A, marks = A_all[chosen], marks_all[chosen]
        if shuffle:
            orders = torch.rand(n, NODES, generator=stream).argsort(1)
            A, marks = _reorder(A, marks, orders)
        return inputs(run, A, marks, stream), targets[chosen]

    return draw


def inputs(run: GraphRun, A: torch.Tensor, marks: torch.Tensor, stream: torch.Generator) -> tuple:
    """What the network of a run takes for these graphs."""
    if not run.recurrent:
        return node_features(A, marks, run.features, stream), A
    if run.order == "random":
        orders = torch.rand(marks.shape, generator=stream).argsort(1)
    else:
        orders = torch.stack([visiting_order(one, run.order, stream) for one in A])
    return (serialise(A, marks, orders),)


def _reorder(A, marks, orders):
    rows = torch.arange(len(A))[:, None, None]
    return A[rows, orders[:, :, None], orders[:, None, :]], marks.gather(1, orders)


@torch.no_grad()
def changed_by_relabelling(model, run: GraphRun, n: int = 500) -> tuple[float, float]:
    """What other node numbers do to the answers on ``n`` test graphs.

    Returns:
        share of graphs whose answer changes; largest difference of a logit. The random stream
        (start of a search, random features) is the same both times.
    """
    A, marks, _ = graphs_of(run.task, "test")
    A, marks = A[:n], marks[:n]
    orders = torch.rand(n, NODES, generator=generator(run.seed, "relabel")).argsort(1)
    answers = [
        model(*inputs(run, *graphs, generator(run.seed, "walk")))
        for graphs in ((A, marks), _reorder(A, marks, orders))
    ]
    changed = (answers[0].argmax(1) != answers[1].argmax(1)).float().mean().item()
    return changed, (answers[0] - answers[1]).abs().max().item()


def train_model(run: GraphRun, on_step=None) -> tuple[torch.nn.Module, Fit]:
    """The trained network of a run, and its curves."""
    model = build(run)
    stream = generator(run.seed, "data")
    return model, fit(model, task(run, "train"), stream, on_step=on_step, **settings(run))


def train_graphs(run: GraphRun) -> tuple[dict, dict]:
    """The experiment that a study calls.

    Record: "accuracy" on test graphs, "seen" on training graphs, "majority" (share of the most
    frequent class), "changed" and "largest_difference" of :func:`changed_by_relabelling`.
    """
    model, curve = train_model(run)
    targets = graphs_of(run.task, "test")[2]
    changed, difference = changed_by_relabelling(model, run)
    record = {
        "parameters_used": parameters_of(model),
        "accuracy": score(model, task(run, "test"), generator(run.seed, "test")),
        "seen": score(model, task(run, "train"), generator(run.seed, "seen")),
        "majority": targets.bincount().max().item() / len(targets),
        "changed": changed,
        "largest_difference": difference,
    }
    return record, {"accuracy": curve.accuracy}
