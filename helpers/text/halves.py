"""Forward and backward pass of a training step, on a CPU in two halves of the batch side by side.

Torch's own threads share every product and meet at its end, thousands of times a second; who is
there first spins until the other comes, and where another program holds that other's core, a
product of a tenth of a millisecond takes a time slice. Here two threads of Python meet twice a
step, and who waits sleeps: on idle cores a step takes half the time, on busy ones it takes its
share of both.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
import torch.nn.functional as F

from helpers.runtime import autocast, cores, device_of, prepare_thread
from helpers.text.charlm import CharLM

#: Multiplications of a forward pass from which on a second thread saves more than waking it costs.
_WORTH = 20_000_000


class Read(NamedTuple):
    """What a forward pass found.

    Attributes:
        losses: of each half, summed over its characters and divided by those of the batch.
        loss: their sum, in nats a character.
        accuracy: the share of characters guessed right.
        state: behind the batch, h and c ``(layers, B, n)``, cut off from the graph.
    """

    losses: list[torch.Tensor]
    loss: float
    accuracy: float
    state: tuple[torch.Tensor, torch.Tensor]


class Passes:
    """Both passes of ``model`` over batches of one size.

    A batch is cut where one torch thread runs on a CPU of several cores and a step is long enough.
    Dropout draws from one generator, so its forward passes are made in turn: equal masks each time.
    """

    def __init__(self, model: CharLM, batch_size: int, length: int):
        self.model, self.device = model, device_of(model)
        self.parameters = list(model.parameters())
        products = sum(p.numel() for p in self.parameters) * batch_size * length
        alone = self.device.type != "cpu" or torch.get_num_threads() > 1 or cores() == 1
        self.second = None if alone or batch_size == 1 or products < _WORTH else SecondThread()

    def forward(self, x: torch.Tensor, y: torch.Tensor, state=None, bf16: bool = False) -> Read:
        """Read ``x (B, T)`` from ``state`` (zeros if left out) and guess ``y (B, T)``."""

        def read(part):
            x, y, state = part
            with autocast(self.device, bf16):
                logits, state = self.model(x, state)
            logits, y = logits.float().flatten(0, 1), y.flatten()
            loss = F.cross_entropy(logits, y, reduction="sum") / characters
            return loss, (logits.argmax(1) == y).sum(), tuple(s.detach().float() for s in state)

        characters = y.numel()
        if self.second is None:
            found = [read((x, y, state))]
        else:
            states = (None, None)
            if state is not None:
                states = zip(*(s.chunk(2, 1) for s in state), strict=True)
            halves = list(zip(x.chunk(2), y.chunk(2), states, strict=True))
            drawing = self.model.training and self.model.draws
            found = [read(half) for half in halves] if drawing else self.second.map(read, halves)
        losses, right, states = zip(*found, strict=True)
        loss, right = (sum(each.item() for each in values) for values in (losses, right))
        state = tuple(torch.cat(s, 1) for s in zip(*states, strict=True))
        return Read(losses, loss, right / characters, state)

    def backward(self, losses: Sequence[torch.Tensor]) -> None:
        """The gradients of the parameters, in the place of those that they had."""

        def gradients(loss):
            return torch.autograd.grad(loss, self.parameters)

        run = map if self.second is None else self.second.map
        for parameter, first, *others in zip(self.parameters, *run(gradients, losses), strict=True):
            parameter.grad = sum(others, first)


class SecondThread:
    """A thread beside the caller's, asleep while it has nothing to do.

    It ends when this object is forgotten.
    """

    def __init__(self):
        self._pool = ThreadPoolExecutor(1, "second", initializer=prepare_thread)

    def map(self, function: Callable, parts: Sequence) -> list:
        """``function`` of both ``parts``, the first on the caller's thread, the second here."""
        first, second = parts
        other = self._pool.submit(function, second)
        try:
            found = function(first)
        finally:
            other.exception()  # waited for, whatever became of the first
        return [found, other.result()]
