"""What is learned when: measures of what a model wrote while it was trained.

The stages are in the checkpoint's header, made by :func:`.book_model.stage_samples`.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from helpers.text.lexicon import Lexicon, measure
from helpers.text.measures import nats_to_bits

#: Measures that stand on a handful of words or marks at a stage.
FEW = ("marks in place", "names")


def in_order(header: dict, most: int | None = None) -> dict[int, dict]:
    """Step -> what was sampled there; of more than ``most`` stages so many, first and last too."""
    steps = sorted(header["stages"], key=int)
    if most is not None and len(steps) > most:
        steps = [steps[k] for k in np.linspace(0, len(steps) - 1, most).round().astype(int)]
    return {int(step): header["stages"][step] for step in steps}


def bits_at(header: dict, step: int) -> float:
    """Bits a character on the last training batches before a step."""
    loss, every = header["curves"]["loss"], header["curves"]["every"]
    return float(nats_to_bits(loss[min(max(step // every, 1), len(loss)) - 1]))


def by_stage(header: dict, lexicon: Lexicon) -> pd.DataFrame:
    """A row a stage: "bits a character" in training, and :func:`.lexicon.measure`."""
    rows = {
        step: {"bits a character": bits_at(header, step)}
        | measure([*_written(cells, lambda _: True), *_begun(cells)], lexicon)
        for step, cells in in_order(header).items()
    }
    return pd.DataFrame(rows).T.rename_axis("step")


def by_prompt(header: dict, lexicon: Lexicon) -> pd.DataFrame:
    """A row a prompt: the same measures, over all stages, without the prompt itself.

    Known words also "early", in the first half of the stages, and "late", in the others.
    """
    rows = {}
    for prompt in next(iter(in_order(header).values()))["half"]:
        begun = {
            part: [text for cells in some for text in _written(cells, lambda p, q=prompt: p == q)]
            for part, some in _halves(header).items()
        }
        rows[prompt] = measure([*begun["early"], *begun["late"]], lexicon)
        for part, texts in begun.items():
            rows[prompt][f"known words, {part}"] = measure(texts, lexicon)["known words"]
    return pd.DataFrame(rows).T.rename_axis("prompt")


def _halves(header: dict) -> dict[str, list[dict]]:
    """The first half of the stages, and the others."""
    stages = list(in_order(header).values())
    return {"early": stages[: len(stages) // 2], "late": stages[len(stages) // 2 :]}


def by_temperature(header: dict, lexicon: Lexicon) -> pd.DataFrame:
    """A row a temperature: share of known words among the short samples, early and late.

    Early are the first half of the stages, late the others; "words" is the smaller of the two
    numbers of words that were counted.
    """
    halves, rows = _halves(header), {}
    for temperature in halves["late"][0]["first"]:
        found = {
            part: measure([cells["first"][temperature] for cells in some], lexicon)
            for part, some in halves.items()
        }
        rows[temperature] = {part: each["known words"] for part, each in found.items()}
        rows[temperature]["words"] = min(each["words"] for each in found.values())
    return pd.DataFrame(rows).T


def _written(cells: dict, wanted) -> Iterable[str]:
    """The continuations of a stage, without their prompts."""
    for method in ("top_k", "half"):
        for prompt, text in cells[method].items():
            if wanted(prompt):
                yield text[len(prompt) :]


def _begun(cells: dict) -> Iterable[str]:
    """The short samples of a stage that are not drawn at a high temperature."""
    return (text for temperature, text in cells["first"].items() if float(temperature) <= 1)


def reached(table: pd.DataFrame, novel: dict[str, float], share: float) -> dict[str, int | None]:
    """Measure -> the first stage of :func:`by_stage` at ``share`` of the novel's value or above.

    Without those of :data:`FEW`, which chance moves from stage to stage.

    Of letters there can also be too many: they may be above it by ``1 - share`` at most. ``None``
    if no stage is there.
    """
    left_out = ("words", "marks", *FEW)
    names = [name for name in table if name in novel and name not in left_out]
    found = {}
    for name in names:
        near = table[name] / novel[name]
        most = 2 - share if name.startswith("letters") else np.inf
        found[name] = table.index[(near >= share) & (near <= most)]
    return {name: int(steps[0]) if len(steps) else None for name, steps in found.items()}


def enough_words(table: pd.DataFrame) -> int:
    """The smallest number of words that a row of :func:`by_stage` was counted on."""
    return int(np.min(table["words"]))
