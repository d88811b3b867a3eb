"""``python -m helpers.findings``: the findings in README.md, from the published runs.

Each wing that has some says them in its module ``headlines``; every number is computed there from
what lies in ``data/``. They are written between two marks in README.md; a test holds the two
together, so that a sentence there cannot outlive its runs.
"""

import importlib
import re
import sys
from pathlib import Path
from typing import NamedTuple

from helpers import paths
from helpers.files import atomic_write

README = paths.ROOT / "README.md"
BEGIN, END = "<!-- python -m helpers.findings -->", "<!-- end of the findings -->"


class Headline(NamedTuple):
    """One finding.

    Attributes:
        notebook: its number, "04".
        said: the sentence, in Markdown.
    """

    notebook: str
    said: str


def percent(share: float) -> str:
    """``0.9`` as "90 %"."""
    return f"{100 * share:.0f} %"


def headlines() -> list[Headline]:
    """Those of all wings, in the order of the notebooks."""
    wings = sorted(path.parent.name for path in Path(__file__).parent.glob("*/headlines.py"))
    modules = [importlib.import_module(f"helpers.{wing}.headlines") for wing in wings]
    return sorted((h for module in modules for h in module.headlines()), key=lambda h: h.notebook)


def as_list(found: list[Headline]) -> str:
    """A list in Markdown, each sentence with a link to its notebook."""
    lines = []
    for notebook, said in found:
        (path,) = paths.NOTEBOOKS.glob(f"{notebook}_*.ipynb")
        lines.append(f"- {said} [{notebook}]({path.relative_to(paths.ROOT).as_posix()})")
    return "\n".join(lines)


def inserted(text: str, findings: str) -> str:
    """``text`` with ``findings`` between the two marks.

    Raises:
        ValueError: not both marks are there, once each and in order.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.S)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or not pattern.search(text):
        raise ValueError(f"README.md needs the lines {BEGIN} and {END}, in this order")
    return pattern.sub(lambda _: f"{BEGIN}\n{findings}\n{END}", text)


def main() -> int:
    text = README.read_text(encoding="utf-8")
    with atomic_write(README) as file:
        file.write(inserted(text, as_list(headlines())).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
