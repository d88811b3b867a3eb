"""Shared fixtures. Equations are compared in float64 on one thread."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers.processes import leave_home_alone

leave_home_alone()
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)


@pytest.fixture
def float64():
    """Everything made inside the test is float64 unless it says otherwise."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def scheduler():
    """A real Dask scheduler on loopback: its address, and a function that starts a worker.

    The function takes variables of the worker's environment; the scheduler's process is its
    attribute ``scheduler``.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    dask, root = [sys.executable, "-m", "dask"], Path(__file__).resolve().parent.parent
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": root}
    command = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    processes = [subprocess.Popen(command, **quiet)]

    def start_worker(**variables):
        command = [*dask, "worker", address, "--host", "127.0.0.1", "--nworkers", "1"]
        command += ["--nthreads", "1", "--no-dashboard", "--no-nanny"]
        processes.append(subprocess.Popen(command, env={**os.environ, **variables}, **quiet))
        return processes[-1]

    start_worker.scheduler = processes[0]
    yield address, start_worker
    for process in reversed(processes):
        process.kill()
        process.wait()
