"""Arithmetic coding: a model's probabilities as a code, with exact fractions.

Every text owns an interval inside [0, 1) as wide as its probability; a text of width w is named by
a binary fraction of at most -log2 w + 2 digits (Rissanen and Langdon 1979; MacKay 2003, chapter 6).
Exact, and slow for long texts: to see that bits per character are bits.
"""

from collections.abc import Generator
from fractions import Fraction

import torch

from helpers.checks import text as check_text
from helpers.text.charlm import CharLM
from helpers.text.decoder import Decoder
from helpers.text.vocabulary import Vocabulary

#: The unit in which probabilities are counted, so that none is 0 and all sums are exact.
_UNIT = 2**48


def compress(model: CharLM, vocab: Vocabulary, text: str) -> str:
    """``text`` as zeros and ones, the shorter the better the model predicts it.

    The first character, which the model does not predict, counts as one of V equally likely ones.

    Raises:
        ValueError: no text, or characters outside the vocabulary.
    """
    low, width = Fraction(0), Fraction(1)
    counts = _after_each_character(model, vocab)
    n = next(counts)
    for k in vocab.encode(check_text("the text", text), "the text").tolist():
        low += width * Fraction(sum(n[:k]), sum(n))
        width *= Fraction(n[k], sum(n))
        n = counts.send(k)
    digits = 1
    while Fraction(2, 2**digits) > width:  # until 2^-digits is at most half the width
        digits += 1
    return f"{-(-low * 2**digits // 1):0{digits}b}"  # the first such fraction from low on


def expand(model: CharLM, vocab: Vocabulary, code: str, length: int) -> str:
    """The text of ``length`` characters that :func:`compress` made ``code`` of."""
    value = Fraction(
        int(code, 2), 2 ** len(code)
    )  # where in the interval that is left, from 0 to 1
    counts, ids = _after_each_character(model, vocab), []
    n = next(counts)
    for _ in range(length):
        value *= sum(n)
        k = 0
        while value >= n[k]:  # the part that the number lies in
            value -= n[k]
            k += 1
        value /= n[k]
        ids.append(k)
        n = counts.send(k)
    return vocab.decode(ids)


def _after_each_character(model: CharLM, vocab: Vocabulary) -> Generator[list[int], int, None]:
    """The next character's probabilities as whole numbers; is sent which one came."""
    k = yield [1] * len(vocab)
    decoding = Decoder(model, vocab).begin([vocab.characters[k]])
    while True:
        p = torch.softmax(decoding.logits[0].double(), 0)
        k = yield [int(share * _UNIT) + 1 for share in p.tolist()]
        decoding.step(torch.tensor([k]))
