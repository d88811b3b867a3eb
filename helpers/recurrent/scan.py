"""A parallel scan: all states of a linear recurrence without a loop over time.

    h_t = a_t * h_{t-1} + b_t        elementwise, real or complex

Two steps in a row are again one step, (a, b) then (a', b') is (a' a, a' b + b'), and this
composition is associative, so the steps need not be taken one after another (Blelloch 1990, "Prefix
sums and their applications"; for recurrent networks Martin and Cundy 2018, "Parallelizing linear
recurrent neural nets over sequence length")::

    T steps -> K blocks of L steps
    1  reduce: the L steps of a block become one step, in all blocks at once    L operations
    2  the K steps of the blocks are a recurrence of length T / L: scan it      recursion
    3  each block runs from the state that the block before it ends in          L operations

That is O(T) work in O(L log_L T) tensor operations, and beside the result no more than 4 T / L
values a unit are held. Products of all a up to t, by which one might divide instead, underflow.

The price is that the recurrence is computed twice and a third product with it. One CPU thread that
batch x units of 128 x 128 keep busy needs two to three times as long as with T multiplications in a
row (T = 1280, no gradient); with 4 x 128 it needs a quarter, as what counts there are the calls.
:mod:`helpers.recurrent.bench` measures whole cells.

The gradient is a scan from the end, with e_t what reaches h_t from its own output and from later
steps; conj is nothing where all is real::

    e_t = dL/dh_t + conj(a_{t+1}) e_{t+1}
    dL/db_t = e_t    dL/da_t = e_t conj(h_{t-1})    dL/dh_0 = conj(a_1) e_1
"""

from typing import Annotated

import torch
from torch.autograd.function import once_differentiable

from helpers.checks import UNCHECKED

#: L, steps of a block; up to twice as many are taken one after another. On one CPU thread, T from
#: 320 to 1280: at batch x units of 2000 or more, blocks of 8 take up to 1.5 times as long; at 500,
#: blocks of 64 do at T = 320. 16 and 32 are within a third of each other.
BLOCK = 32


def scan(
    a: Annotated[torch.Tensor, UNCHECKED],
    b: Annotated[torch.Tensor, UNCHECKED],
    h_0: Annotated[torch.Tensor, UNCHECKED],
) -> tuple[torch.Tensor, torch.Tensor]:
    """All states of h_t = a_t * h_{t-1} + b_t, and a copy of the last one.

    Args:
        a: factors, one a step, or the same at every step.
        b: what is added at each step.
        h_0: the state before the first step.

    Shapes:
        a ``(T, B, n)`` or ``(n,)``, b ``(T, B, n)``, h_0 ``(B, n)``
        -> hs ``(T, B, n)``, h_T ``(B, n)``, in the widest type of the three

    Raises:
        ValueError: other shapes, or no step.
    """
    fits = (
        b.dim() == 3 and len(b) and a.shape in (b.shape, b.shape[2:]) and h_0.shape == b.shape[1:]
    )
    if not fits:
        raise ValueError(
            "a must have shape (T, B, n) or (n,), b (T, B, n) with T at least 1 and h_0 (B, n); "
            f"got {tuple(a.shape)}, {tuple(b.shape)} and {tuple(h_0.shape)}"
        )
    dtype = torch.promote_types(torch.promote_types(a.dtype, b.dtype), h_0.dtype)
    return _Scan.apply(a.to(dtype), b.to(dtype), h_0.to(dtype))


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b, h_0):
        ctx.set_materialize_grads(False)
        hs = torch.empty_like(b, memory_format=torch.contiguous_format)
        _run(a, b, h_0, hs, reverse=False)
        ctx.save_for_backward(a, h_0, hs)
        return hs, hs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, d_hs, d_h_T):
        a, h_0, hs = ctx.saved_tensors
        d_hs = torch.zeros_like(hs) if d_hs is None else d_hs
        a_bar = a.conj().resolve_conj()
        same = a.dim() == 1
        es = torch.empty_like(hs)
        es[-1] = d_hs[-1] if d_h_T is None else d_hs[-1] + d_h_T
        if len(hs) > 1:
            _run(a_bar if same else a_bar[1:], d_hs[:-1], es[-1], es[:-1], reverse=True)
        d_h_0 = (a_bar if same else a_bar[0]) * es[0]
        d_a = None
        if ctx.needs_input_grad[0]:
            d_a = torch.empty_like(hs)
            torch.mul(es[0], h_0.conj(), out=d_a[0])
            torch.mul(es[1:], hs[:-1].conj(), out=d_a[1:])
            d_a = d_a.sum((0, 1)) if same else d_a
        return d_a, es, d_h_0


def _run(a, b, h, out, *, reverse: bool) -> None:
    """Fill ``out`` with the states from ``h`` on, from the first step or from the last one."""
    T, L, same = len(b), BLOCK, a.dim() == 1
    if T <= 2 * L:
        _one_after_another([a] * T if same else a.unbind(0), b.unbind(0), h, out.unbind(0), reverse)
        return
    K, rest = divmod(T, L)
    # What fills no block is what comes last.
    blocks, left = (
        (slice(rest, T), slice(0, rest)) if reverse else (slice(T - rest), slice(T - rest, T))
    )
    order = range(L - 1, -1, -1) if reverse else range(L)

    def in_blocks(x):
        return x[blocks].unflatten(0, (K, L)).unbind(1)  # L times (K, B, n)

    as_, bs, outs = [a] * L if same else in_blocks(a), in_blocks(b), in_blocks(out)

    # 1. (a, b) then (a', b') is (a' a, a' b + b')
    first, *others = order
    A, S = as_[first].clone(), bs[first].clone()  # (K, B, n)
    for j in others:
        torch.addcmul(bs[j], as_[j], S, out=S)
        A.mul_(as_[j])
    # 2. the states in which the blocks end
    ends = torch.empty_like(S)
    _run(A, S, h, ends, reverse=reverse)
    # 3. every block from the state before it
    before = [ends[1:], h[None]] if reverse else [h[None], ends[:-1]]
    _one_after_another(as_, bs, torch.cat(before), outs, reverse)

    if rest:
        h = ends[0] if reverse else ends[-1]
        _run(a if same else a[left], b[left], h, out[left], reverse=reverse)


def _one_after_another(as_, bs, h, outs, reverse: bool) -> None:
    steps = list(zip(as_, bs, outs, strict=True))
    for a_t, b_t, h_t in reversed(steps) if reverse else steps:
        # h_t = a_t * h_{t-1} + b_t
        torch.addcmul(b_t, a_t, h, out=h_t)
        h = h_t
