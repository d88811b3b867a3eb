"""An explorer for each reader: sliders for a person, a static twin for nobody, frames for a page.

One drawing function serves all three. It shows what it draws with ``figures.show``, ``table`` or
``print``; :mod:`helpers.audience` says who looks.

A person gets the controls above a picture that is replaced in place, so that the page does not
jump. Below it stands the static twin, which the living explorer hides: a notebook that is saved
and read without its kernel shows the twin. No Output widget exists that could hang a batch run.
"""

import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress

import ipywidgets as widgets
from IPython.display import display

from helpers.audience import interactive, site_folder
from helpers.captured import as_html, captured
from helpers.explorer import Explorer

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
        draw: shows its figure or table; takes one keyword a control. A generator shows a part
            before each ``yield``: a person sees parts as they come, and moving a control ends them.
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
        finish(draw(**{**initial, **settings}))


def finish(drawing) -> None:
    """Let a drawing that comes in parts come to its end."""
    if isinstance(drawing, Generator):
        for _ in drawing:
            pass


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
    with captured() as parts, suppress(Exception):  # which the explorer has told already
        show_twin()
    page = f'<div class="explorer-twin {mark}"><style>{_NO_REMAINS}</style>{as_html(parts)}</div>'
    display({"text/html": page, "text/plain": ""}, raw=True)
