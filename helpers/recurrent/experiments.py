"""One palindrome run: a configuration and a seed in, a record and curves out.

Data flow::

    PalindromeRun -> generator(seed, "weights") -> model
                  -> generator(seed, "data")    -> stream of training palindromes
    model + stream -> fit -> curves -> record (solved? when? collapsed?)
    model + held-out palindromes -> held-out accuracy

Runs with one seed see the same training palindromes whatever their model, so that two settings can
be compared seed by seed.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from helpers.checks import choice, integer, number
from helpers.recurrent import palindromes
from helpers.recurrent.cells import GRU, LSTM, PeepholeLSTM, SequenceClassifier, VanillaRNN
from helpers.recurrent.initialisation import parse, spectral_radius
from helpers.recurrent.training import SOLVED_ACCURACY, Curves, evaluate, fit
from helpers.recurrent.variants import SlotBiasLSTM
from helpers.runtime import generator

#: Bumped by hand whenever a change alters what a run computes. A test pins the first five losses.
EXPERIMENT_VERSION = 1

MODELS = {
    "rnn": VanillaRNN,
    "lstm": LSTM,
    "gru": GRU,
    "peephole": PeepholeLSTM,
    "lstm_slot_bias": SlotBiasLSTM,
}
#: Initialisation of the live runs in the notebooks: report 000's, which solves short lengths fast.
LIVE = {"W_x": "kaiming_out", "W_h": "kaiming_out", "W_ph": "kaiming_out"}
#: A solved run has collapsed if its last steps are below the accuracy that counts as solved.
FINAL_WINDOW = 100


@dataclass(frozen=True)
class PalindromeRun:
    """Everything that decides a run. The defaults are what both reports have in common.

    Attributes:
        model: a name in :data:`MODELS`.
        T: digits fed in; the target is the digit after them.
        seed: of the weights and of the data.
        steps: training steps.
        encoding: "raw", "centred" or "one_hot".
        lr: learning rate of RMSprop, or of ``optimizer``.
        W_x, W_h, W_ph: initialisations of input, recurrent and read-out weights.
        forget_bias: initial b_f of the LSTMs.
        chrono: chrono biases for this many steps in place of ``forget_bias``.
        bf16: train under bfloat16 autocast.
        stop_after_perfect: the early-stopping rule of :func:`.training.fit`.
    """

    model: str
    T: int
    seed: int
    steps: int
    hidden_size: int = 128
    batch_size: int = 128
    encoding: str = "raw"
    optimizer: str = "rmsprop"
    lr: float = 1e-3
    clip_norm: float = 10.0
    W_x: str = "uniform"
    W_h: str = "uniform"
    W_ph: str = "uniform"
    forget_bias: float = 0.0
    chrono: float | None = None
    bf16: bool = False
    stop_after_perfect: int | None = None

    def __post_init__(self):
        choice("model", self.model, tuple(MODELS))
        choice("encoding", self.encoding, palindromes.ENCODINGS)
        for name in ("T", "steps", "hidden_size", "batch_size"):
            integer(name, getattr(self, name), minimum=1)
        integer("seed", self.seed, minimum=0)
        for name in ("lr", "clip_norm", "forget_bias"):
            number(name, getattr(self, name))
        for name in ("W_x", "W_h", "W_ph"):
            parse(getattr(self, name))


def build(run: PalindromeRun) -> SequenceClassifier:
    """The model of a run, with its initial weights."""
    stream = generator(run.seed, "weights")
    d, n = palindromes.input_size(run.encoding), run.hidden_size
    if run.model == "rnn":
        core = VanillaRNN(d, n, W_hx=run.W_x, W_hh=run.W_h, generator=stream)
    elif run.model == "gru":
        core = GRU(d, n, W_x=run.W_x, W_h=run.W_h, generator=stream)
    else:
        options = {"forget_bias": run.forget_bias, "chrono": run.chrono, "generator": stream}
        if run.model == "lstm_slot_bias":
            options["slots"] = run.batch_size
        core = MODELS[run.model](d, n, W_x=run.W_x, W_h=run.W_h, **options)
    return SequenceClassifier(core, palindromes.DIGITS, W_ph=run.W_ph, generator=stream)


def training_batches(run: PalindromeRun):
    """The stream of palindromes that a run is trained on."""
    data = generator(run.seed, "data")
    return palindromes.training_stream(run.T, run.batch_size, data, run.encoding)


def settings(run: PalindromeRun) -> dict:
    """The part of a run's configuration that :func:`.training.fit` takes."""
    names = ("steps", "lr", "optimizer", "clip_norm", "bf16", "stop_after_perfect")
    return {name: getattr(run, name) for name in names}


def train_palindromes(run: PalindromeRun) -> tuple[dict, dict]:
    """Train and measure one run: the experiment that a study calls.

    Returns:
        record: see :func:`summarise`, with measurements at initialisation and held out.
        curves: "loss" and "accuracy" of the training stream, a value a step.
    """
    _, record, curves = train_model(run)
    return record, curves


def train_model(
    run: PalindromeRun, on_step=None, should_stop=None
) -> tuple[SequenceClassifier, dict, dict]:
    """As :func:`train_palindromes`, with the trained model in front.

    Args:
        on_step, should_stop: passed on to :func:`.training.fit`.
    """
    model = build(run)
    record = at_initialisation(model, run)
    batches = training_batches(run)
    curves = fit(model, batches, on_step=on_step, should_stop=should_stop, **settings(run))
    record |= summarise(curves)
    held_out = palindromes.held_out_set(run.T)
    if run.model == "lstm_slot_bias":  # it can only read batches of the size it was made for
        held_out = held_out[: len(held_out) // run.batch_size * run.batch_size]
    x, y = palindromes.split_target(held_out, run.encoding)
    batch = run.batch_size if run.model == "lstm_slot_bias" else 1000
    loss, accuracy = evaluate(model, x, y, batch) if len(y) else (math.nan, math.nan)
    record |= {"held_out_loss": _finite(loss), "held_out_accuracy": _finite(accuracy)}
    record["held_out_n"] = len(y)
    return model, record, {"loss": curves.loss, "accuracy": curves.accuracy}


def summarise(curves: Curves) -> dict:
    """What a run's training stream says.

    ``solved``: some 50-step mean of the accuracy reached 0.99, within the steps, without the loss
    ever turning NaN; ``solved_step``: when first. ``final_accuracy``: mean of the last 100 steps;
    ``collapsed``: solved once, and below 0.99 in the end.
    """
    solved_step = None if curves.diverged else curves.solved_step()
    final = float(curves.accuracy[-FINAL_WINDOW:].mean())
    return {
        "steps_run": curves.steps,
        "diverged": curves.diverged,
        "solved": solved_step is not None,
        "solved_step": solved_step,
        "final_accuracy": final,
        "collapsed": solved_step is not None and final < SOLVED_ACCURACY,
    }


def at_initialisation(model: SequenceClassifier, run: PalindromeRun) -> dict:
    """What might decide a run before its first step.

    ``sensitivity``: mean norm of the change of h_T when the first digit changes, the rest kept.
    ``log10_gradient_ratio``: log10 of ||dL/dh_1|| / ||dL/dh_T||, the loss over one batch.
    ``spectral_radius`` and ``sigma_max`` of the RNN's W_hh.
    """
    stream = generator(run.seed, "initialisation")
    half = palindromes.draw_half_strings(run.batch_size, run.T, stream)
    digits = palindromes.mirror(half, run.T)
    record = {
        "sensitivity": first_digit_sensitivity(model.core, digits[:, :-1], run.encoding),
        "log10_gradient_ratio": log10_gradient_ratio(model, digits, run.encoding),
        "spectral_radius": None,
        "sigma_max": None,
    }
    if run.model == "rnn":
        W_hh = model.core.weights().W_hh
        record["spectral_radius"] = spectral_radius(W_hh)
        record["sigma_max"] = torch.linalg.matrix_norm(W_hh.detach(), 2).item()
    return record


@torch.no_grad()
def first_digit_sensitivity(core, digits: torch.Tensor, encoding: str) -> float:
    """Mean ||h_T(x) - h_T(x')|| where x' has another first digit, over ``digits (B, T)``."""
    changed = digits.clone()
    changed[:, 0] = (changed[:, 0] + 1 + torch.arange(len(digits)) % 9) % palindromes.DIGITS
    h, h_changed = (
        core(palindromes.encode(which, encoding))[0][:, -1] for which in (digits, changed)
    )
    return (h - h_changed).norm(dim=1).mean().item()


def log10_gradient_ratio(model, digits: torch.Tensor, encoding: str) -> float | None:
    """log10 of ||dL/dh_1|| / ||dL/dh_T|| for the loss over ``digits (B, T + 1)``.

    Differentiates a run that is cut after the first step, where h_1 is the state; in float64, as
    the ratio can leave float32's range. ``None`` where the gradient is zero.
    """
    model = model.double()
    try:
        x, y = palindromes.split_target(digits, encoding)
        x = x.double()
        state = model.core(x[:, :1])[1]
        state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        h_1 = state[0] if isinstance(state, tuple) else state
        h_1.requires_grad_(True)
        h_T = model.core(x[:, 1:], state)[0][:, -1] if x.shape[1] > 1 else h_1[-1]
        loss = torch.nn.functional.cross_entropy(h_T @ model.W_ph.T + model.b_p, y)
        first, last = torch.autograd.grad(loss, (h_1, h_T))
    finally:
        model.float()
    ratio = (first.norm() / last.norm()).item()
    return math.log10(ratio) if math.isfinite(ratio) and ratio > 0 else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
