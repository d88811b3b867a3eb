"""Our optimizers beside torch's, step by step."""

import torch

from helpers.optimizers.algorithms import ALGORITHMS


def algorithms_against_torch(steps: int = 100, seed: int = 0) -> dict[str, float]:
    """Largest difference of each optimizer's path from torch.optim's, on a random problem, float64.

    The problem: 7 weights, f(theta) = |A theta - b|^2 / 2 + sum of cos theta.
    """
    g = torch.Generator().manual_seed(seed)
    A = torch.randn(9, 7, generator=g, dtype=torch.float64)
    b = torch.randn(9, generator=g, dtype=torch.float64)
    first = torch.randn(7, generator=g, dtype=torch.float64)
    peers = {
        "SGD": lambda p: torch.optim.SGD(p, lr=0.01),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
        "Nesterov": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
        "AdaGrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
        "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
        "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01),
    }
    differences = {}
    for name, peer in peers.items():
        ours, theirs = (first.clone().requires_grad_() for _ in range(2))
        updates = ALGORITHMS[name]([ours], lr=0.01), peer([theirs])
        largest = 0.0
        for _ in range(steps):
            for theta, update in zip((ours, theirs), updates, strict=True):
                update.zero_grad()
                ((A @ theta - b).square().sum() / 2 + theta.cos().sum()).backward()
                update.step()
            largest = max(largest, (ours - theirs).abs().max().item())
        differences[name] = largest
    return differences
