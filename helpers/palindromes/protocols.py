"""Both protocols, setting by setting, read from their configurations."""

import math

import numpy as np
import pandas as pd
import torch

from helpers.palindromes.experiment import FINAL_WINDOW, PalindromeRun
from helpers.palindromes.parts import protocol_a, protocol_b
from helpers.palindromes.reported import PROTOCOLS
from helpers.recurrent.initialisation import parse
from helpers.recurrent.training import OPTIMIZERS, SOLVED_ACCURACY, SOLVED_WINDOW

_ENCODINGS = {
    "raw": "one number, 0 to 9",
    "centred": "one number, mean 0, variance 1",
    "one_hot": "ten numbers, one of them 1",
}
#: Stands in a table for what stands to the left of it.
DITTO = "″"


def runs() -> dict[tuple[str, str], list[PalindromeRun]]:
    """(protocol, model) -> its runs."""
    found = {}
    for name, configs in (("A", protocol_a()), ("B", protocol_b())):
        for model in ("rnn", "lstm"):
            found[name, model] = [run for run in configs if run.model == model]
    return found


def settings() -> pd.DataFrame:
    """A row a setting, a column a protocol and network; last, what the reports say of their own.

    What equals its left neighbour is a :data:`DITTO`.

    Raises:
        ValueError: runs of one column differ in a setting that has one value here.
    """
    columns = {}
    for (protocol, model), configs in runs().items():
        name = f"{protocol}, {'RNN' if model == 'rnn' else 'LSTM'}"
        columns[name] = _of_runs(configs) | PROTOCOLS[protocol]
    found = pd.DataFrame(columns)
    return found.mask(found == found.shift(axis=1), DITTO)


def _of_runs(configs: list[PalindromeRun]) -> dict[str, str]:
    """What one network's runs in one protocol have in common, and what varies."""
    own = _of_optimizer(_one(configs, "optimizer"))
    n, d = _one(configs, "hidden_size"), configs[0].on.input_size(_one(configs, "encoding"))
    outputs = configs[0].on.outputs
    bias, chrono = _one(configs, "forget_bias"), _one(configs, "chrono")
    stop = _one(configs, "stop_after_perfect")
    return {
        "digits fed in": "T = " + ", ".join(map(str, dict.fromkeys(run.T for run in configs))),
        "a digit is read as": _ENCODINGS[_one(configs, "encoding")],
        "hidden units": f"{n} units",
        "batch": f"{_one(configs, 'batch_size')} palindromes",
        "first weights, input matrices": initial(_one(configs, "W_x"), (n, d), n),
        "first weights, recurrent matrices": initial(_one(configs, "W_h"), (n, n), n),
        "first weights, read-out matrix": initial(_one(configs, "W_ph"), (outputs, n), n),
        "first biases": "all 0"
        if bias == 0 and chrono is None
        else f"forget gate {bias or chrono}",
        "first state": "all 0",
        "optimizer": own,
        "rate": f"{_one(configs, 'lr'):g}, constant",
        "gradient clipped": f"to a norm of {_one(configs, 'clip_norm'):g}",
        "steps": _steps(configs),
        "stops early": "never" if stop is None else f"after {stop} batches without a mistake",
        "seeds": f"{len({run.seed for run in configs})} a length",
        "numbers are": "bfloat16" if _one(configs, "bf16") else "float32",
        "solved": f"a mean over {SOLVED_WINDOW} batches reached {100 * SOLVED_ACCURACY:.0f} %",
        "read in the end": f"mean of the last {FINAL_WINDOW} batches; held out after the last step",
    }


def _one(configs: list[PalindromeRun], field: str):
    """The one value of a field that all runs share."""
    values = {getattr(run, field) for run in configs}
    if len(values) != 1:
        raise ValueError(f"{field} differs between the runs of one column: {sorted(values)}")
    return values.pop()


def _of_optimizer(name: str) -> str:
    """An optimizer with its constants, asked of itself."""
    made = OPTIMIZERS[name]([torch.nn.Parameter(torch.zeros(1))], 1.0)
    kept = {"alpha": "α", "eps": "ε"}
    constants = ", ".join(f"{kept[k]} {v:g}" for k, v in made.defaults.items() if k in kept)
    return f"{type(made).__name__}, {constants}"


def _steps(configs: list[PalindromeRun]) -> str:
    lengths: dict[int, list[int]] = {}
    for run in configs:
        if run.T not in lengths.setdefault(run.steps, []):
            lengths[run.steps].append(run.T)
    if len(lengths) == 1:
        return f"{next(iter(lengths)):,} at every length"
    return "; ".join(
        f"{steps:,} at T = {', '.join(map(str, found))}" for steps, found in lengths.items()
    )


def initial(spec: str, shape: tuple[int, int], hidden_size: int) -> str:
    """An initialisation in words with the standard deviation that it gives each weight."""
    name, value = parse(spec)
    if name == "uniform":
        bound = 1 / math.sqrt(hidden_size) if value is None else value
        return f"uniform, ±{bound:.3f} (sd {bound / math.sqrt(3):.3f})"
    if name == "kaiming_out":
        return f"normal, sd √(2/{shape[0]}) = {np.sqrt(2 / shape[0]):.3f}"
    return spec
