"""``python -m helpers.new_notebook 08 a_name "What is asked?"``: begin a notebook.

What is written runs, and has every part that a notebook of the series has, with a small example in
each: the question, the parameters, the notation, an equation that is run, a figure with its words,
a question, traps, limits, a summary, references. Replace the examples one by one.
"""

import argparse
import hashlib
import re
import sys
from pathlib import Path

import nbformat

from helpers import contents, paths
from helpers.publish import METADATA, write

#: The cells: kind, tags, source. NUMBER, TITLE, QUESTION and BEFORE are filled in.
TEMPLATE = [
    (
        "markdown",
        "",
        """# NUMBER · TITLE

**QUESTION**

In two or three sentences: what the reader will do, and what he can do afterwards.

Before: BEFORE.""",
    ),
    (
        "code",
        "",
        """import torch

from helpers import colors, figures
from helpers.checks import integer
from helpers.notebook import Trap, defines, finding, holds, start, think, traps""",
    ),
    (
        "code",
        "parameters",
        """profile = "quick"  # "quick" or "full": what "full" trains again, and how long it takes
seed = 0
T = 12  # terms of the example""",
    ),
    ("code", "", 'start(profile=profile, seed=seed)\nT = integer("T", T, minimum=2)'),
    (
        "markdown",
        "",
        r"""## Notation

| symbol | shape | meaning |
|---|---|---|
| $T$ | | terms of the sum |
| $r$ | number | ratio of two neighbouring terms |
| $s_T$ | number | the sum |

Every symbol of the notebook stands here, with one meaning.""",
    ),
    (
        "markdown",
        "",
        r"""## 1 · An equation that is run

First the idea in words: each term is a share $r$ of the one before it. Then the equation with its
number:

$$s_T = \sum_{t=0}^{T-1} r^t \tag{1}$$

Each line of a derivation follows by one step, which is named. Multiply (1) by $r$: all terms move
on by one. Subtract: all but the first and the last cancel, so $(1 - r)\, s_T = 1 - r^T$. Divide by
$1 - r$, which is not 0:

$$s_T = \frac{1 - r^T}{1 - r} \tag{2}$$

Below it, a cell computes both sides, by different code.""",
    ),
    (
        "code",
        "",
        """r = torch.tensor(0.8, dtype=torch.float64)
s = sum(r**t for t in range(T))
defines("1", "$s_T$", s)
holds("2", s, (1 - r**T) / (1 - r))""",
    ),
    (
        "markdown",
        "",
        """## 2 · A figure and a finding

Longer figures are drawn by a function in `helpers`, as are models and mathematics: a notebook has
no `def` and no `class`. A caption says what to see, `alt` what is drawn for those who cannot.""",
    ),
    (
        "code",
        "",
        """sums = [sum(r**t for t in range(k)).item() for k in range(1, T + 1)]
fig, ax = figures.plt.subplots(figsize=(6, 2.8))
ax.plot(range(1, T + 1), sums, marker="o", color=colors.BLUE)
ax.set(xlabel="terms", ylabel="sum", ylim=(0, None))
figures.show(
    fig,
    "NUMBER_sums",
    caption="Every term adds less than the one before it: the sum levels off.",
    alt="The sum against the number of terms: a curve that rises and flattens.",
)""",
    ),
    (
        "code",
        "nbval-check-output",
        """limit = 1 / (1 - r)
finding(f"After {T} terms the sum is at {100 * s / limit:.0f} % of what it would ever be.")""",
    ),
    (
        "code",
        "",
        """longer = 2 * T
answer = f"It grows by {100 * (r**T - r**longer) / (1 - r**T):.1f} %: what is left is small."
think("What happens to the sum if there are twice as many terms?", answer)""",
    ),
    ("markdown", "", "## Traps"),
    (
        "code",
        "",
        """traps(
    [
        Trap(
            "counting terms from 1 and powers from 0, and losing one",
            "often seen",
            "T terms end with the power T − 1",
            f"the last term is {r ** (T - 1):.3f}, not {r**T:.3f}",
        )
    ]
)""",
    ),
    (
        "markdown",
        "",
        """## Limits

What was not tried, and for what the findings say nothing.

## Summary

- Three to five points, each a sentence.
- Each is shown above.
- None has a number that was not computed.

## Exercises

What the workbook `exercises/NUMBER_name.ipynb` asks: functions to write, a derivation with
blanks, a run to predict,
an experiment. It is made from `solutions/NUMBER_name.ipynb` by `make exercises`.""",
    ),
    (
        "markdown",
        "",
        """## References

- A. Author, [Title](https://doi.org/), year.""",
    ),
]


def create(
    number: str, name: str, question: str, before: list[str], folder: Path = paths.NOTEBOOKS
) -> Path:
    """Write ``folder/NUMBER_name.ipynb`` and return its path.

    Args:
        number: two digits.
        name: small letters, digits and underscores; the title is made from it.
        question: the one that the notebook answers; ends with a question mark.
        before: numbers of the notebooks that it builds on; without any, the first one.

    Raises:
        ValueError: a number, name or question that does not fit, a number that is taken, or a
            notebook before it that there is not.
    """
    if not re.fullmatch(r"\d\d", number):
        raise ValueError(f"the number has two digits, as in 08; got {number!r}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"the name has small letters, digits and underscores; got {name!r}")
    if not question.endswith("?"):
        raise ValueError(f"the question ends with a question mark; got {question!r}")
    series = {c.number: c for c in contents.chapters(folder)}
    if number in series:
        raise ValueError(f"there is a notebook {number} already: {series[number].file}")
    unknown = set(before) - set(series)
    if unknown:
        raise ValueError(f"there is no notebook {', '.join(sorted(unknown))} to build on")
    links = [f"[{n}]({series[n].file})" for n in before or sorted(series)[:1]]
    fields = {
        "NUMBER": number,
        "TITLE": name.replace("_", " ").capitalize(),
        "QUESTION": question,
        "BEFORE": " and ".join(links) or "what must be known",
    }
    cells = [_cell(kind, tags, source, fields) for kind, tags, source in TEMPLATE]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=nbformat.from_dict(METADATA))
    target = folder / f"{number}_{name}.ipynb"
    write(notebook, target)
    return target


def _cell(kind: str, tags: str, source: str, fields: dict[str, str]):
    for field, value in fields.items():
        source = source.replace(field, value)
    new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    cell = new(source, metadata={"tags": [tags]} if tags else {})
    cell.id = f"{kind}-{hashlib.sha1(source.encode()).hexdigest()[:8]}"
    return cell


def main(arguments: list[str] | None = None, folder: Path = paths.NOTEBOOKS) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.new_notebook", description="Begin a notebook from the template."
    )
    parser.add_argument("number", help="two digits")
    parser.add_argument("name", help="small letters, digits and underscores")
    parser.add_argument("question", help="the question that it answers")
    parser.add_argument("--before", action="append", default=[], metavar="NN", help="builds on")
    options = parser.parse_args(arguments)
    try:
        target = create(options.number, options.name, options.question, options.before, folder)
    except ValueError as error:
        print(f"helpers.new_notebook: {error}", file=sys.stderr)
        return 2
    print(
        f"notebooks/{target.name} is there and runs. Next:\n"
        f"- tell its story; python -m helpers.publish --only {options.number} executes it\n"
        "- README.md, The notebooks: a row with its question, and their count\n"
        "- notebooks/solutions/: a workbook with solutions, if it is to have one; make exercises\n"
        "- python -m helpers.publish --only 00 puts it on the map"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
