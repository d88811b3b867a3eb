"""Quadratics, averages, noise and rare features against closed forms."""

import math

import pytest
import torch

from helpers.optimizers import SGD, Momentum, Nesterov, RMSprop, landscapes, moments, noise, sparse
from helpers.optimizers import quadratics as q


def test_a_random_hessian_has_its_eigenvalues():
    H = q.random_hessian([1.0, 3.0, 10.0])
    assert torch.linalg.eigvalsh(H).tolist() == pytest.approx([1, 3, 10])
    assert torch.equal(H, H.T)


def test_stability_edges_of_real_runs():
    H = q.random_hessian([1.0, 10.0], seed=1)
    assert q.stability_edge(H, SGD) == pytest.approx(0.2, rel=1e-3)
    assert q.stability_edge(H, Momentum, momentum=0.5) == pytest.approx(0.3, rel=1e-3)


@pytest.mark.parametrize("kappa", [2.0, 10.0, 200.0])
def test_best_settings_cannot_be_bettered_nearby(kappa):
    ends = torch.tensor([1.0, kappa], dtype=torch.float64)
    lr, rate = q.best_descent(1.0, kappa)
    kept = {x: (1 - x * lr * ends).abs().max().item() for x in (0.98, 1, 1.02)}
    assert min(kept.values()) == kept[1] == pytest.approx(rate)
    lr, mu = q.best_momentum(1.0, kappa)
    best = q.momentum_rate(lr, mu, ends)
    assert best == pytest.approx(math.sqrt(mu), abs=1e-6)
    for x, y in ((0.98, 1), (1.02, 1), (1, 0.98), (1, 1.02)):
        assert q.momentum_rate(lr * x, mu * y, ends) > best
    lr, mu = q.best_nesterov(1.0, kappa)
    slowest = q.spectral_radius(q.nesterov_matrix(lr, mu, 1.0))
    assert slowest == pytest.approx(1 - kappa**-0.5, abs=1e-6)


def test_steps_to_shrink_counts_for_good():
    lam = torch.tensor([1.0, 30.0], dtype=torch.float64)
    steps = q.steps_to_shrink(lam, SGD, 1e-3, lr=2 / 31)
    assert steps == math.ceil(math.log(1e3) / math.log(31 / 29))
    lr, mu = q.best_nesterov(1.0, 30.0)
    assert q.steps_to_shrink(lam, Nesterov, 1e-3, lr=lr, momentum=mu) < steps / 2
    assert q.steps_to_shrink(lam, SGD, 1e-3, limit=5, lr=2 / 31) is None
    assert q.steps_to_shrink(lam, SGD, 1e-3, lr=1.0) is None  # it grows, and soon without bound
    narrow = torch.tensor([5e-4, 1.0], dtype=torch.float64)  # the second is gone in one step
    expected = math.ceil(math.log(1e-3 * 2**0.5) / math.log(1 - 5e-4))
    assert q.steps_to_shrink(narrow, SGD, 1e-3, lr=1.0) == expected
    with pytest.raises(ValueError, match="smallest eigenvalue must be above 0"):
        q.best_descent(0.0, 1.0)


def test_the_heavy_ball_goes_round():
    lr, mu = q.best_momentum(1.0, 25.0)
    path = landscapes.walk(landscapes.three_pieces, [3.3], 300, Momentum, lr=lr, momentum=mu)
    torch.testing.assert_close(path[-3:], path[-6:-3])
    assert path[-1].abs() > 0.5


def test_rmsprop_ends_in_a_bounce():
    f = landscapes.bowl(torch.tensor([[7.0]], dtype=torch.float64))
    path = landscapes.walk(f, [1.0], 4000, RMSprop, lr=0.1)
    assert path[-50:].abs().flatten().tolist() == pytest.approx([0.05] * 50, rel=1e-4)


def test_averages():
    values = [1.0, -2.0, 4.0]
    weights = moments.average_weights(0.9, 3)
    by_hand = (weights * torch.tensor(values[::-1])).sum().item()
    assert moments.decaying_average(values, 0.9)[-1] == pytest.approx(by_hand)
    mean = moments.expected_average([1.0, 3.0], [0.5, 0.5], 0.9, 4)
    assert mean == pytest.approx(2 * (1 - 0.9**4))
    first = moments.uncorrected_over_corrected(torch.ones(1, dtype=torch.float64))
    assert first.item() == pytest.approx(10**0.5)


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
def test_the_noise_floor(mu):
    R = q.momentum_matrix(0.2, mu, 1.5)
    formula = noise.momentum_variance(0.2, mu, 1.5, 0.7)
    assert noise.settled_variance(R, 0.2, 0.7) == pytest.approx(formula)


def test_both_kinds_of_noise_have_variance_one():
    g = torch.Generator().manual_seed(0)
    for kind in noise.KINDS:
        drawn = noise.draw_noise(kind, (20_000, 10), g)
        assert drawn.square().mean().item() == pytest.approx(1, abs=0.2)
    with pytest.raises(ValueError, match="kind must be one of"):
        noise.draw_noise("loud", (1, 1), g)


def test_rare_features_make_a_diagonal_hessian():
    shares = [1.0, 0.25, 0.01]
    H = sparse.exact_curvature(shares)
    torch.testing.assert_close(H, torch.diag(torch.tensor(shares, dtype=torch.float64)))
    x = sparse.draw_features(5000, torch.Generator().manual_seed(0))
    assert (x != 0).double().mean(0).tolist() == pytest.approx(sparse.PRESENCE.tolist(), abs=0.03)
