"""Mistakes that are easy to make about the LSTM, each beside the number that tells it apart."""

import torch

from helpers.notebook import Trap
from helpers.recurrent.bptt import relative_error
from helpers.recurrent.cells import GRU, LSTM
from helpers.recurrent.cells.slot_bias import SlotBiasLSTM
from helpers.recurrent.gradient_flow import jacobian_singular_values
from helpers.recurrent.note_taker import note_taker


def unbounded_cell(steps: int) -> list[float]:
    """Report 000 takes the cell state for bounded. c_t with all of i, f and g at 1."""
    c, states = 0.0, []
    for _ in range(steps):
        c = 1.0 * 1.0 + c * 1.0  # c_t = g i + c_{t-1} f
        states.append(c)
    return states


def slot_bias_ties_samples(n: int = 8) -> float:
    """Report 001's code: a bias a place in the batch. How much a sample's state then depends on its
    place: the largest relative difference of h_T between two copies of one sample.
    """
    g = torch.Generator().manual_seed(0)
    core = SlotBiasLSTM(1, n, slots=n, generator=g)
    with torch.no_grad():
        core.b_l0.normal_(std=1.0, generator=g)
        h = core(torch.ones(n, 5, 1))[0][:, -1]
    return max(relative_error(h[0], h[k]) for k in range(1, n))


def lstm_rows(with_read_out: int, without_read_out_bias: int, torch_count: int) -> list[Trap]:
    """The traps of notebook 03.

    Args:
        with_read_out, without_read_out_bias, torch_count: parameters counted in the notebook.
    """
    kept_open, kept_shut = (torch.sigmoid(torch.tensor(b)).item() for b in (5.0, -5.0))
    return [
        Trap(
            "A forget gate of 1 forgets.",
            "often seen; the name invites it. Report 001 has it right: “a 1 means that the forget "
            "gate wants to remember”",
            "$f_t$ is the share that is **kept**; a large bias $b_f$ means a long memory.",
            f"a bias of 5 keeps {kept_open:.3f} of the state a step, one of −5 {kept_shut:.3f}",
        ),
        Trap(
            "An LSTM remembers as it is, whatever its biases.",
            "often seen: biases left at zero",
            "Forget gates begin near $\\sigma(b_f)$; at $b_f = 0$ a step halves the state, (20).",
            f"after 20 steps {0.5**20:.0e} of a note is left",
        ),
        Trap(
            "Write first, then scale: $f_t \\odot (c_{t-1} + i_t \\odot g_t)$.",
            "often seen in code from memory",
            "The gate that makes room then throws away the new note too. Forget, then learn, (9).",
            f"a note of 1, written while the old one is cleared: {learn_then_forget():.0e} is left",
        ),
        Trap(
            "The tanh keeps the cell state between −1 and 1.",
            "report 000, loosely, of the candidate's tanh: “We want our state values normalized”",
            "It bounds what is written at one step, $g_t$. The state is a sum of writes, (10), and "
            "bounded only by forgetting, (12), or by $i = 1 - f$, (26).",
            f"$i = f = g = 1$: $c = {unbounded_cell(100)[-1]:.0f}$ after 100 steps",
        ),
        Trap(
            "The tanh keeps gradients between −1 and 1.",
            "report 002: “to ensure that gradients remain stable by not exceeding 1 / -1”",
            "Its slope is at most 1, so it never enlarges one factor. The gradient is a product of "
            "slopes **and matrices**, (1), and can grow.",
            f"$\\lVert\\partial h_T/\\partial h_t\\rVert$ of a tanh network reaches "
            f"{largest_state_jacobian():.0e}",
        ),
        Trap(
            "Four gates, each with a sigmoid.",
            "report 001, a loose sentence: gates are “composed out of a sigmoid neural net layer … "
            "An LSTM has four of these gates”. Further down it gives the fourth its tanh",
            "Three gates and a candidate. Calling $g_t$ the input modulation gate is a convention "
            "(the assignment's); it is what is gated.",
            f"with $g = \\sigma(a)$ and $f = 1$ the state rises on "
            f"{sigmoid_candidate_rises():.0%} of random steps",
        ),
        Trap(
            "The output gate makes the candidate.",
            "report 004: “The output gate generates candidate with tanh”",
            "$g_t$ is made from $x_t$ and $h_{t-1}$ and enters by way of $i_t$; $o_t$ scales "
            "$\\tanh(c_t)$ afterwards.",
            f"with $o = 0$ the cell still takes in {candidate_without_output_gate():.2f}",
        ),
        Trap(
            "A read-out onto $K$ classes has $nK$ parameters.",
            "report 002: “+ ($N_{hidden}$ * $N_{output}$)”",
            "A projection with a bias has $nK + K$, (30).",
            f"{without_read_out_bias:,} against {with_read_out:,}",
        ),
        Trap(
            "`torch.nn.LSTM` has the textbook's parameters.",
            "often seen",
            "It has two bias vectors a gate, (31), of which only the sum matters.",
            f"{torch_count:,} for the cell alone",
        ),
        Trap(
            "A GRU's weights can be carried from one library to another.",
            "often seen: one resets before the product, the other after it",
            "Two functions, equal only where all reset gates are one number, (35).",
            f"same weights, 20 steps: the states differ by {reset_place_matters():.0%}",
        ),
        Trap(
            "A bias of shape $(n)$ can be added to a matrix of shape $(n, B)$, samples as columns.",
            "report 001's published program, not its text",
            "It broadcasts along the samples: one bias a place in the batch, the same for all "
            "units. It runs only where the batch size happens to be $n$.",
            f"two copies of one sample in one batch differ by {slot_bias_ties_samples():.2f}",
        ),
    ]


@torch.no_grad()
def reset_place_matters(n: int = 32, steps: int = 20) -> float:
    """Relative difference of a GRU's state with the reset gate before and after the product."""
    g = torch.Generator().manual_seed(0)
    core = GRU(1, n, W_x="normal:1", W_h="orthogonal:2", generator=g).double()
    w = core.weights()
    before = after = torch.zeros(1, n, dtype=torch.float64)
    for x_t in torch.randn(steps, 1, 1, generator=g, dtype=torch.float64):
        before, after = core.step_reset_first(x_t, before, w), core.step(x_t, after, w)
    return relative_error(before, after)


def learn_then_forget() -> float:
    """What is left of a new note of 1 where it is added before the gate clears the old one."""
    core = note_taker("if")
    w = core.weights()
    stored = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)  # value, store, show
    i, f = (torch.sigmoid(W @ stored + b).item() for W, b in ((w.W_ix, w.b_i), (w.W_fx, w.b_f)))
    old, new = 0.0, 1.0
    return f * (old + i * new)


def largest_state_jacobian() -> float:
    """||dh_T/dh_t|| of a tanh RNN of spectral radius 3, small inputs, the largest of 50 steps."""
    values, _ = jacobian_singular_values(3.0, T=50, input_scale=0.05)
    return values[:, 0].max().item()


def sigmoid_candidate_rises(steps: int = 1000) -> float:
    """Share of steps on which c_t does not fall if f = 1 and g = sigmoid(a) with random a."""
    a = torch.randn(steps, generator=torch.Generator().manual_seed(0))
    i = 0.5
    c = torch.cumsum(i * torch.sigmoid(a), dim=0)
    return (c.diff() > 0).double().mean().item()


def candidate_without_output_gate() -> float:
    """|c_1| of an LSTM whose output gate is shut: the candidate does not pass through it."""
    core = LSTM(1, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        core.weights().b_o.fill_(-50.0)
        core.weights().b_g.fill_(1.0)
        h, (_, c) = core(torch.ones(1, 1, 1))
    assert h.abs().max() < 1e-12
    return c.abs().mean().item()
