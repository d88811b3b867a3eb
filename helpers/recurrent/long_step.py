"""The step that an exploding gradient takes: over a wall, and out of the range of float32.

After Pascanu, Mikolov and Bengio 2013, figure 6: a network of one hidden unit, whose loss over its
two parameters has a wall as steep as the gradient is long. It is shown a number and then zeros, and
asked whether the number was positive::

    h_1 = tanh(±first + b),   h_t = tanh(w h_{t-1} + b),   logits (2 h_T, -2 h_T)
"""

from typing import NamedTuple

import torch
from torch.nn.functional import softplus

from helpers.recurrent import bptt
from helpers.recurrent.cells import VanillaRNN
from helpers.recurrent.classifier import SequenceClassifier
from helpers.recurrent.gradient_flow import clip

#: The one-unit network reads ±READ_OUT h_T as the logits of its two classes.
READ_OUT = 2.0


def one_unit_loss(w: torch.Tensor, b: torch.Tensor, first: float, T: int) -> torch.Tensor:
    """Mean loss of the one-unit network on both sequences, elementwise over ``w`` and ``b``."""
    loss = torch.zeros_like(w)
    for sign in (1, -1):
        h = torch.tanh(sign * first + b)
        for _ in range(T - 1):
            h = torch.tanh(w * h + b)
        loss = loss + softplus(-2 * READ_OUT * sign * h) / 2  # cross-entropy of two classes
    return loss


class Descent(NamedTuple):
    """Paths of gradient descent from several starts, which stand in front of their paths.

    Attributes:
        places: (w, b), ``(steps + 1, starts, 2)``.
        losses: ``(steps + 1, starts)``.
        norms: of the gradient before clipping, ``(steps + 1, starts)``.
    """

    places: torch.Tensor
    losses: torch.Tensor
    norms: torch.Tensor


def descend(
    starts: torch.Tensor,
    first: float,
    T: int,
    *,
    rate: float,
    steps: int,
    max_norm: float | None = None,
) -> Descent:
    """Gradient descent on (w, b) of the one-unit network from each of ``starts (n, 2)``.

    Args:
        max_norm: clip each gradient to this norm.
    """
    place, path = starts.double(), []
    for _ in range(steps + 1):
        leaf = place.clone().requires_grad_(True)
        losses = one_unit_loss(leaf[:, 0], leaf[:, 1], first, T)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        norms = gradient.norm(dim=1)
        path.append((place, losses.detach(), norms))
        if max_norm is not None:
            gradient = gradient * (max_norm / norms).clamp(max=1.0)[:, None]
        place = place - rate * gradient
    return Descent(*(torch.stack(parts) for parts in zip(*path, strict=True)))


class Step(NamedTuple):
    """One step of gradient descent, in the precision of the input.

    Attributes:
        norm: of the gradient of W_hh.
        clipped_norm: of the same after clipping to a norm of 1.
        loss_before, loss_after: of the batch, around a step along the unclipped gradient.
    """

    norm: float
    clipped_norm: float
    loss_before: float
    loss_after: float


@torch.no_grad()
def one_step(model: SequenceClassifier, x: torch.Tensor, y: torch.Tensor, rate: float) -> Step:
    """A step of plain gradient descent for an RNN, its gradients by hand; ``model`` stays.

    Shapes:
        x ``(B, T, d)``, y ``(B,)``
    """
    found = bptt.rnn_gradients(model, x, y)
    (clipped,), norm = clip([found.parameters["W_hh"]], max_norm=1.0)
    core = VanillaRNN(model.core.input_size, model.core.hidden_size)
    moved = SequenceClassifier(core, len(model.b_p)).to(x.dtype)
    moved.load_state_dict(model.state_dict())
    parameters = vars(core.weights()) | {"W_ph": moved.W_ph, "b_p": moved.b_p}
    for name, gradient in found.parameters.items():
        parameters[name] -= rate * gradient
    after = bptt.rnn_gradients(moved, x, y).loss
    return Step(norm, clipped.norm().item(), found.loss, after)
