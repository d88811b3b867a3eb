"""Explorers of a character model that redraw as their controls move, each with its static twin."""

from collections.abc import Iterator
from functools import lru_cache

import ipywidgets as widgets
import torch
from IPython.display import display

from helpers import audience, figures
from helpers.foreign import on_page
from helpers.live import live
from helpers.text.charlm import CharLM
from helpers.text.decoder import Decoder
from helpers.text.measures import entropy, nats_to_bits
from helpers.text.passages import coloured_figure, coloured_html, key_html, visible
from helpers.text.pasted import folded_to, told
from helpers.text.sampling import draw_characters, next_distribution
from helpers.text.stream_widgets import text_explorer
from helpers.text.unit_search import activations, find_unit
from helpers.text.vocabulary import Vocabulary

__all__ = ["temperature_explorer", "text_explorer", "unit_explorer"]

#: Characters in a line of text that nothing else folds, and bars of what comes next.
WIDTH = 88
BARS = 5
#: Characters that a passage may have: reading one more takes a step of the model.
MOST_OF_A_PASSAGE = 5000


def temperature_explorer(
    model: CharLM, vocab: Vocabulary, prompt: str, length: int = 300, seed: int = 0
) -> None:
    """A temperature slider that writes the text anew from a prompt; statically, four temperatures.

    Every text is drawn with the same random numbers, so that only the temperature differs. Above it
    stands what the temperature makes of the first character: its likeliest values and its entropy.
    """
    decoder = Decoder(model, vocab)
    pages_fold = audience.interactive() or audience.site_folder()

    def draw(temperature: float, prompt: str) -> Iterator[None]:
        prompt, replaced = folded_to(vocab, prompt)
        if replaced:
            print(told(replaced))
        logits, *_ = decoder.prime(prompt)
        p = next_distribution(logits, temperature)
        name = f"temperature {temperature:g}" + (" (greedy)" if temperature == 0 else "")
        bits = nats_to_bits(entropy(p.double()).item())
        print(f"{name}: the next character has {abs(bits):.2f} bits")  # and not -0.00
        print(bars(p, vocab), end="\n\n")
        print(prompt, end="")
        yield
        column = len(prompt)
        steps = draw_characters(
            model, vocab, [prompt], length, temperature, seed=seed, decoder=decoder
        )
        for k, step in enumerate(steps, start=1):
            (character,) = step.characters
            column = 0 if character == "\n" else column + 1
            if character == " " and column > WIDTH and not pages_fold:
                character, column = "\n", 0
            print(character, end="")
            if k % 20 == 0:
                yield
        print("\n")

    live(
        draw,
        static=[{"temperature": t} for t in (0.0, 0.5, 1.0, 2.0)],
        guide="Move the temperature while you watch the bars. Where do words begin to break, and "
        "where does the text begin to repeat itself?",
        frames={"temperature": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0]},
        prompt=widgets.Text(prompt, description="prompt", continuous_update=False),
        temperature=widgets.FloatSlider(
            0.8, min=0.0, max=2.0, step=0.05, description="temperature"
        ),
    )


def bars(p: torch.Tensor, vocab: Vocabulary, most: int = BARS) -> str:
    """The likeliest characters as lines of text with a bar each."""
    best = p.topk(min(most, len(p)))
    return "\n".join(
        f"  {visible(vocab.characters[k])} {'█' * max(1, round(40 * value))} {value:.3f}"
        for k, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        if value > 0
    )


def unit_explorer(model: CharLM, vocab: Vocabulary, passage: str, properties: dict) -> None:
    """The unit that follows a property best, over a passage that the reader may replace."""

    # Another property of the same passage does not read it again.
    @lru_cache(maxsize=1)
    def read(passage: str):
        return activations(model, vocab, passage)

    def draw(passage: str, follows: str) -> None:
        if len(passage) > MOST_OF_A_PASSAGE:
            raise ValueError(
                f"the passage has {len(passage)} characters; this explorer reads at most "
                f"{MOST_OF_A_PASSAGE}"
            )
        passage, replaced = folded_to(vocab, passage)
        units = read(passage)
        found = find_unit(units, properties[follows](passage))
        values = units[:, found.layer, found.unit].numpy()
        if found.correlation < 0:
            values = -values
        title = f"{follows}: layer {found.layer + 1}, cell {found.unit + 1}"
        title += f", correlation {abs(found.correlation):.2f}"
        if not (audience.interactive() or audience.site_folder()):
            alt = f"{title}: blue where the cell is at -1, orange at 1. The passage: {passage}"
            figures.show(coloured_figure(passage, values, title, signed=True), alt=alt)
            return
        notes = [f"{value:+.2f}" for value in values]
        page = f"<b>{on_page(title)}</b>{key_html('tanh c = -1', '1', signed=True)}"
        page += coloured_html(passage, values, notes) + f"<p>{on_page(told(replaced))}</p>"
        display({"text/html": page, "text/plain": title}, raw=True)

    area = widgets.Textarea(
        passage, description="passage", continuous_update=False, layout={"height": "110px"}
    )
    live(
        draw,
        static=[{"follows": name} for name in properties],
        guide="Choose a property, or put a text of your own in place of the passage. Does the same "
        "cell still follow it?",
        frames={"follows": list(properties)},
        passage=area,
        follows=widgets.Dropdown(options=list(properties), description="property"),
    )
