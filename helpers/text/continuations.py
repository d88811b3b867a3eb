"""Ways to choose the next character, compared by the texts that they write."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.text.charlm import CharLM
from helpers.text.lexicon import Lexicon, measure
from helpers.text.measures import WORD, distinct, nats_to_bits
from helpers.text.sampling import beam_search, draw_in_ways
from helpers.text.vocabulary import Vocabulary

#: Name -> settings of :func:`.sampling.generate`.
METHODS = {
    "greedy": {"temperature": 0.0},
    "top-k, k = 5": {"top_k": 5},
    "temperature 0.5": {"temperature": 0.5},
    "temperature 0.8": {"temperature": 0.8},
    "top-p, P = 0.9": {"top_p": 0.9},
    "temperature 1": {},
    "temperature 2": {"temperature": 2.0},
}
#: By which texts are held against the novel.
COMPARED = ["bits a character", "distinct 6-grams", "known words", "known pairs"]


class Written(NamedTuple):
    """What one method wrote.

    Attributes:
        texts: continuations without their prompts.
        bits: a character of each under the model at temperature 1.
    """

    texts: list[str]
    bits: list[float]


def write(
    model: CharLM,
    vocab: Vocabulary,
    prompts: Sequence[str],
    length: int,
    methods: dict[str, dict] = METHODS,
    seed: int = 0,
) -> dict[str, Written]:
    """Method -> continuations of ``prompts``, all in one batch and by the same random numbers."""
    found, seeds = {}, [seed + k for k in range(len(prompts))]
    steps = list(draw_in_ways(model, vocab, prompts, length, list(methods.values()), seeds))
    for name, drawn in zip(methods, zip(*steps, strict=True), strict=True):
        texts = ["".join(each) for each in zip(*(d.characters for d in drawn), strict=True)]
        nats = -np.mean([d.log_probabilities for d in drawn], axis=0)
        found[name] = Written(texts, nats_to_bits(nats).tolist())
    return found


def write_by_beam(
    model: CharLM, vocab: Vocabulary, prompt: str, length: int, beam_width: int
) -> Written:
    """The likeliest continuation that a beam finds."""
    text, score = beam_search(model, vocab, prompt, length, beam_width)[0]
    return Written([text[len(prompt) :]], [nats_to_bits(-score) / length])


def compare(written: dict[str, Written], lexicon: Lexicon, novel_bits: float) -> pd.DataFrame:
    """The novel's row, then a row a method, the nearest to the novel first.

    "distance" is the root of the mean square of value / novel's value - 1 over :data:`COMPARED`.

    Args:
        novel_bits: bits a character of the novel's held-out text under the model.
    """
    novel = {"bits a character": novel_bits, **lexicon.novel}
    rows = {
        name: {"bits a character": np.mean(each.bits)}
        | {"distinct 6-grams": np.mean([distinct(text, 6) for text in each.texts])}
        | measure(each.texts, lexicon)
        for name, each in written.items()
    }
    for row in rows.values():
        off = [row[name] / novel[name] - 1 for name in COMPARED]
        row["distance"] = float(np.sqrt(np.mean(np.square(off))))
    table = pd.DataFrame(rows).T.sort_values("distance")
    held_out = pd.DataFrame({"the novel, held out": novel | {"distance": 0.0}}).T
    return pd.concat([held_out, table])[[*COMPARED, "marks in place", "names", "distance"]]


def every_other(written: dict[str, Written], first: int) -> dict[str, Written]:
    """Half of the texts of each method that has several: those at ``first``, ``first + 2``, …"""
    return {
        name: Written(each.texts[first::2], each.bits[first::2])
        for name, each in written.items()
        if len(each.texts) > 1
    }


def first_words(texts: Sequence[str], prompt: str, most: int = 5) -> dict[str, float]:
    """The commonest first words of continuations of a prompt, with their shares.

    Args:
        prompt: ends in a space, so that a word of its own begins behind it.
    """
    found = Counter()
    for text in texts:
        word = WORD.match(text, len(prompt))
        found[word[0] if word else text[len(prompt) : len(prompt) + 1]] += 1
    return {word: count / len(texts) for word, count in found.most_common(most)}
