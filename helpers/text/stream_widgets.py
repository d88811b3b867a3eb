"""The text explorer: text that streams in, coloured by surprise, the next character beside it."""

import signal
import threading
import time

import ipywidgets as widgets
import numpy as np

from helpers import audience, figures
from helpers.colors import BLUE
from helpers.explorer import boxed, panel, running_loop
from helpers.foreign import on_page
from helpers.frames import show_player
from helpers.live import display_with_twin
from helpers.text import plots
from helpers.text.charlm import CharLM
from helpers.text.decoder import Decoder
from helpers.text.measures import nats_to_bits
from helpers.text.passages import coloured_figure, coloured_html, key_html, visible
from helpers.text.pasted import folded_to, told
from helpers.text.sampling import draw_characters, next_distribution
from helpers.text.vocabulary import Vocabulary

#: A character of this many bits or more is shown as entirely surprising.
MOST_BITS = 8.0
MOST_OF_A_PROMPT = 2000
_LARGEST_SEED = 2**31 - 1
_REDRAW_S = 0.06
#: What stops each stream that runs.
_streams: set[threading.Event] = set()
GUIDE = (
    "Write a prompt, set the sliders, press Generate. The colours say how many bits the model, at "
    "temperature 1, gives what was drawn. Which characters surprise it: those inside a word, or "
    "those that begin one?"
)


class TextExplorer:
    """Prompt, settings, Generate and Stop; text that streams in, the next character beside it.

    The text is coloured by surprise: how many bits the model itself, at temperature 1, gives the
    drawn character. The bars follow the sliders while they are dragged; they show what comes after
    the text as far as it stands. A prompt may be pasted: it is folded to the model's alphabet.
    """

    def __init__(self, model: CharLM, vocab: Vocabulary, prompt: str, seed: int = 0):
        self.model, self.vocab = model, vocab
        self.decoder = Decoder(model, vocab)
        self.logits = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop = running_loop()
        self.prompt = widgets.Text(prompt, description="prompt")
        self.temperature = widgets.FloatSlider(
            0.8, min=0.0, max=2.0, step=0.01, description="temperature"
        )
        self.top_k = widgets.IntSlider(len(vocab), min=1, max=len(vocab), description="top-k")
        self.top_p = widgets.FloatSlider(1.0, min=0.05, max=1.0, step=0.01, description="top-p")
        self.length = widgets.IntSlider(500, min=10, max=3000, description="length")
        self.seed = widgets.BoundedIntText(seed, min=0, max=_LARGEST_SEED, description="seed")
        self.generate = widgets.Button(description="Generate", icon="play", button_style="primary")
        self.stop = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.note = widgets.HTML()
        self.text = widgets.HTML()
        self.bars = widgets.HTML()
        for control in (self.temperature, self.top_k, self.top_p):
            control.observe(lambda _: self.show_bars(), "value")
        self.prompt.observe(lambda _: self.read_prompt(), "value")
        self.generate.on_click(lambda _: self.start())
        self.stop.on_click(lambda _: self._stop.set())
        self.read_prompt()

    def widget(self) -> widgets.VBox:
        """All of it in one box."""
        settings = (self.prompt, self.temperature, self.top_k, self.top_p, self.length, self.seed)
        shown = widgets.HBox(
            [
                widgets.Box([self.text], layout={"flex": "1 1 420px", "min_width": "0"}),
                widgets.Box([self.bars], layout={"flex": "0 1 300px"}),
            ],
            layout={"flex_flow": "row wrap", "grid_gap": "0 16px"},
        )
        shown.add_class("explorer-picture")
        buttons = widgets.HBox([self.generate, self.stop])
        return boxed(GUIDE, [panel(settings), buttons, self.note, shown])

    def read_prompt(self) -> None:
        """Show what may come after the prompt, or what is wrong with it."""
        try:
            if len(self.prompt.value) > MOST_OF_A_PROMPT:
                raise ValueError(
                    f"the prompt has {len(self.prompt.value)} characters; this explorer takes at "
                    f"most {MOST_OF_A_PROMPT}"
                )
            prompt, replaced = folded_to(self.vocab, self.prompt.value)
            self.logits, *_ = self.decoder.prime(prompt)
        except ValueError as error:
            self.logits = None
            self.generate.disabled = True
            self.note.value = f'<i role="alert">{on_page(error)}</i>'
            self.bars.value = ""
            return
        self.folded = prompt
        self.generate.disabled = False
        self.note.value = on_page(told(replaced))
        self.text.value = self._page([])
        self.show_bars()

    def show_bars(self, title: str = "next character", most: int = 12) -> None:
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
            f"{on_page(visible(self.vocab.characters[k]))}</span>"
            f"<span style='background:{BLUE};height:12px;width:{200 * value:.1f}px'></span>"
            f"<span style='font-size:11px;margin-left:4px'>{value:.3f}</span></div>"
            for k, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        self.bars.value = f"<b>{title}</b>" + "".join(rows)

    def start(self) -> None:
        """Generate in a thread, so that Stop and the sliders are heard."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(_stop_at_interrupt)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        _streams.add(self._stop)
        waits = (self.prompt, self.length, self.seed, self.generate)
        for control in waits:  # the text says what the controls say
            control.disabled = True
        self.stop.disabled = False
        drawn: list[tuple[str, float]] = []
        try:
            steps = draw_characters(
                self.model,
                self.vocab,
                [self.folded],
                self.length.value,
                self.temperature.value,
                self.top_k.value,
                self.top_p.value,
                self.seed.value,
                decoder=self.decoder,
            )
            last = 0.0
            for step in steps:
                drawn.append((step.characters[0], nats_to_bits(-step.log_probabilities[0])))
                if time.monotonic() - last > _REDRAW_S:
                    self._show(drawn, step.logits[0], "drawn from")
                    last = time.monotonic()
                if self._stop.is_set():
                    break
            logits, *_ = self.decoder.prime(self.folded + "".join(c for c, _ in drawn))
            self._show(drawn, logits)
        except ValueError as error:
            self.note.value = f'<i role="alert">{on_page(error)}</i>'
        finally:
            _streams.discard(self._stop)
            for control in waits:
                control.disabled = False
            self.stop.disabled = True

    def _show(self, drawn: list[tuple[str, float]], logits, title: str = "next character") -> None:
        self.logits = logits
        self.text.value = self._page(drawn)
        self.show_bars(title)

    def _page(self, drawn: list[tuple[str, float]]) -> str:
        text, values, notes = surprise(self.folded, drawn)
        key = key_html("expected", f"{MOST_BITS:g} bits or more", signed=False)
        return key + coloured_html(text, values, notes)


def surprise(prompt: str, drawn: list[tuple[str, float]]) -> tuple[str, list, list]:
    """The whole text, a shade from 0 to 1 for every character, and its bits in words."""
    values = [0.0] * len(prompt) + [min(bits / MOST_BITS, 1.0) for _, bits in drawn]
    notes = [""] * len(prompt) + [f"{bits:.1f} bits" for _, bits in drawn]
    return prompt + "".join(c for c, _ in drawn), values, notes


def _stop_at_interrupt() -> None:
    """Let the front-end's interrupt end all streams. To be called in the cells' thread.

    Between two messages a kernel ignores the interrupt; while it handles one it sets a handler of
    its own, and then this one again. An exception raised here would end the kernel.
    """

    def interrupted(*_) -> None:
        for stop in list(_streams):
            stop.set()

    signal.signal(signal.SIGINT, interrupted)


def text_explorer(model: CharLM, vocab: Vocabulary, prompt: str, seed: int = 0) -> None:
    """The explorer for a person; elsewhere three temperatures coloured by surprise, and bars."""

    def twin() -> None:
        logits, *_ = Decoder(model, vocab).prime(prompt)
        figures.show(
            plots.next_character(logits, vocab, (0.5, 1.0, 2.0)),
            alt=f"Bars: the likeliest characters behind “{prompt}” at temperatures 0.5, 1 and 2, "
            "the hotter the more even.",
        )
        for temperature in (0.5, 1.0, 1.5):
            drawn = sample(temperature)
            text, values, _ = surprise(prompt, drawn)
            bits = np.mean([bits for _, bits in drawn])
            title = f"temperature {temperature:g}: {bits:.2f} bits a character"
            alt = f"{title}. Darker is more surprising. The text: {text}"
            figures.show(coloured_figure(text, values, title), alt=alt)

    def sample(temperature: float) -> list[tuple[str, float]]:
        steps = draw_characters(model, vocab, [prompt], 300, temperature, seed=seed)
        return [(s.characters[0], nats_to_bits(-s.log_probabilities[0])) for s in steps]

    if audience.site_folder() is not None:
        temperatures = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0)
        key = key_html("expected", f"{MOST_BITS:g} bits or more", signed=False)
        shown = [key + coloured_html(*surprise(prompt, sample(t))) for t in temperatures]
        axis = {"label": "temperature", "values": [f"{t:g}" for t in temperatures]}
        show_player([{**axis, "at": temperatures.index(0.85), "list": False}], shown, GUIDE_PAGE)
    elif audience.interactive():
        display_with_twin(TextExplorer(model, vocab, prompt, seed).widget(), twin)
    else:
        twin()


GUIDE_PAGE = (
    "Move the temperature. The colours say how many bits the model, at temperature 1, gives what "
    "was drawn; a pointer that rests on a character is told the number."
)
