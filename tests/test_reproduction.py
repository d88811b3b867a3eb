"""The same runs elsewhere: what must agree with the published ones does, on this machine too."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

from helpers.palindromes import archive, reproduction
from helpers.palindromes.experiment import EXPERIMENT_VERSION, at_initialisation, build
from helpers.palindromes.growing import train
from helpers.paths import ROOT
from helpers.store import FinishedRun, run_key

STUDY = archive.read()


def test_the_runs_are_published_ones():
    keys = set(STUDY.part("protocol_a")["key"])
    runs = reproduction.runs()
    assert len(runs) == len(reproduction.LENGTHS) * len(reproduction.SEEDS) * 2
    assert {run_key(run, EXPERIMENT_VERSION) for run in runs} <= keys


@pytest.mark.parametrize("run", reproduction.runs(), ids=lambda r: f"{r.model}-{r.T}-{r.seed}")
def test_what_is_measured_before_training_must_agree(run):
    """The weights and the digits are drawn alike everywhere; only sums are rounded differently."""
    rows = STUDY.part("protocol_a").set_index("key")
    was = rows.loc[run_key(run, EXPERIMENT_VERSION)]
    found = at_initialisation(build(run), run)
    for name in reproduction.BEFORE:
        if found[name] is None:
            assert np.isnan(was[name])
        else:
            assert found[name] == pytest.approx(was[name], rel=2e-5, abs=2e-6), name


@pytest.mark.parametrize("model", ["rnn", "lstm"])
def test_the_first_steps_of_training_must_agree(model):
    """Twenty steps: their mean losses, published in half precision, within its last digit."""
    run = next(r for r in reproduction.runs() if r.model == model and r.T == 9)
    key = run_key(run, EXPERIMENT_VERSION)
    _, curves = train(dataclasses.replace(run, steps=20))
    at = STUDY.curves["protocol_a keys"].tolist().index(key)
    for metric in archive.METRICS:
        was = STUDY.curves[f"protocol_a {metric}"][at][:2].astype(float)
        now = curves[metric].reshape(2, 10).mean(1)
        np.testing.assert_allclose(now, was, rtol=1.5e-3)


@pytest.mark.slow
def test_another_condition_in_a_process_of_its_own_begins_alike():
    """Narrow vectors: the same first losses to five digits, though not to the last."""
    code = (
        "import dataclasses; from helpers.palindromes import reproduction as r\n"
        "from helpers.palindromes.growing import train; import torch\n"
        "run = dataclasses.replace(r.runs()[0], steps=5)\n"
        "print(torch.backends.cpu.get_cpu_capability(), *train(run)[1]['loss'])"
    )
    said = {}
    # The plain one twice: one machine under one condition repeats itself to the last digit.
    conditions = {**reproduction.CONDITIONS, "once more": ({}, 1)}
    for name, (variables, _) in conditions.items():
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
            env={**os.environ, **variables},
        )
        said[name] = done.stdout.split()
    assert said["narrow vectors"][0] in ("DEFAULT", "NO AVX")
    assert said["as it is"] == said["once more"]
    losses = {name: np.array(words[-5:], float) for name, words in said.items()}
    np.testing.assert_allclose(losses["narrow vectors"], losses["as it is"], rtol=1e-5)


def test_agreeing_counts_up_to_the_first_difference():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert reproduction.agreeing(a, a) == 4
    assert reproduction.agreeing(a, np.array([1.0, 2.0, 3.5, 4.0])) == 2
    assert reproduction.agreeing(a, a + 1) == 0


def test_agreement_counts_equal_numbers_and_says_the_largest_difference():
    run, other = reproduction.runs()[:2]
    was = STUDY.part("protocol_a").set_index("key")
    keys = [run_key(r, EXPERIMENT_VERSION) for r in (run, other)]
    again = was.loc[keys].reset_index().assign(condition="x")
    again.loc[1, "final_accuracy"] += 0.25
    found = reproduction.agreement(STUDY, again).set_index("number")
    assert found.index.tolist() == [*reproduction.BEFORE, *reproduction.AFTER]
    assert found.loc["final_accuracy", "equal"] == 1
    assert found.loc["final_accuracy", "largest difference"] == pytest.approx(0.25)
    assert found.loc["sensitivity", "equal"] == found.loc["sensitivity", "runs"] == 2
    assert found.loc["sensitivity", "largest difference"] == 0


def test_a_row_says_how_long_the_curves_agree(monkeypatch, tmp_path):
    run = reproduction.runs()[0]
    key = run_key(run, EXPERIMENT_VERSION)
    at = STUDY.curves["protocol_a keys"].tolist().index(key)
    losses = np.repeat(STUDY.curves["protocol_a loss"][at].astype(np.float32), archive.BOX)
    moved = losses.copy()
    moved[25] += 1
    record = {**STUDY.table.set_index("key").loc[key].to_dict(), "vectors": "AVX2"}
    made = {"made": "2026-01-01", "torch": "2"}
    curves = {"as it is": losses, "two threads": moved}

    class Kept:
        def __init__(self, condition):
            self.condition = condition

        def load(self, run):
            curve = {"loss": curves[self.condition]}
            return FinishedRun(dataclasses.asdict(run), record, curve, made)

    monkeypatch.setattr(reproduction, "store_of", Kept)
    same = reproduction.row(STUDY, "as it is", run)
    assert same["steps_as_published"] == same["steps_as_here"] == run.steps
    other = reproduction.row(STUDY, "two threads", run)
    assert (other["steps_as_published"], other["steps_as_here"]) == (20, 25)


def test_what_is_published_of_it():
    """Every condition has every run, and before training all agree with what was published."""
    again = reproduction.read()
    assert again.groupby("condition").size().to_dict() == dict.fromkeys(
        reproduction.CONDITIONS, len(reproduction.runs())
    )
    here = again[again["condition"] == "as it is"]
    assert (here["steps_as_here"] == here["steps"]).all()
    found = reproduction.agreement(STUDY, again)
    before = found[found["number"].isin(reproduction.BEFORE)]
    assert before["largest difference"].max() < 1e-4
