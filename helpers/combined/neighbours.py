"""An LSTM as the neighbourhood aggregator (Hamilton, Ying and Leskovec 2017).

A node's neighbours are read one after another, in an order drawn at random. The centre of a star is
asked how many *different* values its neighbours have; the mean of the values, all that a GCN's
update keeps of them, does not tell.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from helpers.checks import choice, integer
from helpers.combined.networks import matched, seeded_build
from helpers.combined.training import check_fit_options, fit, fit_options, score
from helpers.graph import GINLayer
from helpers.recurrent import LSTM
from helpers.recurrent.parameters import count_parameters
from helpers.runtime import device_of, generator

AGGREGATORS = ("mean", "gin", "lstm", "sorted lstm")
VALUES = 5


@dataclass(frozen=True)
class NeighbourRun:
    """A network that looks at the neighbours of one node.

    Attributes:
        aggregator: "mean", the GCN's with row normalisation; "gin", two rounds of GIN on the star,
            which sums what its MLP has made of each value; "lstm", in random order; "sorted lstm",
            in the order of the values, which makes the answer independent of the order.
    """

    aggregator: str
    seed: int
    neighbours: int = 8
    steps: int = 1500
    parameters: int = 6000
    batch_size: int = 64
    lr: float = 3e-3

    def __post_init__(self):
        choice("aggregator", self.aggregator, AGGREGATORS)
        check_fit_options(self, neighbours=1)


def different_values(n: int, neighbours: int, stream: torch.Generator):
    """Values 0 to 4 of ``n`` stars' leaves, ``(n, neighbours)``, and how many differ, less one."""
    # First how many may differ, so that small counts are not rare.
    allowed = torch.randint(1, VALUES + 1, (n, 1), generator=stream)
    names = torch.rand(n, VALUES, generator=stream).argsort(1)
    values = names.gather(1, (torch.rand(n, neighbours, generator=stream) * allowed).long())
    counts = torch.zeros(n, VALUES).scatter_(1, values, 1.0).sum(1).long()
    return values, counts - 1


class Aggregator(nn.Module):
    """Values of the neighbours as numbers -> one vector -> how many differ.

    Shapes:
        values ``(B, neighbours)`` -> logits ``(B, 5)``
    """

    def __init__(self, kind: str, width: int, stream: torch.Generator | None = None):
        super().__init__()
        self.kind = choice("aggregator", kind, AGGREGATORS)
        self.lstm = self.rounds = None
        if kind == "mean":
            self.W = nn.Linear(1, width)
        elif kind == "gin":
            self.rounds = nn.ModuleList([GINLayer(1, width), GINLayer(width, width)])
        else:
            self.lstm = LSTM(1, width, forget_bias=1.0, generator=stream)
        self.read_out = nn.Sequential(
            nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, VALUES)
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        x = (values.float() - (VALUES - 1) / 2).unsqueeze(-1)
        if self.rounds is not None:
            return self.read_out(self.messages(x)[:, 0])
        if self.lstm is None:
            # A_hat H W of the centre: the mean of its neighbours' features
            return self.read_out(self.W(x).mean(1))
        if self.kind == "sorted lstm":
            x = x.sort(dim=1).values
        return self.read_out(self.lstm(x)[0][:, -1])

    def messages(self, x: torch.Tensor) -> torch.Tensor:
        """Rounds of GIN on the stars of these leaves; the centre, node 0, begins with a zero.

        In the first each leaf's MLP sees its own value, in the second the centre sums the leaves.

        Shapes:
            x ``(B, neighbours, 1)`` -> ``(B, 1 + neighbours, width)``
        """
        H = nn.functional.pad(x, (0, 0, 1, 0))
        A = star(x.shape[1]).to(x.device)
        for layer in self.rounds:
            H = layer.update(H, layer.prepare(A))
        return H


def star(leaves: int) -> torch.Tensor:
    """Adjacency of a centre, node 0, and its leaves: ``(1 + leaves, 1 + leaves)``."""
    A = torch.zeros(1 + leaves, 1 + leaves)
    A[0, 1:] = A[1:, 0] = 1.0
    return A


def best_of_the_mean(neighbours: int = 8) -> float:
    """The accuracy that no function of the mean can pass: for each mean its likeliest count.

    Summed over all 5^neighbours stars with their probabilities.
    If m values are allowed, each of the C(5, m) choices of them is as likely, and so is each star
    with those values: a star of k values has the probability C(5 - k, m - k) / C(5, m) / m^leaves.

    Raises:
        ValueError: no neighbour, or more than 9, whose stars are too many to go through.
    """
    integer("neighbours", neighbours, minimum=1, maximum=9)
    values = torch.cartesian_prod(*[torch.arange(VALUES)] * neighbours)  # (5^neighbours, leaves)
    k = torch.zeros(len(values), VALUES).scatter_(1, values, 1.0).sum(1).long()
    likely = torch.zeros(VALUES + 1, dtype=torch.float64)
    for count in range(1, VALUES + 1):
        for m in range(count, VALUES + 1):
            choices = math.comb(VALUES - count, m - count) / math.comb(VALUES, m)
            likely[count] += choices / m**neighbours / VALUES
    table = torch.zeros(neighbours * VALUES, VALUES, dtype=torch.float64)
    table.index_put_((values.sum(1), k - 1), likely[k], accumulate=True)
    return table.max(1).values.sum().item()


def train_aggregator(run: NeighbourRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """The experiment. Record: "parameters_used", "accuracy", "changed", the share of answers that
    another order of the same neighbours changes, and "diverged".
    """

    def draw(n, stream):
        values, counts = different_values(n, run.neighbours, stream)
        return (values,), counts

    def of_width(n):
        return Aggregator(run.aggregator, n, generator(run.seed, "weights"))

    model = seeded_build(lambda: matched(of_width, run.parameters), run.seed)
    seen = fit(model, draw, generator(run.seed, "data"), device=device, **fit_options(run))
    (values,), _ = draw(2000, generator(run.seed, "order"))
    order = torch.rand(values.shape, generator=generator(run.seed, "shuffle")).argsort(1)
    with torch.no_grad():
        both = (values, values.gather(1, order))
        answers = [model(v.to(device_of(model))).argmax(1) for v in both]
    record = {
        "parameters_used": count_parameters(model),
        "accuracy": score(model, draw, generator(run.seed, "test")),
        "changed": (answers[0] != answers[1]).float().mean().item(),
        "diverged": seen.diverged,
    }
    return record, {"accuracy": seen.accuracy}
