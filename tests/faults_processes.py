"""Attacks on what runs: programs that are ended, workers that die, a cluster that loses a part."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from unittest import mock

import nbformat
import psutil

from helpers import paths
from helpers.store import RunStore
from helpers.study import grid, run_study
from tests.local_cluster import local_cluster
from tests.study_experiments import Config, experiment
from tests.tally import Tally

STUDY = """
import sys
from helpers.store import RunStore
from helpers.study import grid, run_study
from tests.study_experiments import Config, experiment
configs = grid(Config, value=range(500), behaviour="slow", folder=sys.argv[1])
run_study(experiment, configs, RunStore(sys.argv[1] + "/store", 1), workers=2, desc=None)
"""
#: The runner on a folder of notebooks of its own.
RUNNER = """
import sys; from pathlib import Path; from helpers import paths, run
from helpers.processes import command
paths.NOTEBOOKS = Path(sys.argv.pop(1)); command("helpers.run", run.main)
"""
#: A notebook that waits, beside a program that it has started.
CELLS = (
    "import subprocess, sys, time\n"
    "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])",
    *["time.sleep(0.8)"] * 3,
    "other.kill()",
)
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def runner(folder: Path, *arguments: str) -> subprocess.Popen:
    """Start the runner on the notebooks of a folder, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(folder), *arguments],
        cwd=paths.ROOT, text=True, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
    )  # fmt: skip


def offspring(process: subprocess.Popen) -> list[psutil.Process]:
    """What a process has started, and what those have."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that live five seconds later."""
    return psutil.wait_procs(processes, timeout=5)[1]


def ended_runner(rng: random.Random, tries: int, folder: Path) -> Tally:
    """Ctrl-C, once or twice, or SIGTERM, at any moment: a line, a status, nothing left running."""
    tally = Tally()
    for k in (1, 2, 3):
        cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"0{k}_waits.ipynb")
    for k in range(tries):
        how, twice, after = rng.choice(list(ENDS)), rng.random() < 0.5, rng.uniform(0.5, 9)
        out = folder / f"out {k}"
        process = runner(folder, "--jobs", "2", "--out", str(out))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after)
        started = offspring(process)
        for _ in range(1 + twice):
            with contextlib.suppress(ProcessLookupError):
                # A terminal tells the whole group; a scheduler of jobs the program alone.
                os.killpg(process.pid, how) if how == signal.SIGINT else process.send_signal(how)
            time.sleep(0.2 * twice)
        what = f"{how.name} after {after:.2f} s{', twice' * twice}"
        try:
            said = process.communicate(timeout=15)[1]
        except subprocess.TimeoutExpired:
            tally.count(what, False, "still running after 15 s")
            process.kill()
            continue
        left = living(started)
        last = (said.strip().splitlines() or [""])[-1]
        told = process.returncode == ENDS[how] and last.startswith(
            f"helpers.run: ended by {how.name}"
        )
        clean = "Traceback" not in said and not list(out.rglob(".part-*"))
        tally.count(
            what, told and clean and not left, f"{process.returncode}, {left}, {said[-300:]}"
        )
    return tally


def killed_study(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A study's main process killed or ended: its workers go within 5 s, its runs are whole."""
    tally = Tally()
    for k in range(tries):
        place, how = folder / f"study {k}", rng.choice([signal.SIGKILL, signal.SIGTERM])
        place.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", STUDY, str(place)], cwd=paths.ROOT, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while len(list(place.glob("store/*.npz"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.8))
        workers = offspring(process)
        process.send_signal(how)
        process.wait()
        left = living(workers)
        store = RunStore(place / "store", 1)
        kept = [c for c in grid(Config, value=range(500), behaviour="slow", folder=str(place))
                if c in store]  # fmt: skip
        right = all(store.load(config).record["square"] == config.value**2 for config in kept)
        whole = right and len(kept) >= 2 and not list(store.folder.glob("*.damaged"))
        tally.count(f"{how.name}, study {k}", len(workers) >= 2 and not left and whole, left)
    return tally


def sick_cluster(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A cluster whose only worker cannot import or is killed, or whose scheduler is."""
    tally, faults = Tally(), {"import": _cannot_import, "worker": _loses, "scheduler": _loses}
    for k in range(tries):
        fault = list(faults)[k % len(faults)]
        place = folder / f"cluster {k}"
        place.mkdir()
        begun = time.monotonic()
        with local_cluster() as (address, start_worker):
            found = faults[fault](fault, address, start_worker, place, rng)
        soon = time.monotonic() - begun < 90  # a minute, and the start of a cluster
        tally.count(f"{fault}, cluster {k}", soon and not found, found or "late")
    return tally


def _cannot_import(_, address, start_worker, place: Path, rng: random.Random) -> str:
    """What was not as it should be; nothing if all was."""
    (place / "bare" / "helpers").mkdir(parents=True)
    (place / "bare" / "helpers" / "__init__.py").write_text("raise ImportError('not here')")
    start_worker(PYTHONPATH=str(place / "bare"), PYTHONSAFEPATH="1")
    store, configs = RunStore(place / "store", 1), [Config(value) for value in range(4)]

    def study():
        return run_study(experiment, configs, store, cluster=address, desc=None)

    try:
        study()
        return "taken"
    except ValueError as error:
        if "cannot work: ImportError: not here. Install" not in str(error):
            return str(error)
    time.sleep(rng.uniform(0, 1))
    start_worker()
    deadline = time.monotonic() + 60
    while True:  # until the sound one has joined
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                found = study()
            break
        except ValueError as error:
            if time.monotonic() > deadline:
                return str(error)
    warned = any("1 others go on without it" in str(warning.message) for warning in said)
    return "" if warned and found.table["square"].tolist() == [0, 1, 4, 9] else "not told"


def _loses(fault: str, address, start_worker, place: Path, rng: random.Random) -> str:
    worker, finished = start_worker(), rng.randrange(1, 4)
    store = RunStore(place / "store", 1)
    configs = grid(Config, value=range(12), behaviour="slow", folder=str(place))

    def kill():
        while len(list(place.glob("store/*.npz"))) < finished:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.7))
        (worker if fault == "worker" else start_worker.scheduler).kill()

    threading.Thread(target=kill, daemon=True).start()
    with mock.patch("helpers.cluster.WORKERLESS_S", 3):
        found = run_study(experiment, configs, store, cluster=address, desc=None)
    reason = {"worker": "the cluster has had no worker for 3 s", "scheduler": "has gone"}[fault]
    told = found.failures and all(reason in failure.reason for failure in found.failures)
    kept = finished <= len(found.table) and len(found.table) + len(found.failures) == 12
    return "" if told and kept else f"{len(found.table)} rows, {found.failures}"
