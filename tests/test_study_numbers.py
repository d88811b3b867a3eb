"""The study's analysis on small tables that one can work out by hand; its figures show them."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.archive import Archive
from helpers.palindromes import analysis, parts

RUNS = pd.DataFrame(
    {
        "model": ["rnn", "rnn", "lstm", "rnn"],
        "T": [9, 9, 5, 9],
        "seed": [0, 1, 0, 2],
        "solved": [True, False, True, True],
        "solved_step": [100.0, np.nan, 40.0, 300.0],
        "steps": [500, 500, 500, 600],
        "final_accuracy": [0.99, 0.5, 1.0, 0.98],
        "held_out_accuracy": [0.99, 0.25, 0.995, 0.26],
    }
)


def wilson(k, n):
    """The roots of Wilson's quadratic (Wilson 1927, equation 4)."""
    z = stats.norm.ppf(0.975)
    middle, half = k + z * z / 2, z * math.sqrt(k * (n - k) / n + z * z / 4)
    return (middle - half) / (n + z * z), (middle + half) / (n + z * z)


# Shares -----------------------------------------------------------------------------------------


def test_wilsons_interval_is_the_root_of_its_quadratic():
    for k, n in ((0, 1), (1, 1), (3, 7), (20, 20)):
        assert analysis.wilson(k, n) == pytest.approx(wilson(k, n), abs=1e-12)
    with pytest.raises(ValueError, match=r"^a share needs at least one run$"):
        analysis.wilson(0, 0)


def test_shares_are_counted_by_group_in_the_order_of_the_table():
    found = analysis.shares(RUNS, ["model", "T"])
    assert found["model"].tolist() == ["rnn", "lstm"]
    rnn = found.iloc[0].to_dict()
    low, high = wilson(2, 3)
    final_low, final_high = wilson(1, 3)
    wanted = {
        "model": "rnn", "T": 9, "n": 3, "solved": 2 / 3, "low": low, "high": high,
        "final": 1 / 3, "final_low": final_low, "final_high": final_high,
        "collapsed": 1 / 3, "median_step": 200, "mean_held_out": 0.5,
    }  # fmt: skip
    assert list(rnn) == list(wanted)
    assert {k: v for k, v in rnn.items() if k != "model"} == pytest.approx(
        {k: v for k, v in wanted.items() if k != "model"}
    )


def test_unsolved_over_time_steps_down_where_a_run_is_solved():
    steps, share = analysis.unsolved_over_time(RUNS)
    assert steps.tolist() == [0, 40, 100, 300, 600]
    assert share.tolist() == pytest.approx([1, 3 / 4, 2 / 4, 1 / 4, 1 / 4])
    # Censored at its own last step: after 500 only one of two is still at risk.
    late = RUNS.assign(solved_step=[550.0, np.nan, 40.0, 600.0], steps=[600, 500, 600, 600])
    steps, share = analysis.unsolved_over_time(late)
    assert steps.tolist() == [0, 40, 550, 600, 600]
    assert share.tolist() == pytest.approx([1, 3 / 4, 3 / 8, 0, 0])
    steps, share = analysis.unsolved_over_time(RUNS[1:2])
    assert (steps[0], share[0], steps[-1], share[-1]) == (0, 1, 500, 1)


def test_mixtures_set_the_mean_beside_what_right_and_guessing_runs_would_have():
    found = analysis.mixtures(RUNS)
    assert found.to_dict("records") == [
        {
            "model": "rnn",
            "T": 9,
            "right runs": 1,
            "of": 3,
            "mixture": pytest.approx(1 / 3 + 2 / 3 * 0.1),
            "mean accuracy": pytest.approx((0.99 + 0.25 + 0.26) / 3),
        },
        {
            "model": "lstm",
            "T": 5,
            "right runs": 1,
            "of": 1,
            "mixture": 1.0,
            "mean accuracy": pytest.approx(0.995),
        },
    ]
    assert analysis.mixtures(RUNS, 0.25)["mixture"][0] == pytest.approx(1 / 3 + 2 / 3 * 0.25)


# Effects ----------------------------------------------------------------------------------------

PAIRS = pd.DataFrame(
    {
        "seed": [0, 0, 1, 1, 2, 2, 3, 0, 1],
        "how": ["x", "y", "x", "y", "x", "y", "x", "z", "z"],
        "solved": [0, 1, 0, 0, 1, 1, 1, 1, 0],
        "score": [0.0, 0.5, 0.25, 0.25, 0.5, 1.5, 9.0, 0.0, 0.0],
    }
)


def test_a_paired_effect_is_a_mean_of_differences_with_students_interval():
    found = analysis.paired_effect(PAIRS, "how", "x", "y", "score")
    difference = np.array([0.5, 0.0, 1.0])  # seed 3 has no pair
    half = stats.t.ppf(0.975, 2) * difference.std(ddof=1) / math.sqrt(3)
    wanted = {"effect": 0.5, "low": 0.5 - half, "high": 0.5 + half, "seeds": 3}
    assert found == pytest.approx(wanted)
    assert analysis.paired_effect(PAIRS, "how", "x", "y")["effect"] == pytest.approx(1 / 3)
    assert analysis.paired_effect(PAIRS, "how", "y", "x")["effect"] == pytest.approx(-1 / 3)
    one = analysis.paired_effect(PAIRS[PAIRS["seed"] == 2], "how", "x", "y", "score")
    assert one == {"effect": 1.0, "low": 1.0, "high": 1.0, "seeds": 1}


def test_other_factors_are_averaged_before_the_interval_is_taken():
    twice = pd.concat([PAIRS.assign(other=0), PAIRS.assign(other=1)])
    once = analysis.paired_effect(PAIRS, "how", "x", "y", "score")
    assert analysis.paired_effect(twice, "how", "x", "y", "score") == pytest.approx(once)


def test_auc_counts_pairs_and_ties_by_half():
    score = pd.Series([3.0, 2.0, 2.0, 1.0, np.nan, 5.0])
    success = pd.Series([1, 1, 0, 0, 0, 0])
    # 3 > 2, 1; 2 = 2, 2 > 1; 5 above both
    assert analysis.auc(score, success) == pytest.approx((2 + 1.5) / 6)
    assert analysis.auc(pd.Series([1.0, 2.0]), pd.Series([False, True])) == 1
    assert math.isnan(analysis.auc(score, success * 0))
    assert math.isnan(analysis.auc(score, success * 0 + 1))


def test_candidates_are_larger_the_more_promising():
    runs = pd.DataFrame({"sensitivity": [1e-3, 1e-20], "log10_gradient_ratio": [-4.0, np.nan]})
    found = analysis.candidates(runs)
    assert list(found) == ["sensitivity", "gradient, signed", "gradient"]
    assert found["sensitivity"].tolist() == pytest.approx([-3, -12])
    assert found["gradient, signed"].tolist() == [-4, -12]
    assert found["gradient"].tolist() == [-4, -12]


def test_predictors_are_scored_over_all_runs_and_at_each_length():
    runs = pd.DataFrame(
        {
            "T": [9, 9, 5, 5],
            "solved": [True, False, True, False],
            "sensitivity": [1e-1, 1e-2, 1e-5, 1e-4],
            "log10_gradient_ratio": [-1.0, -5.0, 2.0, 3.0],
        },
        index=[7, 8, 9, 3],
    )
    found = analysis.predictors(runs)
    assert list(found) == ["runs", "n", "sensitivity", "gradient, signed", "gradient"]
    assert found["runs"].tolist() == ["all", "T = 5", "T = 9"]
    assert found["n"].tolist() == [4, 2, 2]
    assert found["sensitivity"].tolist() == [0.5, 0, 1]
    assert found["gradient, signed"].tolist() == [0.5, 0, 1]
    assert found["gradient"].tolist() == [1, 1, 1]


def test_precisions_are_compared_at_each_length():
    runs = pd.DataFrame(
        {
            "T": [7] * 4 + [5] * 2,
            "seed": [0, 0, 1, 1, 0, 0],
            "bf16": [False, True] * 3,
            "solved": [True, False, True, True, True, True],
            "solved_step": [10.0, np.nan, 30.0, 50.0, 2.0, 4.0],
        }
    )
    found = analysis.paired_precision(runs)
    assert found["T"].tolist() == [5, 7]
    wide = found.iloc[1].to_dict()
    half = stats.t.ppf(0.975, 1) * 0.5
    assert wide == pytest.approx(
        {
            "T": 7, "pairs": 2, "float32": 1.0, "bfloat16": 0.5, "difference": -0.5,
            "low": -0.5 - half, "high": -0.5 + half,
            "median step float32": 20, "median step bfloat16": 50,
        }
    )  # fmt: skip
    assert list(found) == list(wide)


# Names of the grids -----------------------------------------------------------------------------


def test_the_factorial_names_its_three_factors():
    runs = pd.DataFrame(
        {
            "setting": ["001 000 001", "000 001 000", "000 001 000"],
            "T": [5, 9, 5],
            "seed": [1, 0, 2],
            "solved": True,
        }
    )
    found = analysis.with_cells(runs)
    assert found["T"].tolist() == [5, 5, 9]
    assert found["cell"].tolist() == ["000 001 000", "001 000 001", "000 001 000"]
    assert found["seed"].tolist() == [2, 1, 0]
    assert found["W_hh"].tolist() == ["000", "001", "000"]
    assert found["W_hx"].tolist() == ["001", "000", "001"]
    assert found["W_ph"].tolist() == ["000", "001", "000"]
    assert list(parts.factorial(5, range(1)))[1] == "000 000 001"


def test_factorial_effects_move_one_factor_from_report_to_report():
    rows = []
    for seed in range(3):
        for W_hh in ("000", "001"):
            for W_hx in ("000", "001"):
                for W_ph in ("000", "001"):
                    rows.append((5, seed, f"{W_hh} {W_hx} {W_ph}", W_hh == "001"))
                    rows.append((9, seed, f"{W_hh} {W_hx} {W_ph}", True))
    runs = pd.DataFrame(rows, columns=["T", "seed", "setting", "won"])
    found = analysis.factorial_effects(analysis.with_cells(runs), "won")
    assert found["factor"].tolist() == ["W_hh", "W_hx", "W_ph"]
    assert found["T"].tolist() == [5, 5, 5]  # at 9 every run won
    assert found["effect"].tolist() == [1, 0, 0]
    unseen = 1 - 0.025 ** (1 / 3)  # what three seeds that agree can hide
    assert found["low"].tolist() == pytest.approx([1 - unseen, -unseen, -unseen])
    assert found["high"].tolist() == pytest.approx([1, unseen, unseen])
    assert found["seeds"].tolist() == [3, 3, 3]


def test_radii_are_read_from_the_initialisations_name():
    runs = pd.DataFrame({"W_h": ["spectral:0.5", "spectral:3", "spectral:1.25"], "seed": [0, 1, 2]})
    found = analysis.with_radius(runs)
    assert found["radius"].tolist() == [0.5, 3, 1.25]
    assert found["seed"].tolist() == [0, 1, 2]
    assert "radius" not in runs
    swept = {run.W_h for run in parts.spectral_sweep(5, range(1))}
    radii = analysis.with_radius(pd.DataFrame({"W_h": sorted(swept)}))["radius"]
    assert radii.tolist() == list(parts.RADII)


def test_reading_sets_a_length_beside_the_longest_mastered():
    lengths = pd.DataFrame(
        {"key": ["a", "a", "b", "c"], "T": [5, 20, 8, 1], "held_out_accuracy": [1.0, 0.5, 0.75, 0]}
    )
    runs = pd.DataFrame({"key": ["a", "b"], "model": ["rnn", "lru"], "longest": [10, 4], "x": 0})
    found = analysis.reading(lengths, runs)
    assert found["key"].tolist() == ["a", "a", "b"]
    assert found["ratio"].tolist() == [0.5, 2, 2]
    assert found["model"].tolist() == ["rnn", "rnn", "lru"]
    assert "x" not in found


def test_a_code_stands_still_that_is_right_at_short_lengths_and_at_twice_the_longest():
    rows = [("still", 0.5, 0.95), ("still", 1.0, 0.2), ("still", 2.0, 0.9)]
    rows += [("turns", 0.4, 0.1), ("turns", 2.0, 1.0), ("short", 0.4, 1.0), ("short", 2.0, 0.89)]
    read = pd.DataFrame(rows, columns=["key", "ratio", "held_out_accuracy"])
    assert analysis.held_still(read).to_dict() == {"still": True, "turns": False, "short": False}


def test_other_tasks_are_told_setting_by_setting():
    table = pd.DataFrame(
        {
            "key": list("abc"),
            "parts": ["adding", "adding | copying", "adding"],
            "settings": ["RNN", "LRU | LRU, copied", "RNN"],
            "solved": [True, True, False],
            "solved_step": [10.0, 30.0, np.nan],
            "held_out_accuracy": [1.0, 0.5, 0.25],
        }
    )
    found = analysis.by_task(Archive(table, {}, {}), ("copying", "adding"))
    assert found.to_dict("records") == [
        {"task": "copying", "setting": "LRU, copied", "runs": 1, "solved": 1,
         "median step": 30.0, "held out": 0.5},
        {"task": "adding", "setting": "RNN", "runs": 2, "solved": 1,
         "median step": 10.0, "held out": 0.625},
        {"task": "adding", "setting": "LRU", "runs": 1, "solved": 1,
         "median step": 30.0, "held out": 0.5},
    ]  # fmt: skip
