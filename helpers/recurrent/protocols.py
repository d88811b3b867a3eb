"""The palindrome study as grids of runs: both reports' protocols, and what settles them.

Each function returns the configurations of one part; :data:`PARTS` names them in the order in which
the full study runs them.
"""

import math

from helpers.recurrent.experiments import PalindromeRun
from helpers.study import grid

H = 128

#: Report 000: Kaiming-normal on matrices stored (in, out), so that torch's fan_in is the rows here.
INIT_000 = {"W_x": "kaiming_out", "W_h": "kaiming_out", "W_ph": "kaiming_out"}
#: Report 001, RNN: W_hx with the hidden size, W_hh and W_ph with the number of classes.
INIT_001 = {
    "W_x": f"uniform:{1 / math.sqrt(H):.6f}",
    "W_h": f"uniform:{1 / math.sqrt(10):.6f}",
    "W_ph": f"uniform:{1 / math.sqrt(10):.6f}",
}
#: Report 001, LSTM: the gates with the hidden size.
INIT_001_LSTM = {**INIT_001, "W_h": f"uniform:{1 / math.sqrt(H):.6f}"}

A_LENGTHS = tuple(range(5, 22, 2))
B_LENGTHS = (5, 10, 20, 40, 80, 160)

#: The setting around which the LSTM's factors are varied one at a time.
BEST_LSTM = {"encoding": "one_hot", "lr": 3e-3, "W_x": "uniform", "W_h": "orthogonal"}


def protocol_a(seeds=range(10)) -> list[PalindromeRun]:
    """Report 000, figure 1: 3000 steps, 10 seeds at every length."""
    return grid(
        PalindromeRun, T=A_LENGTHS, model=["rnn", "lstm"], seed=seeds, steps=3000, **INIT_000
    )


def protocol_b(seeds=range(5)) -> list[PalindromeRun]:
    """Report 001, figures 2, 3, 6 and 7: 10,000 steps; the LSTM at its rate of 0.03."""
    rnn = grid(PalindromeRun, T=B_LENGTHS, model="rnn", seed=seeds, steps=10_000, **INIT_001)
    lstm = grid(
        PalindromeRun,
        T=B_LENGTHS,
        model="lstm",
        seed=seeds,
        steps=10_000,
        lr=0.03,
        **INIT_001_LSTM,
    )
    return rnn + lstm


def factorial(T: int, seeds=range(20), steps: int = 10_000) -> list[PalindromeRun]:
    """W_hh, W_hx and W_ph of the RNN, each as in report 000 or as in report 001."""
    return grid(
        PalindromeRun,
        model="rnn",
        T=T,
        seed=seeds,
        steps=steps,
        **{name: [INIT_000[name], INIT_001[name]] for name in ("W_h", "W_x", "W_ph")},
    )
