"""Ways to cut the text: what is measured of each, and what is published."""

import pytest

from helpers.text import cuts
from helpers.text.training import Plan

LINE = "A tale of cuts: some begin anew, some carry on and on.\n"
SHORT = {
    "windows": Plan(6, "windows", 5, 4, eval_every=3),
    "streams": Plan(6, "streams", 10, 2, eval_every=3),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cuts")
    book = folder / "tale.txt"
    book.write_text(LINE * 200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuts, "POSITIONS", 20)
        made = cuts.measure_and_write(folder, folder / "work", str(book), SHORT)
        again = cuts.measure_and_write(folder, folder / "work", str(book), SHORT)
    return folder, made, again


def test_every_cut_is_measured_in_three_ways(measured):
    folder, made, _ = measured
    found = cuts.read(folder)
    assert found == made["cuts"]
    assert set(found) == set(SHORT)
    for measures in found.values():
        assert 0 < measures["bpc"] < 8
        assert len(measures["positions"]) == 20
        assert set(measures["beginnings"]) <= set(LINE)
        assert all(0 < bits < 20 for bits in measures["beginnings"].values())
    assert found["windows"] != found["streams"]


def test_a_second_call_goes_on_from_the_snapshots_and_finds_the_same(measured):
    _, made, again = measured
    assert again == made


def test_cuts_differ_in_the_cut_alone():
    plans = list(cuts.CUTS.values())
    read = [plan.steps * plan.batch_size * plan.length for plan in plans]
    assert max(read) / min(read) < 1.02
    assert len({(p.lr, p.schedule, p.optimizer, p.seed, p.steps) for p in plans}) == 1


def test_published_streams_are_lost_where_the_others_are_not():
    published = cuts.read()
    worst = {name: max(found["beginnings"].values()) for name, found in published.items()}
    assert set(worst) == set(cuts.CUTS)
    assert worst.pop("streams of 100, carried") > 8
    assert max(worst.values()) < 4
    assert {len(found["positions"]) for found in published.values()} == {cuts.POSITIONS}
