"""Characters as numbers: sorted, so that one text always gives one numbering."""

import torch


class Vocabulary:
    """The distinct characters of a text, sorted by code point.

    Args:
        characters: in any order; doubles count once.

    Raises:
        ValueError: fewer than two distinct characters.
    """

    def __init__(self, characters: str):
        self.characters = "".join(sorted(set(characters)))
        if len(self.characters) < 2:
            raise ValueError(
                f"a vocabulary needs at least two distinct characters, got {self.characters!r}"
            )
        self._index = {c: i for i, c in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: str) -> bool:
        return character in self._index

    def __eq__(self, other) -> bool:
        return isinstance(other, Vocabulary) and self.characters == other.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary({self.characters!r})"

    def encode(self, text: str, name: str = "the text") -> torch.Tensor:
        """``text`` as indices, int64 ``(N,)``.

        Raises:
            ValueError: a character outside the vocabulary; ``name`` says whose.
        """
        unknown = sorted(set(text) - self._index.keys())
        if unknown:
            raise ValueError(
                f"{name} has characters that the model has never seen: "
                f"{', '.join(map(repr, unknown))}. It knows {self.characters!r}"
            )
        return torch.tensor([self._index[c] for c in text], dtype=torch.int64)

    def decode(self, indices) -> str:
        """Indices as text."""
        return "".join(self.characters[i] for i in indices)
