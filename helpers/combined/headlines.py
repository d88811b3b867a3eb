"""What the comparison of forms says, in a sentence."""

from helpers.combined import archive, reconciled
from helpers.findings import Headline, percent


def headlines() -> list[Headline]:
    found, T = archive.read(), 20
    runs = found.part("structure")
    at_T = runs[runs["T"] == T].groupby(["structure", "model"])["accuracy"].mean()
    read = reconciled.both_settings(found).set_index("T")["best setting: mean"][T]
    mirror, chain = (percent(at_T[form].max()) for form in ("mirror", "chain"))
    return [
        Headline(
            "07",
            f"**An edge to the right place replaces a memory.** Of {T} digits the best graph "
            f"network names the first in {mirror} of cases where the mirrored position is a "
            f"neighbour, in {chain} along the chain (a tenth is guessing); an LSTM that reads "
            f"them, in {percent(read)}.",
        )
    ]
