"""The process that everything runs in: device, seeds, threads, memory, progress, audience."""

import ctypes
import hashlib
import os
import random
import sys

import numpy as np
import torch
from tqdm.auto import tqdm as tqdm_auto
from tqdm.std import tqdm as tqdm_text


def device(preference: str = "auto") -> torch.device:
    """The device to train on: ``"auto"`` takes CUDA where there is one, else the CPU.

    Raises:
        ValueError: a device that torch does not know or that this machine lacks.
    """
    if preference == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(preference)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device must be 'auto', 'cpu' or a device of this machine, got {preference!r}"
        ) from error
    return chosen


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generator(*key: int | str) -> torch.Generator:
    """A CPU generator seeded by ``key``: equal keys give equal streams, in any process.

    A run names its streams, ``generator(seed, "data")`` and ``generator(seed, "weights")``, so
    that two configurations with one seed see the same data whatever their models draw.
    """
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") % 2**63)


def prepare_worker(threads: int = 1) -> None:
    """Set up a process that trains small networks for hours: threads, allocator, denormals.

    - One torch thread a process: two processes with one thread each beat one with two.
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


def bf16_available() -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware, tried out once."""
    global _bf16
    if _bf16 is None:
        try:
            lstm = torch.nn.LSTM(1, 8, batch_first=True)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                lstm(torch.zeros(2, 2, 1))[0].float().sum().backward()
            _bf16 = torch.cpu._is_avx512_bf16_supported()
        except RuntimeError:
            _bf16 = False
    return _bf16


_bf16: bool | None = None


def interactive() -> bool:
    """Whether somebody is looking: a Jupyter server started this kernel, or an override says so.

    Jupyter Server names the notebook in ``JPY_SESSION_NAME``; papermill, nbclient and nbval do
    not. ``HELPERS_INTERACTIVE`` set to 1 or 0 overrides.
    """
    override = os.environ.get("HELPERS_INTERACTIVE")
    if override is not None:
        return override not in ("", "0")
    return "JPY_SESSION_NAME" in os.environ


def in_kernel() -> bool:
    """Whether this process is a Jupyter kernel."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def progress(iterable=None, *, total=None, desc="", unit="it", **options):
    """A tqdm bar: a widget in JupyterLab, plain text in a terminal.

    In a headless notebook it is a line on standard output without times, which the saved notebook
    keeps and which is the same in every run.
    """
    options.update(iterable=iterable, total=total, desc=desc, unit=unit)
    if not in_kernel():
        return tqdm_text(**options)
    if interactive():
        return tqdm_auto(**options)
    options.update(file=sys.stdout, mininterval=2.0, ascii=" ━", ncols=72)
    return tqdm_text(bar_format="{desc}: |{bar}| {n_fmt}/{total_fmt} {unit}{postfix}", **options)
