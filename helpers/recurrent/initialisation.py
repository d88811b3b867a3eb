"""Initialisations with names. Each is a text, so that a configuration can be saved and compared.

A text is a name, with an optional number behind a colon::

    uniform        U(-1/sqrt(n), 1/sqrt(n)) with n the hidden size, as torch.nn does
    uniform:a      U(-a, a)
    normal:s       N(0, s^2)
    kaiming_out    N(0, 2/fan_out), fan_out the rows of the matrix (He et al. 2015)
    orthogonal:g   g times an orthogonal matrix (Saxe et al. 2014); g is 1 if left out
    identity:g     g times the identity (Le, Jaitly and Hinton 2015); g is 1 if left out
    spectral:r     normal entries, scaled to spectral radius r
    zeros
    constant:a

The gates of a cell are initialised one by one, each as a matrix of its own.
"""

import math
from collections.abc import Callable

import torch

from helpers.checks import LARGEST, AnyTensor, fits, integer, number, shown, square


def _uniform(shape, bound, n, generator):
    bound = 1 / math.sqrt(n) if bound is None else bound
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)


def _normal(shape, std, n, generator):
    return torch.randn(shape, generator=generator) * std


def _kaiming_out(shape, _, n, generator):
    return torch.randn(shape, generator=generator) * math.sqrt(2 / shape[0])


def _orthogonal(shape, gain, n, generator):
    rows, columns = shape
    normal = torch.randn(max(shape), min(shape), generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(normal)
    q = q * r.diagonal().sign()  # without the signs q is not uniform over the orthogonal group
    q = (q if rows >= columns else q.T) * (1.0 if gain is None else gain)
    return q.to(torch.get_default_dtype())


def _identity(shape, gain, n, generator):
    return torch.eye(*shape) * (1.0 if gain is None else gain)


def _spectral(shape, radius, n, generator):
    if shape[0] != shape[1]:
        raise ValueError(f"'spectral' needs a square matrix, got {tuple(shape)}")
    matrix = torch.randn(shape, generator=generator)
    return matrix * (radius / spectral_radius(matrix))


def _constant(shape, value, n, generator):
    return torch.full(shape, value)


def _zeros(shape, _, n, generator):
    return torch.zeros(shape)


#: Those whose number is a size: a bound, a standard deviation, a radius.
_SIZES = ("uniform", "normal", "spectral")

# name -> (function, whether it takes a number: "no", "maybe", "must")
_KNOWN: dict[str, tuple[Callable, str]] = {
    "uniform": (_uniform, "maybe"),
    "normal": (_normal, "must"),
    "kaiming_out": (_kaiming_out, "no"),
    "orthogonal": (_orthogonal, "maybe"),
    "identity": (_identity, "maybe"),
    "spectral": (_spectral, "must"),
    "zeros": (_zeros, "no"),
    "constant": (_constant, "must"),
}


def parse(spec: str) -> tuple[str, float | None]:
    """``"normal:0.1"`` as ``("normal", 0.1)``.

    Raises:
        ValueError: no text, an unknown name, a number that is missing, superfluous, not finite, or
            negative where it is a size.
    """
    name, colon, text = spec.partition(":") if isinstance(spec, str) else ("", "", "")
    if name not in _KNOWN:
        known = ", ".join(_KNOWN)
        raise ValueError(f"unknown initialisation {shown(spec)}; known are {known}")
    takes = _KNOWN[name][1]
    if not colon:
        if takes == "must":
            raise ValueError(f"initialisation {name!r} needs a number, such as '{name}:0.1'")
        return name, None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if takes == "no" or not abs(value) <= LARGEST:
        kind = "no" if takes == "no" else "a finite"
        raise ValueError(f"initialisation {shown(spec)}: {name!r} takes {kind} number")
    if value < 0 and name in _SIZES:
        raise ValueError(f"initialisation {spec!r}: the number must be at least 0")
    return name, value


@torch.no_grad()
def initialise_(
    tensor: AnyTensor,
    spec: str,
    *,
    hidden_size: int,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Fill ``tensor`` in place as ``spec`` says, from ``generator`` (torch's own without one)."""
    name, value = parse(spec)
    function = _KNOWN[name][0]
    return tensor.copy_(function(tuple(tensor.shape), value, hidden_size, generator))


def spectral_radius(matrix: torch.Tensor) -> float:
    """The largest absolute value of an eigenvalue.

    Raises:
        ValueError: no square matrix.
    """
    return torch.linalg.eigvals(square("matrix", matrix).detach().double()).abs().max().item()


@torch.no_grad()
def chrono_biases(
    n: int, T_max: float, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Forget and input bias for dependencies of up to ``T_max`` steps.

    Tallec and Ollivier, "Can recurrent neural networks warp time?", 2018, equation 16:
    b_f ~ log U(1, T_max - 1), b_i = -b_f. A forget gate of sigma(b_f) keeps a value for about
    1 + exp(b_f) steps, so the units' memories spread evenly up to ``T_max``.

    Shapes:
        two vectors ``(n,)``

    Raises:
        ValueError: ``T_max`` below 3, where the interval is empty, or an ``n`` below 1.
    """
    fits(integer("n", n, minimum=1), n=n)
    number("T_max", T_max, minimum=3, maximum=LARGEST)
    b_f = torch.empty(n).uniform_(1, T_max - 1, generator=generator).log()
    return b_f, -b_f
