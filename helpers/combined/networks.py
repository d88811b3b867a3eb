"""Networks that the comparisons share: message passing with shared weights, attention, readers.

Every network here takes features ``(B, N, f)`` and, but for the readers, an adjacency ``(N, N)`` or
``(B, N, N)``, whose entry (u, v) is not zero where node u hears node v.
"""

import math
from collections.abc import Callable

import torch
from torch import nn

from helpers.checks import choice, integer
from helpers.graph.layers import GraphLayer, find_layer
from helpers.recurrent import LSTM, SequenceClassifier
from helpers.recurrent.cells import find_cell
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.parameters import count_parameters
from helpers.runtime import seeded

POOLS = ("mean", "lstm")
#: Cells that read sequences here, and how they begin.
READERS = {"rnn": {"W_hh": "orthogonal"}, "lstm": {"forget_bias": 1.0}}
#: Other ways for the LSTM to begin; "T" stands for the length that is read. Chrono biases take the
#: place of the forget bias.
STARTS = {
    "usual": {},
    "orthogonal": {"W_h": "orthogonal"},
    "chrono": {"chrono": "T"},
    "orthogonal, chrono": {"W_h": "orthogonal", "chrono": "T"},
}


def kind_of(model: str) -> type[RecurrentCore] | type[GraphLayer]:
    """The cell or the layer that a network is named after, which knows its label and colour.

    Raises:
        ValueError: neither is called so.
    """
    return find_cell(model) if model in READERS else find_layer(model)


class MessagePassing(nn.Module):
    """One layer, applied ``depth`` times, so that depth costs no parameters.

    H_0     = X W_in + b_in
    H_(k+1) = update(H_k, M), the layer's own: tanh(layer(H_k, M)), or a GRU

    Args:
        kind: the name of a layer, "gcn" (:data:`helpers.graph.layers.LAYERS`).
        features: columns of X.
        width: columns of H.
        depth: rounds of messages; a node hears what is at most so many hops away.

    Shapes:
        X ``(B, N, features)``, A ``(N, N)`` or ``(B, N, N)`` -> H ``(B, N, width)``
    """

    def __init__(self, kind: str, features: int, width: int, depth: int):
        super().__init__()
        layer = find_layer(kind)
        self.depth = integer("depth", depth, minimum=0)
        self.encode = nn.Linear(features, width)
        self.layer = layer.of_width(width)

    def forward(self, X: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
        H = self.encode(X)  # (B, N, width)
        M = self.layer.prepare(A)
        for _ in range(self.depth):
            H = self.layer.update(H, M)
        return H


class NodeClassifier(nn.Module):
    """Message passing, and a read-out at every node.

    Shapes:
        X, A as of :class:`MessagePassing` -> logits ``(B, N, classes)``
    """

    def __init__(self, kind: str, features: int, width: int, depth: int, classes: int):
        super().__init__()
        self.core = MessagePassing(kind, features, width, depth)
        self.read_out = nn.Linear(width, classes)

    def forward(self, X: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
        return self.read_out(self.core(X, A))


class GraphClassifier(nn.Module):
    """Message passing, one vector for the whole graph, and a read-out of two layers.

    Args:
        pool: "mean" over the nodes, or "lstm", which reads the nodes one after another.

    Shapes:
        X, A as of :class:`MessagePassing` -> logits ``(B, classes)``
    """

    def __init__(
        self, kind: str, features: int, width: int, depth: int, classes: int, pool: str = "mean"
    ):
        super().__init__()
        choice("pool", pool, POOLS)
        self.core = MessagePassing(kind, features, width, depth)
        self.lstm = LSTM(width, width, forget_bias=1.0) if pool == "lstm" else None
        self.read_out = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes))

    def forward(self, X: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
        H = self.core(X, A)
        return self.read_out(H.mean(1) if self.lstm is None else self.lstm(H)[0][:, -1])


def reader(
    model: str,
    features: int,
    width: int,
    classes: int,
    stream: torch.Generator,
    **start,
) -> SequenceClassifier:
    """An RNN that begins orthogonal or an LSTM whose forget bias is 1, read out at the end.

    Args:
        start: options of the cell that take the place of, or come to, those of :data:`READERS`.
    """
    core = find_cell(model)(features, width, generator=stream, **READERS[model] | start)
    return SequenceClassifier(core, classes, generator=stream)


class PositionAttention(nn.Module):
    """One head of scaled dot-product attention on the complete graph, with positions.

    s_uv    = (W_q p_u)^T (W_k p_v) / sqrt(n)        (Vaswani et al. 2017, equation 1)
    alpha_u = softmax of s_uv over v
    z_u     = W_o (sum over v of alpha_uv W_v x_v) + b_o

    p_u is a learned vector of the position; queries and keys see positions alone and values see
    features alone, so that the attention is one map for all inputs and can be looked at.

    Shapes:
        X ``(B, N, features)`` -> logits ``(B, N, classes)``
    """

    def __init__(self, positions: int, features: int, width: int, classes: int):
        super().__init__()
        integer("positions", positions, minimum=1)
        self.P = nn.Parameter(torch.randn(positions, width))
        self.W_q = nn.Parameter(torch.empty(width, width))
        self.W_k = nn.Parameter(torch.empty(width, width))
        self.W_v = nn.Linear(features, width)
        self.W_o = nn.Linear(width, classes)
        nn.init.xavier_uniform_(self.W_q)
        nn.init.xavier_uniform_(self.W_k)

    def attention(self) -> torch.Tensor:
        """alpha ``(N, N)``, rows sum to 1."""
        scores = (self.P @ self.W_q) @ (self.P @ self.W_k).T / math.sqrt(self.P.shape[1])
        return scores.softmax(-1)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.W_o(self.attention() @ self.W_v(X))


def matched(build: Callable[[int], nn.Module], parameters: int) -> nn.Module:
    """``build(width)`` for the width whose number of parameters is nearest to ``parameters``."""
    integer("parameters", parameters, minimum=1)
    low, high = 1, 1
    while count_parameters(build(high)) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if count_parameters(build(middle)) < parameters:
            low = middle
        else:
            high = middle
    return build(min((low, high), key=lambda n: abs(count_parameters(build(n)) - parameters)))


def seeded_build(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """``build()`` with weights that depend on ``seed`` alone; torch's own generator is kept."""
    with seeded(seed):
        return build()
