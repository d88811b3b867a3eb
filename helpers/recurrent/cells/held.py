"""The LSTM with gates held fixed: what a gate is worth is seen where it is missing."""

from typing import ClassVar

import torch

from helpers.recurrent.cells.lstm import LSTM

#: Before a sigmoid or a tanh this gives the last value to the last digit, and a slope of zero.
_SATURATED = 100.0


@torch.no_grad()
def hold_gate_(core: LSTM, gate: str, value: float | torch.Tensor) -> None:
    """Hold a gate of a one-layer LSTM at ``value``, in place, whatever the cell reads.

    The gate's two matrices become 0, and its bias what the squashing turns into ``value``: the
    logit ln(v / (1 - v)) for a gate, artanh(v) for the candidate. At 0 and 1 the sigmoid is
    saturated, its slope is 0, and no training moves it.

    Args:
        gate: "i", "f", "o", or "g" for the candidate.
        value: a number, or one a unit ``(n,)``; 0 to 1, for "g" -1 to 1.

    Raises:
        ValueError: an unknown gate, or a value that it cannot take.
    """
    if gate not in core.gates:
        raise ValueError(f"gate must be one of {', '.join(core.gates)}, got {gate!r}")
    w = core.weights()
    bias = getattr(w, f"b_{gate}")
    value = torch.as_tensor(value, dtype=bias.dtype).expand_as(bias)
    lowest = -1.0 if gate == "g" else 0.0
    if not ((value >= lowest) & (value <= 1)).all():
        raise ValueError(f"gate {gate!r} takes values from {lowest:.0f} to 1, got {value.tolist()}")
    before = torch.atanh(value) if gate == "g" else torch.logit(value)
    getattr(w, f"W_{gate}x").zero_()
    getattr(w, f"W_{gate}h").zero_()
    bias.copy_(before.clamp(-_SATURATED, _SATURATED))


class HeldLSTM(LSTM):
    """An LSTM of one layer some of whose gates are open, or shut, for good.

    With i, f and o open it is an additive memory: c_t = c_{t-1} + g_t, h_t = tanh(c_t). The
    parameters of a gate that is held exist and are never changed by training.

    Args:
        open_gates, shut_gates: letters among "ifo": gates held at 1, and at 0.
        options: those of :class:`LSTM`, for the gates that are left.

    Raises:
        ValueError: another letter, or more than one layer or direction.
    """

    name = "lstm_held"
    label = "LSTM, gates held"
    options: ClassVar = {**LSTM.options, "open_gates": "", "shut_gates": ""}

    def __init__(self, *sizes, open_gates: str = "", shut_gates: str = "", **options):
        super().__init__(*sizes, **options)
        if self.num_layers != 1 or self.directions != 1:
            raise ValueError("gates are held in one layer and one direction")
        for gates, value in ((open_gates, 1.0), (shut_gates, 0.0)):
            for gate in gates:
                if gate not in "ifo":
                    raise ValueError(f"gates that can be held are i, f and o, got {gates!r}")
                hold_gate_(self, gate, value)
