"""Checks of workbook 04: a batch of palindromes, the Wilson interval, a training step, mixtures.

What is right comes from the study's own task and analysis and, for the training step, from the same
lines written out here.
"""

import math

import torch

from helpers.exercises.answers import Case, check
from helpers.exercises.predictions import predicted
from helpers.palindromes import archive
from helpers.palindromes.analysis import wilson as known_interval
from helpers.palindromes.tasks import palindromes
from helpers.palindromes.widgets import curves_explorer
from helpers.runtime import generator

_BATCH = {
    "the second half is the first one read backwards: a flip is missing.": {"flip": False},
    "the flip must run along each palindrome, dim=1; you turned the order of the samples.": {
        "dim": 0
    },
    "with an odd number of digits the middle one stands alone, and the first digit comes back "
    "last: "
    "take half[:, : T + 1 - K] and flip it.": {"cut": "late"},
    "the last digit is the target and must not be fed in: x has T digits.": {"fed": 1},
    "off by one: the target is the digit after the T that are fed in.": {"target": -2},
}
_INTERVAL = {
    "this is the normal interval p ± z √(p (1 − p) / n), which leaves [0, 1]; Wilson's divides by "
    "1 + z²/n and shifts the centre.": {"kind": "normal"},
    "the denominator 1 + z²/n is missing.": {"below": 0},
    "the centre is p + z²/(2n): half of z²/n.": {"centre": 1.0},
    "under the root z²/(4n²) is missing.": {"inside": 0},
    "the root is missing.": {"root": False},
    "z is missing before the root: ± z √(…).": {"before": 1.0},
}
_STEP = {
    "the gradients of the step before are still there: optimizer.zero_grad() is missing.": {
        "zero": False
    },
    "the step is taken with a gradient that is not clipped: clip_grad_norm_ is missing, or does "
    "not stand between backward and optimizer.step().": {"clip": "none"},
    "cross_entropy takes logits and has the softmax inside; yours went through it twice.": {
        "softmax": True
    },
    "the weights did not move: is loss.backward() or optimizer.step() missing, or does zero_grad() "
    "stand between the two?": {"move": False},
    "the loss of before the step is asked for; this is the one after it.": {"after": True},
    "clip the norm of the whole gradient, not each entry.": {"clip": "entries"},
}


def palindrome_batch(function, seed: int = 0) -> None:
    """``(half, T) -> (x, y)``: digits ``(B, T)`` and targets ``(B,)`` from half-strings."""
    cases = []
    for T, B in ((6, 4), (5, 3), (1, 2), (12, 3)):
        K = palindromes.half_length(T)
        half = torch.randint(10, (B, K), generator=generator("half", T, seed))
        half[:, 0] = (half[:, 1 % K] + 3) % 10  # neighbours differ, so that off by one shows
        digits = palindromes.mirror(half, T)
        wrong = {k: _batch_mistaken(half, T, **m) for k, m in _BATCH.items()}
        cases.append(Case((half, T), (digits[:, :-1], digits[:, -1]), wrong))
    check(function, cases, name="palindrome_batch", parts=("x", "y"))


def _batch_mistaken(half, T, flip=True, dim=1, cut="right", fed=0, target=-1):
    rest = T + 1 - half.shape[1]
    second = half.flip(dim)[:, :rest] if cut == "late" or dim == 0 else half[:, :rest].flip(1)
    digits = torch.cat([half, second if flip else half[:, :rest]], 1)
    return digits[:, : T + fed], digits[:, target]


def wilson(function, seed: int = 0) -> None:
    """``(successes, n, z) -> (low, high)``, at z = 1.96 within rounding of the 95 % interval."""
    shift = int(torch.randint(3, (1,), generator=generator("wilson", seed)))
    z = 1.959963984540054
    cases = []
    for successes, n in ((7 + shift, 17), (0, 10 + shift), (20 + shift, 20 + shift)):
        wrong = {k: _interval_mistaken(successes, n, z, **m) for k, m in _INTERVAL.items()}
        cases.append(Case((successes, n, z), known_interval(successes, n), wrong))
    check(function, cases, name="wilson", parts=("low", "high"), without=("proportion_confint",))


def _interval_mistaken(
    successes, n, z, kind="wilson", below=1, centre=0.5, inside=1, root=True, before=None
):
    p = successes / n
    if kind == "normal":
        half = z * math.sqrt(p * (1 - p) / n)
        return p - half, p + half
    under = p * (1 - p) / n + inside * z**2 / (4 * n**2)
    half = (before or z) * (math.sqrt(under) if root else under)
    middle, divisor = p + centre * z**2 / n, 1 + below * z**2 / n
    return (middle - half) / divisor, (middle + half) / divisor


def training_step(function, seed: int = 0) -> None:
    """``(model, optimizer, x, y, max_norm) -> loss``, tried for three steps in a row."""

    def three(step, lr, max_norm):
        source = generator("training_step", seed)
        model = torch.nn.Linear(4, 3).double()
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn(p.shape, generator=source, dtype=torch.float64))
        x = 2 * torch.randn(6, 4, generator=source, dtype=torch.float64)
        y = torch.randint(3, (6,), generator=source)
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        losses = [step(model, optimizer, x, y, max_norm) for _ in range(3)]
        if losses[0] is None:
            return None
        return losses, torch.cat([p.detach().flatten() for p in model.parameters()])

    cases = []
    for arguments in ((0.3, 0.5), (0.1, 100.0)):
        wrong = {
            hint: three(lambda *a, m=m: _step_mistaken(*a, **m), *arguments)
            for hint, m in _STEP.items()
        }
        cases.append(Case(arguments, three(_step_mistaken, *arguments), wrong))
    parts = ("the losses", "the weights after three steps")
    check(function, cases, name="training_step", parts=parts, through=three)


def _step_mistaken(
    model, optimizer, x, y, max_norm, zero=True, clip="right", softmax=False, move=True, after=False
):
    if zero:
        optimizer.zero_grad()

    def loss_now():
        p = model(x)
        return torch.nn.functional.cross_entropy(p.softmax(-1) if softmax else p, y)

    loss = loss_now()
    loss.backward()
    if clip == "right":
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    elif clip == "entries":
        torch.nn.utils.clip_grad_value_(model.parameters(), max_norm)
    if move:
        optimizer.step()
    return (loss_now() if after else loss).item()


def mixture(mean_accuracy, solved, mean_loss, at_least_one, seed: int = 0) -> None:
    """The four blanks about means over solved and unsolved runs, each against the runs counted."""
    R = 12  # not the number of digits, which stands in the formulas too
    k = 3 + int(torch.randint(5, (1,), generator=generator("mixture", seed)))
    accuracies = [1.0] * k + [1 / 10] * (R - k)
    mean = sum(accuracies) / R
    mistakes = {
        "runs at chance are right once in ten: they count too.": k / R,
        "the R − k runs at chance have the accuracy 1/10, not the solved ones.": k / R / 10
        + (1 - k / R),
        "a share of all R runs: divide by R.": k + (R - k) / 10,
        "only R − k runs are at chance.": k / R + 1 / 10,
    }
    check(mean_accuracy, [Case((k, R), mean, mistakes)], name="mean_accuracy")
    mistakes = {
        "chance is to be taken off first: (mean − 1/10) / (1 − 1/10).": mean,
        "between chance and 1 there is 9/10: divide by it.": mean - 0.1,
        "take chance off above as well.": mean / 0.9,
    }
    check(solved, [Case((mean,), k / R, mistakes)], name="solved")
    at_chance = -math.fsum([math.log(1 / 10)] * (R - k)) / R
    mistakes = {
        "solved runs have a loss of about 0; those at chance count with log 10.": k
        / R
        * math.log(10),
        "in nats: the natural logarithm of 10.": 1 - k / R,
        "a share of all runs: only 1 − k/R of them are at chance.": math.log(10),
        "the sign: a loss is −log p.": -at_chance,
    }
    check(mean_loss, [Case((k, R), at_chance, mistakes)], name="mean_loss")
    p, n = 0.1 * k / 2, 4
    seen = math.fsum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(1, n + 1))
    mistakes = {
        "that counts several successes several times (and passes 1): take the complement.": n * p,
        "that is the probability that all n succeed.": p**n,
        "that is the probability that none does; one minus it is asked for.": (1 - p) ** n,
        "none succeeds with (1 − p)^n, not with 1 − p^n.": 1 - p**n,
    }
    check(at_least_one, [Case((p, n), seen, mistakes)], name="at_least_one")


def how_often(prediction) -> float:
    """Predict the LSTMs' mean held-out accuracy of protocol B at T = 160, in percent."""
    study = archive.read()

    def measure() -> float:
        runs = study.part("protocol_b")
        lstms = runs[(runs["model"] == "lstm") & (runs["T"] == 160)]
        return 100 * lstms["held_out_accuracy"].mean()

    def show() -> None:
        curves_explorer(study)

    return predicted("how often", prediction, measure, show=show, minimum=0, maximum=100)
