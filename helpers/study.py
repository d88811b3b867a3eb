"""A grid of configurations in, a tidy table out: on the cores of this machine or on a cluster.

Data flow::

    configurations -> those missing in the store -> workers: experiment(config) -> (record, curves)
                   -> the store, one file a run, as each finishes -> table: config and record a row

A rerun computes only what is missing. A killed study loses the runs in flight and nothing else.
"""

import itertools
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

import joblib
import pandas as pd
import torch

from helpers import runtime
from helpers.checks import integer
from helpers.results import RunStore

#: A run whose worker dies is tried again, up to this many times in all.
ATTEMPTS = 3
#: A cluster without workers is given this long.
WORKER_TIMEOUT_S = 60

Experiment = Callable[[object], tuple[dict, dict]]


@dataclass
class Failure:
    """A run that did not finish: its configuration and why."""

    config: object
    reason: str

    def __str__(self):
        return f"{self.config}: {self.reason}"


@dataclass
class Study:
    """What came out: ``table`` has a row for each finished run, ``failures`` names the others."""

    table: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)


def grid(config_type, **axes) -> list:
    """All combinations of ``axes``; a value that is a list, tuple or range is an axis.

    ``grid(PalindromeRun, T=(5, 10), model="rnn", seed=range(3))`` is six configurations.
    """
    lists = [v if isinstance(v, list | tuple | range) else [v] for v in axes.values()]
    return [
        config_type(**dict(zip(axes, values, strict=True))) for values in itertools.product(*lists)
    ]


def run_study(
    experiment: Experiment,
    configs: Iterable,
    store: RunStore,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    desc: str | None = "study",
) -> Study:
    """Run what is missing, save each run as it finishes, return the table of all.

    Args:
        experiment: an importable function from a configuration to ``(record, curves)``.
        configs: frozen dataclasses with a ``steps`` field.
        workers: processes on this machine, one torch thread each; all its cores if left out.
        cluster: address of a Dask scheduler, ``"tcp://host:8786"``; its workers need ``helpers``.
        desc: what the progress bar says; ``None`` for no bar.

    A run that raises, or whose worker keeps dying, becomes a :class:`Failure`; the rest go on.

    Raises:
        ValueError: ``workers`` below 1.
        TimeoutError: the cluster is not there, or has no workers within a minute.
    """
    configs = list(dict.fromkeys(configs))
    todo = store.missing(configs)
    failures: list[Failure] = []
    if todo:
        if cluster is not None:
            outcomes = _on_cluster(experiment, todo, cluster)
        else:
            workers = integer("workers", workers or joblib.cpu_count(), minimum=1)
            outcomes = _on_this_machine(experiment, todo, workers)
        shown = {"desc": desc or "", "disable": desc is None}
        with runtime.progress(total=sum(c.steps for c in todo), unit="steps", **shown) as bar:
            for finished, (config, result, error) in enumerate(outcomes, start=1):
                if error is None:
                    store.save(config, *result)
                else:
                    failures.append(Failure(config, error))
                bar.update(config.steps)
                bar.set_postfix_str(f"{finished}/{len(todo)} runs, {len(failures)} failed")
    return Study(table(configs, store), failures)


def run_parts(
    known: dict[str, tuple[Experiment, Callable[[], list]]],
    names: list[str] | None,
    store: RunStore,
    *,
    workers: int | None = None,
    cluster: str | None = None,
) -> list[Failure]:
    """Compute what is missing of some parts of a study, or of all, in their order.

    Args:
        known: name -> the experiment of a part and what makes its configurations.
        names: the parts; all if left out.

    Returns:
        the runs that failed.

    Raises:
        ValueError: an unknown part.
    """
    failures = []
    for name in chosen_parts(known, names):
        experiment, configs = known[name]
        study = run_study(experiment, configs(), store, workers=workers, cluster=cluster, desc=name)
        failures += study.failures
    return failures


def chosen_parts(known: Iterable[str], names: list[str] | None) -> list[str]:
    """``names``, or all that are known.

    Raises:
        ValueError: an unknown part.
    """
    known = list(known)
    for name in names or []:
        if name not in known:
            raise ValueError(f"unknown part {name!r}; there are {', '.join(known)}")
    return list(names or known)


def table(configs: Iterable, store: RunStore) -> pd.DataFrame:
    """One row a finished run: the fields of its configuration, then those of its record."""
    runs = (store.load(config) for config in dict.fromkeys(configs) if config in store)
    return pd.DataFrame([{**run.config, **run.record} for run in runs])


def _attempt(experiment: Experiment, config):
    """In a worker: ``(config, result, None)``, or ``(config, None, what was raised)``."""
    runtime.prepare_worker(threads=1)
    try:
        return config, experiment(config), None
    except Exception:
        last = traceback.format_exc(limit=-1).strip().splitlines()
        return config, None, f"{last[-1]} ({last[1].strip() if len(last) > 1 else 'no line'})"


def _on_this_machine(experiment, configs, workers):
    """Outcomes as they come; when a worker dies, the runs that were in flight are tried alone."""

    def in_parallel(some, jobs):
        # One task a worker is handed out, in order: those in flight are the first unfinished.
        parallel = joblib.Parallel(
            n_jobs=jobs, pre_dispatch=jobs, batch_size=1, return_as="generator_unordered"
        )
        yield from parallel(joblib.delayed(_attempt)(experiment, config) for config in some)

    threads = torch.get_num_threads()  # with one worker joblib stays in this process
    pending = dict.fromkeys(configs)
    try:
        while pending:
            try:
                for outcome in in_parallel(list(pending), workers):
                    del pending[outcome[0]]
                    yield outcome
            except BrokenProcessPool:
                for config in list(pending)[: workers + 1]:
                    del pending[config]
                    yield _alone(in_parallel, config)
    finally:
        torch.set_num_threads(threads)


def _alone(in_parallel, config):
    """The outcome of one run in a process of its own, tried again while its worker dies."""
    for _ in range(ATTEMPTS - 1):
        try:
            return next(iter(in_parallel([config], 2)))  # 2 processes, of which one stays idle
        except BrokenProcessPool:
            continue
    return config, None, f"its worker process died in each of {ATTEMPTS} attempts"


def _on_cluster(experiment, configs, address):
    """Plain Dask futures: they report a worker that keeps dying where joblib's backend waits."""
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ValueError(
            "cluster= needs the extra 'cluster': pip install 'memory-and-messages[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=WORKER_TIMEOUT_S)
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
        futures = {
            client.submit(_attempt, experiment, config, pure=False): config for config in configs
        }
        for future in as_completed(futures):
            config = futures.pop(future)
            if future.status == "finished":
                yield future.result()
            else:
                yield config, None, f"{type(future.exception()).__name__}: {future.exception()}"
            future.release()
