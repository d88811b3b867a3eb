"""The traps of notebook 04, each with the number that the published runs hold against it."""

import numpy as np
import pandas as pd

from helpers.notebook import Trap
from helpers.palindromes import outcomes
from helpers.palindromes.analysis import implied_shares, mixtures
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.reported import FIRST_AT_99, PROTOCOL_A, PROTOCOL_B


def rows(study: PalindromeArchive) -> list[Trap]:
    """Each with what the published runs say of it."""
    return [
        *_of_means(study),
        *_of_times_and_ends(study),
        *_of_reach(study),
        Trap(
            "a range has as many members as its length over the step",
            "report 000: from 5 “in steps of 2 to 23 […] (Making 9 curves per model)”",
            "both ends count",
            f"5 to 23 in steps of 2 are {len(range(5, 24, 2))} lengths",
        ),
        *_of_biases(study),
    ]


def _of_means(study: PalindromeArchive) -> list[Trap]:
    runs = study.part("protocol_a")
    rnn = runs[runs["model"] == "rnn"]
    table = mixtures(rnn)
    apart = (table["mixture"] - table["mean accuracy"]).abs()
    said = implied_shares(PROTOCOL_A).query("model == 'rnn' and T == 11").iloc[0]
    beyond_10 = rnn[(rnn["T"] > 10) & rnn["solved"]]
    return [
        Trap(
            "a mean accuracy between chance and 1 is how well the network remembers",
            "often seen; report 000 draws “an average of ten runs”",
            "it is the share of runs that do: a mixture of solved runs and guessing ones",
            f"our RNNs: mixture and mean differ by {apart.mean():.3f} on average over "
            f"{len(table)} lengths; "
            f"the report's own accuracy and loss at T = 11 give a share of "
            f"{said['share by accuracy']:.2f} and of {said['share by loss']:.2f}",
        ),
        Trap(
            "a few runs that fail at a length show that the network cannot do it",
            "report 000: the RNN reaches full accuracy only “for palindromes smaller than 10”",
            "so it was in its runs; with this initialisation success grows rare, it does not end",
            f"{len(beyond_10)} of {(rnn['T'] > 10).sum()} runs beyond 10 are solved",
        ),
    ]


def _of_times_and_ends(study: PalindromeArchive) -> list[Trap]:
    first, second = study.part("protocol_a"), study.part("protocol_b")
    duels = outcomes.who_was_first(first, "rnn", "lstm")
    both, won = duels["both solved"].sum(), duels["lstm"].sum()
    drawn = FIRST_AT_99.pivot(index="T", columns="model", values="step").loc[9]
    at_17 = first[first["T"] == 17].groupby("model")["solved_step"]
    lstm = second[second["model"] == "lstm"]
    bad_batch = lstm[lstm["solved"].astype(bool) & (lstm["final_accuracy"] < 0.99)]
    return [
        Trap(
            "what works on more problems also works faster",
            "report 000: the LSTM learns “faster and for longer sequences”",
            "two claims: at long lengths the LSTM is solved more often; clearly faster it was at "
            "the shortest only",
            f"of {both} pairs with both solved the LSTM is first in {won}; in the report's own "
            f"figure at T = 9 it is at 99 % after {drawn['lstm']:.0f} steps, the RNN after "
            f"{drawn['rnn']:.0f}",
        ),
        Trap(
            "the mean time of the runs that were solved",
            "often seen",
            "the slow ones are left out, and more of them of the network that fails more often",
            f"at T = 17: RNN {at_17.mean()['rnn']:.0f} steps, of {at_17.count()['rnn']} runs; "
            f"LSTM {at_17.mean()['lstm']:.0f}, of {at_17.count()['lstm']}",
        ),
        Trap(
            "a run whose last training batches are not all right has lost what it knew",
            "often seen; an earlier version of this notebook counted so",
            "a stumble over a few batches of a hundred is enough; ask held-out data, of the last "
            "weights",
            f"of {len(bad_batch)} such LSTMs of protocol B {outcomes.collapsed(bad_batch).sum()} "
            "have less than 99 % held out",
        ),
    ]


def _of_reach(study: PalindromeArchive) -> list[Trap]:
    runs = study.part("protocol_a")
    rnn = runs[runs["model"] == "rnn"]
    beyond_17 = rnn[(rnn["T"] > 17) & rnn["solved"]]
    grown = study.by_setting("growing")["RNN, report 000"]["longest"]
    reported = PROTOCOL_B.set_index(["model", "T"])
    at_40, at_160 = reported.loc[("rnn", 40)], reported.loc[("lstm", 160)]
    second = study.part("protocol_b")
    at_80 = second[(second["model"] == "rnn") & (second["T"] == 80)]["log10_gradient_ratio"]
    return [
        Trap(
            "training from one beginning shows what the network can hold",
            "report 000: the RNN is “only able to improve on randomness” up to length 17",
            "a failed search is not a full memory: led up from short palindromes the same network "
            "goes on",
            f"{len(beyond_17)} of {(rnn['T'] > 17).sum()} runs beyond 17 are solved; with lengths "
            f"that grow the same RNN masters {grown.min():.0f} to {grown.max():.0f} digits",
        ),
        Trap(
            "a mean with a deviation, read as how far the network reaches",
            "report 001: “for lengths until 40 its performance is quite good”, a loose sentence",
            "the two do not say how many runs arrived; that share, with its interval, does",
            f"{at_40['accuracy']:g} ± {at_40['std']:g} in its figure 3, of how many runs is not "
            f"said{_here(study, 'rnn', 40)}",
        ),
        Trap(
            "an RNN that fails on long sequences fails because its gradients vanish",
            "report 001: “the gradient of the loss function decays exponentially with time”",
            "look before explaining: with this initialisation they explode before the first step; "
            "what training makes of them is another question (notebook 01, section 10)",
            f"T = 80: ten to the power of {np.median(at_80):+.1f} from the last state to the first",
        ),
        Trap(
            "the best moment of one run stands for the method",
            "report 001: the LSTM “can achieve perfect accuracy even with a sequence of 160”",
            "“can” is true, some runs do at some step; a claim of a method needs all its runs",
            f"{at_160['accuracy']:g} ± {at_160['std']:g} in its figure 6"
            f"{_here(study, 'lstm', 160)}",
        ),
    ]


def _of_biases(study: PalindromeArchive) -> list[Trap]:
    if not study.has("slot_bias"):
        return []
    runs = study.part("slot_bias")
    runs = runs.assign(lost=outcomes.collapsed(runs)).groupby("model")
    n, solved, lost = runs.size(), runs["solved"].sum(), runs["lost"].sum()
    ours, slot = "lstm", "lstm_slot_bias"
    return [
        Trap(
            "a bias of shape (n,) added to an array of shape (n, B)",
            "report 001's author, in the published program",
            "it is added along the batch: a bias for each place in it, none for a unit. Where "
            "B = n no error tells, and hardly a result",
            f"T = 20, with it: {solved[slot]} of {n[slot]} solved, {lost[slot]} collapsed; "
            f"without: {solved[ours]} of {n[ours]}, {lost[ours]}",
        )
    ]


def _here(study: PalindromeArchive, model: str, T: int) -> str:
    """How many of our seeds with report 001's settings were ever solved, where they were run."""
    names = [name for name in ("protocol_b", f"longer_b_{T}") if study.has(name)]
    runs = pd.concat(study.part(name) for name in names)
    runs = runs[(runs["model"] == model) & (runs["T"] == T)].groupby("steps")["solved"]
    told = [f"{s.sum()} of {len(s)} seeds in {steps:,} steps" for steps, s in runs]
    return f"; here {', '.join(told)}" if told else ""
