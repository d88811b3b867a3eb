"""What the study says, in three sentences."""

from helpers import archive as ground_floor
from helpers.findings import Headline, percent
from helpers.palindromes import analysis, archive


def headlines() -> list[Headline]:
    return [_gates(), _starts(), _lengths()]


def _gates() -> Headline:
    runs = ground_floor.read("gate_removal").part("removed")
    longest = runs["T"].max()
    runs = runs[runs["T"] == longest]
    share = runs.groupby("setting")["solved"].mean()
    step = runs.groupby("setting")["solved_step"].median()
    bare, none = "no output gate, o = 1", "no input gate, i = 1"
    whole, without = percent(share["whole"]), percent(share[bare])
    return Headline(
        "03",
        f"**Not every gate earns its place.** {longest} digits are learned by {whole} of whole "
        f"LSTMs (by step {step['whole']:.0f} in the median), by {without} of those without an "
        f"output gate (step {step[bare]:.0f}) and by {percent(share[none])} without an input gate.",
    )


def _starts() -> Headline:
    factorial = analysis.with_cells(archive.read().part("factorial_20"))
    cells = analysis.shares(factorial, ["cell"]).set_index("cell")
    first, second = (cells.loc[" ".join([report] * 3)] for report in ("000", "001"))
    T, steps = factorial["T"].max(), factorial["steps"].max()
    return Headline(
        "04",
        f"**Two reports disagree on the RNN, and their first weights decide.** {T} digits are "
        f"learned by {percent(first['solved'])} of the seeds with the first one's initial weights "
        f"and by {percent(second['solved'])} with the second's; after {steps:,} steps "
        f"{percent(first['final'])} and {percent(second['final'])} still know them.",
    )


def _lengths() -> Headline:
    grown = archive.read().by_setting("growing")
    lstm, plain = grown["LSTM, best setting"], grown["RNN, report 000"]["longest"]
    return Headline(
        "04",
        "**The wall was one of search, not of memory.** With lengths that grow as they are "
        f"mastered, the first report's RNN masters up to {plain.max():.0f} digits, and an LSTM "
        f"{lstm['T'].max()} in {lstm['solved'].sum()} of {len(lstm)} seeds, "
        f"within {lstm['steps_run'].max():,.0f} steps.",
    )
