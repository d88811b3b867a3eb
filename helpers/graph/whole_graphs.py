"""A question about a graph as a whole: has it hubs?"""

import networkx as nx
import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import integer
from helpers.graph.graphs import Graph
from helpers.graph.layers import GCNLayer
from helpers.runtime import seeded


def with_and_without_hubs(n: int, nodes: int = 24, seed: int = 0):
    """Random graphs of the same numbers of nodes and edges, every other one with hubs.

    With: Barabasi and Albert 1999, where a new node joins two others, the likelier the more
    neighbours they have. Without: Erdos and Renyi's, where all pairs are alike.

    Returns:
        the graphs, and 1 for each that has hubs: int64 ``(n,)``
    """
    integer("nodes", nodes, minimum=4)
    graphs = []
    for k in range(integer("n", n, minimum=1)):
        drawn = nx.barabasi_albert_graph(nodes, 2, seed=seed + k)
        if k % 2 == 0:
            drawn = nx.gnm_random_graph(nodes, drawn.number_of_edges(), seed=seed + k)
        graphs.append(Graph.from_networkx(drawn))
    return graphs, torch.arange(n) % 2


class GraphReader(nn.Module):
    """Two graph convolutions, the mean over the nodes, a linear read-out.

    The features are a one for every node: all that the network gets to know is who hears whom.
    """

    def __init__(self, width: int = 16, classes: int = 2):
        super().__init__()
        self.layers = nn.ModuleList([GCNLayer(1, width), GCNLayer(width, width)])
        self.read_out = nn.Linear(width, classes)

    def vector(self, M: torch.Tensor) -> torch.Tensor:
        """z_G, the mean of the nodes' vectors: M ``(..., N, N)`` -> ``(..., width)``."""
        H = torch.ones(*M.shape[:-1], 1, dtype=M.dtype)
        for layer in self.layers:
            H = torch.relu(layer(H, M))
        return H.mean(-2)

    def forward(self, M: torch.Tensor) -> torch.Tensor:
        """Logits ``(..., classes)``."""
        return self.read_out(self.vector(M))


def train_reader(n: int = 80, *, steps: int = 200, seed: int = 0) -> tuple[GraphReader, float]:
    """Train on ``n`` graphs; the accuracy is that on as many others, drawn anew."""
    with seeded(seed):
        reader = GraphReader()
    graphs, labels = with_and_without_hubs(n, seed=10_000 * seed)
    others, expected = with_and_without_hubs(n, seed=10_000 * seed + n)
    M, new = (torch.stack([reader.layers[0].prepare(g) for g in some]) for some in (graphs, others))
    optimizer = torch.optim.Adam(reader.parameters(), lr=0.02)
    for _ in range(integer("steps", steps, minimum=0)):
        loss = F.cross_entropy(reader(M), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = (reader(new).argmax(-1) == expected).double().mean().item()
    return reader, right
