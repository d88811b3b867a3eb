"""One LSTM unit whose weights are set by hand, so that each gate's part can be seen by eye.

At each step it reads three numbers: a value, a flag "store" and a flag "show". It has to keep the
value that was stored last, through all values that are not to be stored, and to tell it when asked
and only then::

    g_t = tanh(value)    i_t = sigmoid(20 store - 10)    f_t = sigmoid(10 - 20 store)
                         o_t = sigmoid(20 show - 10)

Nothing is read from h_{t-1}. A gate that is not in use is held at 1.
"""

import torch

from helpers.recurrent.cells.held import HeldLSTM

#: Name of a memory -> the gates that it has; each has one more than the one before.
STAGES = {
    "additive memory": "",
    "with an input gate": "i",
    "and a forget gate": "if",
    "and an output gate": "ifo",
}
#: A flag of 1 takes a gate from sigmoid(-10) to sigmoid(10).
_STEEP = 20.0


def note_taker(gates: str) -> HeldLSTM:
    """The unit with these gates in use, in float64: d = 3 inputs, n = 1."""
    held = "".join(gate for gate in "ifo" if gate not in gates)
    core = HeldLSTM(3, 1, forget_bias=0.0, open_gates=held).double()
    reads = {
        "i": (1, 1.0),
        "f": (1, -1.0),
        "o": (2, 1.0),
    }  # gate -> the flag it reads, and its sign
    with torch.no_grad():
        w = core.weights()
        for gate in gates:
            flag, sign = reads[gate]
            W_kx, b_k = getattr(w, f"W_{gate}x"), getattr(w, f"b_{gate}")
            W_kx.zero_()
            W_kx[0, flag] = sign * _STEEP
            b_k.fill_(-sign * _STEEP / 2)
            getattr(w, f"W_{gate}h").zero_()
        w.W_gx.copy_(torch.tensor([[1.0, 0.0, 0.0]]))
        w.W_gh.zero_()
    return core


def stream(T: int = 16, seed: int = 0) -> torch.Tensor:
    """Random values, with a few to store and a few moments to show what is stored: ``(1, T, 3)``.

    Every fourth value is stored, and what is stored is shown two steps later.
    """
    values = torch.randn(T, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    store, show = torch.zeros(2, T, dtype=torch.float64)
    store[1::4], show[3::4] = 1.0, 1.0
    return torch.stack([values, store, show], dim=1)[None]


def wanted(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What memory and output should be: the last stored tanh(value), and that only when asked.

    Shapes:
        x ``(1, T, 3)`` -> c ``(T,)``, h ``(T,)``
    """
    kept, cs = x.new_zeros(()), []
    for value, store, _ in x[0]:
        kept = torch.tanh(value) if store else kept
        cs.append(kept)
    c = torch.stack(cs)
    return c, torch.tanh(c) * x[0, :, 2]


@torch.no_grad()
def states(core: HeldLSTM, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cell and output of the unit at every step: ``(T,)`` and ``(T,)``."""
    h = c = x.new_zeros(1, 1)
    cs, hs = [], []
    for x_t in x.unbind(1):
        h, c = core.step(x_t, (h, c), core.weights())
        cs.append(c[0, 0])
        hs.append(h[0, 0])
    return torch.stack(cs), torch.stack(hs)
