"""Checks of workbook 05: the next character's distribution, bits per character, temperature.

What is right comes from :mod:`helpers.text.sampling` and from torch's cross-entropy.
"""

import math

import torch

from helpers import paths
from helpers.exercises.answers import Case, check, slope
from helpers.exercises.predictions import predicted
from helpers.runtime import generator
from helpers.text import book_model, measures, saved_models
from helpers.text.sampling import generate
from helpers.text.sampling import next_distribution as known_distribution
from helpers.text.widgets import temperature_explorer

_BIT = math.log(2)
_DISTRIBUTION = {
    "multiplied by the temperature where it divides: a high temperature flattens, softmax(z / "
    "τ).": {"heat": "times"},
    "the temperature is not used.": {"heat": "none"},
    "the temperature acts on the logits, not on the probabilities: divide before the softmax.": {
        "heat": "after"
    },
    "what top-p leaves must sum to 1 again: divide by its sum.": {"again": False},
    "the character that carries the sum over p stays: drop one only if those before it already "
    "reach p.": {"crossing": False},
    "top-p is not a threshold for single characters: the likeliest stay until their sum reaches "
    "p.": {"rule": "threshold"},
    "top-p looks at the distribution after the temperature; you cut before.": {"rule": "cut first"},
    "top-p is not used.": {"rule": "none"},
    "the cut runs from the likeliest down: sort in descending order.": {"rule": "ascending"},
    "the probabilities come back in sorted order; put them back in the characters' places.": {
        "rule": "sorted"
    },
}
_BITS = {
    "that is in nats: divide by log 2.": {"unit": 1.0},
    "off by one in t: the logits after character t are for character t + 1.": {"shift": 0},
    "the sum over the text; per character is the mean.": {"mean": False},
    "the first character is given, not predicted: L characters make L − 1 predictions.": {
        "count": 1
    },
    "the mean of the probabilities is taken before the logarithm; the mean of the logarithms is "
    "meant.": {"order": "log of mean"},
    "the logits are not probabilities: a softmax is missing.": {"order": "logits"},
    "the sign: log p is negative, surprise is −log p.": {"sign": -1},
}


def next_distribution(function, seed: int = 0) -> None:
    """``(logits, temperature, top_p) -> p``, each of one entry a character."""
    cases = []
    for V, temperature, top_p in ((9, 1.8, 0.75), (5, 0.5, 0.9), (4, 1.0, 1.0)):
        source = generator("next", V, seed)
        logits = 1.5 * torch.randn(V, generator=source, dtype=torch.float64)
        if V == 9:  # several characters on either side of the cut, in no order
            spread = torch.tensor([2.6, 2.2, 1.8, 1.2, 0.8, 0.4, 0.1, -0.5, -1.0]).double()
            logits = spread[torch.randperm(V, generator=source)]
        right = known_distribution(logits, temperature, top_p=top_p)
        arguments = (logits, temperature, top_p)
        wrong = {k: _distribution_mistaken(*arguments, **m) for k, m in _DISTRIBUTION.items()}
        cases.append(Case(arguments, right, wrong))
    check(function, cases, name="next_distribution")


def _distribution_mistaken(
    logits, temperature, top_p, heat="divides", again=True, crossing=True, rule="top-p"
):
    scaled = {"divides": logits / temperature, "times": logits * temperature}.get(heat, logits)
    p = scaled.softmax(0)
    if heat == "after":
        p = p / temperature
    looked = logits.softmax(0) if rule == "cut first" else p
    ordered, order = looked.sort(descending=rule != "ascending")
    before = ordered.cumsum(0) - (ordered if crossing else 0)
    keep = torch.zeros_like(p, dtype=torch.bool)
    keep[order] = before < top_p if crossing else before <= top_p
    if rule == "threshold":
        keep = p >= 1 - top_p
    elif rule == "none":
        keep = torch.ones_like(keep)
    cut = p * keep
    cut = cut / cut.sum() if again else cut
    return cut[order] if rule == "sorted" else cut


def bits_per_character(function, seed: int = 0) -> None:
    """``(logits, ids) -> bits``: logits ``(L, V)`` after each character, ids ``(L,)``."""
    cases = []
    for L, V in ((12, 5), (2, 3), (40, 7)):
        source = generator("bits", L, seed)
        logits = 1.5 * torch.randn(L, V, generator=source, dtype=torch.float64)
        ids = torch.randint(V, (L,), generator=source)
        nats = torch.nn.functional.cross_entropy(logits[:-1], ids[1:])
        wrong = {k: _bits_mistaken(logits, ids, **m) for k, m in _BITS.items()}
        cases.append(Case((logits, ids), measures.nats_to_bits(nats), wrong))
    check(function, cases, name="bits_per_character")


def _bits_mistaken(
    logits, ids, unit=_BIT, shift=1, mean=True, count=0, order="mean of logs", sign=1
):
    log_p = logits if order == "logits" else logits.log_softmax(1)
    L = len(ids)
    at = log_p[torch.arange(L - shift), ids[shift:]] / unit
    if order == "log of mean":
        return -(at * unit).exp().mean().log() / unit
    return -sign * at.sum() / (len(at) + count if mean else 1)


def temperature(ratio, log_slope, entropy_slope, flat, seed: int = 0) -> None:
    """The four blanks about the softmax at a temperature, each against a difference quotient."""
    source = generator("temperature", seed)
    z = torch.randn(6, generator=source, dtype=torch.float64)
    tau = 0.5 + torch.rand(1, generator=source, dtype=torch.float64)[0]
    p = (z / tau).softmax(0)
    gap = z[0] - z[1]
    mistakes = {
        "the temperature divides the gap.": math.exp(gap * tau),
        "the exponential is missing.": gap / tau,
        "upside down: the first logit is larger by the gap.": math.exp(-gap / tau),
        "the temperature is missing.": math.exp(gap),
    }
    # As tensors, which torch.exp and math.exp both take.
    check(ratio, [Case((z[0] - z[1], tau), p[0] / p[1], mistakes)], name="ratio")
    own = slope(lambda q: (q / tau).log_softmax(0)[0], z)
    mistakes = {
        "the inner derivative, 1/τ, is missing.": 1 - p[0],
        "that is the derivative of p; log p has lost the factor p.": p[0] * (1 - p[0]) / tau,
        "the sum in the denominator changes too: − p.": 1 / tau,
        "that is the derivative by another logit; by its own there is a 1.": -p[0] / tau,
    }
    check(log_slope, [Case((p[0], tau), own[0], mistakes)], name="log_slope", within=1e-5)

    def entropy(heat):
        q = (z / heat).softmax(0)
        return -(q * q.log()).sum()

    mean = (p * z).sum()
    variance = (p * (z - mean) ** 2).sum()
    mistakes = {
        "dβ/dτ = −1/τ² is missing: that is β times the variance.": variance / tau,
        "β = 1/τ stands in front too: dH/dβ = −β Var, then times dβ/dτ.": variance / tau**2,
        "the sign: hotter is more random.": -variance / tau**3,
        "the variance, not its root.": variance.sqrt() / tau**3,
    }
    right = slope(entropy, tau)
    check(
        entropy_slope, [Case((variance, tau), right, mistakes)], name="entropy_slope", within=1e-4
    )
    cases = []
    for V in (6 + seed % 3, 30):
        hot = (torch.randn(V, generator=source, dtype=torch.float64) / 1e9).softmax(0)
        mistakes = {
            "a logarithm: V equal probabilities have the entropy log V.": V,
            "in nats, not in bits.": math.log2(V),
            "the sign: an entropy is not negative.": -math.log(V),
            "that is a probability; asked for is the entropy.": 1 / V,
        }
        arguments = (torch.tensor(V, dtype=torch.float64),)
        cases.append(Case(arguments, -(hot * hot.log()).sum(), mistakes))
    check(flat, cases, name="flat")


def greedy(prediction) -> float:
    """Predict the share of different stretches of ten characters in greedy text, in percent."""
    model, vocab, _ = saved_models.load_model(paths.CHECKPOINTS / book_model.NAME)

    def measure() -> float:
        text = generate(model, vocab, "Perhaps", 300, temperature=0)
        return 100 * measures.distinct(text, 10)

    def show() -> None:
        temperature_explorer(model, vocab, "Perhaps", length=400)

    return predicted("greedy", prediction, measure, show=show, minimum=0, maximum=100)
