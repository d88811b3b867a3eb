"""What a notebook needs besides its subject: a checked start, shown source, findings, exercises."""

import inspect
import math
import textwrap
from collections.abc import Callable

import numpy as np
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
    """Show the source of functions or classes, so that what is read is what is tested."""
    for obj in objects:
        code = textwrap.dedent(inspect.getsource(obj)).rstrip()
        home = f"`{obj.__module__}.{obj.__qualname__}`"
        display(Markdown(f"{home}\n\n```python\n{code}\n```"))


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
    display(shown)


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
