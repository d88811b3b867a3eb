"""What is said of the reports' sentences follows from the runs."""

import pandas as pd
import pytest

from helpers.palindromes import archive, verdicts


@pytest.fixture(scope="module")
def study():
    return archive.read()


def said(study) -> dict[str, str]:
    return verdicts.verdicts(study).set_index("sentence")["verdict"].to_dict()


def test_every_sentence_gets_a_verdict_and_a_number(study):
    table = verdicts.verdicts(study)
    assert set(table["verdict"]) <= {verdicts.HOLDS, verdicts.IN_PART, verdicts.NOT_REPEATED}
    assert table["here"].str.contains(r"\d").all()
    assert set(table["report"]) == {"000", "001"}


class Changed:
    """The published study with some runs as if they had gone otherwise."""

    def __init__(self, study, change):
        self.study, self.change = study, change

    def __getattr__(self, name):
        return getattr(self.study, name)

    def part(self, name) -> pd.DataFrame:
        return self.change(name, self.study.part(name).copy())


@pytest.mark.parametrize(
    ("sentence", "part", "model", "T", "solved", "verdict"),
    [
        ("the RNN improves on randomness only", "protocol_a", "rnn", (19, 21), 0, verdicts.HOLDS),
        ("the RNN reaches full accuracy", "protocol_a", "rnn", (9,), 0, verdicts.IN_PART),
        ("run for long enough", "longer_a_21", "lstm", (21,), 1, verdicts.HOLDS),
        ("the RNN's performance", "protocol_b", "rnn", (40,), 1, verdicts.HOLDS),
    ],
)
def test_other_runs_would_get_another_verdict(study, sentence, part, model, T, solved, verdict):
    def change(name, runs):
        if name == part:
            meant = (runs["model"] == model) & runs["T"].isin(T)
            runs["solved"] = runs["solved"].astype(bool).where(~meant, bool(solved))
        return runs

    (now,) = [v for s, v in said(study).items() if s.startswith(sentence)]
    (then,) = [v for s, v in said(Changed(study, change)).items() if s.startswith(sentence)]
    assert then == verdict != now
