"""The optimizers on a real task: steps until 99 % of held-out palindromes are right.

The learning rate of each is tuned on a grid with seeds of its own; the race is then run with other
seeds at the rate that was best.
"""

import math
from dataclasses import dataclass

import pandas as pd
import torch

from helpers import archive, paths
from helpers.checks import choice, fits, integer, positive, seed
from helpers.optimizers.algorithms import ALGORITHMS
from helpers.palindromes.tasks import palindromes
from helpers.recurrent import LSTM, SequenceClassifier
from helpers.recurrent.training import SOLVED_ACCURACY, evaluate, fit
from helpers.runtime import device as find_device
from helpers.runtime import generator
from helpers.store import RunStore
from helpers.study import grid, report, run_study

#: Bumped by hand whenever a change alters what a run computes.
EXPERIMENT_VERSION = 1

RATES = tuple(10 ** (k / 2) for k in range(-8, 4))  # 0.0001 to 31.6, two a decade
TUNING_SEEDS = range(100, 105)
RACE_SEEDS = range(20)
HELD_OUT = 1000
#: Units of the LSTM, and palindromes a batch.
UNITS, BATCH = 64, 128


@dataclass(frozen=True)
class RaceRun:
    """One optimizer, one rate, one seed, on an LSTM of 64 units reading ``T`` one-hot digits.

    Attributes:
        steps: at most so many; the run ends when the held-out accuracy reaches 99 %.
        eval_every: steps between two looks at the held-out palindromes.
    """

    optimizer: str
    lr: float
    seed: int
    T: int = 20
    steps: int = 3000
    eval_every: int = 20

    def __post_init__(self):
        choice("optimizer", self.optimizer, tuple(ALGORITHMS))
        positive("lr", self.lr)
        seed("seed", self.seed)
        for name in ("T", "steps", "eval_every"):
            integer(name, getattr(self, name), minimum=1)
        fits(2 * self.steps, steps=self.steps)  # the two curves
        fits(BATCH * UNITS * self.T, T=self.T)  # what the LSTM puts out


def run_race(run: RaceRun, device: str | torch.device = "cpu") -> tuple[dict, dict]:
    """Train one run. Record: ``steps_to_99`` (``None`` if never) and ``best_accuracy``."""
    stream = generator(run.seed, "weights")
    core = LSTM(palindromes.DIGITS, UNITS, forget_bias=1.0, generator=stream)
    model = SequenceClassifier(core, palindromes.DIGITS, generator=stream).to(find_device(device))
    digits = palindromes.held_out_set(run.T, HELD_OUT)
    x, y = palindromes.split_target(digits, "one_hot")
    seen: list[float] = []

    def look(step):
        if step.number % run.eval_every == 0:
            seen.append(evaluate(model, [(x, y)])[1])

    curves = fit(
        model,
        palindromes.PALINDROMES.stream(run.T, BATCH, generator(run.seed, "data"), "one_hot"),
        steps=run.steps,
        lr=run.lr,
        optimizer=lambda parameters, lr: ALGORITHMS[run.optimizer](parameters, lr=lr),
        on_step=look,
        should_stop=lambda: bool(seen) and seen[-1] >= SOLVED_ACCURACY,
    )
    solved = bool(seen) and seen[-1] >= SOLVED_ACCURACY and not curves.diverged
    record = {
        "steps_to_99": curves.steps if solved else None,
        "best_accuracy": max(seen, default=0.0),
        "diverged": curves.diverged,
    }
    return record, {"loss": curves.loss}


def best_rates(tuning: pd.DataFrame) -> dict[str, float]:
    """Each optimizer's rate with the lowest median of steps, unsolved counted as infinite.

    Ties (nothing solved at any rate) go to the highest mean of the best accuracy.
    """
    rates = {}
    for name, runs in tuning.groupby("optimizer", sort=False):
        by_rate = runs.assign(steps=runs["steps_to_99"].fillna(math.inf)).groupby("lr")
        score = pd.DataFrame(
            {"steps": by_rate["steps"].median(), "accuracy": -by_rate["best_accuracy"].mean()}
        )
        rates[name] = float(score.sort_values(["steps", "accuracy"]).index[0])
    return rates


def summary(race: pd.DataFrame, enough: int) -> pd.DataFrame:
    """One row an optimizer: rate, runs, solved, NaN runs, and steps of the solved runs.

    A median over few solved runs is one over lucky seeds, so it is NaN below ``enough`` of them.
    ``median_all`` counts unsolved runs as infinite: it is finite only where most are solved.
    """
    rows = {}
    for name, runs in race.groupby("optimizer", sort=False):
        steps = runs["steps_to_99"]
        solved = int(steps.notna().sum())
        rows[name] = {
            "rate": runs["lr"].iloc[0],
            "runs": len(runs),
            "solved": solved,
            "NaN": int(runs["diverged"].sum()),
            "fastest": steps.min(),
            "median": steps.median() if solved >= enough else math.nan,
            "slowest": steps.max(),
            "median_all": steps.fillna(math.inf).median(),
            "best_accuracy": runs["best_accuracy"].median(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def planned(runs: pd.DataFrame) -> dict[str, list[RaceRun]]:
    """Part -> its configurations; the race's rates follow from the tuning, among ``runs``."""
    rates = best_rates(runs[runs["part"] == "tuning"])
    return {
        "tuning": grid(RaceRun, optimizer=list(ALGORITHMS), lr=RATES, seed=TUNING_SEEDS),
        "race": [RaceRun(name, rate, seed) for name, rate in rates.items() for seed in RACE_SEEDS],
    }


def run_and_write(
    workers: int | None = None, cluster: str | None = None, device: str | torch.device = "cpu"
) -> None:
    """Tune, race, and write ``data/results/optimizer_race``; resumes what was interrupted."""
    store = RunStore(paths.WORK / "optimizer_race", EXPERIMENT_VERSION)
    options = {"workers": workers, "cluster": cluster, "device": device}
    first = grid(RaceRun, optimizer=list(ALGORITHMS), lr=RATES, seed=TUNING_SEEDS)
    tuning = run_study(run_race, first, store, desc="tuning", **options)
    tuned = tuning.table.assign(part="tuning")
    race = run_study(run_race, planned(tuned)["race"], store, desc="race", **options)
    both = pd.concat([tuned, race.table.assign(part="race")])
    archive.write(
        "optimizer_race", both, seeds=len(RACE_SEEDS), experiment_version=EXPERIMENT_VERSION
    )
    report([*tuning.failures, *race.failures])
