"""Text that a reader types or pastes, folded to the characters that a model knows."""

import unicodedata

from helpers.checks import text as check_text
from helpers.text.vocabulary import Vocabulary

#: What a typesetter makes of a keyboard's characters, and back.
_KEYBOARD = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "`": "'",
    "–": "-", "—": "--", "―": "--", "‐": "-", "‑": "-", "−": "-", "…": "...", "\t": " ",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\r": "\n", "ß": "ss", "æ": "ae", "Æ": "Ae",
    "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O",
}  # fmt: skip


def folded_to(vocab: Vocabulary, text: str) -> tuple[str, dict[str, str]]:
    """``text`` in a model's characters, and what was replaced by what.

    A character that the model does not know becomes its keyboard form, then itself without its
    accent, then the other case; what has none of these is left out.

    Returns:
        the text, and a replacement for each character that was replaced ("" if left out).

    Raises:
        ValueError: not a text.
    """
    check_text("text", text)
    replaced: dict[str, str] = {}
    for character in set(text.replace("\r\n", "\n")):
        if character not in vocab:
            replaced[character] = _nearest(vocab, character)
    pieces = (replaced.get(c, c) for c in text.replace("\r\n", "\n"))
    return "".join(pieces), dict(sorted(replaced.items()))


def _nearest(vocab: Vocabulary, character: str) -> str:
    plain = "".join(
        c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c)
    )
    for form in (_KEYBOARD.get(character), plain):
        if form:
            for cased in (form, form.lower(), form.upper()):
                if all(c in vocab for c in cased):
                    return cased
    return ""


def told(replaced: dict[str, str]) -> str:
    """A sentence on what was replaced; empty if nothing was."""
    if not replaced:
        return ""
    instead = [f"{old} by {new}" for old, new in replaced.items() if new]
    without = [repr(old) for old, new in replaced.items() if not new]
    said = [f"replaced {', '.join(instead)}"] if instead else []
    said += [f"left out {', '.join(without)}"] if without else []
    return f"Not in the model's alphabet: {'; '.join(said)}."
