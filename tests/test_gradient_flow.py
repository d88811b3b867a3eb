"""Jacobians, norms, paths, truncation, the long step, and the numbers of the traps."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from helpers.palindromes import archive, experiment, gradients, settings, trained_networks
from helpers.palindromes.experiment import PalindromeRun, build
from helpers.recurrent import (
    LSTM,
    SequenceClassifier,
    VanillaRNN,
    bptt,
    gradient_plots,
    long_step,
    one_sample,
    traps,
)
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


def test_powers_lie_between_the_bounds_of_the_spectral_radius():
    W = torch.tensor([[0.5, 10.0], [0.0, 0.5]], dtype=torch.float64)
    norms = flow.power_norms(W, 60)
    assert norms[0] > 10
    assert norms[-1] < 1e-12
    expected = torch.linalg.matrix_norm(torch.linalg.matrix_power(W, 7), 2)
    assert norms[6].item() == pytest.approx(expected.item())


def test_paths_of_one_sample_add_up_to_the_gradient_of_the_batch():
    model, x, y = problem(VanillaRNN)
    w = one_sample.weights(model)
    found = bptt.rnn_gradients(model, x, y)
    copies = torch.stack(
        [one_sample.gradient_by_copies(w, x_b, int(m)) for x_b, m in zip(x, y, strict=True)]
    )
    torch.testing.assert_close(copies.mean(0), found.shares)
    h = one_sample.rnn_states(w, x[0])
    by_sum, by_recursion = one_sample.sum_over_steps(w, h), one_sample.total_derivatives(w, h)[-1]
    torch.testing.assert_close(by_sum, by_recursion)
    torch.testing.assert_close(
        by_sum,
        torch.autograd.functional.jacobian(
            lambda W: one_sample.rnn_states(w | {"W_hh": W}, x[0])[-1], w["W_hh"]
        ),
    )


def test_the_lstm_of_one_sample_is_the_lstm():
    model, x, y = problem(LSTM)
    w = one_sample.weights(model)
    run = one_sample.lstm_derivatives(w, x[0], int(y[0]))
    found = bptt.lstm_gradients(model, x[:1], y[:1])
    torch.testing.assert_close(run.h[1:], model.core(x[:1])[0][0].detach())
    torch.testing.assert_close(run.e[1:], found.d_h[1:, 0])
    torch.testing.assert_close(run.s[1:], found.d_c[1:, 0])
    torch.testing.assert_close(run.f[1:], found.forget_gates[:, 0])
    torch.testing.assert_close(run.delta["i"].sum(0), found.parameters["b_i"])
    loss = one_sample.cross_entropy(one_sample.logits(w, run.h[-1]), int(y[0]))
    assert found.loss == pytest.approx(loss.item())


def test_cell_path_is_the_product_of_forget_gates():
    model, x, y = problem(LSTM)
    paths, found = flow.cell_paths(model, x, y), bptt.lstm_gradients(model, x, y)
    for t in (1, 3, 6):
        product = found.forget_gates[t:].prod(dim=0)  # f_{t+1} … f_T
        assert paths.cell_path[t - 1].item() == pytest.approx(
            (product * found.d_c[6]).norm().item()
        )
    assert paths.all_paths[-1] == paths.cell_path[-1]
    assert paths.share > 0
    with torch.no_grad():  # without recurrent weights of the gates there is no other path
        for r in "gifo":
            getattr(model.core.weights(), f"W_{r}h").zero_()
    alone = flow.cell_paths(model, x, y)
    torch.testing.assert_close(alone.all_paths, alone.cell_path)


def test_norms_through_time():
    for core, states in ((VanillaRNN, {"h"}), (LSTM, {"h", "c"})):
        norms = flow.state_gradient_norms(*problem(core))
        assert set(norms) == states
        assert all(v.shape == (6,) for v in norms.values())
    run = PalindromeRun("rnn", T=8, seed=0, steps=1, hidden_size=6, batch_size=5)
    assert gradients.initial_norms(run, range(3)).shape == (3, 8)


@pytest.mark.parametrize("core", [VanillaRNN, LSTM])
def test_truncation_ends_at_the_whole_gradient(core):
    bias = flow.truncation_bias(*problem(core), [1, 3, 6, 99])
    assert bias.cosine[0] < bias.cosine[2] == pytest.approx(1) == bias.cosine[3]
    assert bias.norm_ratio[0] != pytest.approx(1, abs=1e-3)
    assert bias.norm_ratio[2:] == pytest.approx([1, 1])


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


@pytest.mark.parametrize("start", ["anywhere", "zero", "zero, not asked"])
@pytest.mark.parametrize("seed", range(3))
def test_the_engine_of_the_rnn_passes_gradcheck(seed, start):
    """From a state of zeros products are left out; asked or not for its gradient, it is right."""
    g = torch.Generator().manual_seed(seed)
    B, T, d, n = (int(torch.randint(1, 5, (1,), generator=g)) for _ in range(4))
    shapes = [(B, T, d), (B, n), (n, d), (n, n), (n,)]
    inputs = [torch.randn(s, generator=g, dtype=torch.float64).requires_grad_() for s in shapes]
    if start != "anywhere":
        inputs[1] = torch.zeros(B, n, dtype=torch.float64, requires_grad="not" not in start)
    assert torch.autograd.gradcheck(Elman.apply, inputs)


# The long step ------------------------------------------------------------------------------------


def test_the_one_unit_network_is_the_vanilla_rnn():
    w, b, first, T = 1.7, -0.1, 0.5, 9
    model = SequenceClassifier(VanillaRNN(1, 1), 2).double()
    x = torch.zeros(2, T, 1, dtype=torch.float64)
    x[:, 0, 0] = torch.tensor([first, -first])
    with torch.no_grad():
        for tensor, value in zip(vars(model.core.weights()).values(), (1.0, w, b), strict=True):
            tensor.fill_(value)
        model.W_ph.copy_(torch.tensor([[long_step.READ_OUT], [-long_step.READ_OUT]]))
    found = bptt.rnn_gradients(model, x, torch.tensor([0, 1]))
    path = long_step.descend(torch.tensor([[w, b]]).double(), first, T, rate=0.1, steps=1)
    assert path.losses[0, 0].item() == pytest.approx(found.loss)
    slope = torch.cat([found.parameters[k].flatten() for k in ("W_hh", "b_h")])
    torch.testing.assert_close(path.places[1, 0], path.places[0, 0] - 0.1 * slope)
    assert path.norms[0, 0].item() == pytest.approx(slope.norm().item())


def test_clipped_steps_are_no_longer_than_allowed():
    starts = torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) + 1
    path = long_step.descend(starts, 0.5, 12, rate=0.1, steps=20, max_norm=0.3)
    assert path.places.diff(dim=0).norm(dim=2).max() <= 0.03 * (1 + 1e-9)


def test_a_path_that_leaves_the_picture_is_drawn_along_its_own_step():
    places = torch.tensor([[1.4, 0.2], [1.5, 0.0], [2.5, 4.0]]).double()[:, None]
    path = long_step.Descent(places, torch.ones(3, 1), torch.ones(3, 1))
    inside = long_step.Descent(places[:2], torch.ones(2, 1), torch.ones(2, 1))
    w, b = torch.linspace(1, 2, 5), torch.linspace(-1, 1, 5)
    fig = gradient_plots.long_step(w, b, torch.rand(5, 5), {"leaves": path, "stays": inside})
    for ax, end in zip(fig.axes, ([1.75, 1.0], [1.5, 0.0]), strict=False):
        cross = next(line for line in ax.lines if line.get_marker() == "X")
        assert cross.get_xydata()[0].tolist() == pytest.approx(end)
    plt.close(fig)


def test_one_step_leaves_the_model_and_overflows_in_single_precision_only():
    run = PalindromeRun("rnn", T=599, seed=0, steps=1, **settings.INIT_001)
    x, y = gradients.palindrome_batch(599, "raw", seed=0, n=2)
    for kind, finite in ((torch.float32, False), (torch.float64, True)):
        model = build(run).to(kind)
        before = [p.clone() for p in model.parameters()]
        step = long_step.one_step(model, x.to(kind), y, rate=1e-3)
        assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
        assert math.isfinite(step.norm) is finite
        assert step.clipped_norm == pytest.approx(1.0 if finite else 0.0)
        assert step.loss_after != step.loss_before


# While networks train -----------------------------------------------------------------------------


def test_looking_does_not_change_the_training():
    run = PalindromeRun("rnn", T=6, seed=1, steps=6, hidden_size=8, batch_size=8)
    often, seldom = (gradients.flow_while_training(run, every) for every in (2, 3))
    assert often["step"].tolist() == [0, 2, 4, 6]
    assert seldom["step"].tolist() == [0, 3, 6]
    assert often.iloc[-1].tolist() == seldom.iloc[-1].tolist()
    at_first = experiment.build(run).double()
    norms = flow.state_gradient_norms(at_first, *gradients.palindrome_batch(6, "raw", 1))["h"]
    ratio = torch.log10(norms[0] / norms[-1]).item()
    assert often["log10_ratio"][0] == pytest.approx(ratio)


def test_vanished_at_first_reads_the_published_runs():
    table = gradients.vanished_at_first(archive.read(), "protocol_b", "lstm")
    assert table.index.tolist() == [5, 10, 20, 40, 80, 160]
    assert (table["solved"] <= table["runs"]).all()
    assert table["log10_ratio"].is_monotonic_decreasing
    assert table["solved"].iloc[0] > 0


# Traps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_right_forms_are_right_and_wrong_ones_wrong(seed):
    model, x, y = traps.random_problem(seed=seed)
    wrong, in_other_layout, right = traps.transposed_jacobian(model, x)
    assert right < 1e-12 < 0.1 < min(wrong, in_other_layout)
    assert traps.W_hh_gradient_with(model, x, y) < 1e-12
    assert traps.W_hh_gradient_with(model, x, y, transposed=True) > 0.1
    assert traps.W_hh_gradient_with(model, x, y, ascending=True) > 0.01
    assert traps.diagonal_softmax(model, x, y) > 0.3
    assert traps.total_derivative_overcounts(model, x, y) > 0.1
    assert traps.last_line_of_report_001(model, x) == (125, 100)
    assert traps.uses_that_get_a_gradient(model, x, y) == (1, 5)


def test_log_sum_exp_of_targets_that_are_not_one_hot():
    defined, one_hot_form, general = traps.logsumexp_of_soft_targets([0.0, 0.0, 1.0, 0.0])
    assert defined == pytest.approx(one_hot_form) == general
    for soft in ([0.1, 0.2, 0.6, 0.1], [0.2, 0.4, 1.2, 0.2]):  # sums of 1 and of 2
        defined, one_hot_form, general = traps.logsumexp_of_soft_targets(soft)
        assert defined == pytest.approx(general)
        assert abs(defined - one_hot_form) > 0.05


def test_products_of_norms():
    assert traps.norms_below_one_need_not_vanish() == pytest.approx(0.5, abs=1e-4)
    norm_A, norm_AA, norm_B60 = traps.norms_above_one_need_not_explode()
    assert (norm_A, norm_AA) == (2, 0)
    assert norm_B60 < 1e-12


def test_errata_rows_are_texts():
    rows = traps.gradient_rows(0, -2.0, 7.0, 1e-3)
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
    with pytest.raises(ValueError, match=r"damaged, or they belong to different checkpoints"):
        trained_networks.load_network("tiny", tmp_path)
    (tmp_path / "tiny.json").write_text("{")
    with pytest.raises(ValueError, match="is not a checkpoint's header"):
        trained_networks.load_network("tiny", tmp_path)
    with pytest.raises(ValueError, match="there is no checkpoint nothing"):
        trained_networks.load_network("nothing", tmp_path)
