"""What became of each run, when it was solved, and which of two networks was first.

Times of runs that were never solved are censored: later than their last step, how much is unknown.
They stand as infinity here, which the order of the times, and so a median, can live with.
"""

import math

import numpy as np
import pandas as pd
from scipy import stats

from helpers.checks import integer
from helpers.palindromes.archive import BOX, PalindromeArchive
from helpers.recurrent.cells import CELLS
from helpers.recurrent.training import SOLVED_ACCURACY, SOLVED_WINDOW

#: What a run may end as, from best to worst.
OUTCOMES = ("kept", "unsteady", "collapsed", "never solved")
#: A solved run has fallen when a mean over SOLVED_WINDOW steps is below this afterwards.
FALLEN = 0.9


def collapsed(runs: pd.DataFrame) -> pd.Series:
    """Whether each run was solved once and has lost it: held out, less than 99 % right in the end.

    The held-out palindromes are asked of the network as it is after the last step. The training
    stream would call a run lost that has one bad batch among its last hundred.
    """
    return runs["solved"].astype(bool) & ~(runs["held_out_accuracy"] >= SOLVED_ACCURACY)


def outcome(runs: pd.DataFrame) -> pd.Series:
    """One of :data:`OUTCOMES` for each run.

    "unsteady": solved, and 99 % right on the held-out palindromes in the end, though the mean over
    the last hundred training batches is below that; "kept": above it too.
    """
    bad_batches = runs["final_accuracy"] < SOLVED_ACCURACY
    found = np.select(
        [~runs["solved"].astype(bool), collapsed(runs), bad_batches],
        ["never solved", "collapsed", "unsteady"],
        "kept",
    )
    return pd.Series(found, runs.index)


def counted(groups: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """How many runs of each group ended as what: a row a group, a column an outcome."""
    rows = {name: outcome(runs).value_counts() for name, runs in groups.items()}
    return pd.DataFrame(rows).T.reindex(columns=OUTCOMES).fillna(0).astype(int)


def falls(study: PalindromeArchive, part: str) -> pd.DataFrame:
    """How often each solved run fell below :data:`FALLEN`, and how often it came back.

    Columns: "model", "T", "seed", "falls", and "returns": falls after which a mean over
    SOLVED_WINDOW steps reached 99 % again, before the next fall or the end.
    """
    window = SOLVED_WINDOW // BOX
    rows = []
    for (model, T), runs in study.part(part).groupby(["model", "T"]):
        curves = study.curve(part, "accuracy", model, T)
        in_order = [key for key in study.curves[f"{part} keys"] if key in set(runs["key"])]
        runs = runs.set_index("key").loc[in_order]
        for run, curve in zip(runs.itertuples(), curves, strict=True):
            if not run.solved:
                continue
            means = np.convolve(curve[~np.isnan(curve)], np.full(window, 1 / window), "valid")
            up, fell, returned = True, 0, 0
            for mean in means[math.ceil(run.solved_step / BOX) - window :]:
                if up and mean < FALLEN:
                    up, fell = False, fell + 1
                elif not up and mean >= SOLVED_ACCURACY:
                    up, returned = True, returned + 1
            rows.append((model, T, run.seed, fell, returned))
    return pd.DataFrame(rows, columns=["model", "T", "seed", "falls", "returns"])


def fall_rates(study: PalindromeArchive, names: dict[str, str]) -> pd.DataFrame:
    """Falls of each part and network: a row a network.

    Args:
        names: name of a protocol -> its part, with published curves.

    Columns: "protocol", "network", "solved runs", "fell", "returned" (times, of all these runs),
    and "falls per 1000 steps" that were left after they were solved.
    """
    rows = []
    for protocol, part in names.items():
        runs = study.part(part)
        for model, found in falls(study, part).groupby("model"):
            solved = runs[(runs["model"] == model) & runs["solved"].astype(bool)]
            left = float((solved["steps"] - solved["solved_step"]).sum())
            rows.append(
                {
                    "protocol": protocol,
                    "network": CELLS[model].label,
                    "solved runs": len(found),
                    "fell": int(found["falls"].sum()),
                    "returned": int(found["returns"].sum()),
                    "falls per 1000 steps": 1000 * found["falls"].sum() / left,
                }
            )
    return pd.DataFrame(rows)


def steps_tried(runs: pd.DataFrame) -> pd.Series:
    """Steps until each run was solved; all that it had for those that were not (censored)."""
    return runs["solved_step"].where(runs["solved"].astype(bool), runs["steps"])


def times(runs: pd.DataFrame) -> np.ndarray:
    """Steps until each run was solved; infinity for those that were not."""
    return runs["solved_step"].where(runs["solved"].astype(bool), math.inf).to_numpy(float)


def median_interval(values) -> tuple[float, float, float]:
    """The median of a sample with an interval for the median of what it was drawn from.

    The interval runs from the j-th smallest value to the j-th largest. It misses the median if
    fewer than j of the values lie on one side of it, and each lies on either side with probability
    one half: a binomial. j is the largest that keeps the interval right in 95 % of samples; with
    fewer than six values even the outermost two, which are taken then, are right less often
    (:func:`coverage`). Values may be infinite.

    Returns:
        median, low, high; NaN of no values.
    """
    values = np.sort(np.asarray(values, float))
    n = len(values)
    if n == 0:
        return math.nan, math.nan, math.nan
    j = 1
    while 2 * (j + 1) <= n and coverage(n, j + 1) >= 0.95:
        j += 1
    lower, upper = values[(n - 1) // 2], values[n // 2]
    middle = lower if lower == upper else (lower + upper) / 2
    return float(middle), float(values[j - 1]), float(values[n - j])


def coverage(n: int, j: int) -> float:
    """How often the j-th smallest and the j-th largest of n values enclose the median.

    Raises:
        ValueError: a j that is not 1 to n.
    """
    integer("j", j, minimum=1, maximum=integer("n", n, minimum=1))
    return 1 - 2 * float(stats.binom.cdf(j - 1, n, 0.5))


def times_to_solve(runs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Median steps until solved of each group, of the solved runs alone and of all.

    Columns: "runs", "solved", "median", "low", "high" (the solved ones), "median of all", "low of
    all", "high of all" (an unsolved run counts as later than any, infinity).
    """
    rows = []
    for key, group in runs.groupby(by, sort=False):
        when = times(group)
        of_solved, of_all = median_interval(when[np.isfinite(when)]), median_interval(when)
        row = dict(zip(by, key, strict=True))
        row |= {"runs": len(group), "solved": int(np.isfinite(when).sum())}
        row |= dict(zip(("median", "low", "high"), of_solved, strict=True))
        row |= dict(zip(("median of all", "low of all", "high of all"), of_all, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def who_was_first(runs: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Two models seed by seed, at each length: which one was solved in fewer steps.

    Runs with one seed read the same palindromes. Columns: "T", "pairs", "both solved", ``first``
    and ``second`` (of those, how often each was sooner), "only ``first``", "only ``second``".
    """
    rows = []
    for T, group in runs.groupby("T"):
        when = group.assign(when=times(group)).pivot(index="seed", columns="model", values="when")
        a, b = when[first], when[second]
        rows.append(
            {
                "T": T,
                "pairs": len(when),
                "both solved": int((np.isfinite(a) & np.isfinite(b)).sum()),
                first: int(((a < b) & np.isfinite(b)).sum()),
                second: int(((b < a) & np.isfinite(a)).sum()),
                f"only {first}": int((np.isfinite(a) & np.isinf(b)).sum()),
                f"only {second}": int((np.isinf(a) & np.isfinite(b)).sum()),
            }
        )
    return pd.DataFrame(rows)
