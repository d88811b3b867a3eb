"""A grid of configurations in, a tidy table out: on the cores of this machine or on a cluster.

Data flow::

    configurations -> those missing in the store -> workers: experiment(config) -> (record, curves)
                   -> the store, one file a run, before a worker begins another
                   -> table: config and record a row

A rerun computes only what is missing. A killed study loses the runs in flight and nothing else; its
workers end with it. A damaged file in the store is set aside, named, and its run computed again.

A :class:`Study` is several such grids, its parts, under one name: it runs them into one store, and
merges what is finished there with what is published (:mod:`helpers.archive`)::

    parts -> run_parts -> store, and data/results/ -> merged -> archive.write -> data/results/
"""

import functools
import itertools
import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import joblib
import pandas as pd
import torch

from helpers import archive, paths, runtime
from helpers.archive import SEPARATOR, Archive
from helpers.checks import integer
from helpers.cluster import on_cluster
from helpers.processes import end_with
from helpers.store import RunStore, run_key

#: A run whose worker dies is tried again, up to this many times in all.
ATTEMPTS = 3

#: Called with a configuration; with ``device=`` too, where a study is not run on the CPU.
Experiment = Callable[..., tuple[dict, dict]]


@dataclass
class Failure:
    """A run that did not finish: its configuration and why."""

    config: object
    reason: str

    def __str__(self):
        return f"{self.config}: {self.reason}"


@dataclass
class Outcome:
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
    device: str | torch.device = "cpu",
    desc: str | None = "study",
) -> Outcome:
    """Run what is missing, save each run as it finishes, return the table of all.

    Args:
        experiment: an importable function from a configuration to ``(record, curves)``.
        configs: frozen dataclasses with a ``steps`` field.
        workers: processes on this machine, one torch thread each; all its cores if left out.
        cluster: address of a Dask scheduler, ``"tcp://host:8786"``; its workers need ``helpers``.
        device: where the runs are computed. With "cuda", or "auto" where there is a GPU, a worker
            a GPU, unless ``workers`` says otherwise; a cluster's workers look for themselves.
        desc: what the progress bar says; ``None`` for no bar.

    A run that raises, or whose worker keeps dying, becomes a :class:`Failure`; the rest go on.

    Raises:
        ValueError: ``workers`` below 1, a device that this machine lacks, or a cluster where no
            worker can import the experiment.
        TimeoutError: the cluster is not there, or no worker of it answers within a minute.

    What a cluster loses on the way, its scheduler or all of its workers, makes failures of the runs
    that are left; what was finished stays in the store.
    """
    configs = list(dict.fromkeys(configs))
    todo = store.missing(configs)
    failures: list[Failure] = []
    if todo:
        if cluster is not None:
            attempt = functools.partial(_attempt, experiment, device=str(device))
            outcomes = on_cluster(attempt, todo, cluster, experiment.__module__)
        else:
            places = [str(place) for place in runtime.devices(device)]
            usual = joblib.cpu_count() if places == ["cpu"] else len(places)
            workers = integer("workers", usual if workers is None else workers, minimum=1)
            outcomes = _on_this_machine(experiment, todo, workers, places, store)
        shown = {"desc": desc or "", "disable": desc is None}
        with runtime.progress(total=sum(c.steps for c in todo), unit="steps", **shown) as bar:
            for finished, (config, result, error) in enumerate(outcomes, start=1):
                if error is not None:
                    failures.append(Failure(config, error))
                elif result is not None:  # a cluster's workers need not see this disk
                    store.save(config, *result)
                bar.update(config.steps)
                bar.set_postfix_str(f"{finished}/{len(todo)} runs, {len(failures)} failed")
    return Outcome(table(configs, store), failures)


class Part(NamedTuple):
    """One part of a study.

    Attributes:
        experiment: trains one run.
        configs: makes the configurations, as a list or as a dictionary: name of a setting -> list.
    """

    experiment: Experiment
    configs: Callable[[], list | dict[str, list]]

    def settings(self) -> dict[str, list]:
        """Name of a setting -> its configurations; a plain list is one setting without a name."""
        made = self.configs()
        return made if isinstance(made, dict) else {"": made}

    def runs(self) -> list:
        """All configurations, each once, in order."""
        return list(dict.fromkeys(run for runs in self.settings().values() for run in runs))


@dataclass(frozen=True)
class Study:
    """Several grids of runs under one name: one store, one archive.

    Attributes:
        name: of the store in ``data/work`` and of the archive in ``data/results``.
        version: the experiments' ``EXPERIMENT_VERSION``.
        parts: name -> :class:`Part`, in the order in which they are run.
    """

    name: str
    version: int
    parts: Mapping[str, Part]

    def store(self) -> RunStore:
        """Where the study keeps its runs while it goes on."""
        return RunStore(paths.WORK / self.name, self.version)

    def planned(self) -> dict[str, list]:
        """Part -> its configurations."""
        return {name: part.runs() for name, part in self.parts.items()}

    def chosen(self, names: Iterable[str] | None) -> list[str]:
        """``names``, or all parts.

        Raises:
            ValueError: an unknown part.
        """
        names = list(self.parts if names is None else names)
        for name in names:
            if name not in self.parts:
                raise ValueError(f"unknown part {name!r}; there are {', '.join(self.parts)}")
        return names

    def run_parts(
        self,
        names: Iterable[str] | None = None,
        *,
        workers: int | None = None,
        cluster: str | None = None,
        device: str | torch.device = "cpu",
    ) -> list[Failure]:
        """Compute what is missing of some parts, or of all, in their order; returns what failed.

        Raises:
            ValueError: an unknown part.
        """
        failures = []
        for name in self.chosen(names):
            part = self.parts[name]
            outcome = run_study(
                part.experiment,
                part.runs(),
                self.store(),
                workers=workers,
                cluster=cluster,
                device=device,
                desc=name,
            )
            failures += outcome.failures
        return failures

    def merged(self, published: Archive | None = None) -> pd.DataFrame:
        """A row a run: those finished in the store, and those published that are not there.

        Columns: "key", "parts", "settings", "made", "torch", the configuration, the record.

        Args:
            published: by default what is archived under the study's name, if anything is.
        """
        if published is None and archive.exists(self.name):
            published = archive.read(self.name)
        old = {} if published is None else _records(published)
        kept, rows = self.store(), {}
        for name, part in self.parts.items():
            for setting, configs in part.settings().items():
                for config in configs:
                    key = run_key(config, self.version)
                    if key not in rows:
                        if (run := kept.find(config)) is not None:
                            found = {**run.made, **run.record}
                        elif key in old:
                            found = {k: v for k, v in old[key].items() if k not in asdict(config)}
                        else:
                            continue
                        rows[key] = {"key": key, "parts": [], "settings": [], "found": found}
                        rows[key]["config"] = asdict(config)
                    rows[key]["parts"].append(name)
                    rows[key]["settings"].append(setting)
        return pd.DataFrame([_row(**row) for row in rows.values()])

    def left_out(self, published: Archive) -> dict[str, tuple[int, int]]:
        """Parts that are not published in full: part -> runs published, runs planned."""
        have = {
            name: len(published.part(name)) if published.has(name) else 0 for name in self.parts
        }
        planned = {name: len(runs) for name, runs in self.planned().items()}
        return {name: (have[name], planned[name]) for name in have if have[name] < planned[name]}


def _records(published: Archive) -> dict[str, dict]:
    """Key -> what the archive says of the run, without what the study will say anew."""
    table = published.table
    made = {name: published.provenance[name] for name in ("made", "torch") if name not in table}
    rows = table.drop(columns=["parts", "settings"], errors="ignore").to_dict("records")
    return {row.pop("key"): {**made, **row} for row in rows}


def _row(key, parts, settings, config, found) -> dict:
    head = {"key": key, "parts": SEPARATOR.join(parts), "settings": SEPARATOR.join(settings)}
    made = {name: found.pop(name) for name in ("made", "torch")}
    return {**head, **made, **config, **found}


def report(failures: list[Failure]) -> None:
    """Say which runs did not finish, once everything else is safe.

    Raises:
        RuntimeError: there are any.
    """
    if failures:
        raise RuntimeError("runs that did not finish: " + "; ".join(map(str, failures)))


def table(configs: Iterable, store: RunStore) -> pd.DataFrame:
    """One row a finished run: the fields of its configuration, then those of its record."""
    runs = (store.find(config) for config in dict.fromkeys(configs))
    return pd.DataFrame([{**run.config, **run.record} for run in runs if run is not None])


def _attempt(experiment: Experiment, config, device: str, store: RunStore | None = None):
    """In a worker: ``(config, result, None)``, or ``(config, None, what was raised)``.

    With a store the result is saved there instead, ``(config, None, None)``: a worker begins no
    other run before this one is safe, so that a killed study loses one run a worker at most.
    """
    runtime.prepare_worker(threads=1)
    where = {} if device == "cpu" else {"device": device}
    try:
        result = experiment(config, **where)
    except Exception:
        last = traceback.format_exc(limit=-1).strip().splitlines()
        return config, None, f"{last[-1]} ({last[1].strip() if len(last) > 1 else 'no line'})"
    if store is None:
        return config, result, None
    store.save(config, *result)
    return config, None, None


def _on_this_machine(experiment, configs, workers, places, store):
    """Outcomes as they come; when a worker dies, the runs that were in flight are tried alone.

    The runs are dealt out to ``places``, devices, in turn.
    """
    place_of = dict(zip(configs, itertools.cycle(places), strict=False))

    def in_parallel(some, jobs):
        # One task a worker is handed out, in order: those in flight are the first unfinished.
        parallel = joblib.Parallel(
            n_jobs=jobs,
            pre_dispatch=jobs,
            batch_size=1,
            return_as="generator_unordered",
            backend="loky",
            initializer=end_with,  # a killed study takes its workers with it
            initargs=(os.getpid(),),
        )
        yield from parallel(
            joblib.delayed(_attempt)(experiment, config, place_of[config], store) for config in some
        )

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
