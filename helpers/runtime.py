"""The process that everything runs in: device, seeds, threads, memory, progress, audience."""

import ctypes
import hashlib
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from threading import RLock

import numpy as np
import torch
from tqdm.auto import tqdm as tqdm_auto
from tqdm.std import tqdm as tqdm_text

from helpers import audience
from helpers.checks import AnyInt


def device(preference: str | torch.device = "auto") -> torch.device:
    """The device to train on: ``"auto"`` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        ValueError: a device that torch does not know or that this machine lacks.
    """
    if preference == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(preference)
        torch.empty(1, device=chosen).cpu()  # a device without memory of its own has nothing to say
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise ValueError(
            f"device must be 'auto', 'cpu' or a device of this machine, got {preference!r}"
        ) from error
    return chosen


def devices(preference: str | torch.device = "auto") -> list[torch.device]:
    """The devices that a study may spread over: every CUDA device for "auto" and "cuda", else one.

    Raises:
        ValueError: as :func:`device`.
    """
    first = device(preference)
    if first.type == "cuda" and first.index is None:
        return [torch.device("cuda", k) for k in range(torch.cuda.device_count())]
    return [first]


def device_of(model: Callable) -> torch.device:
    """Where a model's parameters lie; the CPU for one that has none, as a plain function."""
    parameter = next(model.parameters(), None) if isinstance(model, torch.nn.Module) else None
    return torch.device("cpu") if parameter is None else parameter.device


def autocast(where: torch.device, bf16: bool = True):
    """Mixed precision on a device: its matrix products in bfloat16, or as they are.

    A CPU that has no such products keeps float32, which is as good and there faster: torch's fused
    cells raise, or imitate bfloat16 at less than half the speed. It is said once, as a warning.
    """
    if not bf16:
        return nullcontext()
    if where.type == "cpu" and not bf16_available(where):
        warnings.warn(
            "this processor has no products in bfloat16: float32 is used in their place",
            stacklevel=2,
        )
        return nullcontext()
    return torch.autocast(where.type, dtype=torch.bfloat16)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generator(*key: AnyInt | str) -> torch.Generator:
    """A CPU generator seeded by ``key``: equal keys give equal streams, in any process.

    A run names its streams, ``generator(seed, "data")`` and ``generator(seed, "weights")``, so
    that two configurations with one seed see the same data whatever their models draw.
    """
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") % 2**63)


def random_state(where: torch.device) -> torch.Tensor:
    """State of the generator that a device draws from: dropout's masks, for one."""
    if where.type in ("cpu", "meta"):  # what lies on the latter has no values
        return torch.get_rng_state()
    return torch.get_device_module(where).get_rng_state(*_named(where))


def set_random_state(where: torch.device, state: torch.Tensor) -> None:
    """Go back to a :func:`random_state` of that device."""
    if where.type in ("cpu", "meta"):
        torch.set_rng_state(state)
    else:
        torch.get_device_module(where).set_rng_state(state, *_named(where))


def _named(where: torch.device) -> tuple[torch.device, ...]:
    """The device as the functions of its module take it: Apple's only one has no name."""
    return () if where.type == "mps" else (where,)


@contextmanager
def seeded(seed: AnyInt) -> Iterator[None]:
    """Inside, torch draws as after ``torch.manual_seed(seed)`` on the processor; then as before.

    One thread at a time: that generator is everybody's.
    """
    with _SEEDED, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


_SEEDED = RLock()


def cores() -> int:
    """Processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def own_threads(usual: int = 1) -> int:
    """Torch threads of a process: as many as it was told, and else ``usual``, mostly one.

    The networks of the series are small: a product takes less than a millisecond, at whose end a
    second thread waits for the first by spinning. On an idle machine it saves a third of the time;
    where another program wants the core, the thread that waits holds it and the one that is waited
    for does not get it, and a step takes ten to a hundred times as long. A reader who knows the
    machine to be idle sets ``OMP_NUM_THREADS``. What trains a wide network passes :func:`cores`.
    """
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdigit() and int(said) else usual


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Inside, ``count`` torch threads: for products so large that a second thread pays."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def numpy_on_one_thread() -> bool:
    """Have NumPy's products run on their caller's thread alone; whether they do now.

    OpenBLAS, which NumPy brings on most systems, shares a product of a tenth of a millisecond out
    to all cores, with what :func:`own_threads` says of it. Its own function is asked, as a variable
    of the environment would come too late where NumPy is loaded already. False for another library.
    """
    try:
        library = _library_of_numpy()
        library.scipy_openblas_set_num_threads64_(1)
        return library.scipy_openblas_get_num_threads64_() == 1
    except (AttributeError, OSError):
        return False


@cache
def _library_of_numpy() -> ctypes.CDLL:
    """NumPy's own, which has loaded the one that multiplies."""
    return ctypes.CDLL(np._core._multiarray_umath.__file__)


def prepare_worker(threads: int = 1) -> None:
    """Set up a process that trains small networks for hours: threads, allocator, denormals.

    - One torch thread a process (:func:`own_threads`); two processes with one thread each beat one
      with two.
    - glibc returns large blocks to the system and takes them back, page by page, at every
      training step; with higher thresholds it keeps them. Other systems are left as they are.
    - A vanishing gradient ends in denormal numbers, which take many times as long as zeros.
      They are below 1.2e-38 and flushed to zero.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        if hasattr(libc, "gnu_get_libc_version"):
            m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3  # malloc.h
            libc.mallopt(m_mmap_threshold, 2**30)
            libc.mallopt(m_trim_threshold, 2**31 - 1)
            libc.mallopt(m_top_pad, 2**28)


def prepare_thread(threads: int = 1) -> None:
    """What a thread of Python does not inherit from one that :func:`prepare_worker` has set up."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def bf16_available(where: torch.device | str = "cpu") -> bool:
    """Whether this device multiplies bfloat16 matrices in hardware; a CPU is tried out once."""
    global _bf16
    if torch.device(where).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if torch.device(where).type != "cpu":
        return False
    if _bf16 is None:
        try:
            with torch.random.fork_rng(devices=[]):  # no training draws other numbers for it
                lstm = torch.nn.LSTM(1, 8, batch_first=True)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                lstm(torch.zeros(2, 2, 1))[0].float().sum().backward()
            _bf16 = torch.cpu._is_avx512_bf16_supported()
        except RuntimeError:
            _bf16 = False
    return _bf16


_bf16: bool | None = None


def in_kernel() -> bool:
    """Whether this process is a Jupyter kernel."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def progress(
    iterable: Iterable | None = None,
    *,
    total: float | None = None,
    desc: str = "",
    unit: str = "it",
    **options,
):
    """A tqdm bar: a widget in JupyterLab, plain text in a terminal.

    In a headless notebook it is a line on standard output without times, which the saved notebook
    keeps and which is the same in every run.
    """
    options.update(iterable=iterable, total=total, desc=desc, unit=unit)
    if not in_kernel():
        return tqdm_text(**options)
    if audience.interactive():
        return tqdm_auto(**options)
    options.update(file=sys.stdout, mininterval=2.0, ascii=" ━", ncols=72)
    return tqdm_text(bar_format="{desc}: |{bar}| {n_fmt}/{total_fmt} {unit}{postfix}", **options)
