"""Runs of a study on a Dask cluster, whose workers, or scheduler, may be sick or die."""

import contextlib
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError

#: A cluster without workers is given this long.
WORKER_TIMEOUT_S = 60
#: A scheduler is given this long to answer, and to come back after it has gone.
CONNECT_TIMEOUT_S = 15
#: One that has lost all its workers is given this long to get others.
WORKERLESS_S = 30
#: Each worker is given this long to import what it needs, which from a slow disk takes a while.
ANSWER_S = 45
#: Seconds between two looks at a cluster.
LOOK_EVERY_S = 0.2


def on_cluster(attempt: Callable, configs: list, address: str, module: str) -> Iterator[tuple]:
    """Outcomes as they come: what ``attempt(config)`` returns on a worker, or a reason.

    Plain Dask futures: they report a worker that keeps dying where joblib's backend waits.

    Args:
        attempt: returns ``(config, result, None)`` or ``(config, None, reason)``.
        address: of the scheduler, ``"tcp://host:8786"``.
        module: what a worker must be able to import.

    Raises:
        TimeoutError: no scheduler, or no worker that answers.
        ValueError: no worker can import ``module``, or Dask is not installed here.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ValueError(
            "cluster= needs the extra 'cluster': pip install 'memory-and-messages[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=min(CONNECT_TIMEOUT_S, WORKER_TIMEOUT_S))
    except (OSError, TimeoutError) as error:
        raise TimeoutError(f"no Dask scheduler answers at {address}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKER_TIMEOUT_S)
        except TimeoutError as error:
            raise TimeoutError(
                f"the Dask scheduler at {address} had no worker within {WORKER_TIMEOUT_S} s; "
                f"start one with: dask worker {address} --nthreads 1"
            ) from error
        restricted = _sound_workers(client, module)
        pending = {
            client.submit(attempt, config, pure=False, workers=restricted): config
            for config in configs
        }
        finished, seen = as_completed(pending), time.monotonic()
        while pending:
            batch = finished.next_batch(block=False)
            for future in batch:
                config = pending.pop(future)
                if future.status == "error":
                    error = future.exception()
                    yield config, None, f"{type(error).__name__}: {error}"
                elif future.status == "cancelled":  # a client forgets all when its scheduler ends
                    yield config, None, f"the Dask scheduler at {address} has gone"
                elif future.status == "finished" and (outcome := _fetched(future)) is not None:
                    yield outcome
                else:  # its worker died with the result: it is computed again
                    pending[future] = config
                    finished.add(future)
                    continue
                future.release()
            if batch:
                continue
            time.sleep(LOOK_EVERY_S)
            if _has_workers(client, restricted):
                seen = time.monotonic()
            elif time.monotonic() - seen > WORKERLESS_S:
                for future, config in pending.items():
                    future.release()
                    yield config, None, f"the cluster has had no worker for {WORKERLESS_S} s"
                return


def _fetched(future):
    """The result of a future, or ``None`` where it went while it was fetched."""
    try:
        return future.result()
    except (OSError, CancelledError):
        return None


def _has_workers(client, restricted: list[str] | None) -> bool:
    try:
        there = client.nthreads()
    except (OSError, TimeoutError):  # the scheduler has gone: its futures will say so
        return True
    return bool(there) and (restricted is None or not there.keys().isdisjoint(restricted))


def _sound_workers(client, module) -> list[str] | None:
    """The workers that can import ``module``; ``None`` if all can.

    Raises:
        ValueError: none of them can.
        TimeoutError: none of them answers.
    """
    imports = "import helpers.study" + (f", {module}" if module != "__main__" else "")
    found: dict[str, object] = dict.fromkeys(client.nthreads(), TimeoutError("it does not answer"))

    def ask(worker):
        with contextlib.suppress(OSError, CancelledError):  # it, or the client, has gone meanwhile
            found.update(client.run(exec, imports, workers=[worker], on_error="return"))

    asked = [threading.Thread(target=ask, args=(w,), daemon=True) for w in list(found)]
    for thread in asked:
        thread.start()
    until = time.monotonic() + ANSWER_S
    for thread in asked:
        thread.join(max(0.0, until - time.monotonic()))
    sick = {worker: error for worker, error in found.items() if error is not None}
    if not sick:
        return None
    worker, error = next(iter(sick.items()))
    told = f"the Dask worker at {worker} cannot work: {type(error).__name__}: {error}"
    if not isinstance(error, TimeoutError):
        told += ". Install memory-and-messages with the extra 'cluster' where it runs"
    if len(sick) == len(found):
        raise (TimeoutError if isinstance(error, TimeoutError) else ValueError)(told)
    warnings.warn(f"{told}. {len(found) - len(sick)} others go on without it", stacklevel=2)
    return [worker for worker in found if worker not in sick]
