"""Archives written and read back, and the palindrome study's own: curves, lengths, settings."""

import dataclasses
import gzip
import json
import re

import numpy as np
import pandas as pd
import pytest

from helpers import archive as ground_floor
from helpers import paths
from helpers.archive import Archive
from helpers.palindromes import archive, gate_removal, parts, settings
from helpers.palindromes.experiment import PalindromeRun
from helpers.palindromes.growing import GrowingRun
from helpers.store import FinishedRun, made_now, run_key
from helpers.study import Part, Study, _records

TABLE = pd.DataFrame(
    {
        "key": ["k1", "k2", "k3"],
        "parts": ["one", "one | two", "two"],
        "settings": ["", " | named", None],
        "seed": [0, 1, 1],
        "score": [0.1, float("nan"), 1 / 3],
        "name": ["", "ä", "b, c"],
    }
)


# The ground floor -------------------------------------------------------------------------------


def test_a_table_round_trips_through_csv_digit_by_digit(tmp_path):
    assert not ground_floor.exists("runs", tmp_path)
    curves = {"loss": np.float16([[1, 2], [3, np.nan]]), "keys": np.array(["k1", "k2"])}
    ground_floor.write("runs", TABLE, curves, tmp_path, experiment_version=4, note="n")
    assert ground_floor.exists("runs", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "runs.csv.gz",
        "runs.json",
        "runs_curves.npz",
    ]
    found = ground_floor.read("runs", tmp_path)
    assert found.table["score"].tolist()[::2] == [0.1, 1 / 3]
    assert found.table["key"].tolist() == ["k1", "k2", "k3"]
    assert list(found.table) == list(TABLE)  # no column of row numbers
    assert found.curves["loss"].dtype == np.float16
    np.testing.assert_array_equal(found.curves["loss"], curves["loss"])
    assert found.curves["keys"].tolist() == ["k1", "k2"]
    assert found.provenance == {**made_now(), "runs": 3, "experiment_version": 4, "note": "n"}
    text = gzip.decompress((tmp_path / "runs.csv.gz").read_bytes())
    assert text.startswith(b"key,parts,settings,seed,score,name\nk1,one,,0,0.1,\n")
    assert b"\r" not in text
    record = json.loads((tmp_path / "runs.json").read_text())
    assert set(record.pop("sha256")) == {"runs.csv.gz", "runs_curves.npz", "this file"}
    assert record == found.provenance


def test_the_same_runs_make_the_same_bytes_and_keep_their_day(tmp_path, monkeypatch):
    def write(table, day):
        monkeypatch.setattr(ground_floor, "made_now", lambda: {"made": day, "torch": "2"})
        ground_floor.write("runs", table, None, tmp_path)
        return (tmp_path / "runs.csv.gz").read_bytes(), (tmp_path / "runs.json").read_bytes()

    first = write(TABLE, "2020-01-01")
    assert write(TABLE, "2021-01-01") == first
    changed = write(TABLE[:2], "2021-01-01")
    assert changed[0] != first[0]
    record = json.loads(changed[1])
    assert record.pop("sha256").keys() == {"runs.csv.gz", "this file"}
    assert record == {"made": "2021-01-01", "torch": "2", "runs": 2}
    found = ground_floor.read("runs", tmp_path)
    assert found.curves == {}
    assert not (tmp_path / "runs_curves.npz").exists()


def test_what_is_not_there_is_told(tmp_path):
    sentence = "there are no published runs 'nothing'; the notebook with profile='full' makes them"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        ground_floor.read("nothing", tmp_path)


def test_parts_and_settings_of_a_table():
    found = Archive(TABLE, {}, {"made": "2020-01-01", "torch": "2"})
    assert found.has("one")
    assert found.has("two")
    assert not found.has("on")
    one, two = found.part("one"), found.part("two")
    assert one["key"].tolist() == ["k1", "k2"]
    assert one["setting"].tolist() == ["", ""]
    assert two["key"].tolist() == ["k2", "k3"]
    assert two["setting"].tolist() == ["named", ""]
    assert two.index.tolist() == [0, 1]
    assert "setting" not in found.table
    with pytest.raises(ValueError, match=r"^no published runs belong to 'x'; there are one, two$"):
        found.part("x")
    by_setting = found.by_setting("two")
    assert list(by_setting) == ["named", ""]
    assert by_setting["named"]["key"].tolist() == ["k2"]


def test_parts_with_one_beginning_hold_each_run_once():
    table = TABLE.assign(parts=["grid a", "grid a | grid b", "grid b"])
    found = Archive(table, {}, {})
    together = found.parts("grid")
    assert together["key"].tolist() == ["k1", "k2", "k3"]
    assert together.index.tolist() == [0, 1, 2]
    assert found.parts("grid b")["key"].tolist() == ["k2", "k3"]
    sentence = "no published part begins with 'rid'; there are ['grid a', 'grid b']"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        found.parts("rid")


def test_settings_come_in_the_parts_order_and_not_in_the_alphabets():
    table = TABLE.assign(parts="one", settings=["z", "a", "z"])
    by_setting = Archive(table, {}, {}).by_setting("one")
    assert list(by_setting) == ["z", "a"]
    assert by_setting["z"]["key"].tolist() == ["k1", "k3"]


def test_a_credit_falls_back_on_the_provenance():
    found = Archive(TABLE.drop(columns="seed"), {}, {"made": "2020-01-01", "torch": "2"})
    assert found.credit() == "3 runs, 2020-01-01, torch 2"
    table = TABLE.assign(made=["2020-02-01", None, "2020-01-01"], torch=["2.1", "2.0", "2.1"])
    found = Archive(table, {}, {})
    assert found.credit() == "3 runs, 2 seeds, 2020-01-01 to 2020-02-01, torch 2.0 and 2.1"


def test_records_take_from_the_provenance_what_no_row_says():
    record = _records(Archive(TABLE, {}, {"made": "2020-01-01", "torch": "2"}))["k1"]
    wanted = {"made": "2020-01-01", "torch": "2", "seed": 0, "score": 0.1, "name": ""}
    assert record == wanted
    dated = TABLE.assign(made="2021-01-01")
    record = _records(Archive(dated, {}, {"made": "2020-01-01", "torch": "2"}))["k1"]
    assert record == {**wanted, "made": "2021-01-01"}


# The palindrome study ---------------------------------------------------------------------------


def finished(config, **curves) -> FinishedRun:
    return FinishedRun(dataclasses.asdict(config), {}, curves, made_now())


def test_box_means_average_ten_steps_and_drop_what_fills_no_box():
    run = PalindromeRun("rnn", 5, 0, 25)
    values = np.arange(25, dtype=np.float32)
    found = archive.box_means(finished(run, loss=values), "loss")
    assert found.tolist() == [4.5, 14.5]
    assert found.dtype == np.float16
    stopped = archive.box_means(finished(run, loss=values[:12]), "loss")
    assert stopped.tolist() == [4.5, np.float16((10 + 9 * 11) / 10)]


def test_rows_are_stacked_to_the_longest():
    stacked = archive._stack([np.float16([1]), np.float16([2, 3, 4]), np.float16([])])
    assert stacked.dtype == np.float16
    assert stacked.shape == (3, 3)
    np.testing.assert_array_equal(
        stacked, [[1, np.nan, np.nan], [2, 3, 4], [np.nan, np.nan, np.nan]]
    )
    assert [archive._without_end(row).tolist() for row in stacked] == [[1], [2, 3, 4], []]
    assert archive._without_end(np.float16([1, np.nan, 2, np.nan]))[0] == 1
    assert len(archive._without_end(np.float16([1, np.nan, 2, np.nan]))) == 3


GROWING = GrowingRun("rnn", T=8, seed=0, steps=20)
SHORT, LONG = PalindromeRun("rnn", 5, 0, 20), PalindromeRun("rnn", 5, 1, 30)
OTHER, PLAIN = PalindromeRun("lstm", 5, 0, 20), PalindromeRun("lstm", 7, 0, 20)
READ = {
    "mastered_T": np.array([1, 2]),
    "mastered_step": np.array([5, 15]),
    "read_T": np.array([1, 2, 3]),
    "read_accuracy": np.array([1.0, 0.99999, 0.123456]),
    "read_renamed": np.array([0.5, 0.25, 0.100049]),
}


def curves_of(config, start=0.0):
    values = np.arange(config.steps, dtype=np.float64) + start
    return {"loss": values, "accuracy": values / 100}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A small study in the place of the published one."""
    parts = {
        "protocol_a": Part(None, lambda: [SHORT, LONG, OTHER]),
        "lstm": Part(None, lambda: {"wide": [PLAIN], "also": [OTHER]}),
        "growing": Part(None, lambda: [GROWING]),
        "growing again": Part(None, lambda: [GROWING]),
    }
    monkeypatch.setattr(paths, "WORK", tmp_path / "work")
    monkeypatch.setattr(archive, "PARTS", parts)
    monkeypatch.setattr(archive, "STUDY", Study("palindromes", 1, parts))
    monkeypatch.setattr(archive, "EXPERIMENT_VERSION", 1)
    return tmp_path / "results"


def fill(store, *configs):
    for config in configs:
        curves = READ if config == GROWING else curves_of(config)
        store.save(config, {"final_accuracy": 0.5}, curves)


def test_the_study_is_written_and_read_back(small):
    store = archive.STUDY.store()
    fill(store, SHORT, LONG, OTHER, PLAIN, GROWING)
    archive.write(small)
    found = archive.read(small)
    assert isinstance(found, archive.PalindromeArchive)
    assert found.table["parts"].tolist() == [
        "protocol_a",
        "protocol_a",
        "protocol_a | lstm",
        "lstm",
        "growing | growing again",
    ]
    assert found.table["final_accuracy"].tolist() == [0.5] * 5
    assert found.provenance["runs"] == 5
    assert found.provenance["seeds"] == 2
    assert found.provenance["curve_box"] == 10
    assert found.provenance["experiment_version"] == 1
    assert found.provenance["made"] == made_now()["made"]
    assert set(found.curves) == {"protocol_a keys", "protocol_a loss", "protocol_a accuracy"}
    assert found.curves["protocol_a keys"].tolist() == [run_key(c, 1) for c in (SHORT, LONG, OTHER)]

    loss = found.curve("protocol_a", "loss", "rnn", 5)
    assert loss.dtype == np.float32
    np.testing.assert_array_equal(loss, [[4.5, 14.5, np.nan], [4.5, 14.5, 24.5]])
    alone = found.curve("protocol_a", "accuracy", "lstm", 5)
    np.testing.assert_allclose(alone, [[0.045, 0.145]], rtol=1e-3)
    assert found.curve("protocol_a", "accuracy", "lstm", 7).shape[0] == 0

    lengths = found.lengths
    assert lengths["key"].tolist() == [run_key(GROWING, 1)] * 3
    assert lengths["T"].tolist() == [1, 2, 3]
    assert lengths["mastered_step"].tolist()[:2] == [5, 15]
    assert np.isnan(lengths["mastered_step"][2])
    assert lengths["held_out_accuracy"].tolist() == [1.0, 1.0, 0.1235]
    assert lengths["renamed_accuracy"].tolist() == [0.5, 0.25, 0.1]
    grown = ground_floor.read("palindromes_growing", small).provenance
    assert (grown["runs"], grown["experiment_version"]) == (3, 1)
    assert archive.left_out(found) == {}


def test_runs_that_are_gone_from_the_store_stay_published(small, monkeypatch, tmp_path):
    fill(archive.STUDY.store(), SHORT, OTHER, GROWING)
    archive.write(small)
    first = archive.read(small)
    assert archive.left_out(first) == {"protocol_a": (2, 3), "lstm": (1, 2)}

    monkeypatch.setattr(paths, "WORK", tmp_path / "elsewhere")
    store = archive.STUDY.store()
    store.save(LONG, {"final_accuracy": 0.75}, curves_of(LONG, start=100))
    archive.write(small)
    second = archive.read(small)
    assert second.table["final_accuracy"].tolist() == [0.5, 0.75, 0.5, 0.5]
    both = second.curve("protocol_a", "loss", "rnn", 5)
    np.testing.assert_array_equal(both, [[4.5, 14.5, np.nan], [104.5, 114.5, 124.5]])
    np.testing.assert_array_equal(
        second.curve("protocol_a", "accuracy", "lstm", 5),
        first.curve("protocol_a", "accuracy", "lstm", 5),
    )
    pd.testing.assert_frame_equal(second.lengths, first.lengths)
    archive.write(small)  # nothing is new
    pd.testing.assert_frame_equal(archive.read(small).table, second.table)


def test_curves_of_runs_that_were_never_published_are_not_kept(small):
    fill(archive.STUDY.store(), PLAIN)
    archive.write(small)
    found = ground_floor.read("palindromes", small)
    assert found.curves == {}
    assert not ground_floor.exists("palindromes_growing", small)  # no run grew


def test_the_whole_study_is_run_written_and_what_failed_is_said(monkeypatch):
    done = []

    def run_parts(self, **options):
        done.append(options)
        return ["a failure"]

    monkeypatch.setattr(Study, "run_parts", run_parts)
    monkeypatch.setattr(archive, "write", lambda: done.append("written"))
    monkeypatch.setattr(archive, "report", done.append)
    archive.run_and_write(3, "tcp://x:1", "cuda")
    told = {"workers": 3, "cluster": "tcp://x:1", "device": "cuda"}
    assert done == [told, "written", ["a failure"]]


def test_gates_are_removed_by_the_workers_and_on_the_device_that_the_caller_names(monkeypatch):
    done = []
    monkeypatch.setattr(Study, "run_parts", lambda self, **options: done.append(options))
    monkeypatch.setattr(Study, "merged", lambda self: pd.DataFrame({"seed": [0, 0]}))
    monkeypatch.setattr(
        gate_removal.archive, "write", lambda *_, **told: done.append(told["seeds"])
    )
    monkeypatch.setattr(gate_removal, "report", done.append)
    gate_removal.run_and_write(3, "tcp://x:1", "cuda")
    assert done == [{"workers": 3, "cluster": "tcp://x:1", "device": "cuda"}, 1, None]


def test_the_study_is_under_the_name_of_its_archive():
    assert archive.STUDY.name == "palindromes"
    assert archive.STUDY.parts is archive.PARTS
    assert set(archive.WITH_CURVES) < set(archive.PARTS)


def test_the_longer_runs_are_those_of_protocol_a_with_more_steps():
    """So what is solved early in the one is solved in the other, but for rounding."""
    before = {run.seed: run for run in parts.protocol_a() if (run.model, run.T) == ("lstm", 21)}
    for longer in parts.protocol_a_longer(21):
        run = before[longer.seed]
        moved = {f for f, v in vars(longer).items() if v != getattr(run, f)}
        assert moved == {"steps", "stop_after_perfect"}
    study = archive.read()
    short = study.part("protocol_a").query("model == 'lstm' and T == 21").set_index("seed")
    long = study.part("longer_a_21").set_index("seed")
    begin = ["sensitivity", "log10_gradient_ratio"]  # before the first step
    np.testing.assert_allclose(long[begin], short.loc[long.index, begin], rtol=2e-5)
    assert (long["steps_run"] == long["steps"])[~long["solved"]].all()


def test_the_longer_runs_are_those_of_protocol_b_with_its_own_steps():
    before = {(run.model, run.T, run.seed): run for run in parts.protocol_b()}
    for longer in [*parts.protocol_b_longer(80), *parts.protocol_b_longer(160)]:
        run = before[longer.model, longer.T, longer.seed]
        moved = {f for f, v in vars(longer).items() if v != getattr(run, f)}
        assert moved == {"steps"}
        assert longer.steps > run.steps
    study = archive.read()
    name = ["model", "T", "seed"]
    short = study.part("protocol_b").set_index(name)
    long = study.parts("longer_b_").set_index(name)
    # Before the first step; steps of exploding changes make more of another rounding.
    begin = ["sensitivity", "log10_gradient_ratio"]
    for T, rtol in ((80, 2e-3), (160, 2e-2)):
        runs = long.xs(T, level="T", drop_level=False)
        np.testing.assert_allclose(runs[begin], short.loc[runs.index, begin], rtol=rtol)
    assert (long["steps_run"] == long["steps"]).all()  # none was stopped early


# Settings of the LSTM ---------------------------------------------------------------------------


def test_one_factor_of_the_lstm_moves_and_the_others_stay():
    """The first level of every factor is the centre; another level changes that factor alone."""
    for factor, levels in settings.LSTM_FACTORS.items():
        names = list(levels)
        centre = settings.lstm_setting(21)
        assert settings.lstm_setting(21, factor, names[0]) == centre
        for name in names[1:]:
            moved = settings.lstm_setting(21, factor, name)
            changed = {
                field
                for field in moved.keys() | centre.keys()
                if moved.get(field) != centre.get(field)
            }
            assert changed, f"{factor}: {name} changes nothing"
            PalindromeRun("lstm", 21, 0, 10, **moved)
