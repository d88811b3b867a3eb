"""House style: one palette, one look, and one way to show and save a figure."""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patheffects import withStroke
from PIL import Image
from scipy.spatial import cKDTree

from helpers import colors
from helpers.checks import shown
from helpers.files import write_together
from helpers.foreign import without_tags
from helpers.paths import figures_folder

#: The colours of the series by the role that they play; a cell's colour stands in its class.
PALETTE = {
    "graph": colors.BLUE,
    "accent": colors.VERMILION,
    "source": colors.ORANGE,
    "calm": colors.SKY,
    "muted": colors.MUTED,
    "ink": colors.INK,
    "grid": colors.GRID,
}
CYCLE = [
    colors.BLUE,
    colors.VERMILION,
    colors.GREEN,
    colors.PURPLE,
    colors.ORANGE,
    colors.SKY,
    colors.INK,
]

#: Darker than the muted grey of lines: small letters must stand out from white by 4.5 to 1.
_SMALL_PRINT = "#636973"

#: Sequential and diverging colour maps that survive greyscale and colour-blindness.
SEQUENTIAL = "mako_r"
DIVERGING = "vlag"

#: Behind a number that stands on a line of the grid: a box; around a name that does: an outline.
ON_GRID = {"facecolor": "white", "edgecolor": "none", "pad": 1}
HALO = [withStroke(linewidth=3, foreground="white")]

_STYLE = {
    "figure.dpi": 100,
    # Pictures have more pixels than a notebook shows, so that they are sharp on dense screens.
    "savefig.dpi": 135,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.edgecolor": PALETTE["muted"],
    "axes.labelcolor": PALETTE["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALETTE["grid"],
    "grid.linewidth": 0.8,
    "xtick.color": PALETTE["ink"],
    "ytick.color": PALETTE["ink"],
    "text.color": PALETTE["ink"],
    # Grid lines end at a legend's edge, as they do at that of a label.
    "legend.frameon": True,
    "legend.facecolor": "white",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": cycler(color=CYCLE),
    # Fixed salt and no dates: the same figure is the same file in every run.
    "svg.hashsalt": "memory-and-messages",
}


def use_house_style() -> None:
    """Set the series' look for every figure that follows."""
    sns.set_theme(style="ticks", palette=CYCLE, rc=_STYLE)


def shades(color: str, n: int) -> list:
    """``n`` shades of ``color`` from light to dark: lightness codes a length in the series."""
    return sns.light_palette(color, n_colors=n + 2)[2:]


def credit(figure: plt.Figure, text: str) -> None:
    """Say under a figure of published runs where they come from."""
    figure.supxlabel(f"published: {text}", fontsize=8, color=_SMALL_PRINT, x=0.99, ha="right")


class Redrawn:
    """What an explorer keeps of the figures that it draws again and again.

    Attributes:
        places: where the axes came to stand, by size and number of axes: laying a figure out takes
            about half of the time of drawing it, and what follows a reader's hand is spared that.
        clicks: for each picture shown, a function that tells which values a point of it stands for.
    """

    def __init__(self):
        self.places: dict[tuple, list] = {}
        self.clicks: list[Callable[[float, float], dict[str, float]]] = []

    def lay_out(self, figure: plt.Figure) -> None:
        """Put the axes where those of the last such figure were, or remember where they come."""
        like = (*figure.get_size_inches(), len(figure.axes))
        if like not in self.places:
            figure.draw_without_rendering()
            self.places[like] = [ax.get_position(original=True) for ax in figure.axes]
        figure.set_layout_engine("none")  # another round would move the axes a little
        for ax, place in zip(figure.axes, self.places[like], strict=True):
            ax.set_position(place)


#: Set while an explorer draws.
_redrawn: Redrawn | None = None


@contextmanager
def redrawing(kept: Redrawn) -> Iterator[None]:
    """Inside, :func:`show` takes its layouts from ``kept`` and leaves there what a click means."""
    global _redrawn
    before, _redrawn = _redrawn, kept
    try:
        yield
    finally:
        _redrawn = before


def _meaning(figure: plt.Figure, clicks: dict) -> Callable[[float, float], dict[str, float]]:
    """What a point of the drawn figure stands for, in shares from the top left."""
    width, height = figure.bbox.size
    boxes = [(ax.bbox.frozen(), ax.transData.inverted(), names) for ax, names in clicks.items()]

    def values(across: float, down: float) -> dict[str, float]:
        point = (across * width, (1 - down) * height)
        for box, to_data, names in boxes:
            if box.contains(*point):
                read = zip(names, to_data.transform(point), strict=True)
                return {name: float(value) for name, value in read if name}
        return {}

    return values


def _small(png: bytes) -> bytes:
    """A PNG with at most 256 colours: a third of the bytes, and no loss that the eye can see.

    The commonest colours stay as they are, a quarter of all; the others are chosen so that they
    cover what is left. By frequency alone a single dot would get another's colour, and by coverage
    alone grey lines would get a tint.
    """
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    pixels = np.asarray(picture).reshape(-1, 3) @ np.array([1 << 16, 1 << 8, 1])  # one number each
    found, place, counts = np.unique(pixels, return_inverse=True, return_counts=True)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.uint8)
    commonest = np.argsort(-counts, kind="stable")
    palette = colours[commonest[:64]]
    if len(colours) > len(palette):
        others = Image.fromarray(colours[commonest[64:]][None])
        others = others.quantize(192, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        palette = np.vstack([palette, np.reshape(others.getpalette(), (-1, 3))[:192]])
    nearest = cKDTree(palette).query(colours)[1].astype(np.uint8)
    drawn = Image.frombytes("P", picture.size, nearest[place.ravel()].tobytes())
    drawn.putpalette(palette.astype(np.uint8).tobytes())
    small = io.BytesIO()
    drawn.save(small, "PNG", optimize=True)
    return small.getvalue()


def show(
    figure: plt.Figure,
    name: str | None = None,
    caption: str | None = None,
    alt: str | None = None,
    clicks: dict[plt.Axes, tuple[str, str]] | None = None,
) -> None:
    """Show ``figure`` once, close it, and under ``name`` save it as SVG and PNG.

    The files go to :func:`helpers.paths.figures_folder`.

    Args:
        name: of the files; without one nothing is saved.
        caption: what to see in it, in a sentence or two; may hold Markdown and formulas,
            no HTML; a text from elsewhere in it goes through :func:`helpers.foreign.on_page`.
        alt: what is drawn, for those who cannot see it; made from titles and labels if left out.
        clicks: of an explorer's figure: for axes the names of the two controls that a click in them
            sets to its x and its y; an empty name sets nothing.

    Raises:
        ValueError: a name that is not one of a file.
    """
    from IPython.display import Markdown, display

    if name is not None and (Path(name).name != name or "\0" in name):
        raise ValueError(f"name must be that of a file, without its folder, got {shown(name)}")
    buffer = io.BytesIO()
    if _redrawn is None:
        figure.savefig(buffer, format="png", metadata={"Software": None})
    else:  # what savefig does, but it would draw all of it once more to lay it out
        _redrawn.lay_out(figure)
        figure.set_dpi(_STYLE["savefig.dpi"])
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
        _redrawn.clicks.append(_meaning(figure, clicks or {}))
    png = buffer.getvalue()
    if name is not None:  # what has no name may follow a reader's hand, and must be quick
        png = _small(png)
        # The axes stand where the picture has them: to lay them out anew takes as long as to draw.
        figure.set_layout_engine("none")
        folder, drawn = figures_folder(), io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
        write_together({folder / f"{name}.png": png, folder / f"{name}.svg": drawn.getvalue()})
    width = round(figure.get_figwidth() * _STYLE["figure.dpi"])
    alt = described(figure) if alt is None else " ".join(alt.split())
    plt.close(figure)
    picture = base64.b64encode(png).decode()
    metadata = {"image/png": {"width": width, "alt": alt}}
    display({"image/png": picture, "text/plain": alt}, metadata=metadata, raw=True)
    if caption is not None:
        display(Markdown(f"*Figure.* {without_tags(' '.join(caption.split()))}"))


def described(figure: plt.Figure) -> str:
    """The figure's titles and axes in words: what it has for readers who cannot see it."""
    panels = []
    for ax in figure.axes:
        title = " ".join(part for part in (ax.get_title("left"), ax.get_title()) if part)
        x, y = ax.get_xlabel(), ax.get_ylabel()
        axes = f"{y} against {x}" if x and y else x or y
        names = [text.get_text() for text in (ax.get_legend().texts if ax.get_legend() else [])]
        curves = f" ({', '.join(names)})" if names else ""
        if title or axes:
            panels.append(": ".join(part for part in (title, axes) if part) + curves)
    said = "; ".join(panels).replace(r"\$", "$")  # helpers.foreign.in_figure
    return f"Figure. {said}" if panels else "Figure."


use_house_style()
mpl.rcParams["figure.max_open_warning"] = 0
