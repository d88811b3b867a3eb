"""A run from configuration to record: reproducible, pinned, and honest about success."""

import dataclasses

import numpy as np
import pytest
import torch

from helpers import runtime
from helpers.palindromes import experiment, settings
from helpers.palindromes.experiment import PalindromeRun, train_one_length
from helpers.palindromes.tasks import palindromes
from helpers.recurrent import CELLS, SequenceClassifier, VanillaRNN, training
from helpers.recurrent.cells.slot_bias import SlotBiasLSTM
from helpers.runtime import generator
from helpers.store import run_key

SMALL = {"hidden_size": 16, "batch_size": 16}

# The first five losses of a reference run a model. If a change moves them, the experiment computes
# something else: bump EXPERIMENT_VERSION, rerun the study, then pin anew.
PINNED = {
    "rnn": [2.502577, 2.337024, 2.458048, 2.44175, 2.380076],
    "lstm": [2.264602, 2.274611, 2.309723, 2.221314, 2.342232],
    "gru": [2.273848, 2.292841, 2.264479, 2.24477, 2.401882],
    "peephole": [2.264602, 2.274661, 2.310003, 2.221125, 2.34285],
    "lru": [4.069489, 2.846458, 2.894669, 2.599952, 3.050818],
    "min_gru": [2.371175, 2.340529, 2.321397, 2.32086, 2.437778],
    "lstm_slot_bias": [2.264602, 2.274565, 2.311289, 2.223204, 2.340646],
    "lstm_held": [2.264602, 2.274611, 2.309723, 2.221314, 2.342232],  # the LSTM, with nothing held
    "lstm_squashed": [2.264602, 2.274611, 2.309723, 2.221314, 2.342232],  # and as usual squashed
}


@pytest.mark.parametrize("model", ["rnn", "lstm"])
def test_a_cpu_without_bfloat16_trains_in_float32(model, monkeypatch):
    runs = [PalindromeRun(model, T=4, seed=0, steps=5, bf16=bf16) for bf16 in (False, True)]
    monkeypatch.setattr(runtime, "_bf16", False)
    (_, exact), (_, instead) = map(train_one_length, runs)
    assert np.array_equal(exact["loss"], instead["loss"])


@pytest.mark.parametrize("norm", [0.01, 1.0, 1e3])
def test_clipping_one_vector_is_torchs_clipping_to_the_last_bit(norm):
    model = VanillaRNN(1, 8)
    gradients = [torch.randn_like(p) for p in model.parameters()]
    flat = training._Flat(model)
    for p, g in zip(model.parameters(), gradients, strict=True):
        p.grad.copy_(g)
    copy = torch.nn.Parameter(flat.vector.detach().clone())
    copy.grad = flat.vector.grad.clone()
    torch.nn.utils.clip_grad_norm_([copy], norm, foreach=False)
    flat.clip_(norm)
    assert torch.equal(flat.vector.grad, copy.grad)


@pytest.mark.parametrize("model", CELLS)
def test_reference_losses_are_pinned(model):
    start = {"W_h": "orthogonal"} if "W_h" in CELLS[model].initialised_matrices else {}
    run = PalindromeRun(model, T=7, seed=1, steps=5, **start, **SMALL)
    _, curves = train_one_length(run)
    np.testing.assert_allclose(curves["loss"], PINNED[model], rtol=1e-5)


def test_the_key_depends_on_everything_and_on_nothing_else():
    run = PalindromeRun("lstm", T=5, seed=0, steps=10, encoding="one_hot")
    assert run_key(run, 1) == run_key(PalindromeRun("lstm", 5, 0, 10, encoding="one_hot"), 1)
    changed = {
        "model": "peephole", "T": 6, "seed": 1, "steps": 11, "hidden_size": 64, "batch_size": 64,
        "encoding": "centred", "optimizer": "adam", "lr": 2e-3, "clip_norm": 1.0, "W_x": "zeros",
        "W_h": "identity", "W_ph": "zeros", "forget_bias": 1.0, "chrono": 9.0, "bf16": True,
        "stop_after_perfect": 3, "task": "copying", "num_layers": 2,
    }  # fmt: skip
    assert {*changed, "options"} == {f.name for f in dataclasses.fields(run)}
    lru = PalindromeRun("lru", T=5, seed=0, steps=10)
    assert run_key(lru, 1) != run_key(dataclasses.replace(lru, options={"r_min": 0.5}), 1)
    keys = {run_key(dataclasses.replace(run, **{k: v}), 1) for k, v in changed.items()}
    assert len(keys | {run_key(run, 1), run_key(run, 2)}) == len(changed) + 2


def test_a_run_repeats_exactly_and_pairs_its_data():
    run = PalindromeRun("lstm", T=6, seed=3, steps=8, **SMALL)
    first, second = train_one_length(run), train_one_length(run)
    assert first[0] == second[0]
    np.testing.assert_array_equal(first[1]["loss"], second[1]["loss"])
    streams = [next(experiment.training_batches(run)) for _ in range(2)]
    assert torch.equal(streams[0][1], streams[1][1])


@pytest.mark.slow
def test_an_rnn_learns_short_palindromes_and_generalises():
    run = PalindromeRun("rnn", 3, seed=0, steps=900, stop_after_perfect=60, **settings.INIT_000)
    record, curves = train_one_length(run)
    assert record["solved"]
    assert record["held_out_accuracy"] == 1.0
    assert len(curves["loss"]) == record["steps_run"] < 900


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "transformer"), ("T", 0), ("steps", 0), ("seed", -1), ("encoding", "hex"),
        ("lr", float("nan")), ("W_h", "random"), ("hidden_size", 0),
    ],
)  # fmt: skip
def test_bad_configuration_is_a_sentence(field, value):
    good = {"model": "rnn", "T": 5, "seed": 0, "steps": 10}
    with pytest.raises(ValueError, match=r"must be|unknown initialisation"):
        PalindromeRun(**{**good, field: value})


# What counts as solved --------------------------------------------------------------------


def curves_of(accuracy):
    return training.Curves(np.ones(len(accuracy), np.float32), np.array(accuracy, np.float32))


def test_solved_needs_fifty_steps_in_a_row_on_average():
    assert curves_of([0.1] * 100 + [1.0] * 50).solved_step() == 150
    assert curves_of([0.1] * 100 + [1.0] * 49).solved_step() is None
    assert curves_of([0.99] * 50).solved_step() == 50
    assert curves_of([1.0] * 10).solved_step() is None
    late = experiment.summarise(curves_of([1.0] * 60 + [0.1] * 200))
    assert late["solved"]
    assert late["final_accuracy"] == pytest.approx(0.1)


def test_a_run_that_turns_nan_is_unsolved_and_stops():
    model = SequenceClassifier(VanillaRNN(1, 4), 10)
    with torch.no_grad():
        model.W_ph[0, 0] = float("nan")
    batch = (torch.zeros(8, 3, 1), torch.zeros(8, dtype=torch.int64))
    curves = training.fit(model, iter([batch] * 9), steps=9, lr=1e-3)
    assert curves.diverged
    assert curves.steps == 1
    assert not experiment.summarise(curves)["solved"]


def test_no_update_follows_a_loss_that_is_not_finite():
    model = SequenceClassifier(VanillaRNN(1, 4), 10)
    before = {}

    def batches():
        y = torch.zeros(8, dtype=torch.int64)
        for x in (0.0, 1.0, float("nan")):
            before.update({name: w.detach().clone() for name, w in model.named_parameters()})
            yield torch.full((8, 3, 1), x), y

    curves = training.fit(model, batches(), steps=9, lr=1e-3)
    assert curves.diverged
    assert curves.steps == 3
    assert not np.isfinite(curves.loss[-1])
    for name, weights in model.named_parameters():
        assert torch.equal(weights, before[name]), name


def test_fit_equals_the_usual_loop():
    """One flat vector of parameters is the same optimizer and the same clipping."""

    def make():
        torch.manual_seed(3)
        return SequenceClassifier(VanillaRNN(1, 6), 10)

    data = [(torch.randn(5, 4, 1), torch.randint(10, (5,))) for _ in range(7)]
    ours, theirs = make(), make()
    curves = training.fit(ours, iter(data), steps=7, lr=1e-2, clip_norm=0.3)
    optimizer = torch.optim.RMSprop(theirs.parameters(), lr=1e-2, alpha=0.99, eps=1e-8)
    for step, (x, y) in enumerate(data):
        loss = torch.nn.functional.cross_entropy(theirs(x), y)
        assert curves.loss[step] == pytest.approx(loss.item(), rel=1e-5)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.3)
        optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_early_stop_only_by_its_rule():
    model = SequenceClassifier(VanillaRNN(1, 4), 2)
    batch = (torch.zeros(8, 3, 1), torch.zeros(8, dtype=torch.int64))
    whole = training.fit(model, iter([batch] * 99), steps=60, lr=0.01)
    assert whole.steps == 60
    stopped = training.fit(model, iter([batch] * 99), steps=60, lr=0.01, stop_after_perfect=10)
    assert stopped.steps == 10
    seen = []
    by_hand = training.fit(
        model,
        iter([batch] * 9),
        steps=9,
        lr=0.01,
        on_step=seen.append,
        should_stop=lambda: len(seen) == 3,
    )
    assert by_hand.steps == 3


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"lr": 0.0}, {"lr": -1.0}, {"optimizer": "lbfgs"}]
)
def test_bad_fit_arguments(options):
    model = SequenceClassifier(VanillaRNN(1, 4), 2)
    with pytest.raises(ValueError, match="must be"):
        training.fit(model, iter([]), **{"steps": 3, "lr": 0.1, **options})


def test_evaluation_counts_every_sample_once():
    model = SequenceClassifier(VanillaRNN(1, 4), 10)
    x, y = torch.randn(23, 3, 1), torch.randint(10, (23,))
    loss, accuracy = training.evaluate(model, zip(x.split(5), y.split(5), strict=True))
    with torch.no_grad():
        logits = model(x)
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())


@pytest.mark.parametrize("mode", [True, False])
def test_evaluation_gives_a_model_back_in_its_mode(mode):
    model = SequenceClassifier(VanillaRNN(1, 4), 10).train(mode)
    seen = []
    model.register_forward_hook(lambda module, *_: seen.append(module.training))
    batch = torch.randn(5, 3, 1), torch.zeros(5, dtype=torch.int64)

    def broken():
        yield batch
        raise OSError("half way")

    training.evaluate(model, [batch])
    assert model.training is mode
    with pytest.raises(OSError, match="half way"):
        training.evaluate(model, broken())
    assert model.training is mode
    with pytest.raises(ValueError, match="nothing to evaluate on"):
        training.evaluate(model, [])
    assert model.training is mode
    assert torch.is_grad_enabled()
    assert seen == [False, False]


# Measurements at initialisation, and the bug under a name ------------------------------------


def test_gradient_ratio_equals_bptt_by_hand():
    from helpers.recurrent import bptt

    run = PalindromeRun("rnn", T=9, seed=0, steps=1, W_h="spectral:1.2", **SMALL)
    model = experiment.build(run)
    digits = palindromes.mirror(palindromes.draw_half_strings(12, 9, generator(0)), 9)
    ratio = experiment.log10_gradient_ratio(model, digits, run)
    x, y = palindromes.split_target(digits, "raw")
    d_h = bptt.rnn_gradients(model.double(), x.double(), y).d_h
    assert ratio == pytest.approx(torch.log10(d_h[1].norm() / d_h[-1].norm()).item(), abs=1e-6)


def test_an_rnn_without_memory_is_insensitive():
    digits = torch.randint(10, (6, 5))
    run = PalindromeRun("rnn", T=4, seed=0, steps=1)
    forgetful, remembering = (VanillaRNN(1, 8, W_hh=start) for start in ("zeros", "identity"))
    assert experiment.sensitivity(forgetful, digits, run) == 0
    assert experiment.sensitivity(remembering, digits, run) > 0


def test_slot_bias_belongs_to_the_place_in_the_batch():
    core = SlotBiasLSTM(1, 4, slots=4)
    x = torch.randn(1, 5, 1).expand(4, 5, 1)
    assert torch.equal(core(x)[0][0], core(x)[0][3])  # equal biases, equal outputs
    with torch.no_grad():
        core.b_l0[4] = 3.0  # forget bias of place 0
    outputs = core(x)[0]
    assert not torch.allclose(outputs[0], outputs[3])
    torch.testing.assert_close(outputs[1], outputs[3])
    with pytest.raises(ValueError, match="B must be 4"):
        core(x[:2])
    with pytest.raises(ValueError, match="slots must equal"):
        SlotBiasLSTM(1, 4, slots=5)
