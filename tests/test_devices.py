"""The whole path of a training on another device than the CPU: on a GPU where there is one, and
everywhere on a pretended accelerator that refuses to mix devices.
"""

import functools
from contextlib import contextmanager

import pytest
import torch

from helpers import runtime
from helpers.combined import (
    links,
    neighbours,
    pedigree,
    serialised,
    series,
    small_graphs,
    structure,
)
from helpers.optimizers.race import RaceRun, run_race
from helpers.palindromes.experiment import PalindromeRun, train_network
from helpers.palindromes.growing import GrowingRun, grow_network, train
from helpers.recurrent.cells import CELLS
from helpers.store import RunStore
from helpers.study import run_study
from helpers.text import CharLM, Vocabulary
from helpers.text.evaluation import bits_by_beginning, bits_by_position
from helpers.text.levered import LeveredLM
from helpers.text.sampling import beam_search, generate_batch
from helpers.text.training import Plan, fit
from helpers.text.unit_search import activations
from helpers.text.widening import widened
from tests.fake_accelerator import fake_accelerator


@contextmanager
def _real(name):
    yield name


DEVICES = {
    "fake": fake_accelerator,
    "cuda": lambda: _real("cuda"),
    "mps": lambda: _real("mps"),
}
HERE = {"fake": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}


@pytest.fixture(params=list(DEVICES))
def device(request):
    if not HERE[request.param]:
        pytest.skip(f"this machine has no {request.param}")
    with DEVICES[request.param]() as name:
        yield name


def test_the_pretended_accelerator_refuses_to_mix_and_computes():
    with fake_accelerator() as there:
        x = torch.arange(3.0)
        moved = x.to(there)
        assert moved.device.type == there
        assert (moved * 2).cpu().tolist() == [0, 2, 4]
        with pytest.raises(RuntimeError, match="two devices"):
            _ = moved + x


def test_devices_are_named_or_refused():
    assert runtime.device("cpu") == torch.device("cpu")
    assert runtime.devices("cpu") == [torch.device("cpu")]
    assert runtime.device("auto").type in ("cuda", "mps", "cpu")
    for wrong in ("meta", "gpu", "cuda:99", None, 3):
        with pytest.raises(ValueError, match=r"(device|preference) must be"):
            runtime.device(wrong)


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(monkeypatch, cuda, mps, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert runtime.device("auto").type == chosen


CELLS_OF_ONE_SIZE = sorted(name for name, cell in CELLS.items() if cell.batch_size_option is None)


@pytest.mark.parametrize("model", CELLS_OF_ONE_SIZE)
def test_a_run_trains_and_is_held_out_there(device, model):
    run = PalindromeRun(model, 5, 0, 3, hidden_size=8, batch_size=16, encoding="one_hot")
    network, record, curves = train_network(run, device=device)
    assert runtime.device_of(network).type == device
    assert record["held_out_n"] > 0
    assert curves["loss"][0] == pytest.approx(train_network(run)[2]["loss"][0], rel=1e-4)


@pytest.mark.parametrize("task", ["adding", "copying"])
def test_other_tasks_run_there(device, task):
    run = PalindromeRun(
        "lstm",
        5,
        0,
        2,
        hidden_size=8,
        batch_size=16,
        task=task,
        encoding="raw" if task == "adding" else "one_hot",
    )
    assert train_network(run, device=device)[1]["steps_run"] == 2


def test_growing_lengths_are_read_there(device):
    run = GrowingRun("lstm", 8, 0, 4, hidden_size=8, batch_size=16, start=3, until_perfect=2)
    network, record, _ = grow_network(run, device=device)
    assert runtime.device_of(network).type == device
    assert record["steps_run"] == 4


@pytest.mark.parametrize(
    ("experiment", "run"),
    [
        (links.train_links, links.LinkRun("combined", 8, 0, steps=2)),
        (
            neighbours.train_aggregator,
            neighbours.NeighbourRun(sorted(neighbours.AGGREGATORS)[0], 0, steps=2),
        ),
        (series.train_series, series.SeriesRun(series.MODELS[-1], 0, steps=2)),
        (
            serialised.train_graphs,
            serialised.GraphRun("gated", "distance", 0, features="mark", steps=2),
        ),
        (structure.train_structure, structure.StructureRun("gcn", "mirror", 5, 0, steps=2)),
        (structure.train_attention, structure.AttentionRun(5, 0, steps=2)),
        (pedigree.train_pedigree, pedigree.PedigreeRun("gated", 0, steps=2)),
        (pedigree.train_pedigree, pedigree.PedigreeRun("lstm", 0, order="birth", steps=2)),
        (run_race, RaceRun("Adam", 1e-3, 0, T=5, steps=2, eval_every=1)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_comparisons_and_the_race_run_there(device, experiment, run, monkeypatch):
    # Drawn on the processor; all of them take most of a minute where tensors pretend.
    few = functools.partial(small_graphs.graphs_of, n=500)
    monkeypatch.setattr(serialised, "graphs_of", few)
    record, _ = experiment(run, device=device)
    assert not record["diverged"]


@pytest.mark.parametrize(("kind", "named"), [("cuda", ("cuda:1",)), ("mps", ())])
def test_a_device_is_asked_for_its_own_generator(monkeypatch, kind, named):
    there = torch.device("cuda:1" if kind == "cuda" else kind)
    state, asked = torch.arange(16, dtype=torch.uint8), []
    own, here = getattr(torch, kind), torch.get_rng_state()
    monkeypatch.setattr(own, "get_rng_state", lambda *device: [asked.append(device), state][1])
    monkeypatch.setattr(own, "set_rng_state", lambda *given: asked.append(given))
    assert runtime.random_state(there) is state
    runtime.set_random_state(there, state)
    read, (restored, *device) = asked
    assert tuple(map(str, read)) == tuple(map(str, device)) == named
    assert restored is state
    assert torch.equal(torch.get_rng_state(), here)


@pytest.mark.filterwarnings("ignore:.*which is a no-op")  # it is one where tensors do not pretend
@pytest.mark.parametrize("batching", ["windows", "streams"])
def test_a_training_goes_on_there_as_if_it_had_never_stopped(device, tmp_path, batching):
    text = "the cat sat on the mat. " * 4
    vocab = Vocabulary(text)
    ids = vocab.encode(text)

    def run(stop_at=None, **options):
        torch.rand(3, device=device)  # whatever was drawn there before must not matter
        seen, model = [], CharLM(len(vocab), 8, 1, dropout=0.4, generator=runtime.generator(0))
        return fit(
            *(model.to(device), ids, ids),
            Plan(4, batching=batching, length=5, batch_size=4, optimizer="adamw", eval_every=2),
            on_step=lambda step: seen.append(step.number),
            should_stop=lambda: seen[-1] == stop_at,
            **options,
        )

    whole = run()
    run(resume=tmp_path / "snapshot", stop_at=3)
    # The order of sums on a GPU is its own; another mask would be a matter of per cents.
    assert run(resume=tmp_path / "snapshot").loss == pytest.approx(whole.loss, rel=1e-4)


def test_a_character_model_is_trained_read_and_asked_there(device, request):
    text = "the cat sat on the mat. " * 40
    vocab = Vocabulary(text)
    ids = vocab.encode(text)
    model = CharLM(len(vocab), 8, 2, generator=runtime.generator(0)).to(device)
    plan = Plan(3, batching="streams", length=10, batch_size=4, eval_every=2, restart=0.5)
    history = fit(model, ids, ids, plan)
    assert history.step == 3
    assert runtime.device_of(model).type == device
    assert len(bits_by_position(model, ids, 5, windows=4)) == 5
    assert set(bits_by_beginning(model, ids, 10)) == set(ids.unique().tolist())
    if "fake" in request.node.name:
        return  # in inference mode torch makes no tensors that pretend
    here = CharLM(len(vocab), 8, 2)
    here.load_state_dict({name: tensor.cpu() for name, tensor in model.state_dict().items()})
    for settings in ({"temperature": 0.0}, {"top_k": 3}, {"top_p": 0.9}):
        there = generate_batch(model, vocab, ["the", "a"], 20, seed=0, **settings)
        assert there == generate_batch(here, vocab, ["the", "a"], 20, seed=0, **settings)
    assert (
        beam_search(model, vocab, "the", 8, beam_width=3)[0]
        == beam_search(here, vocab, "the", 8, beam_width=3)[0]
    )
    assert activations(model, vocab, text[:30]).shape[0] == 30


def test_a_widened_model_lies_there(device):
    narrow = LeveredLM(7, 4, 2, norm=True, generator=runtime.generator(0)).to(device)
    wide = widened(narrow, 6, generator=runtime.generator(1))
    assert runtime.device_of(wide).type == device
    here = widened(narrow.cpu(), 6, generator=runtime.generator(1))
    assert all(
        torch.equal(a.cpu(), b) for a, b in zip(wide.parameters(), here.parameters(), strict=True)
    )


def test_a_study_runs_there(device, tmp_path):
    run = PalindromeRun("rnn", 5, 0, 2, hidden_size=8, batch_size=16)
    found = run_study(train, [run], RunStore(tmp_path, 1), workers=1, device=device, desc=None)
    assert not found.failures
    assert found.table["steps_run"].tolist() == [2]


def test_a_study_deals_its_runs_out_to_all_gpus(monkeypatch, tmp_path):
    """A worker a GPU: every device is given its share."""
    monkeypatch.setattr(runtime, "devices", lambda _: [torch.device("cuda", k) for k in (0, 1)])
    monkeypatch.setattr("helpers.study._on_this_machine", seen := _Dealt())
    configs = [PalindromeRun("rnn", 5, seed, 2) for seed in range(4)]
    run_study(train, configs, RunStore(tmp_path, 1), device="cuda", desc=None)
    assert (seen.workers, seen.places) == (2, ["cuda:0", "cuda:1"])


class _Dealt:
    """Stands in for the workers, and notes what they would have been given."""

    def __call__(self, experiment, configs, workers, places, store):
        self.workers, self.places = workers, places
        return iter(())


def test_mixed_precision_is_asked_of_the_device():
    with runtime.autocast(torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu") == runtime.bf16_available()
        assert torch.get_autocast_dtype("cpu") == torch.bfloat16
    with runtime.autocast(torch.device("cpu"), bf16=False):
        assert not torch.is_autocast_enabled("cpu")
    assert not runtime.bf16_available("meta")


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with runtime.threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("said", "threads"), [("", 1), ("3", 3), ("0", 1), ("many", 1)])
def test_one_thread_unless_the_reader_says_otherwise(monkeypatch, said, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert runtime.own_threads() == threads
    assert runtime.own_threads(16) == (3 if said == "3" else 16)
