"""Products with weights of eight bits: a quarter of the memory to read for every character.

One stream of text is bound by how fast the weights come from memory, not by arithmetic. Each row of
a weight matrix gets one scale, the largest absolute value of the row / 127, and its entries become
whole numbers from -127 to 127 (symmetric quantisation, one scale an output channel; Jacob et al.
2018, Quantization and training of neural networks).

There are three engines, products of torch's that take plain int8 tensors. Which of them a machine
has is tried out, not looked up: an engine is taken if it computes what it should and is clearly
faster than the product in float32.
"""

import time
import warnings
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F

#: Whole numbers from -127 to 127 on either side.
_LARGEST = 127
_BLOCK = 32
#: The least scale: what is 0 throughout has none of its own, and 1 / scale must be finite.
_LEAST = 1e-30
#: Rounding the other factor makes an error below this; a processor that lets sums of 16 bits
#: overflow makes a far larger one.
MOST_ERROR = 0.02
#: How many times as fast as float32 an engine must be, so that noise decides nothing.
_WORTH = 1.2


def quantise(W: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``W (rows, columns)`` as whole numbers, int8, and one scale a row, float32 ``(rows,)``."""
    scales = (W.abs().amax(1) / _LARGEST).clamp(min=_LEAST)
    return (W / scales[:, None]).round().to(torch.int8), scales


class WholeNumbers:
    """oneDNN's product of eight-bit numbers: the other factor is rounded to eight bits too.

    That factor gets a scale anew for every product: a hidden state, h = o * tanh(c), lies between
    -1 and 1, but one whose layer is normalised may be far smaller than 1 throughout.

    Args:
        W: ``(rows, columns)``, float32.
        bias: ``(rows,)``, added to every product; without one a product is added to what ``out``
            holds.
    """

    def __init__(self, W: torch.Tensor, bias: torch.Tensor | None):
        numbers, scales = quantise(W)
        self.packed = torch.ops.onednn.qlinear_prepack(numbers, None)
        self.scales, self.bias = scales, bias
        self.zeros = torch.zeros(len(W), dtype=torch.int32)

    def bind(self, x: torch.Tensor, out: torch.Tensor) -> Callable[[], None]:
        """A function that reads ``x (B, columns)`` and writes ``x W^T`` into ``out (B, rows)``."""
        # As numbers from 1 to 255, 128 being zero: what all processors have an instruction for.
        middle, scaled = torch.full(x.shape, 128.5), torch.empty(x.shape)
        rounded = torch.empty(x.shape, dtype=torch.uint8)
        # zero of x; weights, scales, zeros, bias; scale, zero, type of the result
        factors = (128, self.packed, self.scales, self.zeros, self.bias)
        options = (1.0, 0, torch.float32, "none", [], "")
        multiply = torch.ops.onednn.qlinear_pointwise.default
        put = out.add_ if self.bias is None else out.copy_
        least, most = torch.empty(()), torch.empty(())

        def run():
            torch.aminmax(x, out=(least, most))
            scale = max(most.item(), -least.item(), _LEAST) / _LARGEST
            torch.add(middle, x, alpha=1 / scale, out=scaled)
            rounded.copy_(scaled)  # cuts off: 128.5 makes a rounding of it
            put(multiply(rounded, scale, *factors, *options))

        return run


class ScaledAnew:
    """FBGEMM's product: whole numbers on both sides, on any x86 processor.

    The other factor gets a scale anew for every product and is rounded to seven bits: a processor
    without an instruction of its own adds two products in 16 bits, and 2 * 127 * 127 fits.

    Args:
        W, bias: as of :class:`WholeNumbers`.

    Raises:
        RuntimeError: torch was built without FBGEMM.
    """

    def __init__(self, W: torch.Tensor, bias: torch.Tensor | None):
        numbers, scales = quantise(W)
        zeros = torch.zeros(len(W), dtype=torch.int64)
        self.bias, engine = bias, torch.backends.quantized.engine
        torch.backends.quantized.engine = "fbgemm"  # of what is packed; products do not ask
        try:
            with warnings.catch_warnings():  # that a later torch will not have these tensors
                warnings.simplefilter("ignore", UserWarning)
                rows = torch._make_per_channel_quantized_tensor(numbers, scales.double(), zeros, 0)
            self.packed = torch.ops.quantized.linear_prepack(rows, bias)
        finally:
            torch.backends.quantized.engine = engine

    def bind(self, x: torch.Tensor, out: torch.Tensor) -> Callable[[], None]:
        """As of :class:`WholeNumbers`."""
        multiply = torch.ops.quantized.linear_dynamic.default
        put = out.add_ if self.bias is None else out.copy_
        return lambda: put(multiply(x, self.packed, True))


class WeightsOnly:
    """The weights alone in eight bits, the other factor in bfloat16.

    Args:
        W, bias: as of :class:`WholeNumbers`.

    Raises:
        NotImplementedError: torch's kernel reads columns in blocks and does not look where they
            end.
    """

    def __init__(self, W: torch.Tensor, bias: torch.Tensor | None):
        rows, columns = W.shape
        if columns % _BLOCK:
            raise NotImplementedError(f"{columns} columns are no multiple of {_BLOCK}")
        self.rows, self.bias = rows, bias
        self.numbers, scales = quantise(F.pad(W, (0, 0, 0, -rows % _BLOCK)))
        self.scales = scales.bfloat16()

    def bind(self, x: torch.Tensor, out: torch.Tensor) -> Callable[[], None]:
        """As of :class:`WholeNumbers`."""
        rounded = torch.empty(x.shape, dtype=torch.bfloat16)
        before = out if self.bias is None else self.bias

        def run():
            rounded.copy_(x)
            y = torch._weight_int8pack_mm(rounded, self.numbers, self.scales)
            torch.add(before, y[:, : self.rows], out=out)

        return run


#: In the order in which they are tried.
ENGINES = (WholeNumbers, ScaledAnew, WeightsOnly)
Engine = WholeNumbers | ScaledAnew | WeightsOnly


@cache
@torch.inference_mode()
def find_engine(columns: int, B: int) -> type[Engine] | None:
    """The engine for products of ``B`` rows of ``columns`` numbers on this processor, or ``None``.

    Looked for once in a process, on a matrix as large as a layer's, of at most 2048 rows.
    """
    W, x = _random(columns, B)
    W_T, out = W.T.contiguous(), x.new_empty(B, len(W))
    plain = _seconds(lambda: torch.mm(x, W_T, out=out))
    for engine in ENGINES:
        try:
            right = error_of(engine, columns, B) < MOST_ERROR
        except (AttributeError, NotImplementedError, RuntimeError):
            continue  # this build of torch lacks it
        if right and _WORTH * _seconds(engine(W, x.new_zeros(len(W))).bind(x, out)) < plain:
            return engine
    return None


def error_of(engine: type[Engine], columns: int, B: int) -> float:
    """Relative error of an engine's product beyond that of the rounded weights themselves."""
    W, x = _random(columns, B)
    numbers, scales = quantise(W)
    expected = x @ (numbers * scales[:, None]).T
    out = torch.empty_like(expected)
    engine(W, torch.zeros(len(W))).bind(x, out)()
    return ((out - expected).norm() / expected.norm()).item()


def _random(columns: int, B: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    W = torch.randn(min(4 * columns, 2048), columns, generator=draw)
    return W, torch.rand(B, columns, generator=draw) * 2 - 1


def _seconds(run: Callable, repeats: int = 7) -> float:
    """The shortest of a few runs: what it takes while nobody else computes."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)
