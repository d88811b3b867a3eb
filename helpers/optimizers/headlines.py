"""What the race says, in a sentence."""

from helpers import archive
from helpers.findings import Headline
from helpers.optimizers import race


def headlines() -> list[Headline]:
    runs = archive.read("optimizer_race").table
    outcome = race.summary(runs[runs["part"] == "race"], enough=10)
    solved = outcome["solved"].sort_values(ascending=False, kind="stable")
    said = ", ".join(f"{name} {count}" for name, count in solved.items())
    return [
        Headline(
            "02",
            "**Adaptive rates won the race.** At its tuned rate, each optimizer taught an LSTM to "
            f"remember 20 digits in so many of {outcome['runs'].max()} seeds: {said}.",
        )
    ]
