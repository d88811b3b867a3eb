"""What may happen to a file: a bit flipped, a cut, nothing left, noise."""

import random
from pathlib import Path


def damaged(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """What was done to a file, and the file after it: a bit flipped, a cut, nothing left, noise."""
    kind = rng.choice(["flip"] * 6 + ["cut"] * 3 + ["empty", "zeros", "doubled"])
    at = rng.randrange(len(content))
    if kind == "flip":
        bit = 1 << rng.randrange(8)
        return f"flip of byte {at}", content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]
    if kind == "cut":
        return f"cut at {at}", content[:at]
    if kind == "zeros":
        return f"zeros from {at}", content[:at] + bytes(len(content) - at) or b"\0"
    return kind, b"" if kind == "empty" else content * 2


def damage_file(path: Path, rng: random.Random) -> str:
    """Damage a file so that it differs; what was done."""
    content = path.read_bytes()
    while True:
        what, after = damaged(content, rng)
        if after != content:
            path.write_bytes(after)
            return what
