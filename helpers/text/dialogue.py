"""Dialogue scripts: a CSV of characters and lines becomes text in which speakers have names.

The public South Park transcripts have this form: one row a line, with columns "Character" and
"Line". A turn becomes ``Name: words`` on a line of its own, so that generation can be asked to
speak as somebody by a prompt that ends in ``Name:``.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from helpers import paths
from helpers.foreign import visible
from helpers.text.books import Book, decode_bytes
from helpers.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Script:
    """A dialogue as text.

    Attributes:
        book: one turn a line, ``Name: words``.
        turns: how many turns each speaker has, the most talkative first.
    """

    book: Book
    turns: dict[str, int]

    def speakers(self, least: int = 1) -> list[str]:
        """Those with at least so many turns."""
        return [name for name, count in self.turns.items() if count >= least]


def load_script(path: str | Path, *, lower: bool = False) -> Script:
    """Read a CSV with a character and a line column (their names in any case).

    Args:
        path: a file, or the name of one in ``data/scripts/``.
        lower: everything in lower case, as report 000 did.

    Raises:
        ValueError: the file is missing, no text or no CSV, lacks one of the columns, or has no
            line.
    """
    path = Path(path)
    if not path.is_file():
        path = paths.DATA / "scripts" / f"{path.name.removesuffix('.csv')}.csv"
    if not path.is_file():
        raise ValueError(f"there is no dialogue script {path.name}")
    text = decode_bytes(path.read_bytes(), path.name)
    rows = _rows(text, path.name)
    header = [name.strip().lower() for name in rows[0]] if rows else []
    try:
        who, what = header.index("character"), header.index("line")
    except ValueError:
        raise ValueError(
            f"{path.name} needs the columns 'Character' and 'Line', it has {rows[:1]}"
        ) from None
    turns, lines = Counter(), []
    for row in rows[1:]:
        if len(row) <= max(who, what):
            continue
        name = _one_line(row[who]).replace(":", "")
        words = _one_line(row[what])
        if name and words:
            turn = f"{name}: {words}"
            lines.append(turn.lower() if lower else turn)
            turns[name.lower() if lower else name] += 1
    if not lines:
        raise ValueError(f"{path.name} holds no line with a speaker")
    title = path.stem.replace("_", " ").title()
    source = visible(f"script {path.name}")
    book = Book(visible(title), "\n".join(lines) + "\n", source)
    return Script(book, dict(turns.most_common()))


def _rows(text: str, name: str) -> list[list[str]]:
    """The rows of a CSV; only line feeds end a line, of all that ``str.splitlines`` splits at."""
    reader = csv.reader(io.StringIO(text, newline=""))
    rows, begin = [], 1
    try:
        for row in reader:
            rows.append(row)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{name} cannot be read as a CSV from line {begin} on ({error}); perhaps a quotation "
            "mark is not closed there"
        ) from error
    return rows


def speak_as(name: str, script: Script, vocab: Vocabulary, cue: str = "") -> str:
    """A prompt after which ``name`` speaks.

    Args:
        cue: a line before, for instance ``"Kyle: hello"``.

    Raises:
        ValueError: the speaker has no turn in the script, or the cue has unknown characters.
    """
    if name not in script.turns:
        known = ", ".join(script.speakers()[:12])
        raise ValueError(f"{name!r} has no turn in the script; the most talkative are {known}")
    prompt = f"{cue}\n{name}:" if cue else f"{name}:"
    vocab.encode(prompt, "the cue")
    return prompt


def first_turn(text: str, prompt: str) -> str:
    """The words that the speaker of ``prompt`` says in ``text``, up to the end of the line."""
    return text[len(prompt) :].split("\n", 1)[0].strip()


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
