"""How many parameters a network has: counted, and as formulas that the tests check by counting."""

import pandas as pd
from torch import nn

from helpers.checks import integer
from helpers.recurrent.core import find_cell


def count_parameters(model: nn.Module) -> int:
    """How many numbers training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def cell_parameters(
    cell: str, d: int, n: int, *, num_layers: int = 1, bidirectional: bool = False
) -> int:
    """Parameters of a core. A layer has G n (d + n + 1), and for some cells vectors of n besides.

    For the LSTM 4 n (d + n + 1): four gates, each with n d input weights, n^2 recurrent weights and
    n biases. A cell with other blocks says so in its class (``parameters_in_layer``).

    Args:
        cell: the name of a cell, "lstm".
        d, n: input features and hidden units.

    Raises:
        ValueError: an unknown cell, or a size below 1.
    """
    kind = find_cell(cell)
    integer("d", d, minimum=1)
    integer("n", n, minimum=1)
    directions = 2 if bidirectional else 1
    total = 0
    for layer in range(integer("num_layers", num_layers, minimum=1)):
        total += directions * kind.parameters_in_layer(n * directions if layer else d, n)
    return total


def read_out_parameters(n: int, c: int, *, bidirectional: bool = False) -> int:
    """n c + c for the projection onto c outputs; twice n with two directions."""
    integer("c", c, minimum=1)
    return integer("n", n, minimum=1) * (2 if bidirectional else 1) * c + c


def parameter_blocks(model: nn.Module) -> pd.DataFrame:
    """Every matrix and bias of a one-layer network under its name in the equations, a row each.

    Args:
        model: a :class:`.classifier.SequenceModel`, or a core alone.

    Columns: "block", "shape", "parameters".
    """
    core = getattr(model, "core", model)
    named = dict(vars(core.weights()))
    if core is not model:
        named |= {"W_ph": model.W_ph, "b_p": model.b_p}
    return pd.DataFrame(
        [
            {"block": name, "shape": " × ".join(map(str, p.shape)), "parameters": p.numel()}
            for name, p in named.items()
        ]
    )
