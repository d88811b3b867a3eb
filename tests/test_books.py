"""Books: licence cut, encodings read, bad files refused, downloads held to their checksum."""

import functools
import hashlib
import http.server
import re
import threading
import warnings
from pathlib import Path

import pytest

from helpers import paths
from helpers.text import Vocabulary, books, load_book

GUTENBERG = """The Project Gutenberg EBook of A Tale

Title: A Tale

*** START OF THIS PROJECT GUTENBERG EBOOK A TALE ***

Produced by Somebody and
Somebody Else

A TALE

Once. “Twice”, she said.

End of Project Gutenberg’s A Tale

*** END OF THIS PROJECT GUTENBERG EBOOK A TALE ***

*1.E.3.* If an individual work is posted …
"""
STORY = "A TALE\n\nOnce. “Twice”, she said.\n"


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_licence_header_and_credit_are_cut(tmp_path, line_end, mark):
    path = put(tmp_path, "a_tale.txt", mark + GUTENBERG.replace("\n", line_end).encode())
    book = load_book(str(path))
    assert book.text == STORY
    assert book.title == "A Tale"
    assert str(tmp_path) not in repr(book)


def test_a_file_with_a_footer_only_or_no_licence(tmp_path):
    footer_only = GUTENBERG.split("Somebody Else\n\n")[1]
    assert load_book(str(put(tmp_path, "footer.txt", footer_only.encode()))).text == STORY
    assert load_book(str(put(tmp_path, "plain.txt", STORY.encode()))).text == STORY


@pytest.mark.parametrize("first", [GUTENBERG, GUTENBERG.split("Somebody Else\n\n")[1]])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_files_joined_in_one_are_the_folder_of_them(tmp_path, first, line_end):
    """``cat *.txt > big.txt``, each with a byte-order mark; the first may have a footer only."""
    folder = tmp_path / "tales"
    folder.mkdir()
    for k, text in enumerate((first, *[GUTENBERG.replace("Once", n) for n in ("Twice", "Thrice")])):
        put(folder, f"{k}.txt", f"\ufeff{text}".replace("\n", line_end).encode())
    whole = b"".join(file.read_bytes() for file in sorted(folder.iterdir()))
    joined = load_book(str(put(tmp_path, "big.txt", whole))).text
    assert joined == load_book(str(folder)).text
    assert joined.count("A TALE\n\n") == 3
    assert "\ufeff" not in joined


def test_a_file_cut_off_and_a_start_marked_twice_lose_no_text():
    mark = "*** START OF THIS PROJECT GUTENBERG EBOOK A TALE ***\n"
    assert books.strip_gutenberg(f"head\n{mark}\n{mark}one\n").strip() == "one"
    texts = books.strip_gutenberg(f"head\n{mark}one\n{GUTENBERG}")
    assert texts.startswith("one\n")
    assert texts.endswith("\n\n\n" + STORY.strip("\n"))


# Encodings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        ("Où est le café ?", "latin-1", "as byte 1 of the file shows, and is read as Windows-1252"),
        ("“Hi” – he’s €5 off…", "cp1252", "as byte 0 of the file shows, and is read as Windows"),
        ("caf\xe9 \x81", "latin-1", "as byte 3 of the file shows, and is read as Latin-1"),
    ],
)
def test_what_is_not_utf_8_is_read_and_said_once(tmp_path, capsys, text, encoding, told):
    path = put(tmp_path, "old.txt", text.encode(encoding))
    assert load_book(str(path)).text == text + "\n"
    (line,) = capsys.readouterr().out.splitlines()
    assert re.match(f"the book old.txt is not UTF-8, {told}", line)


def test_other_encodings_are_no_utf_8_by_accident(tmp_path, capsys):
    """É” of Windows has the bytes of a letter of UTF-8, ɔ."""
    text = "word " * 2000 + "le CAFÉ” et l’été"
    assert load_book(str(put(tmp_path, "old.txt", text.encode("cp1252")))).text == text + "\n"
    assert "Windows-1252" in capsys.readouterr().out


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_few_bad_bytes_leave_a_utf_8_book_as_it_is(tmp_path, capsys, mark):
    text = "Где “он”? " * 300
    whole = (mark + text).encode()
    at = len((mark + text[:20]).encode())
    for bad, count in ((b"\xff", "1 byte"), (b"\xe2\x80", "2 bytes")):
        path = put(tmp_path, "novel.txt", whole[:at] + bad + whole[at:])
        assert load_book(str(path)).text == text[:20] + "\ufffd" + text[20:] + "\n"
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith(
            f"the book novel.txt is UTF-8 but for {count}, the first of them byte {at} of the file"
        )


def test_one_bad_byte_in_a_thousand_is_few():
    text = "слово " * 1000  # 11,000 bytes
    for bad, read in ((11, "UTF-8 but for"), (20, "read as")):
        content = text.encode() + b"\xff " * bad
        assert read in books._text_and_doubt(content)[1]


def test_good_files_print_nothing(tmp_path, capsys):
    folder = tmp_path / "books"
    folder.mkdir()
    for k, content in enumerate(("“a” \ufffd", "plain", "\ufeffé\r\n")):
        put(folder, f"{k}.txt", content.encode())
    load_book(str(folder))
    load_book("auto", folder=folder)
    load_book("default")
    assert capsys.readouterr() == ("", "")


def test_a_name_moves_no_cursor_in_what_is_printed(capsys):
    books.decode_bytes(b"\xe9", "\x1b[31mbook")
    assert "\x1b" not in capsys.readouterr().out


def test_default_book_is_the_same_every_time_and_has_no_addresses():
    book = load_book("default")
    assert book.text == load_book("default").text
    assert len(book) > 300_000
    assert "0x7f" not in book.text


def test_a_dropped_file_wins(tmp_path):
    assert load_book("auto", folder=tmp_path).title == books.DEFAULT_TITLE
    put(tmp_path, "anna_karenina.txt", STORY.encode())
    assert load_book("auto", folder=tmp_path).text == STORY
    for name in ("anna_karenina", "anna_karenina.txt"):
        assert load_book(name, folder=tmp_path).text == STORY


def test_hidden_files_and_folders_are_no_books(tmp_path):
    """macOS leaves ``._novel.txt`` on sticks and in archives, and it sorts first."""
    put(tmp_path, "._novel.txt", b"\0\5\x16\7" * 9)
    (tmp_path / "a.txt").mkdir()
    assert load_book("auto", folder=tmp_path).title == books.DEFAULT_TITLE
    with pytest.raises(ValueError, match=r"holds no \.txt file"):
        load_book(str(tmp_path))
    put(tmp_path, "novel.txt", STORY.encode())
    assert load_book("auto", folder=tmp_path).text == STORY
    assert load_book(str(tmp_path)).text == STORY


def test_a_path_that_was_typed_wins_and_a_bare_name_is_the_caches(tmp_path, monkeypatch):
    cache, here = tmp_path / "books", tmp_path / "here"
    for folder in (cache, here, here / "sub", here / "bare.txt", here / "bare"):
        folder.mkdir()
    monkeypatch.chdir(here)
    for name in ("novel.txt", "sub", "bare", "anna_karenina.txt"):
        put(cache, name, b"cached")
    for name in ("novel.txt", "sub/one.txt", "novel", "anna_karenina", "anna_karenina.txt"):
        put(here, name, b"typed")
    found = {
        "novel.txt": "typed",
        "./novel.txt": "typed",
        "./novel": "typed",
        str(here / "novel.txt"): "typed",
        "sub/": "typed",
        "sub/one.txt": "typed",
        "novel": "cached",
        "sub": "cached",
        "bare": "cached",
        "anna_karenina": "cached",
    }
    for name, text in found.items():
        assert load_book(name, folder=cache).text == f"{text}\n", name
    (here / "novel.txt").unlink()
    assert load_book("novel.txt", folder=cache).text == "cached\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\r\n \n", "empty"),
        (b"\x00\x01\x02" * 50, "binary"),
        (bytes(range(256)) * 9, "binary"),
    ],
)
def test_bad_files_are_a_sentence(tmp_path, content, message):
    put(tmp_path, "bad.txt", content)
    with pytest.raises(ValueError, match=message):
        load_book("bad", folder=tmp_path)


@pytest.mark.parametrize("name", ["no_such_book", "", None, 3, "../../"])
def test_missing_books_are_a_sentence(tmp_path, name, monkeypatch):
    inside = tmp_path / "a" / "folder"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)  # what lies above a clone is nobody's business here
    with pytest.raises(ValueError, match=r"there is no book|must be a text|holds no .txt file"):
        load_book(name, folder=inside)
    assert list(inside.iterdir()) == []


# Downloads, from a server on loopback -------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A catalogue of one book whose file the test may change."""
    site = tmp_path / "site"
    site.mkdir()
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{httpd.server_port}/tale.txt"
        monkeypatch.setitem(books.CATALOGUE, "tale", books.Download(url, "A Tale", 100, 10_000))
        yield site
        httpd.shutdown()


def test_download_is_checked_recorded_and_reused(server, tmp_path, capfd):
    cache = tmp_path / "books"
    (server / "tale.txt").write_text(GUTENBERG)
    assert load_book("tale", folder=cache).text == STORY
    assert sorted(p.name for p in cache.iterdir()) == ["checksums.json", "tale.txt"]
    assert "fetching tale" in capfd.readouterr().err  # the progress bar

    (server / "tale.txt").write_text(GUTENBERG.replace("Once", "Never"))
    assert "Once" in load_book("tale", folder=cache).text  # from the cache
    (cache / "tale.txt").unlink()
    with pytest.raises(ValueError, match="hash"):
        load_book("tale", folder=cache)
    assert [p.name for p in cache.iterdir()] == ["checksums.json"]


def test_a_download_that_is_not_utf_8_is_said_once(server, tmp_path, capsys):
    (server / "tale.txt").write_bytes(GUTENBERG.encode("cp1252", "replace"))
    assert load_book("tale", folder=tmp_path / "books").text == STORY
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("the book tale.txt is not UTF-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [("A Tale", "has 6 bytes"), ("x" * 500, "title"), (None, "could not be fetched")],
)
def test_a_wrong_download_leaves_nothing(server, tmp_path, content, message):
    if content is not None:
        (server / "tale.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_book("tale", folder=tmp_path / "books")
    assert not (tmp_path / "books").exists()


def test_no_connection_is_a_sentence(tmp_path, monkeypatch):
    nowhere = books.Download("http://127.0.0.1:9/tale.txt", "A Tale", 1, 2)
    monkeypatch.setitem(books.CATALOGUE, "tale", nowhere)
    with pytest.raises(ValueError, match=r"put a file into data/books/tale\.txt"):
        load_book("tale", folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "sha256", "characters", "first", "last"),
    [
        ("anna_karenina", "568bb39f", 1_966_145, "Chapter 1\n", 'put into\nit."\n'),
        ("grimms_fairy_tales", "e6439bd5", 520_738, "FAIRY TALES\n", "ever\nsince.\n"),
    ],
)
def test_real_gutenberg_files(name, sha256, characters, first, last):
    """Project Gutenberg's own files 1399 and 2591, where a reader has put them; not its others."""
    path = paths.BOOKS / f"{name}.txt"
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest()[:8] != sha256:
        pytest.skip(f"data/books/ does not hold this edition of {name}")
    book = load_book(name)
    assert len(book) == characters
    assert book.text.startswith(first)
    assert book.text.endswith(last)
    assert "Gutenberg" not in book.text
    assert "\r" not in book.text


# Vocabulary -----------------------------------------------------------------------------------


def test_vocabulary_is_sorted_and_round_trips():
    vocab = Vocabulary("hello world")
    assert vocab.characters == " dehlorw"
    assert vocab.decode(vocab.encode("hello").tolist()) == "hello"
    assert vocab == Vocabulary("dlrow olleh")
    assert len(vocab) == 8


def test_characters_outside_are_named():
    with pytest.raises(
        ValueError, match="the prompt has characters that the model has never seen: 'z', 'é'"
    ):
        Vocabulary("abr").encode("zébra", "the prompt")
    with pytest.raises(ValueError, match="at least two distinct"):
        Vocabulary("aaa")


def test_nothing_warns():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        book = load_book("default")
    assert seen == []
    assert len(book.text) > 1000
