"""The card of a character model: what it is, what it read, how it was trained, how well it reads.

Everything comes from the checkpoint's header and its file, but for what is the same for all models:
how a book is split (:mod:`.corpus`), and what an optimizer is given besides (:mod:`.training`).
"""

from pathlib import Path

from helpers.checkpoints import files_of
from helpers.text.charlm import CharLM
from helpers.text.corpus import TEST, VALID
from helpers.text.training import OPTIMIZER_OPTIONS

#: How the schedules of :class:`.training.Plan` are told.
_SCHEDULES = {
    "constant": "held",
    "cosine": "lowered along a cosine to 1 %",
    "staircase": "lowered in stairs",
}


#: How a training is called -> the header's entry with its plan.
TRAININGS = {
    "first training": "plan",
    "second training": "finish",
    "third training": "wide_plan",
    "fourth training": "wide_finish",
}


def count_parameters(
    V: int, n: int, K: int, D: int | None = None, biases: int = 1
) -> dict[str, int]:
    """Parameters of a character model by part.

    Args:
        V: distinct characters.
        n: units of a layer.
        K: layers.
        D: size of the embedding; ``None`` for one-hot input.
        biases: bias vectors a gate: one here, two in ``torch.nn.LSTM``.
    """
    first, further = (4 * n * (inputs + n + biases) for inputs in (D or V, n))
    parts = {"embedding": V * D if D else 0, "layer 1": first}
    parts |= {f"layer {k}": further for k in range(2, K + 1)}
    return parts | {"read-out": V * (n + 1)}


def card(path: Path, model: CharLM, header: dict) -> dict[str, str]:
    """What is asked of a model -> the answer, in a few words.

    Args:
        path: of the checkpoint, without a suffix.
        model, header: as :func:`.saved_models.load_model` gives them.
    """
    arguments, plan = header["model"], header["plan"]
    book, valid, test = header["book"], header["valid"], header["test"]
    size = files_of(path)[0].stat().st_size
    plans = {what: header[name] for what, name in TRAININGS.items() if name in header}
    read = sum(p["steps"] * p["batch_size"] * p["length"] for p in plans.values())
    train = (1 - VALID - TEST) * book["characters"]
    found = {
        "task": "predicts the next character of a text",
        "book": f"{book['title']}, {book['characters']:,} characters, "
        f"{arguments['vocab_size']} distinct",
        "split": f"by position: training, validation ({100 * VALID:g} %), "
        f"test (the last {100 * TEST:g} %), gaps between them",
        "input": "one-hot"
        if arguments["embedding_size"] is None
        else f"an embedding of {arguments['embedding_size']}",
        "layers": f"{arguments['num_layers']} LSTM layers of {arguments['hidden_size']}"
        + (", each normalised" if arguments.get("norm") else ""),
        "dropout": ("at first " if "narrow" in header else "")
        + f"{_dropped(header.get('narrow', arguments))}, in training",
        "parameters": f"{sum(p.numel() for p in model.parameters()):,}, "
        f"{size / 1e6:.1f} MB on disk",
        "batch": _cut(plan),
        "optimizer": f"{_optimizer(plan['optimizer'])}, weight decay {plan['weight_decay']:g}, "
        f"gradient norm clipped at {plan['clip_norm']:g}",
    }
    for what, following in plans.items():
        other = f"{_cut(following)}; " if _cut(following) != _cut(plan) else ""
        found[what] = other + _told(following)
        if what == "second training" and "narrow" in header:
            narrow, wide = header["narrow"], header["wide"]
            found["then widened"] = (
                f"from {narrow['hidden_size']} units a layer to {wide['hidden_size']}, by copies"
                + _otherwise(narrow, wide)
            )
    if "wide" in header:
        found["fourth training"] += _otherwise(header["wide"], arguments)
    if "temperature" in header:
        found["at last"] = (
            f"logits divided by {header['temperature']:.2f}, the temperature at which the "
            "validation text costs the fewest bits"
        )
    times = round(read / train)
    found["text read"] = f"about {f'{times} times' if times > 1 else 'once'} in all"
    return found | {
        "validation": f"{valid['bpc']:.3f} bits a character, {valid['accuracy']:.3f} right",
        "test": f"{test['bpc']:.3f} bits a character, {test['accuracy']:.3f} right",
        "made": f"{header['made']}, torch {header['torch']}",
        "for": f"lessons; it knows {book['title']} and nothing of the world",
    }


def _otherwise(before: dict, after: dict) -> str:
    """The dropout from here on, if it is another."""
    return "" if _dropped(before) == _dropped(after) else f"; dropout {_dropped(after)}"


def _optimizer(name: str) -> str:
    """Its name, with what it is given besides a plan's fields."""
    given = []
    for option, value in OPTIMIZER_OPTIONS[name].items():
        numbers = value if isinstance(value, tuple) else (value,)
        given.append(f"{option} {' and '.join(f'{number:g}' for number in numbers)}")
    return f"{name} with {', '.join(given)}"


def _cut(plan: dict) -> str:
    """How the text is cut for a training."""
    state = "carried on" if plan["batching"] == "streams" else "reset before each window"
    return f"{plan['batch_size']} {plan['batching']} of {plan['length']} characters, state {state}"


def _dropped(arguments: dict) -> str:
    """What is dropped, and how often."""
    text = f"{arguments['dropout']:g} after each layer"
    if arguments.get("weight_dropout"):
        text += f", {arguments['weight_dropout']:g} of the recurrent weights"
    return text


def _told(plan: dict) -> str:
    """Steps and rate of a training, how its states begin, whether weights are averaged."""
    how = _SCHEDULES.get(plan["schedule"], plan["schedule"])
    text = f"{plan['steps']:,} steps, {plan['warmup']} of them warm-up, rate {plan['lr']:g} {how}"
    if plan["restart"]:
        text += f", a track's state set back with chance {plan['restart']:g}"
    if plan.get("average"):
        text += f", weights averaged with decay {plan['average']:g}"
    return text
