"""``python -m helpers.text.train_book my_book.txt``: a character model of a reader's own book.

Data flow::

    book -> its size -> recipe: model and plan -> fit, with snapshots to go on from
         -> checkpoint (weights, vocabulary, header) and card, in data/work/books

Anything that :func:`.books.load_book` takes is a book: a plain-text file, a folder of them, an
address. What was interrupted goes on from its last look when the same is said again, and what is
finished is not trained again; a text that has changed, or another recipe, asks for another name.
The test part is read once, at the end.

The recipe has what notebook 05, section 6.3, found to help: normalised layers, both dropouts, a
rate that is held, and the average of the last weights.
"""

import argparse
import datetime
import glob
import hashlib
import re
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from helpers import paths, runtime
from helpers.checkpoints import files_of
from helpers.checks import integer
from helpers.files import atomic_write
from helpers.processes import command
from helpers.text import baselines
from helpers.text.books import Book, load_book
from helpers.text.corpus import split_text
from helpers.text.evaluation import evaluate
from helpers.text.levered import LeveredLM
from helpers.text.measures import longest_copy
from helpers.text.model_card import card
from helpers.text.sampling import generate
from helpers.text.saved_models import load_model, save_model
from helpers.text.training import Plan, fit
from helpers.text.vocabulary import Vocabulary

#: Where the models of readers' books lie; git ignores it, ``make clean`` keeps it.
FOLDER = paths.WORK / "books"
#: The smallest book: less is no text to learn from, and too little to keep parts of it back.
SMALLEST = 10_000
#: Characters that a training reads if the book allows, and bounds of how often it reads the book.
READ, MOST_PASSES, LEAST_PASSES = 20_000_000, 40, 2
#: Up to so many characters a book is read by layers of so many units, in so many streams, at this
#: rate.
WIDTHS = (
    (200_000, 128, 16, 6e-3),
    (1_000_000, 256, 32, 6e-3),
    (float("inf"), 512, 64, 2e-3),
)
#: From so many passes on a share of the outputs, and of the recurrent weights, is dropped: a book
#: that is read a few times only is not known by heart.
DROPOUTS = ((20, 0.4, 0.3), (5, 0.2, 0.2), (0, 0.1, 0.0))
#: What is kept is the mean of about this share of the steps, the last ones, and of no more steps.
AVERAGED, MOST_AVERAGED = 0.1, 500
#: Characters of a stream between two steps.
LENGTH = 100
#: Looks at the validation text in a training, of at most so many characters each.
LOOKS, LOOKED_AT = 20, 200_000
#: Training characters up to which an n-gram model is counted for comparison; it takes memory, of a
#: script of more than so many signs ten times as much.
COUNTED, SIGNS = 3_000_000, 300
#: What is written at the end: characters, temperature.
SAMPLE, TEMPERATURE = 600, 0.7


def recipe(characters: int, steps: int | None = None, seed: int = 0) -> tuple[dict, Plan]:
    """Arguments of the model and the plan of its training, for a book of so many characters.

    A small book is read more often, by a smaller network: a large one would know it by heart. A
    quarter of the streams begins anew before each step, so that the model learns to begin.

    Args:
        steps: in place of as many as the size of the book asks for.
    """
    units, streams, rate = next(size for most, *size in WIDTHS if characters <= most)
    passes = min(MOST_PASSES, max(LEAST_PASSES, round(READ / characters)))
    if steps is None:
        steps = max(100, round(passes * 0.9 * characters / (streams * LENGTH)))
    integer("steps", steps, minimum=1)
    plan = Plan(
        steps=steps,
        batching="streams",
        length=LENGTH,
        batch_size=streams,
        optimizer="adamw",
        lr=rate,
        warmup=min(200, steps // 10),
        weight_decay=0.01,
        clip_norm=1.0,
        eval_every=max(1, steps // LOOKS),
        restart=0.25,
        average=1 - 1 / min(MOST_AVERAGED, max(2, AVERAGED * steps)),
        seed=seed,
    )
    dropout, weight_dropout = next(shares for least, *shares in DROPOUTS if passes >= least)
    arguments = {
        "hidden_size": units,
        "num_layers": 2,
        "embedding_size": 64,
        "dropout": dropout,
        "weight_dropout": weight_dropout,
        "norm": True,
    }
    return arguments, plan


def train_book(
    book: str,
    name: str | None = None,
    *,
    steps: int | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    folder: Path | None = None,
    replace_old: bool = False,
) -> dict:
    """Train a model of ``book`` and write it with its card; returns the checkpoint's header.

    A model that is there already, of this book by this recipe, is not trained again.

    Args:
        book: as :func:`.books.load_book` takes it.
        name: of the files; the book's title if left out.
        steps: fewer or more than :func:`recipe` chooses.
        folder: of the checkpoint ``name``.safetensors and .json, the card ``name``.md, and the
            snapshot of a training in progress; :data:`FOLDER` if left out.
        replace_old: train, and put the model in the place of one that is there already.

    Raises:
        ValueError: the book is missing, no text, or shorter than :data:`SMALLEST` characters; or
            there is another model of that name.
        FloatingPointError: the training diverged; its last snapshot stays.
    """
    text = load_book(book)
    vocab = Vocabulary(text.text)
    _refuse_what_is_no_book(text, vocab)
    folder = FOLDER if folder is None else folder
    name = file_name(text.title if name is None else name)
    where = runtime.device(device)
    arguments, plan = recipe(len(text), steps, seed)
    plan = replace(plan, bf16=runtime.bf16_available(where))
    digest = text.digest
    if not replace_old and (found := _there_already(folder / name, digest, arguments, plan)):
        return found
    parts = split_text(text.text)
    train_ids, valid_ids = vocab.encode(parts.train), vocab.encode(parts.valid)
    weights = runtime.generator(seed, "weights")
    model = LeveredLM(len(vocab), **arguments, generator=weights).to(where)
    snapshot = folder / f"{name}.{_digest_of(digest, arguments, plan)}.training"
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    # Wide layers pay for further cores; narrow ones wait for one another.
    wide = arguments["hidden_size"] >= 512
    cores = runtime.own_threads(runtime.cores() if wide else 1)
    with (
        runtime.threads(cores),
        runtime.progress(total=plan.steps, desc=text.title, unit="steps") as bar,
    ):
        history = fit(
            model,
            train_ids,
            valid_ids[:LOOKED_AT],
            plan,
            resume=snapshot,
            on_step=lambda step: bar.update(step.number - bar.n),
        )
        bar.set_postfix_str(f"best {history.undiverged().best()['bpc']:.3f} bits a character")
    header = {
        "book": {"title": text.title, "characters": len(text), "sha256": digest},
        "made": datetime.date.today().isoformat(),
        "torch": torch.__version__.split("+")[0],
        "plan": asdict(plan),
        "looks": history.valid,
        "minutes": round((time.monotonic() - begun) / 60, 1),
    }
    unfinished = snapshot.with_suffix(".measured")
    save_model(unfinished, model, vocab, half=True, **header)
    saved, _, _ = load_model(unfinished)  # measured as it will lie on the disk
    saved.to(where)
    header["baselines"] = _baselines(parts.train, parts.test, vocab)
    header["valid"] = evaluate(saved, valid_ids)
    header["test"] = evaluate(saved, vocab.encode(parts.test))
    prompt = parts.test[:20]
    written = generate(saved, vocab, prompt, SAMPLE, TEMPERATURE, seed=seed)
    header["sample"] = written
    header["longest copy"] = longest_copy(written[len(prompt) :], parts.train)
    save_model(folder / name, model, vocab, half=True, **header)
    write_card(folder / name)
    for left in folder.glob(f"{glob.escape(name)}.*"):  # of a text or a recipe before, too
        if ".training" in left.suffixes or ".measured" in left.suffixes:
            left.unlink()
    return header


def _refuse_what_is_no_book(text: Book, vocab: Vocabulary) -> None:
    if len(text) < SMALLEST:
        raise ValueError(
            f"{text.title} has {len(text):,} characters; a model needs at least {SMALLEST:,}"
        )
    if len(vocab) < 3:  # one and the end of the line
        raise ValueError(f"{text.title} has one character again and again: nothing to learn")


def _there_already(path: Path, digest: str, arguments: dict, plan: Plan) -> dict | None:
    """The header of the model at ``path``, if it is that of this book and this recipe.

    Raises:
        ValueError: it is another's, or damaged.
    """
    if not files_of(path)[1].exists():
        return None
    _, _, header = load_model(path)
    same_recipe = header["plan"] == asdict(plan) and arguments.items() <= header["model"].items()
    if same_recipe and header["book"].get("sha256") == digest:
        return header
    raise ValueError(
        f"{path.name} is there already: a model of {header['book']['title']}, "
        f"{header['plan']['steps']:,} steps, by another text or recipe. Choose another name, or "
        "have it replaced"
    )


def file_name(title: str) -> str:
    """A title in any script as the name of a file: letters and digits, joined by "_".

    Raises:
        ValueError: there is none in it.
    """
    found = re.sub(r"\W+", "_", title).strip("_").lower()
    if not found:
        raise ValueError(f"a model needs a name with a letter or a digit, got {title!r}")
    return found


def _digest_of(book: str, arguments: dict, plan: Plan) -> str:
    """What names a snapshot: of the text and of all that decides its training."""
    return hashlib.sha256(repr((book, arguments, asdict(plan))).encode()).hexdigest()[:12]


def _baselines(train: str, test: str, vocab: Vocabulary) -> dict[str, float]:
    found = {"unigram": baselines.unigram_bpc(train, test)}
    if len(train) <= (COUNTED if len(vocab) <= SIGNS else COUNTED // 10):
        found["6-gram"] = baselines.NGram(train, 6, vocab.characters).bpc(test)
    return found


def card_of(path: Path) -> dict[str, str]:
    """The card of a model that :func:`train_book` wrote at ``path``, without a suffix."""
    model, _, header = load_model(path)
    found = card(path, model, header)
    found["for"] = f"lessons; it knows {header['book']['title']} and nothing of the world"
    compared = ", ".join(f"{name} {bits:.3f}" for name, bits in header["baselines"].items())
    found["test text by other means"] = f"{compared} bits a character"
    found["longest stretch copied"] = (
        f"{header['longest copy']} characters, in {SAMPLE} at temperature {TEMPERATURE}"
    )
    found["minutes of training"] = f"{header['minutes']:g}, since it was last begun"
    return found


def write_card(path: Path) -> None:
    """The card as a table in Markdown, with a page of what the model writes, beside the model."""
    _, _, header = load_model(path)
    lines = [f"# {header['book']['title']}", "", "| | |", "|---|---|"]
    lines += [f"| {what} | {said} |" for what, said in card_of(path).items()]
    lines += ["", f"It writes, at temperature {TEMPERATURE}:", ""]
    lines += ["    " + line for line in header["sample"].splitlines()]
    with atomic_write(path.with_name(path.name + ".md")) as file:
        file.write(("\n".join(lines) + "\n").encode())


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.text.train_book", description="Train a character model of a book."
    )
    parser.add_argument("book", help="a plain-text file, a folder of them, or an address")
    parser.add_argument("--name", help="of the files; the book's title if left out")
    parser.add_argument("--steps", type=int, help="fewer or more than the book's size asks for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help='"cpu", "cuda", or "auto"')
    replacing = "train anew, in the place of a model of that name"
    parser.add_argument("--replace", action="store_true", dest="replace_old", help=replacing)
    options = vars(parser.parse_args(arguments))
    try:
        header = train_book(options.pop("book"), given := options.pop("name"), **options)
    except (ValueError, FloatingPointError, OSError) as error:
        print(f"helpers.text.train_book: {error}", file=sys.stderr)
        return 2
    name = file_name(given or header["book"]["title"])
    print(f"\n{(FOLDER / f'{name}.md').read_text(encoding='utf-8')}")
    print(
        "In a notebook:\n\n"
        "    from helpers.text.train_book import FOLDER\n"
        "    from helpers.text.saved_models import load_model\n"
        "    from helpers.text.widgets import text_explorer\n\n"
        f"    model, vocab, header = load_model(FOLDER / {name!r})\n"
        f"    text_explorer(model, vocab, {header['sample'][:20]!r})"
    )
    return 0


if __name__ == "__main__":
    command("helpers.text.train_book", main)
