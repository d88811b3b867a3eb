"""How far back a cell's state reaches: its derivatives along time, and what a forget gate keeps."""

import torch

from helpers.checks import integer
from helpers.recurrent.cells.held import HeldLSTM
from helpers.recurrent.cells.lstm import LSTM
from helpers.recurrent.cells.rnn import VanillaRNN
from helpers.recurrent.gradient_flow import state_jacobians, step_jacobians


def state_of(c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The state (h, c) of a memory that holds ``c (n,)`` and shows it whole: h = tanh(c).

    Shapes:
        two times ``(1, 1, n)``, as :class:`.cells.LSTM` takes them
    """
    return torch.tanh(c)[None, None], c[None, None]


@torch.no_grad()
def additive_jacobians(core: HeldLSTM, x: torch.Tensor) -> torch.Tensor:
    """dc_t/dc_{t-1} = I + G_t W_gh D_{t-1} of an additive memory, for t = 1 … T along one sample.

    c_t = c_{t-1} + g_t and h_t = tanh(c_t), all gates at 1; G_t = diag(1 - g_t^2) and
    D_t = diag(1 - h_t^2) are the slopes of the two tanh.

    Shapes:
        x ``(T, d)`` -> ``(T, n, n)``
    """
    w = core.weights()
    c = x.new_zeros(core.hidden_size)
    identity, jacobians = torch.eye(len(c), dtype=x.dtype), []
    for x_t in x:
        h = torch.tanh(c)
        g = torch.tanh(w.W_gx @ x_t + w.W_gh @ h + w.b_g)
        jacobians.append(identity + (1 - g**2)[:, None] * w.W_gh * (1 - h**2))
        c = c + g
    return torch.stack(jacobians)


def norms_over_distance(n: int = 32, T: int = 60, seed: int = 0) -> dict[str, torch.Tensor]:
    """Spectral norm of d(state at T)/d(state k steps before), k = 0 … T, of untrained memories.

    All with weights U(±1/sqrt(n)) and inputs of standard deviation 1. An RNN's state is h, an
    additive memory's is c; once its candidate reads the input alone, once it reads h_{t-1} too.

    Raises:
        ValueError: no unit or step, or so many that it would take minutes.
    """
    integer("n", n, minimum=1, maximum=256)
    integer("T", T, minimum=1, maximum=500)
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(T, 1, generator=g, dtype=torch.float64)
    rnn = VanillaRNN(1, n, generator=g).double()
    alone = HeldLSTM(1, n, open_gates="ifo", generator=g).double()
    both = HeldLSTM(1, n, open_gates="ifo", generator=g).double()
    with torch.no_grad():
        alone.weights().W_gh.zero_()
    steps = {
        "RNN": step_jacobians(rnn, x),
        "additive, g reads x": additive_jacobians(alone, x),
        "additive, g reads x and h": additive_jacobians(both, x),
    }
    return {
        name: torch.linalg.matrix_norm(state_jacobians(J.detach()), 2) for name, J in steps.items()
    }


@torch.no_grad()
def kept_along_the_cell(core: LSTM, x: torch.Tensor) -> torch.Tensor:
    """How much of c_1 is left in c_{1+k} along the cell's own path: prod of f, mean over units.

    The forget gates are those of the network while it reads; mean over the batch too.

    Shapes:
        x ``(B, T, d)`` -> ``(T,)``, entry k for k steps, 1 at k = 0
    """
    w = core.weights()
    h = c = x.new_zeros(x.shape[0], core.hidden_size)
    kept, product = [1.0], torch.ones_like(c)
    for t, x_t in enumerate(x.unbind(1)):
        if t:
            f = torch.sigmoid(x_t @ w.W_fx.T + h @ w.W_fh.T + w.b_f)
            product = product * f
            kept.append(product.mean().item())
        h, c = core.step(x_t, (h, c), w)
    return torch.tensor(kept, dtype=x.dtype)


def contributions(g: torch.Tensor, i: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
    """What each step has left in the last cell state: (prod_{j>t} f_j) i_t g_t; they sum to c_T.

    Shapes:
        three times ``(T, n)`` -> ``(T, n)``
    """
    later = torch.ones_like(f)
    for t in range(len(f) - 2, -1, -1):
        later[t] = later[t + 1] * f[t + 1]
    return later * i * g
