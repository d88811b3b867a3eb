"""What notebook 00 and the README say of the series: contents, map, machine, reports, commands."""

import importlib.util
import re
import shlex
from importlib.metadata import version
from types import SimpleNamespace

import nbformat
import pytest
import torch

from helpers import contents, contents_plots, machine, reports, run
from helpers.paths import NOTEBOOKS, ROOT
from helpers.recurrent.memory_widgets import remembered

README = (ROOT / "README.md").read_text(encoding="utf-8")


def notebook(folder, name, text):
    cell = nbformat.v4.new_markdown_cell(text)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / f"{name}.ipynb")


@pytest.fixture
def small_series(tmp_path):
    notebook(tmp_path, "00_a", "# 00 · A\n\n**Why?**\n\nNext: [01](01_b.ipynb).")
    notebook(tmp_path, "01_b", "# 01 · B\n\n**How\nso?**\n\nBefore: sums. See [02](02_c.ipynb).")
    notebook(
        tmp_path, "02_c", "# 02 · C\n\n**C?**\n\nBefore: [01](01_b.ipynb) for b, [00](00_a.ipynb)."
    )
    notebook(tmp_path, "03_d", "# 03 · D\n\n**D?**\n\nBefore: [01](01_b.ipynb)")
    return tmp_path


def test_chapters_are_read_from_the_first_cells(small_series):
    series = contents.chapters(small_series)
    assert [c.title for c in series] == ["A", "B", "C", "D"]
    assert series[1].question == "How so?"
    assert [c.before for c in series] == [(), ("00",), ("01", "00"), ("01",)]
    assert contents.levels(series) == {"00": 0, "01": 1, "02": 2, "03": 2}


def test_a_first_cell_without_a_question_gets_a_sentence(tmp_path):
    notebook(tmp_path, "00_a", "# 00 · A\n\nNo question.")
    with pytest.raises(ValueError, match=r"00_a.ipynb: .*question mark"):
        contents.chapters(tmp_path)


def test_what_comes_later_cannot_be_built_on(tmp_path):
    notebook(tmp_path, "00_a", "# 00 · A\n\n**Why?**\n\nBefore: [01](01_b.ipynb).")
    notebook(tmp_path, "01_b", "# 01 · B\n\n**How?**")
    with pytest.raises(ValueError, match="come no earlier"):
        contents.levels(contents.chapters(tmp_path))


def test_the_map_leaves_out_what_follows_and_crosses_no_box(small_series):
    series = contents.chapters(small_series)
    assert contents_plots.arrows(series) == [("00", "01"), ("01", "02"), ("01", "03")]
    at = contents_plots.places(series)
    assert [level for _, level in at.values()] == [0, 1, 2, 2]
    assert len(set(at.values())) == len(at)
    whole = contents.chapters()
    at = contents_plots.places(whole)
    assert all(contents_plots._cost(at, *arrow) < 10 for arrow in contents_plots.arrows(whole))
    texts = " ".join(t.get_text() for t in contents_plots.series_map(whole).axes[0].texts)
    assert all(c.question in " ".join(texts.split()) for c in whole)


def test_the_readme_lists_the_notebooks_with_their_questions():
    rows = dict(re.findall(r"^\| \[\d\d · .+?\]\(notebooks/(\S+)\) \| (.+?) \|$", README, re.M))
    wanted = {c.file: c.question for c in contents.chapters()}
    assert rows == wanted, "README.md, The notebooks: a row with the question of each notebook"
    words = {8: "Eight", 9: "Nine", 10: "Ten", 11: "Eleven", 12: "Twelve"}
    assert f"{words[len(rows)]} Jupyter notebooks" in README, "README.md: their count, in words"


def test_the_smallest_memory_is_a_power_of_its_weight():
    powers = 0.9 ** torch.arange(19, -1, -1, dtype=torch.float64)
    torch.testing.assert_close(remembered(0.9, 20), powers)


# The machine


@pytest.mark.parametrize(
    ("version", "status"), [((3, 11, 0), "ready"), ((3, 10, 9), "not ready"), ((4, 0, 0), "ready")]
)
def test_the_version_of_python(monkeypatch, version, status):
    monkeypatch.setattr(machine.sys, "version_info", version)
    row = machine.python(">=3.11")
    assert (row.status, row.found) == (status, ".".join(map(str, version)))
    assert "make run PYTHON" in row.advice


def test_packages_that_lack_are_named(monkeypatch):
    assert machine.packages(["torch>=2", "numpy"]).status == "ready"
    row = machine.packages(["torch>=99", "numpy", "no-such-package>=1"])
    assert row.status == "not ready"
    # The package's version: torch's own has the build behind it, 2.13.0+cu130.
    assert f"torch >=99 asked, {version('torch')} found" in row.advice
    assert "no-such-package >=1 asked, nothing found" in row.advice
    assert "numpy" not in row.advice
    monkeypatch.setattr(machine, "version", lambda name: "2.14.0a1")
    assert machine.packages(["torch>=2.13"]).status == "ready"


def test_a_clone_without_published_runs(monkeypatch, tmp_path):
    assert machine.published().status == "ready"
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(machine.paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(machine.paths, "CHECKPOINTS", tmp_path / "checkpoints")
    row = machine.published()
    assert (row.status, row.found) == ("not ready", "data/results, data/checkpoints empty")


@pytest.mark.parametrize(("free", "status"), [(2.4, "not ready"), (2.5, "ready"), (64, "ready")])
def test_free_memory(monkeypatch, free, status):
    seen = SimpleNamespace(available=int(free * 2**30))
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: seen)
    assert machine.memory().status == status


def test_cores_are_those_of_this_process_or_all(monkeypatch):
    monkeypatch.setattr(machine.runtime.os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert machine.cores().found == "1 core"
    monkeypatch.delattr(machine.runtime.os, "sched_getaffinity")
    monkeypatch.setattr(machine.runtime.os, "cpu_count", lambda: 12)
    assert machine.cores().found == "12 cores"


def test_a_gpu_is_tried_out(monkeypatch):
    monkeypatch.setattr(machine.torch.cuda, "is_available", lambda: False)
    assert machine.gpu().found == "none"
    monkeypatch.setattr(machine.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(machine.torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.setattr(machine.torch, "ones", lambda *_, device: torch.eye(2))
    assert machine.gpu().found == "a card"

    def broken(*_, device):
        raise RuntimeError("no kernel image\nmore")

    monkeypatch.setattr(machine.torch, "ones", broken)
    assert machine.gpu().found == "one that does not compute: no kernel image"


@pytest.mark.parametrize(("somebody", "found"), [(True, "a person"), (False, "nobody looks")])
def test_who_started_the_kernel(monkeypatch, somebody, found):
    monkeypatch.setattr(machine.audience, "interactive", lambda: somebody)
    assert found in machine.sliders().found


def test_the_published_table_is_the_same_on_every_ready_machine(monkeypatch):
    """What is optional may be there or not: without the column of what was found none can tell."""
    bare = machine.checks()
    monkeypatch.setattr(machine.audience, "interactive", lambda: True)
    monkeypatch.setattr(machine.runtime, "bf16_available", lambda: False)
    monkeypatch.setattr(machine.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(machine.runtime.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(machine.runtime.os, "sched_getaffinity", lambda _: {0}, raising=False)
    other = machine.checks()
    assert [row.found for row in bare] != [row.found for row in other]
    assert machine.as_table(bare, found=False).equals(machine.as_table(other, found=False))
    assert "found here" in machine.as_table(other, found=True)


def test_advice_is_shown_where_something_is_to_be_done():
    rows = [machine.Check("a", "ready", "1", "x"), machine.Check("b", "not ready", "2", "mend it")]
    assert machine.as_table(rows, found=False)["what to do"].tolist() == ["", "mend it"]
    assert machine.not_ready(rows) == ["b"]


def test_the_browser_is_asked_where_somebody_looks(monkeypatch):
    shown = []
    monkeypatch.setattr(machine, "display", shown.append)
    monkeypatch.setattr(machine.audience, "interactive", lambda: False)
    machine.ask_browser()
    assert shown == []
    monkeypatch.setattr(machine.audience, "interactive", lambda: True)
    machine.ask_browser()
    line, sent, answer = shown[0].children
    assert "no answer" in line.value
    answer.value = sent.value  # what a living browser does
    assert "ready" in line.value


# The reports


def test_the_tables_of_reports_are_whole():
    numbers = [report.number for report in reports.REPORTS]
    assert numbers == ["000", "001", "002", "003", "004"]
    assert all(all(report) for report in reports.REPORTS)
    series = {c.number for c in contents.chapters()}
    table = reports.who_reports_what()
    assert set(table["notebook"]) <= series
    assert all(set(row) - {"notebook"} <= set(numbers) for row in reports.COVERED.values())
    # Each report has something, and nothing stands under a draft that its final form lacks.
    assert (table[numbers] != "–").any().all()
    assert not ((table["003"] != "–") & (table["000"] == "–")).any()


# The commands


def commands() -> list[str]:
    """The lines of code blocks and the inline commands of notebook 00 and the README."""
    cells = nbformat.read(NOTEBOOKS / "00_start_here.ipynb", as_version=4).cells
    text = "\n".join([README, *(c.source for c in cells if c.cell_type == "markdown")])
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.S | re.M)
    lines = "\n".join(block for language, block in blocks if not language).splitlines()
    return [*lines, *re.findall(r"`(make \w+|python -m helpers[^`]*)`", text)]


def test_commands_that_are_shown_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    seen = set()
    for line in commands():
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            assert words[1] in targets, line
        elif words[:2] == ["python", "-m"] and words[2] != "helpers.run":
            assert importlib.util.find_spec(words[2]), line
        elif words[:3] == ["python", "-m", "helpers.run"]:
            options = run._parser().parse_args(words[3:])
            notebooks = run.select(options.only)
            known = {n: run.declared_parameters(n) for n in notebooks}
            run.check_parameters(run.parse_parameters(options.parameters), known)
        elif words[:1] == ["papermill"]:
            known = run.declared_parameters(ROOT / words[1])
            named = [words[k + 1] for k, word in enumerate(words) if word == "-p"]
            named += [words[k + 1].split(":")[0] for k, w in enumerate(words) if w == "-y"]
            assert named
            assert set(named) <= set(known), line
        else:
            continue
        seen.add(words[0])
    assert seen == {"make", "python", "papermill"}
