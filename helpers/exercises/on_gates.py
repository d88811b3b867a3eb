"""Checks of workbook 03: a step of the LSTM, a step of the GRU, how long a gate remembers.

What is right comes from the cells of :mod:`helpers.recurrent`, which equal torch's.
"""

import math
from types import SimpleNamespace

import torch

from helpers.exercises.answers import Case, check, slope
from helpers.exercises.predictions import predicted
from helpers.palindromes import gate_lesions
from helpers.palindromes.trained_networks import TRAINED, load_network
from helpers.palindromes.widgets import opened_cell_explorer
from helpers.recurrent import GRU, LSTM
from helpers.runtime import generator

NO_CELLS = ("LSTMCell", "LSTM", "lstm_cell", "GRUCell", "GRU", "gru_cell")

_LSTM = {
    "gates lie between 0 and 1: i, f, o have a sigmoid, only the candidate has a tanh.": {
        "gate": torch.tanh
    },
    "the candidate may be negative: it has a tanh, only the gates have a sigmoid.": {
        "candidate": torch.sigmoid
    },
    "input and forget gate are exchanged: f scales the old cell, i the candidate.": {"swapped": 1},
    "the cell is shown through a tanh: h_t = tanh(c_t) ⊙ o_t.": {"shown": "bare"},
    "off by one in t: h_t shows the new cell, c_t.": {"shown": "old"},
    "the state goes through W_kh h; with a batch in rows that is h @ W_kh.T. The transpose is "
    "missing.": {"transpose": False},
    "the biases are missing.": {"bias": 0},
    "the old cell is missing in c_t = g ⊙ i + c_{t-1} ⊙ f.": {"keep": 0},
    "the two are returned the other way round: (h, c) is asked for.": {"order": "c, h"},
}
_GRU = {
    "the update gate is exchanged: z_t keeps the old state, 1 − z_t takes the candidate.": {
        "exchanged": True
    },
    "the reset gate acts after the product: r ⊙ (W_gh h + b_gh). You scale h before it, as Cho et "
    "al. do.": {"reset": "first"},
    "the reset gate is missing in the candidate.": {"reset": "none"},
    "b_gh stands inside the bracket, so that r scales it too.": {"reset": "bias outside"},
    "the candidate may be negative: it has a tanh.": {"candidate": torch.sigmoid},
    "the state goes through W_kh h; with a batch in rows that is h @ W_kh.T. The transpose is "
    "missing.": {"transpose": False},
    "reset and update gate are exchanged.": {"swapped": True},
}


def lstm_step(function, seed: int = 0) -> None:
    """``(x, h, c, W_x, W_h, b) -> (h, c)``; the weights are dictionaries by letter."""
    cases = []
    for B, d, n in ((3, 2, 4), (1, 3, 3), (2, 1, 1)):
        x, h, c, W_x, W_h, b = arguments = _drawn("gifo", B, d, n, seed, states=2)
        right = LSTM.step(None, x, (h, c), _named(W_x, W_h, b))
        mistakes = {k: _lstm_mistaken(*arguments, **m) for k, m in _LSTM.items()}
        cases.append(Case(arguments, tuple(right), mistakes))
    check(function, cases, name="lstm_step", parts=("h", "c"), without=NO_CELLS)


def _lstm_mistaken(
    x,
    h,
    c,
    W_x,
    W_h,
    b,
    gate=torch.sigmoid,
    candidate=torch.tanh,
    swapped=0,
    shown="tanh",
    transpose=True,
    bias=1,
    keep=1,
    order="h, c",
):
    a = {r: x @ W_x[r].T + h @ (W_h[r].T if transpose else W_h[r]) + bias * b[r] for r in "gifo"}
    g, i, f, o = candidate(a["g"]), gate(a["i"]), gate(a["f"]), gate(a["o"])
    if swapped:
        i, f = f, i
    new = g * i + keep * c * f
    h = o * {"tanh": new.tanh(), "bare": new, "old": c.tanh()}[shown]
    return (h, new) if order == "h, c" else (new, h)


def gru_step(function, seed: int = 0) -> None:
    """``(x, h, W_x, W_h, b, b_gh) -> h``, in the form of torch and cuDNN."""
    cases = []
    for B, d, n in ((3, 2, 4), (1, 3, 3), (2, 1, 2)):
        x, h, W_x, W_h, b = _drawn("rzg", B, d, n, seed)
        b_gh = torch.randn(n, generator=generator("b_gh", n, seed), dtype=torch.float64)
        arguments = (x, h, W_x, W_h, b, b_gh)
        right = GRU.step(None, x, h, _named(W_x, W_h, b, b_gh=b_gh))
        mistakes = {k: _gru_mistaken(*arguments, **m) for k, m in _GRU.items()}
        cases.append(Case(arguments, right, mistakes))
    check(function, cases, name="gru_step", without=NO_CELLS)


def _gru_mistaken(
    x,
    h,
    W_x,
    W_h,
    b,
    b_gh,
    exchanged=False,
    reset="after",
    candidate=torch.tanh,
    transpose=True,
    swapped=False,
):
    W = {r: W_h[r].T if transpose else W_h[r] for r in "rzg"}
    r, z = (torch.sigmoid(x @ W_x[q].T + h @ W[q] + b[q]) for q in "rz")
    if swapped:
        r, z = z, r
    inner = {
        "after": r * (h @ W["g"] + b_gh),
        "first": (r * h) @ W["g"] + b_gh,
        "none": h @ W["g"] + b_gh,
        "bias outside": r * (h @ W["g"]) + b_gh,
    }[reset]
    g = candidate(x @ W_x["g"].T + b["g"] + inner)
    return z * g + (1 - z) * h if exchanged else (1 - z) * g + z * h


def _drawn(letters: str, B: int, d: int, n: int, seed: int, states: int = 1) -> tuple:
    source = generator("cell", letters, B, d, n, seed)

    def draw(*shape):
        return torch.randn(*shape, generator=source, dtype=torch.float64)

    before = [draw(B, n) for _ in range(states)]
    weights = [{r: draw(*shape) for r in letters} for shape in ((n, d), (n, n), (n,))]
    return draw(B, d), *before, *weights


def _named(W_x: dict, W_h: dict, b: dict, **others) -> SimpleNamespace:
    named = {f"W_{r}x": W for r, W in W_x.items()} | {f"W_{r}h": W for r, W in W_h.items()}
    return SimpleNamespace(**named, **{f"b_{r}": q for r, q in b.items()}, **others)


def remembering(left, half_life, sensitivity, forget_bias, seed: int = 0) -> None:
    """The four blanks about a forget gate of constant bias, each against a run or a slope."""
    b = 1 + 2 * torch.rand(1, generator=generator("remember", seed), dtype=torch.float64)[0]
    k = 7

    def kept(bias):
        c = torch.ones_like(bias)
        for _ in range(k):
            c = c * torch.sigmoid(bias)
        return c

    f = torch.sigmoid(b)
    mistakes = {
        "the gate is a sigmoid of its bias: sigmoid(b), not b.": b**k,
        "each step multiplies by the gate: a power, not a multiple.": k * f,
        "1 − f is what each step forgets; f is what it keeps.": (1 - f) ** k,
    }
    check(left, [Case((b, k), kept(b), mistakes)], name="left")
    steps = math.log(0.5) / math.log(f.item())
    mistakes = {
        "a logarithm is missing: f^k = 1/2, solved for k.": 0.5 / f,
        "upside down: log(1/2) / log f.": 1 / steps,
        "half is left, not one part in e: log(1/2) stands on top.": -1 / math.log(f.item()),
        "the sign: both logarithms are negative.": -steps,
    }
    check(half_life, [Case((f.item(),), steps, mistakes)], name="half_life")
    right = slope(kept, b)
    mistakes = {
        "the slope of the sigmoid, f (1 − f), is missing: f depends on b.": k * f ** (k - 1),
        "the power rule gives a factor k.": f**k * (1 - f),
        "one of the k factors is differentiated: f^(k−1) f (1 − f), so f^k (1 − f).": k
        * f ** (k + 1)
        * (1 - f),
        "the slope of the sigmoid has a second factor, 1 − f.": k * f**k,
    }
    check(sensitivity, [Case((f, k), right, mistakes)], name="sensitivity", within=1e-5)
    T = 50
    mistakes = {
        "that is the gate; asked for is its bias, the inverse of the sigmoid.": 1 - 1 / T,
        "sigmoid(b) = 1 − 1/T leads to b = log(T − 1), not log T.": math.log(T),
        "the sign: a gate near 1 has a positive bias.": -math.log(T - 1),
    }
    check(forget_bias, [Case((T,), math.log(T - 1), mistakes)], name="forget_bias")


def held_open(prediction) -> float:
    """Predict the share of palindromes right when the forget gate is held at 1."""
    name = "palindrome_lstm_T19"
    network, run = load_network(name), TRAINED[name]

    def measure() -> float:
        return 100 * gate_lesions.share_right(
            gate_lesions.held(network, "f", 1.0), run.T, run.encoding
        )

    def show() -> None:
        opened_cell_explorer(network, run.T, run.encoding, "31415926533562951413")

    return predicted("held open", prediction, measure, show=show, minimum=0, maximum=100)
