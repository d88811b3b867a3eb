"""Checks, runtime, live explorers, notebook helpers, figures, published runs, timing."""

import math
import re
import time

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import psutil
import pytest
import torch

from helpers import archive, checks, figures, notebook, paths, runtime, store, timing
from helpers.live import live


@pytest.fixture
def shown(monkeypatch):
    """What would be displayed."""
    collected = []
    for module in (notebook, figures):
        monkeypatch.setattr("IPython.display.display", lambda *a, **k: collected.extend(a))
        if hasattr(module, "display"):
            monkeypatch.setattr(module, "display", lambda *a, **k: collected.extend(a))
    return collected


@pytest.mark.parametrize("value", [True, 1.5, "1", None, math.nan])
def test_integers_are_whole_numbers(value):
    with pytest.raises(ValueError, match="steps must be a whole number, got"):
        checks.integer("steps", value)


def test_checks_return_clean_values():
    assert checks.integer("k", np.int64(3), minimum=3, maximum=3) == 3
    assert type(checks.integer("k", np.int64(3))) is int
    assert checks.number("x", 2) == 2.0
    assert checks.integers("lengths", (1, np.int32(2))) == [1, 2]
    assert checks.choice("mode", "a", ("a", "b")) == "a"
    for bad, message in (
        ([], "at least one"),
        ("12", "must be a list"),
        ([1, "a"], r"\[1\]"),
        (5, "list"),
    ):
        with pytest.raises(ValueError, match=message):
            checks.integers("lengths", bad)
    for bad in (math.inf, math.nan, "x", None, False):
        with pytest.raises(ValueError, match="x must be a finite number"):
            checks.number("x", bad)
    with pytest.raises(ValueError, match="x must be at most 1"):
        checks.number("x", 2, maximum=1)
    with pytest.raises(ValueError, match="mode must be one of 'a', 'b'; got 'c'"):
        checks.choice("mode", "c", ("a", "b"))


def test_generators_are_named():
    first = torch.rand(3, generator=runtime.generator(1, "data"))
    assert torch.equal(first, torch.rand(3, generator=runtime.generator(1, "data")))
    assert not torch.equal(first, torch.rand(3, generator=runtime.generator(1, "weights")))
    assert not torch.equal(first, torch.rand(3, generator=runtime.generator(2, "data")))


def test_device():
    assert runtime.device("cpu").type == "cpu"
    assert runtime.device().type in ("cpu", "cuda")
    for name in ("gpu", "cuda:99", ""):
        with pytest.raises(ValueError, match="device must be"):
            runtime.device(name)


def test_live_calls_the_drawing_at_its_static_settings(monkeypatch):
    monkeypatch.setenv("HELPERS_INTERACTIVE", "0")
    calls = []
    controls = {"a": widgets.IntSlider(3), "b": widgets.Text("x")}
    live(lambda **k: calls.append(k), static=[{"a": 1}, {"b": "y"}], **controls)
    assert calls == [{"a": 1, "b": "x"}, {"a": 3, "b": "y"}]
    live(lambda **k: calls.append(k), a=widgets.IntSlider(7))
    assert calls[-1] == {"a": 7}

    def broken(a):
        raise RuntimeError("in the drawing")

    with pytest.raises(RuntimeError, match="in the drawing"):
        live(broken, a=widgets.IntSlider(0))


def test_start_checks_profile_and_seed():
    notebook.start(profile="quick", seed=3)
    first = torch.rand(1)
    notebook.start(profile="full", seed=3)
    assert torch.equal(first, torch.rand(1))
    for profile, seed in (("fast", 0), ("quick", -1), ("quick", "a"), (None, 0)):
        with pytest.raises(ValueError, match="must be"):
            notebook.start(profile=profile, seed=seed)


def test_thoughts_fold_their_answer(monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", shown.append)
    notebook.think("What if *r* = 2?", f"It grows {2**3} times.")
    text = shown[0].data
    question, answer = text.split("<summary>Answer</summary>")
    assert "What if *r* = 2?" in question
    assert "8 times" not in question
    assert answer == "\n\nIt grows 8 times.\n\n</details>"


def documented(x):
    """The summary.

    Args:
        x: anything.
    """
    # a comment
    return x


def test_shown_source_is_the_source_less_the_long_docstring(shown):
    notebook.show_source(documented, checks.integer)
    text = shown[0].data
    assert '"""The summary."""' in text
    assert "Args" not in text
    assert "    # a comment\n    return x" in text
    code = re.search(r"```python\n(.*)```", text, re.S).group(1)
    namespace = {}
    exec(code, namespace)
    assert namespace["documented"](5) == 5


def test_tables_round_and_hide_a_plain_index(shown):
    notebook.table(pd.DataFrame({"a": [0.123456, math.nan], "b": ["x", 3]}), digits=2)
    text = shown[0]["text/plain"]
    assert "0.12" in text
    assert "–" in text
    assert not text.splitlines()[1].startswith("0 ")


def test_traps_are_a_markdown_table(shown):
    notebook.traps([notebook.Trap("|x| = 1", "001", "2", "3")])
    assert shown[0].data.splitlines()[-1] == r"| \|x\| = 1 | 001 | 2 | 3 |"


def test_figures_are_shown_once_saved_twice_and_identical(shown, tmp_path, monkeypatch):
    contents, open_before = [], plt.get_fignums()
    for folder in ("a", "b"):
        monkeypatch.setenv("HELPERS_FIGURES", str(tmp_path / folder))
        fig, ax = plt.subplots()
        ax.plot([1, 2])
        figures.show(fig, "line")
        contents.append([(tmp_path / folder / f"line.{s}").read_bytes() for s in ("svg", "png")])
    assert contents[0] == contents[1]
    assert len(shown) == 2
    assert plt.get_fignums() == open_before
    monkeypatch.delenv("HELPERS_FIGURES")
    assert paths.figures_folder().is_relative_to(paths.EXECUTED)


def test_published_runs_round_trip_and_keep_their_date(tmp_path, monkeypatch):
    table = pd.DataFrame({"T": [1, 2], "share": [0.5, None]})
    archive.write("runs", table, {"loss": np.arange(3.0)}, tmp_path, seeds=2)
    back = archive.read("runs", tmp_path)
    pd.testing.assert_frame_equal(back.table, table)
    assert back.curves["loss"].tolist() == [0, 1, 2]
    assert back.credit().startswith(f"2 runs, {archive.made_now()['made']}, torch ")
    before = (tmp_path / "runs.json").read_bytes()

    monkeypatch.setattr(archive, "made_now", lambda: {**store.made_now(), "made": "2100-01-01"})
    archive.write("runs", table, {"loss": np.arange(3.0)}, tmp_path, seeds=2)
    assert (tmp_path / "runs.json").read_bytes() == before
    with pytest.raises(ValueError, match="there are no published runs 'other'"):
        archive.read("other", tmp_path)


def test_timing_table():
    rows = [timing.Row("a", 0.5, 1.0, aim="2"), timing.Row("b", 3, unit="chars/s")]
    lines = timing.as_table(rows).splitlines()
    assert "2.00" in lines[2]
    assert "3 chars/s" in lines[3]
    assert "2.00 times as fast" in rows[0].as_line()
    assert rows[1].as_line() == "b: 3 chars/s"
    fast, slow = timing.side_by_side(lambda: None, lambda: sum(range(100_000)), repeats=3)
    assert fast < slow


def test_progress_needs_no_notebook(capsys):
    with runtime.progress(total=3, desc="counting", unit="steps") as bar:
        for _ in range(3):
            bar.update()
    assert "counting" in capsys.readouterr().err


def test_denormals_are_flushed():
    runtime.prepare_worker(threads=torch.get_num_threads())
    tiny = torch.full((8,), 1e-30)
    assert (tiny * 1e-12 == 0).all()


def test_busy_loops_end_with_the_block_and_are_bounded(monkeypatch):
    monkeypatch.setattr(timing, "cores", lambda: 3)  # those that the process may use

    def loops():
        return [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]

    before = len(loops())
    with timing.every_core_busy(at_most_s=60):
        assert len(loops()) == before + 3
    assert len(loops()) == before
    with timing.every_core_busy(at_most_s=0.0):
        deadline = time.monotonic() + 20
        while len(loops()) > before:  # they end by themselves
            assert time.monotonic() < deadline
            time.sleep(0.05)
