"""The character model: one-hot or embedding, LSTM layers, a read-out at every step."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import integer, number
from helpers.recurrent import LSTM
from helpers.recurrent.initialisation import initialise_


class CharLM(nn.Module):
    """Scores of the next character after every character of a text.

    x_t = one-hot(character t), or a row of the embedding
    h_t = LSTM layers over x_1 … x_t
    z_t = W_ph h_t + b_p, the logits of character t + 1

    Args:
        vocab_size: V, distinct characters.
        hidden_size: n of each LSTM layer.
        num_layers: 1 to 3 in the reports.
        embedding_size: features a character; ``None`` for one-hot input.
        dropout: probability with which an output is dropped in training, between the layers and
            before the read-out.
        forget_bias: initial forget-gate bias.

    Shapes:
        ids ``(B, T)`` -> logits ``(B, T, V)``, state as of :class:`helpers.recurrent.LSTM`
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int = 512,
        num_layers: int = 2,
        *,
        embedding_size: int | None = None,
        dropout: float = 0.0,
        forget_bias: float = 1.0,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.vocab_size = integer("vocab_size", vocab_size, minimum=2)
        self.embedding = None
        if embedding_size is not None:
            integer("embedding_size", embedding_size, minimum=1)
            rows = torch.randn(vocab_size, embedding_size, generator=generator)
            self.embedding = nn.Parameter(rows / embedding_size**0.5)
        self.core = LSTM(
            embedding_size or vocab_size,
            hidden_size,
            num_layers,
            dropout=dropout,
            forget_bias=forget_bias,
            generator=generator,
        )
        self.dropout = number("dropout", dropout, minimum=0.0)
        #: A LayerNorm for what each layer puts out, of a model that has them.
        self.norms: nn.ModuleList | None = None
        self.W_ph = nn.Parameter(torch.zeros(vocab_size, hidden_size))
        self.b_p = nn.Parameter(torch.zeros(vocab_size))
        initialise_(self.W_ph, "uniform", hidden_size=hidden_size, generator=generator)
        self.arguments = {
            "vocab_size": vocab_size,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "embedding_size": embedding_size,
            "dropout": dropout,
            "forget_bias": forget_bias,
        }

    @property
    def draws(self) -> bool:
        """Whether a pass in training draws from torch's generator."""
        return bool(self.dropout)

    def inputs(self, ids: torch.Tensor) -> torch.Tensor:
        """``ids (B, T)`` as the LSTM's input ``(B, T, d)``."""
        # Laid out time step by time step, as the LSTM's kernels read it, and seen batch-first.
        at = ids.T
        if self.embedding is not None:
            return F.embedding(at, self.embedding).transpose(0, 1)
        x = self.W_ph.new_zeros(*at.shape, self.vocab_size)
        return x.scatter_(2, at.unsqueeze(2), 1.0).transpose(0, 1)

    def forward(self, ids: torch.Tensor, state=None):
        h, state = self.core(self.inputs(ids), state)
        h = F.dropout(h, self.dropout, self.training)
        # z_t = W_ph h_t + b_p
        return F.linear(h, self.W_ph, self.b_p), state
