"""Rows of ``make bench`` for the linear recurrences: a parallel scan against a loop over time.

Both engines compute the same (the tests hold them equal), so the ratio is what the scan is worth.
The loop takes T steps one after another, the scan's operations grow with log T.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

from helpers.recurrent.cells.lru import LRU
from helpers.recurrent.cells.min_gru import MinGRU
from helpers.recurrent.core import RecurrentCore
from helpers.timing import Row, side_by_side

B, D, N = 128, 10, 128  # batch, one-hot digits, hidden size, as in the study of palindromes
LENGTHS = (20, 80, 320, 1280)


def rows(
    lengths: tuple[int, ...] = LENGTHS, batch_size: int = B, repeats: int = 3
) -> Iterator[Row]:
    """Forward and backward of one layer, scan and loop in turn, at each length."""
    for cell in (MinGRU, LRU):
        for T in lengths:
            scanned, looped = side_by_side(
                *(training_step(cell, T, engine, batch_size) for engine in ("fused", "equations")),
                repeats=repeats,
            )
            yield Row(
                f"{cell.label}, forward + backward, T = {T}",
                scanned,
                looped,
                note="parallel scan; reference: loop over the equations",
            )


def training_step(
    cell: type[RecurrentCore], T: int, engine: str, batch_size: int = B
) -> Callable[[], None]:
    """A function that runs one layer over a batch of T digits each, forward and backward."""
    source = torch.Generator().manual_seed(0)
    core = cell(D, N, engine=engine, generator=source)
    x = F.one_hot(torch.randint(D, (batch_size, T), generator=source), D).float()
    parameters = list(core.parameters())

    def step():
        torch.autograd.grad(core(x)[0].square().mean(), parameters)

    return step
