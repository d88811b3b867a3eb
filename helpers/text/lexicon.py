"""Words, pairs of words and names of a book as hashes, so that text is checked without the book.

The notebook says how many words of a generated text are words of the novel, also where the novel
is not. ``data/results/anna_karenina_words.json`` therefore holds hashes of the training part's
words, of its pairs of neighbouring words and of its names, and what the same measures say of the
validation part. A hash cannot be read back: no text of the book is kept.
"""

import base64
import hashlib
import itertools
import random
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers import paths
from helpers.archive import sealed, unsealed
from helpers.files import atomic_write
from helpers.text import measures
from helpers.text.books import load_book
from helpers.text.corpus import split_text

#: The file in ``data/results/``.
FILE = "anna_karenina_words.json"
BOOK = "anna_karenina"
#: Of a hash. Of 2^26 values the novel's 119,000 pairs take 1 in 560: so many are called known that
#: are not.
BITS = 26
#: Characters of the pieces in which the variety of the book is measured: it falls with length.
PIECE = 160
#: A name is a word that stands at least so often in the training part, and never in lower case.
LEAST = 5


@dataclass(frozen=True)
class Lexicon:
    """What is known of a book.

    Attributes:
        words, pairs, names: sorted hashes, uint32.
        novel: measures of the book's validation part (:func:`measure`).
        shuffled: the same of that part with its words in random order: known words, no grammar.
    """

    words: np.ndarray
    pairs: np.ndarray
    names: np.ndarray
    novel: dict[str, float]
    shuffled: dict[str, float]


def measure(texts: Sequence[str], lexicon: Lexicon) -> dict[str, float]:
    """What the texts are like, counted over all of them together. NaN where there is nothing.

    Of each text the first and the last word are left out, as it may begin or end inside them.

    Returns:
        "letters": share of letters among the characters; "letters a word"; "known words": share of
        the words that the book has; "known pairs": share of the pairs of neighbouring known words
        that the book has; "marks in place": share of quotation marks that stand where such a mark
        may stand (:func:`.measures.marks_in_place`), and "marks", how many there are; "names":
        share of the words that are names of the book, written with a capital; "words": how many
        words were counted.
    """
    found = [measures.words(text)[1:-1] for text in texts]
    words = [word for each in found for word in each]
    known = _are_in(words, lexicon.words)
    at = np.cumsum([0, *map(len, found)])
    pairs = [
        f"{a} {b}"
        for each, start in zip(found, at, strict=False)
        for k, (a, b) in enumerate(itertools.pairwise(each), start)
        if known[k] and known[k + 1]
    ]
    capitals = [word.lower() for text in texts for word in measures.capitalised(text)]
    names = int(_are_in(capitals, lexicon.names).sum())
    marks = [fits for text in texts for fits in measures.marks_in_place(text)]
    return {
        "letters": _mean([c.isalpha() for text in texts for c in text]),
        "letters a word": _mean([len(word) for word in words]),
        "known words": _mean(known),
        "known pairs": _mean(_are_in(pairs, lexicon.pairs)),
        "marks in place": _mean(marks),
        "marks": len(marks),
        "names": names / len(words) if words else float("nan"),
        "words": len(words),
    }


def made_up(text: str, lexicon: Lexicon) -> list[str]:
    """The words of a text that the book does not have, in their order; not its first and last."""
    words = measures.words(text)[1:-1]
    known = _are_in(words, lexicon.words)
    return [word for word, is_known in zip(words, known, strict=True) if not is_known]


def of_parts(train: str, held_out: str, seed: int = 0) -> Lexicon:
    """The lexicon of a training text, and its measures of a held-out one."""
    words = measures.words(train)
    capitals = Counter(word.lower() for word in measures.capitalised(train))
    lower = set(measures.WORD.findall(train))
    names = [word for word, n in capitals.items() if n >= LEAST and word not in lower]
    pairs = {f"{a} {b}" for a, b in itertools.pairwise(words)}
    empty = Lexicon(hashes(set(words)), hashes(pairs), hashes(names), {}, {})
    pieces = [held_out[k : k + PIECE] for k in range(0, len(held_out), PIECE)]
    shuffled = measures.words(held_out)
    random.Random(seed).shuffle(shuffled)
    novel = measure([held_out], empty) | {
        "distinct 6-grams": _mean([measures.distinct(piece, 6) for piece in pieces])
    }
    mixed = measure([" ".join(shuffled)], empty)
    mixed = {name: mixed[name] for name in ("known words", "known pairs")}
    return Lexicon(empty.words, empty.pairs, empty.names, novel, mixed)


def write(book: str = BOOK, folder: Path = paths.RESULTS) -> Lexicon:
    """Measure ``book`` and write :data:`FILE`.

    Raises:
        ValueError: the book is not here and cannot be fetched.
    """
    parts = split_text(load_book(book).text)
    lexicon = of_parts(parts.train, parts.valid)
    record = {name: _packed(getattr(lexicon, name)) for name in ("words", "pairs", "names")}
    record |= {"novel": lexicon.novel, "shuffled": lexicon.shuffled}
    with atomic_write(folder / FILE, durable=True) as file:
        file.write(sealed(record))
    return lexicon


def read(folder: Path = paths.RESULTS) -> Lexicon:
    """What :func:`write` wrote.

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    record = unsealed(folder / FILE)
    sets = [_unpacked(record[name]) for name in ("words", "pairs", "names")]
    return Lexicon(*sets, record["novel"], record["shuffled"])


def hashes(items: Iterable[str]) -> np.ndarray:
    """The sorted distinct hashes of ``items``, of :data:`BITS` bits each."""
    return np.unique(np.array([_hash(item) for item in items], np.uint32))


def _hash(item: str) -> int:
    digest = hashlib.blake2b(item.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> (32 - BITS)


def _are_in(items: Sequence[str], known: np.ndarray) -> np.ndarray:
    return np.isin(np.array([_hash(item) for item in items], np.uint32), known)


def _mean(values) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _packed(values: np.ndarray) -> str:
    """Sorted numbers as differences, compressed, in letters that JSON can hold."""
    steps = np.diff(values, prepend=np.uint32(0)).astype("<u4")
    return base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode()


def _unpacked(packed: str) -> np.ndarray:
    steps = np.frombuffer(zlib.decompress(base64.b64decode(packed)), "<u4")
    return np.cumsum(steps, dtype=np.uint32)
