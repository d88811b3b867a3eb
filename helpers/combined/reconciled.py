"""One LSTM, two notebooks: what differs between its training here and in notebook 04."""

import math

import pandas as pd
import torch

from helpers.combined import structure
from helpers.combined.archive import BEST_SETTING, ComparisonArchive
from helpers.combined.networks import READERS, STARTS
from helpers.combined.structure import StructureRun
from helpers.palindromes import archive as palindrome_archive
from helpers.palindromes import experiment
from helpers.palindromes.experiment import PalindromeRun
from helpers.palindromes.parts import memory_against_size
from helpers.recurrent.parameters import count_parameters

#: An accuracy from which a run counts as right, in both notebooks.
RIGHT = 0.99


def run_of_04(T: int, units: int = 32) -> PalindromeRun:
    """The run of notebook 04's part "size" that has about as many parameters as those here."""
    return memory_against_size(T, (units,), range(1))[f"{units} units"][0]


def what_differs(T: int = 20) -> pd.DataFrame:
    """A row a setting, read from both configurations and from the networks that they build."""
    here, there = StructureRun("lstm", "sequence", T, 0), run_of_04(T)
    nets = structure.build(here), experiment.build(there)
    begins = READERS["lstm"] | STARTS[here.start]
    rows = {
        "hidden units": [net.core.hidden_size for net in nets],
        "parameters": [count_parameters(net) for net in nets],
        "layers": [net.core.num_layers for net in nets],
        "numbers a digit (one-hot: 10)": [net.core.input_size for net in nets],
        "recurrent weights begin": [begins.get("W_h", "uniform"), there.W_h],
        "forget bias begins": [f"{begins['forget_bias']:g}", f"chrono, {there.chrono:g} steps"],
        "input gate's bias begins": [_range(net.core.weights().b_i) for net in nets],
        "steps that a unit remembers at first": [_memory(net) for net in nets],
        "optimizer": [here.optimizer, there.optimizer],
        "rate at first": [here.lr, there.lr],
        "rate in the end": [here.lr / (10 if here.schedule == "cosine" else 1), there.lr],
        "gradient clipped at": [here.clip_norm, there.clip_norm],
        "sequences in a batch": [here.batch_size, there.batch_size],
        "steps at most": [here.steps, there.steps],
        "ends early": ["no", f"after {there.stop_after_perfect} perfect batches in a row"],
    }
    columns = ["this notebook", "notebook 04"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    differs = frame[columns[0]].astype(str) != frame[columns[1]].astype(str)
    return frame.assign(differs=["yes" if d else "" for d in differs])


def _memory(network) -> str:
    """1 + exp(b_f) of the units, the shortest and the longest (:func:`chrono_biases`)."""
    return _range(1 + network.core.weights().b_f.exp())


def _range(values: torch.Tensor) -> str:
    """The smallest and the largest, or one of them if they are alike."""
    low, high = values.min().item(), values.max().item()
    return f"{low:.1f}" if math.isclose(low, high) else f"{low:.1f} to {high:.1f}"


def right_of(runs: pd.DataFrame, column: str = "accuracy") -> str:
    """How many runs are right on at least 99 % of held-out palindromes, "7 of 10"."""
    return f"{int((runs[column] >= RIGHT).sum())} of {len(runs)}"


def settings_at(found: ComparisonArchive, T: int = 20) -> dict[str, pd.DataFrame]:
    """The LSTM's runs at one length by setting: first as compared, then each change."""
    compared = found.part("structure")
    compared = compared[(compared["model"] == "lstm") & (compared["T"] == T)]
    others = found.by_setting("lstm_settings")
    rest = {name: runs[runs["T"] == T] for name, runs in others.items()}
    return {"as compared": compared, **{name: runs for name, runs in rest.items() if len(runs)}}


def both_settings(found: ComparisonArchive) -> pd.DataFrame:
    """The LSTM as compared and at its best setting: mean accuracy and seeds right by length."""
    compared = found.part("structure")
    compared = compared[compared["model"] == "lstm"]
    best = found.by_setting("lstm_settings")[BEST_SETTING]
    rows = []
    for T in sorted(compared["T"].unique()):
        row = {"T": T}
        for name, runs in (("as compared", compared), ("best setting", best)):
            at_T = runs[runs["T"] == T]
            row[f"{name}: mean"] = at_T["accuracy"].mean()
            row[f"{name}: seeds right"] = right_of(at_T)
        rows.append(row)
    return pd.DataFrame(rows)


def seeds_of_04(T: int = 20) -> pd.DataFrame:
    """The published LSTMs of notebook 04's part "size" with 16 units and more."""
    runs = palindrome_archive.read().part(f"size_{T}")
    return runs[runs["hidden_size"] >= 16]
