"""A wider network that begins where a narrower one ended."""

import math

import torch

from helpers.checks import integer
from helpers.text.charlm import CharLM


@torch.no_grad()
def widened(
    model: CharLM, hidden_size: int, *, generator: torch.Generator | None = None, **changes
) -> CharLM:
    """``model`` with wider layers: units are copied, and what copies put out is shared.

    Net2WiderNet (Chen, Goodfellow and Shlens 2016). A copy hears what its unit hears, so that both
    say the same; what reads them reads each with its share of the unit's weight, and finds the sum
    that it found. They learn apart as soon as dropout leaves one of them out.

    Without layer normalisation the logits are those of ``model``. With it they are if every unit is
    there equally often, ``hidden_size`` a multiple of the old one; else mean and deviation of a
    layer's outputs count some units twice, and the logits move.

    Args:
        hidden_size: of the new layers, larger than the old ones'.
        generator: draws which units are copied, the same ones in every layer (a residual layer adds
            unit to unit).
        changes: other arguments of the model. Only changes of dropout leave what it reads the same.

    Raises:
        ValueError: ``hidden_size`` is not larger, or a change asks for parameters that are not in
            ``model``, or for fewer.
    """
    n, gates = model.core.hidden_size, len(model.core.gates)
    more = integer("hidden_size", hidden_size, minimum=n + 1) - n
    drawn = [torch.randperm(n, generator=generator) for _ in range(math.ceil(more / n))]
    units = torch.cat([torch.arange(n), *drawn])[:hidden_size]
    share = (1 / torch.bincount(units)[units]).to(model.W_ph)
    rows = torch.cat([units + gate * n for gate in range(gates)])
    tensors = {}
    for name, weight in model.state_dict().items():
        what, _, end = name.rpartition("_l")
        if name.startswith("core."):
            weight = weight[rows]
        elif name.startswith("norms."):
            weight = weight[units]
        if name == "W_ph" or what == "core.W_h" or (what == "core.W_x" and end != "0"):
            weight = weight[:, units] * share
        tensors[name] = weight
    arguments = {**model.arguments, "hidden_size": hidden_size, **changes}
    wide = type(model)(**arguments, generator=generator).to(model.W_ph)
    try:
        wide.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{changes} changes more than the width: {error}") from error
    return wide
