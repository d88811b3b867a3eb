"""The store and the study: atomic, resumable, honest about failures; local and on Dask."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from helpers.store import RunStore, atomic_write
from helpers.study import grid, run_study, table
from tests.study_experiments import Config, experiment

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


# The store --------------------------------------------------------------------------------------


def test_a_run_round_trips(tmp_path):
    store = RunStore(tmp_path / "new", 1)
    config = Config(3)
    assert config not in store
    with pytest.raises(KeyError, match="no finished run"):
        store.load(config)
    store.save(config, {"a": 1.5, "b": None, "c": True}, {"curve": np.arange(4.0)})
    assert config in store
    run = store.load(config)
    assert run.config["value"] == 3
    assert run.record == {"a": 1.5, "b": None, "c": True}
    assert run.curves["curve"].tolist() == [0, 1, 2, 3]
    assert Config(4) not in store
    assert config not in RunStore(tmp_path / "new", 2)  # another version of the experiment
    assert store.missing([Config(4), config, Config(4)]) == [Config(4)]


def test_a_write_that_fails_leaves_nothing(tmp_path):
    target = tmp_path / "file"
    target.write_text("old")
    with contextlib.suppress(RuntimeError), atomic_write(target) as file:
        file.write(b"half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    store = RunStore(tmp_path / "store", 1)
    with pytest.raises(TypeError):
        store.save(Config(1), {"not json": object()}, {})
    assert not [*(tmp_path / "store").glob("*")]  # no half of a file


def test_grid():
    configs = grid(Config, value=range(3), behaviour=["fine", "slow"], steps=7)
    assert len(configs) == 6
    assert configs[1] == Config(0, 7, "slow")


# On this machine --------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_table_comes_out_and_a_rerun_computes_only_what_is_missing(tmp_path, workers):
    store = RunStore(tmp_path / "store", 1)
    log = tmp_path / "log"
    log.mkdir()
    configs = grid(Config, value=range(4), folder=str(log))
    first = run_study(experiment, configs[:2], store, workers=workers)
    assert first.table["square"].tolist() == [0, 1]
    both = run_study(experiment, [*configs, configs[0]], store, workers=workers)
    assert both.table["square"].tolist() == [0, 1, 4, 9]
    assert both.table["value"].tolist() == [0, 1, 2, 3]
    assert not both.failures
    assert len(list(log.iterdir())) == 4
    pd.testing.assert_frame_equal(both.table, table(configs, store))


def test_workers_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match=r"workers must be at least [01]"):
        run_study(experiment, [Config(1)], RunStore(tmp_path, 1), workers=-1)


@pytest.mark.slow
def test_failures_are_reported_and_the_rest_goes_on(tmp_path):
    store = RunStore(tmp_path / "store", 1)
    configs = [
        Config(1),
        Config(2, behaviour="raises"),
        Config(3, behaviour="dies"),
        Config(4, behaviour="dies once", folder=str(tmp_path)),
        *grid(Config, value=[5, 6, 7, 8]),
    ]
    study = run_study(experiment, configs, store, workers=2)
    assert sorted(study.table["value"]) == [1, 4, 5, 6, 7, 8]
    reasons = {failure.config.value: failure.reason for failure in study.failures}
    assert set(reasons) == {2, 3}
    assert "value 2 is no good" in reasons[2]
    assert "died in each of 3 attempts" in reasons[3]
    assert "Config(value=2" in str(study.failures[0]) + str(study.failures[1])


@pytest.mark.slow
def test_a_killed_study_loses_only_what_was_in_flight(tmp_path):
    """Kill the whole study; what was finished stays, a second study sharing the store ends it."""
    code = (
        "from helpers.store import RunStore; from helpers.study import run_study, grid\n"
        "from tests.study_experiments import Config, experiment\n"
        f"configs = grid(Config, value=range(8), behaviour='slow', folder={str(tmp_path)!r})\n"
        f"run_study(experiment, configs, RunStore({str(tmp_path / 'store')!r}, 1), workers=2)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "store").glob("*.npz"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    configs = grid(Config, value=range(8), behaviour="slow", folder=str(tmp_path))
    store = RunStore(tmp_path / "store", 1)
    finished = len(table(configs, store))
    assert 3 <= finished < 8
    started = len(list(tmp_path.glob("started-*")))
    assert started - finished <= 2  # in flight: one a worker
    study = run_study(experiment, configs, store, workers=2)
    assert study.table["square"].tolist() == [v * v for v in range(8)]
    assert not list((tmp_path / "store").glob(".part-*"))[2:]


# On a cluster -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_dask_gives_the_same_table_though_a_worker_is_killed(tmp_path, scheduler):
    address, start_worker = scheduler
    workers = [start_worker(), start_worker()]
    configs = grid(Config, value=range(8), behaviour="slow", folder=str(tmp_path))
    local = run_study(experiment, configs, RunStore(tmp_path / "local", 1), workers=2)
    for mark in tmp_path.glob("started-*"):
        mark.unlink()
    code = (
        "from helpers.store import RunStore; from helpers.study import run_study, grid\n"
        "from tests.study_experiments import Config, experiment\n"
        f"configs = grid(Config, value=range(8), behaviour='slow', folder={str(tmp_path)!r})\n"
        f"store = RunStore({str(tmp_path / 'dask')!r}, 1)\n"
        f"study = run_study(experiment, configs, store, cluster={address!r})\n"
        "assert not study.failures, study.failures\n"
    )
    study = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    deadline = time.monotonic() + 90
    victim = None
    while victim is None:  # kill a worker in the middle of a run
        assert time.monotonic() < deadline
        busy = [
            path for path in tmp_path.glob("started-*") if path.name.endswith(f"-{workers[0].pid}")
        ]
        victim = workers[0] if len(busy) >= 2 else None
        time.sleep(0.02)
    victim.kill()
    assert study.wait(timeout=120) == 0
    pd.testing.assert_frame_equal(table(configs, RunStore(tmp_path / "dask", 1)), local.table)


@pytest.mark.slow
def test_dask_reports_a_run_that_raises(tmp_path, scheduler):
    address, start_worker = scheduler
    start_worker()
    configs = [Config(1), Config(2, behaviour="raises"), Config(3)]
    study = run_study(experiment, configs, RunStore(tmp_path, 1), cluster=address)
    assert study.table["value"].tolist() == [1, 3]
    assert [f.config.value for f in study.failures] == [2]


@pytest.mark.slow
def test_a_run_that_keeps_killing_its_dask_worker_is_reported(tmp_path, scheduler):
    address, start_worker = scheduler
    for _ in range(6):
        start_worker()
    configs = [Config(1), Config(2, behaviour="dies"), Config(3)]
    study = run_study(experiment, configs, RunStore(tmp_path, 1), cluster=address)
    assert study.table["value"].tolist() == [1, 3]
    assert "KilledWorker" in study.failures[0].reason


@pytest.mark.slow
def test_no_workers_and_no_scheduler_are_sentences(tmp_path, scheduler, monkeypatch):
    monkeypatch.setattr("helpers.cluster.WORKER_TIMEOUT_S", 2)
    address, _ = scheduler
    with pytest.raises(TimeoutError, match="had no worker within 2 s; start one with: dask worker"):
        run_study(experiment, [Config(1)], RunStore(tmp_path, 1), cluster=address)
    with pytest.raises(TimeoutError, match="no Dask scheduler answers"):
        run_study(experiment, [Config(1)], RunStore(tmp_path, 1), cluster="tcp://127.0.0.1:9")
