"""The traps of notebook 05, each with the number that shows it."""

import copy
import itertools

import torch

from helpers.checks import AnyTensor
from helpers.notebook import Trap
from helpers.text.charlm import CharLM
from helpers.text.levered import LeveredLM
from helpers.text.measures import entropy, nats_to_bits
from helpers.text.sampling import next_distribution
from helpers.text.training import Plan
from helpers.text.vocabulary import Vocabulary

#: Report 001's sampling steps by epoch, called evenly spaced.
REPORTED_STAGES = {1: (500, 3500, 6000), 2: (3000, 7000)}
#: With which a page is read to show what dropout does there.
DROPOUT = 0.5


def temperature_entropies(logits: AnyTensor) -> tuple[float, float]:
    """Entropy in bits for temperature 2, which divides, and for the assignment's tau = 2."""
    divided, multiplied = (next_distribution(logits, t) for t in (2.0, 0.5))
    return nats_to_bits(entropy(divided)).item(), nats_to_bits(entropy(multiplied)).item()


@torch.no_grad()
def dropout_while_sampling(
    model: CharLM, vocab: Vocabulary, text: str, dropout: float = DROPOUT, seed: int = 0
) -> tuple[float, float]:
    """Bits per character of ``text`` with dropout off and on; recurrent weights are all kept."""
    ids = vocab.encode(text).to(model.W_ph.device)
    model = copy.deepcopy(model)
    model.dropout = model.core.dropout = dropout
    if isinstance(model, LeveredLM):
        model.weight_dropout = 0.0
    found = []
    for training in (False, True):
        torch.manual_seed(seed)
        model.train(training)
        logits, _ = model(ids[None, :-1])
        loss = torch.nn.functional.cross_entropy(logits[0], ids[1:])
        found.append(nats_to_bits(loss.item()))
    return found[0], found[1]


def read_as_latin_1(text: str) -> tuple[int, int]:
    """Characters of ``text``, and of its UTF-8 bytes read as Latin-1."""
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
    model: CharLM,
    vocab: Vocabulary,
    logits: AnyTensor,
    passage: str,
    licence: dict,
) -> list[Trap]:
    """Each with a number from the published model, its text or its training.

    Args:
        logits: of some next character.
        passage: text that the model generated.
        licence: of :func:`.book_comparisons.licence`.
    """
    dividing, multiplying = temperature_entropies(logits)
    off, on = dropout_while_sampling(model, vocab, passage[:600])
    before, after = read_as_latin_1("“Yes,” he said – naïvely.")
    constant, falling = schedule_that_decays()
    top = next_distribution(logits, top_k=5)
    full = next_distribution(logits)
    return [
        Trap(
            "a temperature whose direction is not said",
            "a convention: the assignment multiplies by τ; report 001's β divides, by its samples",
            "both are in use, and one's 2 is the other's ½; write the formula down",
            f"entropy of the next character {dividing:.2f} bits where 2 divides, "
            f"{multiplying:.2f} where it multiplies",
        ),
        Trap(
            "a schedule that is made and never changes the rate",
            "the published program of report 001's authors",
            "a schedule is stepped at each update; print the last rate",
            f"last rate {constant:.4f}; with the decay of the published program of report 000's "
            f"authors {falling:.4f}",
        ),
        Trap(
            "training on the file as it was downloaded",
            "report 001: a sample recites “1.E.3., *1.E.7.*” (table 3)",
            "the file holds its licence, and the network learns that too; cut it off",
            f"{licence['of the licence']:,} of {licence['characters']:,} characters are licence; "
            f"“1.E.3” in the file: {licence['1.E.3 before']}, in what is read here: "
            f"{licence['1.E.3 after']}",
        ),
        Trap(
            "sampling with dropout on",
            "the published program of report 000's authors",
            "dropout is for training; evaluation mode switches it off",
            f"the page of section 7 read with dropout {DROPOUT:g}: {on:.2f} bits a character in "
            f"place of {off:.2f}",
        ),
        Trap(
            "reading UTF-8 as Latin-1",
            "the published program of report 000's authors",
            "a curly quotation mark becomes three characters that no book has; name the encoding",
            f"a sentence of {before} characters becomes {after}",
        ),
        Trap(
            "top-k sharpens by a power",
            "report 001: drawn “using a power distribution”, a loose name",
            "top-k is the softmax cut off after k and divided by its sum: ratios stay, a power "
            "would change them",
            f"the likeliest character rises from {full.max():.3f} to {top.max():.3f}, its ratio to "
            f"the second stays {_ratio(full):.2f} (of the squares {_ratio(full**2):.2f})",
        ),
        Trap(
            "characters counted as words, stages called even",
            "report 001, loosely: a text “of 2000 words”; samples “over evenly spaced intervals”",
            "a character model's lengths are characters; name the steps, as its tables do",
            f"{len(passage):,} characters here are {len(passage.split())} words; within an epoch "
            f"the report's stages are {', '.join(map(str, gaps_between_stages()))} steps apart",
        ),
    ]


def _ratio(p: torch.Tensor) -> float:
    """The largest entry over the second largest."""
    first, second = p.topk(2).values.tolist()
    return first / second
