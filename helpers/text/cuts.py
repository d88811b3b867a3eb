"""Ways to cut a text for training, and what each can do: begin anywhere, and read on.

Data flow::

    CUTS -> one small network, trained once for each (a snapshot each, to go on from)
         -> bits by first character, by position behind it, over the validation text
         -> data/results/book_cuts.json

The novel's test text has no part in this.
"""

from pathlib import Path

import torch

from helpers import paths, runtime
from helpers.archive import sealed, unsealed_results
from helpers.files import atomic_write
from helpers.text.book_model import NAME as BOOK
from helpers.text.books import load_book
from helpers.text.charlm import CharLM
from helpers.text.corpus import split_text
from helpers.text.evaluation import bits_by_first_character, bits_by_position, evaluate
from helpers.text.training import Plan, fit
from helpers.text.vocabulary import Vocabulary

#: The file in ``data/results/``.
FILE = "book_cuts.json"
#: Characters read after a reset.
POSITIONS = 300
_SHARED = {"lr": 3e-3, "schedule": "cosine", "eval_every": 1000, "bf16": True}
#: Trainings that differ in how the text is cut, on as many characters; the first is the
#: assignment's.
CUTS = {
    "windows of 30, reset": Plan(4000, "windows", 30, 128, **_SHARED),
    "streams of 100, carried": Plan(4000, "streams", 100, 38, **_SHARED),
    "streams of 100, with restarts": Plan(4000, "streams", 100, 38, restart=0.1, **_SHARED),
}
#: Of the network.
ARGUMENTS = {"hidden_size": 256, "num_layers": 2, "embedding_size": 64, "dropout": 0.1}


def measure_and_write(
    folder: Path = paths.RESULTS,
    work: Path = paths.WORK,
    book: str = BOOK,
    cuts: dict[str, Plan] | None = None,
) -> dict:
    """Train one network for each cut, measure it, write :data:`FILE`; returns what was written.

    For each name of :data:`CUTS`: "bpc" of the validation text, read in one piece; "beginnings",
    first character -> bits a character of the 60 behind it; "positions", bits of the character
    behind 1, 2, … characters read from a zero state.

    Args:
        folder: of the file.
        work: of the snapshots from which an interrupted training goes on; in the end they go.
        cuts: in the place of :data:`CUTS`.

    Raises:
        ValueError: the book is not here and cannot be fetched, or a snapshot is another training's.
        FloatingPointError: a training diverged; nothing is written.
    """
    text = load_book(book).text
    vocab, parts = Vocabulary(text), split_text(text)
    train_ids, valid_ids = vocab.encode(parts.train), vocab.encode(parts.valid)
    work.mkdir(parents=True, exist_ok=True)
    found, snapshots = {}, []
    for k, (name, plan) in enumerate((CUTS if cuts is None else cuts).items()):
        model = CharLM(len(vocab), **ARGUMENTS, generator=runtime.generator(plan.seed, "weights"))
        snapshots.append(work / f"book_cuts.{k}")
        with runtime.progress(total=plan.steps, desc=name, unit="steps") as bar:

            def show(step, bar=bar):
                bar.update(step.number - bar.n)

            fit(model, train_ids, valid_ids, plan, resume=snapshots[-1], on_step=show).undiverged()
        found[name] = {
            "bpc": evaluate(model, valid_ids)["bpc"],
            "beginnings": bits_by_first_character(model, valid_ids, vocab),
            "positions": bits_by_position(model, valid_ids, POSITIONS),
        }
    result = {"cuts": found, "torch": torch.__version__.split("+")[0]}
    with atomic_write(folder / FILE, durable=True) as file:
        file.write(sealed(result))
    for snapshot in snapshots:  # another call trains anew
        snapshot.unlink(missing_ok=True)
    return result


def read(folder: Path = paths.RESULTS) -> dict[str, dict]:
    """Name of a cut -> what :func:`measure_and_write` found of it.

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    return unsealed_results(folder / FILE, "the measures of ways to cut the text")["cuts"]
