"""A gated graph layer taken apart: its gates read off its own output.

The layer (:class:`helpers.graph.GatedGraphLayer`) returns the new states alone. With some of its
weights set, what it returns is one of its gates: so the equations of notebook 07 are compared with
the layer's code and not with a copy of it.
"""

import copy

import torch

from helpers.graph.layers import GatedGraphLayer

#: A bias that shuts a sigmoid, to the last digit of float64.
SHUT = -800.0


@torch.no_grad()
def read_off(layer: GatedGraphLayer, H: torch.Tensor, A: torch.Tensor) -> dict[str, torch.Tensor]:
    """Message "m", reset gate "r", update gate "z", candidate "g" of all nodes, each ``(N, n)``.

    z: with all weights of the candidate at zero, h' = z h. g: with the update gate shut, h' = g.
    r: with it shut, and a candidate of 1 behind the reset gate and nothing else, h' = tanh(r).
    m: with it shut, and the message alone as candidate, h' = tanh(m).
    """
    kept, shut, ones, alone = (copy.deepcopy(layer) for _ in range(4))
    for one in (kept, ones, alone):
        w = one.gru.weights()
        for tensor in (w.W_gx, w.W_gh, w.b_g, w.b_gh):
            tensor.zero_()
    ones.gru.weights().b_gh.fill_(1.0)
    alone.gru.weights().W_gx.fill_diagonal_(1.0)
    for one in (shut, ones, alone):
        w = one.gru.weights()
        for tensor in (w.W_zx, w.W_zh):
            tensor.zero_()
        w.b_z.fill_(SHUT)
    return {
        "m": alone(H, A).atanh(),
        "r": ones(H, A).atanh(),
        "z": kept(H, A) / H,
        "g": shut(H, A),
    }


@torch.no_grad()
def keeping(layer: GatedGraphLayer) -> GatedGraphLayer:
    """The layer with its update gate open for the old state alone: z = 1."""
    kept = copy.deepcopy(layer)
    w = kept.gru.weights()
    for tensor in (w.W_zx, w.W_zh):
        tensor.zero_()
    w.b_z.fill_(-SHUT)
    return kept
