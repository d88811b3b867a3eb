"""What truncated backpropagation through time leaves out of a character model's gradient.

The loss of a window depends on the parameters through its own steps, and through the state that
earlier windows handed on. Training on streams keeps the first part (Williams and Peng 1990).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

from helpers.text.charlm import CharLM


class Gradients(NamedTuple):
    """Of a window's loss, all parameters in one vector.

    Attributes:
        whole: through the window and all that was read before it.
        kept: through the window alone, the state before it taken as given.
        cut: through the state before the window.
    """

    whole: torch.Tensor
    kept: torch.Tensor
    cut: torch.Tensor


def gradients(model: CharLM, past: torch.Tensor, window: torch.Tensor) -> Gradients:
    """Whole, kept and cut gradient, each computed by itself, without dropout.

    Shapes:
        past ``(B, T)``, window ``(B, L + 1)``: the first of the window's characters is the one
        behind the past, the last only a target.
    """
    training = model.training
    model.eval()
    parameters = list(model.parameters())

    def loss(state):
        logits, _ = model(window[:, :-1], state)
        return F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())

    def flat(found):
        return torch.cat([g.flatten() for g in found])

    _, state = model(past)
    given = tuple(s.detach().requires_grad_() for s in state)
    *kept, d_h, d_c = torch.autograd.grad(loss(given), [*parameters, *given])
    # The read-out has no part in the state before the window.
    through = [
        torch.zeros_like(p) if g is None else g
        for p, g in zip(
            parameters,
            torch.autograd.grad(state, parameters, (d_h, d_c), allow_unused=True),
            strict=True,
        )
    ]
    _, state = model(past)
    whole = torch.autograd.grad(loss(state), parameters)
    model.train(training)
    return Gradients(flat(whole), flat(kept), flat(through))


def cut_shares(
    model: CharLM, ids: torch.Tensor, lengths: Sequence[int], past: int = 100, tracks: int = 16
) -> dict[int, float]:
    """Window length -> norm of the cut gradient over that of the whole one.

    Args:
        ids: a text ``(N,)``, read at ``tracks`` places that are evenly spread.
        past: characters read before each window.

    Raises:
        ValueError: a text shorter than a past and a window.
    """
    longest = past + max(lengths) + 1
    if len(ids) < longest:
        raise ValueError(f"the text has {len(ids)} characters, fewer than {longest}")
    starts = torch.linspace(0, len(ids) - longest, tracks).long()
    block = ids[starts[:, None] + torch.arange(longest)].to(model.W_ph.device)
    shares = {}
    for length in lengths:
        found = gradients(model, block[:, :past], block[:, past : past + length + 1])
        shares[length] = (found.cut.norm() / found.whole.norm()).item()
    return shares
