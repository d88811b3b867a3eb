"""The book model: a character model of Anna Karenina, its training, what it wrote on the way.

``train_and_save`` makes ``data/checkpoints/anna_karenina`` from the book alone; the notebook
with ``profile="full"`` calls it. It resumes what was interrupted.

Data flow::

    NARROW: windows at random -> streams -> rounded to float16, a checkpoint in ``work``
        -> widened: units copied (helpers.text.widening)
    WIDE: windows at random -> streams -> logits divided (helpers.text.calibration)
        -> rounded to float16 -> data/checkpoints/anna_karenina

A network is trained twice. The first training reads windows at random places, from a zero state
each, at a rate that stays; what it leaves is the average of its last weights. Its model begins well
anywhere, and has never read on past a window's end. The second, short one reads on: the state is
carried from window to window, and set back in a quarter of the tracks, lest it forget how to begin.
The header holds the bits by beginning before and after it. Then units are copied, and the wider
network is trained in the same two ways with more dropout, at last with less: a narrow one learns
what is usual at less cost a step, a wide one has room for more. In the end its logits are divided
by the temperature at which it needs the fewest bits for the validation text.
"""

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from helpers import paths, runtime
from helpers.checkpoints import files_of
from helpers.text import baselines, measures
from helpers.text.books import load_book
from helpers.text.calibration import best_temperature, divide_logits_
from helpers.text.charlm import CharLM
from helpers.text.corpus import split_text
from helpers.text.evaluation import bits_by_first_character, evaluate
from helpers.text.levered import LeveredLM
from helpers.text.sampling import generate_batch
from helpers.text.saved_models import load_model, save_model
from helpers.text.train_book import file_name
from helpers.text.training import History, Plan, fit
from helpers.text.vocabulary import Vocabulary
from helpers.text.widening import widened

NAME = "anna_karenina"


@dataclass(frozen=True)
class Recipe:
    """A network and its two trainings.

    Attributes:
        arguments: of :class:`.LeveredLM`; of a wider one, those that it has otherwise.
        plan, finish: of the first and the second training.
        calmed: arguments that it has otherwise in the second training, less dropout.
    """

    arguments: dict
    plan: Plan
    finish: Plan
    calmed: dict = field(default_factory=dict)

    @property
    def steps(self) -> int:
        return self.plan.steps + self.finish.steps


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
NARROW = Recipe(
    {
        "hidden_size": 640,
        "num_layers": 2,
        "embedding_size": 64,
        "dropout": 0.4,
        "norm": True,
        "weight_dropout": 0.3,
    },
    PLAN,
    FINISH,
)
#: 18 passes more with wider layers, and four in the text's order. In a trial of the last ones, read
#: on validation text, less dropout did better than as much.
WIDE = Recipe(
    {"hidden_size": 832, "dropout": 0.45},
    replace(PLAN, steps=4968, warmup=100, seed=PLAN.seed + 2),
    replace(FINISH, seed=PLAN.seed + 3),
    {"dropout": 0.25, "weight_dropout": 0.2},
)
#: The trainings, as the files of their snapshots end.
PARTS = ("training", "finishing", "widening", "finishing_wide")
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
    trainings = _trainings(NARROW, WIDE)
    return {"model": trainings["wide"] | WIDE.calmed, **trainings}


def train_and_save(
    folder: Path = paths.CHECKPOINTS,
    work: Path = paths.WORK,
    book: str = NAME,
    narrow: Recipe = NARROW,
    wide: Recipe = WIDE,
    device: str | torch.device = "cpu",
) -> dict:
    """Train on ``book`` and write the checkpoint; returns its header.

    The test part is read once, after everything else, by the weights as they are on disk.

    Args:
        folder: of the checkpoint.
        work: of what an interrupted training goes on from; in the end it goes.
        narrow, wide: the network that is trained first, and the one that begins where it ended.
        device: where they are trained; on the processor with all its cores, which pay at this size.

    Raises:
        ValueError: the book is not here and cannot be fetched, or what lies in ``work`` is another
            training's.
        FloatingPointError: a training diverged; nothing is published, its last snapshot stays.
    """
    text = load_book(book)
    vocab = Vocabulary(text.text)
    parts = split_text(text.text)
    texts = vocab.encode(parts.train), vocab.encode(parts.valid)
    place = runtime.device(device)
    work.mkdir(parents=True, exist_ok=True)
    name, every = file_name(text.title), max(1, narrow.plan.steps // 500)
    snapshots = [work / f"{name}.{part}" for part in PARTS]
    begun, identity = work / f"{name}.narrow", {**_told(narrow), "text": text.digest}
    threads = runtime.own_threads(runtime.cores())
    shown = {"total": narrow.steps + wide.steps, "desc": "book", "unit": "steps"}
    with runtime.threads(threads), runtime.progress(**shown) as bar:
        if not files_of(begun)[1].exists():
            weights = runtime.generator(narrow.plan.seed, "weights")
            model = LeveredLM(len(vocab), **narrow.arguments, generator=weights).to(place)
            model, first = _read_twice(
                model, narrow, texts, vocab, snapshots[:2], bar, every, watched=True
            )
            save_model(begun, model, vocab, half=True, **first, **identity)
        model, known, first = load_model(begun)
        alike = all(first.get(entry) == value for entry, value in identity.items())
        if known.characters != vocab.characters or not alike:
            raise ValueError(f"{begun.name} is of another text or recipe; delete it to start anew")
        bar.update(narrow.steps - bar.n)
        weights = runtime.generator(wide.plan.seed, "weights")
        arguments = narrow.arguments | wide.arguments
        model = widened(model.to(place), generator=weights, **arguments)
        unread = evaluate(model, texts[1])["bpc"]
        model, second = _read_twice(model, wide, texts, vocab, snapshots[2:], bar, every)
        temperature = best_temperature(model, texts[1])
        divide_logits_(model, temperature)
        published = _beginnings(model, texts[1], vocab)
    header = {
        "book": {"title": text.title, "characters": len(text)},
        "made": datetime.date.today().isoformat(),
        "torch": torch.__version__.split("+")[0],
        **_trainings(narrow, wide),
        "widened": unread,  # bits a character of the validation text, before it was trained on
        "temperature": temperature,
        "beginnings": first["beginnings"] | {"published": published},
        "curves": _joined(first["curves"], second["curves"], narrow.steps),
        "stages": first["stages"],
        "baselines": {
            part: _baselines(parts.train, held_out, vocab)
            for part, held_out in (("valid", parts.valid), ("test", parts.test))
        },
        "overlap": {
            str(length): measures.seen_share(parts.test, parts.train, length)
            for length in (20, 30, 50, 100)
        },
    }
    rounded = work / f"{name}.rounded"
    save_model(rounded, model, vocab, half=True, **header)
    saved, _, _ = load_model(rounded)
    saved.to(place)
    header["valid"] = evaluate(saved, texts[1])
    header["test"] = evaluate(saved, vocab.encode(parts.test))
    save_model(folder / NAME, model, vocab, half=True, **header)
    for file in (*snapshots, *files_of(begun)):  # another call trains anew
        file.unlink(missing_ok=True)
    return header


def _trainings(narrow: Recipe, wide: Recipe) -> dict:
    """The four plans, and the arguments of both networks, as a header holds them."""
    return {
        **_told(narrow),
        "wide": narrow.arguments | wide.arguments,
        "wide_plan": asdict(wide.plan),
        "wide_finish": asdict(wide.finish),
    }


def _told(narrow: Recipe) -> dict:
    """The same of the narrow network alone."""
    plans = {"plan": asdict(narrow.plan), "finish": asdict(narrow.finish)}
    return {"narrow": narrow.arguments, **plans}


def _read_twice(
    model: CharLM,
    recipe: Recipe,
    texts: tuple[torch.Tensor, torch.Tensor],
    vocab: Vocabulary,
    snapshots: Sequence[Path],
    bar,
    every: int,
    watched: bool = False,
) -> tuple[CharLM, dict]:
    """Both trainings; the model, and "curves" for its header, if watched "stages", "beginnings"."""
    histories, beginnings = [], {}
    for plan, snapshot, when in zip(
        (recipe.plan, recipe.finish), snapshots, ("before", "after"), strict=True
    ):
        if plan is recipe.finish and recipe.calmed:
            model = _with(model, **recipe.calmed)
        begun = bar.n
        sample = (lambda m: stage_samples(m, vocab)) if watched and not histories else None
        history = fit(
            model, *texts, plan, resume=snapshot, sample=sample,
            on_step=lambda step, begun=begun: bar.update(begun + step.number - bar.n),
        )  # fmt: skip
        bar.set_postfix_str(f"best {history.undiverged().best()['bpc']:.3f} bpc")
        bar.update(begun + plan.steps - bar.n)  # all at once, if a snapshot held the whole training
        histories.append(history)
        if watched:
            beginnings[when] = _beginnings(model, texts[1], vocab)
    told = {"curves": _curves(histories, every)}
    if watched:
        told |= {"stages": histories[0].samples, "beginnings": beginnings}
    return model, told


def _with(model: LeveredLM, **changes) -> LeveredLM:
    """``model`` with other arguments and the same weights."""
    other = LeveredLM(**model.arguments | changes).to(model.W_ph)
    other.load_state_dict(model.state_dict())
    return other


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


def _joined(first: dict, second: dict, steps: int) -> dict:
    """Curves of trainings that follow one another, the first ones of ``steps`` steps.

    Where these are no whole number of averages, the second losses lie that much too early.
    """
    looks = [look | {"step": steps + look["step"]} for look in second["valid"]]
    return {
        "every": first["every"],
        "loss": first["loss"] + second["loss"],
        "accuracy": first["accuracy"] + second["accuracy"],
        "valid": first["valid"] + looks,
    }


def _baselines(train: str, held_out: str, vocab: Vocabulary) -> dict[str, float]:
    found = {"unigram": baselines.unigram_bpc(train, held_out)}
    for name in baselines.COMPRESSORS:
        found[name] = baselines.compressor_bpc(name, train, held_out)
    found["6-gram"] = baselines.NGram(train, 6, vocab.characters).bpc(held_out)
    return found
