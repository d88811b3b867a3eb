"""What generated text is like, in numbers: words, variety, cycles, overlap with the book."""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

#: A run of letters, an apostrophe inside allowed.
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_OPENING, _CLOSING = '"“', '"”'


def nats_to_bits(nats: float | np.ndarray | pd.Series | torch.Tensor):
    """A loss or a surprise in bits: log2 x = ln x / ln 2. A number, an array or a tensor."""
    return nats / math.log(2)


def entropy(p: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
    """Entropy of distributions in nats; with ``other``, the cross-entropy -sum p ln(other).

    Shapes:
        tensors ``(..., V)`` -> ``(...)``

    Raises:
        ValueError: something else than distributions, or of different shapes.
    """
    for name, q in (("p", p), ("other", p if other is None else other)):
        if not q.is_floating_point() or (q < 0).any() or ((q.sum(-1) - 1).abs() > 1e-3).any():
            raise ValueError(f"{name} must be distributions, which sum to 1 in the last dimension")
    if other is not None and other.shape != p.shape:
        raise ValueError(f"p and other must have one shape, got {p.shape} and {other.shape}")
    least = max(1e-300, torch.finfo(p.dtype).tiny)  # where p is 0, its logarithm does not count
    return -(p * (p if other is None else other).clamp(min=least).log()).sum(-1)


def words(text: str) -> list[str]:
    """The words of a text in lower case: runs of letters, an apostrophe inside allowed."""
    return [word.lower() for word in WORD.findall(text)]


def share_of_known_words(text: str, known: set[str]) -> float:
    """Share of the text's words, counted as often as they occur, that are in ``known``.

    The first and the last word are left out, as a sample may begin or end inside them. NaN without
    words.
    """
    found = words(text)[1:-1]
    return sum(word in known for word in found) / len(found) if found else float("nan")


def distinct(text: str, n: int) -> float:
    """Distinct character n-grams, as a share of all (Li et al. 2016 count words so)."""
    grams = [text[k : k + n] for k in range(len(text) - n + 1)]
    return len(set(grams)) / len(grams) if grams else float("nan")


class Cycle(NamedTuple):
    """From ``start`` on every character equals the one ``period`` characters later."""

    start: int
    period: int


def find_cycle(text: str, rounds: int = 2) -> Cycle | None:
    """The shortest cycle in which ``text`` ends, if it is passed at least ``rounds`` times."""
    for period in range(1, len(text) // rounds + 1):
        start = len(text) - period
        while start > 0 and text[start - 1] == text[start - 1 + period]:
            start -= 1
        if len(text) - start >= rounds * period:
            return Cycle(start, period)
    return None


def turned(cycle: str) -> str:
    """The rotation of ``cycle`` that sorts first: the same wherever the cycle was entered."""
    return min((cycle[k:] + cycle[:k] for k in range(len(cycle))), default="")


def _hashes(text: str, length: int) -> np.ndarray:
    """A rolling polynomial hash of every stretch of ``length`` characters, uint64."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    if len(codes) < length:
        return np.empty(0, np.uint64)
    base = np.uint64(1_000_003)
    total = np.zeros(len(codes) - length + 1, np.uint64)
    with np.errstate(over="ignore"):
        for k in range(length):
            total = total * base + codes[k : k + len(total)] + np.uint64(1)
    return total


def seen_share(text: str, source: str, length: int) -> float:
    """Share of the stretches of ``length`` characters in ``text`` that ``source`` has as well."""
    stretches = _hashes(text, length)
    if len(stretches) == 0:
        return 0.0
    return float(np.isin(stretches, _hashes(source, length)).mean())


def longest_copy(text: str, source: str) -> int:
    """Length of the longest stretch of ``text`` that stands word for word in ``source``."""
    longest = 0
    for start in range(len(text)):  # one more character at a time: at most 2 len(text) searches
        while start + longest < len(text) and text[start : start + longest + 1] in source:
            longest += 1
    return longest


def known_words(texts: Iterable[str]) -> set[str]:
    """The set of words of all ``texts``."""
    return {word for text in texts for word in words(text)}


def capitalised(text: str) -> list[str]:
    """The words of a text that begin with a capital, as they stand; "I" is none."""
    found = WORD.findall(text)
    return [word for word in found if word[0].isupper() and len(word.split("'")[0]) > 1]


def marks_in_place(text: str) -> list[bool]:
    """For every quotation mark of a text, whether it stands where such a mark may stand.

    An opening one stands behind a space, a dash or a bracket and before a character that is no
    space; a closing one behind a character that is no space and not before a letter. A straight
    mark opens where none is open; a new paragraph closes what is open. A mark at the very end is
    left out.
    """
    fits, inside = [], False
    for k, c in enumerate(text[:-1]):
        if text[max(0, k - 1) : k + 1] == "\n\n":
            inside = False
        if c not in _OPENING + _CLOSING:
            continue
        before, after = text[k - 1] if k else " ", text[k + 1]
        if c == "“" or (c == '"' and not inside):
            fits.append((before.isspace() or before in "-—(_'") and not after.isspace())
            inside = True
        else:
            fits.append(inside and not before.isspace() and not after.isalnum())
            inside = False
    return fits
