"""The code of a grown RNN, read as a clock: the states of the ten digits turn with every step.

Data flow::

    network -> mean state of each class, at the lengths up to the one mastered last
            -> plane (directions in which the classes differ), turn (one step, in the plane)
            -> angles a step; states of any other length turned back, and read out as ever

The turn is fitted to pairs of neighbouring lengths by least squares, which is called dynamic mode
decomposition (Schmid 2010, "Dynamic mode decomposition of numerical and experimental data"). The
eigenvalues of a rotation lie on the unit circle; those found are put upon it, so that what turns
neither grows nor fades. Turning back asks for no answer at the other length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import archive, paths
from helpers.checks import integer
from helpers.palindromes.experiment import EXPERIMENT_VERSION, PalindromeRun
from helpers.palindromes.growing import accuracy, renamed_accuracy, table_of
from helpers.palindromes.trained_networks import GROWN_RNNS, load_network, record
from helpers.recurrent.classifier import SequenceClassifier
from helpers.runtime import generator

NAME = "clock"
#: Lengths at which a clock is tried, in parts of the length mastered last.
TRIED = (0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5)
#: A clock is fitted to so many lengths before that one.
BEFORE = 20


@dataclass
class Clock:
    """What turns in a network.

    Attributes:
        T: the last of the lengths that it was fitted to, read out as it is.
        centre: the mean state there, over all classes ``(n,)``.
        plane: orthonormal directions in which the classes differ ``(n, r)``.
        turn: what one step does to coordinates in the plane ``(r, r)``, as fitted.
        course: coordinates of the classes' mean states, a length after another
            ``(lengths, classes, r)``.
    """

    T: int
    centre: torch.Tensor
    plane: torch.Tensor
    turn: torch.Tensor
    course: torch.Tensor

    @property
    def eigenvalues(self) -> np.ndarray:
        """Of the turn, the slowest first; of each pair only the one that turns forward."""
        found = torch.linalg.eigvals(self.turn).numpy()
        found = found[found.imag >= 0]
        return found[np.argsort(np.angle(found))]

    @property
    def degrees(self) -> np.ndarray:
        """Angles of the eigenvalues, in degrees a step."""
        return np.degrees(np.angle(self.eigenvalues))

    @property
    def main(self) -> tuple[float, torch.Tensor]:
        """The pair of eigenvalues that turns and holds most of the differences.

        Returns:
            its angle, in degrees a step, and its left eigenvector ``(r)``.

        Raises:
            ValueError: nothing turns.
        """
        values, vectors = torch.linalg.eig(self.turn)
        left = torch.linalg.inv(vectors)
        parts = (self.course.to(left.dtype) @ left.T).abs().square().mean((0, 1))
        parts = torch.where(values.imag > 1e-9, parts * vectors.abs().square().sum(0), -1)
        if parts.max() < 0:
            raise ValueError("nothing turns: all eigenvalues of the turn are real")
        k = parts.argmax()
        return float(torch.rad2deg(torch.angle(values[k]))), left[k]

    def turned(self, steps: int) -> torch.Tensor:
        """The rotation over ``steps``, forward or back ``(r, r)``.

        The turn's power, with all eigenvalues put upon the unit circle.
        """
        values, vectors = torch.linalg.eig(self.turn)
        on_circle = torch.diag((values / values.abs()) ** steps)
        return (vectors @ on_circle @ torch.linalg.inv(vectors)).real

    def moved(self, h: torch.Tensor, steps: int) -> torch.Tensor:
        """States of one length ``(B, n)``, turned and put where the read-out expects them.

        h -> centre + plane R^steps plane' (h - mean of h)
        """
        z = (h - h.mean(0)) @ self.plane  # (B, r)
        return self.centre + z @ self.turned(steps).T @ self.plane.T

    def back(self, h: torch.Tensor, T: int) -> torch.Tensor:
        """States after ``T`` digits as they would be after the clock's own number ``(B, n)``."""
        return self.moved(h, self.T - T)


@torch.no_grad()
def states(
    network: SequenceClassifier, run: PalindromeRun, T: int, n: int, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Last states of ``n`` drawn examples of length ``T``, in float64 ``(n, units)``, and classes.

    Drawn from training and held-out examples alike: nothing is trained here.
    """
    examples = run.on.draw(integer("n", n, minimum=1), T, generator(seed, "clock", T))
    x, y = run.on.split(examples, run.encoding)
    return network.core(x)[0][:, -1].double(), y


def class_means(h: torch.Tensor, y: torch.Tensor, classes: int) -> torch.Tensor:
    """Means of the rows of ``h (B, r)`` that belong to each class, ``(classes, r)``."""
    return torch.stack([h[y == k].mean(0) for k in range(classes)])


def fit(
    network: SequenceClassifier,
    run: PalindromeRun,
    T: int,
    *,
    before: int = BEFORE,
    rank: int = 6,
    n: int = 500,
    seed: int = 0,
) -> Clock:
    """The clock of a network that is right at length ``T``.

    Args:
        before: the lengths from ``T - before`` to ``T`` are looked at.
        rank: directions of the plane, at most as many as classes less one. Six, three pairs, hold
            nearly all of the differences; more of them are noise, which a turn over many steps
            makes large.
        n: examples a length.

    Raises:
        ValueError: a first length below 1, a rank that the classes do not span, or too few
            examples: a class of which none was drawn.
    """
    classes = run.on.outputs
    if not 1 <= integer("rank", rank, minimum=1) < classes:
        raise ValueError(f"rank must be below {classes}, the number of classes, got {rank}")
    if integer("before", before, minimum=1) >= T:
        raise ValueError(f"before must be below T = {T}, got {before}")
    differences, centre = [], None
    for length in range(T - before, T + 1):
        h, y = states(network, run, length, n, seed)
        if len(y.unique()) < classes:
            raise ValueError(f"n = {n} examples of length {length} leave out some of the classes")
        means = class_means(h, y, classes)
        centre = means.mean(0)
        differences.append(means - centre)  # (classes, units)
    moving = torch.stack(differences)  # (lengths, classes, units)
    # Without the last length, whose turn is not looked at.
    plane = torch.linalg.svd(moving[:-1].flatten(0, 1), full_matrices=False).Vh[:rank].T
    course = moving @ plane
    # delta(T + 1) = turn delta(T), for all classes and lengths: least squares
    turn = torch.linalg.lstsq(course[:-1].flatten(0, 1), course[1:].flatten(0, 1)).solution.T
    return Clock(T, centre, plane, turn, course)


@torch.no_grad()
def answers(network: SequenceClassifier, h: torch.Tensor) -> torch.Tensor:
    """What the network's own read-out makes of states ``(B, n)``."""
    return network.read(h.float()[:, None]).argmax(-1).flatten()


def readings(
    network: SequenceClassifier,
    run: PalindromeRun,
    clock: Clock,
    lengths: Sequence[int],
    n: int = 500,
) -> pd.DataFrame:
    """A row a length: share right as the network answers, by any name, turned back; two controls.

    Columns: "T", "as it answers", "by any name" (:class:`.growing.Reading`), "turned back", and
    moved in the same way but for the turn: "not turned", "turned the other way".
    """
    rows = []
    for T in lengths:
        h, y = states(network, run, T, n, seed=1)  # other examples than those of the fit
        counts = table_of(y, answers(network, h), run.on.outputs)
        turns = {
            "turned back": clock.T - T,
            "not turned": 0,
            "turned the other way": T - clock.T,
        }
        rows.append(
            {
                "T": T,
                "as it answers": accuracy(counts),
                "by any name": renamed_accuracy(counts),
                **{
                    name: (answers(network, clock.moved(h, steps)) == y).double().mean().item()
                    for name, steps in turns.items()
                },
            }
        )
    return pd.DataFrame(rows)


def positions(
    network: SequenceClassifier,
    run: PalindromeRun,
    clock: Clock,
    lengths: Sequence[int],
    n: int = 500,
) -> np.ndarray:
    """Where each class stands on the dial of the clock's main hand ``(lengths, classes)``.

    Complex numbers: the coordinate of each class's mean state in that pair of eigenvectors
    (:attr:`Clock.main`). A step turns all of them by one angle. An eigenvector is known but for a
    factor: it is chosen so that the mean absolute value is one and class 0 stands at the top first.
    """
    mode = clock.main[1]
    found = []
    for T in lengths:
        h, y = states(network, run, T, n)
        z = (h - h.mean(0)) @ clock.plane
        means = class_means(z, y, run.on.outputs)
        found.append((means.to(mode.dtype) @ mode).numpy())
    found = np.array(found)
    to_the_top = 1j * found[0, 0].conj() / np.abs(found[0, 0])
    return to_the_top * found / np.abs(found).mean()


def measure_and_write(folder: Path = paths.RESULTS) -> None:
    """Every grown RNN read at other lengths, and turned back: a row a network and length.

    Columns: "network", "seed", "longest", "degrees" (a step, of all eigenvalues), "off" (how far
    the fitted eigenvalues are from the unit circle at most), and those of :func:`readings`.
    """
    tables = []
    for name, run in GROWN_RNNS.items():
        network, longest = load_network(name), record(name)["longest"]
        found = fit(network, run, longest)
        table = readings(network, run, found, [round(longest * part) for part in TRIED])
        head = {
            "network": name,
            "seed": run.seed,
            "longest": longest,
            "degrees": " ".join(f"{angle:.2f}" for angle in found.degrees),
            "off": np.abs(np.abs(found.eigenvalues) - 1).max().round(4),
        }
        tables.append(table.assign(**head)[[*head, *table]])
    whole = pd.concat(tables, ignore_index=True)
    archive.write(NAME, whole, None, folder, experiment_version=EXPERIMENT_VERSION)


def read(folder: Path = paths.RESULTS) -> pd.DataFrame:
    """The published table of :func:`measure_and_write`."""
    return archive.read(NAME, folder).table


if __name__ == "__main__":
    measure_and_write()
