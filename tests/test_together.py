"""Trainings at the same time compute what they compute alone, and stop together."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers import together as module
from helpers.combined import series, structure
from helpers.palindromes.experiment import PalindromeRun, train_network
from helpers.steps import Step
from helpers.together import together
from tests.fake_accelerator import fake_accelerator


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 2)


def test_each_computes_what_it_computes_alone():
    runs = {
        (model, T): PalindromeRun(model, T, 3, 8, hidden_size=16, batch_size=8)
        for model in ("rnn", "lstm")
        for T in (5, 9)
    }
    found = together(train_network, runs)
    assert list(found) == list(runs)
    for name, run in runs.items():
        _, record, curves = train_network(run)
        assert found[name][1] == record
        np.testing.assert_array_equal(found[name][2]["loss"], curves["loss"])


def test_networks_that_draw_their_weights_from_torchs_own_generator_too():
    """Their weights are drawn one network at a time, and that generator is left as it was."""
    runs = {k: structure.StructureRun("gated", "chain", 5, k, 2) for k in range(4)}
    before = torch.get_rng_state()
    found = together(structure.train_structure, runs)
    assert torch.equal(torch.get_rng_state(), before)
    assert [found[k][0] for k in runs] == [structure.train_structure(runs[k])[0] for k in runs]
    name = series.MODELS[-1]
    runs = {seed: series.SeriesRun(name, seed, 2) for seed in range(3)}
    for seed, (model, fit) in together(series.train_forecaster, runs).items():
        alone, curves = series.train_forecaster(runs[seed])
        np.testing.assert_array_equal(fit.loss, curves.loss)
        for p, q in zip(model.parameters(), alone.parameters(), strict=True):
            assert torch.equal(p, q)


def _watched(run, on_step, should_stop, device):
    """A training that notes its thread and goes on until it is told to stop."""
    run.threads.append(threading.current_thread().name)
    for number in range(1, run.steps + 1):
        on_step(Step(number, 0.0))
        if run.fails:
            run.barrier.wait(10)
            raise FloatingPointError("it went wrong")
        time.sleep(1e-4)
        if should_stop():
            return "stopped"
        if number == 1:
            run.barrier.wait(10)
    return "done"


def test_where_one_fails_the_other_stops_and_its_error_is_raised():
    barrier, threads = threading.Barrier(2), []
    shared = {"steps": 10**5, "barrier": barrier, "threads": threads}
    runs = {
        "good": SimpleNamespace(fails=False, **shared),
        "bad": SimpleNamespace(fails=True, **shared),
    }
    with pytest.raises(FloatingPointError, match="it went wrong"):
        together(_watched, runs)
    assert len(set(threads)) == 2  # both were under way at once


def test_one_after_the_other_on_an_accelerator_or_with_threads_of_torchs_own(monkeypatch):
    names = []

    def train(run, on_step, should_stop, device):
        names.append((threading.current_thread().name, torch.get_num_threads()))
        on_step(Step(1, 0.0))
        return run.steps

    runs = {k: SimpleNamespace(steps=k) for k in (1, 2, 3)}
    with fake_accelerator() as there:
        assert together(train, runs, there) == {1: 1, 2: 2, 3: 3}
    assert len({name for name, _ in names}) == 1
    del names[:]
    monkeypatch.setattr(module.torch, "get_num_threads", lambda: 2)
    assert together(train, runs) == {1: 1, 2: 2, 3: 3}
    assert len({name for name, _ in names}) == 1
    with pytest.raises(ValueError, match="device"):
        together(train, runs, "nowhere")
