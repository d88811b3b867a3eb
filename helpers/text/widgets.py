"""Explorers of a character model, each with its static twin."""

import html
import threading
import time
from functools import lru_cache

import ipywidgets as widgets
import numpy as np
from IPython.display import display

from helpers import figures
from helpers.audience import interactive
from helpers.colors import BLUE
from helpers.live import live
from helpers.text import plots
from helpers.text.charlm import CharLM
from helpers.text.decoder import Decoder
from helpers.text.measures import nats_to_bits
from helpers.text.passages import coloured_figure, coloured_html, fold, visible
from helpers.text.sampling import draw_characters, generate, next_distribution
from helpers.text.unit_search import activations, find_unit
from helpers.text.vocabulary import Vocabulary

#: A character of this many bits or more is shown as entirely surprising.
MOST_BITS = 8.0
_REDRAW_S = 0.06


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
        print(fold(text), end="\n\n")

    live(
        draw,
        static=[{"temperature": t} for t in (0.0, 0.5, 1.0, 2.0)],
        prompt=widgets.Text(prompt, description="prompt", continuous_update=False),
        temperature=widgets.FloatSlider(
            0.8, min=0.0, max=2.0, step=0.05, description="temperature", continuous_update=False
        ),
    )


class TextExplorer:
    """Prompt, settings, Generate and Stop; text that streams in, the next character beside it.

    The text is coloured by surprise: how many bits the model itself, at temperature 1, gives the
    drawn character. The bars follow the sliders while they are dragged; they show what comes after
    the prompt, or after the text once it has been generated.
    """

    def __init__(self, model: CharLM, vocab: Vocabulary, prompt: str, seed: int = 0):
        self.model, self.vocab = model, vocab
        self.decoder = Decoder(model, vocab)
        self.logits = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        wide = {"description_width": "initial"}
        self.prompt = widgets.Text(prompt, description="prompt", layout={"width": "420px"})
        self.temperature = widgets.FloatSlider(
            0.8, min=0.0, max=2.0, step=0.01, description="temperature", style=wide
        )
        self.top_k = widgets.IntSlider(
            len(vocab), min=1, max=len(vocab), description="top-k", style=wide
        )
        self.top_p = widgets.FloatSlider(
            1.0, min=0.05, max=1.0, step=0.01, description="top-p", style=wide
        )
        self.length = widgets.IntSlider(500, min=10, max=3000, description="length", style=wide)
        self.seed = widgets.IntText(seed, description="seed", layout={"width": "160px"})
        self.generate = widgets.Button(description="Generate", icon="play", button_style="primary")
        self.stop = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.text = widgets.HTML()
        self.bars = widgets.HTML()
        for control in (self.temperature, self.top_k, self.top_p):
            control.observe(lambda _: self.show_bars(), "value")
        self.prompt.observe(lambda _: self.read_prompt(), "value")
        self.generate.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self._stop.set())
        self.read_prompt()

    def widget(self) -> widgets.Widget:
        """All of it in one box."""
        sliders = widgets.HBox([self.temperature, self.top_k, self.top_p])
        buttons = widgets.HBox([self.length, self.seed, self.generate, self.stop])
        shown = widgets.HBox(
            [
                widgets.Box([self.text], layout={"width": "66%"}),
                widgets.Box([self.bars], layout={"width": "32%", "margin": "0 0 0 2%"}),
            ]
        )
        return widgets.VBox([self.prompt, sliders, buttons, shown])

    def read_prompt(self) -> None:
        """Show what may come after the prompt, or what is wrong with it."""
        try:
            self.logits, *_ = self.decoder.prime(self.prompt.value)
        except ValueError as error:
            self.logits = None
            self.text.value = f"<i>{html.escape(str(error))}</i>"
            self.bars.value = ""
            return
        self.text.value = self._page(self.prompt.value, [])
        self.show_bars()

    def show_bars(self, most: int = 16) -> None:
        """The likeliest next characters as bars; cheap enough for every move of a slider."""
        if self.logits is None:
            return
        p = next_distribution(
            self.logits, self.temperature.value, self.top_k.value, self.top_p.value
        )
        best = p.topk(min(most, len(p)))
        rows = [
            f"<div style='display:flex;align-items:center;height:17px'>"
            f"<span style='width:1.6em;font-family:monospace'>"
            f"{html.escape(visible(self.vocab.characters[k]))}</span>"
            f"<span style='background:{BLUE};height:12px;width:{200 * value:.1f}px'></span>"
            f"<span style='font-size:11px;margin-left:4px'>{value:.3f}</span></div>"
            for k, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        self.bars.value = "<b>next character</b>" + "".join(rows)

    def start(self) -> None:
        """Generate in a thread, so that Stop and the sliders are heard."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.generate.disabled, self.stop.disabled = True, False
        prompt, drawn = self.prompt.value, []
        try:
            steps = draw_characters(
                self.model,
                self.vocab,
                [prompt],
                self.length.value,
                self.temperature.value,
                self.top_k.value,
                self.top_p.value,
                max(0, self.seed.value),
                decoder=self.decoder,
            )
            last = 0.0
            for step in steps:
                drawn.append((step.characters[0], nats_to_bits(-step.log_probabilities[0])))
                if time.monotonic() - last > _REDRAW_S:
                    self.text.value = self._page(prompt, drawn)
                    last = time.monotonic()
                if self._stop.is_set():
                    break
            self.text.value = self._page(prompt, drawn)
            self.logits, *_ = self.decoder.prime(prompt + "".join(c for c, _ in drawn))
            self.show_bars()
        except ValueError as error:
            self.text.value = f"<i>{html.escape(str(error))}</i>"
        finally:
            self.generate.disabled, self.stop.disabled = False, True

    def _page(self, prompt: str, drawn: list[tuple[str, float]]) -> str:
        values = [0.0] * len(prompt) + [min(bits / MOST_BITS, 1.0) for _, bits in drawn]
        return coloured_html(prompt + "".join(c for c, _ in drawn), values)


def text_explorer(model: CharLM, vocab: Vocabulary, prompt: str, seed: int = 0) -> None:
    """The explorer in JupyterLab; elsewhere three temperatures coloured by surprise, and bars."""
    if interactive():
        display(TextExplorer(model, vocab, prompt, seed).widget())
        return
    logits, *_ = Decoder(model, vocab).prime(prompt)
    figures.show(plots.next_character(logits, vocab, (0.5, 1.0, 2.0)))
    for temperature in (0.5, 1.0, 1.5):
        steps = list(draw_characters(model, vocab, [prompt], 420, temperature, seed=seed))
        text = "".join(step.characters[0] for step in steps)
        bits = [nats_to_bits(-step.log_probabilities[0]) for step in steps]
        values = [0.0] * len(prompt) + [min(b / MOST_BITS, 1.0) for b in bits]
        title = f"temperature {temperature:g}: {np.mean(bits):.2f} bits a character"
        figures.show(coloured_figure(prompt + text, values, title))


def unit_explorer(model: CharLM, vocab: Vocabulary, passage: str, properties: dict) -> None:
    """The unit that follows a property best, over a passage that the reader may replace."""

    # Another property of the same passage does not read it again.
    @lru_cache(maxsize=1)
    def read(passage: str):
        return activations(model, vocab, passage)

    def draw(passage: str, follows: str) -> None:
        try:
            units = read(passage)
            found = find_unit(units, properties[follows](passage))
        except ValueError as error:  # what a reader pasted
            print(error)
            return
        values = units[:, found.layer, found.unit].numpy()
        if found.correlation < 0:
            values = -values
        title = f"{follows}: layer {found.layer + 1}, cell {found.unit}"
        title += f", correlation {abs(found.correlation):.2f}"
        figures.show(coloured_figure(passage, values, title, signed=True))

    area = widgets.Textarea(
        passage, description="passage", continuous_update=False,
        layout={"width": "700px", "height": "110px"},
    )  # fmt: skip
    live(
        draw,
        static=[{"follows": name} for name in properties],
        passage=area,
        follows=widgets.Dropdown(options=list(properties), description="property"),
    )
