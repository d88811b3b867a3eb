"""Other books than the published one: Python's language reference, and two texts of known sources.

Data flow::

    source -> text -> train_book -> bits, minutes, ways to compare -> data/results/own_books.json

Nobody knows how few bits a character of a novel can cost. A :class:`Source` is a program, so the
least that its texts cost on average can be computed (Shannon 1948, section 7).
"""

import math
import random
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from helpers import paths
from helpers.archive import sealed, unsealed_results
from helpers.files import atomic_write
from helpers.text import train_book
from helpers.text.corpus import split_text

#: The file in ``data/results/``.
FILE = "own_books.json"
#: What :func:`.books.load_book` calls the text that every Python carries.
LANGUAGE_REFERENCE = "default"
#: Endings of a sentence, each as likely as the others; one stands twice.
ENDINGS = (". ", ". ", "? ", "!\n\n")
#: Words of a sentence, evenly from the first to the second.
FEWEST, MOST = 4, 9
#: A comma follows the fourth word of a sentence of more than so many.
COMMA_ABOVE = 6


@dataclass(frozen=True)
class Source:
    """Sentences of words drawn evenly from a list: capitals, commas and paragraphs, no sense.

    Attributes:
        title: of its texts.
        words: separated by blanks, none twice.
        characters: of the text that a model is trained on.
    """

    title: str
    words: str
    characters: int

    def text(self, characters: int | None = None, seed: int = 0) -> str:
        """The first ``characters`` of an endless text (:attr:`characters` if left out)."""
        characters = self.characters if characters is None else characters
        draw, words, written, length = random.Random(seed), self.words.split(), [], 0
        while length < characters:
            chosen = draw.choices(words, k=draw.randint(FEWEST, MOST))
            chosen[0] = chosen[0].capitalize()
            if len(chosen) > COMMA_ABOVE:
                chosen[3] += ","
            written.append(" ".join(chosen) + draw.choice(ENDINGS))
            length += len(written[-1])
        return "".join(written)[:characters]

    def least_bits(self) -> float:
        """Bits a character that no code of its texts can beat on average.

        The bits of the draws of a sentence over its expected length: a sentence tells its draws,
        and capitals and commas, which the draws decide, cost nothing.
        """
        words, numbers = self.words.split(), range(FEWEST, MOST + 1)
        expected = sum(numbers) / len(numbers)
        letters = expected * sum(map(len, words)) / len(words)
        blanks = expected - 1
        commas = sum(k > COMMA_ABOVE for k in numbers) / len(numbers)
        endings = sum(map(len, ENDINGS)) / len(ENDINGS)
        bits = self._bits(expected) + sum(map(_bits_of_ending, ENDINGS)) / len(ENDINGS)
        return bits / (letters + blanks + commas + endings)

    def least_bits_of(self, text: str) -> float:
        """The same for one text of this source: the bits of its own draws, over its characters.

        Args:
            text: a part of a text, of several sentences; those that are not whole do not count.
        """
        begin = re.search("|".join(map(re.escape, ENDINGS)), text).end()
        sentences = re.findall(r"([^.?!]+)([.?!]\s+)", text[begin:])
        drawn = sum(self._bits(len(s.split())) + _bits_of_ending(end) for s, end in sentences)
        return drawn / sum(len(s) + len(end) for s, end in sentences)

    def _bits(self, words: float) -> float:
        return math.log2(MOST - FEWEST + 1) + words * math.log2(len(self.words.split()))


def _bits_of_ending(ending: str) -> float:
    return -math.log2(ENDINGS.count(ending) / len(ENDINGS))


#: The two texts; the second in Greek letters.
SOURCES = (
    Source(
        "Stories in Dutch words",
        "de het een poes hond huis ziet zoekt vindt oude kleine rode naar van met café reünie",
        50_000,
    ),
    Source(
        "Stories in Greek words",
        "ο η το γάτα σκύλος σπίτι βλέπει ψάχνει βρίσκει παλιό μικρό κόκκινο από με και ἀρχή",
        200_000,
    ),
)


def measure(book: str, folder: Path, **options) -> dict:
    """Train a model by :func:`.train_book.train_book` and say what it has come to.

    "model", "unigram" and "6-gram" are bits a character of the test text; the processor minutes are
    those of this process: of one thread below 512 units, and since it was last begun.

    Args:
        book: as that function takes it.
        folder: where the model lies afterwards.
        options: more of that function's arguments.
    """
    begun = time.process_time()
    header = train_book.train_book(book, folder=folder, **options)
    minutes = (time.process_time() - begun) / 60
    return {
        "title": header["book"]["title"],
        "characters": header["book"]["characters"],
        "units": train_book.recipe(header["book"]["characters"])[0]["hidden_size"],
        "steps": header["plan"]["steps"],
        "processor minutes": round(minutes, 1),
        **header["baselines"],
        "model": header["test"]["bpc"],
        "longest copy": header["longest copy"],
    }


def measure_and_write(folder: Path = paths.RESULTS, models: Path = train_book.FOLDER) -> list[dict]:
    """Train a model of each book, write :data:`FILE`, return its rows.

    A training that was interrupted goes on where it was.

    Args:
        folder: of the file.
        models: where the models and what is left of a training lie.
    """
    rows = [measure(LANGUAGE_REFERENCE, models, replace_old=True)]
    for source in SOURCES:
        with tempfile.TemporaryDirectory() as shelf:
            path = Path(shelf) / f"{source.title}.txt"
            path.write_text(source.text(), encoding="utf-8")
            rows.append(measure(str(path), models, replace_old=True))
    with atomic_write(folder / FILE, durable=True) as file:
        file.write(sealed({"books": rows}))
    return rows


def read(folder: Path = paths.RESULTS) -> list[dict]:
    """What :func:`measure_and_write` wrote: a row for each book.

    Where the source is known, "least possible" are the bits a character of the draws that made
    the very text which the model was tested on.

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    rows = unsealed_results(folder / FILE, "the measures of other books")["books"]
    for row, source in zip(rows[1:], SOURCES, strict=True):
        test = split_text(source.text().strip("\n") + "\n").test
        row["least possible"] = source.least_bits_of(test)
    return rows


if __name__ == "__main__":
    measure_and_write()
