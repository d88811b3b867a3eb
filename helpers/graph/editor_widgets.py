"""The graph editor: change the graph, and see what message passing makes of it at once."""

import math
from collections.abc import Callable

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import to_rgb

from helpers import audience, figures
from helpers.explorer import Explorer
from helpers.figures import PALETTE
from helpers.foreign import in_figure, on_page
from helpers.graph.editor import Sketch, outputs, walk
from helpers.graph.graphs import Graph
from helpers.graph.plots import draw_graph, draw_matrix
from helpers.graph.propagation import (
    add_self_loops,
    normalized_adjacency,
    reach,
)
from helpers.graph.smoothing import second_eigenvalue, twins
from helpers.live import display_with_twin, live

MATRICES = ("A_tilde", "D_tilde", "A_hat")
DEPTH = 12
GUIDE = (
    "Draw from a node to another to set or remove their edge, from a node into the open to move "
    "it; click into the open for a new node, on an edge to remove it, on a node to choose it. Can "
    "you make two nodes twins? Which edge brings μ₂ down most, and what does the curve of "
    "smoothing do then?"
)


def graph_editor(starts: dict[str, Graph], node: str) -> None:
    """A graph to draw on; matrices, reach, twins, smoothing and two networks follow.

    Args:
        starts: title -> graph to begin with; the first is shown first.
        node: the node of the first graph whose message is followed at first.
    """
    sketches = {name: Sketch.of(graph) for name, graph in starts.items()}

    shown = dict(sketches)
    if audience.site_folder() is not None:
        first = next(iter(sketches))
        shown = walk(shown.pop(first)) | shown

    def draw(step: int, layer: int) -> None:
        sketch = list(shown.values())[step]
        show(sketch, node if node in sketch.places else next(iter(sketch.places)), layer)

    if audience.site_folder() is None and audience.interactive():
        editor = GraphEditor(sketches, node)
        display_with_twin(editor.widget(), lambda: draw(0, 2))
        return
    live(
        draw,
        static=[{}],
        guide=PAGE_GUIDE,
        frames={"step": list(range(len(shown))), "layer": [0, 1, 2, 3, 4, 6, 8]},
        step=widgets.SelectionSlider(
            options=[(name, k) for k, name in enumerate(shown)], description="edit"
        ),
        layer=widgets.IntSlider(2, min=0, max=DEPTH, description="layers"),
    )


class GraphEditor:
    """The controls of the editor; the pointer on the drawing does what they do, and faster.

    Attributes:
        sketch: the graph as it stands.
    """

    def __init__(self, sketches: dict[str, Sketch], node: str):
        self.sketches = sketches
        first = next(iter(sketches))
        self.sketch = sketches[first].copy()
        self.start = widgets.Dropdown(options=list(sketches), value=first, description="begin with")
        self.node = widgets.Dropdown(
            options=list(self.sketch.places), value=node, description="node"
        )
        self.feature = widgets.FloatSlider(
            self.sketch.features[node], min=-2, max=2, step=0.1, description="its feature"
        )
        self.layer = widgets.IntSlider(2, min=0, max=DEPTH, description="layers")
        self.matrix = widgets.Dropdown(options=MATRICES, value="A_hat", description="matrix")
        self.edges = widgets.Textarea(
            self.sketch.text(), description="edges", continuous_update=False,
            layout={"height": "52px"},
        )  # fmt: skip
        add = widgets.Button(description="add a node", icon="plus")
        remove = widgets.Button(description="remove the node", icon="trash")
        self.start.observe(self._begin, "value")
        self.node.observe(self._choose, "value")
        self.feature.observe(self._set_feature, "value")
        self.edges.observe(self._read, "value")
        add.on_click(lambda _: self._change(self._add))
        remove.on_click(lambda _: self._change(lambda: self.sketch.remove(self.node.value)))
        controls = {
            "start": self.start, "node": self.node, "layer": self.layer, "matrix": self.matrix,
            "feature": self.feature,
        }  # fmt: skip
        buttons = widgets.HBox([add, remove])
        more = [self.edges, buttons]
        self.explorer = Explorer(self._draw, controls, more, GUIDE, on_stroke=self._stroke)

    def widget(self) -> widgets.VBox:
        return self.explorer.widget()

    def _draw(self, node: str, layer: int, matrix: str, **_) -> None:
        show(self.sketch, node, layer, matrix)

    def _refresh(self, chosen: str | None = None) -> None:
        """All controls say what the sketch says."""
        places = self.sketch.places
        wanted = chosen or self.node.value
        with self.explorer.together():
            if list(self.node.options) != list(places):
                self.node.options = list(places)
            self.node.value = wanted if wanted in places else next(iter(places))
            self.feature.value = self.sketch.features[self.node.value]
            self.edges.value = self.sketch.text()

    def _change(self, change) -> None:
        try:
            with self.explorer.lock:
                chosen = change()
        except ValueError as error:  # what cannot be drawn
            self.explorer.fail(str(error))
        else:
            self._refresh(chosen)

    def _stroke(self, down: dict[str, float], up: dict[str, float]) -> None:
        if down and up:
            points = (down["x"], down["y"]), (up["x"], up["y"])
            self._change(lambda: self.sketch.stroke(*points))

    def _add(self) -> str:
        angle = 2.4 * len(self.sketch.places)  # about the golden angle: new nodes keep apart
        return self.sketch.add(0.5 + 0.45 * math.cos(angle), 0.5 + 0.45 * math.sin(angle))

    def _begin(self, _) -> None:
        self.sketch = self.sketches[self.start.value].copy()
        self._refresh()

    def _choose(self, change) -> None:
        if change["new"] in self.sketch.places:
            self.feature.value = self.sketch.features[change["new"]]

    def _set_feature(self, change) -> None:
        self.sketch.features[self.node.value] = change["new"]

    def _read(self, change) -> None:
        if change["new"] != self.sketch.text():
            self._change(self._parse)

    def _parse(self) -> None:
        new, old = Sketch.parse(self.edges.value), self.sketch
        for name in new.places.keys() & old.places.keys():
            new.places[name], new.features[name] = old.places[name], old.features[name]
        self.sketch = new


def show(sketch: Sketch, node: str, layer: int, matrix: str = "A_hat") -> None:
    """The editor's figure."""
    graph = sketch.graph()
    fig, drawing = panels(sketch, graph, node, layer, matrix)
    told = described(graph, node, layer)
    on_the_page = described(graph, node, layer, on_page)
    figures.show(
        fig,
        caption=f"{on_the_page} Left the graph, filled where the message of {on_page(node)} has "
        "arrived, features below the nodes. Then the matrix. Below, how differences fade from "
        "layer to layer, dashed the powers of $\\mu_2$; and the nodes' rows after these layers of "
        "a GCN and of a GAT with random weights.",
        alt=f"A graph of {len(graph)} nodes and {len(graph.edges)} edges; a matrix; a falling "
        f"curve of smoothing; rows of a GCN and of a GAT as points. "
        + told.replace("$\\mu_2$", "μ₂"),
        clicks={drawing: ("x", "y")},
    )


def _layers(k: int) -> str:
    return f"{k} layer" + "s" * (k != 1)


def described(graph: Graph, node: str, layer: int, shown: Callable[[str], str] = str) -> str:
    """What is true of the graph, in two sentences; ``shown`` makes of a name what stands there."""
    heard = int((reach(graph, node, layer) > 0).sum())
    pairs = twins(graph)
    named = ", ".join(f"{shown(a)} and {shown(b)}" for a, b in pairs[:4]) + (
        " …" if len(pairs) > 4 else ""
    )
    value = second_eigenvalue(graph) if len(graph) > 1 else 0.0
    return (
        f"After {_layers(layer)} {heard} of {len(graph)} nodes have heard of {shown(node)}. "
        f"Twins: {named or 'none'}. $\\mu_2$ = {value:.3f}."
    )


def panels(sketch: Sketch, graph: Graph, node: str, layer: int, matrix: str):
    """The figure, and the axes of the drawing, whose coordinates are the sketch's."""
    fig, axes = plt.subplot_mosaic(
        [["graph", "graph", "matrix"], ["smoothing", "GCN", "GAT"]],
        figsize=(10, 6.2),
        height_ratios=[1.5, 1],
    )
    few = len(graph) <= 12
    heard = reach(graph, node, layer) > 0
    full = to_rgb(PALETTE["calm"])
    fills = [full if h else (1.0, 1.0, 1.0) for h in heard.tolist()]
    notes = {n: f"{value:g}".replace("-", "−") for n, value in sketch.features.items()}
    drawing = axes["graph"]
    draw_graph(
        drawing,
        graph,
        colors=fills,
        outlines=(node,),
        notes=notes if few else None,
        size=520 if few else 190,
    )
    drawing.set(xlim=(0, 1), ylim=(0, 1))
    _matrix(axes["matrix"], graph, matrix, few)
    _smoothing(axes["smoothing"], graph)
    for name, H in outputs(sketch, layer).items():
        ax = axes[name]
        ax.scatter(*H.T, color=fills, edgecolor=PALETTE["ink"], s=26, zorder=3)
        if few:
            together: dict[tuple, list[str]] = {}
            for label, row in zip(graph.nodes, H.tolist(), strict=True):
                together.setdefault(tuple(round(value, 2) for value in row), []).append(label)
            named = {place: ", ".join(names) for place, names in together.items()}
            for place, offset in beside(named).items():
                near = {"xytext": offset, "textcoords": "offset points", "va": "center"}
                ax.annotate(in_figure(named[place]), place, fontsize=8, **near)
        ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), title=f"{name}, {_layers(layer)}")
    return fig, drawing


def beside(named: dict[tuple, str]) -> dict[tuple, tuple[float, float]]:
    """Where to write names beside points so that none covers another or a point.

    Each takes the first of a few places around its point that is free, or else the least crowded.

    Args:
        named: point in the panels of :func:`panels` -> its name.

    Returns:
        point -> offset in printer's points of the left end of the name, in the middle of its height
    """
    across, up = 90, 64  # printer's points a unit of those panels
    taken = [(x * across - 4, y * up - 4, x * across + 4, y * up + 4) for x, y in named]
    side = 1.1 * across  # beyond it the panel ends
    taken += [(-9 * side, -9 * side, -side, 9 * side), (side, -9 * side, 9 * side, 9 * side)]
    found = {}
    for (x, y), name in sorted(named.items()):
        width = 4.8 * len(name)
        places = [(6, 0), (-6 - width, 0)]
        places += [(start, step) for step in (10, -10, 20, -20) for start in (6, -6 - width)]

        def box(place, x=x, y=y, width=width):
            left, middle = x * across + place[0], y * up + place[1]
            return left, middle - 5, left + width, middle + 5

        found[x, y] = min(places, key=lambda place: _covered(box(place), taken))
        taken.append(box(found[x, y]))
    return found


def _covered(box: tuple, others: list[tuple]) -> float:
    """The area of ``box`` that lies in the others; all are left, bottom, right, top."""
    return sum(
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in others
    )


def _matrix(ax, graph: Graph, name: str, few: bool) -> None:
    A_tilde = add_self_loops(graph.adjacency())
    values = {
        "A_tilde": A_tilde,
        "D_tilde": torch.diag(A_tilde.sum(1)),
        "A_hat": normalized_adjacency(graph),
    }[name]
    title = {"A_tilde": r"$\tilde A$", "D_tilde": r"$\tilde D$", "A_hat": r"$\hat A$"}[name]
    if few:
        draw_matrix(ax, values, graph.nodes)
    else:
        ax.imshow(values, cmap="Blues")
        ax.set_axis_off()
    ax.set_title(title, pad=8)


def _smoothing(ax, graph: Graph) -> None:
    """How far A_hat^k is from what it tends to, u u^T with u = D_tilde^(1/2) 1 normalised."""
    A_hat = normalized_adjacency(graph).double()
    u = add_self_loops(graph.adjacency()).double().sum(1).sqrt()
    u /= u.norm()
    power, distances = torch.eye(len(graph), dtype=torch.float64), []
    for _ in range(DEPTH + 1):
        distances.append((power - torch.outer(u, u)).norm().item())
        power = A_hat @ power
    ax.plot(np.array(distances).clip(1e-12), "o-", markersize=3, color=PALETTE["graph"])
    if len(graph) > 1:
        rate = distances[0] * second_eigenvalue(graph) ** np.arange(DEPTH + 1.0)
        ax.plot(rate.clip(1e-12), "--", color=PALETTE["muted"])
    ax.set(yscale="log", ylim=(1e-4, 1e1), xlabel="layers", title="distance to the limit")


PAGE_GUIDE = (
    "Move from edit to edit. What does an edge do to μ₂ and to the curve of smoothing, and what "
    "becomes of the rows of twins? In JupyterLab you draw the edits yourself."
)
