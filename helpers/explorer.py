"""What a person gets to explore with: controls above a picture that follows them."""

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

import ipywidgets as widgets
import matplotlib.pyplot as plt

from helpers import figures
from helpers.captured import Part, as_html, captured
from helpers.foreign import on_page
from helpers.hand import Hand

SLIDERS = (widgets.IntSlider, widgets.FloatSlider, widgets.FloatLogSlider, widgets.SelectionSlider)
#: Seconds after a move within which the next one is part of it.
REST_S = 0.4
#: Said by a box whose kernel is gone; ``hand.css`` shows it then.
GONE = (
    "The kernel that answered these controls has ended or was restarted. Run the notebook's cells "
    "again, and they answer."
)
_END = object()


class Explorer:
    """Controls above the picture that ``draw`` makes at their values.

    The picture is replaced whole when the next one is ready. While a control moves on, figures keep
    the layout of the one before. Of the values that come while one picture is drawn the newest
    alone is drawn next, and what comes in parts ends for it. Where ``draw`` raises, the sentence
    stands above the last picture, which is dimmed until the next.

    All drawing happens in the thread of the kernel's cells, as neither matplotlib's figures nor
    torch's random numbers stand two at once. JupyterLab has moves handled in another one.

    Args:
        draw, controls, extras, guide: as in :func:`helpers.live.live`.
        on_stroke: called with what the places stand for at which the pointer went down and up on a
            picture; without it a click sets the controls that its place stands for.
    """

    def __init__(
        self,
        draw: Callable,
        controls: dict[str, widgets.Widget],
        extras: Sequence[widgets.Widget] = (),
        guide: str = "",
        on_stroke: Callable[[dict, dict], None] | None = None,
    ):
        self.draw, self.controls, self.extras = draw, controls, extras
        self.on_stroke = on_stroke
        self.guide = guide
        self.problem = widgets.HTML()
        self.picture = widgets.HTMLMath()
        self.picture.add_class("explorer-picture")
        self.kept = figures.Redrawn()
        for control in controls.values():
            if isinstance(control, SLIDERS):
                control.continuous_update = True
            control.observe(lambda _: self.follow(), "value")
        self.hand = Hand()
        self.hand.observe(lambda change: self.point(*change["new"][:5]), "stroke")
        self._waiting, self._moved = False, 0.0
        self._drawn: dict | None = None
        self._due = False  # a redraw waits for the thread of the cells
        self.lock = threading.RLock()  # held while something is drawn
        self._home, self._loop = threading.current_thread(), None
        self.redraw()
        self._loop = running_loop()  # from now on parts come when the kernel has heard the reader

    def point(self, picture: int, x: float, y: float, up_x: float, up_y: float) -> None:
        """A click on a picture, or a stroke over it: sets the controls that its place stands for.

        Args:
            picture: which of the pictures shown.
            x, y, up_x, up_y: where the pointer went down and up, in shares from the top left.
        """
        with self.lock:
            if picture >= len(self.kept.clicks):
                return
            meant = self.kept.clicks[picture](up_x, up_y)
            from_there = self.kept.clicks[picture](x, y)
        if self.on_stroke is not None:
            self.on_stroke(from_there, meant)
        elif meant:
            with self.together():
                for name, value in meant.items():
                    set_nearest(self.controls[name], value)

    @contextmanager
    def together(self) -> Iterator[None]:
        """One picture for all that is changed inside, and none meanwhile."""
        with self.lock:
            self._waiting = True
            try:
                yield
            finally:
                self._waiting = False
        self.changed()

    def follow(self) -> None:
        """Redraw for a control that has moved, unless one that it moved has had that drawn."""
        if self._values() != self._drawn:
            self.changed()

    def changed(self) -> None:
        """Redraw for a move of the reader's, at once or as soon as the cells' thread is free."""
        if self._waiting or self._due:
            return
        if threading.current_thread() is self._home or self._loop is None:
            self._catch_up()
        else:
            self._due = True
            self._loop.call_soon_threadsafe(self._catch_up)

    def _catch_up(self) -> None:
        self._due = False
        now = time.monotonic()
        if now - self._moved > REST_S:  # a single move: there is time to lay the figure out
            self.kept.places.clear()
        self.redraw()
        self._moved = time.monotonic()

    def redraw(self) -> None:
        """Draw at the controls' present values; what comes in parts is shown part by part."""
        values = self._drawn = self._values()
        with self.lock:
            self.kept.clicks.clear()
            parts = self._caught(lambda: self.draw(**values))
        self._drawing = self._shown
        if parts is not None and isinstance(self._drawing, Generator):
            self._go_on(self._drawing, parts)
        elif parts:
            self._put(parts)
        else:  # a drawing that shows nothing leaves the picture as it is
            self._drawn = None

    def _go_on(self, drawing: Generator, parts: list[Part]) -> None:
        """The next part, and those after it, until another drawing has begun."""
        while self._drawing is drawing and not self._due:
            more = self._caught(lambda: next(drawing, _END))
            if more is None:
                self._drawn = None
                return
            parts.extend(more)
            if parts:
                self._put(parts)
            if self._shown is _END:
                return
            if self._loop is not None:
                self._loop.call_soon(self._go_on, drawing, parts)
                return

    def _values(self) -> dict:
        return {name: control.value for name, control in self.controls.items()}

    def _caught(self, show: Callable) -> list[Part] | None:
        """What ``show()`` shows; its result is kept in ``_shown``. ``None`` where it raised."""
        self._shown = None
        with self.lock, captured() as parts, figures.redrawing(self.kept):
            try:
                self._shown = show()
            except Exception as error:  # whatever it is, the reader is told and may go on
                plt.close("all")  # what was begun and will not be shown
                self.fail(str(error) or type(error).__name__)
                return None
        return parts

    def _put(self, parts: list[Part]) -> None:
        self.problem.value = ""
        self.picture.layout.opacity = "1"
        self.picture.value = as_html(parts)

    def fail(self, sentence: str) -> None:
        """Say what is wrong above the last picture."""
        self.problem.value = (
            '<div role="alert" style="border-left: 3px solid #d55e00; padding-left: 8px">'
            f"{on_page(sentence)}</div>"
        )
        self.picture.layout.opacity = "0.4"

    def widget(self) -> widgets.VBox:
        """All of it in one box."""
        controls = panel([*self.extras, *self.controls.values()])
        return boxed(self.guide, [controls, self.problem, self.picture], self.hand)


def boxed(guide: str, rows: Sequence[widgets.Widget], hand: Hand | None = None) -> widgets.VBox:
    """An explorer's box: what to try, its rows, and what is said when the kernel is gone."""
    said = widgets.HTMLMath(f'<div class="explorer-guide">{guide}</div>')
    gone = widgets.HTML(f'<div role="alert">{GONE}</div>')
    gone.add_class("explorer-gone")
    box = widgets.VBox([said, gone, *rows, hand or Hand()])
    box.add_class("explorer")
    return box


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop in which a kernel runs its cells, or ``None``."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def set_nearest(control: widgets.Widget, value: float) -> None:
    """Set a control to the value that it can have next to ``value``."""
    if hasattr(control, "options"):
        numbers = [v for _, v in control._options_full]
        control.value = min(numbers, key=lambda v: abs(v - value))
        return
    low, high = control.min, control.max
    if isinstance(control, widgets.FloatLogSlider):
        low, high = control.base**low, control.base**high
    value = min(max(value, low), high)
    if isinstance(control.value, int):
        control.value = round(value)
    elif isinstance(control, widgets.FloatLogSlider):
        control.value = value
    else:
        control.value = low + round((value - low) / control.step) * control.step


def panel(controls: Sequence[widgets.Widget]) -> widgets.Widget:
    """Controls in a grid: labels whole and of one width, as many in a row as fit."""
    longest = max((len(getattr(c, "description", "")) for c in controls), default=0)
    long = ("explorer-long-labels",) if longest > 12 else ()
    for control in controls:
        if getattr(control, "description", ""):
            control.style.description_width = f"{0.55 * longest + 1:.1f}em"
        if control.layout.width is None and not isinstance(control, widgets.Play):
            control.layout.width = "auto"
    grid = "repeat(auto-fit, minmax(min(320px, 100%), 1fr))"
    return widgets.GridBox(
        list(controls),
        layout=widgets.Layout(grid_template_columns=grid, grid_gap="2px 18px", width="100%"),
        _dom_classes=("explorer-controls", *long),
    )
