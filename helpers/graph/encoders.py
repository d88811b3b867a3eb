"""From a node to a vector: a table of vectors, and an encoder that reads the neighbourhood.

Both are asked for the same: that z_u^T z_v says how near u and v are in the graph. The table is a
shallow encoder in the sense of Hamilton, Ying and Leskovec 2017; the other is the graph autoencoder
of Kipf and Welling 2016.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import AnyTensor, integer, number, shown, square
from helpers.graph.graphs import Graph
from helpers.graph.layers import GCNLayer
from helpers.graph.propagation import add_self_loops


def fit_table(S: torch.Tensor, width: int, seed: int = 0) -> torch.Tensor:
    """The vectors z_u that minimise the sum over u, v of (S_uv - z_u^T z_v)^2, by descent.

    Args:
        S: similarities, symmetric ``(N, N)``.
        width: entries of a vector.

    Shapes:
        -> Z ``(N, width)``, float64
    """
    integer("width", width, minimum=1)
    g = torch.Generator().manual_seed(seed)
    S = S.double()
    Z = torch.randn(len(S), width, generator=g, dtype=torch.float64).requires_grad_()
    descent = torch.optim.LBFGS(
        [Z],
        max_iter=500,
        tolerance_grad=1e-10,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def loss():
        descent.zero_grad()
        value = table_loss(S, Z)
        value.backward()
        return value

    descent.step(loss)
    return Z.detach()


def table_loss(S: torch.Tensor, Z: torch.Tensor) -> torch.Tensor:
    """Sum over u, v of (S_uv - z_u^T z_v)^2.

    Raises:
        ValueError: similarities that are not square, or vectors that are not one a row of them.
    """
    square("S", S)
    if Z.dim() != 2 or len(Z) != len(S):
        raise ValueError(f"Z must hold a vector for each of {len(S)} nodes, got {shown(Z)}")
    return (S - Z @ Z.T).square().sum()


class Table(nn.Module):
    """A shallow encoder: a vector of its own for every node, nothing shared."""

    def __init__(self, nodes: int, width: int):
        super().__init__()
        self.Z = nn.Parameter(0.1 * torch.randn(nodes, width))

    def forward(self, M: torch.Tensor) -> torch.Tensor:
        """Z, whatever the graph: ``(N, width)``."""
        return self.Z


class NeighbourhoodEncoder(nn.Module):
    """Two graph convolutions, the features being who one is: z_u depends on whom u hears."""

    def __init__(self, nodes: int, width: int, hidden: int = 32):
        super().__init__()
        self.layers = nn.ModuleList([GCNLayer(nodes, hidden), GCNLayer(hidden, width)])

    def forward(self, M: torch.Tensor) -> torch.Tensor:
        """Z: ``(N, width)``."""
        H = torch.relu(self.layers[0](torch.eye(M.shape[-1]), M))
        return self.layers[1](H, M)


@dataclass
class LinkSplit:
    """Edges to learn from, edges hidden, and as many pairs that are no edges.

    Attributes:
        graph: the graph less the hidden edges.
        hidden, none: pairs as rows of indices, ``(n, 2)``.
    """

    graph: Graph
    hidden: torch.Tensor
    none: torch.Tensor


def hide_links(graph: Graph, share: float = 0.15, seed: int = 0) -> LinkSplit:
    """Hide a share of the edges, and draw as many pairs that are no edges.

    Raises:
        ValueError: a share outside of 0 to 1, or too few edges to hide one and keep one.
    """
    number("share", share)
    count = round(share * len(graph.edges))
    if not 0 < count < len(graph.edges):
        raise ValueError(f"a share of {share} hides {count} of {len(graph.edges)} edges")
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(graph.edges), generator=g)[:count].tolist()
    gone = [graph.edges[k] for k in order]
    apart = (add_self_loops(graph.adjacency()) == 0).triu().nonzero()
    pairs = [[graph.index(a), graph.index(b)] for a, b in gone]
    drawn = apart[torch.randperm(len(apart), generator=g)[:count]]
    return LinkSplit(graph.without(*gone), torch.tensor(pairs), drawn)


def train_encoder(
    encoder: nn.Module, graph: Graph, *, epochs: int = 150, rate: float = 0.01, seed: int = 0
) -> torch.Tensor:
    """Train so that sigmoid(z_u^T z_v) tells edges from pairs that are none; the vectors it gives.

    Each epoch has all edges and as many pairs drawn anew from the others; Adam.

    Shapes:
        -> Z ``(N, width)``
    """
    g = torch.Generator().manual_seed(seed)
    M = GCNLayer(1, 1).prepare(graph)
    edges = graph.edge_index().T[: len(graph.edges)]
    apart = (M == 0).triu().nonzero()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=rate)
    for _ in range(integer("epochs", epochs, minimum=0)):
        others = apart[torch.randint(len(apart), (len(edges),), generator=g)]
        pairs = torch.cat([edges, others])
        target = torch.cat([torch.ones(len(edges)), torch.zeros(len(others))])
        loss = F.binary_cross_entropy_with_logits(dot_products(encoder(M), pairs), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return encoder(M)


def dot_products(Z: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """z_u^T z_v for pairs of indices ``(n, 2)``: ``(n,)``.

    Raises:
        ValueError: vectors that are not rows, or pairs that are not two of them.
    """
    if Z.dim() != 2:
        raise ValueError(f"Z must hold a vector in each row, got {shown(Z)}")
    two = pairs.dim() == 2 and pairs.shape[1] == 2 and pairs.dtype == torch.int64
    if not two or not ((pairs >= 0) & (pairs < len(Z))).all():
        raise ValueError(f"pairs must be two of {len(Z)} rows of Z each, got {shown(pairs)}")
    return (Z[pairs[:, 0]] * Z[pairs[:, 1]]).sum(1)


def common_neighbours(graph: Graph, pairs: torch.Tensor) -> torch.Tensor:
    """How many neighbours two nodes share, for pairs of indices ``(n, 2)``: ``(n,)``."""
    A = graph.adjacency()
    return (A @ A)[pairs[:, 0], pairs[:, 1]]


def area_under_curve(hidden: AnyTensor, none: AnyTensor) -> float:
    """The share of pairs (hidden edge, no edge) whose edge has the higher score; ties count half.

    The area under the ROC curve.

    Raises:
        ValueError: scores that are not in one row, or none of them.
    """
    for name, scores in (("hidden", hidden), ("none", none)):
        if scores.dim() != 1 or not len(scores):
            raise ValueError(f"{name} must be scores in one row, got {shown(scores)}")
    above = (hidden[:, None] > none[None, :]).double() + 0.5 * (hidden[:, None] == none[None, :])
    return above.mean().item()


def link_prediction(graph: Graph, *, splits: int = 3, epochs: int = 150) -> dict[str, list[float]]:
    """Area under the curve on hidden edges, a value a split, by method.

    Raises:
        ValueError: no split, or more than 100, which would train for minutes.
    """
    integer("splits", splits, minimum=1, maximum=100)
    found = {"GCN encoder": [], "table": [], "common neighbours": []}
    for seed in range(splits):
        split = hide_links(graph, seed=seed)
        torch.manual_seed(seed)
        encoders = {
            "GCN encoder": NeighbourhoodEncoder(len(graph), 16),
            "table": Table(len(graph), 16),
        }
        for name, encoder in encoders.items():
            Z = train_encoder(encoder, split.graph, epochs=epochs, seed=seed)
            scores = [dot_products(Z, pairs) for pairs in (split.hidden, split.none)]
            found[name].append(area_under_curve(*scores))
        shared = [common_neighbours(split.graph, pairs) for pairs in (split.hidden, split.none)]
        found["common neighbours"].append(area_under_curve(*shared))
    return found
