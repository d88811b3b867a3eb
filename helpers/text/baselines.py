"""What a text costs without a network: unigram, n-gram and compressors, in bits per character.

All are conditional: bits for the held-out text given the training text, a character.
"""

import bz2
import lzma
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable

from helpers.checks import integer, text

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "zlib": lambda data: zlib.compress(data, 9),
    "bz2": lambda data: bz2.compress(data, 9),
    "xz": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
}


def unigram_bpc(train: str, held_out: str) -> float:
    """Characters drawn independently with their frequencies in ``train``.

    Every character of either text counts once more (Laplace), so that none has probability 0.
    """
    text("the training text", train)
    text("the held-out text", held_out)
    counts = Counter(train)
    alphabet = set(train) | set(held_out)
    total = len(train) + len(alphabet)
    bits = sum(n * -math.log2((counts[c] + 1) / total) for c, n in Counter(held_out).items())
    return bits / len(held_out)


def compressor_bpc(name: str, train: str, held_out: str) -> float:
    """Extra bits that a compressor needs for ``held_out`` behind ``train``.

    zlib looks back 32 kB at the most, bz2 sorts blocks of 900 kB, xz sees everything.
    """
    text("the training text", train)
    text("the held-out text", held_out)
    compress = COMPRESSORS[name]
    before = len(compress(train.encode()))
    after = len(compress((train + held_out).encode()))
    return 8 * (after - before) / len(held_out)


class NGram:
    """Interpolated n-gram with Witten-Bell smoothing (Witten and Bell 1991; Chen and Goodman 1996).

    p(c | context) = (count(context c) + kinds(context) p(c | shorter context))
                     / (count(context) + kinds(context))

    with kinds(context) the number of distinct characters seen after it; below the unigram lies
    the uniform distribution.

    Args:
        train: text to count in.
        order: n; the context has n - 1 characters.
        alphabet: every character that may occur.
    """

    def __init__(self, train: str, order: int, alphabet: str):
        self.order = integer("order", order, minimum=1)
        self.uniform = 1 / len(set(alphabet))
        self.counts: list[dict[str, Counter]] = []
        for length in range(order):
            table: dict[str, Counter] = defaultdict(Counter)
            for end in range(length, len(train)):
                table[train[end - length : end]][train[end]] += 1
            self.counts.append(dict(table))
        self.totals = [
            {context: counter.total() for context, counter in table.items()}
            for table in self.counts
        ]

    def probability(self, character: str, context: str) -> float:
        """p(character | context), the context cut to its last n - 1 characters."""
        p = self.uniform
        for length in range(min(self.order - 1, len(context)) + 1):
            suffix = context[len(context) - length :]
            seen = self.counts[length].get(suffix)
            if seen is None:
                break
            p = (seen[character] + len(seen) * p) / (self.totals[length][suffix] + len(seen))
        return p

    def bpc(self, held_out: str) -> float:
        """Bits per character of ``held_out``."""
        context = self.order - 1
        bits = sum(
            -math.log2(self.probability(c, held_out[max(0, t - context) : t]))
            for t, c in enumerate(held_out)
        )
        return bits / len(held_out)
