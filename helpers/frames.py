"""The explorers of the site's pages: ready frames, and sliders that choose among them.

Every frame is drawn by the explorer's own drawing function. Pictures become files that frames with
the same picture share; words stay text. ``frames.js`` beside this file makes the controls and puts
the chosen frame in place; it needs no network and no server.
"""

import hashlib
import html
import io
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from helpers import figures
from helpers.captured import as_html, captured, image
from helpers.files import atomic_write

#: Folder of the pictures, below the site's static files; its name in a page's addresses.
FOLDER = "frames"
STATIC = "_static"
#: Positions of one slider where the explorer names none: two sliders make at most 7 x 7 frames.
POSITIONS = 7
#: Quality of the compressed pictures, of 100.
QUALITY = 82


def record(
    folder: Path,
    draw: Callable,
    controls: dict[str, widgets.Widget],
    guide: str = "",
    frames: dict[str, Sequence] | None = None,
) -> None:
    """Draw every frame and show the player.

    Args:
        folder: the site's static files.
        draw, controls, guide, frames: as in :func:`helpers.live.live`.

    Raises:
        ValueError: more than two controls in ``frames``, or one that the explorer does not have.
    """
    values = positions(controls) if frames is None else dict(frames)
    if len(values) > 2 or not values.keys() <= controls.keys():
        raise ValueError(f"frames: at most two of {list(controls)}, not {list(values)}")
    start = {name: control.value for name, control in controls.items()}
    drawn = []
    kept = figures.Redrawn()  # axes keep their places from frame to frame
    for chosen in itertools.product(*values.values()):
        with captured() as parts, figures.redrawing(kept):
            drawing = draw(**{**start, **dict(zip(values, chosen, strict=True))})
            for _ in drawing or ():  # one that comes in parts
                pass
        drawn.append(as_html(parts, lambda *picture: saved(folder, *picture)))
    axes = [_axis(name, controls[name], options, start[name]) for name, options in values.items()]
    show_player(axes, drawn, guide)


def show_player(axes: list[dict], frames: list[str], guide: str = "") -> None:
    """Show a player: its controls, and the frame at their first position.

    Args:
        axes: for each control its "label", the "values" as shown, the position "at" first.
        frames: HTML of every frame, the last control's positions running fastest.
        guide: HTML above the controls.
    """
    first = 0
    for axis in axes:
        first = first * len(axis["values"]) + axis["at"]
    # "</" would end the script element, whatever it stands in, and "<!" might keep it from its end.
    told = json.dumps({"axes": axes, "frames": frames}, ensure_ascii=False)
    told = told.replace("</", "<\\/").replace("<!", "<\\u0021")
    page = (
        f'<div class="player"><div class="explorer-guide">{guide}</div>'
        f'<div class="player-controls"></div><div class="player-frame">{frames[first]}</div>'
        f'<script type="application/json">{told}</script></div>'
    )
    display({"text/html": page, "text/plain": "An explorer."}, raw=True)


def positions(controls: dict[str, widgets.Widget]) -> dict[str, list]:
    """A few values of the first two controls that have a range or options, first value included."""
    found = {}
    for name, control in controls.items():
        values = values_of(control)
        if len(values) > 1 and len(found) < 2:
            found[name] = values
    return found


def values_of(control: widgets.Widget) -> list:
    """Values of one control, at most :data:`POSITIONS` of a range; empty for free text."""
    if isinstance(control, widgets.SelectMultiple):
        return []
    if hasattr(control, "options"):
        return [value for _, value in control._options_full]
    if not hasattr(control, "max") or not hasattr(control, "min"):
        return []
    low, high = control.min, control.max
    if isinstance(control, widgets.FloatLogSlider):
        low, high = control.base**low, control.base**high
        values = [low * (high / low) ** (k / (POSITIONS - 1)) for k in range(POSITIONS)]
    else:
        values = [low + (high - low) * k / (POSITIONS - 1) for k in range(POSITIONS)]
    if isinstance(control.value, int):
        values = [round(value) for value in values]
    else:
        values = [float(f"{value:.3g}") for value in values]
    # The explorer's own first value is a position; the nearest one makes room for it.
    near = min(range(len(values)), key=lambda k: abs(values[k] - control.value))
    values[near] = control.value
    return sorted(set(values))


def _axis(name: str, control: widgets.Widget, values: Sequence, start) -> dict:
    labels = [str(value) if isinstance(value, str | int) else f"{value:.3g}" for value in values]
    if hasattr(control, "options"):
        names = {repr(value): label for label, value in control._options_full}
        labels = [names.get(repr(value), str(value)) for value in values]
    at = values.index(start) if start in values else 0
    return {
        "label": control.description or name,
        "values": labels,
        "at": at,
        "list": hasattr(control, "options") and isinstance(start, str),
    }


def saved(folder: Path, png: bytes, width: int, alt: str) -> str:
    """A picture as a file of the site, half as wide again as it is shown; returns its HTML."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as opened:
        across, down = opened.size
        target = min(across, round(1.5 * width))
        picture = opened.convert("RGB").resize((target, round(down * target / across)))
        pixels = picture.size
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=QUALITY, method=4)
    name = f"{hashlib.sha256(buffer.getvalue()).hexdigest()[:16]}.webp"
    target = folder / FOLDER / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with atomic_write(target) as file:
            file.write(buffer.getvalue())
    return image(html.escape(f"{STATIC}/{FOLDER}/{name}"), pixels, width, alt)
