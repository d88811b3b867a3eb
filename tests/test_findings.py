"""README's findings are those of the published runs; what cites the version agrees on it."""

import re

import pytest
import yaml

from helpers import __version__, archive, findings
from helpers.combined import archive as comparisons
from helpers.optimizers import race
from helpers.palindromes import archive as study
from helpers.paths import ROOT


@pytest.fixture(scope="module")
def headlines():
    return findings.headlines()


def test_readme_says_what_the_runs_say(headlines):
    text = findings.README.read_text(encoding="utf-8")
    found = findings.as_list(headlines)
    assert findings.inserted(text, found) == text, "run python -m helpers.findings"


def test_six_findings_with_numbers_and_a_link_each(headlines):
    assert len(headlines) == 6
    assert [h.notebook for h in headlines] == sorted(h.notebook for h in headlines)
    for line in findings.as_list(headlines).splitlines():
        target = re.search(r"\[\d\d\]\((notebooks/\d\d_\w+\.ipynb)\)$", line)
        assert (ROOT / target[1]).is_file()
        assert len(re.findall(r"\d+", line[: target.start()])) >= 3


def test_the_words_in_front_of_the_numbers_are_true():
    """What a bold half-sentence claims, asked of the runs once more and in another way."""
    raced = archive.read("optimizer_race").table.query("part == 'race'")
    solved = raced.groupby("optimizer")["steps_to_99"].count()
    adaptive = {"AdaGrad", "RMSprop", "Adam", "AdamW"}
    assert solved[list(adaptive)].min() > solved[list(set(solved.index) - adaptive)].max()

    gates = archive.read("gate_removal").part("removed")
    gates = gates[gates["T"] == 40].groupby("setting")["solved"].sum()
    assert gates["no output gate, o = 1"] >= gates["whole"] > gates["no input gate, i = 1"]

    grown = study.read().by_setting("growing")
    assert grown["LSTM, best setting"]["longest"].min() == 640
    at_20 = study.read().part("factorial_20")
    assert grown["RNN, report 000"]["longest"].max() > at_20["T"].max()

    runs = comparisons.read().part("structure").query("T == 20")
    best = runs.groupby(["structure", "model"])["accuracy"].mean().groupby("structure").max()
    assert best["mirror"] > 0.99 > 0.2 > best["chain"]
    assert race.summary(raced, 10).index.tolist() == list(dict.fromkeys(raced["optimizer"]))


def test_only_what_stands_between_the_marks_is_replaced():
    text = f"before\n{findings.BEGIN}\nold\n{findings.END}\nafter\n"
    new = findings.inserted(text, r"- \1 and {braces}")
    assert new == f"before\n{findings.BEGIN}\n- \\1 and {{braces}}\n{findings.END}\nafter\n"
    for bad in ("nothing", f"{findings.END}\n{findings.BEGIN}\n", text + text):
        with pytest.raises(ValueError, match=r"README\.md needs the lines"):
            findings.inserted(bad, "x")


def test_percent():
    assert findings.percent(0.905) == "90 %"  # 90.5 is rounded to the even one
    assert findings.percent(1) == "100 %"


def test_main_writes_readme_and_a_second_time_changes_nothing(tmp_path, monkeypatch, headlines):
    monkeypatch.setattr(findings, "headlines", lambda: headlines)
    copy = tmp_path / "README.md"
    copy.write_text(f"a\n{findings.BEGIN}\n{findings.END}\n", encoding="utf-8")
    monkeypatch.setattr(findings, "README", copy)
    assert findings.main() == 0
    first = copy.read_bytes()
    assert findings.main() == 0
    assert copy.read_bytes() == first
    assert first.count(b"\n- ") == 6


def test_one_version_everywhere():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == __version__
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Version {__version__}, {str(cited['date-released'])[:4]}" in readme
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", changes, re.M)[0] == __version__
    wanted = {"cff-version", "message", "title", "authors"}  # what the format asks for
    assert wanted <= cited.keys()
    assert cited["title"].replace("\n", " ") in re.sub(r"[*>\n ]+", " ", readme)
