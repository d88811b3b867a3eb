"""What the book model is compared with: temperatures, how it reads on, the novel itself.

``measure_and_write`` needs the book and writes ``data/results/book_text.json``, which the notebook
reads; with ``profile="full"`` it calls this after the training. No text of the book is kept.
"""

from pathlib import Path

import torch

from helpers import paths, runtime
from helpers.archive import sealed, unsealed_results
from helpers.files import atomic_write
from helpers.text import measures
from helpers.text.book_model import NAME
from helpers.text.books import decode_bytes, load_book, strip_gutenberg
from helpers.text.charlm import CharLM
from helpers.text.corpus import split_text
from helpers.text.cuts import POSITIONS
from helpers.text.evaluation import bits_by_position
from helpers.text.sampling import draw_characters
from helpers.text.saved_models import load_model
from helpers.text.vocabulary import Vocabulary

#: The file in ``data/results/``.
FILE = "book_text.json"
TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 2.0)
SAMPLES, SAMPLE_LENGTH = 8, 2000


def measures_by_temperature(model: CharLM, vocab: Vocabulary, known: set[str], source: str) -> list:
    """Measures of generated text, a row a temperature.

    "known words": share of words that are in ``known``; "distinct 6-grams": share of stretches of 6
    characters that differ; "bits a character": of the drawn characters under the model at
    temperature 1; "longest copy": longest stretch that stands in the training text.
    """
    rows = []
    for temperature in runtime.progress(TEMPERATURES, desc="temperatures", unit="settings"):
        prompts, seeds = ["The "] * SAMPLES, list(range(SAMPLES))
        texts, nats = [""] * SAMPLES, []
        for drawn in draw_characters(model, vocab, prompts, SAMPLE_LENGTH, temperature, seed=seeds):
            texts = [t + c for t, c in zip(texts, drawn.characters, strict=True)]
            nats += drawn.log_probabilities
        share = [measures.share_of_known_words(text, known) for text in texts]
        variety = [measures.distinct(text, 6) for text in texts]
        rows.append(
            {
                "temperature": temperature,
                "known words": sum(share) / SAMPLES,
                "distinct 6-grams": sum(variety) / SAMPLES,
                "bits a character": measures.nats_to_bits(-sum(nats) / len(nats)),
                "longest copy": max(measures.longest_copy(text, source) for text in texts),
            }
        )
    return rows


def measure_and_write(
    folder: Path = paths.RESULTS, checkpoints: Path = paths.CHECKPOINTS, book: str = NAME
) -> dict:
    """Measure, write :data:`FILE`, return what was written.

    Args:
        folder: of the file.
        checkpoints: where the book model is.

    Raises:
        ValueError: the book or its model is not here.
    """
    text = load_book(book)
    parts = split_text(text.text)
    model, vocab, header = load_model(checkpoints / NAME)
    known = measures.known_words([parts.train])
    held_out = parts.test[:SAMPLE_LENGTH]
    result = {
        "temperature": measures_by_temperature(model, vocab, known, parts.train),
        "book": {
            "known words": measures.share_of_known_words(parts.test, known),
            "distinct 6-grams": measures.distinct(held_out, 6),
            "bits a character": header["valid"]["bpc"],
        },
        "positions": bits_by_position(model, vocab.encode(parts.valid), POSITIONS),
        "licence": licence(book),
    }
    result["torch"] = torch.__version__.split("+")[0]
    with atomic_write(folder / FILE, durable=True) as file:
        file.write(sealed(result))
    return result


def licence(book: str) -> dict[str, int]:
    """How much of the downloaded file is licence, and how often its clause 1.E.3 stands there."""
    raw = decode_bytes((paths.BOOKS / f"{book}.txt").read_bytes(), book)
    clean = strip_gutenberg(raw)
    return {
        "characters": len(raw),
        "of the licence": len(raw) - len(clean),
        "1.E.3 before": raw.count("1.E.3"),
        "1.E.3 after": clean.count("1.E.3"),
    }


def read(folder: Path = paths.RESULTS) -> dict:
    """What :func:`measure_and_write` wrote.

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    record = unsealed_results(folder / FILE, "the book's measures")
    return {name: value for name, value in record.items() if name != "sha256"}
