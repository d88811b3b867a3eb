r"""The symbols of an equation in TeX, and those of a notebook's notation table.

A symbol is a letter with its accent and, if it has one, its name in capitals or several letters:
``h``, ``\delta``, ``\hat y``, ``W_{hx}``. Indices (whatever else stands below), the words of
``\text`` and ``\mathrm``, and the names of functions are none.
"""

import re

#: Letters that count things, wherever they stand.
INDICES = set("ijklmt")
#: Euler's number and the differential sign.
CONSTANTS = {"e", "d", r"\pi", r"\infty", r"\ell"}
ACCENTS = ("hat", "tilde", "bar", "dot", "mathcal", "mathbf", "mathbb", "boldsymbol", "vec")
GREEK = re.compile(
    r"(?:var)?epsilon|(?:var)?phi|alpha|beta|[gG]amma|[dD]elta|zeta|eta|[tT]heta|kappa|[lL]ambda|"
    r"mu|nu|xi|rho|[sS]igma|tau|Phi|chi|[pP]si|[oO]mega"
)


def displayed(text: str) -> list[str]:
    """The displayed equations of a Markdown text."""
    return re.findall(r"\$\$(.*?)\$\$", text, re.S)


def notation(text: str) -> set[str]:
    """The symbols in the first column of every table whose head begins with ``symbol``."""
    found: set[str] = set()
    for table in re.findall(r"^\| *symbol.*?(?=\n(?!\|)|\Z)", text, re.M | re.S):
        for row in table.splitlines()[2:]:
            first = re.split(r"(?<!\\)\|", row)[1]
            for formula in re.findall(r"\$(.*?)\$", first):
                found |= symbols(formula)
    return found


def symbols(equation: str) -> set[str]:
    """The symbols of an equation or formula, without indices and constants."""
    text = re.sub(r"\\tag\{[^}]*\}|\\(?:begin|end)\{[^}]*\}(?:\{[^}]*\})?", " ", equation)
    text = re.sub(r"\\(?:text|mathrm|operatorname\*?|textstyle|textbf|label)\{[^{}]*\}", " ", text)
    text = re.sub(r"\\\\(?:\[[^\]]*\])?", " ", text)  # line breaks
    text = _named(text)
    found = set()
    letter = r"(?:\{\s*(\\?[A-Za-z]+)\s*\}|(\\[A-Za-z]+|[A-Za-z]))"
    accent = re.compile(rf"\\({'|'.join(ACCENTS)})(?![A-Za-z])\s*{letter}")
    for kind, braced, bare in accent.findall(text):
        found.add(f"\\{kind} {braced or bare}")
    text = accent.sub(" ", text)
    text = re.sub(r"⟦(.*?)⟧", lambda m: found.add(m[1].replace("⎵", "_")) or " ", text)
    for name in re.findall(r"\\([A-Za-z]+)", text):
        if GREEK.fullmatch(name):
            found.add(f"\\{name}")
    text = re.sub(r"\\[A-Za-z]+", " ", text)
    found |= set(re.findall(r"[A-Za-z]", text))
    return found - INDICES - CONSTANTS


def _named(text: str) -> str:
    """Names such as ``W_{hx}`` as one symbol in brackets; other subscripts go."""
    name = re.compile(r"(?<![\\A-Za-z])([WUVbB])_\{?([a-z]{2})\}?(?![a-z])")
    text = name.sub(lambda m: f"⟦{m[1]}⎵{m[2]}⟧", text)
    out, k = [], 0
    while k < len(text):
        if text[k] == "_" and (k == 0 or text[k - 1] != "\\"):
            k += 1
            while k < len(text) and text[k] == " ":
                k += 1
            if k < len(text) and text[k] == "{":
                depth, k = 1, k + 1
                while k < len(text) and depth:
                    depth += {"{": 1, "}": -1}.get(text[k], 0)
                    k += 1
            elif k < len(text) and text[k] == "\\":
                k += 1
                while k < len(text) and text[k].isalpha():
                    k += 1
            else:
                k += 1
        else:
            out.append(text[k])
            k += 1
    return "".join(out)
