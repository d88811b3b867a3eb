"""What a drawing function shows, caught and turned into HTML.

The pictures, tables and lines of ``figures.show``, ``table`` and ``print`` go into a list in the
order in which they came; :func:`as_html` makes one piece of HTML of them, for a widget whose
content is replaced in one go, and for the frames of the site.
"""

import base64
import html
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from IPython.core.interactiveshell import InteractiveShell

from helpers.foreign import visible


class Part(NamedTuple):
    """One thing shown: its forms by MIME type, and their metadata."""

    data: dict
    metadata: dict


class _Caught(threading.local):
    """What the present thread catches; ``None`` while it catches nothing."""

    parts: list[Part] | None = None


class _Sorter:
    """Stands before a publisher or a stream: what is shown by a thread that catches stays here.

    A kernel shows with one publisher and one stream whatever its threads show, and JupyterLab has
    its widgets' messages handled in another thread than its cells.
    """

    def __init__(self, behind):
        self._behind = behind

    def __getattr__(self, name: str):
        return getattr(self._behind, name)


class _Publisher(_Sorter):
    """Takes what ``display`` would send to a front-end."""

    def publish(self, data, metadata=None, **more) -> None:
        if _caught.parts is None:
            self._behind.publish(data, metadata, **more)
        else:
            _caught.parts.append(Part(data, metadata or {}))

    def clear_output(self, wait=False) -> None:
        if _caught.parts is None:
            self._behind.clear_output(wait)
        else:
            _caught.parts.clear()


class _Lines(_Sorter):
    """Takes what is printed; lines that follow each other are one part."""

    def write(self, text: str) -> int:
        parts = _caught.parts
        if parts is None:
            return self._behind.write(text)
        if parts and parts[-1].metadata.get("printed"):
            parts[-1].data["text/plain"] += text
        else:
            parts.append(Part({"text/plain": text}, {"printed": True}))
        return len(text)


_caught = _Caught()
_lock = threading.Lock()
_catching = 0  # threads and nestings that catch


@contextmanager
def captured() -> Iterator[list[Part]]:
    """What this thread shows inside, in a list that fills while it runs, and nowhere else."""
    parts: list[Part] = []
    before = _caught.parts
    _sort(+1)
    _caught.parts = parts
    try:
        yield parts
    finally:
        _caught.parts = before
        _sort(-1)


def _sort(step: int) -> None:
    """Put the sorters in place for the first that catches, and take them away after the last."""
    global _catching
    shell = InteractiveShell.instance()
    with _lock:
        first, _catching = _catching == 0, _catching + step
        if first:
            shell.display_pub, sys.stdout = _Publisher(shell.display_pub), _Lines(sys.stdout)
        elif _catching == 0:
            shell.display_pub = getattr(shell.display_pub, "_behind", shell.display_pub)
            sys.stdout = getattr(sys.stdout, "_behind", sys.stdout)


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
    words = html.escape(visible(data.get("text/plain", "")))
    lines = "white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"
    return f'<pre style="{lines}">{words}</pre>'
