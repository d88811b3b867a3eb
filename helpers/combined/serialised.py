"""A graph task given to a recurrent network, and to message passing: the experiment.

The graphs, their tasks, and both forms of them stand in :mod:`.small_graphs`.
"""

from dataclasses import dataclass

import torch

from helpers.checks import choice
from helpers.combined.networks import (
    POOLS,
    READERS,
    GraphClassifier,
    kind_of,
    matched,
    reader,
    seeded_build,
)
from helpers.combined.small_graphs import (
    CLASSES,
    FEATURES,
    NODES,
    ORDERS,
    TASKS,
    graphs_of,
    node_features,
    relabel_all,
    serialise,
    visiting_order,
)
from helpers.combined.training import Fit, check_fit_options, fit, fit_options, score
from helpers.graph.layers import LAYERS
from helpers.recurrent.parameters import count_parameters
from helpers.runtime import device_of, generator
from helpers.steps import OnStep, ShouldStop


@dataclass(frozen=True)
class GraphRun:
    """A network on one task.

    Attributes:
        model: the name of a reader, "rnn" or "lstm", or of a layer, "gcn".
        task: "distance", "triangles" or "connectivity".
        order: how the readers' graphs are written down; "" for the others.
        features: what the nodes of the others know; "" for the readers.
        pool: how the others make one vector of all nodes, "mean" or "lstm".
        depth: rounds of messages.
        parameters: the width is chosen so that the network has about so many.
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
        choice("model", self.model, (*READERS, *LAYERS))
        choice("task", self.task, TASKS)
        # Who reads has an order and no features, who passes messages features and no order.
        choice("order", self.order, ORDERS if self.reads else ("",))
        choice("features", self.features, ("",) if self.reads else tuple(FEATURES))
        choice("pool", self.pool, ("mean",) if self.reads else POOLS)
        check_fit_options(self, depth=0)

    @property
    def reads(self) -> bool:
        """Whether a recurrent network reads the graph."""
        return self.model in READERS

    @property
    def setting(self) -> str:
        """What figures and tables call the run, whatever its task and its seed."""
        name = kind_of(self.model).label
        if self.reads:
            return f"{name}, {self.order if self.order == 'random' else self.order.upper()}"
        name += {"mark": "", "walks": " + closed walks", "random": " + random numbers"}[
            self.features
        ]
        return name + (", LSTM read-out" if self.pool == "lstm" else "")


def build(run: GraphRun) -> torch.nn.Module:
    """The network of a run, matched in parameters."""
    classes = CLASSES[run.task]

    def of_width(n: int):
        if run.reads:
            return reader(run.model, NODES + 1, n, classes, generator(run.seed, "weights"))
        known = FEATURES[run.features]
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
            A, marks = relabel_all(A, marks, orders)
        return inputs(run, A, marks, stream), targets[chosen]

    return draw


def inputs(run: GraphRun, A: torch.Tensor, marks: torch.Tensor, stream: torch.Generator) -> tuple:
    """What the network of a run takes for these graphs."""
    if not run.reads:
        return node_features(A, marks, run.features, stream), A
    if run.order == "random":
        orders = torch.rand(marks.shape, generator=stream).argsort(1)
    else:
        orders = torch.stack([visiting_order(one, run.order, stream) for one in A])
    return (serialise(A, marks, orders),)


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
    answers = []
    for graphs in ((A, marks), relabel_all(A, marks, orders)):
        given = inputs(run, *graphs, generator(run.seed, "walk"))
        answers.append(model(*(part.to(device_of(model)) for part in given)))
    changed = (answers[0].argmax(1) != answers[1].argmax(1)).float().mean().item()
    return changed, (answers[0] - answers[1]).abs().max().item()


def train_graph_network(
    run: GraphRun,
    on_step: OnStep | None = None,
    should_stop: ShouldStop | None = None,
    device: str | torch.device = "cpu",
) -> tuple[torch.nn.Module, Fit]:
    """The trained network of a run, and its curves."""
    model = build(run)
    watched = {"on_step": on_step, "should_stop": should_stop, "device": device}
    stream = generator(run.seed, "data")
    return model, fit(model, task(run, "train"), stream, **watched, **fit_options(run))


def train_graphs(run: GraphRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """The experiment that a study calls.

    Record: "accuracy" on test graphs, "seen" on training graphs, "majority" (share of the most
    frequent class), "changed" and "largest_difference" of :func:`changed_by_relabelling`,
    "parameters_used", "diverged".
    """
    model, seen = train_graph_network(run, device=device)
    targets = graphs_of(run.task, "test")[2]
    changed, difference = changed_by_relabelling(model, run)
    record = {
        "parameters_used": count_parameters(model),
        "accuracy": score(model, task(run, "test"), generator(run.seed, "test")),
        "seen": score(model, task(run, "train"), generator(run.seed, "seen")),
        "majority": targets.bincount().max().item() / len(targets),
        "changed": changed,
        "largest_difference": difference,
        "diverged": seen.diverged,
    }
    return record, {"accuracy": seen.accuracy}
