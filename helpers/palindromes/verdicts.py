"""The reports' sentences on the palindromes, each beside what the published runs say of it."""

from typing import NamedTuple

import pandas as pd

from helpers.palindromes import analysis, outcomes
from helpers.palindromes.archive import PalindromeArchive

#: What may be said of a sentence.
HOLDS, IN_PART, NOT_REPEATED = "holds", "in part", "not repeated"


class Verdict(NamedTuple):
    """One sentence of a report, a few words of it, and what became of it."""

    report: str
    sentence: str
    here: str
    verdict: str


def verdicts(study: PalindromeArchive) -> pd.DataFrame:
    """A row a sentence: "report", "sentence", "here", "verdict"; the verdict follows from the runs.

    A sentence of what can happen holds if it did in some run; one of what does happen holds if the
    runs leave no doubt of it, holds in part if they do for some lengths or some seeds.
    """
    return pd.DataFrame([*_first(study), *_second(study)])


def _first(study: PalindromeArchive) -> list[Verdict]:
    runs = study.part("protocol_a")
    rnn = _counts(runs, "rnn")
    sure = rnn.index[rnn["sum"] == rnn["size"]].max()
    beyond = rnn[rnn.index > 17]
    more = analysis.paired_effect(runs[runs["T"] > sure], "model", "rnn", "lstm")
    timed = runs.assign(needed=outcomes.steps_tried(runs))
    sooner = analysis.paired_effect(timed, "model", "rnn", "lstm", "needed")
    at_23, longer = study.part("length_23"), study.part("longer_a_21")
    lstm_23 = at_23[at_23["model"] == "lstm"]
    arrived = int(longer["solved"].sum())
    first_failing = rnn.index[rnn["sum"] < rnn["size"]].min()
    return [
        Verdict(
            "000",
            "the RNN reaches full accuracy only “for palindromes smaller than 10”",
            f"all {rnn['size'].max()} seeds up to {sure}; at {first_failing} "
            f"{_of(rnn.loc[first_failing])}",
            HOLDS if sure < 10 <= first_failing else IN_PART,
        ),
        Verdict(
            "000",
            "the RNN improves on randomness only “up to length 17”",
            f"{', '.join(f'{_of(row)} solved at {T}' for T, row in beyond.iterrows())}",
            HOLDS if not beyond["sum"].any() else IN_PART,
        ),
        Verdict(
            "000",
            "the LSTM learns “for longer sequences”",
            f"beyond {sure} digits {100 * more['effect']:+.0f} points more runs solved "
            f"({100 * more['low']:+.0f} to {100 * more['high']:+.0f})",
            HOLDS if more["low"] > 0 else IN_PART,
        ),
        Verdict(
            "000",
            "and “faster”",
            f"over all lengths {-sooner['effect']:.0f} steps fewer ({-sooner['high']:.0f} to "
            f"{-sooner['low']:.0f})",
            HOLDS if sooner["high"] < 0 else IN_PART,
        ),
        Verdict(
            "000",
            "at 23 digits no improvement over randomness “until almost 3000” steps",
            f"{int(lstm_23['solved'].sum())} of {len(lstm_23)} LSTMs solved, "
            f"{lstm_23['held_out_accuracy'].max():.2f} right at most",
            HOLDS if lstm_23["held_out_accuracy"].max() < 0.15 else IN_PART,
        ),
        Verdict(
            "000",
            "run for long enough, the LSTM learns all lengths",
            f"{arrived} of {len(longer)} at {longer['T'].max()} digits in "
            f"{longer['steps'].max():,} steps",
            HOLDS if arrived == len(longer) else IN_PART,
        ),
    ]


def _second(study: PalindromeArchive) -> list[Verdict]:
    runs = study.part("protocol_b")
    rnn = runs[runs["model"] == "rnn"]
    both = pd.concat([runs, study.parts("longer_b_")])
    best = both[both["model"] == "rnn"].groupby("T")["held_out_accuracy"].max()
    at_40, at_80 = rnn[rnn["T"] == 40], rnn[rnn["T"] == 80]
    at_160 = both[(both["model"] == "lstm") & (both["T"] == 160)].groupby("steps")["solved"]
    told = [f"{s.sum()} of {len(s)} seeds in {steps:,} steps" for steps, s in at_160]
    at_20 = study.by_setting("factorial_20")["001 001 001"]
    was, lost = int(at_20["solved"].sum()), int(outcomes.collapsed(at_20).sum())
    return [
        Verdict(
            "001",
            "the RNN's performance “for lengths until 40 […] is quite good”",
            f"at 40 digits {int(at_40['solved'].sum())} of {len(at_40)} seeds solved; at 20, "
            f"{was} of {len(at_20)}",
            HOLDS if at_40["solved"].all() else NOT_REPEATED,
        ),
        Verdict(
            "001",
            "at 80 and 160 digits it “can not pass 0.4 and 0.2”",
            f"held out {best[80]:.2f} and {best[160]:.2f} at most",
            # Read off a figure, to two digits.
            HOLDS if best[80] < 0.405 and best[160] < 0.205 else IN_PART,
        ),
        Verdict(
            "001",
            "a run at 20 digits that loses what it knew (figure 2)",
            f"{lost} of {was} that were solved have lost it in the end",
            HOLDS if lost else NOT_REPEATED,
        ),
        Verdict(
            "001",
            "the LSTM “can achieve perfect accuracy even with a sequence of 160”",
            "; ".join(told),
            HOLDS if at_160.sum().any() else NOT_REPEATED,
        ),
        Verdict(
            "001",
            "the reason: gradients that decay",
            f"before training, at 80 digits, they grow: ten to the power of "
            f"{at_80['log10_gradient_ratio'].median():.1f} from last to first",
            IN_PART if at_80["log10_gradient_ratio"].median() < 0 else NOT_REPEATED,
        ),
    ]


def _counts(runs: pd.DataFrame, model: str) -> pd.DataFrame:
    """Solved runs ("sum") and runs ("size") of a network at each length."""
    return runs[runs["model"] == model].groupby("T")["solved"].agg(["sum", "size"]).astype(int)


def _of(row: pd.Series) -> str:
    return f"{row['sum']} of {row['size']}"
