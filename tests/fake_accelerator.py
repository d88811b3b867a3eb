"""A pretended accelerator, for machines that have none: a second device, called ``meta``.

Inside :func:`fake_accelerator` a tensor that is moved to ``meta`` keeps its values, says that it
lies there, and refuses to be computed with beside a tensor that does not, as a GPU's would. So the
whole path of a training can be walked on a CPU, and a forgotten ``.to(device)`` is an error.

What it does not show: torch adds gradients to those of such tensors out of place, so that
parameters which are views of one vector (:class:`helpers.recurrent.training._Flat`) do not learn.
"""

from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

PLACE = torch.device("meta")
#: Operations that take an index from the CPU's memory.
_TAKES_AN_INDEX = {"index", "index_put", "index_put_", "_index_put_impl_"}


class Elsewhere(torch.Tensor):
    """A tensor of the CPU that says it lies on :data:`PLACE`."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=PLACE,
        )

    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return f"Elsewhere({self.inner})"

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return _compute(operation, args, kwargs or {})


class _Everywhere(TorchDispatchMode):
    """Also sees what is made without a tensor of :class:`Elsewhere`: ``torch.zeros(device=…)``."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return _compute(operation, args, kwargs or {})


@contextmanager
def fake_accelerator():
    """Inside, the device ``meta`` computes, and computes with its own tensors only."""
    with _Everywhere():
        yield str(PLACE)


def _inner(value):
    return value.inner if isinstance(value, Elsewhere) else value


def _compute(operation, args, kwargs):
    name = operation.overloadpacket.__name__
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    there = [t for t in tensors if isinstance(t, Elsewhere)]
    asked = kwargs.get("device")
    if name in ("copy_", "_to_copy"):  # the two ways from one device to another
        if name == "copy_":
            operation(*tree_map(_inner, args), **kwargs)
            return args[0]
        copied = operation(_inner(args[0]), **{k: v for k, v in kwargs.items() if k != "device"})
        moved = torch.device(asked) == PLACE if asked is not None else bool(there)
        return Elsewhere(copied) if moved else copied
    here = [t for t in tensors if not isinstance(t, Elsewhere) and t.dim()]
    if there and here and name not in _TAKES_AN_INDEX:
        raise RuntimeError(f"{name} was given tensors of two devices")
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = operation(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    if not there and (asked is None or torch.device(asked) != PLACE):
        return result
    known = {id(t.inner): t for t in there}  # an operation in place returns what it was given

    def wrapped(value):
        return known[id(value)] if id(value) in known else Elsewhere(value)

    return tree_map(lambda v: wrapped(v) if isinstance(v, torch.Tensor) else v, result)
