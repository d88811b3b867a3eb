"""What the book model says, in a sentence."""

from helpers import paths
from helpers.checkpoints import load_checkpoint
from helpers.findings import Headline, percent
from helpers.text import book_comparisons
from helpers.text.book_model import NAME

#: The temperatures that are compared.
COLD, HOT = 0.4, 1.6


def headlines() -> list[Headline]:
    _, header = load_checkpoint(paths.CHECKPOINTS / NAME)
    warm = {row["temperature"]: row for row in book_comparisons.read()["temperature"]}
    cautious, wild = (percent(warm[t]["known words"]) for t in (COLD, HOT))
    title, bits = header["book"]["title"], header["test"]["bpc"]
    grams = header["baselines"]["test"]["6-gram"]
    return [
        Headline(
            "05",
            f"**One novel makes a speller.** Of the last pages of {title} the model needs "
            f"{bits:.2f} bits a character, a 6-gram model {grams:.2f}. Of the words that it "
            f"writes, {cautious} are words of the novel at temperature {COLD}, {wild} at {HOT}.",
        )
    ]
