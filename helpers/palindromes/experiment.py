"""One run of the study: a configuration and a seed in, a record and curves out.

Data flow::

    PalindromeRun -> generator(seed, "weights") -> network
                  -> generator(seed, "data")    -> stream of training examples
    network + stream -> fit -> curves -> record (solved? when? in the end?)
    network + held-out examples -> held-out accuracy

The task is palindromes unless a run says otherwise. Runs with one seed see the same training
examples whatever their network, so that two settings can be compared seed by seed.
"""

import ast
import math
from dataclasses import dataclass

import numpy as np
import torch

from helpers.checks import LARGEST, boolean, choice, fits, integer, number, positive, seed, shown
from helpers.palindromes.tasks import find_task
from helpers.recurrent.cells import CELLS, find_cell
from helpers.recurrent.classifier import SequenceClassifier, SequenceModel
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.initialisation import parse, spectral_radius
from helpers.recurrent.task import Task
from helpers.recurrent.training import (
    OPTIMIZERS,
    Curves,
    check_fit_options,
    evaluate,
    fit,
)
from helpers.runtime import device as find_device
from helpers.runtime import generator
from helpers.steps import OnStep, ShouldStop
from helpers.store import later

#: Bumped by hand whenever a change alters what a run computes. A test pins the first five losses.
EXPERIMENT_VERSION = 1

#: Steps of the training stream whose mean accuracy is the final one.
FINAL_WINDOW = 100
#: Held-out examples of a run, and how many are read at a time.
HELD_OUT_N, HELD_OUT_BATCH = 10_000, 1000
#: Options of a cell that are fields of a run; the others stand in its ``options``.
FIELD_OPTIONS = ("forget_bias", "chrono")

#: Fields that a cell is made of, and their values in the cells that were made to try them.
_OF_THE_CELL = ("model", "task", "encoding", "hidden_size", "batch_size", "num_layers",
                "W_x", "W_h", "forget_bias", "chrono", "options")  # fmt: skip
_made: set[tuple] = set()


@dataclass(frozen=True)
class PalindromeRun:
    """Everything that decides a run. The defaults are what both reports have in common.

    Attributes:
        model: the name of a cell (:data:`helpers.recurrent.CELLS`).
        T: length of the task; of palindromes the digits fed in, the target is the digit after them.
        seed: of the weights and of the data.
        steps: training steps.
        encoding: one of the task's; for palindromes "raw", "centred" or "one_hot".
        lr: learning rate of RMSprop, or of ``optimizer``.
        W_x, W_h, W_ph: initialisations of input, recurrent and read-out weights.
        forget_bias: initial b_f of the LSTMs.
        chrono: chrono biases for this many steps in place of ``forget_bias``.
        bf16: train under bfloat16 autocast.
        stop_after_perfect: the early-stopping rule of :func:`.training.fit`.
        task: the name of a task (:data:`helpers.palindromes.tasks.TASKS`).
        num_layers: layers of the cell.
        options: the cell's other options, as a dictionary or as the text that it is kept as:
            ``"r_min=0.9, r_max=0.99"``.

    Raises:
        ValueError: anything that the cell, the task or the training would refuse, an option that
            the cell does not have included.
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
    task: str = later("palindromes")
    num_layers: int = later(1)
    options: str = later("")

    def __post_init__(self):
        cell, task = find_cell(choice("model", self.model, tuple(CELLS))), find_task(self.task)
        task.check_length(self.T)
        choice("encoding", self.encoding, task.encodings)
        for name in ("hidden_size", "batch_size", "num_layers"):
            integer(name, getattr(self, name), minimum=1)
        seed("seed", self.seed)
        check_fit_options(
            self.steps, self.lr, self.optimizer, self.clip_norm, self.stop_after_perfect
        )
        choice("optimizer", self.optimizer, tuple(OPTIMIZERS))  # by name: a run is stored
        positive("clip_norm", self.clip_norm)
        boolean("bf16", self.bf16)
        for name in ("W_x", "W_h", "W_ph"):
            try:
                parse(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        number("forget_bias", self.forget_bias, minimum=-LARGEST, maximum=LARGEST)
        if self.chrono is not None:
            number("chrono", self.chrono, minimum=3, maximum=LARGEST)
        object.__setattr__(self, "options", _as_text(self.options))
        for name, default in (("forget_bias", 0.0), ("chrono", None)):
            if name not in cell.options and getattr(self, name) != default:
                raise ValueError(f"{name} must be left out: the cell {cell.name!r} has no {name}")
        if self.chrono is not None and self.forget_bias != 0:
            raise ValueError("forget_bias must be left out where chrono biases take its place")
        for name in _as_options(self.options):
            if name in FIELD_OPTIONS or name not in cell.options or name == cell.batch_size_option:
                own = set(cell.options) - {*FIELD_OPTIONS, cell.batch_size_option}
                raise ValueError(
                    f"options must be of the cell {cell.name!r}, which has "
                    f"{', '.join(sorted(own)) or 'none'}; got {name!r}"
                )
        self._check_memory(cell)
        tried = tuple(getattr(self, name) for name in _OF_THE_CELL)
        if tried not in _made:
            self.new_core(torch.Generator(), smallest=True)  # what is left, the cell itself refuses
            _made.add(tried)

    def _check_memory(self, cell) -> None:
        """Weights and their gradients, and what the outputs of one batch take."""
        n, layers = self.hidden_size, self.num_layers
        weights = 2 * layers * cell.parameters_in_layer(1, n)
        fits(weights, hidden_size=n, num_layers=layers)
        fits(layers * self.batch_size * self.T * n, T=self.T, batch_size=self.batch_size)

    @property
    def on(self) -> Task:
        """The task."""
        return find_task(self.task)

    @property
    def fit_options(self) -> dict:
        """The part of the configuration that :func:`.training.fit` takes."""
        names = ("steps", "lr", "optimizer", "clip_norm", "bf16", "stop_after_perfect")
        return {"task": self.on, **{name: getattr(self, name) for name in names}}

    def new_core(self, source: torch.Generator, *, smallest: bool = False):
        """The untrained cell, its weights from ``source``; with ``smallest`` of one unit."""
        cell = find_cell(self.model)
        options = _as_options(self.options)
        options |= {name: getattr(self, name) for name in FIELD_OPTIONS if name in cell.options}
        if cell.batch_size_option is not None:
            options[cell.batch_size_option] = self.batch_size
            smallest = False  # it compares that with its own size
        sizes = (1, 1) if smallest else (self.on.input_size(self.encoding), self.hidden_size)
        return cell.initialised(
            *sizes, self.num_layers, W_x=self.W_x, W_h=self.W_h, generator=source, **options
        )


def _as_text(options) -> str:
    """A dictionary of options, or their text, as the one text that a configuration keeps.

    Raises:
        ValueError: something else, or a text of another form.
    """
    if isinstance(options, str):
        options = _as_options(options)
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        raise ValueError(
            f"options must be a dictionary, or a text like 'r_min=0.9'; got {shown(options)}"
        )
    return ", ".join(f"{name}={options[name]!r}" for name in sorted(options))


def _as_options(text: str) -> dict:
    """``"a=1, b=0.5"`` as a dictionary.

    Raises:
        ValueError: the text has another form.
    """
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if call.args:
            raise ValueError("a value without a name")
        return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"options must read like 'r_min=0.9, r_max=0.99', got {text!r}") from error


def build(run: PalindromeRun) -> SequenceModel:
    """The network of a run, with its initial weights."""
    source = generator(run.seed, "weights")
    core, task = run.new_core(source), run.on
    if task.read_out == "last":
        return SequenceClassifier(core, task.outputs, W_ph=run.W_ph, generator=source)
    return SequenceModel(
        core, task.outputs, read_out=task.read_out, W_ph=run.W_ph, generator=source
    )


def training_batches(run: PalindromeRun):
    """The stream of batches that a run is trained on."""
    return run.on.stream(run.T, run.batch_size, generator(run.seed, "data"), run.encoding)


def train_one_length(run: PalindromeRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """Train and measure one run: the experiment that a study calls.

    Args:
        device: where; the published runs were made on the CPU.

    Returns:
        record: see :func:`summarise`, with measurements at initialisation and held out.
        curves: "loss" and "accuracy" of the training stream, a value a step.
    """
    _, record, curves = train_network(run, device=device)
    return record, curves


def train_network(
    run: PalindromeRun,
    on_step: OnStep | None = None,
    should_stop: ShouldStop | None = None,
    device: str | torch.device = "cpu",
) -> tuple[SequenceModel, dict, dict]:
    """As :func:`train_one_length`, with the trained network in front.

    Args:
        on_step, should_stop: passed on to :func:`.training.fit`.
        device: where it is trained and held out; the initial weights do not depend on it.
    """
    where = find_device(device)
    network = build(run)
    record = at_initialisation(network, run)
    network.to(where)
    batches = training_batches(run)
    curves = fit(network, batches, on_step=on_step, should_stop=should_stop, **run.fit_options)
    record |= summarise(curves)
    record |= held_out(network, run)
    return network, record, {"loss": curves.loss, "accuracy": curves.accuracy}


def held_out(network: SequenceModel, run: PalindromeRun) -> dict:
    """Loss and accuracy on examples that were never trained on, and how many there were.

    A cell that reads one batch size only is asked as many whole batches as there are.
    """
    only = run.batch_size if find_cell(run.model).batch_size_option else None
    batches = run.on.held_out(run.T, HELD_OUT_N, run.encoding, only or HELD_OUT_BATCH)
    batches = [(x, y) for x, y in batches if only is None or len(y) == only]
    if not batches:
        return {"held_out_loss": None, "held_out_accuracy": None, "held_out_n": 0}
    loss, accuracy = evaluate(network, batches, run.on)
    return {
        "held_out_loss": _finite(loss),
        "held_out_accuracy": _finite(accuracy),
        "held_out_n": sum(len(y) for _, y in batches),
    }


def summarise(curves: Curves) -> dict:
    """What a run's training stream says.

    ``solved``: some 50-step mean of the accuracy reached 0.99, within the steps, without the loss
    ever turning NaN; ``solved_step``: when first. ``final_accuracy``: mean of the last 100 steps.
    What became of a solved run by its end, :func:`.outcomes.outcome` tells.
    """
    solved_step = None if curves.diverged else curves.solved_step()
    final = float(curves.accuracy[-FINAL_WINDOW:].mean())
    return {
        "steps_run": curves.steps,
        "diverged": curves.diverged,
        "solved": solved_step is not None,
        "solved_step": solved_step,
        "final_accuracy": final,
    }


def at_initialisation(network: SequenceModel, run: PalindromeRun) -> dict:
    """What might decide a run before its first step.

    ``sensitivity``: mean norm of the change of h_T when the first digit (of another task: the first
    thing to remember) changes, the rest kept. ``log10_gradient_ratio``: log10 of
    ||dL/dh_1|| / ||dL/dh_T||, the loss over one batch. ``spectral_radius`` and ``sigma_max`` of the
    recurrent matrix, where a cell has one.
    """
    examples = run.on.draw(run.batch_size, run.T, generator(run.seed, "initialisation"))
    matrix = network.core.recurrent_matrix()
    has_one = matrix is not None
    return {
        "sensitivity": sensitivity(network.core, examples, run),
        "log10_gradient_ratio": log10_gradient_ratio(network, examples, run),
        "spectral_radius": spectral_radius(matrix) if has_one else None,
        "sigma_max": torch.linalg.matrix_norm(matrix, 2).item() if has_one else None,
    }


@torch.no_grad()
def sensitivity(core: RecurrentCore, examples: torch.Tensor, run: PalindromeRun) -> float:
    """Mean ||h_T(x) - h_T(x')|| where x' has another first thing to remember."""
    h, h_changed = (
        core(run.on.split(which, run.encoding)[0])[0][:, -1]
        for which in (examples, run.on.disturbed(examples))
    )
    return (h - h_changed).norm(dim=1).mean().item()


def log10_gradient_ratio(
    network: SequenceModel, examples: torch.Tensor, run: PalindromeRun
) -> float | None:
    """log10 of ||dL/dh_1|| / ||dL/dh_T|| for the loss over ``examples``.

    Differentiates a run that is cut after the first step, where h_1 is the state (of a cell whose
    memory is not its output, that memory); in float64, as the ratio can leave float32's range.
    ``None`` where the gradient is zero.
    """
    network = network.double()
    try:
        x, y = run.on.split(examples, run.encoding)
        x = x.double()
        y = y.double() if y.is_floating_point() else y
        outputs, state = network.core(x[:, :1])
        state = [s.detach() for s in (state if isinstance(state, tuple) else (state,))]
        memory = [state[k].requires_grad_(True) for k in network.core.memory]
        if x.shape[1] > 1:
            given = tuple(state) if len(state) > 1 else state[0]
            later_outputs, _ = network.core(x[:, 1:], given)
            outputs = torch.cat([outputs.detach(), later_outputs], dim=1)
        else:
            outputs = state[0][-1][:, None]
        before, h_T = outputs[:, :-1], outputs[:, -1]
        loss = run.on.loss(network.read(torch.cat([before, h_T[:, None]], dim=1)), y)
        *firsts, last = torch.autograd.grad(loss, (*memory, h_T))
    finally:
        network.float()
    first = torch.stack([g.norm() for g in firsts]).norm()
    ratio = (first / last.norm()).item()
    return math.log10(ratio) if math.isfinite(ratio) and ratio > 0 else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
