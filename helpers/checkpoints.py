"""Models on disk: tensors as safetensors, everything else as JSON. Loading can run no code.

A published checkpoint is a pair of files, so that people can read the JSON; a SHA-256 over both
tells any damage, and a pair that does not belong together. A snapshot of a training in progress is
one file, replaced at once: a kill at any moment leaves the new one or the old one. Its SHA-256 is
over all of its bytes.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from helpers.files import atomic_write, write_together


def save_checkpoint(path: Path, tensors: dict[str, torch.Tensor], header: dict) -> None:
    """Write ``path``.safetensors and ``path``.json, both or none.

    Args:
        path: without a suffix.
        header: anything that JSON can hold; NaN is refused.
    """
    content = save({name: t.detach().contiguous().cpu() for name, t in tensors.items()})
    text = _sealed(content, json.loads(json.dumps(header, allow_nan=False)))
    write_together(dict(zip(files_of(path), (content, text), strict=True)), durable=True)


def files_of(path: Path) -> tuple[Path, Path]:
    """Of the checkpoint ``path``, without a suffix: the file of its tensors, that of its header."""
    return path.with_name(path.name + ".safetensors"), path.with_name(path.name + ".json")


def _sealed(content: bytes, header: dict) -> bytes:
    """The JSON of a checkpoint, with the SHA-256 over its tensors and over the rest of itself."""
    rest = _canonical({k: v for k, v in header.items() if k != "sha256"})
    return _canonical({**header, "sha256": hashlib.sha256(content + rest).hexdigest()})


def _canonical(header: dict) -> bytes:
    return json.dumps(header, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"


def load_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors and header that :func:`save_checkpoint` wrote.

    Raises:
        ValueError: a file is missing, damaged, or belongs to another.
    """
    tensors, header = files_of(path)
    for file in (tensors, header):
        if not file.exists():
            raise ValueError(f"there is no checkpoint {path.name}: {file.name} is missing")
    written, content = header.read_bytes().replace(b"\r\n", b"\n"), tensors.read_bytes()
    try:
        named = json.loads(written)
        whole = _sealed(content, named) == written
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{header.name} is not a checkpoint's header, or damaged") from error
    if not whole:
        raise ValueError(
            f"{header.name} or {tensors.name} is damaged, or they belong to different checkpoints"
        )
    del named["sha256"]
    return load(content), named


#: Where a snapshot's own digest stands while it is computed.
_OPEN = b"0" * 64


def save_snapshot(path: Path, tensors: dict[str, torch.Tensor], header: dict) -> None:
    """Write one safetensors file with ``header`` as its metadata."""
    kept = {name: t.detach().contiguous().cpu() for name, t in tensors.items()}
    content = save(kept, metadata={"header": json.dumps(header), "sha256": _OPEN.decode()})
    digest = hashlib.sha256(content).hexdigest().encode()
    with atomic_write(path, durable=True) as file:
        file.write(content.replace(b'"sha256":"' + _OPEN, b'"sha256":"' + digest, 1))


def load_snapshot(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """What :func:`save_snapshot` wrote.

    Raises:
        ValueError: the file is no snapshot, or damaged.
    """
    try:
        content = path.read_bytes()
        size = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + size])["__metadata__"]
        seal = b'"sha256":"' + metadata["sha256"].encode()
        unsealed = content.replace(seal, b'"sha256":"' + _OPEN, 1)
        if hashlib.sha256(unsealed).hexdigest() != metadata["sha256"]:
            raise ValueError("its checksum is another")
        return load(content), json.loads(metadata["header"])
    except (
        *(OSError, TypeError, KeyError, ValueError, AttributeError),
        *(OverflowError, RecursionError, SafetensorError),
    ) as error:
        raise ValueError(f"{path.name} is not a snapshot of a training, or damaged") from error
