"""Readers play on copies: nothing of theirs is lost, nothing of the repository changes."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from helpers import lab, paths


@pytest.fixture
def folders(tmp_path):
    source, target = tmp_path / "notebooks", tmp_path / "lab"
    for name in ("01_a.ipynb", "02_b.ipynb", "exercises/01_a.ipynb", "solutions/01_a.ipynb"):
        file = source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"original {name}")
    return source, target


def held(target) -> dict:
    files = (f for f in target.rglob("*.ipynb"))
    return {f.relative_to(target).as_posix(): f.read_text() for f in files}


def test_copies_follow_the_originals_until_their_reader_changes_them(folders):
    source, target = folders
    assert lab.copy_notebooks(source, target) == []
    assert set(held(target)) == {"01_a.ipynb", "02_b.ipynb", "exercises/01_a.ipynb"}

    (target / "01_a.ipynb").write_text("mine")
    (source / "02_b.ipynb").write_text("second edition")
    assert lab.copy_notebooks(source, target) == []
    assert held(target)["01_a.ipynb"] == "mine"
    assert held(target)["02_b.ipynb"] == "second edition"

    (source / "01_a.ipynb").write_text("second edition")
    (told,) = lab.copy_notebooks(source, target)
    assert "01_a.ipynb has your changes" in told
    assert held(target)["01_a.ipynb"] == "mine"
    assert held(target)["01_a_new.ipynb"] == "second edition"
    assert lab.copy_notebooks(source, target) == []  # told once

    (target / "02_b.ipynb").unlink()
    lab.copy_notebooks(source, target)
    assert held(target)["02_b.ipynb"] == "second edition"


def test_what_was_put_beside_a_copy_is_not_written_over_either(folders):
    source, target = folders

    def release(text):
        (source / "01_a.ipynb").write_text(text)
        return lab.copy_notebooks(source, target)

    lab.copy_notebooks(source, target)
    (target / "01_a.ipynb").write_text("mine")
    release("second edition")
    release("third edition")  # nobody has worked in the second
    assert held(target)["01_a_new.ipynb"] == "third edition"
    (target / "01_a_new.ipynb").write_text("mine as well")
    (told,) = release("fourth edition")
    assert told.endswith("its new version is 01_a_new2.ipynb")
    (target / "01_a_new3.ipynb").write_text("a reader's own name")
    (target / "01_a_new2.ipynb").write_text("and here")
    (told,) = release("fifth edition")
    assert told.endswith("its new version is 01_a_new4.ipynb")
    assert lab.copy_notebooks(source, target) == []
    found = [held(target)[f"01_a{end}.ipynb"] for end in ("", "_new", "_new2", "_new3", "_new4")]
    assert found == ["mine", "mine as well", "and here", "a reader's own name", "fifth edition"]


def test_what_an_older_record_does_not_know_counts_as_a_readers_work(folders):
    source, target = folders
    lab.copy_notebooks(source, target)
    for file in ("01_a.ipynb", "01_a_new.ipynb"):
        (target / file).write_text("mine")
    (source / "01_a.ipynb").write_text("second edition")
    (told,) = lab.copy_notebooks(source, target)
    assert "01_a_new2.ipynb" in told
    assert held(target)["01_a_new.ipynb"] == "mine"


def test_the_lab_is_started_on_the_copies(monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append(command))
    monkeypatch.setattr(lab, "copy_notebooks", lambda: [])
    lab.main(["--no-browser"])
    (command,) = started
    assert command[-2:] == [f"--notebook-dir={lab.FOLDER}", "--no-browser"]


def test_on_windows_the_lab_is_waited_for(monkeypatch):
    """There ``os.execv`` quotes no path with a space, and returns to the prompt at once."""
    started, ignored = [], []
    monkeypatch.setattr(lab, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(lab, "copy_notebooks", lambda: [])
    monkeypatch.setattr(signal, "signal", lambda *what: ignored.append(what))

    def run(command):
        started.append(command)
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(subprocess, "run", run)
    assert lab.main(["--no-browser"]) == 3
    (command,) = started
    assert command[-2:] == [f"--notebook-dir={lab.FOLDER}", "--no-browser"]
    assert ignored == [(signal.SIGINT, signal.SIG_IGN)]


LOST = """
import os
from helpers import lab
lab.copy_notebooks = lambda: ["a sentence"]
os.execv = lambda *_: os._exit(0)  # as execv, it writes nothing of what waits
lab.main([])
"""


def test_what_is_told_is_not_lost_in_a_pipe():
    whole = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", LOST], stdout=subprocess.PIPE, text=True, cwd=paths.ROOT, env=whole
    )
    assert done.stdout == "a sentence\n"
