"""Readers play on copies: nothing of theirs is lost, nothing of the repository changes."""

import os

import pytest

from helpers import lab


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


def test_the_lab_is_started_on_the_copies(monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append(command))
    monkeypatch.setattr(lab, "copy_notebooks", lambda: [])
    lab.main(["--no-browser"])
    (command,) = started
    assert command[-2:] == [f"--notebook-dir={lab.FOLDER}", "--no-browser"]
