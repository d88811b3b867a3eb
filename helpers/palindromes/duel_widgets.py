"""A live duel of an RNN against an LSTM: threads train, the picture moves, a button stops."""

import io
import threading
import time

import ipywidgets as widgets
import numpy as np
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers import figures
from helpers.audience import interactive
from helpers.figures import PALETTE
from helpers.palindromes.experiment import PalindromeRun, train_network
from helpers.palindromes.settings import INIT_000
from helpers.palindromes.tasks.palindromes import CHANCE
from helpers.recurrent.cells import CELLS
from helpers.recurrent.plots import smooth

MODELS = ("rnn", "lstm")
_REDRAW_S = 0.5


class Duel:
    """One duel: both networks at one length, each trained in a thread of its own.

    Args:
        T: digits fed in.
        steps: training steps of each.
        seed: of both.
        device: where both are trained.
    """

    def __init__(self, T: int, steps: int, seed: int = 0, device: str = "cpu"):
        self.runs = {m: PalindromeRun(m, T, seed, steps, **INIT_000) for m in MODELS}
        self.T, self.steps, self.device = T, steps, device
        self.accuracy: dict[str, list[float]] = {m: [] for m in MODELS}
        self.held_out: dict[str, float] = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._train, args=(m,)) for m in MODELS]

    def _train(self, model: str) -> None:
        seen = self.accuracy[model]
        _, record, _ = train_network(
            self.runs[model],
            on_step=lambda step: seen.append(step.score),
            should_stop=self._stop.is_set,
            device=self.device,
        )
        self.held_out[model] = record["held_out_accuracy"]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask both to stop after their present step."""
        self._stop.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def figure(self) -> Figure:
        """The curves so far. Made without pyplot, so that a thread may draw it."""
        fig = Figure(figsize=(8, 3.2), layout="constrained")
        FigureCanvasAgg(fig)
        ax = fig.add_subplot()
        for model in MODELS:
            values = smooth(np.array(self.accuracy[model]), 10)
            label = CELLS[model].label
            if model in self.held_out:
                label += f", held out {100 * self.held_out[model]:.1f} %"
            ax.plot(np.arange(1, len(values) + 1), values, color=CELLS[model].color, label=label)
        ax.axhline(CHANCE, color=PALETTE["muted"], linestyle=":", linewidth=1)
        ax.set(xlim=(0, self.steps), ylim=(0, 1.04))
        ax.set(xlabel="training step", ylabel="training-stream accuracy")
        ax.set_title(f"T = {self.T}")
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return fig


def live_duel(T: int, steps: int, seed: int = 0, device: str = "cpu") -> None:
    """A duel with a length to choose, a Start and a Stop button; headless, one duel to its end."""
    if not interactive():
        duel = Duel(T, steps, seed, device)
        duel.start()
        duel.join()
        figures.show(duel.figure())
        return
    length = widgets.IntSlider(T, min=1, max=60, description="T, digits fed in")
    length.style.description_width = "initial"
    start = widgets.Button(description="Start", button_style="primary", icon="play")
    stop = widgets.Button(description="Stop", icon="stop", disabled=True)
    picture = widgets.Image(value=_png(Duel(T, steps, seed).figure()), format="png", width=800)
    current: list[Duel] = []

    def watch(duel: Duel) -> None:
        while duel.running:
            picture.value = _png(duel.figure())
            time.sleep(_REDRAW_S)
        picture.value = _png(duel.figure())
        start.disabled, stop.disabled = False, True

    def begin(_) -> None:
        start.disabled, stop.disabled = True, False
        current[:] = [Duel(length.value, steps, seed, device)]
        current[0].start()
        threading.Thread(target=watch, args=(current[0],), daemon=True).start()

    start.on_click(begin)
    stop.on_click(lambda _: current[0].stop())
    display(widgets.VBox([widgets.HBox([length, start, stop]), picture]))


def _png(fig: Figure) -> bytes:
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
