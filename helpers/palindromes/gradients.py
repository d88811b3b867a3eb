"""Gradients through time of the study's networks: untrained, while they train, and published."""

from copy import deepcopy
from dataclasses import replace

import pandas as pd
import torch

from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.experiment import PalindromeRun, build, training_batches
from helpers.palindromes.tasks import palindromes
from helpers.recurrent.cells import find_cell
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.gradient_flow import state_gradient_norms
from helpers.recurrent.initialisation import spectral_radius
from helpers.recurrent.training import fit


def initial_norms(run: PalindromeRun, seeds: range, n: int = 32) -> torch.Tensor:
    """||dL/dh_t|| of the untrained network of ``run``, a row a seed: ``(seeds, T)``.

    Args:
        n: palindromes over which the loss is averaged.
    """
    rows = []
    for seed in seeds:
        model = build(replace(run, seed=seed)).double()
        x, y = palindrome_batch(run.T, run.encoding, seed, n)
        rows.append(state_gradient_norms(model, x, y)["h"])
    return torch.stack(rows)


def palindrome_batch(T: int, encoding: str, seed: int, n: int = 128):
    """A batch of held-out palindromes in float64: x ``(n, T, d)``, y ``(n,)``."""
    x, y = palindromes.split_target(palindromes.held_out_set(T, n, seed=seed), encoding)
    return x.double(), y


def flow_while_training(run: PalindromeRun, every: int) -> pd.DataFrame:
    """Train ``run`` and look every so many steps at how much of the gradient arrives at t = 1.

    Returns:
        a row a look: "step", "log10_ratio" of ||dL/dh_1|| / ||dL/dh_T|| on held-out palindromes,
        "accuracy" there, and the "spectral_radius" of the recurrent matrix.

    Raises:
        ValueError: the cell has no one recurrent matrix.
    """
    if find_cell(run.model).recurrent_matrix is RecurrentCore.recurrent_matrix:
        raise ValueError(f"{run.model!r} has no one recurrent matrix to look at")
    network, rows = build(run), []
    x, y = palindrome_batch(run.T, run.encoding, run.seed)

    def look(step: int) -> None:
        copy = deepcopy(network).double()
        norms = state_gradient_norms(copy, x, y)["h"]
        with torch.no_grad():
            accuracy = (copy(x).argmax(1) == y).double().mean().item()
        ratio = torch.log10(norms[0] / norms[-1]).item()
        radius = spectral_radius(copy.core.recurrent_matrix())
        rows.append(
            {"step": step, "log10_ratio": ratio, "accuracy": accuracy, "spectral_radius": radius}
        )

    look(0)
    fit(
        network,
        training_batches(run),
        on_step=lambda step: look(step.number) if step.number % every == 0 else None,
        **run.fit_options,
    )
    return pd.DataFrame(rows)


def vanished_at_first(study: PalindromeArchive, part: str, model: str) -> pd.DataFrame:
    """Published runs of one part and cell by length: what arrives at first, and who learned.

    Returns:
        a row a length: "runs", "log10_ratio" (the median before training), "solved" (how many),
        "step" (the median of those at which they solved it).
    """
    runs = study.part(part)
    by_length = runs[runs["model"] == model].groupby("T")
    return pd.DataFrame(
        {
            "runs": by_length.size(),
            "log10_ratio": by_length["log10_gradient_ratio"].median(),
            "solved": by_length["solved"].sum().astype(int),
            "step": by_length["solved_step"].median(),
        }
    )
