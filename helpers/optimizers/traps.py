"""Mistakes that are easy to make with optimizers, and the numbers that show them."""

import math

import pandas as pd

from helpers.notebook import Trap
from helpers.optimizers.algorithms import Adam, Momentum, RMSprop
from helpers.optimizers.responses import first_step, relative_steps, steady_step


def adam_of_report_000(
    gradients: list[float], *, fix_second_moment: bool = False, fix_first_moment: bool = False
) -> list[float]:
    """Report 000, equations 5 to 7: minus signs in both moments, no bias correction.

    Steps in units of the learning rate, NaN where the root is of a negative number.
    """
    m, s, steps = 0.0, 0.0, []
    for g in gradients:
        m = 0.9 * m + (0.1 if fix_first_moment else -0.1) * g
        s = 0.999 * s + (0.001 if fix_second_moment else -0.001) * g * g
        steps.append(m / math.sqrt(s + 1e-8) if s + 1e-8 > 0 else math.nan)
    return steps


def adam_of_report_001(gradients: list[float]) -> list[float]:
    """Report 001, read literally: the bias-corrected moments are fed back into the recursion."""
    m, s, steps = 0.0, 0.0, []
    for t, g in enumerate(gradients, start=1):
        m = (0.9 * m + 0.1 * g) / (1 - 0.9**t)
        s = (0.999 * s + 0.001 * g * g) / (1 - 0.999**t)
        steps.append(m / math.sqrt(s + 1e-8))
    return steps


def epsilon_inside_and_outside(g: float, eps: float) -> tuple[float, float]:
    """The step on a constant gradient, g / sqrt(g^2 + eps) and g / (|g| + eps)."""
    return g / math.sqrt(g * g + eps), g / (abs(g) + eps)


def rows(race: pd.DataFrame, turned: pd.DataFrame) -> list[Trap]:
    """The traps of notebook 02.

    Args:
        race: of :func:`helpers.optimizers.race.summary`.
        turned: of :func:`helpers.optimizers.rotation.best_of`, with angles 0 and 45.
    """
    ones = [1.0] * 5
    mended = adam_of_report_000(ones, fix_second_moment=True)
    uncorrected = adam_of_report_000(ones, fix_second_moment=True, fix_first_moment=True)
    right = relative_steps(Adam, ones)
    inside, outside = epsilon_inside_and_outside(1e-5, 1e-8)
    flat, turns = (steady_step(RMSprop, alternating=a) for a in (False, True))
    rms = turned[turned["optimizer"] == "RMSprop"].set_index("angle")["steps"]
    momentum = steady_step(Momentum, alternating=False)
    flipped = relative_steps(RMSprop, [1.0, 1.0, -1.0])[-1]
    kept = relative_steps(RMSprop, [1.0, 1.0, 1.0])[-1]
    return [
        Trap(
            "a minus sign in Adam's second moment",
            "report 000, eq. 6: $s_t = \\beta_2 s_{t-1} - (1-\\beta_2)(\\nabla f)^2$, a slip",
            "A mean of squares is positive: both moments are added to.",
            f"as written, step 1 is the root of a negative number: {adam_of_report_000(ones)[0]}",
        ),
        Trap(
            "a minus sign in Adam's first moment",
            "report 000, eq. 5, the same slip",
            "The minus stands in the update of $\\theta$ already; twice makes an ascent.",
            f"with eq. 6 mended, the first step is {mended[0]:.2f} η: uphill",
        ),
        Trap(
            "leaving the bias correction out",
            "report 000, eqs. 5 to 7 have none",
            "Both averages start at zero, the second for longer: section 8.",
            f"on a constant gradient the first step is {uncorrected[0]:.2f} η, corrected "
            f"{right[0]:.2f} η",
        ),
        Trap(
            "correcting the moments inside their recursion",
            "report 001 writes one symbol for the raw and the corrected moment",
            "The recursion keeps the raw moments; corrected copies are used for the step only.",
            f"read literally, on a constant gradient the fifth step is "
            f"{adam_of_report_001(ones)[4]:.4f} η, not {right[4]:.2f} η",
        ),
        Trap(
            "taking an ε from one formula to the other",
            "reports 000 and 001 write $\\sqrt{G + \\epsilon}$, Adam's paper and torch "
            "$\\sqrt G + \\epsilon$: two conventions, neither wrong",
            "Inside the root, ε acts like $\\sqrt\\epsilon$ outside.",
            f"g = 1e−5 and ε = 1e−8: a step of {inside:.4f} η inside, {outside:.3f} η outside",
        ),
        Trap(
            "believing that a root of mean squares sees an oscillation",
            "report 000: “oscillating weights will get a smaller update”; report 001 says alike",
            "Half true. It sees size, not sign: a steep direction gets a smaller rate, which calms "
            "it if it lies along an axis (section 10).",
            f"RMSprop steps {flat:.3f} η on 1, 1, 1 … and {turns:.3f} η on 1, −1, 1 …; its valley "
            f"takes {rms[0]:.0f} steps along the axes and {rms[45]:.0f} at 45°",
        ),
        Trap(
            "giving RMSprop a momentum, or a memory for signs",
            "report 004: both “take the momentum into account”, and rates change with “the sign "
            "between current gradient and velocity”",
            "Loose: true of Adam's mean, and of the older delta-bar-delta rule (Jacobs 1988); "
            "RMSprop keeps squares only.",
            f"after gradients 1, 1 its third step is {kept:.3f} η for 1, {flipped:.3f} η for −1",
        ),
        Trap(
            "taking η for the size of RMSprop's first steps",
            "often seen; it matters at rates like the 0.03 that report 001 trains its LSTM with",
            "Its mean of squares starts at zero and is not corrected: section 7.",
            f"the first step is {first_step(RMSprop):.1f} η; at η = 0.03 that is "
            f"{0.03 * first_step(RMSprop):.2f} for every weight",
        ),
        Trap(
            "comparing methods at one learning rate",
            "often seen",
            "Momentum's steps sum to $\\eta / (1 - \\mu)$ a gradient; each method needs its own η.",
            f"at μ = 0.9 a constant gradient makes momentum step {momentum:.1f} η, SGD 1 η",
        ),
        Trap(
            "Adam is the best of them",
            "report 001: “it achieves better convergence and faster convergence”",
            "It depends on the task: section 14's differs.",
            f"solved: Adam {race.loc['Adam', 'solved']} of {race.loc['Adam', 'runs']}, RMSprop "
            f"{race.loc['RMSprop', 'solved']}, AdaGrad {race.loc['AdaGrad', 'solved']}",
        ),
    ]
