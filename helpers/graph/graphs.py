"""Graphs with named nodes and a fixed layout, so that every drawing of one looks the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx
import torch

from helpers import checks


@dataclass(frozen=True)
class Graph:
    """An undirected graph without weights.

    Args:
        nodes: names, in the order of the adjacency's rows.
        edges: pairs of names. Order and doubles do not matter; a pair of a node with itself is
            left out, as message passing adds one self-loop to every node anyway.
        positions: where nodes are drawn; left out, a layout computed from the graph alone.

    Raises:
        ValueError: no nodes, a name twice, an edge with an unknown name.
    """

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    positions: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self):
        nodes = tuple(checks.items("nodes", self.nodes))
        if not nodes:
            raise ValueError("a graph needs at least one node")
        for name in nodes:
            checks.text("the name of a node", name)
        if len(set(nodes)) < len(nodes):
            raise ValueError(
                f"every node needs a name of its own, got {checks.shown(', '.join(nodes))}"
            )
        index = {name: i for i, name in enumerate(nodes)}
        pairs = set()
        for edge in checks.items("edges", self.edges):
            if not isinstance(edge, tuple | list | str) or len(edge) != 2:
                raise ValueError(f"an edge must be a pair of names, got {checks.shown(edge)}")
            a, b = (checks.text("the name of a node", name) for name in edge)
            for name in (a, b):
                if name not in index:
                    raise ValueError(f"edge {a!r}-{b!r}: there is no node {name!r}")
            if a != b:
                pairs.add(tuple(sorted((a, b), key=index.__getitem__)))
        ordered = sorted(pairs, key=lambda pair: (index[pair[0]], index[pair[1]]))
        if self.positions is not None:
            self._check_positions(len(nodes))
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "edges", tuple(ordered))
        object.__setattr__(self, "_index", index)

    def _check_positions(self, count: int) -> None:
        if len(checks.items("positions", self.positions)) != count:
            raise ValueError(f"{count} nodes need as many positions, got {len(self.positions)}")
        for place in self.positions:
            if not isinstance(place, tuple | list) or len(place) != 2:
                raise ValueError(f"a position must be a pair, x and y, got {checks.shown(place)}")
            for part in place:
                checks.number("a position", part)

    def __len__(self) -> int:
        return len(self.nodes)

    def index(self, node: str) -> int:
        """The row of ``node``.

        Raises:
            ValueError: there is no such node.
        """
        try:
            return self._index[node]
        except (KeyError, TypeError):
            known = ", ".join(map(str, self.nodes[:20])) + (" …" if len(self) > 20 else "")
            raise ValueError(f"there is no node {node!r}; the graph has {known}") from None

    def adjacency(self) -> torch.Tensor:
        """A, symmetric, zeros on the diagonal: ``(N, N)``."""
        A = torch.zeros(len(self), len(self))
        for a, b in self.edges:
            i, j = self.index(a), self.index(b)
            A[i, j] = A[j, i] = 1.0
        return A

    def edge_index(self) -> torch.Tensor:
        """Both directions of every edge as rows and columns: int64 ``(2, 2 edges)``."""
        pairs = [(self.index(a), self.index(b)) for a, b in self.edges]
        one_way = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
        return torch.cat([one_way, one_way.flip(0)], dim=1)

    def to_networkx(self) -> nx.Graph:
        """The same graph for networkx, nodes under their names."""
        graph = nx.Graph()
        graph.add_nodes_from(self.nodes)
        graph.add_edges_from(self.edges)
        return graph

    def layout(self) -> dict[str, tuple[float, float]]:
        """Where each node is drawn."""
        if self.positions is not None:
            return dict(zip(self.nodes, self.positions, strict=True))
        places = nx.kamada_kawai_layout(self.to_networkx())
        return {node: (float(x), float(y)) for node, (x, y) in places.items()}

    def without(self, *edges: Sequence[str]) -> "Graph":
        """This graph less some of its edges.

        Raises:
            ValueError: an edge that the graph does not have.
        """
        gone = {frozenset(edge) for edge in edges}
        kept = tuple(edge for edge in self.edges if frozenset(edge) not in gone)
        if len(kept) != len(self.edges) - len(gone):
            raise ValueError(f"not all of {', '.join('-'.join(e) for e in edges)} are edges")
        return Graph(self.nodes, kept, self.positions)

    @staticmethod
    def from_adjacency(A, nodes: Iterable[str] | None = None) -> "Graph":
        """A graph from a symmetric matrix of zeros and ones.

        Raises:
            ValueError: the matrix is not square, not symmetric, or holds something else.
        """
        A = check_adjacency(A)
        if A.dim() != 2:
            raise ValueError(f"a Graph is one matrix, got a batch of shape {tuple(A.shape)}")
        if not torch.equal(A, A.T):
            raise ValueError("this Graph is undirected: its adjacency must be symmetric")
        if not ((A == 0) | (A == 1)).all():
            raise ValueError("this Graph has no weights: its adjacency must hold zeros and ones")
        nodes = tuple(nodes) if nodes is not None else tuple(str(i) for i in range(len(A)))
        if len(nodes) != len(A):
            raise ValueError(f"an adjacency of {len(A)} rows needs as many names, got {len(nodes)}")
        pairs = A.triu(1).nonzero().tolist()
        return Graph(nodes, tuple((nodes[i], nodes[j]) for i, j in pairs))

    @staticmethod
    def from_networkx(graph: nx.Graph) -> "Graph":
        """A networkx graph, its weights left out; node names become texts."""
        if graph.is_directed():
            raise ValueError(
                "this Graph is undirected; pass graph.to_undirected() if that is meant"
            )
        edges = tuple((str(a), str(b)) for a, b in graph.edges())
        return Graph(tuple(str(node) for node in graph.nodes()), edges)


def check_adjacency(A) -> torch.Tensor:
    """``A``, one adjacency or a batch of them, as floats.

    Raises:
        ValueError: no matrix of numbers, not square, empty, or with NaN, infinite or negative
            entries.
    """
    A = checks.tensor("an adjacency", A)
    if not A.is_floating_point():
        A = A.to(torch.get_default_dtype())
    if A.dim() < 2 or A.shape[-1] != A.shape[-2] or A.numel() == 0:
        raise ValueError(f"an adjacency must be a square matrix, got shape {tuple(A.shape)}")
    if not torch.isfinite(A).all() or (A < 0).any():
        raise ValueError("an adjacency must hold finite numbers of at least 0")
    return A


def six_node_graph() -> Graph:
    """The assignment's example: nodes A to F, eight edges, diameter 3 (from C to E)."""
    return Graph(
        nodes=tuple("ABCDEF"),
        edges=tuple(tuple(edge) for edge in ["AB", "AE", "AF", "BC", "BD", "CD", "DF", "EF"]),
        positions=((0.5, 1.0), (1.5, 1.0), (2.2, 0.0), (1.5, -1.0), (-0.4, 0.0), (0.5, -1.0)),
    )
