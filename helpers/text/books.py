"""Books as clean text, offline first.

``load_book("auto")`` takes a file that lies in ``data/books/``, and without one the language
reference that every CPython carries. ``load_book("anna_karenina")`` downloads it once, where there
is a connection. The path of a plain-text file, of a folder of them, or a URL works as well.

Data flow::

    bytes -> text (UTF-8, else Windows-1252, and it is said), LF line ends -> licence cut -> Book
"""

import hashlib
import json
import os
import pydoc_data.topics
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from helpers import paths
from helpers.checks import text as check_text
from helpers.files import write_together
from helpers.foreign import visible
from helpers.text import arriving


@dataclass(frozen=True)
class Download:
    """A book that can be fetched: its address, what its text must hold, its size in bytes."""

    url: str
    title: str
    smallest: int
    largest: int


CATALOGUE = {
    "anna_karenina": Download(
        url="https://www.gutenberg.org/cache/epub/1399/pg1399.txt",
        title="Anna Karenina",
        smallest=1_900_000,
        largest=2_300_000,
    ),
}

#: Between the texts of several files.
_BETWEEN = "\n\n\n"

DEFAULT_TITLE = "The Python language reference"


@dataclass(frozen=True)
class Book:
    """A text and where it came from."""

    title: str
    text: str
    source: str

    def __len__(self) -> int:
        return len(self.text)

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Book({self.title!r}, {len(self):,} characters, {self.source})"


def load_book(name: str = "auto", *, folder: Path = paths.BOOKS) -> Book:
    """A book as clean text.

    Args:
        name: "auto", "default", a name in :data:`CATALOGUE`, a file name in ``data/books/``
            (with or without .txt), the path of a plain-text file, of a folder of .txt files, which
            are joined in the order of their names, or an http(s) address. Of files of one name,
            that in ``data/books/`` is taken for a bare name ("novel"), and the one that the path
            leads to for what looks like a path: it has a suffix or a separator ("novel.txt").
        folder: the cache; a file in it wins over a download.

    Raises:
        ValueError: the book is missing, empty or binary, or a download is not the book.
    """
    check_text("book", name)
    if name == "auto":
        dropped = _text_files(folder)
        return read_book(dropped[0]) if dropped else default_book()
    if name == "default":
        return default_book()
    typed, cached = Path(name), [folder / name, folder / f"{name}.txt"]
    is_path = typed.suffix or {"/", os.sep} & {*name}
    for candidate in [typed, *cached] if is_path else [*cached, typed]:
        if candidate.is_file():
            return read_book(candidate)
        if candidate == typed and typed.is_dir():
            return read_folder(typed)
    if name in CATALOGUE:
        return read_book(_download(name, CATALOGUE[name], folder))
    if name.startswith(("http://", "https://")):
        stem = _stem(name)
        cached = folder / f"{stem}.txt"
        anything = Download(name, "", 1, arriving.LARGEST)
        return read_book(cached if cached.exists() else _download(stem, anything, folder))
    known = ["auto", "default", *CATALOGUE]
    raise ValueError(
        f"there is no book {name!r}: it is neither a file or folder, nor in data/books/, nor an "
        f"address, nor one of {', '.join(known)}"
    )


def default_book() -> Book:
    """The book that every CPython carries: the topics of its help, joined in sorted order."""
    topics = pydoc_data.topics.topics
    joined = "\n\n".join(topics[name] for name in sorted(topics))
    return Book(DEFAULT_TITLE, joined, "pydoc_data.topics of this Python")


def read_book(path: Path) -> Book:
    """A plain-text file as a book; its title is the file's name.

    Raises:
        ValueError: no text in it, or not text.
    """
    name = f"the book {Path(path).name}"
    text = _text_of(decode_bytes(Path(path).read_bytes(), name), name)
    title = Path(path).stem.replace("_", " ").title()
    return Book(visible(title), text, visible(f"file {Path(path).name}"))


def _text_of(decoded: str, name: str) -> str:
    """A file's content as the text of a book."""
    text = strip_gutenberg(decoded).strip("\n")
    if not text.strip():
        raise ValueError(f"{name} is empty")
    return text + "\n"


def read_folder(folder: Path) -> Book:
    """All .txt files of a folder as one book, in the order of their names; hidden ones stay out.

    Raises:
        ValueError: there are none, or one of them is empty or not text.
    """
    files = _text_files(folder)
    if not files:
        raise ValueError(f"the folder {folder.name} holds no .txt file")
    text = _BETWEEN.join(read_book(file).text.strip("\n") for file in files) + "\n"
    title = visible(folder.name.replace("_", " ").title())
    return Book(title, text, visible(f"{len(files)} files of {folder.name}"))


def _text_files(folder: Path) -> list[Path]:
    """By name. macOS keeps a hidden ``._novel.txt`` beside a novel, which is binary."""
    files = (path for path in folder.glob("*.txt") if path.is_file())
    return sorted(path for path in files if not path.name.startswith("."))


def clean(text: str, *, rare_below: int = 10) -> str:
    """Report 000's cleaning: lower case, no line breaks, rare characters folded away.

    Accented letters lose their accents; a character that then occurs less than ``rare_below`` times
    becomes a space; runs of white space become one space.

    Raises:
        ValueError: nothing is left.
    """
    folded = unicodedata.normalize("NFKD", text.lower())
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    counts = Counter(folded)
    kept = "".join(c if counts[c] >= rare_below else " " for c in folded)
    cleaned = re.sub(r"\s+", " ", kept).strip()
    if not cleaned:
        raise ValueError(f"no character occurs {rare_below} times: nothing is left of the text")
    return cleaned


#: What belongs to a terminal and to no text: a model that learnt it would write it.
_COMMANDS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\x9b]")
#: In front of a file it says how the file is written; in a text, two files were joined there.
_MARK = "\ufeff"


def decode_bytes(content: bytes, name: str) -> str:
    """Bytes as text with LF line ends: UTF-8 with or without a byte-order mark, else Windows-1252.

    What is UTF-8 but for a few bytes gets U+FFFD in their places; what Windows-1252 does not know
    is Latin-1. Where a file is not all UTF-8, a printed line says so, and how it was read.

    The few control characters that a plain text may hold are left out, and byte-order marks.

    Raises:
        ValueError: the bytes are not plain text (they hold zeros or many control characters).
    """
    text, doubt = _decoded(content, name)
    if doubt:
        print(visible(f"{name} {doubt}"))
    return text


def _decoded(content: bytes, name: str) -> tuple[str, str]:
    """As :func:`decode_bytes`, and what there is to say of the encoding, or nothing."""
    if arriving.is_binary(content):
        raise ValueError(f"{name} is binary, not plain text in UTF-8 or Latin-1")
    text, doubt = _text_and_doubt(content)
    text = text.replace(_MARK, "").replace("\r\n", "\n").replace("\r", "\n")
    return _COMMANDS.sub("", text), doubt


def _text_and_doubt(content: bytes) -> tuple[str, str]:
    """The text, and what there is to say of the encoding."""
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        first = error.start
    good = content.decode("utf-8", "ignore")
    bad = len(content) - len(good.encode())
    beyond_ascii = len(good) - len(good.encode("ascii", "ignore"))
    # In another encoding hardly a letter beyond ASCII has the bytes of one in UTF-8.
    if bad <= 1 + len(content) // 1000 and bad < beyond_ascii:
        return content.decode("utf-8", "replace"), (
            f"is UTF-8 but for {bad:,} byte{'s' * (bad > 1)}, the first of them byte {first:,} of "
            "the file; U+FFFD stands in place of what they were"
        )
    try:
        text, encoding = content.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        text, encoding = content.decode("latin-1"), "Latin-1"
    return text, (
        f"is not UTF-8, as byte {first:,} of the file shows, and is read as {encoding}; if words "
        "of it look wrong, save it as UTF-8"
    )


_START = re.compile(r"^\*\*\* ?START OF TH(?:IS|E) PROJECT GUTENBERG.*?\*\*\*[^\n]*$", re.M | re.S)
_END = re.compile(
    r"^(?:\*\*\* ?END OF TH(?:IS|E) PROJECT GUTENBERG|End of (?:the )?Project Gutenberg)", re.M
)
_CREDIT = re.compile(r"\A\s*(Produced by|E-text prepared by|Transcribed from)[^\n]*(\n[^\n]+)*\n")


def strip_gutenberg(text: str) -> str:
    """Without Project Gutenberg's header, footer, licence and credit line, where they are there.

    Where several of its files were joined into one, the texts of all, as :func:`read_folder` joins
    them. What stands behind an end and before the next start goes as licence and header.
    """
    head, *behind = _START.split(text)
    texts = [_CREDIT.sub("", _END.split(part, maxsplit=1)[0]) for part in behind]
    if not behind or _END.search(head):  # no header, then: it begins with a text
        texts = [_END.split(head, maxsplit=1)[0], *texts]
    if len(texts) == 1:
        return texts[0]
    return _BETWEEN.join(part.strip("\n") for part in texts if part.strip())


def _stem(address: str) -> str:
    """The name of a file for what comes from an address; a long one is cut, and stays its own."""
    stem = re.sub(r"\W+", "_", address.split("://")[1]).strip("_").removesuffix("_txt") or "book"
    if len(stem) > 80:
        stem = f"{stem[:80]}_{hashlib.sha256(address.encode()).hexdigest()[:8]}"
    return stem


def _download(name: str, book: Download, folder: Path) -> Path:
    """Fetch a book into ``folder``; hold later downloads to the first one's hash.

    Where anything fails, the folder stays as it was.
    """
    ledger, path = folder / "checksums.json", folder / f"{name}.txt"
    known = _read_ledger(ledger)
    content = arriving.fetch(
        name,
        book.url,
        title=book.title,
        smallest=book.smallest,
        largest=book.largest,
        known_hash=known.get(name),
    )
    origin = f"what came from {book.url}"
    _text_of(_decoded(content, origin)[0], origin)  # what is kept can be read
    known[name] = hashlib.sha256(content).hexdigest()
    write_together({path: content, ledger: json.dumps(known, indent=2).encode()})
    return path


def _read_ledger(ledger: Path) -> dict[str, str]:
    """Name -> SHA-256 of the books fetched so far."""
    try:
        known = json.loads(ledger.read_bytes()) if ledger.exists() else {}
        if not all(isinstance(value, str) for value in known.values()):
            raise ValueError("not a text")
    except (ValueError, AttributeError, RecursionError, OSError) as error:
        raise ValueError(
            f"data/books/{ledger.name} is damaged; delete it, and the books are taken as they come"
        ) from error
    return known
