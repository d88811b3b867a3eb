"""The gated graph layer."""

import torch
from torch import nn

from helpers import colors
from helpers.checks import integer
from helpers.graph.layers.base import GraphLayer
from helpers.recurrent import GRU


class GatedGraphLayer(GraphLayer):
    """One step of a gated graph network (Li et al. 2016).

    m_u  = sum over v in N(u) of A_uv W h_v
    h'_u = GRU(m_u, h_u)

    Applied k times it is a network of depth k with shared weights.

    Args:
        features: columns of H and of H'.

    Shapes:
        H ``(..., N, features)``, A ``(..., N, N)`` -> ``(..., N, features)``
    """

    name = "gated"
    label = "gated graph network"
    color = colors.BLUE

    def __init__(self, features: int):
        super().__init__()
        self.W = nn.Parameter(torch.empty(integer("features", features, minimum=1), features))
        self.gru = GRU(features, features)
        nn.init.xavier_uniform_(self.W)

    @classmethod
    def of_width(cls, features: int) -> "GatedGraphLayer":
        return cls(features)

    def update(self, H: torch.Tensor, A) -> torch.Tensor:
        """One round inside a network; the GRU brings its own nonlinearities."""
        return self(H, A)

    def forward(self, H: torch.Tensor, A) -> torch.Tensor:
        self._check_shapes(H, A, self.W.shape[0])
        # m = A (H W)
        m = A @ (H @ self.W)
        # H' = GRU(m, H)
        return self.gru.step(m, H, self.gru.weights())
