"""Gradients by hand in detail: given states, truncation, refusals; kernel and scan alone."""

import math
import re

import numpy as np
import pytest
import torch

from helpers.recurrent import GRU, LSTM, SequenceClassifier, VanillaRNN, bptt, gradient_flow
from helpers.recurrent import scan as scans
from helpers.recurrent.kernels import Elman

pytestmark = pytest.mark.usefixtures("float64")


def problem(core=VanillaRNN, B=3, T=5, d=2, n=4, classes=3, seed=0, **options):
    torch.manual_seed(seed)
    model = SequenceClassifier(core(d, n, **options), classes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.7)
    return model, torch.randn(B, T, d), torch.randint(classes, (B,))


def differentiated(model, x, y, state):
    """Loss, and its gradients by autograd, from an initial state."""
    x = x.clone().requires_grad_()
    leaves = [part.clone().requires_grad_() for part in state]
    before = tuple(part[None] for part in leaves)
    outputs, _ = model.core(x, before if len(before) > 1 else before[0])
    p = outputs[:, -1] @ model.W_ph.T + model.b_p
    loss = torch.nn.functional.cross_entropy(p, y)
    model.zero_grad()
    loss.backward()
    return loss.item(), x.grad, [leaf.grad for leaf in leaves]


# By hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("core", [VanillaRNN, LSTM])
def test_gradients_from_a_given_state_equal_autograd(core):
    model, x, y = problem(core)
    state = [torch.randn(len(x), 4) for _ in range(core.state_tensors)]
    found = bptt.by_hand(model)(model, x, y, tuple(state) if len(state) > 1 else state[0])
    loss, d_x, d_states = differentiated(model, x, y, state)
    assert found.loss == pytest.approx(loss, abs=1e-12)
    torch.testing.assert_close(found.d_x, d_x)
    torch.testing.assert_close(found.d_h[0], d_states[0])
    if core is LSTM:
        torch.testing.assert_close(found.d_c[0], d_states[1])
        assert found.shares is None
    else:
        assert found.d_c is None
        torch.testing.assert_close(found.shares.sum(0), found.parameters["W_hh"])
    names = {"W_ph", "b_p"}
    for gate in core.gates:
        names |= {f"W_{gate}x", f"W_{gate}h", f"b_{gate}"}
    assert set(found.parameters) == names
    assert not found.d_h.requires_grad
    assert found.d_h.shape == (6, 3, 4)


@pytest.mark.parametrize("core", [VanillaRNN, LSTM])
@pytest.mark.parametrize("truncate", [1, 2, 4, 5, 9])
def test_truncation_keeps_the_last_terms(core, truncate):
    """Equal to the gradient of the last steps, from the state before them held fixed."""
    model, x, y = problem(core)
    whole = bptt.by_hand(model)
    found = whole(model, x, y, truncate=truncate)
    kept = min(truncate, 5)
    with torch.no_grad():
        state = [torch.zeros(3, 4) for _ in range(core.state_tensors)]
        if kept < 5:
            _, after = model.core(x[:, : 5 - kept])
            state = [s[0] for s in after] if core is LSTM else [after[0]]
    tail = whole(model, x[:, 5 - kept :], y, tuple(state) if core is LSTM else state[0])
    for name, gradient in tail.parameters.items():
        torch.testing.assert_close(found.parameters[name], gradient)
    torch.testing.assert_close(found.d_x[:, 5 - kept :], tail.d_x)
    assert (found.d_x[:, : 5 - kept] == 0).all()
    torch.testing.assert_close(found.d_h[5 - kept :], tail.d_h)
    assert (found.d_h[: 5 - kept] == 0).all()


def test_truncation_below_one_is_a_sentence():
    model, x, y = problem()
    with pytest.raises(ValueError, match=r"^truncate must be at least 1, got 0$"):
        bptt.rnn_gradients(model, x, y, truncate=0)


def test_gradients_of_other_networks_are_refused():
    model, x, y = problem(GRU)
    wanted = r"^gradients are written by hand for VanillaRNN, LSTM, not for GRU$"
    with pytest.raises(ValueError, match=wanted):
        bptt.by_hand(model)
    sentence = (
        r"^these gradients are for one layer and one direction of {}, got {}\(2, 4, num_layers="
    )
    for core, function in ((VanillaRNN, bptt.rnn_gradients), (LSTM, bptt.lstm_gradients)):
        with pytest.raises(ValueError, match=sentence.format(core.__name__, "GRU")):
            function(model, x, y)
        for options in ({"num_layers": 2}, {"bidirectional": True}):
            deep, x, y = problem(core, **options)
            with pytest.raises(ValueError, match=sentence.format(core.__name__, core.__name__)):
                function(deep, x, y)


def test_softmax_and_both_ways_to_its_gradient():
    p = torch.tensor([[1.0, 2.0, 4.0], [900.0, 0.0, -900.0]], requires_grad=True)
    y = torch.tensor([2, 1])
    y_hat = bptt.softmax(p.detach())
    torch.testing.assert_close(y_hat, torch.softmax(p, 1).detach())
    jacobian = bptt.softmax_jacobian(y_hat)
    for row in range(2):
        expected = torch.autograd.functional.jacobian(lambda q: torch.softmax(q, 0), p[row])
        torch.testing.assert_close(jacobian[row], expected)
    p = torch.randn(4, 3, requires_grad=True)
    y = torch.tensor([2, 1, 0, 1])
    torch.nn.functional.cross_entropy(p, y, reduction="sum").backward()
    torch.testing.assert_close(bptt.logit_gradient_by_jacobian(p.detach(), y), p.grad)
    torch.testing.assert_close(bptt.logit_gradient_by_logsumexp(p.detach(), y), p.grad)


def test_relative_error_is_of_the_larger_norm():
    a, b = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 0.0])
    assert bptt.relative_error(a, b) == 1
    assert bptt.relative_error(b, a) == 1
    assert bptt.relative_error(a, 2 * a) == 0.5
    assert bptt.relative_error(2 * a, a) == 0.5
    assert bptt.relative_error(b, b) == 0
    tiny = torch.tensor([0.5, 0.0])
    assert bptt.relative_error(tiny, -tiny) == 2


@pytest.mark.parametrize("core", [VanillaRNN, LSTM, GRU])
def test_autograds_gradients_come_under_the_equations_names(core):
    model, x, y = problem(core)
    bptt.autograd_gradients(model, x, y)
    named = bptt.autograd_gradients(model, x, y)  # not added to what was there
    loss = torch.nn.functional.cross_entropy(model(x), y)
    weights = model.core.weights()
    names = [f"{kind}" for g in core.gates for kind in (f"W_{g}x", f"W_{g}h", f"b_{g}")]
    assert set(named) == {*names, "W_ph", "b_p"}
    step = 1e-6
    for name in ("W_ph", *names):
        block = model.W_ph if name == "W_ph" else getattr(weights, name)
        with torch.no_grad():
            block.view(-1)[-1] += step
            moved = torch.nn.functional.cross_entropy(model(x), y)
            block.view(-1)[-1] -= step
        assert named[name].flatten()[-1].item() == pytest.approx(
            ((moved - loss) / step).item(), abs=1e-5
        )


# The flow of gradients --------------------------------------------------------------------------


def test_jacobians_of_steps_and_their_products_equal_autograd():
    model, x, _ = problem(T=4)
    core = model.core
    steps = gradient_flow.step_jacobians(core, x[0])
    h = torch.zeros(4)
    states = [h]
    for t in range(4):
        expected = torch.autograd.functional.jacobian(
            lambda h, t=t: core.step(x[0, t][None], h[None], core.weights())[0], states[-1]
        )
        torch.testing.assert_close(steps[t], expected)
        states.append(core.step(x[0, t][None], states[-1][None], core.weights())[0].detach())
    products = gradient_flow.state_jacobians(steps)
    assert products.shape == (5, 4, 4)
    assert products.dtype == torch.float64
    torch.testing.assert_close(products[0], torch.eye(4))
    torch.testing.assert_close(products[1], steps[3])
    torch.testing.assert_close(products[2], steps[3] @ steps[2])
    torch.testing.assert_close(products[4], steps[3] @ steps[2] @ steps[1] @ steps[0])
    assert not steps.requires_grad


def test_singular_values_are_bounded_and_repeat():
    values, sigma = gradient_flow.jacobian_singular_values(1.2, 6, n=8)
    assert values.shape == (7, 8)
    assert values.dtype == torch.float64
    torch.testing.assert_close(values[0], torch.ones(8))
    assert (values[:, :-1] >= values[:, 1:]).all()
    for k in range(7):
        assert values[k, 0] <= sigma**k + 1e-9
    again, _ = gradient_flow.jacobian_singular_values(1.2, 6, 1.0, 8, 0)
    torch.testing.assert_close(values, again)
    other, _ = gradient_flow.jacobian_singular_values(1.2, 6, n=8, seed=1)
    assert (values[1:] != other[1:]).any()
    still, sigma = gradient_flow.jacobian_singular_values(0.9, 3, input_scale=0.0, n=8)
    # Without inputs h stays 0 and D_t is the identity: powers of W_hh alone.
    assert still[1, 0].item() == pytest.approx(sigma)
    saturated, _ = gradient_flow.jacobian_singular_values(1.2, 6, input_scale=50.0, n=8)
    assert saturated[6, 0] < values[6, 0] / 10
    assert gradient_flow.jacobian_singular_values(1.0, 2)[0].shape == (3, 64)


def test_the_matrix_has_the_spectral_radius_asked_for():
    """Its determinant is the product of all singular values of one step without inputs."""
    found = []
    for radius in (0.5, 1.0):
        values, _ = gradient_flow.jacobian_singular_values(radius, 1, input_scale=0.0, n=6)
        found.append(values[1].prod().item())
    assert found[1] / found[0] == pytest.approx(2**6)


@pytest.mark.parametrize("core", [VanillaRNN, LSTM])
def test_norms_of_the_gradients_that_reach_the_states(core):
    model, x, y = problem(core)
    norms = gradient_flow.state_gradient_norms(model, x, y)
    found = bptt.by_hand(model)(model, x, y)
    assert set(norms) == ({"h", "c"} if core is LSTM else {"h"})
    for t in range(1, 6):
        assert norms["h"][t - 1].item() == pytest.approx(found.d_h[t].square().sum().sqrt().item())
        if core is LSTM:
            assert norms["c"][t - 1].item() == pytest.approx(
                found.d_c[t].square().sum().sqrt().item()
            )
    assert norms["h"].shape == (5,)


@pytest.mark.parametrize("core", [VanillaRNN, LSTM])
def test_truncation_is_measured_on_recurrent_parameters_only(core):
    model, x, y = problem(core)
    by_hand = bptt.by_hand(model)

    def recurrent(truncate):
        named = by_hand(model, x, y, truncate=truncate).parameters
        kept = [k for g in core.gates for k in (f"W_{g}x", f"W_{g}h", f"b_{g}")]
        return torch.cat([named[k].flatten() for k in kept])

    whole = recurrent(None)
    found = gradient_flow.truncation_bias(model, x, y, [1, 3, 5])
    assert found.kept == [1, 3, 5]
    for k, cosine, length in zip(*found, strict=True):
        part = recurrent(k)
        assert cosine == pytest.approx((whole @ part / whole.norm() / part.norm()).item())
        assert length == pytest.approx((part.norm() / whole.norm()).item())
    assert found.cosine[-1] == pytest.approx(1)
    assert found.cosine[0] < 0.999


def test_clipping_cuts_the_common_length():
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([[0.0], [4.0]])]
    clipped, norm = gradient_flow.clip(gradients, 1.0)
    assert norm == 5
    assert clipped[0].tolist() == pytest.approx([0.6, 0])
    assert clipped[1].flatten().tolist() == pytest.approx([0, 0.8])
    untouched, _ = gradient_flow.clip(gradients, 5.5)
    assert untouched[0].tolist() == [3, 0]
    zeros, norm = gradient_flow.clip([torch.zeros(2)], 1.0)
    assert (zeros[0].tolist(), norm) == ([0, 0], 0)
    small, _ = gradient_flow.clip([torch.tensor([0.5])], 0.25)
    assert small[0].item() == pytest.approx(0.25)


# The kernel -------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("read", ["outputs", "last", "both"])
def test_elmans_kernel_equals_the_loop(d, read):
    B, T, n = 2, 4, 3
    torch.manual_seed(1)
    shapes = ((B, T, d), (B, n), (n, d), (n, n), (n,))
    ours = [torch.randn(shape).requires_grad_() for shape in shapes]
    plain = [tensor.detach().clone().requires_grad_() for tensor in ours]
    hs, h_T = Elman.apply(*ours)
    x, h, W_hx, W_hh, b_h = plain
    expected = []
    for t in range(T):
        h = torch.tanh(x[:, t] @ W_hx.T + h @ W_hh.T + b_h)
        expected.append(h)
    expected = torch.stack(expected, 1)
    torch.testing.assert_close(hs, expected)
    torch.testing.assert_close(h_T, h)
    weights = torch.randn(B, T, n)
    for outputs, last in ((hs, h_T), (expected, h)):
        loss = 0
        if read != "last":
            loss = loss + (outputs * weights).sum()
        if read != "outputs":
            loss = loss + last.square().sum()
        loss.backward()
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_the_kernel_spares_the_inputs_gradient_where_nobody_asks():
    tensors = [torch.randn(s) for s in ((2, 3, 1), (2, 3), (3, 1), (3, 3), (3,))]
    asked = [tensors[0], *(t.requires_grad_() for t in tensors[1:])]
    Elman.apply(*asked)[0].sum().backward()
    assert tensors[0].grad is None
    assert all(t.grad is not None for t in tensors[1:])


def test_the_kernel_is_differentiable_once():
    tensors = [torch.randn(s).requires_grad_() for s in ((2, 3, 1), (2, 3), (3, 1), (3, 3), (3,))]
    (gradient,) = torch.autograd.grad(
        Elman.apply(*tensors)[0].square().sum(), tensors[3], create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


# The scan ---------------------------------------------------------------------------------------


def one_by_one(a, b, h):
    hs = []
    for t in range(len(b)):
        h = (a if a.dim() == 1 else a[t]) * h + b[t]
        hs.append(h)
    return torch.stack(hs), h


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("T", [1, 2, 5, 6, 7, 9, 13])
def test_blocks_of_any_number_and_rest_equal_the_loop(T, same, monkeypatch):
    """Small blocks, so that one length takes every way through the recursion."""
    monkeypatch.setattr(scans, "BLOCK", 2)
    torch.manual_seed(T)
    shapes = ((3,) if same else (T, 2, 3), (T, 2, 3), (2, 3))
    for dtype in (torch.float64, torch.complex128):
        ours = [torch.randn(s, dtype=dtype).requires_grad_() for s in shapes]
        plain = [t.detach().clone().requires_grad_() for t in ours]
        hs, h_T = scans.scan(*ours)
        expected, last = one_by_one(*plain)
        torch.testing.assert_close(hs, expected)
        torch.testing.assert_close(h_T, last)
        assert h_T.data_ptr() != hs[-1].data_ptr()  # a copy
        weights = torch.randn(T, 2, 3, dtype=dtype)
        for outputs, end in ((hs, h_T), (expected, last)):
            ((outputs * weights).sum() + (end * end).sum()).abs().backward()
        for a, b in zip(ours, plain, strict=True):
            torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize("read", ["outputs", "last"])
def test_a_scan_read_in_one_of_two_ways(read):
    ours = [torch.randn(s).requires_grad_() for s in ((4, 2, 3), (4, 2, 3), (2, 3))]
    plain = [t.detach().clone().requires_grad_() for t in ours]
    which = 0 if read == "outputs" else 1
    scans.scan(*ours)[which].square().sum().backward()
    one_by_one(*plain)[which].square().sum().backward()
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_a_scan_has_the_widest_type():
    a, b, h_0 = torch.rand(3), torch.rand(4, 2, 3).float(), torch.rand(2, 3)
    assert scans.scan(a.float(), b, h_0.float())[0].dtype == torch.float32
    for k in range(3):
        arguments = [t.float() for t in (a, b, h_0)]
        arguments[k] = arguments[k].to(torch.complex64)
        assert scans.scan(*arguments)[0].dtype == torch.complex64


def test_what_cannot_be_scanned_is_a_sentence():
    good = torch.rand(4, 2, 3), torch.rand(4, 2, 3), torch.rand(2, 3)
    bad = [
        (good[0][:3], good[1], good[2]),
        (torch.rand(2), good[1], good[2]),
        (torch.rand(2, 3), good[1], good[2]),
        (good[0], good[1][0], good[2]),
        (torch.rand(0, 2, 3), torch.rand(0, 2, 3), good[2]),
        (good[0], good[1], torch.rand(3)),
    ]
    for arguments in bad:
        a, b, h_0 = (tuple(t.shape) for t in arguments)
        sentence = (
            "a must have shape (T, B, n) or (n,), b (T, B, n) with T at least 1 and h_0 (B, n); "
            f"got {a}, {b} and {h_0}"
        )
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            scans.scan(*arguments)


def test_long_products_do_not_underflow():
    """Dividing by the product of all factors would give 0 / 0 here."""
    T = 3000
    hs, _ = scans.scan(torch.full((1,), 0.5), torch.ones(T, 1, 1), torch.zeros(1, 1))
    assert hs[-1].item() == pytest.approx(2)
    assert np.isfinite(hs.numpy()).all()
    assert math.isclose(hs[1].item(), 1.5)
