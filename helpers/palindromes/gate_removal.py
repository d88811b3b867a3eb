"""LSTMs that are trained without one of their gates, or with other squashings, on palindromes.

Where a trained network loses a gate (:mod:`.gate_lesions`) one sees what it came to rely on; where
a network never had it, what the task needs.
"""

import torch

from helpers import archive
from helpers.palindromes.experiment import EXPERIMENT_VERSION, PalindromeRun, train_one_length
from helpers.study import Part, Study, report

#: Name of a network -> its cell and options.
NETWORKS = {
    "whole": ("lstm", ""),
    "no input gate, i = 1": ("lstm_held", "open_gates='i'"),
    "no forget gate, f = 1": ("lstm_held", "open_gates='f'"),
    "no output gate, o = 1": ("lstm_held", "open_gates='o'"),
    "no gates, i = f = o = 1": ("lstm_held", "open_gates='ifo'"),
    "no memory, f = 0": ("lstm_held", "shut_gates='f'"),
    "candidate with a sigmoid": ("lstm_squashed", "candidate_squash='sigmoid'"),
    "gates with a tanh": ("lstm_squashed", "gate_squash='tanh'"),
}
LENGTHS = (20, 40)


def networks_without(seeds=range(10), steps: int = 600) -> dict[str, list[PalindromeRun]]:
    """Each network at each length: 32 units, one-hot digits, chrono biases, rate 0.01."""
    shared = {"hidden_size": 32, "batch_size": 64, "lr": 1e-2, "encoding": "one_hot"}
    return {
        name: [
            PalindromeRun(
                T=T,
                model=model,
                options=options,
                seed=seed,
                steps=steps,
                chrono=float(T),
                W_h="orthogonal",
                **shared,
            )
            for T in LENGTHS
            for seed in seeds
        ]
        for name, (model, options) in NETWORKS.items()
    }


STUDY = Study(
    "gate_removal", EXPERIMENT_VERSION, {"removed": Part(train_one_length, networks_without)}
)


def run_and_write(
    workers: int | None = None, cluster: str | None = None, device: str | torch.device = "cpu"
) -> None:
    """Train them all and write ``data/results/gate_removal``; resumes what was interrupted."""
    failures = STUDY.run_parts(workers=workers, cluster=cluster, device=device)
    table = STUDY.merged()
    archive.write(
        STUDY.name,
        table,
        seeds=int(table["seed"].nunique()),
        experiment_version=EXPERIMENT_VERSION,
    )
    report(failures)
