"""Several trainings at the same time, a thread and a core each.

The networks of the notebooks are so small that torch's own threads wait more than they help
(:func:`helpers.runtime.own_threads`). Trainings that have nothing to do with each other need not
wait: each computes what it would compute alone, number by number.
"""

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event

import torch

from helpers.runtime import cores, prepare_thread, progress
from helpers.runtime import device as find_device

#: Seconds between two looks at whether a training has ended.
_LOOK_EVERY_S = 0.2


def together(
    train: Callable, runs: Mapping[Hashable, object], device: str | torch.device = "cpu"
) -> dict[Hashable, object]:
    """What ``train`` returns for each of ``runs``, under its name and in their order.

    They are begun with the last one: lists of networks go from small to large, and the largest
    should not be left over. A progress bar counts the steps of all. On an accelerator, or where
    torch has threads of its own, one trains after the other.

    Args:
        train: called with a run and ``on_step``, ``should_stop`` and ``device``. It must draw from
            generators of its own and not from torch's.
        runs: name -> configuration, which has ``steps``.

    Raises:
        ValueError: a device that this machine lacks.
        Exception: what a training raised; the others are stopped at their next step.
    """
    alone = find_device(device).type != "cpu" or torch.get_num_threads() > 1
    done, stop = SimpleQueue(), Event()
    watched = {"on_step": done.put, "should_stop": stop.is_set, "device": device}
    threads = 1 if alone else max(1, min(cores(), len(runs)))
    steps = sum(run.steps for run in runs.values())
    with ThreadPoolExecutor(
        threads, "training", initializer=prepare_thread, initargs=(torch.get_num_threads(),)
    ) as pool:
        futures = {name: pool.submit(train, runs[name], **watched) for name in reversed(runs)}
        try:
            with progress(total=steps, desc=f"{len(runs)} networks", unit="steps") as bar:
                while not all(future.done() for future in futures.values()) or not done.empty():
                    with suppress(Empty):
                        done.get(timeout=_LOOK_EVERY_S)
                        bar.update()
                    for future in wait(futures.values(), timeout=0).done:
                        future.result()  # raises what the training has raised
        except BaseException:  # an interrupted cell too
            stop.set()
            for future in futures.values():
                future.cancel()
            raise
    return {name: futures[name].result() for name in runs}
