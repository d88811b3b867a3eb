"""Downloads: bounded while they come, judged before they are kept, the folder as it was."""

import hashlib
import json
import threading
import time
import tracemalloc

import pytest

from helpers import files
from helpers.text import arriving, books, load_book
from tests.hostile_server import BOOK, REFUSED, TAKEN, serving


@pytest.fixture(scope="module")
def server():
    with serving() as address:
        yield address


@pytest.fixture(autouse=True)
def bounds(monkeypatch):
    monkeypatch.setattr(arriving, "SECONDS", 4.0)
    monkeypatch.setattr(arriving, "SILENCE_S", 1.0)
    monkeypatch.setattr(arriving, "LARGEST", 1_000_000)


@pytest.fixture
def folder(tmp_path):
    """A folder of books that has been used."""
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "mine.txt").write_bytes(BOOK)
    (folder / "checksums.json").write_text('{"mine": "0"}')
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_a_book_is_taken_and_written_down(server, folder, kind):
    assert load_book(f"{server}/{kind}", folder=folder).text.encode() == BOOK
    (new,) = contents(folder).keys() - {"mine.txt", "checksums.json"}
    ledger = json.loads((folder / "checksums.json").read_text())
    assert ledger == {"mine": "0", new.removesuffix(".txt"): hashlib.sha256(BOOK).hexdigest()}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_none_is_refused_in_a_sentence_and_the_folder_stays(server, folder, kind):
    before, begun = contents(folder), time.monotonic()
    with pytest.raises(ValueError, match=f"127.0.0.1.*{REFUSED[kind]}|{REFUSED[kind]}.*127.0.0.1"):
        load_book(f"{server}/{kind}", folder=folder)
    assert time.monotonic() - begun < 6
    assert contents(folder) == before
    with pytest.raises(ValueError, match=REFUSED[kind]):
        load_book(f"{server}/{kind}", folder=folder / "new")
    assert not (folder / "new").exists()


@pytest.mark.parametrize("kind", ["bomb", "endless", "endless_redirect"])
def test_nothing_is_held_beyond_the_bound(server, folder, kind):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=REFUSED[kind]):
            load_book(f"{server}/{kind}", folder=folder)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_known_book_is_held_to_its_size_its_title_and_its_hash(server, folder, monkeypatch):
    def catalogued(kind, **bounds):
        entry = books.Download(f"{server}/{kind}", "A Tale", **{"smallest": 100, "largest": 10_000})
        for name, value in bounds.items():
            object.__setattr__(entry, name, value)
        monkeypatch.setitem(books.CATALOGUE, "tale", entry)
        return load_book("tale", folder=folder)

    before = contents(folder)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        catalogued("book", largest=1000)
    with pytest.raises(ValueError, match="at least 5,000"):
        catalogued("book", smallest=5000)
    with pytest.raises(ValueError, match="does not name the title 'A Tale'"):
        catalogued("other_book")
    assert contents(folder) == before
    catalogued("book")
    (folder / "tale.txt").unlink()
    before = contents(folder)
    with pytest.raises(ValueError, match=r"its hash \(SHA-256\) is .*, and data/books/checksums"):
        catalogued("other_edition")
    assert contents(folder) == before
    assert catalogued("book").text.encode() == BOOK


@pytest.mark.parametrize("damaged", [b"", b"{", b"[1]", b'{"a": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_list_of_checksums_is_named(server, folder, damaged):
    (folder / "checksums.json").write_bytes(damaged)
    before = contents(folder)
    with pytest.raises(ValueError, match=r"data/books/checksums\.json is damaged"):
        load_book(f"{server}/book", folder=folder)
    assert contents(folder) == before


@pytest.mark.parametrize("fails", [1, 2])
def test_a_full_disk_leaves_the_folder_as_it_was(server, folder, monkeypatch, fails):
    prepared, whole = [], files.atomic_write._prepare

    def full(part):
        prepared.append(part)
        if len(prepared) == fails:
            raise OSError(28, "No space left on device")
        whole(part)

    monkeypatch.setattr(files.atomic_write, "_prepare", full)
    before = contents(folder)
    with pytest.raises(OSError, match="No space left"):
        load_book(f"{server}/book", folder=folder)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999/x",
        "http://" + "a" * 70 + ".x/",
        "https://x x/",
    ],
)
def test_an_address_that_is_none_is_a_sentence(folder, address):
    before = contents(folder)
    with pytest.raises(ValueError, match=r"could not be fetched from http.*put a file into"):
        load_book(address, folder=folder)
    assert contents(folder) == before


def test_long_addresses_get_names_of_their_own(server, folder):
    for end in "ab":
        load_book(f"{server}/book?{'x' * 500}{end}", folder=folder)
    assert len(contents(folder)) == 4


def test_what_is_given_up_ends(server, folder):
    with pytest.raises(ValueError, match="within"):
        load_book(f"{server}/slow?ends", folder=folder)
    deadline = time.monotonic() + 2
    while any(
        t.name.startswith("fetching") and "_slow_ends" in t.name for t in threading.enumerate()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
