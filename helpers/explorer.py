"""What a person gets to explore with: controls above a picture that follows them."""

import html
import time
from collections.abc import Callable, Generator, Sequence

import ipywidgets as widgets
import matplotlib.pyplot as plt

from helpers import figures
from helpers.captured import Part, as_html, captured
from helpers.hand import Hand

SLIDERS = (widgets.IntSlider, widgets.FloatSlider, widgets.FloatLogSlider, widgets.SelectionSlider)
#: Seconds after a move within which the next one is part of it.
REST_S = 0.4
_END = object()


class Explorer:
    """Controls above the picture that ``draw`` makes at their values.

    The picture is replaced whole when the next one is ready. While a control moves on, figures keep
    the layout of the one before. Of the values that come while one picture is drawn the front-end
    sends the newest alone. Where ``draw`` raises, the
    sentence stands above the last picture, which is dimmed until the next.

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
        self.guide = widgets.HTMLMath(f'<div class="explorer-guide">{guide}</div>')
        self.problem = widgets.HTML()
        self.picture = widgets.HTMLMath()
        self.kept = figures.Redrawn()
        for control in controls.values():
            if isinstance(control, SLIDERS):
                control.continuous_update = True
            control.observe(lambda _: self.changed(), "value")
        self.hand = Hand()
        self.hand.observe(lambda change: self.point(*change["new"][:5]), "stroke")
        self._pointing, self._moved = False, 0.0
        self.redraw()

    def point(self, picture: int, x: float, y: float, up_x: float, up_y: float) -> None:
        """A click on a picture, or a stroke over it: sets the controls that its place stands for.

        Args:
            picture: which of the pictures shown.
            x, y, up_x, up_y: where the pointer went down and up, in shares from the top left.
        """
        if picture >= len(self.kept.clicks):
            return
        meant = self.kept.clicks[picture](up_x, up_y)
        if self.on_stroke is not None:
            self.on_stroke(self.kept.clicks[picture](x, y), meant)
            return
        self._pointing = True  # one picture for all controls that this sets
        try:
            for name, value in meant.items():
                set_nearest(self.controls[name], value)
        finally:
            self._pointing = False
        if meant:
            self.changed()

    def changed(self) -> None:
        """Follow a control that has moved.

        All of it happens while the kernel handles the front-end's message. What is put off, to a
        later call of the kernel's loop, can leave it deaf for the message after that.
        """
        if self._pointing:
            return
        now = time.monotonic()
        if now - self._moved > REST_S:  # a single move: there is time to lay the figure out
            self.kept.places.clear()
        self.redraw()
        self._moved = time.monotonic()

    def redraw(self) -> None:
        """Draw at the controls' present values; what comes in parts is shown part by part."""
        values = {name: control.value for name, control in self.controls.items()}
        self.kept.clicks.clear()
        parts = self._caught(lambda: self.draw(**values))
        drawing = self._shown
        while parts is not None and isinstance(drawing, Generator):
            if parts:
                self._put(parts)
            more = self._caught(lambda: next(drawing, _END))
            parts = None if more is None else [*parts, *more]
            if self._shown is _END:
                break
        if parts:  # a drawing that shows nothing leaves the picture as it is
            self._put(parts)

    def _caught(self, show: Callable) -> list[Part] | None:
        """What ``show()`` shows; its result is kept in ``_shown``. ``None`` where it raised."""
        self._shown = None
        with captured() as parts, figures.redrawing(self.kept):
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
            f"{html.escape(sentence)}</div>"
        )
        self.picture.layout.opacity = "0.4"

    def widget(self) -> widgets.VBox:
        """All of it in one box."""
        rows = [panel([*self.extras, *self.controls.values()]), self.problem, self.picture]
        box = widgets.VBox([self.guide, *rows, self.hand])
        box.add_class("explorer")
        return box


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
    for control in controls:
        if getattr(control, "description", ""):
            control.style.description_width = f"{0.55 * longest + 1:.1f}em"
        if control.layout.width is None and not isinstance(control, widgets.Play):
            control.layout.width = "auto"
    grid = "repeat(auto-fit, minmax(min(320px, 100%), 1fr))"
    return widgets.GridBox(
        list(controls),
        layout=widgets.Layout(grid_template_columns=grid, grid_gap="2px 18px", width="100%"),
    )
