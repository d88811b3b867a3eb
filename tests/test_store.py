"""Keys, files and the store, byte by byte: what a published run rests on."""

import dataclasses
import datetime
import hashlib
import importlib.metadata
import json
import os
import re
import stat
import sys
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from helpers import paths, study
from helpers.files import atomic_write
from helpers.store import RunStore, later, made_now, run_key
from helpers.study import Failure, Part, Study, grid, report, run_study, table
from tests.study_experiments import Config, experiment


@dataclasses.dataclass(frozen=True)
class Setting:
    seed: int
    rate: float = 0.5
    name: str = "ä"


@dataclasses.dataclass(frozen=True)
class Longer:
    seed: int
    more: int | None = later(None)
    width: int = later(3)


# Keys -------------------------------------------------------------------------------------------


def test_a_key_is_the_hash_of_the_whole_configuration():
    """Pinned: whoever changes how it is made loses every published run."""
    text = '{"experiment": "Setting", "name": "\\u00e4", "rate": 0.5, "seed": 1, "version": 1}'
    assert run_key(Setting(1), 1) == hashlib.sha256(text.encode()).hexdigest()[:20]
    others = [Setting(2), Setting(1, 0.25), Setting(1, name="a")]
    keys = {run_key(Setting(1), 1), run_key(Setting(1), 2), *(run_key(c, 1) for c in others)}
    assert len(keys) == 5
    assert all(re.fullmatch("[0-9a-f]{20}", key) for key in keys)


def test_a_key_counts_later_fields_only_where_they_differ():
    plain = dataclasses.make_dataclass("Longer", ["seed"], frozen=True)
    assert run_key(Longer(1), 1) == run_key(plain(1), 1)
    assert run_key(Longer(1), 1) == run_key(Longer(1, None, 3), 1)
    differing = [Longer(1, 0), Longer(1, None, 4), Longer(1, 0, 4), plain(1)]
    assert len({run_key(c, 1) for c in differing}) == 4


def test_a_key_refuses_what_has_no_value():
    with pytest.raises(ValueError, match="not JSON compliant"):
        run_key(Setting(1, float("nan")), 1)


def test_made_now_is_today_and_torchs_release():
    made = made_now()
    assert made["made"] == datetime.date.today().isoformat()
    assert made["torch"] == re.match(r"[\d.]+\d", importlib.metadata.version("torch"))[0]
    assert set(made) == {"made", "torch"}


def test_made_now_leaves_out_the_build(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"{name} 2.1+cu12+x")
    assert made_now()["torch"] == "torch 2.1"


# Files ------------------------------------------------------------------------------------------


def test_an_atomic_write_is_unseen_until_it_ends(tmp_path):
    target = tmp_path / "a" / "b" / "file"
    with atomic_write(str(target)) as file:
        file.write(b"whole")
        file.flush()
        (part,) = target.parent.iterdir()
        assert part.name.startswith(".part-")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert [path.name for path in target.parent.iterdir()] == ["file"]
    with atomic_write(target) as file:  # the folder is there, and so is the file
        file.write(b"anew")
    assert target.read_bytes() == b"anew"
    assert file.closed


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_written_file_has_the_rights_of_any_other(tmp_path, mask):
    before = os.umask(mask)
    try:
        with atomic_write(tmp_path / "file") as file:
            file.write(b"x")
        assert os.umask(mask) == mask  # left as it was
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def test_writing_leaves_the_umask_to_other_threads(tmp_path, monkeypatch):
    """While one thread sets it and sets it back, another's new file may be anybody's to write."""
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask was set"))
    with atomic_write(tmp_path / "file") as file:
        file.write(b"x")
    (tmp_path / "other").touch()
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_failed_write_is_raised_and_cleaned_away(tmp_path):
    files = []

    def fail(tidy):
        with atomic_write(tmp_path / "file") as file:
            files.append(file)
            file.write(b"half")
            if tidy:
                next(tmp_path.iterdir()).unlink()  # somebody else did
            raise ZeroDivisionError

    for tidy in (False, True):
        with pytest.raises(ZeroDivisionError):
            fail(tidy)
        assert files[-1].closed
        assert list(tmp_path.iterdir()) == []


# The store --------------------------------------------------------------------------------------


def test_a_run_lies_under_its_key_and_says_what_it_is(tmp_path):
    store = RunStore(str(tmp_path / "deep" / "store"), 7)
    run = Setting(4)
    path = store.path(run)
    assert path == tmp_path / "deep" / "store" / f"{run_key(run, 7)}.npz"
    store.save(run, {"score": None, "text": "é"}, {"loss": np.float32([1, 2]), "n": np.arange(3)})
    with np.load(path, allow_pickle=False) as file:
        header = json.loads(str(file["header"]))
        assert sorted(file.files) == ["header", "loss", "n"]
    assert header["config"] == {"seed": 4, "rate": 0.5, "name": "ä"}
    assert header["record"] == {"score": None, "text": "é"}
    assert header["made"] == made_now()
    found = store.load(run)
    assert found.config == header["config"]
    assert found.record == header["record"]
    assert found.made == made_now()
    assert sorted(found.curves) == ["loss", "n"]
    assert found.curves["loss"].dtype == np.float32


def test_what_is_missing_is_named_once_and_in_order(tmp_path):
    store = RunStore(tmp_path, 1)
    runs = [Setting(seed) for seed in (3, 1, 3, 2)]
    assert store.missing(runs) == [Setting(3), Setting(1), Setting(2)]
    store.save(Setting(1), {}, {})
    assert store.missing(iter(runs)) == [Setting(3), Setting(2)]
    message = f"no finished run of {Setting(2)} in {tmp_path}"
    with pytest.raises(KeyError) as raised:
        store.load(Setting(2))
    assert raised.value.args == (message,)


def test_pickles_are_never_read(tmp_path):
    store = RunStore(tmp_path, 1)
    np.savez(
        store.path(Setting(1)),
        header=np.array(json.dumps({"config": {}, "record": {}, "made": {}})),
        bad=np.array([object()], dtype=object),
    )
    with pytest.raises(ValueError, match="allow_pickle=False"):
        store.load(Setting(1))


# Studies ----------------------------------------------------------------------------------------


def test_a_grid_varies_the_last_axis_first():
    found = grid(Setting, seed=(1, 2), rate=[0.5, 0.25], name="x")
    wanted = [(1, 0.5), (1, 0.25), (2, 0.5), (2, 0.25)]
    assert found == [Setting(seed, rate, "x") for seed, rate in wanted]
    assert grid(Setting, seed=range(2)) == [Setting(0), Setting(1)]


def test_a_table_has_settings_first_and_leaves_out_what_is_not_there(tmp_path):
    store = RunStore(tmp_path, 1)
    for seed in (2, 1):
        store.save(Setting(seed), {"score": seed / 2, "rate": 9.0}, {})
    found = table([Setting(1), Setting(3), Setting(2), Setting(1)], store)
    assert list(found) == ["seed", "rate", "name", "score"]
    assert found["seed"].tolist() == [1, 2]
    assert found["score"].tolist() == [0.5, 1.0]
    assert found["rate"].tolist() == [9.0, 9.0]  # the record has the last word
    assert len(table([Setting(3)], store)) == 0


class Bar:
    """Keeps what a progress bar is told."""

    def __init__(self, **options):
        self.options, self.updates, self.said = options, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, steps):
        self.updates.append(steps)

    def set_postfix_str(self, text):
        self.said.append(text)


@pytest.fixture
def bars(monkeypatch):
    made = []

    def progress(**options):
        made.append(Bar(**options))
        return made[-1]

    monkeypatch.setattr(study.runtime, "progress", progress)
    return made


def test_a_study_says_how_far_it_is_and_what_failed(tmp_path, bars):
    runs = [Config(1, 7), Config(2, 3, "raises"), Config(3, 2)]
    outcome = run_study(experiment, [*runs, runs[0]], RunStore(tmp_path, 1), workers=1, desc="all")
    (bar,) = bars
    assert bar.options == {"total": 12, "unit": "steps", "desc": "all", "disable": False}
    assert bar.updates == [7, 3, 2]
    assert bar.said == ["1/3 runs, 0 failed", "2/3 runs, 1 failed", "3/3 runs, 1 failed"]
    assert outcome.table["value"].tolist() == [1, 3]
    (failure,) = outcome.failures
    assert failure.config == runs[1]
    assert failure.reason.startswith("ValueError: value 2 is no good (File ")
    assert "line" in failure.reason
    assert str(failure) == f"{runs[1]}: {failure.reason}"
    again = run_study(experiment, runs[:1], RunStore(tmp_path, 1), workers=1)
    assert len(bars) == 1  # nothing is missing, so there is nothing to show
    assert again.failures == []
    assert again.table["square"].tolist() == [1]
    run_study(experiment, [Config(4)], RunStore(tmp_path, 1), workers=1, desc=None)
    assert (bars[-1].options["desc"], bars[-1].options["disable"]) == ("", True)
    run_study(experiment, [Config(5)], RunStore(tmp_path, 1), workers=1)
    assert bars[-1].options["desc"] == "study"


class Parallel:
    """In the place of joblib's: it runs here, keeps what it was told, and may lose a worker."""

    made: ClassVar[list] = []

    def __init__(self, **options):
        self.options, self.calls = options, []
        Parallel.made.append(self)

    def __call__(self, calls):
        self.calls = list(calls)
        for function, arguments, options in self.calls:
            yield function(*arguments, **options)
            if len(Parallel.made) == 1 and Parallel.breaks:
                raise study.BrokenProcessPool

    @property
    def configs(self):
        return [arguments[1] for _, arguments, _ in self.calls]


@pytest.fixture
def parallel(monkeypatch):
    monkeypatch.setattr(Parallel, "made", [])
    monkeypatch.setattr(Parallel, "breaks", False, raising=False)
    monkeypatch.setattr(study.joblib, "Parallel", Parallel)
    return Parallel


def test_all_cores_are_taken_unless_told(tmp_path, monkeypatch, parallel):
    monkeypatch.setattr(study.joblib, "cpu_count", lambda: 5)
    run_study(experiment, [Config(1)], RunStore(tmp_path, 1), desc=None)
    run_study(experiment, [Config(2)], RunStore(tmp_path, 1), workers=1, desc=None)
    assert [made.options["n_jobs"] for made in parallel.made] == [5, 1]
    assert [made.configs for made in parallel.made] == [[Config(1)], [Config(2)]]
    with pytest.raises(ValueError, match=r"^workers must be at least 0, got -2$"):
        run_study(experiment, [Config(3)], RunStore(tmp_path, 1), workers=-2)


def test_a_worker_is_given_one_run_at_a_time(tmp_path, monkeypatch, parallel):
    prepared = []
    monkeypatch.setattr(study.runtime, "prepare_worker", lambda **told: prepared.append(told))
    configs = [Config(1), Config(2)]
    run_study(experiment, configs, RunStore(tmp_path, 1), workers=2, desc=None)
    (made,) = parallel.made
    assert made.options == {
        "n_jobs": 2,
        "pre_dispatch": 2,
        "batch_size": 1,
        "return_as": "generator_unordered",
        "backend": "loky",
        "initializer": study.end_with,  # the workers watch this process
        "initargs": (os.getpid(),),
    }
    assert made.configs == configs
    assert prepared == [{"threads": 1}] * 2


def test_those_in_flight_when_a_worker_dies_are_tried_alone(tmp_path, monkeypatch, parallel):
    """Five runs by two workers: one is done when the pool breaks, three may have been in flight."""
    alone = []

    def tried_alone(in_parallel, config):
        alone.append(config.value)
        return config, ({"square": -1}, {}), None

    monkeypatch.setattr(parallel, "breaks", True)
    monkeypatch.setattr(study, "_alone", tried_alone)
    configs = [Config(value) for value in (1, 2, 3, 4, 5)]
    found = run_study(experiment, configs, RunStore(tmp_path, 1), workers=2, desc=None)
    assert alone == [2, 3, 4]
    assert found.table["square"].tolist() == [1, -1, -1, -1, 25]
    assert [made.configs for made in parallel.made] == [configs, [Config(5)]]


def test_one_worker_leaves_torchs_threads_as_they_were(tmp_path):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run_study(experiment, [Config(1)], RunStore(tmp_path, 1), workers=1, desc=None)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_parts_are_settings_and_each_run_once():
    plain = Part(experiment, lambda: [Config(2), Config(1), Config(2)])
    assert plain.settings() == {"": [Config(2), Config(1), Config(2)]}
    assert plain.runs() == [Config(2), Config(1)]
    named = Part(experiment, lambda: {"a": [Config(1)], "b": [Config(3), Config(1)]})
    assert list(named.settings()) == ["a", "b"]
    assert named.runs() == [Config(1), Config(3)]


def test_a_study_runs_the_parts_it_is_asked_for(tmp_path, monkeypatch, bars):
    monkeypatch.setattr(paths, "WORK", tmp_path)
    parts = {
        "first": Part(experiment, lambda: [Config(1), Config(2, behaviour="raises")]),
        "second": Part(experiment, lambda: [Config(3), Config(4, behaviour="raises")]),
    }
    whole = Study("some", 3, parts)
    assert whole.store().folder == tmp_path / "some"
    assert whole.store().version == 3
    assert whole.chosen(None) == ["first", "second"]
    assert whole.chosen(iter(["second"])) == ["second"]
    with pytest.raises(ValueError, match=r"^unknown part 'third'; there are first, second$"):
        whole.chosen(["first", "third"])
    failures = whole.run_parts(["second"], workers=1)
    assert [failure.config for failure in failures] == [Config(4, behaviour="raises")]
    assert [bar.options["desc"] for bar in bars] == ["second"]
    assert Config(1) not in whole.store()
    failures = whole.run_parts(workers=1)
    assert [failure.config.value for failure in failures] == [2, 4]
    assert Config(1) in whole.store()


def test_a_study_passes_on_where_to_run(tmp_path, monkeypatch):
    asked = []

    def run(*arguments, **options):
        asked.append(options)
        return study.Outcome(pd.DataFrame())

    monkeypatch.setattr(study, "run_study", run)
    Study("some", 3, {"first": Part(experiment, list)}).run_parts(workers=3, cluster="tcp://x:1")
    (options,) = asked
    assert options.items() >= {"workers": 3, "cluster": "tcp://x:1", "desc": "first"}.items()


def test_what_did_not_finish_is_raised_in_one_sentence():
    report([])
    with pytest.raises(RuntimeError) as raised:
        report([Failure("run a", "no"), Failure("run b", "never")])
    assert str(raised.value) == "runs that did not finish: run a: no; run b: never"


# Workers ----------------------------------------------------------------------------------------


def test_a_later_field_has_its_default_and_says_that_it_came_later():
    field = later(5)
    assert field.default == 5
    assert field.metadata == {"later": True}


def test_a_run_that_raises_says_its_last_line_and_where(tmp_path):
    configs = [Config(3, behaviour="raises")]
    found = run_study(experiment, configs, RunStore(tmp_path, 1), workers=1, desc=None)
    assert re.fullmatch(
        r"ValueError: value 3 is no good \(File \".*study_experiments\.py\", line \d+, "
        r"in experiment\)",
        found.failures[0].reason,
    )


def test_a_run_whose_process_dies_is_tried_alone(monkeypatch):
    tries = []

    def dies(times):
        def in_parallel(some, jobs):
            tries.append((some, jobs))
            if len(tries) <= times:
                raise study.BrokenProcessPool
            yield "an outcome"

        return in_parallel

    assert study._alone(dies(0), "run") == "an outcome"
    assert tries == [(["run"], 2)]
    tries.clear()
    assert study._alone(dies(1), "run") == "an outcome"
    assert len(tries) == 2
    tries.clear()
    lost = study._alone(dies(9), "run")
    assert lost == ("run", None, "its worker process died in each of 3 attempts")
    assert len(tries) == 2  # and one in company, before


class Future:
    def __init__(self, outcome):
        self.outcome, self.released = outcome, False
        self.status = "error" if isinstance(outcome, Exception) else "finished"

    def result(self):
        return self.outcome

    def exception(self):
        return self.outcome

    def release(self):
        self.released = True


@pytest.fixture
def dask(monkeypatch):
    """A cluster in this process: what the client was told, and what can go wrong."""
    told = {"wrong": None, "submitted": [], "futures": [], "closed": False}

    class Client:
        def __init__(self, address, timeout):
            told["connected"] = (address, timeout)
            if isinstance(told["wrong"], OSError):
                raise told["wrong"]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            told["closed"] = True

        def wait_for_workers(self, n, timeout):
            told["waited"] = (n, timeout)
            if told["wrong"] == "no workers":
                raise TimeoutError

        def submit(self, function, *arguments, pure):
            told["submitted"].append((arguments[1], pure))
            lost = arguments[1].behaviour == "dies"
            outcome = KeyError("lost") if lost else function(*arguments)
            told["futures"].append(Future(outcome))
            return told["futures"][-1]

    module = type(sys)("distributed")
    module.Client = Client
    module.as_completed = lambda futures: list(reversed(list(futures)))
    monkeypatch.setitem(sys.modules, "distributed", module)
    return told


def test_a_cluster_that_is_not_there_is_told(tmp_path, dask):
    dask["wrong"] = OSError("refused")
    with pytest.raises(TimeoutError, match=r"^no Dask scheduler answers at tcp://x:1$"):
        run_study(experiment, [Config(1)], RunStore(tmp_path, 1), cluster="tcp://x:1")
    dask["wrong"] = "no workers"
    sentence = (
        "the Dask scheduler at tcp://x:1 had no worker within 60 s; "
        "start one with: dask worker tcp://x:1 --nthreads 1"
    )
    with pytest.raises(TimeoutError, match=f"^{re.escape(sentence)}$"):
        run_study(experiment, [Config(1)], RunStore(tmp_path, 1), cluster="tcp://x:1")


def test_a_cluster_needs_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    sentence = "cluster= needs the extra 'cluster': pip install 'memory-and-messages[cluster]'"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        run_study(experiment, [Config(1)], RunStore(tmp_path, 1), cluster="tcp://x:1")
