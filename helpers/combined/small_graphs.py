"""Small random graphs with a question about each, and the two forms that networks see them in.

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

from functools import cache

import networkx as nx
import torch
import torch.nn.functional as F
from scipy.sparse.csgraph import shortest_path

from helpers.checks import choice, shown, square
from helpers.runtime import generator

TASKS = ("distance", "triangles", "connectivity")
CLASSES = {"distance": 4, "triangles": 4, "connectivity": 2}
NODES = 12
GRAPHS = 4000
ORDERS = ("bfs", "dfs", "random")
WALKS = 8
RANDOM = 4
#: What a node knows at first, with the number of columns: its mark and a 1; these and its closed
#: walks; these and random numbers.
FEATURES = {"mark": 2, "walks": 2 + WALKS - 1, "random": 2 + RANDOM}


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
    """Hops between all pairs, ``(N, N)``; infinite where no path leads.

    Raises:
        ValueError: an adjacency that is not square.
    """
    square("A", A)
    return torch.from_numpy(shortest_path(A.numpy(), unweighted=True)).to(A.dtype)


def triangles(A: torch.Tensor) -> torch.Tensor:
    """trace(A^3) / 6: each triangle is walked from 3 nodes in 2 directions."""
    return (A @ A @ A).diagonal(dim1=-2, dim2=-1).sum(-1) / 6


def relabel(A: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """The same graph with its nodes in another order: P A P^T. Its k-th node was ``order[k]``.

    Raises:
        ValueError: an order that does not name every node once, or an adjacency that is not square.
    """
    square("A", A)
    if order.dim() != 1 or order.sort().values.tolist() != list(range(len(A))):
        raise ValueError(f"order must name each of {len(A)} nodes once, got {shown(order)}")
    return A[order][:, order]


def relabel_all(A: torch.Tensor, marks: torch.Tensor, orders: torch.Tensor):
    """:func:`relabel` for a batch of graphs, each in an order of its own, and their marks.

    Shapes:
        A ``(B, N, N)``, marks ``(B, N)``, orders ``(B, N)`` -> A ``(B, N, N)``, marks ``(B, N)``
    """
    rows = torch.arange(len(A))[:, None, None]
    return A[rows, orders[:, :, None], orders[:, None, :]], marks.gather(1, orders)


# What the networks see ----------------------------------------------------------------------------


def node_features(
    A: torch.Tensor, marks: torch.Tensor, features: str, stream: torch.Generator
) -> torch.Tensor:
    """``(B, N, f)``: marks and a 1; with "walks" the shares of random walks that are back after
    2 to 8 steps, the diagonal of (D^-1 A)^k; with "random" four numbers, drawn anew each time
    (Sato, Yamada and Kashima 2021).

    Raises:
        ValueError: other features.
    """
    choice("features", features, tuple(FEATURES))
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

    Raises:
        ValueError: another order, or an adjacency that is not square.
    """
    choice("order", order, ORDERS)
    square("A", A)
    N = len(A)
    if order == "random":
        return torch.randperm(N, generator=stream)
    neighbours = [[v for v, linked in enumerate(row) if linked] for row in A.tolist()]
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

    Raises:
        ValueError: an order that does not name every node once.
    """
    each = torch.arange(A.shape[-1])
    if orders.shape != A.shape[:2] or not (orders.sort(-1).values == each.to(orders)).all():
        raise ValueError(f"orders must name each node of a graph once, got {shown(orders)}")
    ordered, marks = relabel_all(A, marks, orders)
    return torch.cat([ordered.tril(-1), marks.unsqueeze(-1)], dim=-1)
