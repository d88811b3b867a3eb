"""The book model: a character model of Anna Karenina, its training, what it wrote on the way.

``train_and_save`` makes ``data/checkpoints/anna_karenina`` from the book alone; the notebook
with ``profile="full"`` calls it. It resumes what was interrupted.

There are two trainings. The first reads windows at random places, from a zero state each, at a rate
that stays; what it leaves is the average of its last weights. Its model begins well anywhere, and
has never read on past a window's end. The second, short one reads on: the state is carried from
window to window, and set back in a quarter of the tracks, lest it forget how to begin. The header
holds the bits by beginning before and after it.
"""

import datetime
from dataclasses import asdict, replace
from pathlib import Path

import torch

from helpers import paths, runtime
from helpers.text import baselines, measures
from helpers.text.books import load_book
from helpers.text.charlm import CharLM
from helpers.text.corpus import split_text
from helpers.text.evaluation import bits_by_first_character, evaluate
from helpers.text.levered import LeveredLM
from helpers.text.sampling import generate_batch
from helpers.text.saved_models import load_model, save_model
from helpers.text.train_book import file_name
from helpers.text.training import History, Plan, fit
from helpers.text.vocabulary import Vocabulary

NAME = "anna_karenina"
#: Arguments of :class:`.LeveredLM`.
ARGUMENTS = {
    "hidden_size": 640,
    "num_layers": 2,
    "embedding_size": 64,
    "dropout": 0.4,
    "norm": True,
    "weight_dropout": 0.3,
}
#: As many characters as 40 passes over the training part: 64 windows of 100 a step.
PLAN = Plan(
    steps=11_040,
    batching="windows",
    length=100,
    batch_size=64,
    optimizer="adamw",
    lr=2e-3,
    schedule="constant",
    warmup=200,
    weight_decay=0.01,
    clip_norm=1.0,
    eval_every=276,
    bf16=True,
    average=0.998,
)
#: Four passes more, on the text in its order.
FINISH = replace(
    PLAN,
    steps=1104,
    batching="streams",
    restart=0.25,
    lr=1e-3,
    schedule="cosine",
    warmup=100,
    average=0.0,
    seed=PLAN.seed + 1,
)
#: What is sampled at each stage, as in report 001: how these go on, and at these temperatures.
PROMPTS = ("Stepan Arkadyevitch", "He went", "Anna said that")
STAGE_TEMPERATURES = (0.5, 1.0, 2.0, 0.0)
#: Sentences that are not in the book, for the model to complete.
FOREIGN = (
    "The train to the moon leaves at ",
    "My computer told me that ",
    "If I were a graph, I would ",
    "Nobody has ever seen a ",
)


def stage_samples(model: CharLM, vocab: Vocabulary, seed: int = 0) -> dict:
    """What is sampled at each stage: the cells of report 001's tables 1 to 4.

    Returns:
        "first": temperature -> 30 characters after a random first letter; "top_k" and "half":
        prompt -> 120 characters with the five likeliest, and at temperature 0.5.
    """
    letters = [c for c in vocab.characters if c.isalpha()]
    drawn = torch.randint(
        len(letters), (len(STAGE_TEMPERATURES),), generator=runtime.generator(seed)
    )
    first = {
        str(t): generate_batch(model, vocab, [letters[k]], 29, t, seed=seed + i)[0]
        for i, (t, k) in enumerate(zip(STAGE_TEMPERATURES, drawn.tolist(), strict=True))
    }
    seeds = [seed + i for i in range(len(PROMPTS))]
    top_k = generate_batch(model, vocab, PROMPTS, 120, 1.0, top_k=5, seed=seeds)
    half = generate_batch(model, vocab, PROMPTS, 120, 0.5, seed=seeds)
    return {
        "first": first,
        "top_k": dict(zip(PROMPTS, top_k, strict=True)),
        "half": dict(zip(PROMPTS, half, strict=True)),
    }


def recipe(_name: str) -> dict:
    """What the header of the published model says if it was trained as it would be now."""
    return {"plan": asdict(PLAN), "finish": asdict(FINISH), "model": ARGUMENTS}


def train_and_save(
    folder: Path = paths.CHECKPOINTS,
    work: Path = paths.WORK,
    book: str = NAME,
    plan: Plan = PLAN,
    finish: Plan = FINISH,
    arguments: dict | None = None,
    device: str | torch.device = "cpu",
) -> dict:
    """Train on ``book`` and write the checkpoint; returns its header.

    The test part is read once, after everything else, by the weights as they are on disk.

    Args:
        folder: of the checkpoint.
        work: of the snapshots from which an interrupted training goes on; in the end they go.
        plan, finish: of the first and the second training.
        arguments: of the model; :data:`ARGUMENTS` if left out.
        device: where it is trained; on the processor with all its cores, which pay at this size.

    Raises:
        ValueError: the book is not here and cannot be fetched, or a snapshot is another training's.
        FloatingPointError: a training diverged; nothing is written, its last snapshot stays.
    """
    text = load_book(book)
    vocab = Vocabulary(text.text)
    parts = split_text(text.text)
    train_ids, valid_ids = vocab.encode(parts.train), vocab.encode(parts.valid)
    model = LeveredLM(
        len(vocab), **(arguments or ARGUMENTS), generator=runtime.generator(plan.seed, "weights")
    )
    model.to(runtime.device(device))
    work.mkdir(parents=True, exist_ok=True)
    snapshots = [work / f"{file_name(text.title)}.{part}" for part in ("training", "finishing")]
    shown = {"total": plan.steps + finish.steps, "desc": "book", "unit": "steps"}
    threads = runtime.own_threads(runtime.cores())
    with runtime.threads(threads), runtime.progress(**shown) as bar:

        def train(plan: Plan, snapshot: Path, before: int = 0, sample=None) -> History:
            def show(step):
                bar.update(before + step.number - bar.n)

            history = fit(
                model, train_ids, valid_ids, plan, resume=snapshot, sample=sample, on_step=show
            )
            bar.set_postfix_str(f"best {history.undiverged().best()['bpc']:.3f} bpc")
            return history

        history = train(plan, snapshots[0], sample=lambda m: stage_samples(m, vocab))
        beginnings = {"before": _beginnings(model, valid_ids, vocab)}
        finishing = train(finish, snapshots[1], before=plan.steps)
        beginnings["after"] = _beginnings(model, valid_ids, vocab)
    header = {
        "book": {"title": text.title, "characters": len(text)},
        "made": datetime.date.today().isoformat(),
        "torch": torch.__version__.split("+")[0],
        "plan": asdict(plan),
        "finish": asdict(finish),
        "beginnings": beginnings,
        "curves": _curves([history, finishing], every=max(1, plan.steps // 500)),
        "stages": history.samples,
        "baselines": {
            part: _baselines(parts.train, held_out, vocab)
            for part, held_out in (("valid", parts.valid), ("test", parts.test))
        },
        "overlap": {
            str(length): measures.seen_share(parts.test, parts.train, length)
            for length in (20, 30, 50, 100)
        },
    }
    rounded = snapshots[0].with_suffix(".rounded")
    save_model(rounded, model, vocab, half=True, **header)
    saved, _, _ = load_model(rounded)
    saved.to(runtime.device_of(model))
    header["valid"] = evaluate(saved, valid_ids)
    header["test"] = evaluate(saved, vocab.encode(parts.test))
    save_model(folder / NAME, model, vocab, half=True, **header)
    for snapshot in snapshots:  # another call trains anew
        snapshot.unlink(missing_ok=True)
    return header


def _beginnings(model: CharLM, ids: torch.Tensor, vocab: Vocabulary) -> dict[str, float]:
    found = bits_by_first_character(model, ids, vocab)
    return {first: round(bits, 4) for first, bits in found.items()}


def _curves(trainings: list[History], every: int) -> dict:
    """All trainings as one: loss and accuracy averaged over ``every`` steps, and all looks."""
    loss = torch.tensor([value for history in trainings for value in history.loss])
    accuracy = torch.tensor([value for history in trainings for value in history.accuracy])
    whole = len(loss) // every * every
    looks, before = [], 0
    for history in trainings:
        looks += [look | {"step": before + look["step"]} for look in history.valid]
        before += history.step
    return {
        "every": every,
        "loss": [round(v, 4) for v in loss[:whole].view(-1, every).mean(1).tolist()],
        "accuracy": [round(v, 4) for v in accuracy[:whole].view(-1, every).mean(1).tolist()],
        "valid": looks,
    }


def _baselines(train: str, held_out: str, vocab: Vocabulary) -> dict[str, float]:
    found = {"unigram": baselines.unigram_bpc(train, held_out)}
    for name in baselines.COMPRESSORS:
        found[name] = baselines.compressor_bpc(name, train, held_out)
    found["6-gram"] = baselines.NGram(train, 6, vocab.characters).bpc(held_out)
    return found
