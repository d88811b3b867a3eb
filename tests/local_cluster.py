"""A real Dask cluster on loopback, of processes that a test starts and ends."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from helpers import paths


@contextmanager
def local_cluster() -> Iterator[tuple[str, Callable[..., subprocess.Popen]]]:
    """A scheduler's address, and a function that starts a worker.

    The function takes variables of the worker's environment; the scheduler's process is its
    attribute ``scheduler``. All are killed at the end.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, dask = f"tcp://127.0.0.1:{port}", [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": paths.ROOT}
    command = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    processes = [subprocess.Popen(command, **quiet)]

    def start_worker(**variables):
        command = [*dask, "worker", address, "--host", "127.0.0.1", "--nworkers", "1"]
        command += ["--nthreads", "1", "--no-dashboard", "--no-nanny"]
        processes.append(subprocess.Popen(command, env={**os.environ, **variables}, **quiet))
        return processes[-1]

    start_worker.scheduler = processes[0]
    try:
        _wait_for(port)
        yield address, start_worker
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    """Until a busy machine has started what listens there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "no scheduler within a minute"
            time.sleep(0.1)
        else:
            return
