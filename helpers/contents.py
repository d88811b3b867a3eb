"""The notebooks as a table of contents, read from their own first cells.

The first cell of a notebook holds its title (``# 04 · …``), its question in bold, and a sentence
that begins with "Before:" and links the notebooks that it builds on. Nothing is listed here, so
that a new notebook appears by itself.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

from helpers import paths


class Chapter(NamedTuple):
    """A notebook of the series.

    Attributes:
        number: "04".
        title: without the number.
        question: the one that it answers.
        before: numbers of the notebooks that it builds on.
        file: its name in ``notebooks/``.
    """

    number: str
    title: str
    question: str
    before: tuple[str, ...]
    file: str


def chapters(folder: Path = paths.NOTEBOOKS) -> list[Chapter]:
    """The notebooks of ``folder`` in order.

    A notebook that names none before it builds on the first one.

    Raises:
        ValueError: a first cell without a title or a question; the message says how they look.
    """
    found: list[Chapter] = []
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        chapter = _chapter(path)
        if not chapter.before and found:
            chapter = chapter._replace(before=(found[0].number,))
        found.append(chapter)
    return found


def levels(series: list[Chapter]) -> dict[str, int]:
    """Number of a notebook -> how many steps it stands behind the first one, the longest way."""
    found: dict[str, int] = {}
    for chapter in series:
        unknown = set(chapter.before) - set(found)
        if unknown:
            raise ValueError(f"{chapter.file} builds on {sorted(unknown)}, which come no earlier")
        found[chapter.number] = 1 + max((found[n] for n in chapter.before), default=-1)
    return found


def _chapter(path: Path) -> Chapter:
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
    text = first if isinstance(first, str) else "".join(first)
    number = path.name[:2]
    title = re.search(rf"^# {number} · (.+)$", text, re.M)
    question = re.search(r"^\*\*(.+?\?)\*\*", text, re.M | re.S)
    if title is None or question is None:
        raise ValueError(
            f"{path.name}: the first cell begins with '# {number} · Title' and has its question, "
            "**in bold, with a question mark?**"
        )
    before = re.search(r"\bBefore: (.*?)(?:\.\s|\.?\Z)", text, re.S)
    links = re.findall(r"\((\d\d)_\w+\.ipynb\)", before[1]) if before else []
    return Chapter(number, title[1], " ".join(question[1].split()), tuple(links), path.name)
