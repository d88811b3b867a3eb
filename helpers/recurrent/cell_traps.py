"""Mistakes that are easy to make about the LSTM, each beside the number that tells it apart."""

import torch

from helpers.recurrent.bptt import relative_error
from helpers.recurrent.cells import LSTM
from helpers.recurrent.cells.slot_bias import SlotBiasLSTM
from helpers.recurrent.gradient_flow import jacobian_singular_values


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


def lstm_rows(with_read_out: int, without_read_out_bias: int, torch_count: int) -> list[tuple]:
    """The traps of notebook 03: (report, what it says, what is right, the number).

    Args:
        with_read_out, without_read_out_bias, torch_count: parameters counted in the notebook.
    """
    return [
        (
            "002",
            "the read-out has n c parameters",
            "n c + c",
            f"{without_read_out_bias:,} against {with_read_out:,}",
        ),
        (
            "library",
            "`torch.nn.LSTM` has the textbook's parameters",
            "it has two bias vectors a gate",
            f"{torch_count:,} for the cell alone",
        ),
        (
            "000",
            "the cell state is normalised to [−1, 1]",
            "g_t is; c_t is a sum without bound",
            f"i = f = g = 1: c = {unbounded_cell(100)[-1]:.0f} after 100 steps",
        ),
        (
            "002",
            "tanh keeps gradients within ±1",
            "it bounds values; gradients multiply",
            f"‖∂h_T/∂h_t‖ of a tanh network reaches {largest_state_jacobian():.0e}",
        ),
        (
            "001",
            "four gates with a sigmoid",
            "three sigmoid gates and a tanh candidate",
            f"with a sigmoid candidate c rises on {sigmoid_candidate_rises():.0%} of steps",
        ),
        (
            "004",
            "the output gate generates the candidate",
            "g_t does; o_t scales tanh(c_t)",
            f"with o = 0 the cell still takes in {candidate_without_output_gate():.2f}",
        ),
        (
            "001, code",
            "a bias of shape (n,) added to (n, B)",
            "one bias a unit, the same for all samples",
            f"copies of one sample differ by {slot_bias_ties_samples():.2f}; runs only for B = n",
        ),
    ]


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
