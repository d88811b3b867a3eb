"""A reader's hand on an explorer's pictures: where it pressed and where it let go.

``hand.js`` hears the pointer on every picture of the explorer around it and tells the kernel; it
also gives each control the name that its label shows, for screen readers. ``hand.css`` lays the box
out.
"""

from pathlib import Path

import anywidget
import traitlets


class Hand(anywidget.AnyWidget):
    """Sits unseen in an explorer's box, which has the class ``explorer``.

    Attributes:
        stroke: [picture, x, y, x', y', count]: which picture of the box, where the pointer went
            down and where up, in shares of its width and height from the top left; how many
            strokes there were before. Empty before the first.
    """

    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    _css = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    stroke = traitlets.List().tag(sync=True)
