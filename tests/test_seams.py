"""What the README says of extending the house, done: its cell, task and layer, from a folder."""

import dataclasses
import re
import subprocess
import sys

import pytest
import torch

from helpers.palindromes.experiment import PalindromeRun, build, train_one_length
from helpers.palindromes.growing import GrowingRun, train_growing
from helpers.palindromes.tasks import TASKS
from helpers.paths import ROOT
from helpers.recurrent import CELLS, SequenceModel, VanillaRNN
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.parameters import cell_parameters, count_parameters
from helpers.recurrent.training import evaluate
from helpers.runtime import generator

SMALL = {"hidden_size": 12, "batch_size": 16}

_TRIED = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for module in ("leaky", "parity", "neighbour_sum"):
    importlib.import_module(module)
import torch
from helpers.combined.networks import MessagePassing
from helpers.palindromes.experiment import PalindromeRun, train_one_length
from helpers.palindromes.growing import GrowingRun, train_growing
from helpers.recurrent.parameters import cell_parameters, count_parameters
from helpers.recurrent import find_cell

small = {"hidden_size": 12, "batch_size": 16}
record, curves = train_one_length(
    PalindromeRun("leaky", T=5, seed=0, steps=4, options={"keep": 0.9}, **small)
)
assert len(curves["loss"]) == 4 and record["held_out_n"] > 0
record, _ = train_one_length(PalindromeRun("leaky", T=6, seed=0, steps=4, task="parity", **small))
assert 0 <= record["held_out_accuracy"] <= 1
assert train_growing(GrowingRun("leaky", 8, 0, 4, task="parity", **small))[0]["steps_run"] == 4
assert count_parameters(find_cell("leaky")(3, 5)) == cell_parameters("leaky", 3, 5)
for bad in ({"options": {"keep": 2}}, {"options": {"speed": 1}}, {"chrono": 9.0}):
    try:
        PalindromeRun("leaky", T=5, seed=0, steps=4, **bad)
    except ValueError as error:
        print("refused:", error)
    else:
        raise SystemExit(f"{bad} was accepted")
H = MessagePassing("neighbour_sum", 2, 8, 3)(torch.randn(1, 4, 2), torch.ones(4, 4))
assert H.shape == (1, 4, 8)
"""


def test_the_readmes_examples_are_found_and_trained(tmp_path):
    blocks = re.findall(
        r"```python\n# (helpers/\S+)\n(.*?)```", (ROOT / "README.md").read_text(), re.S
    )
    assert len(blocks) == 3
    for path, code in blocks:
        assert (ROOT / path).parent.is_dir(), path
        (tmp_path / path.rsplit("/", 1)[1]).write_text(code)
    done = subprocess.run(
        [sys.executable, "-c", _TRIED, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("refused:") == 3


def test_two_classes_cannot_have_one_name():
    with pytest.raises(ValueError, match="two cells are called 'rnn'"):
        type("Other", (RecurrentCore,), {"name": "rnn", "gates": ("h",)})
    assert CELLS["rnn"] is VanillaRNN


def test_a_cell_that_promises_a_kernel_must_have_one():
    class Promise(RecurrentCore):
        gates = ("g",)
        has_fused_kernel = True

    with pytest.raises(NotImplementedError, match="Promise says has_fused_kernel but defines no"):
        Promise(1, 2)(torch.zeros(1, 3, 1))


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_says_what_figures_need_and_counts_itself(name):
    cell = CELLS[name]
    assert cell.label
    assert re.fullmatch(r"#[0-9A-F]{6}", cell.color)
    sizes = {"slots": 5} if cell.batch_size_option else {}
    assert count_parameters(cell(3, 5, **sizes)) == cell_parameters(name, 3, 5)


# Tasks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("model", ["rnn", "lru"])
def test_any_cell_trains_on_any_task(name, model):
    task = TASKS[name]
    run = PalindromeRun(
        model, T=6, seed=0, steps=3, task=name, encoding=task.encodings[-1], **SMALL
    )
    record, curves = train_one_length(run)
    assert len(curves["loss"]) == 3
    assert record["sensitivity"] > 0
    assert record["log10_gradient_ratio"] is not None
    assert 0 <= record["held_out_accuracy"] <= 1
    grown = GrowingRun(model, T=8, seed=0, steps=3, task=name, encoding=task.encodings[-1], **SMALL)
    assert train_growing(grown)[0]["steps_run"] == 3


@pytest.mark.parametrize("name", TASKS)
def test_chance_is_what_a_network_that_guesses_reaches(name):
    task = TASKS[name]
    examples = task.held_out_set(40, 4000)
    assert len(examples) == 4000
    _, y = task.split(examples, task.encodings[0])
    if task.read_out == "number":
        out = torch.ones_like(y)
    else:
        out = torch.rand(*y.shape, task.outputs, generator=generator(1))
        if task.read_out == "every":
            out[..., -1] = -1.0  # it knows that the blank is not asked for
    right, of = task.right(out, y)
    assert right / of == pytest.approx(task.chance, abs=0.02)


@pytest.mark.parametrize("name", TASKS)
def test_examples_disturbed_differ_in_their_first_answer_only(name):
    task = TASKS[name]
    examples = task.draw(50, 12, generator(0))
    changed = task.disturbed(examples)
    x, y = task.split(examples, task.encodings[0])
    z, _ = task.split(changed, task.encodings[0])
    assert ((x != z).any(-1).sum(1) == 1).all()  # one step of each example
    assert len(y) == 50


def test_adding_asks_for_the_sum_of_two_marked_numbers():
    task = TASKS["adding"]
    x, y = task.split(task.draw(500, 9, generator(0)), "raw")
    assert x.shape == (500, 9, 2)
    marks = x[..., 1]
    assert (marks[:, :4].sum(1) == 1).all()
    assert (marks[:, 4:].sum(1) == 1).all()
    by_hand = [sum(v.item() for v, mark in row if mark) for row in x]
    assert y.tolist() == pytest.approx(by_hand)
    assert task.loss(torch.ones_like(y), y).item() == pytest.approx(1 / 6, abs=0.02)
    assert task.right(y + 0.0399, y) == (500, 500)
    assert task.right(y - 0.0401, y) == (0, 500)
    with pytest.raises(ValueError, match="T must be at least 2"):
        PalindromeRun("rnn", T=1, seed=0, steps=1, task="adding")


def test_copying_asks_for_ten_symbols_after_the_delay():
    task = TASKS["copying"]
    examples = task.draw(7, 5, generator(0))
    x, y = task.split(examples, "one_hot")
    assert x.shape == (7, 25, 10)
    assert y.shape == (7, 25)
    read = x.argmax(-1)
    assert torch.equal(read[:, :10], y[:, -10:])
    assert (y[:, :15] == 8).all()
    assert (read[:, 14] == 9).all()
    assert (read[:, 10:14] == 8).all()
    # A network that says blanks and guesses the symbols: 10 ln 8 / (T + 20) nats a step.
    logits = torch.full((7, 25, 9), -40.0)
    logits[:, :15, 8] = 0.0
    logits[:, 15:, :8] = 0.0
    expected = 10 * torch.log(torch.tensor(8.0)) / 25
    assert task.loss(logits, y).item() == pytest.approx(expected.item())
    right = torch.nn.functional.one_hot(y, 9).float()
    assert task.right(right, y) == (70, 70)


def test_read_outs_have_their_shapes():
    core = VanillaRNN(2, 4)
    x = torch.randn(3, 5, 2)
    every = SequenceModel(core, 6, read_out="every")(x)
    assert every.shape == (3, 5, 6)
    last = SequenceModel(core, 6)
    assert last(x).shape == (3, 6)
    torch.testing.assert_close(last.read(core(x)[0]), last(x))
    assert SequenceModel(core, 1, read_out="number")(x).shape == (3,)
    for bad in ({"read_out": "number"}, {"read_out": "first"}):
        with pytest.raises(ValueError, match="must be"):
            SequenceModel(core, 2, **bad)


def test_evaluation_of_a_number_and_of_every_step():
    for name in ("adding", "copying"):
        task = TASKS[name]
        run = PalindromeRun("rnn", 6, 0, 1, task=name, encoding=task.encodings[0], **SMALL)
        network = build(run)
        pieces = list(task.held_out(6, 50, run.encoding, 7))
        whole = list(task.held_out(6, 50, run.encoding, 50))
        assert evaluate(network, pieces, task) == pytest.approx(evaluate(network, whole, task))
    with pytest.raises(ValueError, match="nothing to evaluate on"):
        evaluate(network, [], task)


# Configurations ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "rnn", "chrono": 99.0}, "chrono must be left out: the cell 'rnn' has no"),
        ({"model": "gru", "forget_bias": 1.0}, "forget_bias must be left out"),
        ({"model": "lstm", "chrono": 9.0, "forget_bias": 1.0}, "where chrono biases take its"),
        ({"optimizer": "lion"}, "optimizer must be one of"),
        ({"lr": -1}, "lr must be above 0"),
        ({"lr": 0}, "lr must be above 0"),
        ({"clip_norm": -1}, "clip_norm must be above 0"),
        ({"stop_after_perfect": 0}, "stop_after_perfect must be at least 1"),
        ({"chrono": -5.0, "model": "lstm"}, "chrono must be at least 3"),
        ({"bf16": 1}, "bf16 must be True or False"),
        ({"task": "weather"}, "task must be one of"),
        ({"task": "copying"}, "encoding must be one of"),
        ({"num_layers": 0}, "num_layers must be at least 1"),
        ({"options": {"r_min": 0.5}}, "options must be of the cell 'rnn'"),
        ({"options": "r_min"}, "options must read like"),
        ({"model": "lru", "options": {"r_min": 2.0}}, "r_min < r_max < 1 must hold"),
        ({"model": "lru", "W_h": "orthogonal"}, "has no W_h to initialise"),
        ({"model": "lstm_slot_bias", "batch_size": 64}, "slots must equal hidden_size"),
        ({"model": "lstm_slot_bias", "options": {"slots": 4}}, "options must be of the cell"),
        ({"W_x": "constant:nan"}, "takes a finite number"),
    ],
)
def test_what_a_run_cannot_be_is_refused_when_it_is_made(fields, message):
    with pytest.raises(ValueError, match=message):
        PalindromeRun(**{"model": "rnn", "T": 5, "seed": 0, "steps": 10, **fields})


def test_options_have_one_text():
    made = [
        PalindromeRun("lru", 5, 0, 1, options=options)
        for options in ({"r_max": 0.9, "r_min": 0.5}, "r_min=0.5,  r_max=0.9")
    ]
    assert made[0] == made[1]
    assert made[0].options == "r_max=0.9, r_min=0.5"
    assert dataclasses.replace(made[0], T=6).options == made[0].options
