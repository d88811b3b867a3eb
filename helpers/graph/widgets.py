"""Explorers of message passing, each with its static twin."""

import ipywidgets as widgets
import matplotlib.pyplot as plt
import torch

from helpers import figures
from helpers.foreign import on_page, visible
from helpers.graph import plots
from helpers.graph.graphs import Graph
from helpers.graph.propagation import NORMALISATIONS, diameter, normalized_adjacency, reach
from helpers.graph.tasks import SemiSupervised
from helpers.live import live


def message_explorer(graph: Graph, source: str) -> None:
    """A slider over layers and a choice of source; statically, one strip of all layers."""
    layers = diameter(graph) + 1

    def draw(source: str, layer) -> None:
        if isinstance(layer, int):
            fig, ax = plt.subplots(figsize=(4.4, 3.4))
            plots.message_frame(ax, graph, source, layer)
            heard = int((reach(graph, source, layer) > 0).sum())
            figures.show(
                fig,
                alt=f"The graph after {layer} update{'' if layer == 1 else 's'}: {heard} of "
                f"{len(graph)} nodes have heard of {source}.",
            )
            return
        figures.show(
            plots.message_strip(graph, source, layer),
            caption=f"The message of {on_page(source)} (orange), update by update. Dark nodes have "
            "just heard of it, light ones before; heavy edges have carried it. Below a node: how "
            "many ways it came.",
            alt=f"The graph after {layer[0]} to {layer[-1]} updates; the nodes that have heard of "
            f"{source} are coloured, with the number of ways on which its message has come.",
        )

    live(
        draw,
        static=[{"source": source, "layer": tuple(range(layers))}],
        guide="Move the layer. After how many has every node heard of the source, and for which "
        "source is it soonest?",
        frames={"source": list(graph.nodes), "layer": list(range(layers + 1))},
        source=widgets.Dropdown(options=list(graph.nodes), value=source, description="source"),
        layer=widgets.IntSlider(0, 0, layers, description="layer"),
    )


def signal_player(graphs: dict[str, Graph], source: str) -> None:
    """Step or play through the layers: drawing and matrix move together, a table tells the numbers.

    Args:
        graphs: title -> graph; the first is shown first and in the static twin.
        source: a node of the first graph.
    """
    first = next(iter(graphs))

    def draw(graph: str, source: str, normalisation: str, layer) -> None:
        chosen = graphs[graph]
        if source not in chosen.nodes:
            source = chosen.nodes[0]
        A_hat = normalized_adjacency(chosen, normalisation)
        if not isinstance(layer, int):
            figures.show(
                plots.signal_strip(chosen, A_hat, source, layer),
                caption=f"Above: what each node holds of the message of {on_page(source)}, the "
                "darker the more, in shades of each drawing's own. Below: the power of Â from "
                "which it is read, in the framed column.",
                alt=f"The graph after {layer[0]} to {layer[-1]} layers with each node's weight of "
                f"the message of {source}; below it that power of Â, column {source} framed.",
            )
            return
        fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.9))
        plots.signal_frame(axes, chosen, A_hat, source, layer)
        figures.show(
            fig,
            alt=f"The graph after {layer} layer{'' if layer == 1 else 's'} with each node's weight "
            f"of the message of {source}, and that power of Â; the numbers stand below.",
        )
        print(visible(received(chosen, A_hat, source, layer)))

    slider = widgets.IntSlider(0, 0, 8, description="layer")
    play = widgets.Play(min=0, max=8, interval=900)
    widgets.jslink((play, "value"), (slider, "value"))
    nodes = widgets.Dropdown(options=list(graphs[first].nodes), value=source, description="source")
    choice = widgets.Dropdown(options=list(graphs), description="graph")

    def offer_nodes(change) -> None:
        nodes.options = list(graphs[change["new"]].nodes)

    choice.observe(offer_nodes, "value")
    live(
        draw,
        static=[{"layer": (0, 1, 2, 3)}],
        guide="Step or play through the layers. Which node ends with most of the message, and does "
        "that depend on the source?",
        frames={"graph": list(graphs), "layer": list(range(9))},
        extras=[play],
        graph=choice,
        source=nodes,
        normalisation=widgets.Dropdown(options=NORMALISATIONS, description="normalisation"),
        layer=slider,
    )


def received(graph: Graph, A_hat: torch.Tensor, source: str, layer: int, most: int = 12) -> str:
    """What each node receives of the source's message in the step to ``layer``, as text."""
    if layer == 0:
        return f"only {source} holds its message"
    before = torch.linalg.matrix_power(A_hat.double(), layer - 1)[:, graph.index(source)]
    lines = []
    for u, name in enumerate(graph.nodes[:most]):
        terms = [
            f"{A_hat[u, v]:.2f}·{before[v]:.2f} ({other})"
            for v, other in enumerate(graph.nodes)
            if A_hat[u, v] and before[v]
        ]
        if terms:
            total = (A_hat[u].double() @ before).item()
            lines.append(f"{name} = {' + '.join(terms[:6])}{' + …' if len(terms) > 6 else ''}")
            lines[-1] += f" = {total:.3f}"
    if len(graph) > most:
        lines.append(f"… these are the first {most} of {len(graph)} nodes")
    return "\n".join(lines)


def embedding_explorer(graph: Graph, labels: torch.Tensor, training: SemiSupervised) -> None:
    """A slider over the epochs of a training; statically, four of them side by side."""
    last = len(training.embeddings) - 1

    def draw(epoch) -> None:
        epochs = (epoch,) if isinstance(epoch, int) else epoch
        width = 4.4 if len(epochs) == 1 else 2.6 * len(epochs)
        fig, axes = plt.subplots(1, len(epochs), figsize=(width, 2.9), squeeze=False)
        for ax, e in zip(axes[0], epochs, strict=True):
            title = f"epoch {e}: {100 * training.accuracy[e]:.0f} %"
            points = training.embeddings[e]
            plots.embedding(ax, points, labels, graph, training.labelled, title)
        figures.show(
            fig,
            caption="The two numbers of every node as a point, lines for edges. Colour and "
            "shape are the class, a heavy outline a label that was shown. The title gives the "
            "accuracy on all others.",
            alt="The embeddings in the plane, by epoch: "
            + ", ".join(f"{training.accuracy[e]:.0%} right at epoch {e}" for e in epochs)
            + ". From one clump the classes move apart, towards the corners.",
        )

    live(
        draw,
        guide="Move the epoch. When do the classes part, and which members stay between them?",
        static=[{"epoch": tuple(round(last * share) for share in (0, 0.1, 0.3, 1))}],
        # Close together at the beginning, where most happens.
        frames={"epoch": sorted({round(last * (k / 15) ** 2) for k in range(16)})},
        epoch=widgets.IntSlider(last, 0, last, description="epoch"),
    )
