"""The reports' mistakes about text, each with the number that shows it."""

import itertools

import torch

from helpers.text.charlm import CharLM
from helpers.text.measures import nats_to_bits
from helpers.text.sampling import next_distribution
from helpers.text.training import Plan
from helpers.text.vocabulary import Vocabulary

#: Report 001's sampling steps by epoch, called evenly spaced.
REPORTED_STAGES = {1: (500, 3500, 6000), 2: (3000, 7000)}


def entropy_bits(p: torch.Tensor) -> float:
    """Entropy of a distribution in bits."""
    return -(p * p.clamp(min=1e-300).log2()).sum().item()


def temperature_entropies(logits: torch.Tensor) -> tuple[float, float]:
    """Entropy in bits for temperature 2, which divides, and for the assignment's tau = 2."""
    dividing = entropy_bits(next_distribution(logits, 2.0))
    multiplying = entropy_bits(next_distribution(logits, 0.5))
    return dividing, multiplying


@torch.no_grad()
def dropout_while_sampling(
    model: CharLM, vocab: Vocabulary, text: str, dropout: float = 0.5, seed: int = 0
) -> tuple[float, float]:
    """Bits per character of ``text`` with dropout off and on; report 000 samples with it on."""
    ids = vocab.encode(text)
    found = []
    kept = model.dropout, model.core.dropout, model.training
    model.dropout = model.core.dropout = dropout
    for training in (False, True):
        torch.manual_seed(seed)
        model.train(training)
        logits, _ = model(ids[None, :-1])
        loss = torch.nn.functional.cross_entropy(logits[0], ids[1:])
        found.append(nats_to_bits(loss.item()))
    model.dropout, model.core.dropout = kept[:2]
    model.train(kept[2])
    return found[0], found[1]


def read_as_latin_1(text: str) -> tuple[int, int]:
    """Characters of ``text``, and of its UTF-8 bytes read as Latin-1, as report 000's code did."""
    return len(text), len(text.encode("utf-8").decode("latin-1"))


def schedule_that_decays(steps: int = 15_000) -> tuple[float, float]:
    """Last rate of a training that never decays, and with report 000's factor 0.96 each 5000."""
    constant = Plan(steps, lr=3e-3)
    falling = Plan(steps, lr=3e-3, schedule="staircase", decay=0.96, decay_every=5000)
    return constant.rate(steps - 1), falling.rate(steps - 1)


def gaps_between_stages() -> list[int]:
    """Steps between report 001's "evenly spaced" samples, within each epoch."""
    return [b - a for at in REPORTED_STAGES.values() for a, b in itertools.pairwise(at)]


def rows(
    model: CharLM, vocab: Vocabulary, logits: torch.Tensor, passage: str, licence: dict
) -> list[tuple]:
    """The traps of notebook 05: (report, what it says or does, what is right, the number).

    Args:
        logits: of some next character.
        passage: text that the model generated.
        licence: of :func:`.book_comparisons.licence`.
    """
    dividing, multiplying = temperature_entropies(logits)
    off, on = dropout_while_sampling(model, vocab, passage)
    before, after = read_as_latin_1("“Yes,” he said – naïvely.")
    constant, falling = schedule_that_decays()
    top = next_distribution(logits, top_k=5)
    full = next_distribution(logits)
    return [
        (
            "assignment, 000, 001",
            "temperature: softmax(τz), or softmax(z/T)?",
            "the reports divide; 001's β = 2 is the assignment's τ = ½",
            f"entropy of the next character {dividing:.2f} bits for T = 2, "
            f"{multiplying:.2f} for τ = 2",
        ),
        (
            "001, code",
            "the learning rate decays",
            "the scheduler was called so that it never did",
            f"last rate {constant:.4f}; with report 000's decay {falling:.4f}",
        ),
        (
            "001",
            "the training text is the novel",
            "it holds the licence: a sample recites 1.E.3",
            f"{licence['of the licence']:,} of {licence['characters']:,} characters are licence; "
            f"1.E.3 stands there {licence['1.E.3 before']} times, here {licence['1.E.3 after']}",
        ),
        (
            "000, code",
            "samples with dropout on",
            "evaluation mode",
            f"{on:.2f} bits a character in place of {off:.2f}",
        ),
        (
            "000, code",
            "reads UTF-8 as Latin-1",
            "decode as UTF-8",
            f"a sentence of {before} characters becomes {after}",
        ),
        (
            "001",
            'top-k samples from a "power distribution"',
            "from a truncated, renormalised softmax",
            f"the likeliest character rises from {full.max():.3f} to {top.max():.3f}, no power",
        ),
        (
            "001",
            '"2000 words"; "evenly spaced" steps',
            "2000 characters; uneven",
            f"gaps between the samples: {', '.join(map(str, gaps_between_stages()))} steps",
        ),
    ]
