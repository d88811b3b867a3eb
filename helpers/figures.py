"""House style: one palette, one look, and one way to show and save a figure."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from cycler import cycler

from helpers import colors
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

#: Sequential and diverging colour maps that survive greyscale and colour-blindness.
SEQUENTIAL = "mako_r"
DIVERGING = "vlag"

_STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 160,
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
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": cycler(color=CYCLE),
    # Fixed salt and no dates: the same figure is the same file in every run.
    "svg.hashsalt": "memory-and-messages",
}


#: Pictures in a notebook have more pixels than they show, so that they are sharp on dense screens.
_NOTEBOOK_DPI = 135


def use_house_style() -> None:
    """Set the series' look for every figure that follows."""
    sns.set_theme(style="ticks", palette=CYCLE, rc=_STYLE)


def shades(color: str, n: int) -> list:
    """``n`` shades of ``color`` from light to dark: lightness codes a length in the series."""
    return sns.light_palette(color, n_colors=n + 2)[2:]


def credit(figure: plt.Figure, text: str) -> None:
    """Say under a figure of published runs where they come from."""
    figure.supxlabel(f"published: {text}", fontsize=8, color=PALETTE["muted"], x=0.99, ha="right")


def show(figure: plt.Figure, name: str | None = None) -> None:
    """Show ``figure`` once, close it, and under ``name`` save it as SVG and PNG.

    The files go to :func:`helpers.paths.figures_folder`.
    """
    from IPython.display import Image, display

    if name is not None:
        folder = figures_folder()
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_NOTEBOOK_DPI, metadata={"Software": None})
    width = round(figure.get_figwidth() * _STYLE["figure.dpi"])
    plt.close(figure)
    display(Image(buffer.getvalue(), width=width))


use_house_style()
mpl.rcParams["figure.max_open_warning"] = 0
