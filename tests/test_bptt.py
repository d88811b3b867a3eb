"""Gradients by hand against autograd and finite differences, over random sizes, in float64."""

import pytest
import torch

from helpers.recurrent import GRU, LSTM, SequenceClassifier, SequenceModel, VanillaRNN, bptt

pytestmark = pytest.mark.usefixtures("float64")
CORES = {VanillaRNN: bptt.rnn_gradients, LSTM: bptt.lstm_gradients}


def random_problem(core, seed):
    """A model and a batch of random sizes: B, T, d, n, c all differ from draw to draw."""
    g = torch.Generator().manual_seed(seed)
    B, T, d, n, c = (int(torch.randint(1, 7, (1,), generator=g)) for _ in range(5))
    model = SequenceClassifier(core(d, n), c + 1)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.7, generator=g)
    x = torch.randn(B, T, d, generator=g)
    return model, x, torch.randint(c + 1, (B,), generator=g)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("core", CORES)
def test_every_gradient_equals_autograd(core, seed):
    model, x, y = random_problem(core, seed)
    by_hand = CORES[core](model, x, y)
    reference = bptt.autograd_gradients(model, x, y)
    assert set(by_hand.parameters) == set(reference)
    for name, gradient in reference.items():
        assert by_hand.parameters[name].shape == gradient.shape, name
        assert bptt.relative_error(by_hand.parameters[name], gradient) < 1e-10, name
    assert by_hand.loss == pytest.approx(torch.nn.functional.cross_entropy(model(x), y).item())


@pytest.mark.parametrize("core", CORES)
def test_state_and_input_gradients_equal_autograd(core):
    model, x, y = random_problem(core, 3)
    by_hand = CORES[core](model, x, y)
    x = x.requires_grad_()
    w = model.core.weights()
    state = torch.zeros(len(x), model.core.hidden_size, requires_grad=True)
    states = [state if core is VanillaRNN else (state, torch.zeros_like(state, requires_grad=True))]
    for x_t in x.unbind(1):
        states.append(model.core.step(x_t, states[-1], w))
    pairs = [s if isinstance(s, tuple) else (s, None) for s in states]
    loss = torch.nn.functional.cross_entropy(pairs[-1][0] @ model.W_ph.T + model.b_p, y)
    d_h = torch.autograd.grad(loss, [h for h, _ in pairs], retain_graph=True)
    torch.testing.assert_close(by_hand.d_h, torch.stack(d_h))
    if core is LSTM:
        d_c = torch.autograd.grad(loss, [c for _, c in pairs], retain_graph=True)
        torch.testing.assert_close(by_hand.d_c, torch.stack(d_c))
    torch.testing.assert_close(by_hand.d_x, torch.autograd.grad(loss, x)[0])


@pytest.mark.parametrize("core", CORES)
def test_every_gradient_equals_finite_differences(core):
    model, x, y = random_problem(core, 5)
    by_hand = CORES[core](model, x, y)
    w = model.core.weights()
    epsilon = 1e-6
    for name, gradient in by_hand.parameters.items():
        tensor = (getattr(w, name) if hasattr(w, name) else getattr(model, name)).detach()
        for index in torch.randint(tensor.numel(), (3,)).tolist():
            entry = tensor.view(-1) if tensor.is_contiguous() else tensor.flatten()
            losses = []
            for sign in (1, -1):
                entry[index] += sign * epsilon
                with torch.no_grad():
                    losses.append(torch.nn.functional.cross_entropy(model(x), y).item())
                entry[index] -= sign * epsilon
            slope = (losses[0] - losses[1]) / (2 * epsilon)
            assert slope == pytest.approx(gradient.flatten()[index].item(), abs=1e-8), name


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("core", CORES)
def test_a_loss_after_every_step_equals_autograd(core, seed):
    model, x, _ = random_problem(core, seed)
    K = len(model.b_p)
    every = SequenceModel(model.core, K, read_out="every")
    every.load_state_dict(model.state_dict())
    y = torch.randint(K, x.shape[:2], generator=torch.Generator().manual_seed(seed))
    by_hand = CORES[core](every, x, y)
    for name, gradient in bptt.autograd_gradients(every, x, y).items():
        assert bptt.relative_error(by_hand.parameters[name], gradient) < 1e-10, name
    logits = every(x)
    total = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")
    assert by_hand.loss == pytest.approx(total.item() / len(x))


@pytest.mark.parametrize("core", CORES)
def test_targets_of_another_shape_are_refused(core):
    model, x, y = random_problem(core, 1)
    with pytest.raises(ValueError, match=r"y must have shape \(B,\) or \(B, T\)"):
        CORES[core](model, x, y[:, None].expand(-1, x.shape[1] + 1))


def test_softmax_cross_entropy_both_ways():
    p = torch.randn(5, 4, requires_grad=True)
    y = torch.tensor([0, 3, 1, 1, 2])
    torch.nn.functional.cross_entropy(p, y, reduction="sum").backward()
    for way in (bptt.logit_gradient_by_jacobian, bptt.logit_gradient_by_logsumexp):
        torch.testing.assert_close(way(p.detach(), y), p.grad, rtol=0, atol=1e-14)
    huge = torch.tensor([[1000.0, -1000.0, 0.0]])
    assert torch.isfinite(bptt.logit_gradient_by_logsumexp(huge, torch.tensor([1]))).all()


def test_first_share_is_zero_without_an_initial_state():
    model, x, y = random_problem(VanillaRNN, 7)
    assert (bptt.rnn_gradients(model, x, y).shares[0] == 0).all()
    h_0 = torch.randn(len(x), model.core.hidden_size)
    assert (bptt.rnn_gradients(model, x, y, h_0).shares[0] != 0).any()


@pytest.mark.parametrize("core", CORES)
def test_truncation(core):
    model, x, y = random_problem(core, 2)
    x = torch.randn(len(x), 6, x.shape[2])
    full = CORES[core](model, x, y).parameters
    same = CORES[core](model, x, y, truncate=6).parameters
    short = CORES[core](model, x, y, truncate=1).parameters
    for name in full:
        torch.testing.assert_close(full[name], same[name])
    torch.testing.assert_close(full["W_ph"], short["W_ph"])
    recurrent = "W_hh" if core is VanillaRNN else "W_gh"
    assert not torch.allclose(full[recurrent], short[recurrent])
    with pytest.raises(ValueError, match="truncate"):
        CORES[core](model, x, y, truncate=0)


def test_a_given_state_equals_autograd():
    for core in CORES:
        model, x, y = random_problem(core, 4)
        n = model.core.hidden_size
        parts = [
            torch.randn(len(x), n, requires_grad=True) for _ in range(model.core.state_tensors)
        ]
        state = [q[None] for q in parts]
        _, last = model.core(x, tuple(state) if core is LSTM else state[0])
        h_T = (last[0] if core is LSTM else last)[-1]
        loss = torch.nn.functional.cross_entropy(h_T @ model.W_ph.T + model.b_p, y)
        expected = torch.autograd.grad(loss, parts)
        given = tuple(q.detach() for q in parts)
        by_hand = CORES[core](model, x, y, given if core is LSTM else given[0])
        torch.testing.assert_close(by_hand.d_h[0], expected[0])
        if core is LSTM:
            torch.testing.assert_close(by_hand.d_c[0], expected[1])


def test_other_cores_are_refused():
    for core in (GRU(1, 2), VanillaRNN(1, 2, 2), VanillaRNN(1, 2, bidirectional=True)):
        model = SequenceClassifier(core, 3)
        with pytest.raises(ValueError, match="one layer and one direction"):
            bptt.rnn_gradients(model, torch.zeros(1, 2, 1), torch.zeros(1, dtype=torch.int64))
