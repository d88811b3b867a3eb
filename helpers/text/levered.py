"""The character model with what was found to help it, layer by layer."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import boolean, number
from helpers.recurrent.core import suffix
from helpers.text.charlm import CharLM


class LeveredLM(CharLM):
    """A :class:`.CharLM` layer by layer, with what its one kernel for all layers cannot do.

    Args:
        locked: dropout draws one mask for all time steps of a window, not one for each step (Gal
            and Ghahramani 2016, "variational dropout").
        weight_dropout: probability with which a recurrent weight is zero during a window (Merity
            et al. 2018, "DropConnect"): the same weights at all its steps.
        residual: a layer from the second on adds its input to its output (Kim et al. 2017).
        norm: what a layer puts out is normalised (Ba et al. 2016, "layer normalisation").
        options: those of :class:`.CharLM`.

    Without the last two it has the parameters of a :class:`.CharLM`, and reads as that does.

    Raises:
        ValueError: ``weight_dropout`` outside [0, 1).
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        num_layers: int = 2,
        *,
        locked: bool = False,
        weight_dropout: float = 0.0,
        residual: bool = False,
        norm: bool = False,
        **options,
    ):
        super().__init__(vocab_size, hidden_size, num_layers, **options)
        self.locked = boolean("locked", locked)
        self.weight_dropout = number("weight_dropout", weight_dropout, minimum=0.0)
        if self.weight_dropout >= 1:
            raise ValueError(f"weight_dropout must be below 1, got {weight_dropout}")
        self.residual = boolean("residual", residual)
        if boolean("norm", norm):
            self.norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in range(num_layers))
        self.arguments |= {
            "locked": locked,
            "weight_dropout": weight_dropout,
            "residual": residual,
            "norm": norm,
        }

    @property
    def draws(self) -> bool:
        return super().draws or bool(self.weight_dropout)

    def forward(self, ids: torch.Tensor, state=None):
        h, after = self.inputs(ids), []
        if state is None:
            zeros = h.new_zeros(self.core.num_layers, len(ids), self.core.hidden_size)
            state = (zeros, zeros)
        for layer, before in enumerate(zip(*state, strict=True)):
            W_x, W_h, b = self.core.stacked(suffix(layer))
            W_h = F.dropout(W_h, self.weight_dropout, self.training)
            flat, start = [W_x, W_h, b, torch.zeros_like(b)], [s[None] for s in before]
            train = self.training or torch.is_grad_enabled()  # as in RecurrentCore._run_kernel
            put_out, *last = torch.lstm(h, start, flat, True, 1, 0.0, train, False, True)
            after.append(torch.cat(last))  # h and c, (2, B, n)
            if self.residual and layer:
                put_out = put_out + h
            if self.norms is not None:
                put_out = self.norms[layer](put_out)
            h = self._dropped(put_out)
        return F.linear(h, self.W_ph, self.b_p), tuple(torch.stack(after, 1))

    def _dropped(self, h: torch.Tensor) -> torch.Tensor:
        """``h (B, T, n)`` after dropout."""
        if not self.locked:
            return F.dropout(h, self.dropout, self.training)
        return h * F.dropout(torch.ones_like(h[:, :1]), self.dropout, self.training)
