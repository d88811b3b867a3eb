"""The temperature at which a model is as sure as it is right (Guo et al. 2017)."""

import torch

from helpers.recurrent.training import evaluating
from helpers.text.charlm import CharLM
from helpers.text.evaluation import readings

#: Bounds of the temperature that is looked for, and halvings of the interval between them.
LEAST, MOST, HALVINGS = 0.1, 10.0, 40


def best_temperature(model: CharLM, ids: torch.Tensor) -> float:
    """The temperature τ at which ``model`` needs the fewest bits for ``ids (N,)``.

    With β = 1/τ a character y costs ln Σ_i exp(β z_i) - β z_y nats. The slope of that in β is
    z̄ - z_y, where z̄ is the mean logit under the distribution at τ, and the slope of z̄ the variance
    of the logits, which is not negative. So the mean cost has one valley, and its bottom is where
    z̄ and z_y are equal on average: found by halving.

    Returns:
        τ between :data:`LEAST` and :data:`MOST`.

    Raises:
        ValueError: a text of fewer than two characters.
    """
    with evaluating(model):
        read = [(z[scored].cpu(), y[scored].cpu()) for z, y, scored in readings(model, ids)]
    z, y = (torch.cat(parts) for parts in zip(*read, strict=True))
    z = z.double()  # which not every device has
    said = z.gather(1, y[:, None]).mean()
    low, high = 1 / MOST, 1 / LEAST
    for _ in range(HALVINGS):
        beta = (low * high) ** 0.5
        expected = ((beta * z).softmax(1) * z).sum(1).mean()
        low, high = (low, beta) if expected > said else (beta, high)
    return (low * high) ** -0.5


@torch.no_grad()
def divide_logits_(model: CharLM, temperature: float) -> None:
    """Divide the logits of ``model`` by ``temperature``, in its read-out's weights and biases."""
    model.W_ph /= temperature
    model.b_p /= temperature
