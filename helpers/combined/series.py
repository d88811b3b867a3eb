"""Coupled time series with a known answer: an LSTM a node, a GCN across the nodes.

The process, on a graph with row-normalised adjacency A_bar:

    x_u(t+1) = a x_u(t) - b x_u(t-1) + c (A_bar x(t-1))_u + noise of variance 1

The second own lag and the neighbours' lag both lie two steps back: who forgets misses them, and who
sees one node alone misses the neighbours. The best forecast is the process without its noise, with
a mean squared error of 1, so every network's error says how far it is from the truth.

Report 000 tells of this combination for stocks; there the answer is not known.
"""

from dataclasses import dataclass
from functools import cache

import networkx as nx
import torch
from torch import nn

from helpers.checks import choice
from helpers.combined.networks import matched, seeded_build
from helpers.combined.training import Fit, check_fit_options, fit, fit_options, score
from helpers.graph import GCNLayer
from helpers.recurrent import LSTM
from helpers.recurrent.parameters import count_parameters
from helpers.runtime import generator
from helpers.steps import OnStep, ShouldStop

MODELS = ("lstm", "gcn", "combined")
NODES = 12
#: Stable: every eigenvalue of the process lies inside the unit circle, which a test computes.
OWN, OWN_BEFORE, NEIGHBOURS = 0.6, 0.3, 0.6
LENGTH = 12
BURN_IN = 50


@dataclass(frozen=True)
class SeriesRun:
    """A network that forecasts every node's next value.

    Attributes:
        model: "lstm" reads each node alone, "gcn" sees the last values of a node and its
            neighbours, "combined" is a GCN over the LSTM's states.
    """

    model: str
    seed: int
    steps: int = 1000
    parameters: int = 6000
    batch_size: int = 64
    lr: float = 3e-3

    def __post_init__(self):
        choice("model", self.model, MODELS)
        check_fit_options(self)


@cache
def coupling() -> torch.Tensor:
    """A_bar of a random 3-regular graph: row u averages the neighbours of u. ``(N, N)``."""
    graph = nx.random_regular_graph(3, NODES, seed=0)
    A = torch.tensor(nx.to_numpy_array(graph, nodelist=range(NODES))).float()
    return A / A.sum(1, keepdim=True)


def simulate(n: int, length: int, stream: torch.Generator) -> torch.Tensor:
    """``n`` realisations of the process after a burn-in: ``(n, length, N)``."""
    A_bar = coupling()
    before = now = torch.zeros(n, NODES)
    kept = []
    for t in range(BURN_IN + length):
        noise = torch.randn(n, NODES, generator=stream)
        # x(t+1) = a x(t) - b x(t-1) + c A_bar x(t-1) + noise
        after = OWN * now - OWN_BEFORE * before + NEIGHBOURS * before @ A_bar.T + noise
        before, now = now, after
        if t >= BURN_IN:
            kept.append(now)
    return torch.stack(kept, dim=1)


def draw(n: int, stream: torch.Generator):
    """Past values ``(n, LENGTH, N)`` and the next ones ``(n, N)``."""
    x = simulate(n, LENGTH + 1, stream)
    return (x[:, :-1],), x[:, -1]


class Forecaster(nn.Module):
    """The three networks of this module.

    Shapes:
        past ``(B, T, N)`` -> next values ``(B, N)``
    """

    def __init__(self, model: str, width: int, stream: torch.Generator | None = None):
        super().__init__()
        choice("model", model, MODELS)
        self.lstm = self.gcn = None
        if model != "gcn":
            self.lstm = LSTM(1, width, forget_bias=1.0, generator=stream)
        if model != "lstm":
            self.gcn = GCNLayer(width if self.lstm else 1, width)
            self.own = nn.Linear(width if self.lstm else 1, width)
        self.read_out = nn.Linear(width, 1)
        self.register_buffer("A_bar", coupling(), persistent=False)

    def forward(self, past: torch.Tensor) -> torch.Tensor:
        B, T, N = past.shape
        if self.lstm is None:
            H = past[:, -1].unsqueeze(-1)  # (B, N, 1)
        else:
            series = past.transpose(1, 2).reshape(B * N, T, 1)
            H = self.lstm(series)[0][:, -1].reshape(B, N, -1)  # (B, N, n)
        if self.gcn is not None:
            # A node's own state and its neighbours' mean are kept apart (GraphSAGE's way).
            H = torch.tanh(self.own(H) + self.gcn(H, self.A_bar))
        return self.read_out(H).squeeze(-1)


def train_forecaster(
    run: SeriesRun,
    on_step: OnStep | None = None,
    should_stop: ShouldStop | None = None,
    device: str | torch.device = "cpu",
) -> tuple[Forecaster, Fit]:
    """The trained network of a run, and its curves."""

    def of_width(n):
        return Forecaster(run.model, n, generator(run.seed, "weights"))

    model = seeded_build(lambda: matched(of_width, run.parameters), run.seed)
    watched = {"on_step": on_step, "should_stop": should_stop, "device": device}
    stream = generator(run.seed, "data")
    return model, fit(model, draw, stream, regression=True, **watched, **fit_options(run))


def train_series(run: SeriesRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """The experiment. Record: "parameters_used", "diverged", and "error", the mean squared error of
    fresh forecasts; 1 is the best.
    """
    model, seen = train_forecaster(run, device=device)
    error = score(model, draw, generator(run.seed, "test"), regression=True)
    record = {
        "parameters_used": count_parameters(model),
        "error": error,
        "diverged": seen.diverged,
    }
    return record, {"loss": seen.loss}


def known_errors(n: int = 4000) -> dict[str, float]:
    """Mean squared errors that need no training: of the process itself, and of two simpler rules.

    "the process": the forecast without the noise; "own past": the best linear forecast from all of
    a node's own past values; "last value": the best linear one from last values of the node and its
    neighbours; "nothing": the variance.
    """
    (past,), y = draw(n, generator("known"))
    A_bar = coupling()
    now, before = past[:, -1], past[:, -2]
    truth = OWN * now - OWN_BEFORE * before + NEIGHBOURS * before @ A_bar.T

    def least_squares(columns):
        X = torch.stack([c.flatten() for c in columns], dim=1).double()
        target = y.flatten().double()[:, None]
        return (X @ torch.linalg.lstsq(X, target).solution - target).square().mean().item()

    return {
        "the process": (truth - y).square().mean().item(),
        "own past": least_squares(past.unbind(1)),
        "last value": least_squares([now, now @ A_bar.T]),
        "nothing": y.square().mean().item(),
    }
