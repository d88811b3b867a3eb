"""Explorers of a character model, each with its static twin."""

import textwrap

import ipywidgets as widgets

from helpers.live import live
from helpers.text.charlm import CharLM
from helpers.text.sampling import generate
from helpers.text.vocabulary import Vocabulary


def temperature_explorer(
    model: CharLM, vocab: Vocabulary, prompt: str, length: int = 300, seed: int = 0
) -> None:
    """A temperature slider that writes the text anew from a prompt; statically, four temperatures.

    Every text is drawn with the same random numbers, so that only the temperature differs.
    """

    def draw(temperature: float, prompt: str) -> None:
        try:
            text = generate(model, vocab, prompt, length, temperature, seed=seed)
        except ValueError as error:  # what a reader typed
            print(error)
            return
        print(f"temperature {temperature:g}" + (" (greedy)" if temperature == 0 else ""))
        print(wrap(text), end="\n\n")

    live(
        draw,
        static=[{"temperature": t} for t in (0.0, 0.5, 1.0, 2.0)],
        prompt=widgets.Text(prompt, description="prompt", continuous_update=False),
        temperature=widgets.FloatSlider(
            0.8, min=0.0, max=2.0, step=0.05, description="temperature", continuous_update=False
        ),
    )


def wrap(text: str, width: int = 88) -> str:
    """``text`` with its own line breaks, long lines folded."""
    folded = (
        textwrap.fill(line, width, drop_whitespace=False, replace_whitespace=False)
        for line in text.split("\n")
    )
    return "\n".join(folded)
