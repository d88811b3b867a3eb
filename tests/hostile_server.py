"""A server on loopback that answers with what a book must not be, and one that answers well."""

import functools
import gzip
import http.server
import io
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

BOOK = ("A Tale\n\n" + "Once there was a word, and it was said again. " * 40 + "\n").encode()
LOGIN = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>A Tale</body></html>"


@functools.cache
def bomb(megabytes: int) -> bytes:
    """Gzip of so many megabytes of text: a thousandth of them."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(megabytes):
            file.write(b"A Tale. " * 2**17)
    return packed.getvalue()


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers /KIND?ANYTHING as KIND says."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:  # the other side has gone, as it should
            self.close_connection = True

    def do_GET(self):
        kind = self.path.partition("?")[0].strip("/")
        getattr(self, f"answer_{kind}")()
        self.close_connection = True

    def send(self, content: bytes, status: int = 200, **headers) -> None:
        self.begin(status, **{"Content-Length": len(content), **headers})
        self.wfile.write(content)

    def begin(self, status: int = 200, **headers) -> None:
        self.send_response(status)
        usual = {"Content-Type": "text/plain", "Connection": "close"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {**usual, **given}.items():
            self.send_header(name, str(value))
        self.end_headers()

    def answer_book(self):
        self.send(BOOK)

    def answer_packed(self):
        self.send(gzip.compress(BOOK), Content_Encoding="gzip")

    def answer_moved(self):
        self.send(b"", 302, Location="/book")

    def answer_chunked(self):
        self.begin(Transfer_Encoding="chunked")
        for at in range(0, len(BOOK), 100):
            piece = BOOK[at : at + 100]
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def answer_binary(self):
        source = random.Random(self.path)
        self.send(b"\x89PNG" + source.randbytes(source.randrange(10, 100_000)))

    def answer_late_binary(self):  # text at first
        self.send(BOOK * 20 + b"\0" + BOOK)

    def answer_login(self):
        self.send(LOGIN)

    def answer_declared_page(self):
        self.send(BOOK, Content_Type="text/html; charset=utf-8")

    def answer_commented_page(self):
        self.send(b"\xef\xbb\xbf\n<!-- A Tale -->\n<!-- x -->" + LOGIN[15:])

    def answer_bomb(self):
        self.send(bomb(300), Content_Encoding="gzip")

    def answer_archive(self):  # the same, not said to be packed
        self.send(gzip.compress(BOOK))

    def answer_slow(self):
        self.begin(Content_Length=len(BOOK))
        for byte in BOOK:
            self.wfile.write(bytes([byte]))
            time.sleep(0.05)

    def answer_slow_header(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(160):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def answer_silent(self):
        time.sleep(3)

    def answer_endless(self):
        self.begin()
        while True:
            self.wfile.write(BOOK)

    def answer_endless_chunks(self):
        self.begin(Transfer_Encoding="chunked")
        while True:
            self.wfile.write(f"{len(BOOK):x}\r\n".encode() + BOOK + b"\r\n")

    def answer_huge_length(self):
        self.begin(Content_Length=10**12)
        self.wfile.write(BOOK)

    def answer_odd_length(self):
        self.begin(Content_Length="many")
        self.wfile.write(BOOK)

    def answer_cut(self):
        self.begin(Content_Length=2 * len(BOOK))
        self.wfile.write(BOOK)

    def answer_cut_chunks(self):
        self.begin(Transfer_Encoding="chunked")
        self.wfile.write(f"{len(BOOK):x}\r\n".encode() + BOOK + b"\r\n50\r\nabc")

    def answer_to_file(self):
        self.send(b"", 302, Location="file:///etc/passwd")

    def answer_to_ftp(self):
        self.send(b"", 301, Location="ftp://127.0.0.1/book.txt")

    def answer_to_data(self):
        self.send(b"", 307, Location="data:text/plain,A%20Tale")

    def answer_round(self):
        self.send(b"", 302, Location="/round")

    def answer_endless_redirect(self):
        self.begin(302, Location="/book2")
        while True:
            self.wfile.write(BOOK)

    def answer_book2(self):
        self.send(LOGIN)

    def answer_refused(self):
        self.send(BOOK, 403)

    def answer_missing(self):
        self.send(BOOK, 404)

    def answer_empty(self):
        self.send(b" \n\n\xef\xbb\xbf"[:3])

    def answer_only_licence(self):
        self.send(b"*** START OF THE PROJECT GUTENBERG EBOOK A TALE ***\n\n\n")

    def answer_other_book(self):
        self.send(BOOK.replace(b"A Tale", b"A Song"))

    def answer_other_edition(self):
        self.send(BOOK.replace(b"word", self.path.encode().hex().encode()))

    def answer_no_http(self):
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n" * 50)


#: Kind -> words of the sentence that it gets.
REFUSED = {
    "binary": "is binary",
    "late_binary": "is binary",
    "login": "is a web page",
    "declared_page": "is a web page",
    "commented_page": "is a web page",
    "packed": "comes packed",
    "bomb": "comes packed",
    "archive": "is binary",
    "slow": "within",
    "slow_header": "within",
    "silent": "could not be fetched",
    "endless": "more than",
    "endless_chunks": "more than",
    "huge_length": "more than",
    "odd_length": "could not be fetched",
    "cut": "could not be fetched",
    "cut_chunks": "could not be fetched",
    "to_file": "of the kind 'file'",
    "to_ftp": "of the kind 'ftp'",
    "to_data": "of the kind 'data'",
    "round": "from address to address",
    "endless_redirect": "is a web page",
    "refused": "answers 403",
    "missing": "answers 404",
    "empty": "is empty",
    "only_licence": "is empty",
    "no_http": "could not be fetched",
}
TAKEN = ("book", "moved", "chunked")


@contextmanager
def serving() -> Iterator[str]:
    """The server's address while it serves."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        bomb(300)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
