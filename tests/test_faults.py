"""Faults are told, by name, and nothing is lost: a few tries of each attack of ``make faults``."""

import contextlib
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest

from helpers import files, paths, run
from helpers.files import atomic_write
from helpers.notebook import _text_from_the_left
from helpers.processes import end_tree
from helpers.store import RunStore
from helpers.study import grid, run_study
from tests import faults
from tests.faults_processes import runner
from tests.faults_writers import WRITERS
from tests.study_experiments import Config, experiment

QUICK = {
    "a damaged run file in a store": 40,
    "a damaged snapshot of a training": 60,
    "a damaged checkpoint": 40,
    "damaged or missing published runs": 30,
    **{f"killed while writing {kind}": 12 for kind in WRITERS},
    "a full disk": 28,
    "a full disk under a study": 3,
    "a full disk under the runner": 1,
    "a folder in the place of a file": 30,
    "the runner, told to end at any moment": 2,
    "a study whose main process is killed": 1,
    "a cluster that is sick or loses a part": 1,
    "an edge list in any encoding": 100,
    "a parameter that no notebook can have": 60,
    "a damaged notebook among others": 1,
    "a setting out of range": 100,
}


@pytest.mark.parametrize("name", QUICK)
def test_nothing_is_silent_or_without_a_name(name, tmp_path):
    attack, _ = faults.ATTACKS[name]
    found = attack(random.Random(7), QUICK[name], tmp_path)
    assert not found.bad
    assert found.told + found.harmless == QUICK[name]


# Files ----------------------------------------------------------------------------------------


def test_a_durable_file_reaches_the_disk_before_its_name_does(tmp_path, monkeypatch):
    calls = []

    def noted(name, real):
        def call(*arguments):
            calls.append(name)
            return real(*arguments)

        return call

    monkeypatch.setattr(files.os, "fsync", noted("fsync", os.fsync))
    monkeypatch.setattr(files.os, "replace", noted("replace", os.replace))
    with atomic_write(tmp_path / "file", durable=True) as file:
        file.write(b"content")
    assert calls == ["fsync", "replace", "fsync"]  # the file, its name, the folder
    calls.clear()
    RunStore(tmp_path / "store", 1).save(Config(1), {}, {})
    assert calls == ["fsync", "replace", "fsync"]


def test_a_folder_in_the_place_of_a_file_is_named_and_nothing_is_left(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError, match="a folder lies where the file file goes"):  # noqa: SIM117
        with atomic_write(tmp_path / "file") as file:
            file.write(b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


FULL = """
import resource, signal, sys
from pathlib import Path
from helpers.files import atomic_write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for size in (900, 1001, 5000, 100_000):
    try:
        with atomic_write(Path(sys.argv[1]) / "file") as file:
            file.write(b"x" * size)
    except OSError as error:
        print(size, error)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs limits of POSIX")
def test_a_disk_that_takes_no_more_tells_so_and_keeps_the_old_file(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, cwd=paths.ROOT
    )
    told = done.stdout.splitlines()
    assert [line.split()[0] for line in told] == ["1001", "5000", "100000"], done.stderr
    assert all("File too large" in line for line in told)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").stat().st_size == 900


# Studies --------------------------------------------------------------------------------------


def test_a_study_goes_on_past_damaged_files(tmp_path):
    store = RunStore(tmp_path, 1)
    configs = [Config(value) for value in range(4)]
    run_study(experiment, configs, store, workers=1, desc=None)
    whole = store.path(configs[0]).read_bytes()
    store.path(configs[1]).write_bytes(b"")
    store.path(configs[2]).write_bytes(whole)  # a whole file, of another run
    store.path(configs[3]).unlink()
    store.path(configs[3]).mkdir()
    with pytest.warns(UserWarning, match="is damaged") as said:
        again = run_study(experiment, configs, store, workers=1, desc=None)
    for config in configs[1:]:
        assert any(store.path(config).name in str(warning.message) for warning in said)
    assert again.table["square"].tolist() == [0, 1, 4, 9]
    assert not again.failures
    assert len(list(tmp_path.glob("*.damaged"))) == 3


# What is read -----------------------------------------------------------------------------------


def test_names_of_rows_are_text():
    frame = pd.DataFrame({"<b>x</b>": ["<i>1</i>"]}, index=["<script>alert(1)</script>"])
    rich = _text_from_the_left(frame).to_html(escape=False)
    assert not any(raw in rich for raw in ("<b>", "<i>", "<script>"))


@pytest.mark.parametrize("first", ["helpers.engine", "papermill"])
def test_the_engine_and_papermill_may_be_imported_in_any_order(first):
    code = f"import {first}, helpers.engine, papermill.engines as e\n"
    code += "assert e.papermill_engines.get_engine('polling') is helpers.engine.PollingEngine"
    subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, check=True)
    code = "from helpers.engine import PollingEngine as P; import papermill.engines as e\n"
    code += "assert e.papermill_engines.get_engine('polling') is P"
    subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, check=True)


# The runner -------------------------------------------------------------------------------------


def test_a_notebook_that_is_not_json_is_an_outcome_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    (tmp_path / "01_cut.ipynb").write_text('{"cells": [')
    whole = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")])
    nbformat.write(whole, tmp_path / "02_whole.ipynb")
    assert run.main(["--out", str(tmp_path / "out")]) == 1
    table = capsys.readouterr().out.splitlines()
    assert any("01_cut.ipynb is not a notebook" in line for line in table)
    assert any(line.startswith("02_whole") and line.endswith("ok") for line in table)


STUDY_CELL = """
from helpers.store import RunStore
from helpers.study import grid, run_study
from tests.study_experiments import Config, experiment
configs = grid(Config, value=range(500), behaviour="slow", folder={folder!r})
run_study(experiment, configs, RunStore({folder!r} + "/store", 1), workers=2, desc=None)
"""


def shared_memory() -> set[str]:
    folder = Path("/dev/shm")
    return {p.name for p in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere psutil asks for no clock")
def test_a_tree_ends_whole_while_the_clock_is_being_set(monkeypatch):
    child = "import time; print('here', flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "here\n"
    started = psutil.Process(process.pid).children()
    times = itertools.count(2e9, -60)  # set back a minute each time it is read
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: next(times))
    assert not psutil.Process(process.pid).children()  # psutil's own list
    end_tree(process.pid)
    assert len(started) == 1
    assert not psutil.wait_procs(started, timeout=5)[1]
    assert process.wait(timeout=5) == -signal.SIGKILL


TRACKED = """
import time
from multiprocessing import get_context, resource_tracker

def child():
    time.sleep(60)

if __name__ == "__main__":
    process = get_context("spawn").Process(target=child)
    process.start()
    print(resource_tracker._resource_tracker._pid, process.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="this system has no trackers of resources")
def test_a_tree_ends_whole_but_for_its_tracker_of_resources(tmp_path):
    """Also where an option that names trackers is handed down, as a series of notebooks does."""
    (tmp_path / "tracked.py").write_text(TRACKED)
    program = [sys.executable, "-W", "ignore:resource_tracker:UserWarning", "tracked.py"]
    process = subprocess.Popen(program, cwd=tmp_path, text=True, stdout=subprocess.PIPE)
    tracker, child = (psutil.Process(int(n)) for n in process.stdout.readline().split())
    assert any("ignore:resource_tracker" in argument for argument in child.cmdline())
    end_tree(tracker.pid)
    assert tracker.is_running()
    end_tree(process.pid)
    assert not psutil.wait_procs([child, tracker], timeout=5)[1]  # this one by itself
    assert process.wait(timeout=5) == -signal.SIGKILL
    process.stdout.close()


def test_a_program_told_to_end_waits_for_nobody():
    program = (
        "import os, signal, threading, time; from helpers.processes import command\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "command('it', lambda: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(60))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=paths.ROOT, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == "it: ended by SIGTERM; what was finished is kept\n"


ORPHAN = """
import os, subprocess, sys, time
from multiprocessing import get_context
from helpers.processes import end_with

def child(parent):
    end_with(parent)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    print("started", flush=True)
    time.sleep(60)

if __name__ == "__main__":
    get_context("fork").Process(target=child, args=(os.getpid(),)).start()
    time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_whose_parent_is_killed_ends_with_all_that_it_has_started():
    """Its standard output closes when the last of them has ended."""
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN], cwd=paths.ROOT, text=True, stdout=subprocess.PIPE
    )
    assert parent.stdout.readline() == "started\n"
    parent.kill()
    assert parent.communicate(timeout=20)[0] == ""


def said_until_its_end(process: subprocess.Popen, started: list[psutil.Process]) -> str:
    """What a process says until it, and all that hold its standard error, have ended.

    Idle that takes under a second; what would wait for a notebook takes much longer than this.
    """
    try:
        return process.communicate(timeout=15)[1]
    except subprocess.TimeoutExpired as late:
        left = []
        for one in [psutil.Process(process.pid), *started, *psutil.process_iter()]:
            with contextlib.suppress(psutil.Error):
                left.append(f"{one.pid} of {one.ppid()}, {one.status()}: {' '.join(one.cmdline())}")
        raise AssertionError(f"{late.stderr!r}, then still there:\n" + "\n".join(left)) from late


@pytest.mark.slow
@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_study_in_a_notebook_ends_with_the_runner_and_keeps_its_runs(tmp_path, how, status):
    cell = nbformat.v4.new_code_cell(STUDY_CELL.format(folder=str(tmp_path)))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "01_study.ipynb")
    before = shared_memory()
    process = runner(tmp_path, "--profile", "full", "--out", str(tmp_path / "out"))
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("store/*.npz"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    started = psutil.Process(process.pid).children(recursive=True)
    assert sum("loky" in " ".join(p.cmdline()) for p in started) >= 2
    os.killpg(process.pid, how) if how == signal.SIGINT else process.send_signal(how)
    said = said_until_its_end(process, started)
    assert process.returncode == status
    assert said.strip().splitlines()[-1].startswith(f"helpers.run: ended by {how.name}")
    assert "Traceback" not in said
    assert not psutil.wait_procs(started, timeout=5)[1]
    ours = {str(p.pid) for p in started}  # others may train on this machine
    assert not {name for name in shared_memory() - before if ours & set(re.split(r"\W|_", name))}
    store = RunStore(tmp_path / "store", 1)
    planned = grid(Config, value=range(500), behaviour="slow", folder=str(tmp_path))
    kept = [config for config in planned if config in store]
    assert len(kept) >= 3
    assert all(store.load(config).record["square"] == config.value**2 for config in kept)
    assert not list(store.folder.glob("*.damaged"))
