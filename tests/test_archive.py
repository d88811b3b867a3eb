"""The published study: every key, its parts and settings; the store's new runs beside old ones."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from helpers import archive as ground_floor
from helpers import paths
from helpers.archive import Archive
from helpers.palindromes import archive, plots
from helpers.palindromes.archive import box_means
from helpers.palindromes.experiment import EXPERIMENT_VERSION, PalindromeRun
from helpers.palindromes.growing import GrowingRun
from helpers.store import FinishedRun, RunStore, later, run_key
from helpers.study import Part, Study


@pytest.fixture(scope="module")
def published():
    return archive.read()


def config_of(row: dict):
    """The configuration of a published row."""
    kind = PalindromeRun if math.isnan(row["start"]) else GrowingRun
    fields = {field.name: row[field.name] for field in dataclasses.fields(kind)}
    for name, value in fields.items():
        if isinstance(value, float) and math.isnan(value):
            fields[name] = "" if name == "options" else None
    for name in ("stop_after_perfect", "start", "until_perfect"):
        if fields.get(name) is not None:
            fields[name] = int(fields[name])
    return kind(**fields)


def test_every_published_run_keeps_its_key(published):
    """Recomputed from its row: a key that moved would train what is published again."""
    planned = {run_key(c, EXPERIMENT_VERSION) for p in archive.PARTS.values() for c in p.runs()}
    for row in published.table.to_dict("records"):
        assert run_key(config_of(row), EXPERIMENT_VERSION) == row["key"], row
    assert set(published.table["key"]) <= planned


def test_runs_carry_the_names_of_their_settings(published):
    for part, planned in archive.PARTS.items():
        if not published.has(part):
            continue
        settings = {run_key(c, 1): n for n, runs in planned.settings().items() for c in runs}
        rows = published.part(part)
        assert rows["setting"].tolist() == [settings[key] for key in rows["key"]]
    by_setting = published.by_setting("lstm_21")
    assert next(iter(by_setting)) == "best setting"
    assert set(by_setting["rate: 0.03"]["lr"]) == {0.03}
    assert set(by_setting["forget bias: 1.0"]["forget_bias"]) == {1.0}


def test_curves_and_figures_of_published_runs(published):
    first = published.part("protocol_a")
    for model in ("rnn", "lstm"):
        curve = published.curve("protocol_a", "accuracy", model, 21)
        assert curve.shape == (10, 300)
        ends = first[(first["model"] == model) & (first["T"] == 21)]["final_accuracy"]
        assert sorted(curve[:, -10:].mean(1)) == pytest.approx(sorted(ends), abs=2e-3)
    figure = plots.share_and_final(published, first, None)
    dots = [line for line in figure.axes[1].lines if line.get_marker() in {"o", "s"}]
    assert sum(len(line.get_ydata()) for line in dots) == len(first)
    settings = published.by_setting("lstm_21")
    figure = plots.dots_by_setting(published, {"T = 21": settings}, (3000,))
    rows = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert rows == list(settings)
    drawn = sum(len(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() in "ox")
    assert drawn == sum(map(len, settings.values()))


def test_an_archive_read_back_is_the_archive_written(tmp_path, published):
    ground_floor.write("again", published.table, published.curves, tmp_path, experiment_version=1)
    again = ground_floor.read("again", tmp_path)
    pd.testing.assert_frame_equal(again.table, published.table)
    for name, values in published.curves.items():
        np.testing.assert_array_equal(again.curves[name], values)


def test_box_means_keep_a_stopped_runs_last_value():
    values = np.concatenate([np.zeros(10), np.ones(5)])
    run = FinishedRun({"steps": 38}, {}, {"accuracy": values}, {})
    assert box_means(run, "accuracy").tolist() == [0, 1, 1]


def test_rows_of_unequal_length_are_stacked_and_unstacked():
    rows = [np.arange(3, dtype=np.float16), np.arange(5, dtype=np.float16)]
    stacked = archive._stack(rows)
    assert np.isnan(stacked[0, 3:]).all()
    for row, found in zip(rows, stacked, strict=True):
        np.testing.assert_array_equal(archive._without_end(found), row)


# The ground floor -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Old:
    seed: int
    steps: int = 1


@dataclasses.dataclass(frozen=True)
class New:
    seed: int
    steps: int = 1
    device_count: int = later(1)


def test_a_later_field_leaves_the_keys_alone_at_its_default():
    New.__name__ = "Old"
    try:
        assert run_key(New(3), 1) == run_key(Old(3), 1)
        assert run_key(New(3, device_count=2), 1) != run_key(Old(3), 1)
    finally:
        New.__name__ = "New"


def squared(run: Old):
    return {"square": run.seed**2}, {"curve": np.zeros(2)}


def study_of(*seeds, name="squares"):
    parts = {
        "all": Part(squared, lambda: [Old(seed) for seed in seeds]),
        "even": Part(squared, lambda: {"two": [Old(2)], "four": [Old(4)]}),
    }
    return Study(name, 1, parts)


def test_a_study_runs_its_parts_and_merges_what_was_published(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "WORK", tmp_path)
    study = study_of(1, 2, 3)
    assert study.run_parts(["all"], workers=1) == []
    table = study.merged(None)
    assert table["square"].tolist() == [1, 4, 9]
    assert table["parts"].tolist() == ["all", "all | even", "all"]
    assert table["settings"].tolist() == ["", " | two", ""]
    found = Archive(table, {}, {"made": "2020-01-01", "torch": "1"})
    assert found.part("even")["setting"].tolist() == ["two"]
    assert study.left_out(found) == {"even": (1, 2)}

    monkeypatch.setattr(paths, "WORK", tmp_path / "elsewhere")
    marked = dataclasses.replace(found, table=table.assign(square=[1, 40, 9], made="2020-01-01"))
    RunStore(tmp_path / "elsewhere" / "squares", 1).save(Old(3), {"square": 90}, {})
    merged = study.merged(marked)
    assert merged["square"].tolist() == [1, 40, 90]  # the store's own run comes before the old one
    assert merged["made"].tolist()[:2] == ["2020-01-01"] * 2
    assert merged["made"].tolist()[2] != "2020-01-01"
    with pytest.raises(ValueError, match="unknown part 'odd'; there are all, even"):
        study.run_parts(["odd"])


def test_runs_archived_again_keep_the_day_and_the_torch_that_they_were_made_with(
    tmp_path, monkeypatch
):
    table = pd.DataFrame({"seed": [1]})
    kept = {"made": "2020-01-01", "torch": "1"}
    for now in (kept, {"made": "2021-01-01", "torch": "2"}):
        monkeypatch.setattr(ground_floor, "made_now", lambda now=now: now)
        ground_floor.write("x", table, None, tmp_path)
        assert ground_floor.read("x", tmp_path).provenance == {**kept, "runs": 1}
    ground_floor.write("x", table.assign(seed=2), None, tmp_path)
    assert ground_floor.read("x", tmp_path).provenance == {**now, "runs": 1}


def test_credit_names_runs_seeds_days_and_versions():
    table = pd.DataFrame({"seed": [0, 0, 1], "made": ["2026-01-02", "2026-01-01", "2026-01-02"]})
    found = Archive(table.assign(torch="2.0"), {}, {})
    assert found.credit() == "3 runs, 2 seeds, 2026-01-01 to 2026-01-02, torch 2.0"
    assert found.credit(found.table[:1]) == "1 runs, 1 seeds, 2026-01-02, torch 2.0"
