"""What all graph layers share: a name, the matrix they propagate with, their place in a network.

H has a row of features a node, and any number of batch dimensions in front; the adjacency is shared
by a batch or has the same dimensions in front. Row u of an adjacency lists whom node u hears.
"""

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import nn

from helpers import colors
from helpers.checks import choice
from helpers.graph.propagation import adjacency_matrix
from helpers.graph.sparse import SparseMatrix

#: Name -> layer, for every class of a layer that has been imported.
LAYERS: dict[str, type["GraphLayer"]] = {}


def find_layer(name: str) -> type["GraphLayer"]:
    """The layer of this name.

    Raises:
        ValueError: no layer is called so.
    """
    return LAYERS[choice("layer", name, tuple(LAYERS))]


def stacked(layers: Iterable["GraphLayer"], H: torch.Tensor, M) -> torch.Tensor:
    """H after the updates of one layer after another, all with the same matrix."""
    for layer in layers:
        H = layer.update(H, M)
    return H


class GraphLayer(nn.Module):
    """A layer that passes messages: ``M = layer.prepare(A)`` once, then ``layer(H, M)``.

    A class with a ``name`` is known to networks, studies, figures and tests by it. It writes
    ``forward(H, M)``; what it leaves out below is as for most.

    Shapes:
        H ``(..., N, in)``; A and M ``(N, N)`` or ``(..., N, N)`` -> H' ``(..., N, out)``
    """

    #: How configurations call the layer, and how figures call and colour it.
    name: ClassVar[str]
    label: ClassVar[str]
    color: ClassVar[str] = colors.MUTED
    #: What the layer calls the matrix that it propagates with.
    matrix: ClassVar[str] = "A"

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        if "name" in vars(cls):
            known = LAYERS.setdefault(cls.name, cls)
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"two layers are called {cls.name!r}: {known} and {cls}")
            LAYERS[cls.name] = cls

    @classmethod
    def of_width(cls, features: int) -> "GraphLayer":
        """The layer that gives as many features as it takes, to be applied again and again."""
        return cls(features, features)

    def prepare(self, A):
        """The matrix that the layer propagates with; here the adjacency as it is.

        Args:
            A: an adjacency ``(N, N)``, a batch of them ``(..., N, N)``, a :class:`.graphs.Graph`,
                or a :class:`.sparse.SparseMatrix`.

        Raises:
            ValueError: no adjacency, or one that the layer is not made for.
        """
        return A if isinstance(A, SparseMatrix) else adjacency_matrix(A)

    def update(self, H: torch.Tensor, M) -> torch.Tensor:
        """One round inside a network, nonlinearity included: H_(k+1) = tanh(layer(H_k, M))."""
        return torch.tanh(self(H, M))

    def _check_shapes(self, H: torch.Tensor, M, features: int) -> None:
        N = H.shape[-2] if H.dim() >= 2 else -1
        if H.dim() < 2 or H.shape[-1] != features or tuple(M.shape[-2:]) != (N, N):
            raise ValueError(
                f"H must have shape (..., N, {features}) and {self.matrix} (..., N, N), "
                f"got {tuple(H.shape)} and {tuple(M.shape)}"
            )
