"""The traps of notebook 04, each with the number that the published runs hold against it."""

from helpers.palindromes.analysis import mixtures
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.reported import PROTOCOL_B


def rows(study: PalindromeArchive) -> list[tuple]:
    """(report, what it says, what is right, the number)."""
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
        (
            "000",
            "an accuracy between 0.1 and 1 is how well the network remembers",
            "it is the share of runs that do: a mixture of solved runs and guessing ones",
            f"mixture and mean differ by {apart.mean():.3f} on average over {len(table)} lengths",
        ),
        (
            "000",
            "the RNN is perfect only below 10 digits",
            "with this initialisation success grows rare, it does not end",
            f"{len(beyond_10)} of {(rnn['T'] > 10).sum()} runs beyond 10 are solved",
        ),
        (
            "000",
            "the RNN cannot pass 17 digits",
            "a probability, not a bound, and one of the search rather than of the memory",
            f"{len(beyond_17)} of {(rnn['T'] > 17).sum()} runs beyond 17 are solved; with lengths "
            f"that grow the same RNN masters {grown.min():.0f} to {grown.max():.0f} digits",
        ),
        (
            "001",
            "the RNN is good up to 40 digits",
            "a mean over runs that succeed and runs that do not",
            f"{at_40['accuracy']:g} ± {at_40['std']:g} by its own figure{_here(study, 'rnn', 40)}",
        ),
        (
            "001",
            "the LSTM is perfect at 160 digits",
            "some runs are, at some steps",
            f"{at_160['accuracy']:g} ± {at_160['std']:g} by its own figure"
            f"{_here(study, 'lstm', 160)}",
        ),
    ]
    if study.has("slot_bias"):
        slots = study.part("slot_bias").groupby("model")["solved"].mean()
        found.append(
            (
                "001, code",
                "the LSTM has a bias a unit",
                "it has one a place in the batch",
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
