"""A graph under the reader's hand: nodes and edges that come and go, places, one feature a node."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import combinations

import torch

from helpers.graph.graphs import Graph
from helpers.graph.layers import GATLayer, GCNLayer
from helpers.graph.smoothing import second_eigenvalue, twins
from helpers.runtime import seeded

#: What can still be drawn and read.
MOST_NODES = 40
#: A press nearer than this to a node, or to an edge, means it; in heights of the drawing.
NEAR_NODE, NEAR_EDGE = 0.07, 0.035


@dataclass
class Sketch:
    """A graph that can be changed.

    Attributes:
        places: node -> where it is drawn, in the unit square.
        edges: pairs of nodes.
        features: node -> its one feature.
    """

    places: dict[str, tuple[float, float]]
    edges: set[frozenset] = field(default_factory=set)
    features: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def of(graph: Graph) -> "Sketch":
        """A sketch of a graph, its drawing fitted into the unit square.

        A node's feature begins as its place from left (-1) to right (1).
        """
        if len(graph) > MOST_NODES:
            raise ValueError(f"the editor draws at most {MOST_NODES} nodes, got {len(graph)}")
        places = graph.layout()
        xs, ys = zip(*places.values(), strict=True)
        width, height = max(max(xs) - min(xs), 1e-9), max(max(ys) - min(ys), 1e-9)
        fitted = {
            node: (0.1 + 0.8 * (x - min(xs)) / width, 0.1 + 0.8 * (y - min(ys)) / height)
            for node, (x, y) in places.items()
        }
        edges = {frozenset(edge) for edge in graph.edges}
        return Sketch(fitted, edges, {node: _feature(x) for node, (x, _) in fitted.items()})

    @staticmethod
    def parse(text: str) -> "Sketch":
        """A sketch from pairs of names, one pair a line or between commas; a lone name is a node.

        Raises:
            ValueError: no names, three names together, too many nodes.
        """
        nodes, edges = {}, []
        for piece in re.split(r"[,;\n]", text):
            names = piece.split()
            if len(names) > 2:
                raise ValueError(
                    f"an edge is two names, one node one name; got {piece.strip()!r}. Write for "
                    "example: A B, B C, D"
                )
            nodes.update(dict.fromkeys(names))
            edges += [tuple(names)] if len(names) == 2 else []
        if not nodes:
            raise ValueError("write at least one node, or edges such as: A B, B C")
        return Sketch.of(Graph(tuple(nodes), tuple(edges), circle(len(nodes))))

    def copy(self) -> "Sketch":
        return replace(
            self, places=dict(self.places), edges=set(self.edges), features=dict(self.features)
        )

    def graph(self) -> Graph:
        nodes = tuple(self.places)
        return Graph(nodes, tuple(tuple(edge) for edge in self.edges), tuple(self.places.values()))

    def text(self) -> str:
        """What :meth:`parse` reads."""
        pairs = [" ".join(edge) for edge in self.graph().edges]
        joined = {node for edge in self.edges for node in edge}
        return ", ".join([*pairs, *(node for node in self.places if node not in joined)])

    def node_at(self, x: float, y: float) -> str | None:
        """The node nearest to a place, if it is near."""
        nearest = min(self.places, key=lambda node: math.dist(self.places[node], (x, y)))
        return nearest if math.dist(self.places[nearest], (x, y)) < NEAR_NODE else None

    def edge_at(self, x: float, y: float) -> frozenset | None:
        """The edge that passes nearest to a place, if it is near."""

        def distance(edge: frozenset) -> float:
            (ax, ay), (bx, by) = (self.places[node] for node in edge)
            along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (
                (bx - ax) ** 2 + (by - ay) ** 2 + 1e-12
            )
            along = min(max(along, 0.0), 1.0)
            return math.dist((x, y), (ax + along * (bx - ax), ay + along * (by - ay)))

        nearest = min(self.edges, key=distance, default=None)
        return nearest if nearest is not None and distance(nearest) < NEAR_EDGE else None

    def toggle(self, a: str, b: str) -> None:
        """Put an edge between two nodes, or take it away."""
        if a != b:
            self.edges ^= {frozenset((a, b))}

    def toggled(self, pairs: Iterable[tuple[str, str]]) -> "Sketch":
        """A copy with these edges put or taken away."""
        changed = self.copy()
        for pair in pairs:
            changed.toggle(*pair)
        return changed

    def add(self, x: float, y: float) -> str:
        """A new node at a place; returns its name.

        Raises:
            ValueError: there are as many as can be drawn.
        """
        if len(self.places) >= MOST_NODES:
            raise ValueError(f"the editor draws at most {MOST_NODES} nodes")
        names = [chr(65 + k) for k in range(26)] + [str(k) for k in range(1, MOST_NODES + 1)]
        name = next(name for name in names if name not in self.places)
        self.places[name], self.features[name] = (x, y), _feature(x)
        return name

    def remove(self, node: str) -> None:
        """Take a node and its edges away.

        Raises:
            ValueError: it is the only one.
        """
        if len(self.places) == 1:
            raise ValueError("a graph needs at least one node")
        del self.places[node], self.features[node]
        self.edges = {edge for edge in self.edges if node not in edge}

    def stroke(self, down: tuple[float, float], up: tuple[float, float]) -> str | None:
        """What a pressed and released pointer does.

        From a node to another: their edge on or off. From a node into the open: the node moves.
        A click on an edge removes it, a click into the open adds a node, a click on a node chooses
        it.

        Returns:
            the node that is now chosen, or ``None``.
        """
        node, other = self.node_at(*down), self.node_at(*up)
        if node is not None:
            if other == node:
                return node
            if other is not None:
                self.toggle(node, other)
            else:
                self.places[node] = (min(max(up[0], 0.02), 0.98), min(max(up[1], 0.02), 0.98))
            return None
        edge = self.edge_at(*down)
        if edge is not None:
            self.edges -= {edge}
            return None
        return self.add(*down) if math.dist(down, up) < NEAR_NODE else None


def walk(sketch: Sketch) -> dict[str, Sketch]:
    """The sketch changed step by step, by what was done: the editor for who cannot draw.

    The edge that is added is the one that brings the second eigenvalue down most; two joined nodes
    are made twins; a node comes, alone, and is joined. For a sketch that lacks an edge.
    """
    steps = {"as it is": sketch}
    absent = (p for p in combinations(sketch.places, 2) if frozenset(p) not in sketch.edges)
    added = {pair: sketch.toggled([pair]) for pair in absent}
    (a, b), now = min(added.items(), key=lambda item: second_eigenvalue(item[1].graph()))
    steps[f"edge {a} {b} added"] = now
    known = {frozenset(pair) for pair in twins(now.graph())}
    a, b = next(tuple(edge) for edge in now.graph().edges if frozenset(edge) not in known)
    others = [node for node in now.places if node not in (a, b)]
    differ = [n for n in others if len({frozenset((a, n)), frozenset((b, n))} & now.edges) == 1]
    steps[f"{b} made {a}'s twin"] = now = now.toggled([(b, node) for node in differ])
    now = now.copy()
    new = now.add(0.5, 0.5)
    steps[f"node {new} added"] = now
    steps[f"{new} joined to {a}"] = now.toggled([(new, a)])
    return steps


def _feature(x: float) -> float:
    return round(2 * x - 1, 1)


def circle(n: int) -> tuple[tuple[float, float], ...]:
    """Places on a circle, from the top clockwise."""
    angles = [2 * math.pi * k / n for k in range(n)]
    return tuple((0.5 + 0.4 * math.sin(a), 0.5 + 0.4 * math.cos(a)) for a in angles)


@torch.no_grad()
def outputs(sketch: Sketch, layers: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Rows of all nodes after some layers of a GCN and of a GAT with random weights, tanh between.

    A node enters with [1, its feature]. One layer's weights serve all layers, so that depth alone
    changes.

    Shapes:
        values ``(N, 2)``
    """
    H_0 = torch.tensor([[1.0, value] for value in sketch.features.values()])
    graph = sketch.graph()
    found = {}
    for kind in (GCNLayer, GATLayer):
        with seeded(seed):
            layer = kind(2, 2)
            torch.nn.init.orthogonal_(layer.W, gain=1.2)
        M, H = layer.prepare(graph), H_0
        for _ in range(layers):
            H = layer.update(H, M)
        found[kind.label] = H
    return found
