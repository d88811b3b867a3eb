"""The reports' optimizers as they wrote them, and the numbers that they get wrong."""

import math

import torch

from helpers.optimizers.algorithms import Adam, RMSprop


def relative_steps(optimizer: type, gradients: list[float], **hyperparameters) -> list[float]:
    """The steps of an optimizer on a given sequence of gradients, in units of the learning rate.

    Positive is downhill for a positive gradient.
    """
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    update = optimizer([x], lr=1.0, **hyperparameters)
    steps = []
    for g in gradients:
        before = x.item()
        x.grad = torch.tensor([g], dtype=torch.float64)
        update.step()
        steps.append(before - x.item())
    return steps


def adam_of_report_000(
    gradients: list[float], *, fix_second_moment: bool = False, fix_first_moment: bool = False
) -> list[float]:
    """Report 000, equations 5 to 7: minus signs in both moments, no bias correction.

    Steps in units of the learning rate, NaN where the root is of a negative number.
    """
    m, v, steps = 0.0, 0.0, []
    for g in gradients:
        m = 0.9 * m + (0.1 if fix_first_moment else -0.1) * g
        v = 0.999 * v + (0.001 if fix_second_moment else -0.001) * g * g
        steps.append(m / math.sqrt(v + 1e-8) if v + 1e-8 > 0 else math.nan)
    return steps


def adam_of_report_001(gradients: list[float]) -> list[float]:
    """Report 001: the bias-corrected moments are fed back into the recursion."""
    m, v, steps = 0.0, 0.0, []
    for t, g in enumerate(gradients, start=1):
        m = (0.9 * m + 0.1 * g) / (1 - 0.9**t)
        v = (0.999 * v + 0.001 * g * g) / (1 - 0.999**t)
        steps.append(m / math.sqrt(v + 1e-8))
    return steps


def epsilon_inside_and_outside(g: float, eps: float) -> tuple[float, float]:
    """The step on a constant gradient, g / sqrt(g^2 + eps) and g / (|g| + eps)."""
    return g / math.sqrt(g * g + eps), g / (abs(g) + eps)


def steady_step(optimizer: type, *, alternating: bool, steps: int = 2000) -> float:
    """Size of the step after ``steps`` gradients of size 1, constant or of alternating sign."""
    gradients = [(-1.0) ** k if alternating else 1.0 for k in range(steps)]
    return abs(relative_steps(optimizer, gradients)[-1])


def first_step(optimizer: type) -> float:
    """The first step in units of the learning rate, whatever the gradient."""
    return relative_steps(optimizer, [1.0])[0]


#: RMSprop and Adam, the two of which the reports speak.
ADAPTIVE = {"RMSprop": RMSprop, "Adam": Adam}


def rows() -> list[tuple]:
    """The traps of notebook 02: (report, what it says, what is right, the number)."""
    ones = [1.0] * 5
    second_fixed = adam_of_report_000(ones, fix_second_moment=True)
    both_fixed = adam_of_report_000(ones, fix_second_moment=True, fix_first_moment=True)
    inside, outside = epsilon_inside_and_outside(1e-5, 1e-8)
    adam_right = relative_steps(Adam, ones)
    rmsprop = [steady_step(RMSprop, alternating=a) for a in (False, True)]
    return [
        (
            "000, eq. 6",
            "Adam: v = β₂ v − (1 − β₂) g²",
            "plus",
            f"the root is of a negative number: step 1 is {adam_of_report_000(ones)[0]}",
        ),
        (
            "000, eq. 5",
            "Adam: m = β₁ m − (1 − β₁) g",
            "plus",
            f"with only the second moment mended it climbs: first step {second_fixed[0]:.2f} η",
        ),
        (
            "000",
            "no bias correction",
            "divide by 1 − β^t",
            f"first step {both_fixed[0]:.2f} η against {adam_right[0]:.2f} η",
        ),
        (
            "001",
            "the corrected moments enter the recursion",
            "the raw ones do",
            f"constant gradient: fifth step {adam_of_report_001(ones)[4]:.4f} η "
            f"against {adam_right[4]:.2f} η",
        ),
        (
            "000, 001",
            "g / √(G + ε)",
            "g / (√G + ε), as in the paper and torch",
            f"g = 1e−5, ε = 1e−8: {inside:.4f} against {outside:.3f}",
        ),
        (
            "000, 001, 004",
            "adaptive rates damp oscillation",
            "momentum does",
            f"RMSprop steps {rmsprop[0]:.3f} on a constant and {rmsprop[1]:.3f} on an alternating "
            f"gradient; Adam {steady_step(Adam, alternating=True):.3f} on the alternating one",
        ),
        (
            "004",
            "RMSprop uses momentum",
            "it has no memory of the gradient's sign",
            f"ratio of the two steps {rmsprop[1] / rmsprop[0]:.4f}",
        ),
        (
            "001",
            "the LSTM is trained with RMSprop at rate 0.03",
            "its first step is η / √(1 − α)",
            f"{first_step(RMSprop):.1f} η, so {0.03 * first_step(RMSprop):.2f} a weight, against "
            f"an initial standard deviation of {1 / math.sqrt(3 * 128):.3f}",
        ),
    ]
