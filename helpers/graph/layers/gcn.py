"""The graph convolution."""

import torch
from torch import nn

from helpers import colors
from helpers.checks import integer
from helpers.graph.layers.base import GraphLayer
from helpers.graph.propagation import normalized_adjacency
from helpers.graph.sparse import SparseMatrix


class GCNLayer(GraphLayer):
    """The graph convolution of Kipf and Welling 2017, equation 2, without its nonlinearity.

    H' = A_hat H W + b

    Node by node: h'_u = sum over v in N(u) and u itself of A_hat_uv (h_v W) + b.

    Args:
        in_features, out_features: columns of H and of H'.
        bias: whether there is a b.

    Shapes:
        H ``(..., N, in)``; A_hat ``(..., N, N)``, or a :class:`.sparse.SparseMatrix` for one graph
        -> ``(..., N, out)``
    """

    name = "gcn"
    label = "GCN"
    color = colors.SKY
    matrix = "A_hat"

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        integer("in_features", in_features, minimum=1)
        integer("out_features", out_features, minimum=1)
        self.W = nn.Parameter(torch.empty(in_features, out_features))
        self.b = nn.Parameter(torch.zeros(out_features)) if bias else None
        nn.init.xavier_uniform_(self.W)  # Glorot and Bengio 2010, as in Kipf and Welling's code

    def prepare(self, A):
        """A_hat = D_tilde^(-1/2) (A + I) D_tilde^(-1/2)."""
        return A.normalized() if isinstance(A, SparseMatrix) else normalized_adjacency(A)

    def forward(self, H: torch.Tensor, A_hat) -> torch.Tensor:
        self._check_shapes(H, A_hat, self.W.shape[0])
        # H' = A_hat (H W) + b
        out = A_hat @ (H @ self.W)
        return out if self.b is None else out + self.b
