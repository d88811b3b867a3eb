"""What structure buys: palindromes as a sequence, as a chain, and with mirrored positions joined.

Data flow::

    half-strings -> palindromes (B, T + 1) -> the last digit hidden
        -> sequence: one-hot digits (B, T, 10), read from left to right
        -> graph: T + 1 nodes (B, T + 1, 11), the last one blank; edges of the chain, or of the
           chain and the mirror; the blank node answers

Nodes have no position and edges no type. On the chain the first digit is T hops from the blank, on
the mirrored graph one.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from helpers.checks import choice, integer
from helpers.combined.networks import (
    READERS,
    STARTS,
    NodeClassifier,
    PositionAttention,
    matched,
    reader,
    seeded_build,
)
from helpers.combined.training import check_fit_options, fit, fit_options, score
from helpers.graph.layers import LAYERS
from helpers.palindromes.tasks.palindromes import DIGITS, draw_half_strings, encode, mirror
from helpers.recurrent.parameters import count_parameters
from helpers.runtime import generator
from helpers.steps import OnStep, ShouldStop
from helpers.store import later

STRUCTURES = ("sequence", "chain", "mirror")
#: Rounds on the mirrored graph. One carries the digit; from the second on a node can find out by
#: the degrees around it which of the two digits it heard came over the mirror; one is to spare.
MIRROR_DEPTH = 3


def chain(nodes: int) -> torch.Tensor:
    """Adjacency of a path: ``(N, N)``."""
    integer("nodes", nodes, minimum=1)
    A = torch.zeros(nodes, nodes)
    along = torch.arange(nodes - 1)
    A[along, along + 1] = A[along + 1, along] = 1.0
    return A


def mirrored(nodes: int) -> torch.Tensor:
    """The path, and an edge between positions t and N + 1 - t, unless they are one: ``(N, N)``."""
    A = chain(nodes)
    here = torch.arange(nodes)
    there = here.flip(0)
    apart = here != there
    A[here[apart], there[apart]] = 1.0
    return A


@dataclass(frozen=True)
class StructureRun:
    """A network on palindromes in one structure.

    Attributes:
        model: the name of a reader with "sequence", of a layer with the others.
        parameters: the width is chosen so that the network has about so many.
        optimizer, schedule, clip_norm: as of :func:`.training.fit`.
        start: how an LSTM begins, one of :data:`.networks.STARTS`.
    """

    model: str
    structure: str
    T: int
    seed: int
    steps: int = 1000
    parameters: int = 6000
    batch_size: int = 64
    lr: float = 3e-3
    optimizer: str = later("adam")
    schedule: str = later("cosine")
    clip_norm: float = later(1.0)
    start: str = later("usual")

    def __post_init__(self):
        choice("structure", self.structure, STRUCTURES)
        choice("model", self.model, tuple(READERS if self.structure == "sequence" else LAYERS))
        choice("start", self.start, tuple(STARTS) if self.model == "lstm" else ("usual",))
        check_fit_options(self, T=1)

    @property
    def begins(self) -> dict:
        """Options of the reader's cell besides those that all readers have."""
        return {k: float(self.T) if v == "T" else v for k, v in STARTS[self.start].items()}

    @property
    def depth(self) -> int:
        """Rounds of messages: as many as the first digit has hops to go, or more."""
        return self.T if self.structure == "chain" else MIRROR_DEPTH


def adjacency(run: StructureRun) -> torch.Tensor:
    """The graph of a run: ``(T + 1, T + 1)``."""
    return (chain if run.structure == "chain" else mirrored)(run.T + 1)


def blank_last(digits: torch.Tensor, blanks: int = 1) -> torch.Tensor:
    """One-hot digits, and in column 11 a 1 for each of the last ``blanks``, which show no digit.

    Shapes:
        digits ``(B, N)`` -> ``(B, N, 11)``
    """
    X = F.pad(encode(digits, "one_hot"), (0, 1))
    X[:, -blanks:, :DIGITS] = 0.0
    X[:, -blanks:, DIGITS] = 1.0
    return X


def build(run: StructureRun):
    """The network of a run, with as many parameters as asked, as nearly as its width allows."""

    def of_width(n: int):
        if run.structure == "sequence":
            stream = generator(run.seed, "weights")
            return reader(run.model, DIGITS, n, DIGITS, stream, **run.begins)
        return _AtTheBlank(NodeClassifier(run.model, DIGITS + 1, n, run.depth, DIGITS))

    return seeded_build(lambda: matched(of_width, run.parameters), run.seed)


class _AtTheBlank(torch.nn.Module):
    """The logits of the last node alone."""

    def __init__(self, network: NodeClassifier):
        super().__init__()
        self.network = network

    def forward(self, X, A):
        return self.network(X, A)[:, -1]


def task(run: StructureRun, *, held_out: bool):
    """The ``draw`` of :func:`.training.fit`."""
    A = None if run.structure == "sequence" else adjacency(run)

    def draw(n, stream):
        digits = mirror(draw_half_strings(n, run.T, stream, held_out=held_out), run.T)
        if A is None:
            return (encode(digits[:, :-1], "one_hot"),), digits[:, -1]
        return (blank_last(digits), A), digits[:, -1]

    return draw


def train_structure(
    run: StructureRun,
    on_step: OnStep | None = None,
    should_stop: ShouldStop | None = None,
    device: str | torch.device = "cpu",
) -> tuple[dict, dict]:
    """The experiment that a study calls.

    Record: "parameters_used", "depth", "accuracy" on held-out palindromes, "diverged".
    """
    model = build(run)
    watched = {"on_step": on_step, "should_stop": should_stop, "device": device}
    draw = task(run, held_out=False)
    seen = fit(model, draw, generator(run.seed, "data"), **watched, **fit_options(run))
    right = score(model, task(run, held_out=True), generator(run.seed, "test"))
    depth = run.T if run.structure == "sequence" else run.depth
    record = {
        "parameters_used": count_parameters(model),
        "depth": depth,
        "accuracy": right,
        "diverged": seen.diverged,
    }
    return record, {"accuracy": seen.accuracy}


# Attention on the complete graph ----------------------------------------------------------------


@dataclass(frozen=True)
class AttentionRun:
    """Attention with positions fills in the whole second half of palindromes of T + 1 digits."""

    T: int
    seed: int
    steps: int = 1000
    width: int = 32
    batch_size: int = 64
    lr: float = 1e-2

    def __post_init__(self):
        check_fit_options(self, T=1, width=1)

    @property
    def blanks(self) -> int:
        """Digits of the second half, all hidden; the middle one of an odd number is shown."""
        return (self.T + 1) // 2


def train_attention(run: AttentionRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """The experiment. Record: "accuracy" on hidden digits of held-out palindromes, "mirror", and
    "diverged".

    "mirror" is the share of a blank's attention that lies on its mirrored position, averaged over
    the blanks; the complete graph offers T + 1 positions. Curves: the final "attention".
    """

    def draw_from(held_out):
        def draw(n, stream):
            digits = mirror(draw_half_strings(n, run.T, stream, held_out=held_out), run.T)
            return (blank_last(digits, run.blanks),), digits[:, -run.blanks :]

        return draw

    model = _OnTheBlanks(run)
    seen = fit(
        model, draw_from(False), generator(run.seed, "data"), device=device, **fit_options(run)
    )
    right = score(model, draw_from(True), generator(run.seed, "test"))
    attention = model.network.attention().detach().cpu()
    mirror_share = attention.flip(1).diagonal()[-run.blanks :].mean().item()
    record = {"accuracy": right, "mirror": mirror_share, "diverged": seen.diverged}
    return record, {"accuracy": seen.accuracy, "attention": attention.numpy()}


class _OnTheBlanks(torch.nn.Module):
    """The logits of the last nodes alone."""

    def __init__(self, run: AttentionRun):
        super().__init__()
        self.blanks = run.blanks
        self.network = seeded_build(
            lambda: PositionAttention(run.T + 1, DIGITS + 1, run.width, DIGITS), run.seed
        )

    def forward(self, X):
        return self.network(X)[:, -self.blanks :]
