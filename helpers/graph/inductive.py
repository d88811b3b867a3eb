"""Nodes that were never seen: what a trained network can say of another graph."""

import networkx as nx
import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import choice, integer
from helpers.graph.graphs import Graph
from helpers.graph.layers import GCNLayer
from helpers.runtime import seeded

#: What a network is given, and what it propagates with.
METHODS = ("features and edges", "features alone", "names and edges")


def two_communities(nodes: int = 60, noise: float = 1.5, seed: int = 0):
    """A random graph of two communities whose members have a noisy feature.

    Inside a community two nodes are joined with probability 0.2, across with 0.02. The feature is
    +1 or -1 by community, plus normal noise.

    Returns:
        graph, features ``(N, 1)``, labels int64 ``(N,)``
    """
    half = integer("nodes", nodes, minimum=4) // 2
    drawn = nx.stochastic_block_model([half, half], [[0.2, 0.02], [0.02, 0.2]], seed=seed)
    g = torch.Generator().manual_seed(seed)
    labels = torch.arange(2 * half) // half
    features = 2.0 * labels[:, None] - 1 + noise * torch.randn(2 * half, 1, generator=g)
    return Graph.from_networkx(drawn), features, labels


class TwoLayers(nn.Module):
    """Two graph convolutions, as in Kipf and Welling 2017, equation 9."""

    def __init__(self, features: int, classes: int = 2, hidden: int = 16):
        super().__init__()
        self.layers = nn.ModuleList([GCNLayer(features, hidden), GCNLayer(hidden, classes)])

    def forward(self, H: torch.Tensor, M: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, classes)``."""
        return self.layers[1](torch.relu(self.layers[0](H, M)), M)


def seen_and_new(method: str, seed: int = 0, *, epochs: int = 150) -> tuple[float, float]:
    """Train on half of the labels of one graph; ask for its other half and for another graph.

    Args:
        method: one of :data:`METHODS`. "names" gives every node a one-hot vector of its own, so
            that there is nothing to say of a node of another graph but by the place in its list.

    Returns:
        accuracy on the nodes of the same graph whose label was hidden (transductive), and on all
            nodes of a graph drawn anew, in another order (inductive).

    Raises:
        ValueError: another method.
    """
    choice("method", method, METHODS)
    graph, x, y = two_communities(seed=2 * seed)
    other, x_new, y_new = two_communities(seed=2 * seed + 1)
    with seeded(seed):
        order = torch.randperm(len(y))
        model = TwoLayers(len(y) if method == "names and edges" else 1)
        shuffled = torch.randperm(len(y))
    shown, hidden = order[: len(y) // 2], order[len(y) // 2 :]
    M, M_new = (model.layers[0].prepare(g) for g in (graph, other))
    M_new, x_new, y_new = M_new[shuffled][:, shuffled], x_new[shuffled], y_new[shuffled]
    if method == "names and edges":
        x = x_new = torch.eye(len(y))
    if method == "features alone":
        M = M_new = torch.eye(len(y))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=5e-4)
    for _ in range(integer("epochs", epochs, minimum=0)):
        loss = F.cross_entropy(model(x, M)[shown], y[shown])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        seen = (model(x, M).argmax(1) == y)[hidden].double().mean().item()
        new = (model(x_new, M_new).argmax(1) == y_new).double().mean().item()
    return seen, new
