"""Rows of ``make bench`` for the linear recurrences: a parallel scan against a loop over time.

Both engines compute the same (the tests hold them equal), so the ratio is what the scan is worth.
The loop takes T steps one after another, the scan's operations grow with log T. With few sequences
at a time that is what counts; with many, either keeps one CPU thread busy, and the scan does more.
"""

import itertools
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

from helpers.recurrent.cells.lru import LRU
from helpers.recurrent.cells.min_gru import MinGRU
from helpers.recurrent.core import RecurrentCore
from helpers.timing import Row, side_by_side

D, N = 10, 128  # one-hot digits, hidden size, as in the study of palindromes
BATCH_SIZES = (128, 4)  # that of the study, and few sequences
LENGTHS = (20, 80, 320, 1280)


def rows(
    lengths: tuple[int, ...] = LENGTHS,
    batch_sizes: tuple[int, ...] = BATCH_SIZES,
    repeats: int = 3,
) -> Iterator[Row]:
    """Forward and backward of one layer, scan and loop in turn, at each length."""
    for cell, batch_size, T in itertools.product((MinGRU, LRU), batch_sizes, lengths):
        scanned, looped = side_by_side(
            *(training_step(cell, batch_size, T, engine) for engine in ("fused", "equations")),
            repeats=repeats,
        )
        yield Row(
            f"{cell.label}, forward + backward, {batch_size} sequences, T = {T}",
            scanned,
            looped,
            note="parallel scan; reference: loop over the equations",
        )


def training_step(
    cell: type[RecurrentCore], batch_size: int, T: int, engine: str
) -> Callable[[], None]:
    """A function that runs one layer over a batch of T digits each, forward and backward."""
    source = torch.Generator().manual_seed(0)
    core = cell(D, N, engine=engine, generator=source)
    x = F.one_hot(torch.randint(D, (batch_size, T), generator=source), D).float()
    parameters = list(core.parameters())

    def step():
        torch.autograd.grad(core(x)[0].square().mean(), parameters)

    return step
