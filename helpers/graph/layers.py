"""Layers that pass messages, from their equations.

H has a row of features a node, and any number of batch dimensions in front; the adjacency is shared
by a batch or has the same dimensions in front. Row u of an adjacency lists whom node u hears.
"""

import torch
from torch import nn

from helpers.checks import integer, number
from helpers.recurrent import GRU


class GCNLayer(nn.Module):
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

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        integer("in_features", in_features, minimum=1)
        integer("out_features", out_features, minimum=1)
        self.W = nn.Parameter(torch.empty(in_features, out_features))
        self.b = nn.Parameter(torch.zeros(out_features)) if bias else None
        nn.init.xavier_uniform_(self.W)  # Glorot and Bengio 2010, as in Kipf and Welling's code

    def forward(self, H: torch.Tensor, A_hat) -> torch.Tensor:
        _check_shapes(H, A_hat, self.W.shape[0], "A_hat")
        # H' = A_hat (H W) + b
        out = A_hat @ (H @ self.W)
        return out if self.b is None else out + self.b


class GATLayer(nn.Module):
    """Graph attention (Velickovic et al. 2018), without its nonlinearity.

    z_u     = W h_u
    e_uv    = LeakyReLU(a^T [z_u || z_v])                  for v in N(u) and u itself
    alpha_u = softmax of e_uv over v
    h'_u    = sum over v of alpha_uv z_v + b

    With ``dynamic`` the score of GATv2 (Brody, Alon and Yahav 2022): the map a comes after the
    nonlinearity, e_uv = a^T LeakyReLU(W_u h_u + W h_v), so that each u may rank its neighbours
    differently.

    Args:
        in_features, out_features: columns of H and, for each head, of H'.
        heads: attention heads, joined.
        dynamic: GATv2's score.
        slope: of the LeakyReLU below zero.

    Shapes:
        H ``(..., N, in)``, A_tilde ``(..., N, N)``, not zero where u hears v
        -> ``(..., N, heads out)``
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        heads: int = 1,
        *,
        dynamic: bool = False,
        slope: float = 0.2,
    ):
        super().__init__()
        integer("in_features", in_features, minimum=1)
        integer("out_features", out_features, minimum=1)
        self.heads = integer("heads", heads, minimum=1)
        self.slope = number("slope", slope)
        self.dynamic = bool(dynamic)
        self.W = nn.Parameter(torch.empty(in_features, heads * out_features))
        self.W_u = nn.Parameter(torch.empty(in_features, heads * out_features)) if dynamic else None
        self.a_u = None if dynamic else nn.Parameter(torch.empty(heads, out_features))
        self.a_v = nn.Parameter(torch.empty(heads, out_features))
        self.b = nn.Parameter(torch.zeros(heads * out_features))
        for weight in (self.W, self.W_u, self.a_u, self.a_v):
            if weight is not None:
                nn.init.xavier_uniform_(weight)

    def attention(self, H: torch.Tensor, A_tilde: torch.Tensor) -> torch.Tensor:
        """alpha_uv, zero where u does not hear v: ``(..., heads, N, N)``, rows sum to 1."""
        return self._attend(H, A_tilde)[0]

    def _attend(self, H, A_tilde):
        _check_shapes(H, A_tilde, self.W.shape[0], "A_tilde")
        z = self._heads(H @ self.W)  # (..., heads, N, out)
        if self.dynamic:
            z_u = self._heads(H @ self.W_u)
            pairs = z_u.unsqueeze(-2) + z.unsqueeze(-3)  # (..., heads, N, N, out)
            pairs = nn.functional.leaky_relu(pairs, self.slope)
            e = (pairs * self.a_v[:, None, None, :]).sum(-1)
        else:
            # a^T [z_u || z_v] = a_u^T z_u + a_v^T z_v
            s_u = (z * self.a_u[:, None, :]).sum(-1, keepdim=True)  # (..., heads, N, 1)
            s_v = (z * self.a_v[:, None, :]).sum(-1).unsqueeze(-2)  # (..., heads, 1, N)
            e = nn.functional.leaky_relu(s_u + s_v, self.slope)
        e = e.masked_fill(A_tilde.unsqueeze(-3) == 0, float("-inf"))
        return e.softmax(dim=-1), z

    def _heads(self, z):
        N, out = z.shape[-2], self.a_v.shape[1]
        return z.reshape(*z.shape[:-2], N, self.heads, out).transpose(-3, -2)

    def forward(self, H: torch.Tensor, A_tilde: torch.Tensor) -> torch.Tensor:
        """Raises ``ValueError`` where a node hears nobody, not even itself."""
        if (A_tilde == 0).all(dim=-1).any():
            raise ValueError("every node must hear at least itself: A_tilde has an empty row")
        alpha, z = self._attend(H, A_tilde)
        out = (alpha @ z).transpose(-3, -2).flatten(-2)  # heads side by side
        return out + self.b


class GatedGraphLayer(nn.Module):
    """One step of a gated graph network (Li et al. 2016).

    m_u  = sum over v in N(u) of A_uv W h_v
    h'_u = GRU(m_u, h_u)

    Applied k times it is a network of depth k with shared weights.

    Args:
        features: columns of H and of H'.

    Shapes:
        H ``(..., N, features)``, A ``(..., N, N)`` -> ``(..., N, features)``
    """

    def __init__(self, features: int):
        super().__init__()
        self.W = nn.Parameter(torch.empty(integer("features", features, minimum=1), features))
        self.gru = GRU(features, features)
        nn.init.xavier_uniform_(self.W)

    def forward(self, H: torch.Tensor, A) -> torch.Tensor:
        _check_shapes(H, A, self.W.shape[0], "A")
        m = A @ (H @ self.W)
        return self.gru.step(m, H, self.gru.weights())


def _check_shapes(H, A, features: int, name: str) -> None:
    N = H.shape[-2] if H.dim() >= 2 else -1
    if H.dim() < 2 or H.shape[-1] != features or tuple(A.shape[-2:]) != (N, N):
        raise ValueError(
            f"H must have shape (..., N, {features}) and {name} (..., N, N), "
            f"got {tuple(H.shape)} and {tuple(A.shape)}"
        )
