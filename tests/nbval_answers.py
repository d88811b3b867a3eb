"""A pytest plugin for the nbval run: every exercise is also tried with an answer right and wrong.

``pytest -p tests.nbval_answers --nbval-lax notebooks``. Behind each cell that calls ``exercise``,
the same call runs with the right answer, which must pass, and with a wrong one, which must raise.
"""

import re

#: Notebook -> right answers of its exercises, in order.
ANSWERS = {
    "00": [{"00", "01"}, 3, 0.5 ** (1 / 19)],
    "01": [0.0, 0.9**20, 69],
    "02": [0.04, 20.0, 10**0.5],
    "03": [4 * 64 * (10 + 64 + 1), 1.0, 147],
    "04": [10**4, 2.302585, 0.46, 160],
    "05": [7.389, 54.598, 0.8686],
    "06": [2, "CA", 1 / 3],
    "07": [1, 0.55, 479001600],
}
WRONG = -12345

_CALL = re.compile(r"exercise\(\s*(\d+),\s*None,")

_TRY = """
{right}
try:
    {wrong}
except AssertionError as _refused:
    pass
else:
    raise SystemError("exercise {number} takes a wrong answer")
"""


class Missing(KeyError):
    """Shown as a sentence, without the quotation marks of a key."""

    __str__ = Exception.__str__


def answers_of(notebook: str) -> list:
    """The right answers of a notebook, given the name of its file.

    Raises:
        KeyError: it has none; the message says where they go.
    """
    number = notebook[:2]
    if number not in ANSWERS:
        raise Missing(
            f"{notebook} has exercises: add the right answers, in order, to ANSWERS in "
            f'tests/nbval_answers.py, as in "{number}": [2.0, "CA"]'
        )
    return ANSWERS[number]


def answered(source: str, answers: list) -> str:
    """The cell's source with both answers tried behind it.

    Raises:
        IndexError: there is no answer for its exercise.
    """
    found = _CALL.search(source)
    if found is None:
        return source
    number = int(found.group(1))
    if number > len(answers):
        raise IndexError(
            f"exercise {number} of a notebook with {len(answers)} answers in "
            "tests/nbval_answers.py: it has no right answer there"
        )
    calls = [
        _CALL.sub(f"exercise({number}, {answer!r},", source, count=1)
        for answer in (answers[number - 1], WRONG)
    ]
    wrong = calls[1].replace("\n", "\n    ")
    return source + "\n" + _TRY.format(right=calls[0], wrong=wrong, number=number)


def pytest_collection_modifyitems(items):
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is None or cell.get("cell_type") != "code":
            continue
        if _CALL.search(cell.source):
            cell.source = answered(cell.source, answers_of(item.path.name))
