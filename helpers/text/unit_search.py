"""Single units of a trained model, found by a search over all of them (Karpathy et al. 2015).

For each property of a position in a text (inside quotation marks, place in the line, place in the
word) the search asks which unit's cell state follows it best, over all units of all layers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from helpers.checks import text as check_text
from helpers.text.charlm import CharLM
from helpers.text.decoder import Decoder
from helpers.text.vocabulary import Vocabulary


def inside_quotation(text: str) -> np.ndarray:
    """1 between an opening and a closing quotation mark, 0 elsewhere; a new paragraph closes it."""
    values, inside = [], 0
    for k, c in enumerate(text):
        if c in '“”"':
            inside = 1 if c == "“" else 0 if c == "”" else 1 - inside
        elif text[max(0, k - 1) : k + 1] == "\n\n":
            inside = 0
        values.append(inside)
    return np.array(values, float)


def place_in_line(text: str) -> np.ndarray:
    """Characters since the last line break."""
    values, since = [], 0
    for c in text:
        values.append(since)
        since = 0 if c == "\n" else since + 1
    return np.array(values, float)


def place_in_word(text: str) -> np.ndarray:
    """Letters since the beginning of the word, 0 between words."""
    values, since = [], 0
    for c in text:
        since = since + 1 if c.isalpha() else 0
        values.append(since)
    return np.array(values, float)


def after_capital(text: str) -> np.ndarray:
    """1 inside a word that began with a capital letter."""
    values, on = [], 0
    for k, c in enumerate(text):
        if not c.isalpha():
            on = 0
        elif k == 0 or not text[k - 1].isalpha():
            on = int(c.isupper())
        values.append(on)
    return np.array(values, float)


PROPERTIES: dict[str, Callable[[str], np.ndarray]] = {
    "inside a quotation": inside_quotation,
    "place in the line": place_in_line,
    "place in the word": place_in_word,
    "inside a capitalised word": after_capital,
}


@dataclass(frozen=True)
class FoundUnit:
    """A unit of an LSTM layer and how well its cell state follows a property.

    Attributes:
        layer, unit: counted from 0.
        correlation: Pearson's, between the property and tanh of the unit's cell state.
    """

    layer: int
    unit: int
    correlation: float


def activations(model: CharLM, vocab: Vocabulary, text: str) -> torch.Tensor:
    """tanh(c_t) of every unit after every character: ``(T, layers, n)``.

    Raises:
        ValueError: no text, or characters outside the vocabulary.
    """
    ids = vocab.encode(check_text("the passage", text), "the passage")
    decoding = Decoder(model, vocab).begin([text[0]])
    cells = torch.empty(len(ids), *decoding.c[:, 0].shape, device=decoding.c.device)
    cells[0] = decoding.c[:, 0]
    for t in range(1, len(ids)):
        decoding.step(ids[t : t + 1])
        cells[t] = decoding.c[:, 0]  # (layers, n)
    return cells.tanh_().cpu()


def find_unit(units: torch.Tensor, values: np.ndarray) -> FoundUnit:
    """The unit whose activation has the largest |correlation| with ``values``.

    Args:
        units: of :func:`activations`.
        values: a property of every position, ``(T,)``.

    Raises:
        ValueError: the property is the same at every position, or the lengths differ.
    """
    if len(values) != len(units):
        raise ValueError(f"{len(units)} positions need as many values, got {len(values)}")
    if np.ptp(values) == 0:
        raise ValueError("the property never changes in this passage")
    flat = units.flatten(1).double().numpy()
    centred = flat - flat.mean(0)
    target = values - values.mean()
    scale = np.sqrt((centred**2).sum(0) * (target**2).sum())
    correlation = (centred * target[:, None]).sum(0) / np.maximum(scale, 1e-12)
    best = int(np.abs(correlation).argmax())
    layer, unit = divmod(best, units.shape[2])
    return FoundUnit(layer, unit, float(correlation[best]))
