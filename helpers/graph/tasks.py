"""Tasks on graphs: communities from one label a class, and one that needs attention."""

import itertools
from dataclasses import dataclass

import networkx as nx
import torch
import torch.nn.functional as F
from networkx.algorithms import node_classification
from torch import nn

from helpers.checks import integer, shown
from helpers.graph.graphs import Graph
from helpers.graph.layers import GCNLayer
from helpers.runtime import seeded


class KarateGCN(nn.Module):
    """Kipf and Welling 2017, appendix A: three layers of 4, 4 and 2 features, then a softmax.

    Identity features: the network knows of a node only whom it is connected to.

    Args:
        nodes: N.
        classes: c.
    """

    def __init__(self, nodes: int, classes: int):
        super().__init__()
        widths = (nodes, 4, 4, 2)
        self.layers = nn.ModuleList(GCNLayer(a, b) for a, b in itertools.pairwise(widths))
        self.read_out = nn.Linear(2, classes)

    def prepare(self, A) -> torch.Tensor:
        """The matrix that all the layers propagate with, ``(N, N)``."""
        return self.layers[0].prepare(A)

    def embed(self, M: torch.Tensor) -> torch.Tensor:
        """The last layer's features, ``(N, 2)``."""
        H = torch.eye(M.shape[0])
        for layer in self.layers:
            H = layer.update(H, M)
        return H

    def forward(self, M: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, c)``."""
        return self.read_out(self.embed(M))


@dataclass
class SemiSupervised:
    """A training with few labels.

    Attributes:
        embeddings: after each epoch, the first before training: ``(epochs + 1, N, 2)``.
        accuracy: on the nodes without a label, after each epoch: ``(epochs + 1,)``.
        labelled: the nodes whose label was shown.
    """

    embeddings: torch.Tensor
    accuracy: torch.Tensor
    labelled: torch.Tensor


def _check(labels: torch.Tensor, labelled: torch.Tensor | None, nodes: int) -> None:
    """Refuse classes that are not one whole number a node, and places that are not nodes.

    Raises:
        ValueError: it says which.
    """
    if labels.shape != (nodes,) or not nodes or not _between(labels, nodes):
        raise ValueError(
            f"labels must be the class of each of {nodes} nodes, a whole number below {nodes}, "
            f"got {shown(labels)}"
        )
    if labelled is not None and not (labelled.dim() == 1 and _between(labelled, nodes)):
        raise ValueError(
            f"labelled must be nodes, whole numbers below {nodes}, got {shown(labelled)}"
        )


def _between(whole: torch.Tensor, end: int) -> bool:
    if whole.dtype != torch.int64 or not whole.numel():
        return False
    return bool(((whole >= 0) & (whole < end)).all())


def one_label_each(labels: torch.Tensor, seed: int) -> torch.Tensor:
    """One random node of every class, ``(c,)``.

    Raises:
        ValueError: labels that are not classes.
    """
    _check(labels, None, len(labels) if labels.dim() else 0)
    g = torch.Generator().manual_seed(seed)
    chosen = []
    for label in labels.unique():
        members = (labels == label).nonzero()[:, 0]
        chosen.append(members[torch.randint(len(members), (1,), generator=g)])
    return torch.cat(chosen)


def train_communities(
    graph: Graph, labels: torch.Tensor, labelled: torch.Tensor, *, epochs: int = 300, seed: int = 0
) -> SemiSupervised:
    """Train a :class:`KarateGCN` on the labels of a few nodes; Adam, rate 0.01.

    Raises:
        ValueError: labels that are not classes, or places that are not nodes.
    """
    integer("epochs", epochs, minimum=0)
    _check(labels, labelled, len(graph))
    with seeded(seed):
        model = KarateGCN(len(graph), int(labels.max()) + 1)
    M = model.prepare(graph)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    hidden = torch.ones(len(graph), dtype=torch.bool)
    hidden[labelled] = False
    embeddings, accuracy = [], []
    for epoch in range(epochs + 1):
        H = model.embed(M)
        logits = model.read_out(H)
        embeddings.append(H.detach())
        accuracy.append((logits.argmax(1) == labels)[hidden].float().mean())
        if epoch < epochs:
            optimizer.zero_grad()
            F.cross_entropy(logits[labelled], labels[labelled]).backward()
            optimizer.step()
    return SemiSupervised(torch.stack(embeddings), torch.stack(accuracy), labelled)


def accuracies(
    graph: Graph, labels: torch.Tensor, choices: list[torch.Tensor], *, epochs: int = 300
) -> list[float]:
    """The last accuracy of :func:`train_communities` for each choice of labelled nodes.

    Choice k is trained from seed k; all are trained side by side, which is many times as fast.

    Raises:
        ValueError: labels that are not classes, places that are not nodes, no choice, or choices
            of which one has more nodes than another.
    """
    integer("epochs", epochs, minimum=0)
    if not len(choices) or len({len(labelled) for labelled in choices if labelled.dim()}) != 1:
        raise ValueError("choices must be at least one, all with as many nodes")
    for labelled in choices:
        _check(labels, labelled, len(graph))
    models = []
    for seed in range(len(choices)):
        torch.manual_seed(seed)
        models.append(KarateGCN(len(graph), int(labels.max()) + 1))
    weights, _ = torch.func.stack_module_state(models)
    M, picked = models[0].prepare(graph), torch.stack(choices)

    def answers() -> torch.Tensor:
        one = lambda w: torch.func.functional_call(models[0], w, (M,))  # noqa: E731
        return torch.vmap(one)(weights)  # (choices, N, classes)

    optimizer = torch.optim.Adam(weights.values(), lr=0.01)
    for _ in range(epochs):
        logits = answers().gather(1, picked[..., None].expand(-1, -1, int(labels.max()) + 1))
        loss = F.cross_entropy(logits.flatten(0, 1), labels[picked].flatten(), reduction="sum")
        optimizer.zero_grad()
        (loss / picked.shape[1]).backward()  # the mean over the labelled nodes of each choice
        optimizer.step()
    hidden = torch.ones(len(choices), len(graph), dtype=torch.bool).scatter(1, picked, False)
    right = (answers().argmax(2) == labels) & hidden
    return (right.sum(1) / hidden.sum(1)).tolist()


def label_propagation(graph: Graph, labels: torch.Tensor, labelled: torch.Tensor) -> float:
    """Accuracy of harmonic label propagation (Zhu, Ghahramani and Lafferty 2003), by networkx.

    Raises:
        ValueError: labels that are not classes, or places that are not nodes.
    """
    _check(labels, labelled, len(graph))
    g = nx.convert_node_labels_to_integers(graph.to_networkx())
    for node in labelled.tolist():
        g.nodes[node]["label"] = int(labels[node])
    found = torch.tensor(node_classification.harmonic_function(g, max_iter=200))
    hidden = torch.ones(len(graph), dtype=torch.bool)
    hidden[labelled] = False
    return (found == labels)[hidden].double().mean().item()


def majority_class(labels: torch.Tensor, labelled: torch.Tensor) -> float:
    """Accuracy of always naming the largest class, which is told.

    Raises:
        ValueError: labels that are not classes, or places that are not nodes.
    """
    _check(labels, labelled, len(labels) if labels.dim() else 0)
    hidden = torch.ones(len(labels), dtype=torch.bool)
    hidden[labelled] = False
    return (labels[hidden] == labels.mode().values).double().mean().item()


# A task that averaging cannot do ----------------------------------------------------------------


def marked_neighbour(n: int, neighbours: int = 4, seed: int = 0):
    """Stars whose centre must name the value of its one marked neighbour.

    A neighbour has two features: its value, +1 or -1, and a mark, 1 for one of them and 0 for the
    others; the centre has zeros. Proof that no uniform average can do it: moving the mark from a
    neighbour of value +1 to one of value -1 changes the target and leaves the mean of the features
    as it was. Equal input, different targets.

    Shapes:
        H ``(n, 1 + neighbours, 2)``, A ``(1 + neighbours, 1 + neighbours)``, targets ``(n,)``
    """
    g = torch.Generator().manual_seed(seed)
    value = torch.randint(2, (n, neighbours), generator=g) * 2.0 - 1
    # Values of both signs in every star, so that the mark matters.
    value[:, 0], value[:, 1] = 1.0, -1.0
    value = value.gather(1, torch.rand(n, neighbours, generator=g).argsort(1))
    marked = torch.randint(neighbours, (n,), generator=g)
    H = torch.zeros(n, 1 + neighbours, 2)
    H[:, 1:, 0] = value
    H[torch.arange(n), 1 + marked, 1] = 1.0
    A = torch.zeros(1 + neighbours, 1 + neighbours)
    A[0, 1:] = A[1:, 0] = 1.0
    return H, A, value[torch.arange(n), marked]


def train_on_stars(layer: nn.Module, A: torch.Tensor, *, steps: int = 400, seed: int = 0) -> dict:
    """Train a layer and a small read-out of the centre on :func:`marked_neighbour`.

    Args:
        layer: takes H and ``A``, gives 16 features.
        A: what the layer takes beside H.

    Returns:
        "accuracy" on stars drawn anew, "loss" (mean squared error) a step.
    """
    torch.manual_seed(seed)
    read_out = nn.Sequential(nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam([*layer.parameters(), *read_out.parameters()], lr=1e-2)
    losses = []
    for step in range(steps):
        H, _, y = marked_neighbour(128, seed=1000 + step)
        loss = F.mse_loss(read_out(layer(H, A)[:, 0])[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    H, _, y = marked_neighbour(2000, seed=999)
    with torch.no_grad():
        right = (read_out(layer(H, A)[:, 0])[:, 0].sign() == y).float().mean().item()
    return {"accuracy": right, "loss": losses}
