"""Gradients through time of the study's networks, untrained, on held-out palindromes."""

from dataclasses import replace

import torch

from helpers.palindromes.experiment import PalindromeRun, build
from helpers.palindromes.tasks import palindromes
from helpers.recurrent.gradient_flow import state_gradient_norms


def initial_norms(run: PalindromeRun, seeds: range) -> torch.Tensor:
    """||dL/dh_t|| of the untrained network of ``run``, a row a seed: ``(seeds, T)``."""
    rows = []
    for seed in seeds:
        model = build(replace(run, seed=seed)).double()
        x, y = palindrome_batch(run.T, run.encoding, seed, run.batch_size)
        rows.append(state_gradient_norms(model, x, y)["h"])
    return torch.stack(rows)


def palindrome_batch(T: int, encoding: str, seed: int, n: int = 128):
    """A batch of held-out palindromes in float64: x ``(n, T, d)``, y ``(n,)``."""
    x, y = palindromes.split_target(palindromes.held_out_set(T, n, seed=seed), encoding)
    return x.double(), y
