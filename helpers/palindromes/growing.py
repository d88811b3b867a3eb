"""Growing lengths: a network that has mastered T digits goes on to a few more.

A curriculum (Elman 1993, "Learning and development in neural networks: the importance of starting
small"; Bengio et al. 2009, "Curriculum learning"). A gradient that must cross T steps from random
weights may find nothing to hold on to; here it only ever has to stretch a memory that works.

Data flow::

    GrowingRun -> build -> model            GrowingRun -> GrowingStream -> batches of T digits
    fit: batch -> accuracy -> GrowingStream.hear: after enough perfect batches in a row, T grows
    weights as they were when the longest length was mastered -> held-out accuracy, at many lengths
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from helpers.checks import LARGEST, boolean, integer, number
from helpers.palindromes.experiment import PalindromeRun, build, train_one_length
from helpers.recurrent.cells import find_cell
from helpers.recurrent.classifier import SequenceModel
from helpers.recurrent.training import evaluate, fit
from helpers.runtime import device as find_device
from helpers.runtime import device_of, generator
from helpers.steps import OnStep, ShouldStop, Step
from helpers.store import later

#: Held-out examples at each length of the profile; at the longest length, as in other runs.
PROFILE_N, LONGEST_N = 1000, 10_000
#: The last length of those that a run can be read at one by one.
EACH_UP_TO = 64
#: Time steps of one evaluation batch, which bounds its memory.
EVALUATED_DIGITS = 100_000


@dataclass(frozen=True)
class GrowingRun(PalindromeRun):
    """A :class:`.PalindromeRun` whose length grows; ``T`` is where it ends, ``steps`` are in all.

    Attributes:
        start: length at first.
        growth: factor from one length to the next, rounded, at least one more.
        until_perfect: a length is mastered after so many batches in a row without a mistake.
        every_length: read it in the end at each length from ``start`` to :data:`EACH_UP_TO`, too,
            not only at those that it mastered.

    Raises:
        ValueError: ``start`` above ``T``, a growth of 1 or less, a rule for stopping early (the run
            ends when ``T`` is mastered), a cell that reads one batch size only.
    """

    start: int = 5
    growth: float = 1.25
    until_perfect: int = 20
    every_length: bool = later(False)

    def __post_init__(self):
        super().__post_init__()
        boolean("every_length", self.every_length)
        integer("start", self.start, minimum=1)
        if self.on.check_length(self.start) > self.T:
            raise ValueError(f"start must be at most T = {self.T}, got {self.start}")
        integer("until_perfect", self.until_perfect, minimum=1)
        if number("growth", self.growth, maximum=LARGEST) <= 1:
            raise ValueError(f"growth must be above 1, got {self.growth}")
        if self.stop_after_perfect is not None:
            raise ValueError("stop_after_perfect must be None: until_perfect ends a growing run")
        if find_cell(self.model).batch_size_option is not None:
            raise ValueError("model must be a cell that reads batches of any size")


def lengths(run: GrowingRun) -> list[int]:
    """The lengths of a run, from ``start`` to ``T``."""
    found = [run.start]
    while found[-1] < run.T:
        found.append(min(max(found[-1] + 1, round(found[-1] * run.growth)), run.T))
    return found


class GrowingStream:
    """Training batches whose length grows as the network masters them.

    Attributes:
        T: the length of the next batch.
        mastered: (length, steps spent on it), in order.
        finished: whether the last length has been mastered.
    """

    def __init__(self, run: GrowingRun):
        self.run = run
        self.mastered: list[tuple[int, int]] = []
        self.finished = False
        self._left = iter(lengths(run))
        self._generator = generator(run.seed, "data")
        self._next_length()

    def _next_length(self) -> None:
        self.T = next(self._left)
        self._steps = self._perfect = 0
        self._batches = self.run.on.stream(
            self.T, self.run.batch_size, self._generator, self.run.encoding
        )

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        return self

    def __next__(self) -> tuple[torch.Tensor, torch.Tensor]:
        return next(self._batches)

    def hear(self, accuracy: float) -> bool:
        """Take note of a batch's accuracy; whether its length is mastered now."""
        self._steps += 1
        self._perfect = self._perfect + 1 if accuracy == 1.0 else 0
        if self._perfect < self.run.until_perfect:
            return False
        self.mastered.append((self.T, self._steps))
        if self.T == self.run.T:
            self.finished = True
        else:
            self._next_length()
        return True


def train(run: PalindromeRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """The experiment of any run of the study, of growing length or of one."""
    experiment = train_growing if isinstance(run, GrowingRun) else train_one_length
    return experiment(run, device)


def train_growing(run: GrowingRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """Train one growing run, and measure it as it was when it mastered its longest length.

    Returns:
        record: "steps_run", "diverged", "longest" (0 if no length was mastered), "solved" (whether
            that is ``T``), "held_out_accuracy" on ``held_out_n`` examples of the longest length.
        curves: "loss", "accuracy" and "T", a value a step; "mastered_T" and "mastered_step" (the
            step after which it was); "read_T", "read_accuracy" and "read_renamed", held out at
            each of the mastered lengths and at twice the longest, then at every other if the run
            asks for it (:func:`renamed_accuracy`).
    """
    _, record, curves = grow_network(run, device=device)
    return record, curves


def grow_network(
    run: GrowingRun,
    on_step: OnStep | None = None,
    should_stop: ShouldStop | None = None,
    device: str | torch.device = "cpu",
) -> tuple[SequenceModel, dict, dict]:
    """As :func:`train_growing`, with the network in front.

    Args:
        on_step: called with each step, which also says its batch's ``T``.
        should_stop: asked after each step.
        device: where it is trained and read.
    """
    network = build(run).to(find_device(device))
    stream = GrowingStream(run)
    best = copy.deepcopy(network.state_dict())
    seen: list[int] = []

    def hear(step: Step) -> None:
        nonlocal best
        seen.append(stream.T)
        if stream.hear(step.score):
            best = copy.deepcopy(network.state_dict())
        if on_step is not None:
            on_step(step._replace(T=seen[-1]))

    def ends() -> bool:
        return stream.finished or (should_stop is not None and should_stop())

    found = fit(network, stream, on_step=hear, should_stop=ends, **run.fit_options)
    network.load_state_dict(best)
    mastered = np.array(stream.mastered, np.int64).reshape(-1, 2)
    longest = int(mastered[-1, 0]) if len(mastered) else 0
    record = {
        "steps_run": found.steps,
        "diverged": found.diverged,
        "longest": longest,
        "solved": stream.finished,
        "held_out_accuracy": None,
        "held_out_n": 0,
    }
    profile = [*mastered[:, 0].tolist(), *([2 * longest] if longest else [])]
    if run.every_length:
        profile += [T for T in range(run.start, EACH_UP_TO + 1) if T not in profile]
    readings = [read_at(network, run, T, PROFILE_N) for T in profile]
    if longest:
        at_longest = read_at(network, run, longest, LONGEST_N)
        record["held_out_accuracy"] = at_longest.accuracy
        record["held_out_n"] = at_longest.examples
    return (
        network,
        record,
        {
            "loss": found.loss,
            "accuracy": found.accuracy,
            "T": np.array([*seen, stream.T][: found.steps], np.int64),
            "mastered_T": mastered[:, 0],
            "mastered_step": np.cumsum(mastered[:, 1]),
            "read_T": np.array(profile, np.int64),
            "read_accuracy": np.array([reading.accuracy for reading in readings]),
            "read_renamed": np.array([reading.renamed for reading in readings]),
        },
    )


@dataclass
class Reading:
    """What a network answers at one length.

    Attributes:
        accuracy: share of right answers.
        renamed: the share of right answers if each answer were the name of the class that it suits
            best. Near 1 where the answer tells the class, be it by another name; one answer to
            everything is worth one class. NaN unless a class is read out after the last step.
        examples: how many were read.
    """

    accuracy: float
    renamed: float
    examples: int


@torch.no_grad()
def read_at(network: SequenceModel, run: GrowingRun, T: int, n: int) -> Reading:
    """Read up to ``n`` held-out examples of length ``T``."""
    task = run.on
    batches = task.held_out(T, n, run.encoding, max(1, EVALUATED_DIGITS // T))
    if task.read_out == "last":
        counts = answer_counts(network, batches, task.outputs)
        return Reading(accuracy(counts), renamed_accuracy(counts), int(counts.sum()))
    batches = list(batches)
    return Reading(evaluate(network, batches, task)[1], np.nan, sum(len(y) for _, y in batches))


@torch.no_grad()
def answer_counts(network: SequenceModel, batches, classes: int) -> np.ndarray:
    """How often each class, a row, is given each answer, a column: ``(classes, classes)``."""
    counts = np.zeros((classes, classes), np.int64)
    for x, y in batches:
        counts += table_of(y, network(x.to(device_of(network))).argmax(1).cpu(), classes)
    return counts


def table_of(y: torch.Tensor, answers: torch.Tensor, classes: int) -> np.ndarray:
    """:func:`answer_counts` of ``answers (B,)`` that are given already, for classes ``y (B,)``."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (y.numpy(), answers.numpy()), 1)
    return counts


def accuracy(counts: np.ndarray) -> float:
    """The share of right answers in a table of :func:`answer_counts`."""
    return float(counts.trace() / counts.sum())


def renamed_accuracy(counts: np.ndarray) -> float:
    """The share of right answers by any name (:class:`Reading`)."""
    return float(counts.max(axis=0).sum() / counts.sum())
