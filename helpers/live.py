"""An explorer for each reader: sliders for a person, a static twin for nobody, frames for a page.

One drawing function serves all three. It shows what it draws with ``figures.show``, ``table`` or
``print``; :mod:`helpers.audience` says who looks.

A person gets the controls above a picture that is replaced in place, so that the page does not
jump. Below it stands the static twin, which the living explorer hides: a notebook that is saved
and read without its kernel shows the twin. No Output widget exists that could hang a batch run.
"""

import asyncio
import html
import uuid
from collections.abc import Callable, Sequence

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display

from helpers import figures
from helpers.audience import interactive, site_folder
from helpers.captured import as_html, captured

SLIDERS = (widgets.IntSlider, widgets.FloatSlider, widgets.FloatLogSlider, widgets.SelectionSlider)
#: Seconds without a move after which a picture is laid out anew.
REST_S = 0.4
_WIDGET = "application/vnd.jupyter.widget-view+json"
#: In JupyterLab, what is left of an explorer whose kernel is gone makes room for its twin.
_NO_REMAINS = (
    ".jp-OutputArea-child:has(+ .jp-OutputArea-child .explorer-twin):not(:has(.widget-box))"
    "{display: none}"
)


def live(
    draw: Callable,
    static: Sequence[dict] = (),
    extras: Sequence[widgets.Widget] = (),
    guide: str = "",
    frames: dict[str, Sequence] | None = None,
    **controls: widgets.Widget,
) -> None:
    """Call ``draw(**values)`` whenever one of ``controls`` moves, or a few times without them.

    Nobody looks: ``draw`` is called at each of the ``static`` settings, directly, so that its
    errors fail the run. A page is being made: it is called at all settings of ``frames``, and the
    page gets sliders over what it drew. A person looks: see :class:`Explorer`.

    Args:
        draw: shows its figure or table; takes one keyword a control.
        static: settings of the static twin; the controls' initial values fill what a setting
            leaves out, and are the twin if there is no setting.
        extras: widgets shown before the controls that ``draw`` is not told of (a Play button linked
            to a slider).
        guide: a sentence or two, in HTML: what to move, what to look for, a question to answer.
        frames: values by control for the site, at most two controls; without them a few values of
            the first two controls that have a range or options.
        controls: ipywidgets with a ``value``.
    """
    folder = site_folder()
    if folder is not None:
        from helpers.frames import record

        record(folder, draw, controls, guide, frames)
    elif interactive():
        explorer = Explorer(draw, controls, extras, guide)
        display_with_twin(explorer.widget(), lambda: twin(draw, static, controls))
    else:
        twin(draw, static, controls)


def twin(draw: Callable, static: Sequence[dict], controls: dict[str, widgets.Widget]) -> None:
    """Draw at each of the static settings."""
    initial = {name: control.value for name, control in controls.items()}
    for settings in static or [{}]:
        draw(**{**initial, **settings})


def display_with_twin(widget: widgets.Widget, show_twin: Callable[[], None]) -> None:
    """Show a widget, and with it what stands in its place where no kernel keeps it alive.

    Args:
        widget: a box, to which a line is added that hides the twin while the box lives.
        show_twin: shows the static twin.
    """
    mark = f"explorer-twin-{uuid.uuid4().hex[:8]}"
    widget.children = [*widget.children, widgets.HTML(f"<style>.{mark} {{display: none}}</style>")]
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({_WIDGET: view, "text/html": "", "text/plain": ""}, raw=True)
    with captured() as parts:
        show_twin()
    page = f'<div class="explorer-twin {mark}"><style>{_NO_REMAINS}</style>{as_html(parts)}</div>'
    display({"text/html": page, "text/plain": ""}, raw=True)


class Explorer:
    """Controls above the picture that ``draw`` makes at their values.

    The picture is replaced whole when the next one is ready. While a control moves, figures keep
    the layout of the one before; when it rests the picture is laid out anew. Of the values that
    come while one picture is drawn the front-end sends the newest alone. Where ``draw`` raises, the
    sentence stands above the last picture, which is dimmed until the next.

    Args:
        draw, controls, extras, guide: as in :func:`live`.
    """

    def __init__(
        self,
        draw: Callable,
        controls: dict[str, widgets.Widget],
        extras: Sequence[widgets.Widget] = (),
        guide: str = "",
    ):
        self.draw, self.controls, self.extras = draw, controls, extras
        self.guide = widgets.HTMLMath(f'<div class="explorer-guide">{guide}</div>')
        self.problem = widgets.HTML()
        self.picture = widgets.HTMLMath()
        self.layouts: dict = {}
        self._rest: asyncio.TimerHandle | None = None
        for control in controls.values():
            if isinstance(control, SLIDERS):
                control.continuous_update = True
            control.observe(lambda _: self.follow(), "value")
        self.redraw()

    def follow(self) -> None:
        """Draw quickly, and once more in full when nothing has moved for a while."""
        begun = bool(self.layouts)
        self.redraw()
        if self._rest is not None:
            self._rest.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # outside a kernel nothing rests: the quick picture stays
            return
        if begun:
            self._rest = loop.call_later(REST_S, self.redraw_in_full)

    def redraw_in_full(self) -> None:
        """Draw at the controls' present values, laid out anew."""
        self.layouts.clear()
        self.redraw()

    def redraw(self) -> None:
        """Draw at the controls' present values."""
        values = {name: control.value for name, control in self.controls.items()}
        with captured() as parts, figures.layout_kept(self.layouts):
            try:
                self.draw(**values)
            except Exception as error:  # whatever it is, the reader is told and may go on
                plt.close("all")  # what was begun and will not be shown
                self.fail(str(error) or type(error).__name__)
                return
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
        return widgets.VBox([self.guide, *rows] if "></" not in self.guide.value else rows)


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
