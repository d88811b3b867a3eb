"""An explorer in JupyterLab, and its static twin everywhere else."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets
from IPython.display import display

from helpers.runtime import interactive


def live(
    draw: Callable,
    static: Sequence[dict] = (),
    extras: Sequence[widgets.Widget] = (),
    **controls: widgets.Widget,
) -> None:
    """Call ``draw(**values)`` whenever one of ``controls`` moves, or a few times without them.

    Where somebody is looking (:func:`helpers.runtime.interactive`) the controls appear above an
    output that ``draw`` fills. Headless, ``draw`` is called at each of the ``static`` settings,
    the controls' initial values filling what a setting leaves out: the static twin. It is the
    same drawing function, called directly, so its errors fail the run, and no output widget
    exists that could hang it.

    Args:
        draw: shows its figure or table; takes one keyword a control.
        static: settings of the static twin; without any, the controls' initial values.
        extras: widgets shown before the controls that ``draw`` is not told of (a Play button linked
            to a slider).
        controls: ipywidgets with a ``value``.
    """
    for control in controls.values():
        control.style.description_width = "initial"
    if interactive():
        output = widgets.interactive_output(draw, controls)
        row = widgets.Layout(flex_flow="row wrap", display="flex", align_items="center")
        shown = widgets.Box([*extras, *controls.values()], layout=row)
        display(widgets.VBox([shown, output]))
        return
    initial = {name: control.value for name, control in controls.items()}
    for settings in static or [{}]:
        draw(**{**initial, **settings})
