"""What notebook 05 derives and measures: codes, cut gradients, cycles, known words, stages."""

import itertools
import json
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from helpers import paths
from helpers.text import (
    CharLM,
    Vocabulary,
    coding,
    continuations,
    drawings,
    evaluation,
    lexicon,
    measures,
    model_card,
    plots,
    sampling,
    saved_models,
    stages,
    training,
    traps,
    truncation,
)
from helpers.text.levered import LeveredLM

LETTERS = Vocabulary("abcde\n")
NOVEL = 'Anna went home. "Is it you?" said Levin.\n\nLevin went to Anna; it was late.\n\n' * 6


@pytest.fixture(scope="module")
def model():
    return CharLM(
        len(LETTERS), 6, 2, embedding_size=3, generator=torch.Generator().manual_seed(1)
    ).double()


# Codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", "e", "abcde", "aaaaaaaaaaaa", "edcba\n" * 6])
def test_a_code_is_as_short_as_the_probability_allows_and_comes_back(model, text):
    code = coding.compress(model, LETTERS, text)
    bits = math.log2(len(LETTERS))
    if len(text) > 1:
        bits += evaluation.surprise(model, LETTERS, text).sum().item()
    assert bits <= len(code) + 1e-6
    assert len(code) < bits + 2
    assert coding.expand(model, LETTERS, code, len(text)) == text


def test_codes_of_all_short_texts_differ_and_none_begins_another(model):
    texts = [a + b for a in LETTERS.characters for b in LETTERS.characters]
    codes = sorted(coding.compress(model, LETTERS, text) for text in texts)
    assert not any(b.startswith(a) for a, b in itertools.pairwise(codes))


def test_no_text_has_no_code(model):
    with pytest.raises(ValueError, match="the text"):
        coding.compress(model, LETTERS, "")
    with pytest.raises(ValueError, match="at least 2 characters"):
        evaluation.surprise(model, LETTERS, "a")


# Truncation ----------------------------------------------------------------------------------


def test_whole_gradient_is_kept_and_cut(model):
    ids = torch.randint(6, (3, 20), generator=torch.Generator().manual_seed(0))
    found = truncation.gradients(model, ids[:, :12], ids[:, 12:])
    assert torch.allclose(found.whole, found.kept + found.cut, atol=1e-14)
    assert found.cut.norm() > 1e-4
    assert not model.zero_grad()


def test_the_share_that_is_cut_is_small_in_long_windows(model):
    ids = torch.randint(6, (400,), generator=torch.Generator().manual_seed(0))
    shares = truncation.cut_shares(model, ids, [1, 50], past=20, tracks=4)
    assert 0 < shares[50] < shares[1] < 2
    with pytest.raises(ValueError, match="fewer than 522"):
        truncation.cut_shares(model, ids, [501], past=20)


# Cycles --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("abcabcabc", (0, 3)),
        ("xyzababab", (3, 2)),
        ("aaaa", (0, 1)),
        ("abcdef", None),
        ("abcab", None),  # not twice around
        ("zabab", (1, 2)),
        ("", None),
    ],
)
def test_cycles_are_the_shortest_and_begin_where_they_begin(text, found):
    assert measures.find_cycle(text) == found


def test_a_cycle_may_have_to_be_passed_more_often():
    assert measures.find_cycle("abab", rounds=3) is None
    assert measures.find_cycle("ababab", rounds=3) == (0, 2)


def test_a_cycle_is_the_same_wherever_it_was_entered():
    assert measures.turned("more and ") == measures.turned("and more ") == " and more"
    assert measures.turned("abc") != measures.turned("acb")
    assert measures.turned("") == ""


# Words of a book -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def words():
    return lexicon.of_parts(NOVEL, NOVEL)


def test_a_text_is_measured_against_the_book(words):
    found = lexicon.measure(["x Anna went houme to Levin. y"], words)
    assert found["words"] == 5
    assert found["known words"] == pytest.approx(4 / 5)
    # Of "Anna went", "to Levin" the book has the first.
    assert found["known pairs"] == pytest.approx(1 / 2)
    assert found["names"] == pytest.approx(2 / 5)
    assert found["letters a word"] == pytest.approx((4 + 4 + 5 + 2 + 5) / 5)
    assert lexicon.made_up("x Anna went houme to Levin. y", words) == ["houme"]


def test_measures_of_nothing_are_nan(words):
    found = lexicon.measure(["..."], words)
    assert math.isnan(found["known words"])
    assert math.isnan(found["names"])
    assert found["words"] == 0


def test_the_book_knows_itself_and_shuffled_words_are_no_pairs(words):
    assert words.novel["known words"] == words.novel["known pairs"] == 1
    assert words.novel["marks in place"] == 1
    assert words.shuffled["known words"] == 1
    assert words.shuffled["known pairs"] < 0.8


def test_words_come_back_from_the_file_and_none_can_be_read_in_it(tmp_path):
    book = tmp_path / "tale.txt"
    book.write_text(NOVEL * 40)
    written = lexicon.write(str(book), tmp_path)
    read = lexicon.read(tmp_path)
    for name in ("words", "pairs", "names"):
        assert np.array_equal(getattr(read, name), getattr(written, name))
    assert read.novel == written.novel
    assert "Levin" not in (tmp_path / lexicon.FILE).read_text()
    damaged = (tmp_path / lexicon.FILE).read_text().replace('"novel"', '"navel"')
    (tmp_path / lexicon.FILE).write_text(damaged)
    with pytest.raises(ValueError, match=f"git checkout -- data/results/{lexicon.FILE}"):
        lexicon.read(tmp_path)


def test_the_published_words_know_english_and_not_gibberish():
    words = lexicon.read()
    text = "and the princess said that she had not been at the house of his brother for a long time"
    assert lexicon.measure([text], words)["known words"] == 1
    assert lexicon.measure(["qud xyzzle brompf tlinge wosk grundle"], words)["known words"] == 0
    assert 0.9 < words.novel["known words"] < 1
    assert words.shuffled["known pairs"] < words.novel["known pairs"] - 0.2
    assert words.novel["marks in place"] > 0.99


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('He said: "Yes," and went.', [True, True]),
        ('"Yes" " no"', [True, True, False]),  # the last one is at the very end
        ('so" it', [False]),
        ('a "b\n\n"c" d', [True, True, True]),  # a new paragraph closes what is open
        ("“a” b", [True, True]),
        ('say--"so," he', [True, True]),
        ("no marks", []),
    ],
)
def test_marks_in_place(text, fits):
    assert measures.marks_in_place(text) == fits


def test_words_with_a_capital():
    assert measures.capitalised("I saw Anna's hat, and I'm at It") == ["Anna's", "It"]


def test_entropy_and_cross_entropy():
    p = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)
    q = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    assert entropy_bits(p) == pytest.approx(1)
    assert entropy_bits(p, q) == pytest.approx(1.5)


def entropy_bits(*p):
    return measures.nats_to_bits(measures.entropy(*p)).item()


# Stages, card, methods -----------------------------------------------------------------------


def cells(text):
    first = {t: text[:30] for t in ("0.5", "1.0", "2.0", "0.0")}
    return {"first": first, "top_k": {"Anna": "Anna" + text}, "half": {"Anna": "Anna" + text}}


HEADER = {
    "stages": {
        "200": cells(' went home. "Is it you?" said'),
        "100": cells(" wnet hmoe tsi uyo dsia"),
    },
    "curves": {"every": 10, "loss": [3.0, 2.0, 1.0], "accuracy": [0.1] * 3, "valid": []},
}


def test_stages_are_in_the_order_of_steps_and_measured(words):
    table = stages.by_stage(HEADER, words)
    assert list(table.index) == [100, 200]
    assert table["known words"][100] == 0 < table["known words"][200] == 1
    assert stages.bits_at(HEADER, 20) == pytest.approx(2 / math.log(2))
    assert stages.bits_at(HEADER, 5) == pytest.approx(3 / math.log(2))
    assert stages.bits_at(HEADER, 500) == pytest.approx(1 / math.log(2))
    reached = stages.reached(table, words.novel, 0.9)
    assert reached["known words"] == 200
    assert stages.enough_words(table) > 0
    prompts = stages.by_prompt(HEADER, words)
    assert list(prompts.index) == ["Anna"]
    assert prompts["known words, early"]["Anna"] == 0 < prompts["known words, late"]["Anna"] == 1
    halves = stages.by_temperature(HEADER, words)
    assert (halves["early"] < halves["late"]).all()
    assert (halves["words"] > 0).all()
    assert list(stages.in_order(HEADER)) == [100, 200]
    fig = plots.by_stage(table, words.novel, words.shuffled)
    assert len(fig.axes) == 6
    plt.close(fig)


def test_what_is_never_reached_is_none(words):
    table = stages.by_stage(HEADER, words)
    assert stages.reached(table, {"known words": 5.0}, 0.9) == {"known words": None}


def test_words_far_too_long_have_not_reached_the_novel(words):
    table = stages.by_stage(HEADER, words)
    table["letters a word"] = [20.0, 4.0]
    assert stages.reached(table, {"letters a word": 4.2}, 0.9) == {"letters a word": 200}


def test_few_stages_are_shown_of_many():
    header = {"stages": {str(k): k for k in range(1, 12)}}
    assert list(stages.in_order(header, most=6)) == [1, 3, 5, 7, 9, 11]
    assert list(stages.in_order(header, most=20)) == list(range(1, 12))


@pytest.mark.parametrize("embedding_size", [None, 3])
def test_the_formula_counts_the_parameters(embedding_size):
    model = CharLM(11, 5, 3, embedding_size=embedding_size)
    parts = model_card.count_parameters(11, 5, 3, embedding_size)
    assert sum(parts.values()) == sum(p.numel() for p in model.parameters())
    theirs = torch.nn.LSTM(11, 5, 3)
    two = model_card.count_parameters(11, 5, 3, biases=2)
    assert sum(v for k, v in two.items() if k.startswith("layer")) == sum(
        p.numel() for p in theirs.parameters()
    )


def test_the_published_model_has_a_card():
    path = paths.CHECKPOINTS / "anna_karenina"
    model, _, header = saved_models.load_model(path)
    card = model_card.card(path, model, header)
    assert f"{header['test']['bpc']:.3f}" in card["test"]
    assert "each normalised" in card["layers"]
    assert "of the recurrent weights" in card["dropout"]
    assert "MB on disk" in card["parameters"]
    assert all(card.values())


def test_a_card_tells_the_book_the_split_and_the_optimizer_as_they_are(monkeypatch):
    path = paths.CHECKPOINTS / "anna_karenina"
    header = json.loads(path.with_suffix(".json").read_text())
    header["book"] = {"title": "Max Havelaar", "characters": 1000}

    def told(optimizer):
        plan = {**header["plan"], "optimizer": optimizer}
        return model_card.card(path, CharLM(5, 4, 1), {**header, "plan": plan})

    assert told("adam")["for"] == "lessons; it knows Max Havelaar and nothing of the world"
    assert told("adam")["optimizer"].startswith("adam with betas 0.9 and 0.99, weight decay 0.01,")
    assert told("rmsprop")["optimizer"].startswith("rmsprop with alpha 0.99, weight decay")
    assert "validation (5 %), test (the last 5 %)" in told("adam")["split"]
    monkeypatch.setattr(model_card, "VALID", 0.1)
    assert "validation (10 %), test (the last 5 %)" in told("adam")["split"]


@pytest.mark.parametrize("name", training.OPTIMIZERS)
def test_an_optimizer_has_what_the_card_says(name):
    """And the default of torch, where it says nothing."""
    model, ids, plan = CharLM(5, 4, 1), torch.arange(40), training.Plan(1, optimizer=name)
    (group,) = training._Training(model, ids, ids, plan).optimizer.param_groups
    usual = training.OPTIMIZERS[name](model.parameters(), lr=1.0).defaults
    other = {k: v for k, v in group.items() if k in usual and v != usual[k]}
    assert other.keys() <= {"lr", "weight_decay", "fused", "betas"}
    said = model_card._optimizer(name)
    if name == "rmsprop":
        assert said == f"rmsprop with alpha {group['alpha']}"
    else:
        assert said == f"{name} with betas {group['betas'][0]} and {group['betas'][1]}"


def test_the_trap_of_dropout_turns_that_alone_and_leaves_the_model_as_it_is():
    vocab = Vocabulary(NOVEL)
    model = LeveredLM(len(vocab), 6, 2, norm=True, weight_dropout=0.3, dropout=0.2)
    torch.nn.init.normal_(model.W_ph)
    off, on = traps.dropout_while_sampling(model, vocab, NOVEL[:60])
    expected = evaluation.surprise(model.eval(), vocab, NOVEL[:60]).mean().item()
    assert off == pytest.approx(expected, rel=1e-5)
    assert on != off
    off, on = traps.dropout_while_sampling(model, vocab, NOVEL[:60], dropout=0.0)
    assert on == pytest.approx(off, rel=1e-6)  # no recurrent weight was dropped
    assert (model.weight_dropout, model.dropout, model.training) == (0.3, 0.2, False)


def test_methods_are_compared_with_the_novel(model, words):
    vocab = Vocabulary(NOVEL)
    writer = CharLM(len(vocab), 6, 1)
    trials = continuations.write(writer, vocab, ["Anna ", "Levin "], 40, seed=1)
    assert trials.keys() == continuations.METHODS.keys()
    greedy = sampling.generate(writer, vocab, "Anna ", 40, 0)
    assert trials["greedy"].texts[0] == greedy[len("Anna ") :]
    trials["beam"] = continuations.write_by_beam(writer, vocab, "Anna ", 40, 3)
    surprise = evaluation.surprise(writer, vocab, "Anna " + trials["beam"].texts[0])
    assert trials["beam"].bits[0] == pytest.approx(surprise[-40:].mean().item(), rel=1e-4)
    table = continuations.compare(trials, words, 2.0)
    assert table.index[0] == "the novel, held out"
    assert table["distance"].dropna().is_monotonic_increasing
    assert len(table) == len(trials) + 1
    half = continuations.every_other(trials, 1)
    assert half.keys() == continuations.METHODS.keys()  # the beam has one text alone
    assert half["greedy"].texts == trials["greedy"].texts[1:]
    assert half["greedy"].bits == trials["greedy"].bits[1:]


def test_first_words_are_counted_with_their_shares():
    texts = ["He went out now", "He went out,", "He went on", "He went ,"]
    found = continuations.first_words(texts, "He went ")
    assert found == {"out": 0.5, "on": 0.25, ",": 0.25}


def test_figures_of_the_lesson_draw(model):
    logits = torch.randn(6, dtype=torch.float64)
    for fig in (
        drawings.cuts(),
        plots.entropies({"ab": logits}, np.geomspace(0.1, 30, 40)),
        plots.nucleus_sizes(np.array([1, 1, 2, 7]), 0.9, 5),
    ):
        assert fig.axes
        plt.close(fig)


#: Entries of the trainings of a widened network.
WIDER = ("wide_plan", "wide_finish")


def once_trained(header: dict) -> dict:
    further = {"finish", "narrow", "wide", "temperature", *WIDER}
    return {entry: value for entry, value in header.items() if entry not in further}


def test_a_card_tells_every_training_and_how_its_text_is_cut():
    path = paths.CHECKPOINTS / "anna_karenina"
    header = json.loads(path.with_suffix(".json").read_text())
    model, first = CharLM(5, 4, 1), header["plan"]
    average = {"batching": "windows", "restart": 0.0, "average": 0.998}
    second = first | {"batching": "streams", "steps": 70, "restart": 0.25, "average": 0.0}
    told = model_card.card(path, model, header | {"plan": first | average, "finish": second})
    assert "windows of 100 characters, state reset before each window" in told["batch"]
    assert told["first training"].endswith("weights averaged with decay 0.998")
    assert told["second training"].startswith("64 streams of 100 characters, state carried on; 70")
    assert told["second training"].endswith("set back with chance 0.25")
    alike = model_card.card(path, model, header | {"plan": second, "finish": second})
    assert alike["second training"].startswith("70 steps")
    alone = once_trained(header)
    others = {"second training", "third training", "fourth training", "then widened", "at last"}
    assert "first training" in model_card.card(path, model, alone)
    assert not others & {*model_card.card(path, model, alone)}
    narrow, wide = ({"hidden_size": n, "dropout": p} for n, p in ((2, 0.0625), (3, 0.625)))
    grown = alone | {"narrow": narrow, "wide": wide, "temperature": 1.25}
    grown |= dict.fromkeys(("finish", *WIDER), second)
    rows = model_card.card(path, model, grown)
    names = [*rows]
    at = names.index("second training")
    following = ["then widened", "third training", "fourth training", "at last", "text read"]
    assert names[at + 1 : at + 6] == following
    assert rows["at last"].startswith("logits divided by 1.25, ")
    assert rows["dropout"] == "at first 0.0625 after each layer, in training"
    said = "from 2 units a layer to 3, by copies"
    assert rows["then widened"] == f"{said}; dropout 0.625 after each layer"
    assert rows["fourth training"].startswith(rows["third training"] + "; dropout ")
    alike = model_card.card(path, model, grown | {"narrow": {**wide, "hidden_size": 2}})
    assert alike["then widened"] == said
    alike = model_card.card(path, model, grown | {"wide": header["model"]})
    assert alike["fourth training"] == alike["third training"]


def test_a_card_tells_what_is_normalised_and_what_is_dropped():
    path = paths.CHECKPOINTS / "anna_karenina"
    header = json.loads(path.with_suffix(".json").read_text())
    header = once_trained(header)
    plain = {"embedding_size": 3, "num_layers": 2, "hidden_size": 8, "dropout": 0.5}
    plain |= {"vocab_size": 7}
    levered = plain | {"norm": True, "weight_dropout": 0.25}
    card, more = (
        model_card.card(path, CharLM(5, 4, 1), header | {"model": m}) for m in (plain, levered)
    )
    assert card["dropout"] == "0.5 after each layer, in training"
    assert card["layers"] == "2 LSTM layers of 8"
    assert more["dropout"] == "0.5 after each layer, 0.25 of the recurrent weights, in training"
    assert more["layers"] == "2 LSTM layers of 8, each normalised"


def test_numbers_of_many_stages_do_not_overlap_on_the_axis(words):
    steps = [100, 2760, 13800, 15720, 16440, 17160]
    header = HEADER | {"stages": {str(step): cells(" went home to Anna") for step in steps}}
    fig = plots.by_stage(stages.by_stage(header, words), words.novel, words.shuffled)
    ticks = sorted(fig.axes[-1].get_xticks())
    assert {100, 17160} <= set(ticks)
    assert all(b / a > 1.5 for a, b in itertools.pairwise(ticks))
    plt.close(fig)


def test_a_curve_says_where_every_further_training_begins():
    curves = {"every": 1, "loss": [2.0, 1.0], "accuracy": [0.1, 0.2], "valid": []}
    curves["valid"] = [{"step": 2, "bpc": 1.5, "loss": 1.0, "accuracy": 0.2}]
    header = {"curves": curves, "baselines": {"valid": {"unigram": 4.0}}, "plan": {"steps": 10}}
    finish = {"finish": {"steps": 5}}
    wider = finish | {"wide_plan": {"steps": 4}, "wide_finish": {"steps": 3}}
    for more, expected in (({}, []), (finish, [10]), (wider, [10, 15, 19])):
        fig = plots.book_model_curves(header | more)
        dotted = [line.get_xdata()[0] for line in fig.axes[0].lines if line.get_linestyle() == ":"]
        assert dotted == expected
        plt.close(fig)
