"""Books from the network: limited while they come, judged before they are kept.

What answers an address may be anything: a login page, an archive, a stream without an end. So
:func:`fetch` bounds the time and the size of what comes, and takes nothing
packed; it follows a redirect
only to another web address, and never from https to http; and what is not plain text is refused as
soon as that shows. It writes no file.

Data flow::

    address -> answer (status, kind, length) -> pieces, counted -> judged -> bytes
"""

import hashlib
import io
import re
import threading
import time
from urllib.parse import urljoin, urlsplit

import pooch

from helpers import runtime

#: Seconds that a download may take in all; two megabytes in them are a slow mobile connection.
SECONDS = 120.0
#: Seconds without an answer, or between two pieces of it.
SILENCE_S = 20.0
#: Bytes of a book that is not in the catalogue: ten long novels.
LARGEST = 20_000_000
REDIRECTS = 5

_PIECE = 2**14
_PAGE = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype|html|head|body|script|meta|title|\?xml|svg)\b",
    re.IGNORECASE | re.DOTALL,
)
_NOT_TEXT = ("text/html", "application/xhtml+xml", "application/xml", "text/xml")


class NotTheBook(ValueError):
    """What came, or comes, is refused; the message says why."""


class _Moved(Exception):
    """The answer is another address."""


def fetch(
    name: str,
    url: str,
    *,
    title: str = "",
    smallest: int = 1,
    largest: int = LARGEST,
    known_hash: str | None = None,
) -> bytes:
    """What lies at ``url``, if it is a book of plain text.

    Args:
        name: of the book, for progress and messages.
        url: http or https.
        title: must occur in it.
        smallest, largest: bytes that it may have.
        known_hash: the SHA-256 that it must have.

    Raises:
        NotTheBook: what came is too small or too large, not plain text, or not this book.
        ValueError: nothing came, not all of it, or not in time.
    """
    arrival = _Arrival(url, largest)
    thread = threading.Thread(target=arrival.receive, name=f"fetching {name}", daemon=True)
    thread.start()
    end = time.monotonic() + SECONDS
    bar = {"desc": f"fetching {name}", "unit": "B", "unit_scale": True}
    with runtime.progress(total=smallest, **bar) as shown:
        # The connection is another thread's: the time is up, and Ctrl-C is heard, even where the
        # system waits on, for a name, a handshake, or a header that comes byte by byte.
        while thread.is_alive() and time.monotonic() < end:
            thread.join(0.05)
            shown.update(arrival.count - shown.n)
        shown.update(arrival.count - shown.n)
    otherwise = f"Without a connection put a file into data/books/{name}.txt, or load 'auto'"
    if thread.is_alive():
        arrival.give_up()
        raise ValueError(
            f"the book {name!r} did not come from {url} within {SECONDS:g} s, "
            f"only {arrival.count:,} bytes. {otherwise}"
        )
    if isinstance(arrival.error, NotTheBook):
        raise arrival.error
    if arrival.error is not None:
        answer = getattr(arrival.error, "response", None)
        kind = type(arrival.error).__name__
        reason = kind if answer is None else f"the server answers {answer.status_code}"
        raise ValueError(
            f"the book {name!r} could not be fetched from {url} ({reason}). {otherwise}"
        ) from arrival.error
    content = arrival.getvalue()
    judge(content, url)
    if len(content) < smallest:
        raise NotTheBook(
            f"what came from {url} has {len(content):,} bytes; the book has at least {smallest:,}"
        )
    if title.encode() not in content:
        raise NotTheBook(f"what came from {url} does not name the title {title!r}")
    found = hashlib.sha256(content).hexdigest()
    if known_hash not in (None, found):
        raise NotTheBook(
            f"what came from {url} is not what came before: its hash (SHA-256) is {found}, and "
            f"data/books/checksums.json has {known_hash}. To take it all the same, delete that line"
        )
    return content


def judge(content: bytes, url: str) -> None:
    """Refuse what is not plain text, from its first bytes or from all of it.

    Raises:
        NotTheBook: it is binary or a web page.
    """
    if is_binary(content):
        raise NotTheBook(f"what came from {url} is binary, not plain text in UTF-8 or Latin-1")
    if _PAGE.match(content):
        raise NotTheBook(f"what came from {url} is a web page (HTML), not plain text")


def is_binary(content: bytes) -> bool:
    """Whether bytes are no plain text: they hold zeros or many control characters."""
    sample = content[:100_000]
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample)
    return b"\0" in content or control > len(sample) / 1000


class _Arrival(io.BytesIO):
    """What has come so far; refuses to take more than the bound, or what is not text.

    Attributes:
        count: bytes so far.
        error: why no more will come, or ``None``.
    """

    def __init__(self, url: str, largest: int):
        super().__init__()
        self.url, self.largest = url, largest
        self.count, self.error = 0, None
        self._answer = None

    def receive(self) -> None:
        """Take everything that the address has, in this thread."""
        get = pooch.HTTPDownloader(
            chunk_size=_PIECE,
            timeout=SILENCE_S,
            headers={"Accept-Encoding": "identity"},
            allow_redirects=False,  # requests would read the body of a redirect to its end
            hooks={"response": self._hear},
        )
        address = self.url
        try:
            for _ in range(REDIRECTS + 1):
                try:
                    return get(address, self, None)
                except _Moved as moved:
                    address = self._followed(address, str(moved))
            raise NotTheBook(f"{self.url} leads from address to address, more than {REDIRECTS}")
        except Exception as error:  # libraries below raise more kinds than they document
            self.error = error

    def _followed(self, address: str, to: str) -> str:
        target = urljoin(address, to)
        old, new = urlsplit(address).scheme, urlsplit(target).scheme
        if new not in ("http", "https") or (old, new) == ("https", "http"):
            raise NotTheBook(
                f"{self.url} leads to an address of the kind {new[:20]!r}, which is not followed "
                f"from {old}"
            )
        return target

    def _hear(self, answer, **_) -> None:
        """Judge an answer by its header."""
        self._answer = answer
        if answer.is_redirect:
            answer.close()
            raise _Moved(answer.headers["location"])
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.ok and kind in _NOT_TEXT:
            raise NotTheBook(f"what came from {self.url} is a web page (HTML), not plain text")
        packed = answer.headers.get("content-encoding", "identity").lower()
        if answer.ok and packed != "identity":
            # It may unpack to any size, and what was cut unpacks without a word.
            raise NotTheBook(f"what comes from {self.url} comes packed ({packed[:20]!r})")
        length = answer.headers.get("content-length", "")
        if answer.ok and length.isdecimal() and int(length) > self.largest:
            self._too_large()

    def write(self, piece: bytes) -> int:
        if self.count + len(piece) > self.largest:
            self._too_large()
        if self.count < _PIECE:  # the first pieces tell what it is
            judge(self.getvalue() + piece, self.url)
        self.count += len(piece)
        return super().write(piece)

    def _too_large(self):
        raise NotTheBook(
            f"what comes from {self.url} has more than {self.largest:,} bytes: too many for the "
            "book"
        )

    def give_up(self) -> None:
        """Let the thread that receives end, where it waits for the body."""
        self.largest = -1
        shutdown = getattr(getattr(self._answer, "raw", None), "shutdown", None)
        if shutdown is not None:
            try:
                shutdown()
            except (OSError, ValueError, RuntimeError):  # it has just ended by itself
                return
