"""A model that goes on learning while it reads."""

import math

import pytest
import torch
import torch.nn.functional as F

from helpers import paths
from helpers.checkpoints import load_checkpoint
from helpers.runtime import generator
from helpers.text import CharLM, Vocabulary, book_model, dynamic, training
from helpers.text.dynamic import Habit, bits_while_learning, usual_size
from helpers.text.evaluation import surprise
from helpers.text.saved_models import save_model

TEXT = "the cat sat on the mat. the dog sat on the cat. " * 20
VOCAB = Vocabulary(TEXT)
IDS = VOCAB.encode(TEXT)


def small(dropout=0.0):
    return CharLM(
        len(VOCAB), 8, 2, embedding_size=4, dropout=dropout, generator=generator(0, "weights")
    )


def ones(model):
    return [torch.ones_like(p) for p in model.parameters()]


def test_without_a_step_the_bits_are_those_of_the_model():
    """In segments of any length, also one that does not fit, and with dropout switched off."""
    model = small(dropout=0.5)
    expected = surprise(model, VOCAB, TEXT[:101])
    for length in (1, 7, 20, 500):
        found = bits_while_learning(model, IDS[:101], Habit(0.0, length=length), ones(model))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_two_steps_by_hand():
    """Plain SGD on a list of tensors, and the way back to the first weights."""
    model, habit = small(), Habit(0.5, 0.25, 10)
    sizes = [0.5 + torch.rand(p.shape, generator=generator(1)) for p in model.parameters()]
    found = bits_while_learning(model, IDS[:31], habit, sizes)
    by_hand = small()
    parameters = list(by_hand.parameters())
    first = [p.detach().clone() for p in parameters]
    state = None
    for k in range(3):
        x, y = IDS[10 * k : 10 * k + 10], IDS[10 * k + 1 : 10 * k + 11]
        logits, state = by_hand(x[None], state)
        state = tuple(s.detach() for s in state)
        losses = F.cross_entropy(logits[0], y, reduction="none")
        expected = losses.detach().double() / math.log(2)
        torch.testing.assert_close(found[10 * k : 10 * k + 10], expected, atol=1e-5, rtol=1e-5)
        gradients = torch.autograd.grad(losses.mean(), parameters)
        with torch.no_grad():
            for p, g, p_1, r in zip(parameters, gradients, first, sizes, strict=True):
                p.copy_(p - 0.5 * g / torch.maximum(r, 0.1 * r.mean()) + 0.25 * (p_1 - p))


def test_nothing_is_learned_from_a_character_before_it_is_scored():
    """Another ending changes no bit before it: so the bits are those of a code."""
    model = small()
    other = IDS[:100].clone()
    other[61:] = other[61:].flip(0)
    habit = Habit(1.0, 0.0, 20)
    a, b = (bits_while_learning(model, ids, habit, ones(model)) for ids in (IDS[:100], other))
    assert torch.equal(a[:60], b[:60])
    assert not torch.equal(a[60:], b[60:])


def test_it_learns_a_text_that_repeats_itself_and_leaves_the_model_alone():
    model = small().train()
    before = [p.detach().clone() for p in model.parameters()]
    sizes = usual_size(model, IDS, segments=10)
    still = bits_while_learning(model, IDS, Habit(0.0), sizes)
    learning = bits_while_learning(model, IDS, Habit(0.002), sizes)
    assert learning[-200:].mean() < still[-200:].mean() - 0.5
    for p, first in zip(model.parameters(), before, strict=True):
        assert torch.equal(p, first)
        assert p.grad is None
    assert model.training


def test_the_usual_size_is_a_root_mean_square():
    """Of one place alone it is the size of its gradient; of a text read anew it is the same."""
    model = small()
    text = IDS[:221]  # one place
    sizes = usual_size(model, text, length=20, segments=3)
    with torch.no_grad():
        _, state = model(text[None, :200])
    logits, _ = model(text[None, 200:220], state)
    loss = F.cross_entropy(logits[0], text[201:])
    for r, g in zip(sizes, torch.autograd.grad(loss, list(model.parameters())), strict=True):
        torch.testing.assert_close(r, g.abs(), atol=1e-6, rtol=1e-4)
    again, other = (usual_size(model, IDS, segments=4, seed=s) for s in (0, 1))
    assert all(map(torch.equal, again, usual_size(model, IDS, segments=4)))
    assert not torch.equal(again[0], other[0])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"lr": -1.0}, "lr must be at least 0"),
        ({"lr": math.nan}, "lr must be"),
        ({"lr": 0.1, "pull": 1.5}, "pull is a share from 0 to 1, got 1.5"),
        ({"lr": 0.1, "length": 0}, "length must be at least 1"),
    ],
)
def test_wrong_habits_are_sentences(fields, told):
    with pytest.raises(ValueError, match=told):
        Habit(**fields)


def test_wrong_texts_are_sentences():
    model = small()
    with pytest.raises(ValueError, match="at least 2 characters is needed, got 1"):
        bits_while_learning(model, IDS[:1], Habit(0.1), ones(model))
    with pytest.raises(ValueError, match="shorter than one training window"):
        usual_size(model, IDS[:100])
    with pytest.raises(FloatingPointError, match="try a smaller lr than 3e"):
        bits_while_learning(model, IDS, Habit(3e38), ones(model))


def test_the_published_measures_are_whole():
    found = dynamic.read()
    assert list(found["texts"]) == [dynamic.AT_HOME, dynamic.ELSEWHERE]
    for text in found["texts"].values():
        for name in ("still", "learning"):
            assert len(text[name]["blocks"]) == -(-text["characters"] // found["block"])
        chosen = min(text["tried"], key=lambda row: row["bpc"])
        assert {name: chosen[name] for name in text["chosen"]} == text["chosen"]
        tried = [(row["lr"], row["pull"]) for row in text["tried"]]
        assert tried == [(0.0, 0.0), *((habit.lr, habit.pull) for habit in dynamic.HABITS)]


def test_the_still_model_is_the_published_one():
    """Read on one track here and on many there, so not to the last digit."""
    still = dynamic.read()["texts"][dynamic.AT_HOME]["still"]["bpc"]
    published = load_checkpoint(paths.CHECKPOINTS / book_model.NAME)[1]["test"]["bpc"]
    assert still == pytest.approx(published, abs=0.01)


def test_a_small_book_is_measured_from_beginning_to_end(tmp_path, monkeypatch):
    """With one habit that helps and one that ruins; the better one is taken."""

    class Book:
        text = TEXT * 15

    monkeypatch.setattr(dynamic, "load_book", lambda _: Book)
    monkeypatch.setattr(dynamic, "HABITS", (Habit(0.5), Habit(0.002, 0.1)))
    monkeypatch.setattr(dynamic, "TRIED_ON", 300)
    monkeypatch.setattr(dynamic, "READ_ELSEWHERE", 200)
    monkeypatch.setattr(dynamic, "BOOK", "a_model")
    model = small()
    training.fit(model, IDS, IDS[:500], training.Plan(30, batch_size=8, eval_every=30, lr=0.01))
    save_model(tmp_path / "a_model", model, VOCAB)
    made = dynamic.measure_and_write(tmp_path, tmp_path, "a book")
    found = dynamic.read(tmp_path)["texts"]
    assert found == made
    home, elsewhere = found.values()
    assert home["characters"] == int(0.05 * len(Book.text)) - 1
    assert elsewhere["characters"] == 200
    for text in (home, elsewhere):
        assert text["chosen"]["pull"] == 0.1
        assert text["learning"]["bpc"] < text["still"]["bpc"]
