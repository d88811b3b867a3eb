"""Recurrent states as node features: a sequence whose long-range links are given as edges.

The idea of Fernandes, Allamanis and Brockschmidt 2019 (structured summarisation), in small. A text
of digits is followed by blanks; each blank is linked to one earlier place and asks for the digit
*before* that place. A link says where, reading says what was before: neither alone knows both.

Data flow::

    digits (B, L), links (B, Q) -> X (B, L + Q, f) and A (B, L + Q, L + Q), the links as edges
        "reader":   LSTM over X, which holds each blank's address as a one-hot number
        "graph":    gated graph network over A, the links alone
        "graph+":   the same over links and chain
        "combined": LSTM over the digits, its states as features of the gated graph network over A
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import choice
from helpers.combined.networks import MessagePassing, matched, seeded_build
from helpers.combined.structure import chain
from helpers.combined.training import check_fit_options, fit, fit_options, score
from helpers.palindromes.tasks.palindromes import DIGITS
from helpers.recurrent import LSTM
from helpers.recurrent.parameters import count_parameters
from helpers.runtime import generator

MODELS = ("reader", "graph", "graph+", "combined")
ROUNDS = 3


@dataclass(frozen=True)
class LinkRun:
    """A network on digits with links.

    Attributes:
        L: digits.
        Q: blanks, each with one link.
    """

    model: str
    L: int
    seed: int
    Q: int = 5
    steps: int = 1000
    parameters: int = 12_000
    batch_size: int = 64
    lr: float = 3e-3

    def __post_init__(self):
        choice("model", self.model, MODELS)
        check_fit_options(self, L=2, Q=1)


def draw_links(n: int, L: int, Q: int, stream: torch.Generator):
    """``n`` texts: digits ``(n, L)``, linked places ``(n, Q)`` from 1 to L - 1, answers ``(n, Q)``.

    The answer is the digit before the linked place.
    """
    digits = torch.randint(DIGITS, (n, L), generator=stream)
    links = torch.randint(1, L, (n, Q), generator=stream)
    return digits, links, digits.gather(1, links - 1)


def features(digits: torch.Tensor, links: torch.Tensor, *, addresses: bool) -> torch.Tensor:
    """One-hot digits, then blanks: ``(B, L + Q, 11)``, or ``(B, L + Q, 11 + L)`` with addresses."""
    L, Q = digits.shape[1], links.shape[1]
    X = F.pad(F.one_hot(digits, DIGITS).float(), (0, 1, 0, Q))
    X[:, L:, DIGITS] = 1.0
    if addresses:
        X = torch.cat([X, F.pad(F.one_hot(links, L).float(), (0, 0, L, 0))], dim=-1)
    return X


def adjacency(links: torch.Tensor, L: int, *, along: bool) -> torch.Tensor:
    """Edges between blanks and linked places, with ``along`` those of the chain as well."""
    B, Q = links.shape
    A = chain(L + Q).repeat(B, 1, 1) if along else torch.zeros(B, L + Q, L + Q)
    rows, blanks, linked = torch.arange(B)[:, None], L + torch.arange(Q), links.cpu()
    A[rows, blanks, linked] = 1.0
    A[rows, linked, blanks] = 1.0
    return A.to(links.device)


def one_of_two() -> float:
    """How often one of two digits at random is right: half the time, and where both are equal."""
    return 0.5 + 0.5 / DIGITS


def one_of_both(L: int) -> float:
    """The share of answers right for who hears both neighbours of the linked place, not the sides.

    If the linked place is the last digit, its other neighbour is a blank and the answer is sure.
    Elsewhere one of two digits is named (:func:`one_of_two`).
    """
    sure = 1 / (L - 1)
    return sure + (1 - sure) * one_of_two()


class LinkedReader(nn.Module):
    """The four networks of this module: states of a reader, messages, or one after the other.

    Shapes:
        digits ``(B, L)``, links ``(B, Q)`` -> logits ``(B, Q, 10)``
    """

    def __init__(self, model: str, L: int, width: int, stream: torch.Generator | None = None):
        super().__init__()
        self.model = choice("model", model, MODELS)
        self.L = L
        size = DIGITS + 1 + (L if model == "reader" else 0)
        self.reader = self.messages = None
        if model in ("reader", "combined"):
            self.reader = LSTM(size, width, forget_bias=1.0, generator=stream)
            size = width
        if model != "reader":
            self.messages = MessagePassing("gated", size, width, ROUNDS)
        self.read_out = nn.Linear(width, DIGITS)

    def forward(self, digits: torch.Tensor, links: torch.Tensor) -> torch.Tensor:
        H = features(digits, links, addresses=self.model == "reader")
        if self.reader is not None:
            H, _ = self.reader(H)
        if self.messages is not None:
            H = self.messages(H, adjacency(links, self.L, along=self.model == "graph+"))
        return self.read_out(H[:, self.L :])


def train_links(run: LinkRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """The experiment that a study calls. Record: "parameters_used", "accuracy" on fresh texts,
    "diverged".
    """

    def draw(n, stream):
        digits, links, answers = draw_links(n, run.L, run.Q, stream)
        return (digits, links), answers

    def of_width(n):
        return LinkedReader(run.model, run.L, n, generator(run.seed, "weights"))

    model = seeded_build(lambda: matched(of_width, run.parameters), run.seed)
    seen = fit(model, draw, generator(run.seed, "data"), device=device, **fit_options(run))
    right = score(model, draw, generator(run.seed, "test"))
    record = {
        "parameters_used": count_parameters(model),
        "accuracy": right,
        "diverged": seen.diverged,
    }
    return record, {"accuracy": seen.accuracy}
