"""What a notebook needs besides its subject: a checked start, shown source, findings, questions."""

import ast
import inspect
import math
import re
import textwrap
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from helpers import checks, runtime
from helpers.equations import defines, holds
from helpers.foreign import on_page, visible, without_tags

__all__ = [
    "defines",
    "finding",
    "holds",
    "show_source",
    "start",
    "table",
    "think",
    "traps",
]

PROFILES = ("quick", "full")
#: A cell of a table that is a number, or stands for one.
_NUMBER = re.compile(r"[-+–−\d.,%e ]*")


def start(*, profile: str, seed: int) -> None:
    """Check the two parameters that every notebook has, seed everything, set up the process.

    Raises:
        ValueError: an unknown profile, or a seed that is not a whole number of at least 0.
    """
    checks.choice("profile", profile, PROFILES)
    runtime.seed_everything(checks.integer("seed", seed, minimum=0))
    runtime.prepare_worker(threads=runtime.own_threads())


def show_source(*objects) -> None:
    """Show the source of functions or classes, so that what is read is what is tested.

    Of a docstring its first line is shown: the notebook's text stands in for the rest.

    Raises:
        ValueError: what is neither.
    """
    for obj in objects:
        if not (inspect.isfunction(inspect.unwrap(obj)) or inspect.isclass(obj)):
            raise ValueError(f"a function or a class has a source, got {checks.shown(obj)}")
    for obj in objects:
        display(Markdown(source_of(obj)))


def source_of(obj) -> str:
    """What :func:`show_source` shows of a function or a class, in Markdown."""
    code = _short_docstring(textwrap.dedent(inspect.getsource(obj)).rstrip())
    return f"`{obj.__module__}.{obj.__qualname__}`\n\n```python\n{code}\n```"


def _short_docstring(code: str) -> str:
    body = ast.parse(code).body[0].body
    if ast.get_docstring(ast.parse(code).body[0]) is None:
        return code
    lines = code.split("\n")
    first, last = body[0].lineno - 1, body[0].end_lineno
    summary = lines[first].rstrip()
    if last - first > 1:
        summary += '"""'
    return "\n".join([*lines[:first], summary, *lines[last:]])


def finding(text: str) -> None:
    """Print a finding. Its numbers are computed in the cell that calls this.

    Args:
        text: in Markdown, without HTML. A text from elsewhere in it goes through
            :func:`helpers.foreign.on_page`.
    """
    display(Markdown(f"> **Finding.** {without_tags(text)}"))


def think(question: str, answer: str) -> None:
    """Show a question to think about, its answer folded away below it.

    Args:
        question: in Markdown: what happens if …?
        answer: in Markdown. Its numbers are computed in the cell that calls this.
    """
    question, answer = without_tags(question), without_tags(answer)
    fold = f"<details>\n<summary>Answer</summary>\n\n{answer}\n\n</details>"
    display(Markdown(f"**Think.** {question}\n\n{fold}"))


def table(frame: pd.DataFrame, caption: str | None = None, digits: int = 4) -> None:
    """Show a data frame with ``digits`` significant digits, under an optional caption."""

    def significant(value):
        if isinstance(value, float | np.floating):
            return "–" if math.isnan(value) else f"{value:.{digits}g}"
        return visible(value.replace("\n", " ⏎ ")) if isinstance(value, str) else value

    shown = frame.map(significant)
    if caption:
        display(Markdown(f"*{without_tags(caption)}*"))
    named = not isinstance(frame.index, pd.RangeIndex)
    with pd.option_context("display.max_colwidth", None):
        rich = _text_from_the_left(shown).to_html(index=named, escape=False)
    bundle = {"text/html": rich, "text/plain": visible(shown.to_string(index=named))}
    display(bundle, raw=True)


def _text_from_the_left(frame):
    """Cells and names as HTML; columns of text aligned left, which notebooks' style does not do."""

    def is_text(value):
        return isinstance(value, str) and not _NUMBER.fullmatch(value)

    def cell(value):
        return on_page(value, markdown=False)

    def left(value):
        return f'<div style="text-align: left">{cell(value)}</div>'

    columns = {name: left(name) for name in frame.columns if frame[name].map(is_text).any()}
    rich = frame.map(lambda value: left(value) if is_text(value) else cell(value))
    return rich.rename(
        columns=lambda name: columns.get(name, cell(name)),
        index=cell,
    )


class Trap(NamedTuple):
    """A mistake that is easy to make.

    Attributes:
        mistake: what one might write or believe.
        met: where it was met: a report, with at most a line of its own words, or "often seen".
        why: why it is wrong, and what is right.
        number: what shows it, computed.
    """

    mistake: str
    met: str
    why: str
    number: str


def traps(rows: Iterable[Trap]) -> None:
    """A table of traps, in Markdown, so that formulas may stand in it.

    Raises:
        ValueError: a row that is no trap.
    """
    rows = list(rows)
    for row in rows:
        if not isinstance(row, Trap):
            raise ValueError(f"each of the rows must be a Trap, got {checks.shown(row)}")
    lines = ["| the trap | where met | why it is wrong | the number |", "|---|---|---|---|"]
    for row in rows:
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    display(Markdown(without_tags("\n".join(lines))))
