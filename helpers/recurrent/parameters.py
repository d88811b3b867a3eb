"""How many parameters each cell has, as formulas that the tests check against the models."""

from helpers.checks import integer

#: Cell -> (gates, peepholes, extra biases), each in blocks of one row a hidden unit.
BLOCKS = {
    "VanillaRNN": (1, 0, 0),
    "GRU": (3, 0, 1),
    "LSTM": (4, 0, 0),
    "PeepholeLSTM": (4, 3, 0),
}


def cell_parameters(cell: str, d: int, n: int, *, bidirectional: bool = False) -> int:
    """Parameters of one layer: G n (d + n + 1), and for some cells vectors of n besides.

    For the LSTM 4 n (d + n + 1): four gates, each with n d input weights, n^2 recurrent weights and
    n biases.

    Args:
        cell: a name in :data:`BLOCKS`.
        d, n: input features and hidden units.

    Raises:
        ValueError: an unknown cell, or a size below 1.
    """
    if cell not in BLOCKS:
        raise ValueError(f"cell must be one of {', '.join(BLOCKS)}; got {cell!r}")
    integer("d", d, minimum=1)
    integer("n", n, minimum=1)
    gates, peepholes, extra = BLOCKS[cell]
    one_direction = gates * n * (d + n + 1) + (peepholes + extra) * n
    return one_direction * (2 if bidirectional else 1)


def read_out_parameters(n: int, c: int, *, bidirectional: bool = False) -> int:
    """n c + c for the projection onto c classes; twice n with two directions."""
    integer("c", c, minimum=2)
    return integer("n", n, minimum=1) * (2 if bidirectional else 1) * c + c
