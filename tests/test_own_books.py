"""Texts whose least bits are known, and the table of models of other books."""

import dataclasses
import math
import re

import pytest

from helpers.text import own_books
from helpers.text.baselines import NGram
from helpers.text.own_books import ENDINGS, FEWEST, MOST, SOURCES, Source
from helpers.text.vocabulary import Vocabulary


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.title)
def test_the_least_bits_are_those_of_the_draws(source):
    """Counted on a long text: what was drawn for each sentence, over its characters."""
    words = source.words.split()
    assert len(words) == len(set(words))  # else a sentence would not tell its draws
    text = source.text(400_000)
    sentences = re.findall(r"([^.?!]+)([.?!]\s+)", text)
    bits = characters = 0
    for body, ending in sentences:
        drawn = body.replace(",", "").split()
        assert FEWEST <= len(drawn) <= MOST
        assert {word.lower() for word in drawn} <= {word.lower() for word in words}
        bits += math.log2(MOST - FEWEST + 1) + len(drawn) * math.log2(len(words))
        bits -= math.log2(ENDINGS.count(ending) / len(ENDINGS))
        characters += len(body) + len(ending)
    assert source.least_bits_of("d. " + text) == pytest.approx(bits / characters, rel=1e-12)
    part = source.least_bits_of(text[1000:3000])
    assert part == pytest.approx(source.least_bits(), rel=0.05)
    assert part != source.least_bits_of(text[5000:7000])
    assert source.least_bits() == pytest.approx(bits / characters, rel=3e-3)


def test_no_code_of_many_characters_beats_the_least():
    source = SOURCES[1]
    text, new = source.text(200_000), source.text(50_000, seed=1)
    counted = NGram(text, 6, Vocabulary(text).characters).bpc(new)
    assert counted > source.least_bits()
    assert counted < 1.5 * source.least_bits()


def test_a_text_depends_on_its_seed_alone():
    source = SOURCES[0]
    assert source.text(3000) == source.text(3000)
    assert source.text(3000) != source.text(3000, seed=1)
    assert source.text(3000).startswith(source.text(1000))
    assert len(source.text()) == source.characters
    assert Source("x", "a b", 10).least_bits() > 0


@pytest.mark.slow
def test_the_table_is_made_and_read(tmp_path, monkeypatch):
    few = [dataclasses.replace(source, characters=10_010) for source in SOURCES[:1]]
    monkeypatch.setattr(own_books, "SOURCES", few)
    train = own_books.train_book.train_book
    monkeypatch.setattr(
        own_books.train_book, "train_book", lambda *a, **k: train(*a, **{**k, "steps": 60})
    )
    monkeypatch.setattr(own_books, "LANGUAGE_REFERENCE", str(tmp_path / "reference.txt"))
    (tmp_path / "reference.txt").write_text(SOURCES[1].text(10_010), encoding="utf-8")
    rows = own_books.measure_and_write(tmp_path, tmp_path / "models")
    found = own_books.read(tmp_path)
    assert [row["model"] for row in found] == [row["model"] for row in rows]
    assert [row["characters"] for row in rows] == pytest.approx([10_010, 10_010], abs=10)
    assert "least possible" not in found[0]
    assert found[1]["least possible"] < found[1]["model"] < found[1]["unigram"]
    assert rows[1]["steps"] == 60
    assert rows[1]["processor minutes"] >= 0


def test_a_missing_table_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"own_books\.json is not there; profile='full' makes it"):
        own_books.read(tmp_path)


def test_published_models_end_above_the_least():
    for row in own_books.read():
        assert row["model"] < row["unigram"]
        if "least possible" in row:
            assert row["least possible"] < row["model"] < row["6-gram"]
