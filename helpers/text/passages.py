"""How a passage is shown: folded to a width, or each character on a coloured background.

The backgrounds say one number a character: how surprising it was (white to orange), or the state
of a unit (blue through white to orange).
"""

import html
import textwrap
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, text_to_path
from matplotlib.transforms import Affine2D

from helpers import foreign
from helpers.colors import BLUE, INK, PAPER, VERMILION


def tint(color: str, share: float) -> tuple[float, float, float]:
    """``color`` mixed with the page: 0 is the page, 1 the color. Red, green, blue from 0 to 1."""
    page, full = np.array(to_rgb(PAPER)), np.array(to_rgb(color))
    return tuple(page + (full - page) * share)


#: From expected (the page) to surprising. Half way it is light, so that the text stays readable.
SURPRISE = LinearSegmentedColormap.from_list("surprise", [PAPER, tint(VERMILION, 0.35), VERMILION])
#: From -1 through the page to 1.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [tint(BLUE, 0.68), PAPER, tint(VERMILION, 0.64)]
)


def fold(text: str, width: int = 88) -> str:
    """``text`` with its own line breaks, long lines folded."""
    lines = foreign.visible(text).split("\n")
    return "\n".join(textwrap.fill(line, width, replace_whitespace=False) for line in lines)


def visible(character: str) -> str:
    """A character as it can be read on an axis."""
    return {" ": "␣", "\n": "↵", "\t": "⇥"}.get(character) or foreign.visible(character)


def coloured_html(text: str, values, notes=None) -> str:
    """``text`` as HTML, each character on a background from blue (-1) through white to orange (1).

    Args:
        values: from -1 to 1, one a character.
        notes: one text a character, shown where a pointer rests on it.
    """
    spans = []
    notes = notes if notes is not None else [""] * len(text)
    shades = np.clip(np.asarray(values, float), -1, 1)
    for c, value, note in zip(text, shades, notes, strict=True):
        shade = to_hex(tint(VERMILION if value > 0 else BLUE, abs(value) * 0.75))
        shown = "↵<br>" if c == "\n" else foreign.on_page(c, markdown=False)
        title = f' title="{html.escape(note)}"' if note else ""
        spans.append(f'<span style="background:{shade}"{title}>{shown}</span>')
    style = "font-family:monospace;font-size:13px;line-height:1.5;padding:2px 6px"
    style += f";color:{INK};background:{PAPER};overflow-wrap:anywhere"
    return f'<div style="{style};white-space:pre-wrap">{"".join(spans)}</div>'


def key_html(low: str, high: str, *, signed: bool) -> str:
    """A key to the colours of :func:`coloured_html`: what its two ends mean."""
    shares = (-1, -0.5, 0, 0.5, 1) if signed else (0, 0.25, 0.5, 0.75, 1)
    colours = [to_hex(tint(VERMILION if s > 0 else BLUE, abs(s) * 0.75)) for s in shares]
    bar = f"linear-gradient(to right, {', '.join(colours)})"
    return (
        f'<div style="font-size:12px">{html.escape(low)} <span style="display:inline-block;'
        f'width:120px;height:10px;background:{bar}"></span> {html.escape(high)}</div>'
    )


def coloured_figure(text: str, values, title: str, *, signed: bool = False, width: int = 92):
    """A passage in a figure, each character on a coloured background.

    Args:
        values: one a character; from 0 to 1, or from -1 to 1 if ``signed``.
    """
    lines = fold_characters(text, values, width)
    fig, ax = plt.subplots(figsize=(9.2, 0.2 * len(lines) + 0.45))
    shade = SIGNED if signed else SURPRISE
    low, high = (-1, 1) if signed else (0, 1)
    grid = np.full((len(lines), width), np.nan)
    glyphs, places = [], []
    for row, characters in enumerate(lines):
        for column, (c, value) in enumerate(characters):
            grid[row, column] = value
            if not c.isspace():
                glyphs.append(_glyph(foreign.visible(c)))
                places.append((column, row))
    ax.imshow(grid, cmap=shade, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    # One collection of outlines: a text object for every character takes ten times as long.
    points = Affine2D().scale(1 / 72) + fig.dpi_scale_trans
    letters = PathCollection(glyphs, offsets=places, offset_transform=ax.transData)
    letters.set(facecolor=INK, linewidth=0, snap=False)
    letters.set_transform(points)
    ax.add_collection(letters, autolim=False)
    ax.set_title(foreign.in_figure(title))
    ax.set_axis_off()
    return fig


def fold_characters(text: str, values, width: int) -> list[list[tuple[str, float]]]:
    """Lines of (character, value) without line breaks, folded behind a space where there is one."""
    lines, line = [], []
    for c, value in zip(text, values, strict=True):
        if c != "\n" and len(line) == width:
            spaces = [k for k, (before, _) in enumerate(line, start=1) if before == " "]
            cut = spaces[-1] if spaces else width
            lines.append(line[:cut])
            line = line[cut:]
        if c == "\n":
            lines.append(line)
            line = []
        else:
            line.append((c, float(value)))
    return [*lines, line]


@cache
def _glyph(character: str) -> Path:
    """The outline of a character in points, around the middle of its cell in a line of text."""
    font = FontProperties(family="monospace", size=8.5)
    (_, height, descent), (width, *_) = (
        text_to_path.get_text_width_height_descent(line, font, ismath=False) for line in ("lp", "l")
    )
    outline = TextPath((0, 0), character, prop=font)
    return outline.transformed(Affine2D().translate(-width / 2, descent - height / 2))
