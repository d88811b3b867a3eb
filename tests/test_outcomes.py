"""What became of runs, when they were solved, who was first, and both protocols as a table."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.palindromes import analysis, archive, outcomes, protocols, reported
from helpers.palindromes.experiment import PalindromeRun
from helpers.palindromes.parts import protocol_b
from helpers.recurrent.initialisation import initialise_

RUNS = pd.DataFrame(
    {
        "solved": [True, True, True, True, False],
        "final_accuracy": [1.0, 0.95, 0.95, 1.0, 0.1],
        "held_out_accuracy": [1.0, 0.995, 0.98, np.nan, 0.1],
    },
    index=[7, 5, 3, 1, 0],
)


def test_held_out_palindromes_say_whether_a_run_has_collapsed():
    found = outcomes.outcome(RUNS)
    assert found.tolist() == ["kept", "unsteady", "collapsed", "collapsed", "never solved"]
    assert found.index.tolist() == RUNS.index.tolist()
    assert outcomes.collapsed(RUNS).tolist() == [False, False, True, True, False]
    counts = outcomes.counted({"all": RUNS, "one": RUNS[:1]})
    assert list(counts) == list(outcomes.OUTCOMES)
    assert counts.loc["all"].tolist() == [1, 1, 2, 1]
    assert counts.loc["one"].tolist() == [1, 0, 0, 0]


def test_one_bad_batch_is_not_a_collapse():
    """Of the second protocol's solved LSTMs twelve end on bad batches, and ten know it all."""
    lstm = archive.read().part("protocol_b").query("model == 'lstm'")
    bad = lstm[lstm["solved"].astype(bool) & (lstm["final_accuracy"] < 0.99)]
    assert len(bad) == 12
    assert outcomes.collapsed(bad).sum() == 2
    assert (bad["held_out_accuracy"] >= 0.9975).sum() == 10


def test_falls_and_returns_are_followed_along_a_curve():
    def accuracy(*levels):
        return np.repeat(np.array(levels, np.float32), 10)  # boxes of ten steps

    curves = [accuracy(0.1, 1, 1, 0.5, 1, 0.5, 0.5), accuracy(0.1, 1, 1, 1, 1, 1, 1)]
    runs = pd.DataFrame(
        {
            "key": ["b", "a", "c"],
            "model": "rnn",
            "T": 5,
            "seed": [1, 0, 2],
            "solved": [True, True, False],
            "solved_step": [150.0, 150.0, np.nan],
            "steps": 700,
        }
    )

    class Study(archive.PalindromeArchive):
        def __init__(self):
            pass

        curves = {"p keys": np.array(["a", "b", "c"])}  # noqa: RUF012

        def part(self, name):
            return runs

        def curve(self, *_):
            return np.stack([*curves, accuracy(*[0.1] * 7)])

    found = outcomes.falls(Study(), "p").set_index("seed")
    assert found.loc[0, ["falls", "returns"]].tolist() == [2, 1]
    assert found.loc[1, ["falls", "returns"]].tolist() == [0, 0]
    assert 2 not in found.index
    (rates,) = outcomes.fall_rates(Study(), {"P": "p"}).to_dict("records")
    assert rates["protocol"] == "P"
    assert (rates["solved runs"], rates["fell"], rates["returned"]) == (2, 2, 1)
    assert rates["falls per 1000 steps"] == pytest.approx(1000 * 2 / (550 + 550))


# Times ------------------------------------------------------------------------------------------


def test_the_median_has_the_interval_of_its_order():
    median, low, high = outcomes.median_interval(range(10))
    assert (median, low, high) == (4.5, 1, 8)
    assert outcomes.median_interval([3, 1, 2, 5, 4]) == (3, 1, 5)
    assert outcomes.median_interval([7]) == (7, 7, 7)
    assert all(map(math.isnan, outcomes.median_interval([])))
    late = [100, 200, 300, math.inf, math.inf, math.inf]
    assert outcomes.median_interval(late) == (math.inf, 100, math.inf)
    assert outcomes.median_interval([math.inf] * 4) == (math.inf,) * 3
    twenty = outcomes.median_interval(range(1, 21))
    assert twenty == (10.5, 6, 15)  # coverage .959; the seventh would have .885


@pytest.mark.parametrize(("n", "j"), [(1, 1), (5, 1), (6, 1), (9, 2), (10, 3)])
def test_coverage_is_counted_over_all_ways_to_fall(n, j):
    enclosed = [j <= sum(side) <= n - j for side in itertools.product((0, 1), repeat=n)]
    assert outcomes.coverage(n, j) == pytest.approx(np.mean(enclosed))


PAIRS = pd.DataFrame(
    {
        "T": [5] * 6 + [9] * 2,
        "seed": [0, 0, 1, 1, 2, 2, 0, 0],
        "model": ["rnn", "lstm"] * 4,
        "solved": [True, True, True, True, False, True, True, False],
        "solved_step": [10.0, 20, 40, 30, np.nan, 50, 60, np.nan],
    }
)


def test_times_of_the_unsolved_are_later_than_any():
    assert outcomes.times(PAIRS).tolist() == [10, 20, 40, 30, math.inf, 50, 60, math.inf]
    table = outcomes.times_to_solve(PAIRS, ["T", "model"]).set_index(["T", "model"])
    row = table.loc[(5, "rnn")]
    assert row[["runs", "solved"]].tolist() == [3, 2]
    assert row[["median", "low", "high"]].tolist() == [25, 10, 40]
    assert row[["median of all", "low of all", "high of all"]].tolist() == [40, 10, math.inf]
    never = table.loc[(9, "lstm")]
    assert never["solved"] == 0
    assert math.isnan(never["median"])
    assert never["median of all"] == math.inf


def test_who_was_first_is_told_pair_by_pair():
    found = outcomes.who_was_first(PAIRS, "rnn", "lstm").to_dict("records")
    five = {"T": 5, "pairs": 3, "both solved": 2, "rnn": 1, "lstm": 1}
    nine = {"T": 9, "pairs": 1, "both solved": 0, "rnn": 0, "lstm": 0}
    assert found == [
        five | {"only rnn": 0, "only lstm": 1},
        nine | {"only rnn": 1, "only lstm": 0},
    ]


# What the reports say, and the protocols --------------------------------------------------------


def test_reported_means_are_solved_for_the_share_of_right_runs():
    said = pd.DataFrame({"accuracy": [1.0, 0.55, 0.1], "loss": [0.0, math.log(10) / 2, None]})
    found = analysis.implied_shares(said)
    assert found["share by accuracy"].tolist() == pytest.approx([1, 0.5, 0])
    assert found["share by loss"].tolist()[:2] == pytest.approx([1, 0.5])
    assert math.isnan(found["share by loss"][2])
    plateaus = analysis.implied_shares(reported.PROTOCOL_A).dropna()
    assert (abs(plateaus["share by accuracy"] - plateaus["share by loss"]) < 0.02).all()


def test_the_table_of_protocols_is_their_configurations():
    table = protocols.settings()
    assert list(table) == ["A, RNN", "A, LSTM", "B, RNN", "B, LSTM"]
    spelt_out = table.mask(table == protocols.DITTO).ffill(axis=1)
    rates = {run.model: f"{run.lr:g}, constant" for run in protocol_b()}
    assert spelt_out.loc["rate", ["B, RNN", "B, LSTM"]].tolist() == [rates["rnn"], rates["lstm"]]
    assert spelt_out.loc["steps", "B, LSTM"] == (
        "10,000 at T = 5, 10, 20; 5,000 at T = 40; 2,500 at T = 80, 160"
    )
    assert spelt_out.loc["optimizer"].unique().tolist() == ["RMSprop, α 0.99, ε 1e-08"]
    recurrent = spelt_out.loc["first weights, recurrent matrices"]
    assert recurrent["A, RNN"].endswith("= 0.125")
    assert recurrent["B, RNN"].startswith("uniform, ±0.316")


def test_a_setting_that_varies_within_a_column_is_refused():
    runs = [PalindromeRun("rnn", 5, 0, 10), PalindromeRun("rnn", 5, 1, 10, lr=0.1)]
    with pytest.raises(ValueError, match="lr differs between the runs of one column"):
        protocols._of_runs(runs)


def test_the_chosen_spread_is_that_of_the_weights():

    source = torch.Generator().manual_seed(0)
    for spec, said in (("uniform", 0.051), ("uniform:0.316228", 0.183), ("kaiming_out", 0.125)):
        W = initialise_(torch.empty(128, 128), spec, hidden_size=128, generator=source)
        assert f"{said:.3f}" in protocols.initial(spec, (128, 128), 128)
        assert W.std().item() == pytest.approx(said, rel=0.02)
    assert protocols.initial("orthogonal", (4, 4), 4) == "orthogonal"
