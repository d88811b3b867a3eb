"""What the runs of the palindrome study say: shares with intervals, effects, predictors.

Success of a run is a yes or a no, so what is estimated is a probability. Intervals are 95 %.
"""

import math

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint

from helpers.archive import Archive
from helpers.checks import integer
from helpers.palindromes.archive import BOX, PalindromeArchive
from helpers.palindromes.outcomes import collapsed, steps_tried
from helpers.palindromes.parts import FACTORS
from helpers.palindromes.settings import INITS
from helpers.palindromes.tasks.palindromes import CHANCE
from helpers.recurrent.initialisation import parse
from helpers.recurrent.training import SOLVED_ACCURACY

#: Share of right answers from which on a memory counts as standing still. Set before the runs of
#: :func:`.parts.growing_doubled` were made.
STILL = 0.9


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927).

    Raises:
        ValueError: no runs at all, or more successes than runs.
    """
    if n < 1:
        raise ValueError("a share needs at least one run")
    integer("successes", successes, minimum=0, maximum=n)
    low, high = proportion_confint(successes, n, method="wilson")
    return float(low), float(high)


def shares(runs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Share solved, share right in the end, and share collapsed, for each group of runs.

    A run has collapsed if it was solved and is not right in the end (:func:`.outcomes.collapsed`).

    Columns: "n", "solved", "low", "high" (ever solved, with its Wilson interval), "final" (held-out
    accuracy of at least 0.99 after the last step) with "final_low" and "final_high", "collapsed",
    "median_step" (of the solved), "mean_held_out".
    """
    rows = []
    for key, group in runs.groupby(by, sort=False):
        n, k = len(group), int(group["solved"].sum())
        final = int((group["held_out_accuracy"] >= SOLVED_ACCURACY).sum())
        low, high = wilson(k, n)
        final_low, final_high = wilson(final, n)
        rows.append(
            {
                **dict(zip(by, key, strict=True)),
                "n": n,
                "solved": k / n,
                "low": low,
                "high": high,
                "final": final / n,
                "final_low": final_low,
                "final_high": final_high,
                "collapsed": float(collapsed(group).mean()),
                "median_step": float(group["solved_step"].median()),
                "mean_held_out": float(group["held_out_accuracy"].mean()),
            }
        )
    return pd.DataFrame(rows)


def unsolved_over_time(runs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Kaplan and Meier's estimate of the share not yet solved after each step.

    A run that was never solved is censored at its last step.

    Returns:
        steps and shares, both from (0, 1) on, as a step function.
    """
    estimate = SurvfuncRight(steps_tried(runs).to_numpy(float), runs["solved"].to_numpy(int))
    end = float(runs["steps"].max())
    last = estimate.surv_prob[-1] if len(estimate.surv_prob) else 1.0
    steps = np.concatenate([[0.0], estimate.surv_times, [end]])
    return steps, np.concatenate([[1.0], estimate.surv_prob, [last]])


def mixtures(runs: pd.DataFrame, chance: float = CHANCE) -> pd.DataFrame:
    """Mean accuracy at the end, beside what a mixture of k right runs and R - k guessing ones has.

    Held out, as the training stream would not count a run as right that has just had a bad batch.

    Columns: "model", "T", "right runs" k, "of" R, "mixture" k/R + (1 - k/R) chance, and
    "mean accuracy".
    """
    rows = []
    for (model, T), group in runs.groupby(["model", "T"], sort=False):
        right = int((group["held_out_accuracy"] >= SOLVED_ACCURACY).sum())
        share = right / len(group)
        rows.append(
            {
                "model": model,
                "T": T,
                "right runs": right,
                "of": len(group),
                "mixture": share + (1 - share) * chance,
                "mean accuracy": float(group["held_out_accuracy"].mean()),
            }
        )
    return pd.DataFrame(rows)


def implied_shares(reported: pd.DataFrame, chance: float = CHANCE) -> pd.DataFrame:
    """Reported mean accuracies and losses, read as mixtures of right and guessing runs.

    A mean accuracy of k/R + (1 - k/R) chance is solved for k/R, and so is a mean loss of
    (1 - k/R) ln(1 / chance), as right runs have a loss of 0 and guessing ones of ln(1 / chance).

    Args:
        reported: columns "model", "T", "accuracy", "loss"; the last may be missing.

    Columns: those, "share by accuracy" and "share by loss".
    """
    loss = pd.to_numeric(reported["loss"])
    return reported.assign(
        **{
            "share by accuracy": (reported["accuracy"] - chance) / (1 - chance),
            "share by loss": 1 - loss / math.log(1 / chance),
        }
    )


def paired_effect(
    runs: pd.DataFrame, factor: str, low: str, high: str, outcome: str = "solved"
) -> dict[str, float]:
    """Change of a share when one factor goes from ``low`` to ``high``, everything else the same.

    For each seed the outcome is averaged over all combinations of the other factors; the interval
    is Student's, over seeds. Where a yes or no changes alike in all seeds, that would have no
    width: it goes then as far to both sides as seeds of another kind may be a share without one of
    them among so many, which is Clopper and Pearson's interval (1934) of 0.

    Returns:
        "effect", "low", "high" in points of share, and "seeds".
    """
    value = runs[outcome].astype(float)
    means = runs.assign(value=value).groupby(["seed", factor])["value"].mean().unstack(factor)
    difference = (means[high] - means[low]).dropna().to_numpy()
    effect, low, high = _student(difference)
    if low == high and value.isin([0, 1]).all():
        unseen = proportion_confint(0, len(difference), method="beta")[1]
        low, high = max(-1.0, effect - unseen), min(1.0, effect + unseen)
    return {"effect": effect, "low": low, "high": high, "seeds": len(difference)}


def share_over_seeds(runs: pd.DataFrame, outcome: str = "solved") -> dict[str, float]:
    """A share over runs of the same seeds in several settings, with Student's interval over seeds.

    Runs of one seed begin with the same weights and are no independent draws, so Wilson's interval
    of all of them would be too narrow.

    Returns:
        "share", "low", "high", "seeds".
    """
    means = runs.assign(value=runs[outcome].astype(float)).groupby("seed")["value"].mean()
    share, low, high = _student(means.to_numpy())
    return {"share": share, "low": low, "high": high, "seeds": len(means)}


def _student(values: np.ndarray) -> tuple[float, float, float]:
    """The mean with its 95 % interval by Student; of a single value, or of equal ones, no width."""
    mean = float(values.mean())
    if len(values) < 2 or values.std() == 0:
        return mean, mean, mean
    low, high = stats.t.interval(0.95, len(values) - 1, mean, stats.sem(values))
    return mean, float(low), float(high)


def auc(score: pd.Series, success: pd.Series | np.ndarray) -> float:
    """Probability that a successful run has the higher score than a failed one; ties count half.

    NaN where all runs have one outcome.
    """
    success = success.astype(bool)
    a, b = score[success].dropna(), score[~success].dropna()
    if len(a) == 0 or len(b) == 0:
        return math.nan
    return float(stats.mannwhitneyu(a, b).statistic / (len(a) * len(b)))


def auc_within(score: pd.Series, runs: pd.DataFrame, by: str | list[str]) -> float:
    """:func:`auc` over the pairs of runs that agree in ``by``: does it rank seeds of one beginning?

    NaN where no such pair has both outcomes.
    """
    ranked = pairs = 0.0
    for _, group in runs.groupby(by):
        success = group["solved"].astype(bool)
        n = int(success.sum() * (~success).sum())
        if n:
            ranked, pairs = ranked + n * auc(score[group.index], success), pairs + n
    return ranked / pairs if pairs else math.nan


def candidates(runs: pd.DataFrame) -> pd.DataFrame:
    """The two candidate explanations as scores, larger meaning more promising.

    "sensitivity": log10 of the change of h_T when the first digit changes; "gradient": minus the
    distance of log10 ||dL/dh_1|| / ||dL/dh_T|| from 0, as both vanishing and exploding are bad;
    "gradient, signed": the ratio itself.
    """
    floor = 1e-12
    return pd.DataFrame(
        {
            "sensitivity": np.log10(runs["sensitivity"].clip(lower=floor)),
            "gradient, signed": runs["log10_gradient_ratio"].fillna(-12.0),
            "gradient": -runs["log10_gradient_ratio"].fillna(-12.0).abs(),
        }
    )


def paired_precision(runs: pd.DataFrame) -> pd.DataFrame:
    """bfloat16 against float32, paired by seed: difference of shares solved at each length."""
    rows = []
    for T, group in runs.groupby("T"):
        effect = paired_effect(
            group.assign(bf16=group["bf16"].astype(str)), "bf16", "False", "True"
        )
        by_precision = group.groupby("bf16")["solved"].mean()
        steps = group.groupby("bf16")["solved_step"].median()
        rows.append(
            {
                "T": T,
                "pairs": effect["seeds"],
                "float32": by_precision[False],
                "bfloat16": by_precision[True],
                "difference": effect["effect"],
                "low": effect["low"],
                "high": effect["high"],
                "median step float32": steps[False],
                "median step bfloat16": steps[True],
            }
        )
    return pd.DataFrame(rows)


# Names for the cells of the study's grids -------------------------------------------------------


def with_cells(runs: pd.DataFrame) -> pd.DataFrame:
    """The factorial's runs with a column a factor, "000" or "001", and "cell", all three together.

    That is the name of their setting (:func:`.parts.factorial`).
    """
    reports = runs["setting"].str.split(expand=True)
    named = {factor: reports[k] for k, factor in enumerate(FACTORS)}
    return runs.assign(**named, cell=runs["setting"]).sort_values(["T", "cell", "seed"])


def factorial_effects(runs: pd.DataFrame, outcome: str = "solved") -> pd.DataFrame:
    """Effect of moving each initialisation from report 000's to report 001's, at each length.

    A length at which all runs or none succeed is left out: an effect of 0 with an interval of no
    width would claim to know what such runs cannot show.
    """
    rows = []
    for T, group in runs.groupby("T"):
        if group[outcome].nunique() == 1:
            continue
        for factor in FACTORS:
            effect = paired_effect(group, factor, *INITS, outcome)
            rows.append({"factor": factor, "T": T, **effect})
    return pd.DataFrame(rows)


def with_radius(runs: pd.DataFrame) -> pd.DataFrame:
    """The sweep's runs with a column "radius", read from the initialisation's name."""
    return runs.assign(radius=[parse(spec)[1] for spec in runs["W_h"]])


def predictors(runs: pd.DataFrame) -> pd.DataFrame:
    """AUC of each candidate explanation for success, over all runs and at each length."""
    scores = candidates(runs)
    rows = []
    groups = [("all", runs.index), *((f"T = {T}", g.index) for T, g in runs.groupby("T"))]
    for name, index in groups:
        found = {c: auc(scores.loc[index, c], runs.loc[index, "solved"]) for c in scores}
        rows.append({"runs": name, "n": len(index), **found})
    return pd.DataFrame(rows)


def reading(lengths: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Held-out accuracy of growing ``runs`` at each length that they were read at.

    Columns: "key", "T", "mastered_step", "held_out_accuracy", "renamed_accuracy"
    (:func:`.growing.renamed_accuracy`), the run's "model" and "longest" length mastered, and
    "ratio", T over that.
    """
    table = lengths.merge(runs[["key", "model", "longest"]], on="key")
    return table.assign(ratio=table["T"] / table["longest"])


def held_still(read: pd.DataFrame) -> pd.Series:
    """Key of a growing run -> whether it holds the digit in a code that stands still.

    That is said of a run that is right in :data:`STILL` of cases or more at every length up to half
    of its longest, and at twice that.

    Args:
        read: of :func:`reading`.
    """
    asked = read[read["ratio"].eq(2) | read["ratio"].le(0.5)]
    return asked.groupby("key", sort=False)["held_out_accuracy"].min() >= STILL


def left_behind(study: PalindromeArchive, part: str) -> pd.DataFrame:
    """The growing runs of a part, with published curves, that did not master all lengths.

    Columns: "seed", "longest" and "at step", the length mastered last and when; then the share
    right in training at the next length, as a mean of ten steps: "median", "best" and "last", the
    mean of the last hundred steps.

    Raises:
        ValueError: no curves of the part are published.
    """
    if f"{part} keys" not in study.curves:
        raise ValueError(f"no curves of {part!r} are published")
    rows, runs = [], study.part(part).set_index("key")
    keys = study.curves[f"{part} keys"].tolist()
    for key, run in runs[~runs["solved"].astype(bool)].iterrows():
        mastered = study.lengths[study.lengths["key"] == key]["mastered_step"].dropna()
        step = max(mastered, default=0)
        seen = study.curves[f"{part} accuracy"][keys.index(key)].astype(np.float64)
        after = seen[math.ceil(step / BOX) :]
        row = {"seed": run["seed"], "longest": int(run["longest"]), "at step": int(step)}
        last = after[-100 // BOX :].mean()
        rows.append(row | {"median": np.median(after), "best": after.max(), "last": last})
    return pd.DataFrame(rows, columns=["seed", "longest", "at step", "median", "best", "last"])


def by_task(study: Archive, parts: tuple[str, ...]) -> pd.DataFrame:
    """Each setting on each other task, over all lengths and seeds.

    Columns: "task", "setting", "runs", "solved", "median step" (of the solved), and "held out", the
    mean held-out score.
    """
    rows = []
    for part in parts:
        for name, runs in study.by_setting(part).items():
            rows.append(
                {
                    "task": part,
                    "setting": name,
                    "runs": len(runs),
                    "solved": int(runs["solved"].sum()),
                    "median step": float(runs["solved_step"].median()),
                    "held out": float(runs["held_out_accuracy"].mean()),
                }
            )
    return pd.DataFrame(rows)
