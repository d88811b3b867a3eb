"""A book cut into training, validation and test part, and the parts cut into batches.

Two batchings. Windows start at random offsets, the state is reset before each: what the assignment
does. Streams read the text from left to right on B parallel tracks and carry the state on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from helpers.checks import integer, number

#: Shares of a text that are held out: to choose by while training, and to be read once at the end.
VALID, TEST = 0.05, 0.05


@dataclass(frozen=True)
class Split:
    """Three parts of a text by position, with gaps between them that belong to none."""

    train: str
    valid: str
    test: str


def split_text(text: str, valid: float = VALID, test: float = TEST, gap: int = 200) -> Split:
    """The last ``test`` share, before it the ``valid`` share, and the rest for training.

    The gaps of ``gap`` characters lie at the ends of the training and of the validation part, so
    that the test part is exactly the text's last ``test`` share.

    Raises:
        ValueError: a part would be empty, or a number is out of range.
    """
    number("valid", valid, minimum=0.0, maximum=1.0)
    number("test", test, minimum=0.0, maximum=1.0)
    integer("gap", gap, minimum=0)
    n = len(text)
    test_start = n - int(n * test)
    valid_start = test_start - int(n * valid)
    parts = Split(
        text[: max(0, valid_start - gap)], text[valid_start : test_start - gap], text[test_start:]
    )
    if not (parts.train and parts.valid and parts.test):
        raise ValueError(
            f"the text is too short to split: {n:,} characters with gaps of {gap} leave "
            f"{len(parts.train)}, {len(parts.valid)} and {len(parts.test)} for the three parts"
        )
    return parts


class Windows:
    """Windows at random offsets; the model starts each from a zero state.

    Args:
        ids: the text as indices ``(N,)``.
        length: characters fed in; the targets are one further on.
        batch_size: windows a batch.
        generator: source of the offsets.

    Raises:
        ValueError: a text shorter than one window and its last target.
    """

    carries_state = False

    def __init__(self, ids: torch.Tensor, length: int, batch_size: int, generator: torch.Generator):
        integer("the window length", length, minimum=1)
        self.batch_size = integer("batch_size", batch_size, minimum=1)
        if len(ids) < length + 1:
            raise ValueError(
                f"the text has {len(ids)} characters, shorter than one training window of "
                f"{length} and its target"
            )
        self.ids, self.generator = ids, generator
        self._window = torch.arange(length + 1)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        last = len(self.ids) - len(self._window) + 1
        while True:
            starts = torch.randint(last, (self.batch_size, 1), generator=self.generator)
            window = self.ids[starts + self._window]  # (B, length + 1)
            yield window[:, :-1], window[:, 1:]


class Streams:
    """B tracks through the text, read in step, whose state the model carries on.

    The text is a ring: a track that reaches its end reads on at the start. After a pass the
    tracks start from a new common offset, so that the seams between windows fall elsewhere.
    ``position`` and ``offset`` are all there is to resume.

    Args:
        ids, length, batch_size, generator: as for :class:`Windows`.
    """

    carries_state = True

    def __init__(self, ids: torch.Tensor, length: int, batch_size: int, generator: torch.Generator):
        self.length = integer("the window length", length, minimum=1)
        self.batch_size = integer("batch_size", batch_size, minimum=1)
        self.track = len(ids) // batch_size
        if self.track < length:
            raise ValueError(
                f"the text has {len(ids)} characters, too few for {batch_size} streams of one "
                f"window of {length} each"
            )
        self.ids, self.generator = ids, generator
        self.position, self.offset = 0, 0

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        starts = torch.arange(self.batch_size)[:, None] * self.track
        window = torch.arange(self.length + 1)
        while True:
            if self.position + self.length > self.track:
                self.position = 0
                self.offset = int(torch.randint(self.track, (1,), generator=self.generator))
            at = (starts + self.offset + self.position + window) % len(self.ids)
            self.position += self.length
            block = self.ids[at]
            yield block[:, :-1], block[:, 1:]
