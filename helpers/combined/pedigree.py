"""A family tree, told as a list of people and given as a graph: who carries what mothers hand on?

Report 001's example of data that want a graph. Founders carry a trait or not; everyone else carries
it exactly if the mother does (as with the DNA of mitochondria). The tree says of everyone which two
people are the parents and who is a woman; one person is asked about.

Data flow::

    mother, father (B, N), woman, carries (B, N), asked (B,)
        -> readers: a row a person in some order: links to both parents, and what is known
        -> message passing: the same features without links, and A, where a child hears its parents

A founder's trait has to travel along the line of mothers, past the fathers who carry as well.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import choice
from helpers.combined.networks import (
    READERS,
    NodeClassifier,
    kind_of,
    matched,
    reader,
    seeded_build,
)
from helpers.combined.training import check_fit_options, fit, fit_options, score
from helpers.recurrent.parameters import count_parameters
from helpers.runtime import generator

PEOPLE = 16
FOUNDERS = 4
#: The parents of a person are among so many who were born before, so that lines are long.
PARENTS_AMONG = 4
#: "birth": parents before their children; "random": as in a register without dates.
ORDERS = ("birth", "random")
#: Layers that take edges of one direction.
LAYERS = ("gated", "gin")
#: What is known of a person besides the links: carries (founders only), founder, woman, asked.
KNOWN = 4


@dataclass(frozen=True)
class PedigreeRun:
    """A network on family trees.

    Attributes:
        model: the name of a reader or of a layer.
        order: in which a reader meets the people; "" for a layer.
        depth: rounds of messages; a reader has none to set.
    """

    model: str
    seed: int
    order: str = ""
    depth: int = 10
    steps: int = 1000
    parameters: int = 12_000
    batch_size: int = 64
    lr: float = 3e-3

    def __post_init__(self):
        choice("model", self.model, (*READERS, *LAYERS))
        choice("order", self.order, ORDERS if self.model in READERS else ("",))
        check_fit_options(self, depth=0)

    @property
    def setting(self) -> str:
        """What figures and tables call the run, whatever its seed."""
        name = kind_of(self.model).label
        return f"{name}, {self.depth} rounds" if self.order == "" else f"{name}, {self.order} order"


@dataclass
class Families:
    """Family trees of ``N`` people each, numbered by birth.

    Attributes:
        mother, father: ``(B, N)``; -1 of a founder.
        woman: ``(B, N)`` bool.
        carries: ``(B, N)`` bool, of everyone; networks are told the founders' alone.
        line: ``(B, N)`` generations up the mothers to a founder.
        asked: ``(B,)``.
    """

    mother: torch.Tensor
    father: torch.Tensor
    woman: torch.Tensor
    carries: torch.Tensor
    line: torch.Tensor
    asked: torch.Tensor


def draw_families(n: int, stream: torch.Generator) -> Families:
    """``n`` trees. Founders are two women and two men; who is asked is one of the youngest half."""
    N, rows = PEOPLE, torch.arange(n)
    woman = torch.rand(n, N, generator=stream) < 0.5
    woman[:, :FOUNDERS] = torch.tensor([True, False, True, False])
    # Of those who may be parents there is a woman and a man whatever is drawn.
    woman[:, FOUNDERS::2] = ~woman[:, FOUNDERS + 1 :: 2]
    carries = torch.rand(n, N, generator=stream) < 0.5
    mother, father = (torch.full((n, N), -1) for _ in range(2))
    line = torch.zeros(n, N, dtype=torch.long)
    for child in range(FOUNDERS, N):
        before = torch.arange(child) >= child - PARENTS_AMONG
        luck = torch.rand(n, child, generator=stream)
        mother[:, child] = (luck * before * woman[:, :child]).argmax(1)
        father[:, child] = (luck * before * ~woman[:, :child]).argmax(1)
        carries[:, child] = carries[rows, mother[:, child]]
        line[:, child] = line[rows, mother[:, child]] + 1
    asked = torch.randint(N // 2, N, (n,), generator=stream)
    return Families(mother, father, woman, carries, line, asked)


def known(families: Families) -> torch.Tensor:
    """What is known of each person apart from the links: ``(B, N, 4)``."""
    founder = families.mother < 0
    asked = F.one_hot(families.asked, PEOPLE).bool()
    return torch.stack([families.carries & founder, founder, families.woman, asked], -1).float()


def adjacency(families: Families) -> torch.Tensor:
    """A child hears its parents: ``(B, N, N)``, not symmetric."""
    A = torch.zeros(*families.mother.shape, PEOPLE + 1)  # the last column for who has no parents
    for parent in (families.mother, families.father):
        A.scatter_(2, parent.remainder(PEOPLE + 1).unsqueeze(2), 1.0)
    return A[..., :PEOPLE]


def written(families: Families, order: str, stream: torch.Generator) -> torch.Tensor:
    """A row a person: links to mother and father by their places in the list, and what is known.

    Shapes:
        -> ``(B, N, 2 N + 4)``
    """
    B, N = families.mother.shape
    orders = torch.arange(N).expand(B, N)
    if order == "random":
        orders = torch.rand(B, N, generator=stream).argsort(1)
    places = orders.argsort(1)  # who stands where
    links = []
    for parent in (families.mother, families.father):
        at = places.gather(1, parent.clamp(min=0))
        links.append(F.one_hot(at, N).float() * (parent >= 0).unsqueeze(2))
    rows = torch.cat([*links, known(families)], dim=2)
    return rows.gather(1, orders.unsqueeze(2).expand_as(rows))


class _AtTheAsked(nn.Module):
    """The logits of the person who is asked about."""

    def __init__(self, network: NodeClassifier):
        super().__init__()
        self.network = network

    def forward(self, X: torch.Tensor, A: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        return self.network(X, A)[torch.arange(len(X), device=X.device), asked]


def build(run: PedigreeRun) -> nn.Module:
    """The network of a run, matched in parameters."""

    def of_width(n: int):
        if run.model in READERS:
            stream = generator(run.seed, "weights")
            return reader(run.model, 2 * PEOPLE + KNOWN, n, 2, stream)
        return _AtTheAsked(NodeClassifier(run.model, KNOWN, n, run.depth, 2))

    return seeded_build(lambda: matched(of_width, run.parameters), run.seed)


def task(run: PedigreeRun, *, least: int = 0):
    """The ``draw`` of :func:`.training.fit`.

    Args:
        least: ask somebody whose line of mothers has so many generations; in a tree without one
            (of 5 generations: more than one tree in five) whoever was drawn is asked.
    """

    def draw(n, stream):
        families = draw_families(n, stream)
        far = families.line >= least
        far[:, : PEOPLE // 2] = False
        luck = torch.rand(n, PEOPLE, generator=stream)
        chosen = (luck * far).argmax(1)
        families.asked = torch.where(far.any(1), chosen, families.asked)
        y = families.carries.gather(1, families.asked[:, None])[:, 0].long()
        if run.model in READERS:
            return (written(families, run.order, stream),), y
        return (known(families), adjacency(families), families.asked), y

    return draw


def train_pedigree(run: PedigreeRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """The experiment that a study calls.

    Record: "parameters_used", "accuracy" on fresh trees, "far", the same where somebody with at
    least 5 generations of mothers is asked in every tree that has one, "diverged".
    """
    model = build(run)
    seen = fit(model, task(run), generator(run.seed, "data"), device=device, **fit_options(run))
    record = {
        "parameters_used": count_parameters(model),
        "accuracy": score(model, task(run), generator(run.seed, "test")),
        "far": score(model, task(run, least=5), generator(run.seed, "far")),
        "diverged": seen.diverged,
    }
    return record, {"accuracy": seen.accuracy}
