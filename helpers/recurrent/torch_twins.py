"""torch's own modules with our weights: what the equations are compared with."""

import torch

from helpers.recurrent.cells import GRU, LSTM, VanillaRNN
from helpers.recurrent.core import RecurrentCore

_TWINS = {VanillaRNN: torch.nn.RNN, LSTM: torch.nn.LSTM, GRU: torch.nn.GRU}


@torch.no_grad()
def torch_twin(core: RecurrentCore) -> torch.nn.Module:
    """The ``torch.nn`` module of one layer that computes what ``core`` does.

    torch has two biases where we have one: its first is ours, its second is 0, but for the GRU's
    candidate, whose second bias is ``b_gh``.

    Raises:
        ValueError: torch has no such cell, or more than one layer or direction.
    """
    if type(core) not in _TWINS or core.num_layers != 1 or core.bidirectional:
        raise ValueError(f"torch has no twin of one layer for {core!r}")
    twin = _TWINS[type(core)](core.input_size, core.hidden_size, batch_first=True)
    twin = twin.to(next(core.parameters()).dtype)
    W_x, W_h, b = core.stacked()
    for name, value in (("weight_ih", W_x), ("weight_hh", W_h), ("bias_ih", b)):
        getattr(twin, name + "_l0").copy_(value)
    twin.bias_hh_l0.zero_()
    if isinstance(core, GRU):
        twin.bias_hh_l0[-core.hidden_size :] = core.weights().b_gh
    return twin
