"""What a notebook needs besides its subject: a checked start, shown source, findings, exercises."""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from helpers import checks, runtime

PROFILES = ("quick", "full")


def start(*, profile: str, seed: int) -> None:
    """Check the two parameters that every notebook has, seed everything, set up the process.

    Raises:
        ValueError: an unknown profile, or a seed that is not a whole number of at least 0.
    """
    checks.choice("profile", profile, PROFILES)
    runtime.seed_everything(checks.integer("seed", seed, minimum=0))
    runtime.prepare_worker(threads=torch.get_num_threads())


def show_source(*objects) -> None:
    """Show the source of functions or classes, so that what is read is what is tested.

    Of a docstring its first line is shown: the notebook's text stands in for the rest.
    """
    for obj in objects:
        code = _short_docstring(textwrap.dedent(inspect.getsource(obj)).rstrip())
        home = f"`{obj.__module__}.{obj.__qualname__}`"
        display(Markdown(f"{home}\n\n```python\n{code}\n```"))


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
    """Print a finding. Its numbers are computed in the cell that calls this."""
    display(Markdown(f"> **Finding.** {text}"))


def table(frame, caption: str | None = None, digits: int = 4) -> None:
    """Show a data frame with ``digits`` significant digits, under an optional caption."""

    def significant(value):
        if isinstance(value, float | np.floating):
            return "–" if math.isnan(value) else f"{value:.{digits}g}"
        return value

    shown = frame.map(significant)
    if caption:
        display(Markdown(f"*{caption}*"))
    named = not isinstance(frame.index, pd.RangeIndex)
    bundle = {"text/html": shown.to_html(index=named), "text/plain": shown.to_string(index=named)}
    display(bundle, raw=True)


def errata(rows: list[tuple[str, str, str, str]]) -> None:
    """A table of (report, what it says, what is right, the number that tells them apart)."""
    lines = ["| report | says | right is | the number |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    display(Markdown("\n".join(lines)))


def exercise(number: int, answer, is_right: Callable[[object], bool], hint: str) -> None:
    """Check an exercise: ``None`` is "not attempted", a right answer passes, a wrong one raises.

    Args:
        number: of the exercise, for the message.
        answer: the reader's; ``None`` while it is open.
        is_right: called with the answer.
        hint: shown with a wrong answer.

    Raises:
        AssertionError: the answer is wrong; the message holds the hint.
    """
    if answer is None:
        print(f"Exercise {number}: not attempted.")
        return
    try:
        right = bool(is_right(answer))
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError) as error:
        raise AssertionError(
            f"Exercise {number}: {answer!r} could not be checked: {error}. {hint}"
        ) from error
    if not right:
        raise AssertionError(f"Exercise {number}: {answer!r} is not it. {hint}")
    print(f"Exercise {number}: right.")
