"""Evaluation of a character model: every number against one reading at a time, in float64."""

import math

import pytest
import torch
import torch.nn.functional as F

from helpers.recurrent.training import evaluating
from helpers.runtime import generator
from helpers.text import CharLM, Vocabulary, corpus, evaluation
from helpers.text.measures import nats_to_bits

TEXT = "the cat sat on the mat. the dog sat on the cat. " * 60
VOCAB = Vocabulary(TEXT)
IDS = VOCAB.encode(TEXT)
LN_2 = math.log(2)


@pytest.fixture(scope="module")
def model():
    """Large weights, so that characters differ in their surprise; dropout, to be switched off."""
    model = CharLM(len(VOCAB), 12, 2, dropout=0.5, generator=generator(3)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model.train()


def reading(model, ids):
    """Nats and rightness of every character of ``ids`` but the first, read once from zero."""
    model.eval()
    with torch.no_grad():
        logits = model(ids[None, :-1])[0][0]
    model.train()
    return F.cross_entropy(logits, ids[1:], reduction="none"), logits.argmax(1) == ids[1:]


def by_hand(model, ids, tracks, warm_up):
    """:func:`evaluation.evaluate` in words: every track alone, its warm-up read and not scored."""
    n = len(ids) - 1
    part = math.ceil(n / tracks)
    nats, right, scored = 0.0, 0, 0
    for begin in range(0, n, part):
        start = max(0, begin - warm_up)
        losses, hits = reading(model, ids[start : min(begin + part, n) + 1])
        nats += losses[begin - start :].sum().item()
        right += hits[begin - start :].sum().item()
        scored += len(losses[begin - start :])
    assert scored == n
    return nats / n, right / n


@pytest.mark.parametrize(
    # (most, read on): a track has at least four times its warm-up of 30
    ("tracks", "used"),
    [(1, 1), (3, 3), (8, 8), (99, 20)],
)
@pytest.mark.parametrize("length", [1000, 64])
def test_evaluation_reads_every_track_with_a_past(model, tracks, used, length):
    ids = IDS[:2500]
    seen = evaluation.evaluate(model, ids, tracks=tracks, warm_up=30, length=length)
    nats, right = by_hand(model, ids, used, 30)
    assert seen["loss"] == pytest.approx(nats, rel=1e-12)
    assert seen["bpc"] == pytest.approx(nats / LN_2, rel=1e-12)
    assert seen["accuracy"] == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("length", [2, 3, 10])
def test_short_texts_are_read_on_one_track(model, length):
    losses, hits = reading(model, IDS[:length])
    seen = evaluation.evaluate(model, IDS[:length], warm_up=1)
    expected, right = by_hand(model, IDS[:length], max(1, (length - 1) // 4), 1)
    assert seen["loss"] == pytest.approx(expected, rel=1e-12)
    assert seen["accuracy"] == pytest.approx(right)
    assert evaluation.evaluate(model, IDS[:length])["loss"] == pytest.approx(losses.mean().item())
    assert evaluation.evaluate(model, IDS[:length])["accuracy"] == hits.double().mean().item()


def test_what_the_published_numbers_were_read_with(model):
    """Rows and columns that the model is given where nobody says how many."""
    given = []
    with_hook = model.register_forward_pre_hook(lambda _, args: given.append(args[0].shape))
    ids = IDS.repeat(10)[:26_001]
    evaluation.evaluate(model, ids)
    assert {rows for rows, _ in given} == {32}
    assert sum(columns for _, columns in given) == math.ceil(26_000 / 32) + 200  # a warm-up before
    given.clear()
    found = evaluation.bits_by_position(model, ids, 5)
    assert given == [(64, 5)] * 8
    assert found == evaluation.bits_by_position(model, ids, 5, windows=512, seed=0)
    given.clear()
    evaluation.bits_by_beginning(model, ids)
    assert {columns for _, columns in given} == {60}
    assert sum(rows for rows, _ in given) == 8 * len(ids[:-60].unique())
    with_hook.remove()


@pytest.mark.parametrize("windows", [5, 64, 65, 130])
def test_bits_by_position_equal_windows_read_one_at_a_time(model, windows):
    found = evaluation.bits_by_position(model, IDS[:900], 7, windows=windows, seed=4)
    batches = iter(corpus.Windows(IDS[:900], 7, min(windows, 64), generator(4, "positions")))
    losses = []
    while len(losses) < windows:
        x, y = next(batches)
        losses += [
            reading(model, torch.cat([a, b[-1:]]))[0].tolist() for a, b in zip(x, y, strict=True)
        ]
    expected = [sum(column) / windows / LN_2 for column in zip(*losses[:windows], strict=True)]
    assert found == pytest.approx(expected, rel=1e-12)
    assert found != evaluation.bits_by_position(model, IDS[:900], 7, windows=windows, seed=5)


@pytest.mark.parametrize("windows", [1, 3, 50])
def test_bits_by_beginning_equal_each_window_read_alone(model, windows):
    length, ids = 20, IDS[:600]
    found = evaluation.bits_by_beginning(model, ids, length=length, windows=windows)
    expected = {}
    for first in range(len(VOCAB)):
        places = [k for k in range(len(ids) - length) if ids[k] == first]
        count = min(windows, len(places))
        chosen = [places[int(k * (len(places) - 1) / max(1, count - 1))] for k in range(count)]
        bits = [reading(model, ids[k : k + length + 1])[0].mean().item() / LN_2 for k in chosen]
        expected[first] = sum(bits) / count
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_shortest_text_for_a_window(model):
    ids = IDS[:21]
    bits = reading(model, ids)[0] / LN_2
    found = evaluation.bits_by_beginning(model, ids, length=20, windows=1)
    assert found == pytest.approx({int(ids[0]): bits.mean().item()}, rel=1e-12)
    found = evaluation.bits_by_position(model, ids, 20, windows=1)
    assert found == pytest.approx(bits.tolist(), rel=1e-12)
    with pytest.raises(ValueError, match="a window has 20 characters and a target, the text 20"):
        evaluation.bits_by_beginning(model, IDS[:20], length=20)
    with pytest.raises(ValueError, match="shorter than one training window"):
        evaluation.bits_by_position(model, IDS[:20], 20)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("evaluate", {"tracks": 0}, "tracks must be at least 1, got 0"),
        ("evaluate", {"warm_up": 0}, "warm_up must be at least 1, got 0"),
        ("evaluate", {"length": 0}, "length must be at least 1, got 0"),
        ("evaluate", {"length": 1.5}, "length must be a whole number"),
        ("evaluate", {"ids": IDS[:1]}, "a text of at least 2 characters, got 1"),
        ("bits_by_position", {"length": 0}, "window length must be at least 1"),
        ("bits_by_position", {"length": 5, "windows": 0}, "windows must be at least 1, got 0"),
        ("bits_by_beginning", {"length": 0}, "length must be at least 1, got 0"),
        ("bits_by_beginning", {"windows": 0}, "windows must be at least 1, got 0"),
    ],
)
def test_bad_numbers_are_sentences(model, name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(evaluation, name)(model, **{"ids": IDS[:100], **options})


def fail_half_way(model):
    with evaluating(model):
        assert not model.training
        assert not torch.is_grad_enabled()
        raise RuntimeError("half way")


@pytest.mark.parametrize("training", [True, False])
def test_a_model_is_given_back_in_its_mode(model, training):
    model.train(training)
    evaluation.evaluate(model, IDS[:300])
    evaluation.bits_by_position(model, IDS[:300], 5, windows=2)
    evaluation.bits_by_beginning(model, IDS[:300], 5, windows=1)
    assert model.training is training
    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way(model)
    assert model.training is training
    assert torch.is_grad_enabled()
    model.train()


def test_a_bit_is_a_choice_between_two():
    assert nats_to_bits(math.log(2)) == 1
    assert nats_to_bits(torch.tensor([math.log(8), 0.0])).tolist() == pytest.approx([3, 0])
