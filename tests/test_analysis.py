"""Intervals, survival, effects and predictors on runs whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from helpers.palindromes import analysis


def runs(solved, **columns):
    solved = np.array(solved, bool)
    n = len(solved)
    return pd.DataFrame(
        {
            "solved": solved,
            "solved_step": np.where(solved, 100.0, np.nan),
            "steps": 1000,
            "held_out_accuracy": np.where(solved, 1.0, 0.1),
            "seed": range(n),
            **columns,
        }
    )


def test_wilson_interval():
    low, high = analysis.wilson(5, 10)
    assert (low, high) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert analysis.wilson(0, 10)[0] == pytest.approx(0, abs=1e-9)
    assert analysis.wilson(0, 10)[1] == pytest.approx(0.2775, abs=1e-4)
    with pytest.raises(ValueError, match="at least one run"):
        analysis.wilson(0, 0)


def test_shares_tell_ever_from_final():
    table = runs([1, 1, 1, 0], T=5)
    table.loc[0, "held_out_accuracy"] = 0.2
    row = analysis.shares(table, ["T"]).iloc[0]
    assert row["solved"] == 0.75
    assert row["final"] == 0.5
    assert row["collapsed"] == 0.25
    assert row["median_step"] == 100


def test_survival_is_censored_at_the_last_step():
    table = runs([1, 1, 0, 0])
    table["solved_step"] = [200.0, 400.0, np.nan, np.nan]
    steps, share = analysis.unsolved_over_time(table)
    assert steps.tolist() == [0, 200, 400, 1000]
    assert share.tolist() == pytest.approx([1, 0.75, 0.5, 0.5])
    _, all_lost = analysis.unsolved_over_time(runs([0, 0]))
    assert all_lost.tolist()[-1] == 1
    _, all_won = analysis.unsolved_over_time(runs([1, 1]))
    assert all_won.tolist()[-1] == 0


def test_paired_effects():
    rng = np.random.default_rng(0)
    rows = [
        {"seed": s, "a": a, "b": b, "solved": rng.random() < (0.8 if a == "x" else 0.2)}
        for s in range(200)
        for a in "xy"
        for b in "uv"
    ]
    table = pd.DataFrame(rows)
    effect = analysis.paired_effect(table, "a", "y", "x")
    assert effect["effect"] == pytest.approx(0.6, abs=0.08)
    assert effect["low"] < 0.6 < effect["high"]
    nothing = analysis.paired_effect(table, "b", "u", "v")
    assert nothing["low"] < 0 < nothing["high"]
    constant = analysis.paired_effect(table.assign(solved=True), "a", "y", "x")
    # None of 200 seeds differs: that many can hide a share of 1 - 0.025^(1/200) of those that do.
    unseen = 1 - 0.025 ** (1 / 200)
    assert list(constant.values())[:3] == pytest.approx([0, -unseen, unseen])


def test_no_effect_is_read_from_runs_that_all_fail():
    T = [10] * 4 + [40] * 4
    table = pd.DataFrame(
        {"T": T, "seed": [0, 0, 1, 1] * 2, "solved": [True, False, True, True] + [False] * 4}
    )
    factors = {factor: ["000", "001"] * 4 for factor in ("W_hh", "W_hx", "W_ph")}
    effects = analysis.factorial_effects(table.assign(**factors))
    assert set(effects["T"]) == {10}
    assert effects["effect"].tolist() == [-0.5] * 3


def test_auc():
    success = pd.Series([False, False, True, True])
    assert analysis.auc(pd.Series([1, 2, 3, 4]), success) == 1
    assert analysis.auc(pd.Series([4, 3, 2, 1]), success) == 0
    assert analysis.auc(pd.Series([1, 1, 1, 1]), success) == 0.5
    assert math.isnan(analysis.auc(pd.Series([1, 2]), pd.Series([True, True])))


def test_scores_are_compared_within_a_beginning_alone():
    """Two beginnings: the score knows which is better, and nothing of the seeds."""
    table = pd.DataFrame(
        {
            "cell": ["bad"] * 4 + ["good"] * 4 + ["sure"] * 2,
            "solved": [0, 0, 0, 1, 1, 1, 1, 0, 1, 1],
        }
    )
    score = pd.Series([0.0] * 4 + [1.0] * 4 + [2.0] * 2)
    assert analysis.auc(score, table["solved"]) > 0.8
    assert analysis.auc_within(score, table, "cell") == 0.5
    ranked = pd.Series([0, 0, 0, 1, 1, 1, 1, 0, 9, 9])
    assert analysis.auc_within(ranked, table, "cell") == 1
    assert analysis.auc_within(-ranked, table, ["cell"]) == 0
    assert math.isnan(analysis.auc_within(score, table[table["cell"] == "sure"], "cell"))


def test_a_share_over_seeds_has_an_interval_over_seeds():
    table = pd.DataFrame({"seed": np.repeat(range(4), 5), "solved": [1] * 10 + [0] * 10})
    found = analysis.share_over_seeds(table)
    assert (found["share"], found["seeds"]) == (0.5, 4)
    low, high = analysis.wilson(10, 20)
    assert found["low"] < low < high < found["high"]  # seeds decide, so 20 runs are but four
    alone = analysis.share_over_seeds(table[table["seed"] == 0])
    assert (alone["low"], alone["high"]) == (1, 1)


def test_candidates_take_missing_gradients_as_vanished():
    table = pd.DataFrame({"sensitivity": [0.0, 1.0], "log10_gradient_ratio": [np.nan, 3.0]})
    found = analysis.candidates(table)
    assert found["sensitivity"].tolist() == [-12, 0]
    assert found["gradient"].tolist() == [-12, -3]
    assert found["gradient, signed"].tolist() == [-12, 3]


def test_precision_is_compared_seed_by_seed():
    table = pd.concat([runs([1, 1, 0, 0], bf16=False, T=19), runs([1, 1, 1, 0], bf16=True, T=19)])
    row = analysis.paired_precision(table).iloc[0]
    assert row["pairs"] == 4
    assert row["difference"] == 0.25
