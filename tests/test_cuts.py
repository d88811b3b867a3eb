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
        steps = watched(patch, ends_at=("streams", 5))
        with pytest.raises(KeyboardInterrupt):
            cuts.measure_and_write(folder, folder / "work", str(book), SHORT)
        begun = steps.copy()
        steps.clear()
        again = cuts.measure_and_write(folder, folder / "work", str(book), SHORT)
        went_on = steps.copy()
        steps.clear()
        cuts.measure_and_write(folder, folder / "work", str(book), SHORT)
    return folder, made, again, (begun, went_on, steps)


def watched(patch, ends_at) -> list[tuple[str, int]]:
    """Batching and number of every step from now on; the one named is interrupted, once."""
    steps, fit, ends = [], cuts.fit, [ends_at]

    def heard(model, train_ids, valid_ids, plan, on_step, **options):
        def hear(step):
            on_step(step)
            steps.append((plan.batching, step.number))
            if steps[-1] in ends:
                ends.clear()
                raise KeyboardInterrupt

        return fit(model, train_ids, valid_ids, plan, on_step=hear, **options)

    patch.setattr(cuts, "fit", heard)
    return steps


def test_every_cut_is_measured_in_three_ways(measured):
    folder, made, *_ = measured
    found = cuts.read(folder)
    assert found == made["cuts"]
    assert set(found) == set(SHORT)
    for measures in found.values():
        assert 0 < measures["bpc"] < 8
        assert len(measures["positions"]) == 20
        assert set(measures["beginnings"]) <= set(LINE)
        assert all(0 < bits < 20 for bits in measures["beginnings"].values())
    assert found["windows"] != found["streams"]


def test_what_was_interrupted_goes_on_from_the_snapshots_and_finds_the_same(measured):
    _, made, again, (begun, went_on, _) = measured
    windows, streams = ([(name, k) for k in range(1, 7)] for name in SHORT)
    assert begun == windows + streams[:5]
    assert went_on == streams[3:]  # the windows had ended, and a look at the streams was after 3
    assert again == made


def test_what_has_ended_leaves_no_snapshot_and_is_trained_anew(measured):
    folder, *_, (_, _, anew) = measured
    assert anew == [(name, k) for name in SHORT for k in range(1, 7)]
    assert list((folder / "work").iterdir()) == []


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
