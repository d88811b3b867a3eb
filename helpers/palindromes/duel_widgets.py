"""A live duel of an RNN against an LSTM: threads train, the picture moves, a button stops."""

import io
import threading
import time

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers import audience, figures
from helpers.captured import inline
from helpers.explorer import boxed, panel
from helpers.figures import PALETTE
from helpers.live import display_with_twin, live
from helpers.palindromes.experiment import PalindromeRun, train_network
from helpers.palindromes.settings import INIT_000
from helpers.palindromes.tasks.palindromes import CHANCE
from helpers.recurrent.cells import CELLS
from helpers.recurrent.plots import smooth

MODELS = ("rnn", "lstm")
#: A length, and steps, at which the published runs of this setting (protocol A) part: most LSTMs
#: solve it, most RNNs do not.
RACE_T, RACE_STEPS = 17, 2000
GUIDE = (
    "Choose a length and press Start: both networks train now. Which one learns faster at a short "
    "length, and which one still learns at a longer one?"
)
PAGE_GUIDE = (
    "Move the step. Which network leaves chance first, and which one gets to the end? In "
    "JupyterLab both are trained before your eyes, at a length of your choice."
)
_REDRAW_S = 0.5


class Duel:
    """One duel: both networks at one length, each trained in a thread of its own.

    Args:
        T: digits fed in.
        steps: training steps of each.
        seed: of both.
        device: where both are trained.
    """

    def __init__(self, T: int, steps: int, seed: int = 0, device: str | torch.device = "cpu"):
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

    def run(self) -> None:
        """Train both to their ends; whoever is interrupted while waiting stops both."""
        self.start()
        try:
            self.join()
        except BaseException:  # an interrupted cell: its threads would train on
            self.stop()
            self.join()
            raise

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def figure(self, upto: int | None = None) -> Figure:
        """The curves so far, or those up to a step. Made without pyplot: a thread may draw it.

        The axes keep their place, however long the legend's words become.
        """
        fig = Figure(figsize=(9, 3.2), layout="none")
        FigureCanvasAgg(fig)
        ax = fig.add_axes((0.075, 0.16, 0.62, 0.74))
        for model in MODELS:
            values = smooth(np.array(self.accuracy[model][:upto]), 10)
            label = CELLS[model].label
            if model in self.held_out and (upto is None or upto >= self.steps):
                label += f", held out {100 * self.held_out[model]:.1f} %"
            ax.plot(np.arange(1, len(values) + 1), values, color=CELLS[model].color, label=label)
        ax.axhline(CHANCE, color=PALETTE["muted"], linestyle=":", linewidth=1)
        ax.set(xlim=(0, self.steps), ylim=(0, 1.04))
        ax.set(xlabel="training step", ylabel="training-stream accuracy")
        ax.set_title(f"T = {self.T}")
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
        return fig


def live_duel(
    T: int,
    steps: int,
    seed: int = 0,
    device: str | torch.device = "cpu",
    page_steps: int = RACE_STEPS,
) -> None:
    """A duel with a length to choose, a Start and a Stop button; headless, one duel to its end.

    A page shows one that was run, step by step.

    Args:
        T, steps: of the duel that nobody watches. A person's begins with :data:`RACE_T` and
            :data:`RACE_STEPS`.
        page_steps: of the duel, at :data:`RACE_T`, that a page shows.
    """

    def run(T: int, steps: int) -> Duel:
        duel = Duel(T, steps, seed, device)
        duel.run()
        return duel

    def twin() -> None:
        duel = run(T, steps)
        figures.show(duel.figure(), alt=described(duel))

    if audience.site_folder() is not None:
        every = page_steps // 20
        duel = run(RACE_T, page_steps)
        live(
            lambda step: figures.show(duel.figure(step), alt=described(duel, step)),
            guide=PAGE_GUIDE,
            frames={"step": list(range(every, page_steps + 1, every))},
            step=widgets.IntSlider(page_steps, every, page_steps, description="training step"),
        )
    elif audience.interactive():
        display_with_twin(Race(seed, device).widget(), twin)
    else:
        twin()


def described(duel: Duel, upto: int | None = None) -> str:
    """The duel's figure in words."""
    ends = [
        f"{CELLS[model].label}: {100 * accuracy:.1f} % held out"
        for model, accuracy in duel.held_out.items()
    ]
    if upto is not None and upto < duel.steps:
        ends = [
            f"{CELLS[model].label}: {np.mean(accuracy[:upto][-10:]):.0%} at step {upto}"
            for model, accuracy in duel.accuracy.items()
        ]
    return (
        f"Training-stream accuracy against the training step, T = {duel.T}, a curve for the RNN "
        f"and one for the LSTM. {'; '.join(ends)}."
    )


class Race:
    """The duel's controls: one race at a time, however often Start is pressed."""

    def __init__(self, seed: int = 0, device: str | torch.device = "cpu"):
        self.seed, self.device = seed, device
        self.length = widgets.IntSlider(RACE_T, min=1, max=40, description="T, digits fed in")
        self.begin = widgets.Button(description="Start", button_style="primary", icon="play")
        self.end = widgets.Button(description="Stop", icon="stop", disabled=True)
        self.status = widgets.HTML()
        self.picture = widgets.HTML()
        self.duel: Duel | None = None
        self._one = threading.Lock()
        self.begin.on_click(lambda _: self.start())
        self.end.on_click(lambda _: self.stop())
        self.length.observe(lambda _: self._rest(), "value")
        self._rest()

    def widget(self) -> widgets.VBox:
        buttons = widgets.HBox([self.begin, self.end, self.status])
        return boxed(GUIDE, [panel([self.length]), buttons, self.picture])

    def _rest(self) -> None:
        if self.duel is None or not self.duel.running:
            self._draw(Duel(self.length.value, RACE_STEPS, self.seed, self.device))

    def start(self) -> None:
        """Begin a race, unless one is running."""
        with self._one:
            if self.duel is not None and self.duel.running:
                return
            self.begin.disabled, self.end.disabled = True, False
            self.status.value = "running"
            self.duel = Duel(self.length.value, RACE_STEPS, self.seed, self.device)
            self.duel.start()
            threading.Thread(target=self._watch, args=(self.duel,), daemon=True).start()

    def stop(self) -> None:
        """Ask for the end, and say so at once: a step has to finish first."""
        self.end.disabled = True
        self.status.value = "stopping…"
        if self.duel is not None:
            self.duel.stop()

    def _watch(self, duel: Duel) -> None:
        while duel.running:
            self._draw(duel)
            time.sleep(_REDRAW_S)
        self._draw(duel)
        self.status.value = "finished"
        self.begin.disabled, self.end.disabled = False, True

    def _draw(self, duel: Duel) -> None:
        fig = duel.figure()
        buffer = io.BytesIO()
        fig.savefig(buffer, format="png", metadata={"Software": None})
        width = round(100 * fig.get_figwidth())
        self.picture.value = inline(buffer.getvalue(), width, described(duel))
