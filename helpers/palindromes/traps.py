"""The traps of notebook 04, each with the number that the published runs hold against it."""

from helpers.notebook import Trap
from helpers.palindromes.analysis import mixtures
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.reported import PROTOCOL_B


def rows(study: PalindromeArchive) -> list[Trap]:
    """Each with what the published runs say of it."""
    runs = study.part("protocol_a")
    rnn = runs[runs["model"] == "rnn"]
    table = mixtures(rnn)
    apart = (table["mixture"] - table["mean accuracy"]).abs()
    beyond_10 = rnn[(rnn["T"] > 10) & rnn["solved"]]
    beyond_17 = rnn[(rnn["T"] > 17) & rnn["solved"]]
    grown = study.by_setting("growing")["RNN, report 000"]["longest"]
    reported = PROTOCOL_B.set_index(["model", "T"])
    at_40, at_160 = reported.loc[("rnn", 40)], reported.loc[("lstm", 160)]
    found = [
        Trap(
            "a mean accuracy between chance and 1 is how well the network remembers",
            "often seen; report 000 draws “an average of ten runs”",
            "it is the share of runs that do: a mixture of solved runs and guessing ones",
            f"mixture and mean differ by {apart.mean():.3f} on average over {len(table)} lengths",
        ),
        Trap(
            "a few runs that fail at a length show that the network cannot do it",
            "report 000: the RNN reaches full accuracy only “for palindromes smaller than 10”",
            "so it was in its runs; with this initialisation success grows rare, it does not end",
            f"{len(beyond_10)} of {(rnn['T'] > 10).sum()} runs beyond 10 are solved",
        ),
        Trap(
            "training from one beginning shows what the network can hold",
            "report 000: the RNN is “only able to improve on randomness” up to length 17",
            "a failed search is not a full memory: from another beginning the same network goes on",
            f"{len(beyond_17)} of {(rnn['T'] > 17).sum()} runs beyond 17 are solved; with lengths "
            f"that grow the same RNN masters {grown.min():.0f} to {grown.max():.0f} digits",
        ),
        Trap(
            "a mean with a wide deviation, read as how far the network reaches",
            "report 001: “for lengths until 40 its performance is quite good”, a loose sentence",
            "a deviation this wide says that runs succeed or fail; their share is the result",
            f"{at_40['accuracy']:g} ± {at_40['std']:g} in its figure 3{_here(study, 'rnn', 40)}",
        ),
        Trap(
            "the best moment of one run stands for the method",
            "report 001: the LSTM “can achieve perfect accuracy even with a sequence of 160”",
            "“can” is true, some runs do at some step; a claim of a method needs all its runs",
            f"{at_160['accuracy']:g} ± {at_160['std']:g} in its figure 6"
            f"{_here(study, 'lstm', 160)}",
        ),
        Trap(
            "a range has as many members as its length over the step",
            "report 000: from 5 “in steps of 2 to 23 […] (Making 9 curves per model)”",
            "both ends count",
            f"5 to 23 in steps of 2 are {len(range(5, 24, 2))} lengths",
        ),
    ]
    if study.has("slot_bias"):
        slots = study.part("slot_bias").groupby("model")["solved"].mean()
        found.append(
            Trap(
                "a bias of shape (H,) added to an array of shape (H, B)",
                "report 001, in its published program",
                "it is added along the batch: a bias for each place in it, none for a unit. Where "
                "B = H no error tells",
                f"share solved at T = 20: {slots['lstm_slot_bias']:.2f} with it, "
                f"{slots['lstm']:.2f} without",
            )
        )
    return found


def _here(study: PalindromeArchive, model: str, T: int) -> str:
    """How many of our seeds with report 001's settings were ever solved, where they were run."""
    runs = study.part("protocol_b")
    runs = runs[(runs["model"] == model) & (runs["T"] == T)]
    if runs.empty:
        return ""
    return f"; here {runs['solved'].sum()} of {len(runs)} seeds in {runs['steps'].max():,} steps"
