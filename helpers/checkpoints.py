"""Models on disk: tensors as safetensors, everything else as JSON. Loading can run no code.

A published checkpoint is a pair of files, so that people can read the JSON; it names the SHA-256 of
the tensors, so that a pair that does not belong together is noticed. A snapshot of a training in
progress is one file, replaced at once: a kill at any moment leaves the new one or the old one.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from helpers.files import atomic_write


def save_checkpoint(path: Path, tensors: dict[str, torch.Tensor], header: dict) -> None:
    """Write ``path``.safetensors and ``path``.json, each whole or not at all.

    Args:
        path: without a suffix.
        header: anything that JSON can hold; NaN is refused.
    """
    content = save({name: t.detach().contiguous().cpu() for name, t in tensors.items()})
    text = json.dumps(
        {**header, "sha256": hashlib.sha256(content).hexdigest()},
        indent=1,
        sort_keys=True,
        allow_nan=False,
    )
    with atomic_write(path.with_name(path.name + ".safetensors")) as file:
        file.write(content)
    with atomic_write(path.with_name(path.name + ".json")) as file:
        file.write(text.encode() + b"\n")


def load_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors and header that :func:`save_checkpoint` wrote.

    Raises:
        ValueError: a file is missing, damaged, or belongs to another.
    """
    tensors = path.with_name(path.name + ".safetensors")
    header = path.with_name(path.name + ".json")
    for file in (tensors, header):
        if not file.exists():
            raise ValueError(f"there is no checkpoint {path.name}: {file.name} is missing")
    try:
        named = json.loads(header.read_text(encoding="utf-8"))
        expected = named.pop("sha256")
    except (ValueError, KeyError) as error:
        raise ValueError(f"{header.name} is not a checkpoint's header") from error
    content = tensors.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        raise ValueError(f"{tensors.name} is damaged or belongs to another {header.name}")
    return load(content), named


def save_snapshot(path: Path, tensors: dict[str, torch.Tensor], header: dict) -> None:
    """Write one safetensors file with ``header`` as its metadata."""
    kept = {name: t.detach().contiguous().cpu() for name, t in tensors.items()}
    with atomic_write(path) as file:
        file.write(save(kept, metadata={"header": json.dumps(header)}))


def load_snapshot(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """What :func:`save_snapshot` wrote.

    Raises:
        ValueError: the file is no snapshot.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["header"])
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except (OSError, TypeError, KeyError, ValueError, SafetensorError) as error:
        raise ValueError(f"{path.name} is not a snapshot of a training") from error
