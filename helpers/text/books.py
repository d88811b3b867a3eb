"""Books as clean text, offline first.

``load_book("auto")`` takes a file that lies in ``data/books/``, and without one the language
reference that every CPython carries. ``load_book("anna_karenina")`` downloads it once, where there
is a connection. The path of a plain-text file, of a folder of them, or a URL works as well.

Data flow::

    bytes -> text (UTF-8 with or without BOM, else Latin-1), LF line ends -> licence cut -> Book
"""

import hashlib
import json
import pydoc_data.topics
import re
import tempfile
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pooch

from helpers import paths, runtime
from helpers.checks import text as check_text
from helpers.files import atomic_write


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

DEFAULT_TITLE = "The Python language reference"


@dataclass(frozen=True)
class Book:
    """A text and where it came from."""

    title: str
    text: str
    source: str

    def __len__(self) -> int:
        return len(self.text)

    def __repr__(self) -> str:
        return f"Book({self.title!r}, {len(self):,} characters, {self.source})"


def load_book(name: str = "auto", *, folder: Path = paths.BOOKS) -> Book:
    """A book as clean text.

    Args:
        name: "auto", "default", a name in :data:`CATALOGUE`, a file name in ``data/books/``
            (with or without .txt), the path of a plain-text file, of a folder of .txt files, which
            are joined in the order of their names, or an http(s) address.
        folder: the cache; a file in it wins over a download.

    Raises:
        ValueError: the book is missing, empty or binary, or a download is not the book.
    """
    check_text("book", name)
    if name == "auto":
        dropped = sorted(folder.glob("*.txt"))
        return read_book(dropped[0]) if dropped else default_book()
    if name == "default":
        return default_book()
    for candidate in (folder / name, folder / f"{name}.txt", Path(name)):
        if candidate.is_file():
            return read_book(candidate)
    if Path(name).is_dir():
        return read_folder(Path(name))
    if name in CATALOGUE:
        return read_book(_download(name, CATALOGUE[name], folder))
    if name.startswith(("http://", "https://")):
        stem = re.sub(r"\W+", "_", name.split("://")[1]).strip("_").removesuffix("_txt")
        cached = folder / f"{stem}.txt"
        anything = Download(name, "", 1, 1_000_000_000)
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
    text = strip_gutenberg(decode_bytes(Path(path).read_bytes(), str(Path(path).name))).strip("\n")
    if not text.strip():
        raise ValueError(f"the book {Path(path).name} is empty")
    title = Path(path).stem.replace("_", " ").title()
    return Book(title, text + "\n", f"file {Path(path).name}")


def read_folder(folder: Path) -> Book:
    """All .txt files of a folder as one book, in the order of their names.

    Raises:
        ValueError: there are none, or one of them is empty or not text.
    """
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise ValueError(f"the folder {folder.name} holds no .txt file")
    text = "\n\n".join(read_book(file).text for file in files)
    return Book(folder.name.replace("_", " ").title(), text, f"{len(files)} files of {folder.name}")


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


def decode_bytes(content: bytes, name: str) -> str:
    """Bytes as text with LF line ends: UTF-8 with or without a byte-order mark, else Latin-1.

    Raises:
        ValueError: the bytes are not plain text (they hold zeros or many control characters).
    """
    sample = content[:100_000]
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample)
    if b"\0" in content or control > len(sample) / 1000:
        raise ValueError(f"the book {name} is binary, not plain text in UTF-8 or Latin-1")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


_START = re.compile(r"^\*\*\* ?START OF TH(IS|E) PROJECT GUTENBERG.*?\*\*\*[^\n]*$", re.M | re.S)
_END = re.compile(
    r"^(\*\*\* ?END OF TH(IS|E) PROJECT GUTENBERG|End of (the )?Project Gutenberg)", re.M
)
_CREDIT = re.compile(r"\A\s*(Produced by|E-text prepared by|Transcribed from)[^\n]*(\n[^\n]+)*\n")


def strip_gutenberg(text: str) -> str:
    """Without Project Gutenberg's header, footer, licence and credit line, where they are there."""
    start = _START.search(text)
    if start:
        text = text[start.end() :]
        text = _CREDIT.sub("", text)
    end = _END.search(text)
    return text[: end.start()] if end else text


def _download(name: str, book: Download, folder: Path) -> Path:
    """Fetch a book into ``folder``; hold later downloads to the first one's hash."""
    ledger = folder / "checksums.json"
    known = json.loads(ledger.read_text()) if ledger.exists() else {}
    with tempfile.TemporaryDirectory(prefix="arriving-") as arriving:
        content = Path(_retrieve(name, book, known.get(name), arriving)).read_bytes()
        if not book.smallest <= len(content) <= book.largest:
            raise ValueError(
                f"what came from {book.url} has {len(content):,} bytes; {book.title} has between "
                f"{book.smallest:,} and {book.largest:,}"
            )
        if book.title.encode() not in content:
            raise ValueError(f"what came from {book.url} does not name the title {book.title!r}")
    text = decode_bytes(content, f"from {book.url}")
    if re.match(r"\s*(<!doctype html|<html|<\?xml)", text, re.IGNORECASE):
        raise ValueError(f"what came from {book.url} is a web page (HTML), not plain text")
    if not text.strip():
        raise ValueError(f"what came from {book.url} is empty")
    with atomic_write(folder / f"{name}.txt") as file:
        file.write(content)
    with atomic_write(ledger) as file:
        known[name] = hashlib.sha256(content).hexdigest()
        file.write(json.dumps(known, indent=2).encode())
    return folder / f"{name}.txt"


def _retrieve(name: str, book: Download, known_hash: str | None, folder: str) -> str:
    url, expected = book.url, book.smallest
    pooch.get_logger().setLevel("WARNING")  # its notes name folders of this machine
    with runtime.progress(
        total=expected, desc=f"fetching {name}", unit="B", unit_scale=True
    ) as bar:
        try:
            return pooch.retrieve(
                url,
                known_hash=known_hash,
                fname=f"{name}.txt",
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=bar),
            )
        except OSError as error:  # what requests raises is one
            raise ValueError(
                f"the book {name!r} could not be fetched from {url} ({type(error).__name__}). "
                f"Without a connection put a file into data/books/{name}.txt, or load 'auto'"
            ) from error
