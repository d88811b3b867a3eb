"""Layers that pass messages, from their equations."""

import torch
from torch import nn

from helpers.checks import integer


class GCNLayer(nn.Module):
    """The graph convolution of Kipf and Welling 2017, equation 2, without its nonlinearity.

    H' = A_hat H W + b

    Node by node: h'_u = sum over v in N(u) and u itself of A_hat_uv (h_v W) + b.

    Args:
        in_features, out_features: columns of H and of H'.
        bias: whether there is a b.

    Shapes:
        H ``(N, in)``, A_hat ``(N, N)`` dense or sparse -> ``(N, out)``
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        integer("in_features", in_features, minimum=1)
        integer("out_features", out_features, minimum=1)
        self.W = nn.Parameter(torch.empty(in_features, out_features))
        self.b = nn.Parameter(torch.zeros(out_features)) if bias else None
        nn.init.xavier_uniform_(self.W)  # Glorot and Bengio 2010, as in Kipf and Welling's code

    def forward(self, H: torch.Tensor, A_hat: torch.Tensor) -> torch.Tensor:
        N = A_hat.shape[0]
        if H.dim() != 2 or H.shape != (N, self.W.shape[0]) or A_hat.shape != (N, N):
            raise ValueError(
                f"H must have shape (N, {self.W.shape[0]}) and A_hat (N, N), "
                f"got {tuple(H.shape)} and {tuple(A_hat.shape)}"
            )
        # H' = A_hat (H W) + b
        out = A_hat @ (H @ self.W)
        return out if self.b is None else out + self.b
