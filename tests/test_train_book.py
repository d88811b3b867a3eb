"""A model of a reader's own book: in three alphabets, small and large, interrupted, and refused."""

import json

import pytest

from helpers.processes import Ended
from helpers.text import sampling, train_book
from helpers.text.corpus import split_text
from helpers.text.measures import longest_copy
from helpers.text.own_books import SOURCES, Source
from helpers.text.saved_models import load_model
from helpers.text.train_book import SMALLEST, card_of, file_name, main, recipe

WORDS = {
    "english": "the a cat dog house sees finds loses old small red runs to from with and",
    "dutch": SOURCES[0].words,
    "greek": SOURCES[1].words,
}


def story(language: str, characters: int, seed: int = 0) -> str:
    """Sentences of random words, with capitals, commas and paragraphs."""
    return Source(language, WORDS[language], characters).text(seed=seed)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setattr(train_book, "FOLDER", tmp_path / "models")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("language", WORDS)
def test_one_command_trains_a_model_and_writes_its_card(language, shelf, capsys):
    book = shelf / f"{language} verhaal.txt"
    book.write_text(story(language, 20_000), encoding="utf-8")
    assert main([str(book), "--steps", "120"]) == 0
    path = shelf / "models" / f"{language}_verhaal"
    model, vocab, header = load_model(path)
    assert set(story(language, 20_000)) == set(vocab.characters)
    assert header["test"]["bpc"] < header["baselines"]["unigram"] - 0.5  # it has learned to spell
    assert header["looks"][-1]["step"] == 120

    parts = split_text(book.read_text(encoding="utf-8").strip("\n") + "\n")
    written = header["sample"]
    assert written.startswith(parts.test[:20])
    assert len(written) == 20 + train_book.SAMPLE
    again = sampling.generate(model, vocab, written[:20], train_book.SAMPLE, 0.7, seed=0)
    assert again == written  # the model on the disk is the one that wrote
    assert header["longest copy"] == longest_copy(written[20:], parts.train) > 3

    text = path.with_name(path.name + ".md").read_text(encoding="utf-8")
    for what in ("book", "split", "validation", "test", "made", "longest stretch copied"):
        assert f"| {what} |" in text
    assert f"{header['test']['bpc']:.3f} bits a character" in card_of(path)["test"]
    printed = capsys.readouterr().out
    assert text in printed
    assert f"load_model(FOLDER / {path.name!r})" in printed
    assert [p.suffix for p in sorted(path.parent.iterdir())] == [".json", ".md", ".safetensors"]


def test_the_recipe_fits_the_book():
    """A small book is read often by a small network, a large one a few times by a large one."""
    found = {n: recipe(n) for n in (50_000, 500_000, 2_000_000, 20_000_000)}
    units = [arguments["hidden_size"] for arguments, _ in found.values()]
    assert units == sorted(units)
    passes = [
        plan.steps * plan.batch_size * plan.length / (0.9 * n) for n, (_, plan) in found.items()
    ]
    assert passes == sorted(passes, reverse=True)
    assert passes[0] <= train_book.MOST_PASSES + 1
    assert passes[-1] == pytest.approx(train_book.LEAST_PASSES, rel=0.01)
    smallest, plan = recipe(SMALLEST)
    assert SMALLEST * 0.9 / plan.batch_size - 200 > plan.length  # every stream has a window
    assert recipe(50_000, steps=7)[1].steps == 7
    assert recipe(50_000, seed=3)[1].seed == 3
    assert smallest["num_layers"] == 2


@pytest.mark.slow
def test_an_interrupted_training_goes_on(shelf, monkeypatch):
    """Ended in the middle and said again: the same model as without a break."""
    book = shelf / "book.txt"
    book.write_text(story("dutch", 12_000), encoding="utf-8")
    whole = train_book.train_book(str(book), "whole", steps=40, folder=shelf / "a")
    fit = train_book.fit

    def broken(*arguments, on_step, **options):
        def ended(step):
            on_step(step)
            if step.number == 25:
                raise Ended(2)

        return fit(*arguments, on_step=ended, **options)

    monkeypatch.setattr(train_book, "fit", broken)
    with pytest.raises(Ended):
        train_book.train_book(str(book), "whole", steps=40, folder=shelf / "b")
    (snapshot,) = (shelf / "b").iterdir()
    assert snapshot.suffix == ".training"

    steps = []

    def watched(*arguments, on_step, **options):
        return fit(*arguments, on_step=lambda step: steps.append(step.number), **options)

    monkeypatch.setattr(train_book, "fit", watched)
    on = train_book.train_book(str(book), "whole", steps=40, folder=shelf / "b")
    assert steps[0] == 25  # the last look was after step 24
    assert on["looks"] == whole["looks"]
    assert on["test"] == whole["test"]
    assert on["sample"] == whole["sample"]
    assert not snapshot.exists()
    (shelf / "b" / "whole.json").unlink()
    book.write_text(story("dutch", 12_000, seed=1), encoding="utf-8")  # another text begins anew
    steps.clear()
    train_book.train_book(str(book), "whole", steps=40, folder=shelf / "b")
    assert steps[0] == 1


def test_what_is_no_book_is_a_sentence(shelf, capsys):
    short = shelf / "short.txt"
    short.write_text(story("greek", 500), encoding="utf-8")
    assert main([str(short)]) == 2
    assert f"a model needs at least {SMALLEST:,}" in capsys.readouterr().err
    assert main([str(shelf / "nothing.txt")]) == 2
    assert "there is no book" in capsys.readouterr().err
    long = shelf / "long.txt"
    long.write_text(story("greek", SMALLEST), encoding="utf-8")
    assert main([str(long), "--steps", "0"]) == 2
    assert "steps must be at least 1" in capsys.readouterr().err
    assert main([str(long), "--name", "…"]) == 2
    assert "a name with a letter" in capsys.readouterr().err
    assert not (shelf / "models").exists()


def test_titles_in_any_script_become_names_of_files():
    assert file_name("Ἡ Ὀδύσσεια, α′") == "ἡ_ὀδύσσεια_α"
    assert file_name("Max Havelaar (1860)") == "max_havelaar_1860"
    assert file_name("../../elsewhere") == "elsewhere"


def test_the_header_is_plain_json(shelf):
    book = shelf / "plain.txt"
    book.write_text(story("english", SMALLEST), encoding="utf-8")
    header = train_book.train_book(str(book), steps=5, folder=shelf / "models")
    stored = json.loads((shelf / "models" / "plain.json").read_text(encoding="utf-8"))
    assert stored["book"] == header["book"]
    assert stored["test"] == header["test"]


def test_what_is_finished_is_not_trained_again_and_what_is_another_is_not_lost(shelf, monkeypatch):
    book, models = shelf / "plain.txt", shelf / "models"
    book.write_text(story("english", SMALLEST), encoding="utf-8")
    header = train_book.train_book(str(book), steps=5, folder=models)
    files = {path: path.read_bytes() for path in models.iterdir()}
    trained, fit = [], train_book.fit

    def counted(*arguments, **options):
        trained.append(1)
        return fit(*arguments, **options)

    monkeypatch.setattr(train_book, "fit", counted)
    assert train_book.train_book(str(book), steps=5, folder=models)["test"] == header["test"]
    for other in ({"steps": 6}, {"steps": 5, "seed": 1}):
        with pytest.raises(ValueError, match=r"plain is there already: a model of Plain, 5 steps"):
            train_book.train_book(str(book), folder=models, **other)
    book.write_text(story("english", SMALLEST, seed=1), encoding="utf-8")
    with pytest.raises(ValueError, match="Choose another name"):
        train_book.train_book(str(book), steps=5, folder=models)
    assert not trained
    assert {path: path.read_bytes() for path in models.iterdir()} == files
    train_book.train_book(str(book), steps=5, folder=models, replace_old=True)
    assert trained == [1]
    assert (models / "plain.json").read_bytes() != files[models / "plain.json"]


def test_half_a_model_is_never_in_the_place_of_a_whole_one(shelf, monkeypatch):
    """Stopped while it is measured: the old model stays, and what was trained is not lost."""
    book, models = shelf / "plain.txt", shelf / "models"
    book.write_text(story("english", SMALLEST), encoding="utf-8")
    train_book.train_book(str(book), steps=5, folder=models)
    files = {path: path.read_bytes() for path in models.iterdir()}
    evaluate, looks = train_book.evaluate, []

    def ended(*_):
        looks.append(1)
        raise Ended(2)

    monkeypatch.setattr(train_book, "evaluate", ended)
    with pytest.raises(Ended):
        train_book.train_book(str(book), steps=6, folder=models, replace_old=True)
    assert looks
    assert {path: path.read_bytes() for path in files} == files
    monkeypatch.setattr(train_book, "evaluate", evaluate)
    train_book.train_book(str(book), steps=6, folder=models, replace_old=True)
    assert {path.name for path in models.iterdir()} == {path.name for path in files}


def test_a_text_of_one_character_is_refused(shelf, capsys):
    book = shelf / "a.txt"
    book.write_text("a" * SMALLEST + "\n", encoding="utf-8")
    assert main([str(book)]) == 2
    assert "one character again and again" in capsys.readouterr().err
