"""Graph attention."""

import torch
from torch import nn

from helpers import colors
from helpers.checks import integer, number
from helpers.graph.layers.base import GraphLayer
from helpers.graph.propagation import add_self_loops
from helpers.graph.sparse import SparseMatrix


class GATLayer(GraphLayer):
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

    name = "gat"
    label = "GAT"
    color = colors.PURPLE
    matrix = "A_tilde"

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

    def prepare(self, A):
        """A_tilde = A + I."""
        if isinstance(A, SparseMatrix):
            raise ValueError("attention must have a dense adjacency; got a sparse one")
        return add_self_loops(A)

    def attention(self, H: torch.Tensor, A_tilde: torch.Tensor) -> torch.Tensor:
        """alpha_uv, zero where u does not hear v: ``(..., heads, N, N)``, rows sum to 1."""
        return self._attend(H, A_tilde)[0]

    def _attend(self, H, A_tilde):
        self._check_shapes(H, A_tilde, self.W.shape[0])
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
