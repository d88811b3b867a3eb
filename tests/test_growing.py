"""Growing lengths: when they grow, where they end, and what is measured at the end."""

import dataclasses
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import paths
from helpers.palindromes import analysis, archive, growing, parts, settings
from helpers.palindromes.experiment import PalindromeRun, train_one_length
from helpers.palindromes.growing import GrowingRun, GrowingStream, train_growing
from helpers.palindromes.tasks import palindromes
from helpers.recurrent import training
from helpers.store import run_key
from helpers.study import Part, Study

SMALL = {"hidden_size": 16, "batch_size": 16, "encoding": "one_hot"}
# As in test_experiments: if a change moves these, bump EXPERIMENT_VERSION and rerun the study.
PINNED = [2.322948, 2.339985, 2.34265, 2.275233, 2.282688]


def test_reference_losses_are_pinned():
    run = GrowingRun("rnn", T=9, seed=1, steps=5, until_perfect=1, W_h="orthogonal", **SMALL)
    _, curves = train_growing(run)
    np.testing.assert_allclose(curves["loss"], PINNED, rtol=1e-5)


def test_lengths_grow_to_the_last_and_always_by_a_digit():
    run = GrowingRun("rnn", T=100, seed=0, steps=1)
    found = growing.lengths(run)
    assert found[0] == 5
    assert found[-1] == 100
    assert all(a < b <= max(a + 1, round(1.25 * a)) for a, b in pairwise(found))
    slow = dataclasses.replace(run, T=9, start=6, growth=1.01)
    assert growing.lengths(slow) == [6, 7, 8, 9]
    assert growing.lengths(dataclasses.replace(run, T=5)) == [5]


def test_the_stream_grows_after_perfect_batches_in_a_row():
    stream = GrowingStream(GrowingRun("rnn", T=7, seed=0, steps=1, until_perfect=2, **SMALL))
    shapes = []
    for accuracy in (1.0, 0.9, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0):
        x, y = next(stream)
        assert torch.equal(x[:, 0].argmax(1), y)  # the first digit is the answer
        shapes.append(x.shape[1])
        stream.hear(accuracy)
    assert shapes == [5, 5, 5, 5, 6, 6, 7, 7, 7]
    assert stream.mastered == [(5, 4), (6, 2), (7, 3)]
    assert stream.finished


def test_a_run_is_measured_as_it_was_at_its_longest_length():
    run = GrowingRun("rnn", 40, 0, 130, lr=1e-3, W_h="orthogonal", encoding="one_hot")
    seen = []
    model, record, curves = growing.grow_network(run, on_step=lambda step: seen.append(step.T))
    assert not record["solved"]
    assert record["longest"] == curves["mastered_T"][-1] < 40
    assert record["steps_run"] == 130 > curves["mastered_step"][-1]
    assert curves["T"].tolist() == seen
    assert np.all(np.diff(seen) >= 0)
    assert record["held_out_accuracy"] > 0.95
    assert curves["read_T"].tolist() == [*curves["mastered_T"], 2 * record["longest"]]
    reading = growing.read_at(model, run, record["longest"], growing.LONGEST_N)
    assert reading.accuracy == record["held_out_accuracy"]
    assert reading.examples == record["held_out_n"]
    assert train_growing(run)[0] == record


def test_a_run_can_be_read_at_every_length():
    run = GrowingRun(
        "lstm", T=8, seed=0, steps=3000, until_perfect=1, start=2, growth=2.0, lr=0.01, **SMALL
    )
    _, plain = train_growing(run)
    _, also = train_growing(dataclasses.replace(run, every_length=True))
    asked = plain["read_T"].tolist()
    assert asked[:3] == [2, 4, 8]
    others = [T for T in range(2, growing.EACH_UP_TO + 1) if T not in asked]
    assert also["read_T"].tolist() == [*asked, *others]
    assert also["read_accuracy"][: len(asked)].tolist() == plain["read_accuracy"].tolist()
    assert run_key(run, 1) != run_key(dataclasses.replace(run, every_length=True), 1)


def test_a_run_that_masters_nothing_says_so():
    record, curves = train_growing(GrowingRun("rnn", 30, 0, 3, **SMALL))
    assert record["longest"] == 0
    assert record["held_out_accuracy"] is None
    assert len(curves["read_T"]) == 0
    stopped = growing.grow_network(GrowingRun("rnn", 30, 0, 9, **SMALL), should_stop=lambda: True)
    assert stopped[1]["steps_run"] == 1


def test_answers_are_counted_batch_by_batch(monkeypatch):
    run = GrowingRun("rnn", 5, 0, 40, **SMALL)
    model, _, _ = growing.grow_network(run)
    whole = growing.read_at(model, run, 5, 97)
    monkeypatch.setattr(growing, "EVALUATED_DIGITS", 50)  # batches of 10, the last one of 7
    assert growing.read_at(model, run, 5, 97) == whole
    batch = palindromes.split_target(palindromes.held_out_set(5, 97), "one_hot")
    assert whole.accuracy == pytest.approx(training.evaluate(model, [batch])[1])


def test_renamed_accuracy_sees_a_digit_under_another_name():
    turned = np.roll(np.eye(10, dtype=int) * 7, 3, axis=1)
    assert growing.accuracy(turned) == 0
    assert growing.renamed_accuracy(turned) == 1
    constant = np.zeros((10, 10), int)
    constant[:, 4] = 7
    assert growing.accuracy(constant) == growing.renamed_accuracy(constant) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", 31), ("start", 0), ("growth", 1.0), ("growth", float("nan")),
        ("until_perfect", 0), ("stop_after_perfect", 5), ("model", "lstm_slot_bias"),
    ],
)  # fmt: skip
def test_bad_configuration_is_a_sentence(field, value):
    with pytest.raises(ValueError, match="must be"):
        GrowingRun(**{"model": "rnn", "T": 30, "seed": 0, "steps": 3, field: value})


def test_a_growing_run_never_finds_a_plain_one():
    shared = ("rnn", 9, 0, 10)
    assert run_key(GrowingRun(*shared), 1) != run_key(PalindromeRun(*shared), 1)


def test_each_run_of_the_study_finds_its_experiment():
    plain = PalindromeRun("rnn", 6, 0, 3, **SMALL)
    assert growing.train(plain)[0] == train_one_length(plain)[0]
    grows = GrowingRun("rnn", 6, 0, 3, **SMALL)
    assert growing.train(grows)[0] == train_growing(grows)[0]


def test_each_setting_keeps_its_name():
    names = [*settings.GROWN, *settings.GROWN_RELATIVES]
    found = parts.growing(names, seeds=[0, 1])
    assert list(found) == names
    assert all([run.seed for run in runs] == [0, 1] for runs in found.values())
    assert found["RNN, identity"][0].W_h == "identity"
    assert found["LSTM, best setting"][0].chrono == 640.0


def test_the_archive_keeps_what_each_run_could_read_and_runs_made_before(tmp_path, monkeypatch):
    runs = [GrowingRun("rnn", 8, s, 60, hidden_size=24, encoding="one_hot") for s in (0, 1, 2)]
    planned = {"growing": Part(growing.train, lambda: {"small": runs})}
    monkeypatch.setattr(archive, "PARTS", planned)
    monkeypatch.setattr(archive, "STUDY", Study("palindromes", 1, planned))
    monkeypatch.setattr(paths, "WORK", tmp_path / "first")
    store = archive.STUDY.store()
    for run in runs[:2]:
        store.save(run, *growing.train(run))
    archive.write(tmp_path)
    first = archive.read(tmp_path)
    assert first.by_setting("growing")["small"]["seed"].tolist() == [0, 1]
    table = analysis.reading(first.lengths, first.table)
    for run in first.table.itertuples():
        part = table[table["key"] == run.key]
        beyond = part[part["mastered_step"].isna()]
        assert beyond["T"].tolist() == ([2 * run.longest] if run.longest else [])
        assert (part["ratio"] <= 2).all()
    bytes_of = (tmp_path / "palindromes.csv.gz").read_bytes()
    archive.write(tmp_path)
    assert (tmp_path / "palindromes.csv.gz").read_bytes() == bytes_of

    monkeypatch.setattr(paths, "WORK", tmp_path / "second")  # another clone: only the archive
    archive.STUDY.store().save(runs[2], *growing.train(runs[2]))
    archive.write(tmp_path)
    second = archive.read(tmp_path)
    assert second.table["seed"].tolist() == [0, 1, 2]
    pd.testing.assert_frame_equal(second.table.iloc[:2], first.table, check_dtype=False)
    old = second.lengths[second.lengths["key"].isin(first.table["key"])]
    pd.testing.assert_frame_equal(old, first.lengths)
    assert archive.left_out(second) == {}
    assert archive.STUDY.left_out(first) == {"growing": (2, 3)}


def test_the_rules_of_growing_move_one_part_each():
    """Against the study's own rule, which is the first; all else, seeds too, is alike."""
    rules = parts.growing_rules()
    usual = next(iter(rules.values()))
    own = parts.growing(["RNN, orthogonal"])["RNN, orthogonal"][0]
    assert {(run.growth, run.until_perfect) for run in usual} == {(own.growth, own.until_perfect)}
    for name, runs in rules.items():
        growth, perfect = (float(n) for n in re.findall(r"[\d.]+", name))
        for run, other in zip(runs, usual, strict=True):
            moved = {f for f, v in vars(run).items() if v != getattr(other, f)}
            assert len(moved) == (runs is not usual)
            assert (run.growth, run.until_perfect) == (growth, perfect)
    with pytest.raises(ValueError, match="a rule must be"):
        parts.growing_rules(rules=["× 3"])


def test_the_question_is_asked_anew_with_seeds_that_have_not_seen_it():
    rules, fresh = parts.growing_rules(), parts.growing_doubled()
    assert {run.growth for runs in fresh.values() for run in runs} == {1.25, 2.0}
    seeds = {name: [run.seed for run in runs] for name, runs in fresh.items()}
    for name, own in seeds.items():
        assert len(set(own)) == 10
        assert not {run.seed for run in rules[name]} & set(own)
        changed = {f for f, v in vars(fresh[name][0]).items() if v != vars(rules[name][0])[f]}
        assert changed == {"seed"}


@pytest.mark.parametrize("part", ["growing_rules", "growing_doubled"])
def test_what_the_rules_reached_is_published_in_full(part):
    study = archive.read()
    assert part not in archive.left_out(study)
    for runs in study.by_setting(part).values():
        for run in runs.itertuples():
            read = study.lengths[study.lengths["key"] == run.key]
            mastered = read.dropna(subset=["mastered_step"])["T"]
            assert mastered.max() == run.longest
            rule = GrowingRun("rnn", run.T, run.seed, run.steps, growth=run.growth)
            assert mastered.tolist() == growing.lengths(rule)[: len(mastered)]
            assert read["T"].max() == 2 * run.longest


def test_doubled_networks_are_read_at_every_length():
    (again,) = parts.growing_every_length().values()
    before = parts.growing_doubled()["× 2, 20 perfect"]
    assert [dataclasses.replace(run, every_length=False) for run in again] == before
    study = archive.read()
    runs = study.part("growing_every_length")
    assert len(runs) == len(again)
    read = analysis.reading(study.lengths, runs)
    for _, lengths in read.groupby("key")["T"]:
        assert set(range(5, growing.EACH_UP_TO + 1)) <= set(lengths)


def test_who_is_left_behind_is_read_from_the_steps_after_its_last_length():
    study = archive.read()
    behind = analysis.left_behind(study, "growing_identity")
    runs = study.part("growing_identity")
    assert behind["seed"].tolist() == runs[~runs["solved"].astype(bool)]["seed"].tolist() != []
    curve = study.curve("growing_identity", "accuracy", "rnn", 640)
    for row in behind.itertuples():
        run = runs[runs["seed"] == row.seed].iloc[0]
        after = curve[runs["seed"].tolist().index(row.seed)][-(-row[3] // 10) :]
        assert row.longest == run["longest"] < run["T"]
        assert row.best == pytest.approx(after.max())
        assert row.last == pytest.approx(after[-10:].mean(), abs=1e-6)
        assert row.last < row.median < row.best
    with pytest.raises(ValueError, match="no curves of 'growing' are published"):
        analysis.left_behind(study, "growing")
