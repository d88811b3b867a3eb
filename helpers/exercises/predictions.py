"""Predict, run, explain: a run is shown only when the prediction is written down."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from helpers import checks, runtime
from helpers.exercises.answers import NotDone, WrongAnswer
from helpers.files import atomic_write

#: Beside the workbook: what was predicted, when, and what was measured.
FILE = "predictions.json"


def predicted(
    name: str,
    prediction: Callable[[], float],
    measure: Callable[[], float],
    *,
    show: Callable[[], None] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    folder: Path | str = ".",
) -> float:
    """Store a prediction, then show the run beside it. The first prediction is kept for good.

    Args:
        name: of the prediction in the file.
        prediction: the student's function; returns a number.
        measure: what is predicted, measured; called after the prediction is stored.
        show: an explorer or a figure, shown after that.
        minimum, maximum: what a prediction can be.
        folder: of the file.

    Returns:
        what was measured.

    Raises:
        NotDone: there is no prediction; nothing is run and nothing shown.
        WrongAnswer: it is no number that it could be.
    """
    said = _said(name, prediction, minimum, maximum)
    target = Path(folder) / FILE
    known = _read(target)
    entry = known.setdefault(name, {"predicted": said, "when": f"{datetime.now():%Y-%m-%d %H:%M}"})
    _write(target, known)
    runtime.prepare_worker(threads=runtime.own_threads())
    measured = float(measure())
    entry["measured"] = measured
    _write(target, known)
    first = entry["predicted"]
    print(f"You predicted {first:.3g}, on {entry['when']}, before the run was shown.")
    if said != first:
        print(f"(Your cell now says {said:.3g}; the first prediction counts.)")
    print(f"Measured: {measured:.3g}.")
    if show is not None:
        show()
    return measured


def _said(name, prediction, minimum, maximum) -> float:
    missing = f"{name}: predict before you look. Let the cell above return a number, then run this."
    try:
        said = prediction()
    except NotImplementedError as error:
        raise NotDone(missing) from error
    except TypeError as error:
        raise WrongAnswer(f"{name}: the prediction is a function without arguments.") from error
    if said is None or said is Ellipsis:
        raise NotDone(missing)
    try:
        return checks.number("a prediction", said, minimum, maximum)
    except ValueError as error:
        raise WrongAnswer(f"{name}: {error}") from error


def _read(target: Path) -> dict:
    if not target.exists():
        return {}
    try:
        return dict(json.loads(target.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise WrongAnswer(
            f"{target.name} beside this workbook is damaged; delete it, and predict once more."
        ) from error


def _write(target: Path, known: dict) -> None:
    text = json.dumps(known, indent=1, ensure_ascii=False) + "\n"
    try:
        with atomic_write(target) as file:
            file.write(text.encode())
    except OSError as error:  # a folder that may only be read
        print(f"(The prediction could not be stored in {target.name}: {error.strerror}.)")
