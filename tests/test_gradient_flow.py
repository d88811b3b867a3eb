"""Jacobians, norms, truncation, clipping, and the traps's numbers."""

import math

import pytest
import torch

from helpers.palindromes import gradients, trained_networks
from helpers.palindromes.experiment import PalindromeRun
from helpers.recurrent import LSTM, SequenceClassifier, VanillaRNN, bptt, traps
from helpers.recurrent import gradient_flow as flow
from helpers.recurrent.kernels import Elman


def problem(core, B=3, T=6, d=2, n=4, c=5):
    torch.manual_seed(4)
    model = SequenceClassifier(core(d, n), c).double()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.6)
    return model, torch.randn(B, T, d, dtype=torch.float64), torch.randint(c, (B,))


def test_state_jacobians_equal_autograd():
    model, x, _ = problem(VanillaRNN)
    core, w = model.core, model.core.weights()
    products = flow.state_jacobians(flow.step_jacobians(core, x[0]))
    assert products.shape == (7, 4, 4)
    for k in range(7):  # T - t
        h_t = core(x[:1, : 6 - k])[0][0, -1].detach() if k < 6 else torch.zeros(4).double()

        def to_the_end(h, k=k):
            for x_t in x[0, 6 - k :]:
                h = core.step(x_t, h, w)
            return h

        expected = torch.autograd.functional.jacobian(to_the_end, h_t)
        torch.testing.assert_close(products[k], expected)


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.5])
def test_singular_values_keep_their_bound(radius):
    values, sigma_max = flow.jacobian_singular_values(radius, T=25, input_scale=0.5, n=20)
    assert values.shape == (26, 20)
    powers = sigma_max ** torch.arange(26, dtype=torch.float64)
    assert (values[:, 0] <= powers * (1 + 1e-9)).all()
    assert values[0].tolist() == pytest.approx([1.0] * 20)


def test_linear_regime_follows_the_spectral_radius():
    """Without input the network stays at 0, where its Jacobian is W_hh itself."""
    values, _ = flow.jacobian_singular_values(0.5, T=60, input_scale=0.0, n=20)
    assert math.log(values[60, 0] / values[30, 0]) / 30 == pytest.approx(math.log(0.5), abs=0.05)


def test_unrolled_sum_is_the_recursion():
    model, x, y = problem(VanillaRNN)
    right = bptt.rnn_gradients(model, x, y).parameters["W_hh"]
    assert bptt.relative_error(flow.unrolled_W_hh_gradient(model, x, y), right) < 1e-12


def test_norms_through_time():
    for core, states in ((VanillaRNN, {"h"}), (LSTM, {"h", "c"})):
        norms = flow.state_gradient_norms(*problem(core))
        assert set(norms) == states
        assert all(v.shape == (6,) for v in norms.values())
    run = PalindromeRun("rnn", T=8, seed=0, steps=1, hidden_size=6, batch_size=5)
    assert gradients.initial_norms(run, range(3)).shape == (3, 8)


@pytest.mark.parametrize("core", [VanillaRNN, LSTM])
def test_truncation_ends_at_the_whole_gradient(core):
    cosines = flow.truncation_cosines(*problem(core), [1, 3, 6, 99])
    assert cosines[0] < cosines[2] == pytest.approx(1) == cosines[3]


def test_clipping_equals_torch_and_keeps_the_direction():
    gradients = [torch.randn(3, 4), torch.randn(7)]
    clipped, norm = flow.clip(gradients, 0.5)
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g.clone()
    assert torch.nn.utils.clip_grad_norm_(parameters, 0.5).item() == pytest.approx(norm)
    for p, c in zip(parameters, clipped, strict=True):
        torch.testing.assert_close(p.grad, c, rtol=1e-5, atol=1e-7)
    untouched, _ = flow.clip(gradients, 1e9)
    assert torch.equal(untouched[0], gradients[0])
    assert flow.clip([torch.zeros(3)], 1.0)[1] == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_engine_of_the_rnn_passes_gradcheck(seed):
    g = torch.Generator().manual_seed(seed)
    B, T, d, n = (int(torch.randint(1, 5, (1,), generator=g)) for _ in range(4))
    shapes = [(B, T, d), (B, n), (n, d), (n, n), (n,)]
    inputs = [torch.randn(s, generator=g, dtype=torch.float64).requires_grad_() for s in shapes]
    assert torch.autograd.gradcheck(Elman.apply, inputs)


# Errata -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_right_forms_are_right_and_wrong_ones_wrong(seed):
    model, x, y = traps.random_problem(seed=seed)
    wrong, right = traps.transposed_jacobian(model, x)
    assert right < 1e-12 < 0.1 < wrong
    assert traps.W_hh_gradient_with(model, x, y) < 1e-12
    assert traps.W_hh_gradient_with(model, x, y, transposed=True) > 0.1
    assert traps.W_hh_gradient_with(model, x, y, ascending=True) > 0.01
    assert traps.diagonal_softmax(model, x, y) > 0.3
    assert traps.total_derivative_overcounts(model, x, y) > 0.1
    assert traps.logsumexp_needs_unit_targets(1.0) < 1e-12
    assert traps.logsumexp_needs_unit_targets(1.5) > 0.1


def test_products_of_norms():
    assert traps.norms_below_one_need_not_vanish() == pytest.approx(0.5, abs=1e-4)
    norm_A, norm_AA, norm_B60 = traps.norms_above_one_need_not_explode()
    assert (norm_A, norm_AA) == (2, 0)
    assert norm_B60 < 1e-12


def test_errata_rows_are_texts():
    rows = traps.gradient_rows(0, -2.0, 7.0)
    assert all(
        len(row) == 4 and all(isinstance(cell, str) and cell for cell in row) for row in rows
    )


# Published models -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", trained_networks.TRAINED)
def test_published_models_do_what_their_record_says(name):
    model = trained_networks.load_network(name)
    run, record = trained_networks.TRAINED[name], trained_networks.record(name)
    x, y = gradients.palindrome_batch(run.T, run.encoding, seed=3, n=1000)
    with torch.no_grad():
        accuracy = (model(x.float()).argmax(1) == y).float().mean().item()
    assert accuracy == pytest.approx(record["held_out_accuracy"], abs=0.03)


def test_a_published_model_can_be_trained_again(tmp_path, monkeypatch):
    run = PalindromeRun("lstm", 5, 0, 3, hidden_size=8, batch_size=8)
    monkeypatch.setitem(trained_networks.TRAINED, "tiny", run)
    record = trained_networks.train_and_save("tiny", tmp_path)
    assert trained_networks.record("tiny", tmp_path) == record
    assert trained_networks.load_network("tiny", tmp_path).core.hidden_size == 8
    (tmp_path / "tiny.safetensors").write_bytes(b"something else")
    with pytest.raises(ValueError, match="damaged or belongs to another"):
        trained_networks.load_network("tiny", tmp_path)
    (tmp_path / "tiny.json").write_text("{")
    with pytest.raises(ValueError, match="is not a checkpoint's header"):
        trained_networks.load_network("tiny", tmp_path)
    with pytest.raises(ValueError, match="there is no checkpoint nothing"):
        trained_networks.load_network("nothing", tmp_path)
