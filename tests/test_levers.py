"""Levers of a character model, turned one at a time, and what they were worth."""

import hashlib
from dataclasses import asdict, fields

import pandas as pd
import pytest
import torch

from helpers import archive, paths, staleness
from helpers.runtime import generator
from helpers.text import CharLM, halves, levers, training
from helpers.text.levered import LeveredLM

IDS = torch.arange(24).remainder(7).view(2, 12)


def pair(**options):
    """A network with levers, and a plain one of the same weights."""
    sizes = {"hidden_size": 5, "num_layers": 3, "embedding_size": 4}
    levered = LeveredLM(7, **sizes, **options, generator=generator(0, "weights"))
    plain = CharLM(7, **sizes, generator=generator(0, "weights"))
    return levered, plain


@pytest.mark.parametrize("options", [{}, {"dropout": 0.5, "weight_dropout": 0.5, "locked": True}])
def test_it_reads_as_the_plain_network_with_a_state_and_without(options):
    levered, plain = pair(**options)
    assert levered.eval().state_dict().keys() == plain.state_dict().keys()
    state = None
    for ids in IDS.split(5, 1):
        logits, after = levered(ids, state)
        expected, state = plain(ids, state)
        torch.testing.assert_close(logits, expected)
        torch.testing.assert_close(after, state)


def test_without_a_dropout_its_gradients_are_those_of_the_plain_network():
    for model in (networks := pair()):
        model(IDS)[0].square().sum().backward()
    for a, b in zip(*(m.parameters() for m in networks), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_a_locked_dropout_drops_the_same_units_at_all_steps_and_others_in_other_rows():
    levered, _ = pair(dropout=0.5, locked=True)
    h = torch.ones(200, 12, 5)
    dropped = levered._dropped(h)
    assert torch.equal(dropped, dropped[:, :1].expand_as(h))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert 0.4 < (dropped == 0).float().mean() < 0.6
    assert len(dropped[:, 0].unique(dim=0)) > 20
    loose, _ = pair(dropout=0.5)
    steps = loose._dropped(h)
    assert not torch.equal(steps, steps[:, :1].expand_as(h))
    assert torch.equal(levered.eval()._dropped(h), h)


def test_a_dropped_recurrent_weight_stays_dropped_for_a_window():
    """By hand: the plain network with the masks that torch draws from the same seed."""
    levered, plain = pair(weight_dropout=0.4)
    torch.manual_seed(3)
    logits, _ = levered(IDS)
    torch.manual_seed(3)
    with torch.no_grad():
        for layer in range(3):
            W_h = plain.core.stacked(f"_l{layer}")[1]
            W_h.copy_(torch.nn.functional.dropout(W_h, 0.4))
    torch.testing.assert_close(logits, plain(IDS)[0])
    torch.manual_seed(4)
    assert not torch.allclose(logits, levered(IDS)[0])


def test_residual_and_norm_by_hand():
    levered, _ = pair(residual=True, norm=True)
    h = levered.inputs(IDS)
    for layer in range(3):
        W_x, W_h, b = levered.core.stacked(f"_l{layer}")
        one = torch.nn.LSTM(h.shape[2], 5, batch_first=True)
        one.load_state_dict(
            {"weight_ih_l0": W_x, "weight_hh_l0": W_h, "bias_ih_l0": b, "bias_hh_l0": 0 * b}
        )
        out = one(h)[0] + (h if layer else 0)
        h = (out - out.mean(2, keepdim=True)) / (
            out.var(2, keepdim=True, correction=0) + 1e-5
        ) ** 0.5
    torch.testing.assert_close(levered(IDS)[0], h @ levered.W_ph.T + levered.b_p)


def test_what_draws_in_training_says_so():
    assert pair(weight_dropout=0.1)[0].draws
    assert pair(dropout=0.1)[0].draws
    assert not pair()[0].draws


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"weight_dropout": 1.0}, "weight_dropout must be below 1, got 1"),
        ({"weight_dropout": -0.1}, "weight_dropout must be at least 0"),
        ({"locked": 1}, "locked must be True or False"),
        ({"norm": "yes"}, "norm must be True or False"),
        ({"hidden_size": 0}, "hidden_size must be at least 1"),
    ],
)
def test_wrong_options_are_sentences(options, told):
    with pytest.raises(ValueError, match=told):
        LeveredLM(7, **{"hidden_size": 5, **options})


def test_every_lever_moves_something_that_there_is():
    known = {field.name for field in fields(training.Plan)}
    for name, (model, plan) in levers.LEVERS.items():
        assert plan.keys() <= known, name
        LeveredLM(7, **{**levers.MODEL, **model})
        training.Plan(**{**vars(levers.PLAN), **plan})
        changed = {f for f, v in model.items() if levers.MODEL.get(f) != v}
        changed |= {f for f, v in plan.items() if getattr(levers.PLAN, f) != v}
        assert bool(changed) == (name != levers.CENTRE), name
        assert changed == model.keys() | plan.keys(), name
    with pytest.raises(ValueError, match="a lever must be"):
        levers.Reading("luck", 0)


class Book:
    text = "the cat sat on the mat. the dog sat on the cat. " * 400


#: First losses under two levers, and what all of them set. The key of a run holds a lever's name
#: alone: where one of these changes, bump EXPERIMENT_VERSION, train again, and pin anew.
PINNED = {
    levers.CENTRE: [2.5627, 2.5601, 2.5576],
    "three together, averaged, more dropout": [2.8103, 2.7351, 2.5800],
}
SETTINGS = "82d7b6bba2dd1cec"


@pytest.mark.parametrize("lever", PINNED)
def test_what_a_reading_computes_is_pinned(lever, monkeypatch):
    seen = []

    def watched(*arguments):
        seen.append(training.fit(*arguments))
        return seen[-1]

    monkeypatch.setattr(halves, "cores", lambda: 1)  # two halves of a batch draw other masks
    monkeypatch.setattr(levers, "load_book", lambda _: Book)
    monkeypatch.setattr(levers, "fit", watched)
    levers.read_book(levers.Reading(lever, 0, steps=3, characters=9000))
    assert seen[0].loss == pytest.approx(PINNED[lever], rel=1e-3)


def test_what_the_levers_set_is_pinned():
    plan = {k: v for k, v in asdict(levers.PLAN).items() if v != getattr(training.Plan, k, None)}
    said = repr((levers.MODEL, plan, levers.LEVERS, levers.CHARACTERS, levers.LOOKED_AT))
    assert levers.EXPERIMENT_VERSION == 1
    assert hashlib.sha256(said.encode()).hexdigest()[:16] == SETTINGS


def test_a_reading_learns_and_the_seed_decides_it(monkeypatch):
    monkeypatch.setattr(levers, "load_book", lambda _: Book)
    monkeypatch.setitem(levers.MODEL, "hidden_size", 16)

    def read(seed=0, lever="weights averaged"):
        return levers.read_book(levers.Reading(lever, seed, steps=60, characters=9000))

    record, curves = read()
    assert record["valid"] == min(curves["valid"]) < 3.5
    assert (record, curves) == read()
    assert record["valid"] != read(1)[0]["valid"]
    assert record["parameters"] < read(lever="layers normalised")[0]["parameters"]


def test_what_a_lever_is_worth_is_counted_seed_by_seed():
    rows = [(levers.CENTRE, 0, 2.0), (levers.CENTRE, 1, 3.0), ("a", 0, 1.5), ("a", 1, 2.9)]
    rows += [("b", 0, 2.1), ("b", 1, 3.4)]
    runs = pd.DataFrame(rows, columns=["lever", "seed", "valid"]).assign(
        train=1.0, best_step=5, parameters=9
    )
    worth = levers.worth(runs)
    assert worth.index.tolist() == ["a", "b"]
    assert worth.loc["a", ["gain", "least", "most"]].tolist() == pytest.approx([0.3, 0.1, 0.5])
    assert worth.loc["b", ["gain", "least", "most"]].tolist() == pytest.approx([-0.25, -0.4, -0.1])


def test_all_planned_runs_are_published():
    found = archive.read(levers.NAME)
    assert not staleness.of_runs(levers.NAME, found.table, found.provenance)
    planned = levers.planned()[levers.NAME]
    done = set(zip(found.table["lever"], found.table["seed"], strict=True))
    assert done == {(run.lever, run.seed) for run in planned}
    assert (paths.RESULTS / "levers.csv.gz").is_file()


def test_together_are_the_three_that_gain_most_alone():
    alone = levers.worth(levers.read()).drop(list(levers.TOGETHER))
    model, plan = {}, {}
    for lever in alone["gain"].nlargest(3).index:
        model |= levers.LEVERS[lever][0]
        plan |= levers.LEVERS[lever][1]
    assert levers.LEVERS[levers.TOGETHER[0]] == (model, plan)
    for name in levers.TOGETHER:
        assert model.items() <= (levers.LEVERS[name][0]).items(), name
        assert plan.items() <= (levers.LEVERS[name][1]).items(), name
