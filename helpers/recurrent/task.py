"""What a network is trained on: a task is one object, and the studies train any cell on any task.

Data flow::

    draw, held_out_set -> examples (N, …) -> split -> x (N, T', d), y
    network(x) -> out -> loss(out, y)  and  right(out, y) of answers(y)

A task says how a network is read out (:data:`.classifier.READ_OUTS`): "last", a class after the
last step; "every", a class after every step; "number", one number after the last step. ``T`` is the
task's own measure of length: how far something must be carried.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
import torch.nn.functional as F

from helpers.checks import choice, integer
from helpers.runtime import generator

#: Name -> task, for every task that has been imported.
TASKS: dict[str, "Task"] = {}
#: Batches that a stream draws at a time.
_CHUNK = 64


def find_task(name: str) -> "Task":
    """The task of this name.

    Raises:
        ValueError: no task is called so.
    """
    return TASKS[choice("task", name, tuple(TASKS))]


class Task:
    """What all tasks share. A subclass that has a ``name`` is found by it in :data:`TASKS`."""

    #: How configurations call the task, and how figures call it.
    name: ClassVar[str]
    label: ClassVar[str]
    #: What is read out: "last", "every" or "number".
    read_out: ClassVar[str] = "last"
    #: Numbers that are read out.
    outputs: ClassVar[int]
    #: Names of the encodings of its examples; the first is the usual one.
    encodings: ClassVar[tuple[str, ...]]
    #: Share of right answers of a network that guesses.
    chance: ClassVar[float]
    #: The smallest length.
    shortest: ClassVar[int] = 1
    #: An answer that is a number is right if it is nearer than this.
    tolerance: ClassVar[float] = 0.0

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        if "name" in vars(cls):
            known = type(TASKS.setdefault(cls.name, cls()))
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"two tasks are called {cls.name!r}: {known} and {cls}")
            TASKS[cls.name] = cls()

    # What a task must say ------------------------------------------------------------------

    def draw(self, n: int, T: int, source: torch.Generator) -> torch.Tensor:
        """``n`` random examples for training."""
        raise NotImplementedError

    def split(self, examples: torch.Tensor, encoding: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Examples as inputs ``(N, T', d)`` and targets: ``(N,)``, for "every" ``(N, T')``."""
        raise NotImplementedError

    def input_size(self, encoding: str) -> int:
        """The number of input features ``d`` of an encoding."""
        raise NotImplementedError

    def disturbed(self, examples: torch.Tensor) -> torch.Tensor:
        """The examples with another first thing to remember, all else the same."""
        raise NotImplementedError

    # What follows from it ------------------------------------------------------------------

    def check_length(self, T) -> int:
        """``T`` as a length of this task.

        Raises:
            ValueError: not a whole number, or below the shortest.
        """
        return integer("T", T, minimum=self.shortest)

    def held_out_set(self, T: int, n: int = 10_000) -> torch.Tensor:
        """``n`` examples that no training stream holds.

        Examples with real numbers never come twice: a stream of another name will do.
        """
        return self.draw(n, T, generator("held out", self.name, T))

    def held_out(
        self, T: int, n: int, encoding: str, batch_size: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Batches ``x, y`` of the held-out set, encoded one by one to bound the memory."""
        for part in self.held_out_set(T, n).split(batch_size):
            yield self.split(part, encoding)

    def stream(
        self, T: int, batch_size: int, source: torch.Generator, encoding: str
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Endless training batches, drawn many at a time."""
        integer("batch_size", batch_size, minimum=1)
        while True:
            for part in self.draw(_CHUNK * batch_size, T, source).split(batch_size):
                yield self.split(part, encoding)

    def loss(self, out: torch.Tensor, y: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        """Cross-entropy in nats; of a number the squared error."""
        if self.read_out == "number":
            return F.mse_loss(out, y, reduction=reduction)
        return F.cross_entropy(out.flatten(0, -2), y.flatten(), reduction=reduction)

    def counted(self, out: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Those of the answers and targets that count for the score; all of them."""
        return out, y

    def right(self, out: torch.Tensor, y: torch.Tensor) -> tuple[int, int]:
        """How many answers are right, and of how many."""
        out, y = self.counted(out, y)
        if self.read_out == "number":
            right = (out - y).abs() < self.tolerance
        else:
            right = out.argmax(-1) == y
        return int(right.sum()), y.numel()


class Classification(Task):
    """One class after the last step, whatever the examples are: what :func:`.training.fit` assumes.

    It has no name and no examples of its own.
    """

    read_out = "last"
