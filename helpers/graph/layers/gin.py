"""The graph isomorphism layer."""

import torch
from torch import nn

from helpers import colors
from helpers.checks import integer, number
from helpers.graph.layers.base import GraphLayer


class GINLayer(GraphLayer):
    """A layer of the graph isomorphism network (Xu et al. 2019, equation 4.1).

    h'_u = MLP((1 + eps) h_u + sum over v in N(u) of h_v),   MLP(x) = W_2 relu(W_1 x + b_1) + b_2

    A sum keeps how often each value occurs among the neighbours, which a mean or a maximum forgets;
    with an MLP behind it the layer can tell apart whatever the 1-WL test can, and nothing more.

    Args:
        in_features, out_features: columns of H and of H'; the MLP's hidden layer has ``out`` units.
        eps: what eps starts from; it is learned.

    Shapes:
        H ``(..., N, in)``; A ``(..., N, N)``, or a :class:`.sparse.SparseMatrix` for one graph
        -> ``(..., N, out)``
    """

    name = "gin"
    label = "GIN"
    color = colors.ORANGE

    def __init__(self, in_features: int, out_features: int, eps: float = 0.0):
        super().__init__()
        integer("in_features", in_features, minimum=1)
        integer("out_features", out_features, minimum=1)
        self.eps = nn.Parameter(torch.tensor(number("eps", eps)))
        self.mlp = nn.Sequential(
            nn.Linear(in_features, out_features), nn.ReLU(), nn.Linear(out_features, out_features)
        )

    def forward(self, H: torch.Tensor, A) -> torch.Tensor:
        self._check_shapes(H, A, self.mlp[0].in_features)
        # H' = MLP((1 + eps) H + A H)
        return self.mlp((1 + self.eps) * H + A @ H)
