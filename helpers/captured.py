"""What a drawing function shows, caught and turned into HTML.

The pictures, tables and lines of ``figures.show``, ``table`` and ``print`` go into a list in the
order in which they came; :func:`as_html` makes one piece of HTML of them, for a widget whose
content is replaced in one go, and for the frames of the site.
"""

import base64
import html
import io
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell


class Part(NamedTuple):
    """One thing shown: its forms by MIME type, and their metadata."""

    data: dict
    metadata: dict


class _Publisher(DisplayPublisher):
    """Takes what ``display`` would send to a front-end."""

    def __init__(self, parts: list[Part]):
        super().__init__()
        self.parts = parts

    def publish(self, data, metadata=None, **ignored) -> None:
        self.parts.append(Part(data, metadata or {}))

    def clear_output(self, wait=False) -> None:
        self.parts.clear()


class _Lines(io.TextIOBase):
    """Takes what is printed; lines that follow each other are one part."""

    def __init__(self, parts: list[Part]):
        self.parts = parts

    def write(self, text: str) -> int:
        if self.parts and self.parts[-1].metadata.get("printed"):
            self.parts[-1].data["text/plain"] += text
        else:
            self.parts.append(Part({"text/plain": text}, {"printed": True}))
        return len(text)


@contextmanager
def captured() -> Iterator[list[Part]]:
    """What is shown inside, in a list that fills while it runs, and nowhere else."""
    shell = InteractiveShell.instance()
    parts: list[Part] = []
    publisher, out = shell.display_pub, sys.stdout
    shell.display_pub, sys.stdout = _Publisher(parts), _Lines(parts)
    try:
        yield parts
    finally:
        shell.display_pub, sys.stdout = publisher, out


def inline(png: bytes, width: int, alt: str) -> str:
    """A picture inside the HTML itself. It has its size before it is read, so nothing moves."""
    encoded = base64.b64encode(png).decode()
    return image(f"data:image/png;base64,{encoded}", size(png), width, alt)


def image(source: str, pixels: tuple[int, int], width: int, alt: str) -> str:
    """An ``img`` of ``width`` on the page, or less where the page is narrower."""
    across, down = pixels
    return (
        f'<img class="picture" src="{source}" alt="{html.escape(alt)}" width="{width}" '
        f'height="{round(width * down / across)}" decoding="sync" style="max-width: 100%; '
        'height: auto; background: white; border-radius: 4px">'
    )


def size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG in pixels, from its header.

    Raises:
        ValueError: not a PNG.
    """
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("these bytes are not a PNG picture")
    return struct.unpack(">II", png[16:24])


def as_html(parts: list[Part], picture: Callable[[bytes, int, str], str] = inline) -> str:
    """All parts in order, lines that were printed one after another in one piece.

    Args:
        picture: makes the HTML of a PNG from its bytes, its width on the page and its words.
    """
    joined: list[Part] = []
    for part in parts:
        if joined and part.metadata.get("printed") and joined[-1].metadata.get("printed"):
            text = joined.pop().data["text/plain"] + part.data["text/plain"]
            part = Part({"text/plain": text}, part.metadata)
        joined.append(part)
    return "\n".join(_part(part, picture) for part in joined)


def _part(part: Part, picture: Callable) -> str:
    data = part.data
    if "image/png" in data:
        png = base64.b64decode(data["image/png"])
        said = part.metadata.get("image/png", {})
        return f"<p>{picture(png, said.get('width', size(png)[0]), said.get('alt', ''))}</p>"
    if "text/html" in data:
        return data["text/html"]
    if "text/markdown" in data:
        from nbconvert.filters.markdown_mistune import markdown2html_mistune

        return markdown2html_mistune(data["text/markdown"])
    return f'<pre style="white-space: pre-wrap">{html.escape(data.get("text/plain", ""))}</pre>'
