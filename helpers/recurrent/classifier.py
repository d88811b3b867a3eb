"""Read-outs on any recurrent core: after the last step, after every step, or one number."""

import torch
from torch import nn

from helpers.checks import choice, integer
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.initialisation import initialise_

#: Where a network is read out. "number" is one number after the last step.
READ_OUTS = ("last", "every", "number")


class SequenceModel(nn.Module):
    """A linear read-out on any core: p_t = W_ph h_t + b_p, at the last step or at every one.

    h_t is the last layer's hidden state. After the last step, of a bidirectional core, both
    directions' final states are joined.

    Args:
        core: any of the cells.
        outputs: c, numbers that are read out.
        read_out: one of :data:`READ_OUTS`.
        W_ph: initialisation of the read-out; ``b_p`` starts at zero.

    Shapes:
        x ``(B, T, d)`` -> "last" ``(B, c)``, "every" ``(B, T, c)``, "number" ``(B,)``

    Raises:
        ValueError: no outputs, more than one with "number", or an unknown read-out.
    """

    def __init__(
        self,
        core: RecurrentCore,
        outputs: int,
        *,
        read_out: str = "last",
        W_ph: str = "uniform",
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        integer("outputs", outputs, minimum=1)
        self.read_out = choice("read_out", read_out, READ_OUTS)
        if read_out == "number" and outputs != 1:
            raise ValueError(f"outputs must be 1 where a number is read out, got {outputs}")
        self.core = core
        width = core.hidden_size * core.directions
        self.W_ph = nn.Parameter(torch.zeros(outputs, width))
        self.b_p = nn.Parameter(torch.zeros(outputs))
        initialise_(self.W_ph, W_ph, hidden_size=core.hidden_size, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hs, state = self.core(x)
        if self.read_out == "every":
            return self.read(hs)
        h = state[0] if isinstance(state, tuple) else state  # (L D, B, n)
        h_T = torch.cat([h[-2], h[-1]], dim=1) if self.core.bidirectional else h[-1]
        # p = W_ph h_T + b_p
        p = h_T @ self.W_ph.T + self.b_p
        return p[:, 0] if self.read_out == "number" else p

    def read(self, hs: torch.Tensor) -> torch.Tensor:
        """The read-out of a core's outputs ``hs (B, T, n)``, of one direction where it is the last.

        Shapes:
            as those of the network
        """
        # p_t = W_ph h_t + b_p
        p = (hs if self.read_out == "every" else hs[:, -1]) @ self.W_ph.T + self.b_p
        return p[:, 0] if self.read_out == "number" else p


class SequenceClassifier(SequenceModel):
    """A class after the last step, on any core: p = W_ph h_T + b_p are its logits.

    Args:
        core: any of the cells.
        num_classes: c, at least 2.
        W_ph: initialisation of the read-out; ``b_p`` starts at zero.

    Shapes:
        x ``(B, T, d)`` -> logits ``(B, c)``
    """

    def __init__(self, core: RecurrentCore, num_classes: int, **options):
        integer("num_classes", num_classes, minimum=2)
        super().__init__(core, num_classes, **options)
