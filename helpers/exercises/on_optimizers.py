"""Checks of workbook 02: momentum, Adam, the exponential average, a valley.

What is right comes from :mod:`helpers.optimizers.algorithms`, whose steps equal torch's.
"""

import torch

from helpers.exercises.answers import Case, check
from helpers.exercises.predictions import predicted
from helpers.optimizers.algorithms import Adam, Momentum
from helpers.optimizers.landscapes import quadratic, walk
from helpers.optimizers.widgets import valley_explorer
from helpers.runtime import generator

_MOMENTUM = {
    "the gradient of this step is missing in v_t = μ v_{t-1} + g_t.": {"new": 0},
    "the velocity is no average here: g_t stands in it whole, without 1 − μ.": {"new": "average"},
    "μ is missing: without it v adds up every gradient and forgets none.": {"decay": 1},
    "the step uses the velocity of before; v_t, with the new gradient in it, is meant.": {
        "late": 1
    },
    "uphill: θ goes against the velocity, θ − η v_t.": {"sign": -1},
    "η scales the step, not the velocity: multiply by it when θ moves.": {"inside": True},
    "this is Nesterov's step, g_t + μ v_t; plain momentum moves by v_t.": {"nesterov": True},
}
_ADAM = {
    "the bias correction is forgotten: m_t / (1 − β₁ᵗ), s_t / (1 − β₂ᵗ).": {"corrected": False},
    "the correction has no power t: 1 − β₁ is right for the first step only.": {"power": 1},
    "off by one in t: the first step has t = 1, and its correction is 1 − β₁.": {"shift": 1},
    "ε stands outside the root, √ŝ + ε.": {"eps_inside": True},
    "the corrected moments are for the step; the recursion goes on with m_t and s_t themselves.": {
        "fed_back": True
    },
    "the square root of ŝ is missing.": {"root": False},
    "s averages squares: g_t² is meant, not g_t.": {"square": False},
    "uphill: θ − η m̂ / (√ŝ + ε).": {"sign": -1},
    "β and 1 − β are exchanged: the old average keeps β.": {"exchanged": True},
    "β₁ belongs to m, β₂ to s; they are exchanged.": {"betas": True},
}


def momentum_step(function, seed: int = 0) -> None:
    """``(theta, g, v, lr, mu) -> (theta, v)``, in torch's form: v_t = mu v_{t-1} + g_t."""
    cases = []
    for n, scale in ((4, 1.0), (1, 1.0), (3, 0.0)):
        theta, g, v = _drawn(n, 3, "momentum", seed)
        arguments = (theta, g, scale * v, 0.3, 0.8)
        moved, state = theta.clone(), {"v": arguments[2].clone()}
        Momentum([moved], lr=0.3, momentum=0.8).update(
            moved, g, state, {"lr": 0.3, "momentum": 0.8}
        )
        mistakes = {k: _momentum_mistaken(*arguments, **m) for k, m in _MOMENTUM.items()}
        cases.append(Case(arguments, (moved, state["v"]), mistakes))
    check(function, cases, name="momentum_step", parts=("θ", "v"), without=("optim", "SGD"))


def _momentum_mistaken(
    theta, g, v, lr, mu, new=1, decay=0, late=0, sign=1, inside=False, nesterov=False
):
    share = 1 - mu if new == "average" else new
    moved = (1 if decay else mu) * v + (lr if inside else share) * g
    step = v if late else g + mu * moved if nesterov else moved
    return theta - sign * (1 if inside else lr) * step, moved


def adam_step(function, seed: int = 0) -> None:
    """``(theta, g, m, s, t, lr, beta_1, beta_2, eps) -> (theta, m, s)``."""
    cases = []
    for n, t in ((4, 3), (2, 1), (3, 40)):
        theta, g, m, s = _drawn(n, 4, "adam", seed)
        m, s = (m, s**2 + 0.1) if t > 1 else (0 * m, 0 * s)
        h = {"lr": 0.2, "beta_1": 0.8, "beta_2": 0.95, "eps": 1e-2}
        arguments = (theta, g, m, s, t, *h.values())
        moved, state = theta.clone(), {"m": m.clone(), "s": s.clone(), "t": t - 1}
        Adam([moved], **h).update(moved, g, state, h)
        mistakes = {k: _adam_mistaken(*arguments, **a) for k, a in _ADAM.items()}
        cases.append(Case(arguments, (moved, state["m"], state["s"]), mistakes))
    check(function, cases, name="adam_step", parts=("θ", "m", "s"), without=("optim", "Adam"))


def _adam_mistaken(
    theta,
    g,
    m,
    s,
    t,
    lr,
    beta_1,
    beta_2,
    eps,
    corrected=True,
    power=0,
    shift=0,
    eps_inside=False,
    fed_back=False,
    root=True,
    square=True,
    sign=1,
    exchanged=False,
    betas=False,
):
    if betas:
        beta_1, beta_2 = beta_2, beta_1
    keep_1, keep_2 = (1 - beta_1, 1 - beta_2) if exchanged else (beta_1, beta_2)
    m = keep_1 * m + (1 - keep_1) * g
    s = keep_2 * s + (1 - keep_2) * (g**2 if square else g)
    k = power or t + shift
    m_hat, s_hat = (m / (1 - beta_1**k), s / (1 - beta_2**k)) if corrected else (m, s)
    size = s_hat if not root else (s_hat + eps).sqrt() if eps_inside else s_hat.sqrt()
    moved = theta - sign * lr * m_hat / (size + (0 if eps_inside else eps))
    return (moved, m_hat, s_hat) if fed_back else (moved, m, s)


def _drawn(n: int, count: int, *key):
    source = generator(*key, n)
    return torch.randn(count, n, generator=source, dtype=torch.float64).unbind()


def average(keep, take, plain, alternating, seed: int = 0) -> None:
    """The four blanks about the corrected average m_t / (1 - beta^t), each against the recursion.

    It obeys a recursion of its own, with factors that change from step to step.
    """
    beta = 0.6 + 0.3 * torch.rand(1, generator=generator("average", seed)).item()
    t, before = 5, [1.0, -0.4, 2.0, 0.7]
    right = _corrected(beta, [*before, 0.0]) / _corrected(beta, before)
    mistakes = {
        "m_{t-1} is not m̂_{t-1}: put (1 − β^(t−1)) m̂_{t-1} in its place, and divide "
        "by 1 − β^t.": beta,
        "the factor β of the recursion is missing.": (1 - beta ** (t - 1)) / (1 - beta**t),
        "upside down: what belongs to step t was divided by, 1 − β^t.": beta
        * (1 - beta**t)
        / (1 - beta ** (t - 1)),
        "off by one: the powers are t − 1 above and t below.": beta
        * (1 - beta**t)
        / (1 - beta ** (t + 1)),
    }
    check(keep, [Case((beta, t), right, mistakes)], name="keep")
    right = _corrected(beta, [0.0] * (t - 1) + [1.0])
    mistakes = {
        "that is the factor in m_t; m̂_t is m_t divided by 1 − β^t.": 1 - beta,
        "the new gradient enters with 1 − β above.": 1 / (1 - beta**t),
        "off by one: the power is t.": (1 - beta) / (1 - beta ** (t - 1)),
        "it divides: m̂_t = m_t / (1 − β^t).": (1 - beta) * (1 - beta**t),
    }
    check(take, [Case((beta, t), right, mistakes)], name="take")
    right = _corrected(1 - 1e-7, [0.0] * (t - 1) + [1.0])
    mistakes = {
        "in the limit 1 − β^t is t (1 − β): the factors cancel but for t.": 0.0,
        "upside down: the more there are, the less each counts.": float(t),
        "off by one: t gradients count alike.": 1 / (t - 1),
        "off by one: t gradients count alike, not t + 1.": 1 / (t + 1),
    }
    check(plain, [Case((t,), right, mistakes)], name="plain", within=1e-5)
    right = abs(_run(beta, [(-1.0) ** j for j in range(3000)]))
    mistakes = {
        "the signs alternate: the geometric series has the ratio −β, and 1 − (−β) below.": 1.0,
        "the gradient enters with the share 1 − β.": 1 / (1 + beta),
        "upside down: an average of ±1 is no larger than 1.": (1 + beta) / (1 - beta),
        "the newest gradient alone; the older ones are missing.": 1 - beta,
    }
    check(alternating, [Case((beta,), right, mistakes)], name="alternating")


def _corrected(beta: float, gradients: list[float]) -> float:
    return _run(beta, gradients) / (1 - beta ** len(gradients))


def _run(beta: float, gradients: list[float]) -> float:
    m = 0.0
    for g in gradients:
        m = beta * m + (1 - beta) * g
    return m


def fast_valley(prediction) -> float:
    """Predict log10 of f after 60 steps of momentum, at a rate where SGD diverges."""

    def measure() -> float:
        f = quadratic(40.0)
        return f(walk(f, (-4.0, 1.6), 60, Momentum, lr=0.08, momentum=0.9)[-1]).log10().item()

    return predicted("fast valley", prediction, measure, show=valley_explorer)
