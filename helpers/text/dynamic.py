"""A model that goes on learning while it reads: dynamic evaluation.

Mikolov et al. 2010, "Recurrent neural network based language model"; Krause, Kahembwe, Murray and
Renals 2018, "Dynamic evaluation of neural sequence models". Data flow::

    text -> segments -> each is scored by the weights as they are, then learned from, once
         -> bits of every character

Every character is scored before anything is learned from it, so the bits are those of a code: who
decodes knows the same past, and can learn the same from it.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from helpers import paths, runtime
from helpers.archive import sealed, unsealed_results
from helpers.checks import LARGEST, integer, number
from helpers.files import atomic_write
from helpers.store import made_now
from helpers.text.book_model import NAME as BOOK
from helpers.text.books import load_book
from helpers.text.charlm import CharLM
from helpers.text.corpus import Windows, split_text
from helpers.text.measures import nats_to_bits
from helpers.text.own_books import LANGUAGE_REFERENCE
from helpers.text.pasted import folded_to
from helpers.text.saved_models import load_model

#: The file in ``data/results/``.
FILE = "dynamic_evaluation.json"


@dataclass(frozen=True)
class Habit:
    """How it learns while it reads.

    Attributes:
        lr: eta, of a step; 0 for a model that stays as it is.
        pull: lambda, the share of the way back to the first weights that a step goes.
        length: L, characters of a segment; each segment is a step.

    Raises:
        ValueError: a number out of range.
    """

    lr: float
    pull: float = 0.0
    length: int = 20

    def __post_init__(self):
        number("lr", self.lr, minimum=0.0, maximum=LARGEST)
        if not 0 <= number("pull", self.pull) <= 1:
            raise ValueError(f"pull is a share from 0 to 1, got {self.pull}")
        integer("length", self.length, minimum=1)


def usual_size(
    model: CharLM, ids: torch.Tensor, length: int = 20, segments: int = 100, seed: int = 0
) -> list[torch.Tensor]:
    """r, the root mean square of each parameter's gradient over segments of ``ids (N,)``.

    Segments of ``length`` characters at random places of a text, each behind two hundred more.

    Raises:
        ValueError: a text too short for one of them, or a number out of range.
    """
    integer("segments", segments, minimum=1)
    before = 200
    integer("length", length, minimum=1)
    windows = iter(Windows(ids, before + length, 1, runtime.generator(seed, "segments")))
    parameters = list(model.parameters())
    squares = [torch.zeros_like(p) for p in parameters]
    device, training = runtime.device_of(model), model.training
    model.eval()
    for _ in range(segments):
        x, y = (part.to(device) for part in next(windows))
        with torch.no_grad():
            _, state = model(x[:, :before])
        logits, _ = model(x[:, before:], state)
        found = torch.autograd.grad(F.cross_entropy(logits[0], y[0, before:]), parameters)
        torch._foreach_addcmul_(squares, found, found, value=1 / segments)
    model.train(training)
    return [square.sqrt_() for square in squares]


def learn(
    parameters: Sequence[torch.Tensor],
    gradients: Sequence[torch.Tensor],
    first: Sequence[torch.Tensor],
    sizes: Sequence[torch.Tensor],
    habit: Habit,
) -> None:
    """One step, in place: theta <- theta - eta g / r + lambda (theta_1 - theta).

    Args:
        gradients: g, of the mean loss of a segment.
        first: theta_1, the weights before anything was read.
        sizes: r, of :func:`usual_size`. What is hardly ever moved would be moved far by a small
            surprise, so a size counts as at least a tenth of the mean of its tensor.
    """
    for theta, g, theta_1, r in zip(parameters, gradients, first, sizes, strict=True):
        back = theta_1 - theta
        theta.addcdiv_(g, torch.maximum(r, 0.1 * r.mean()), value=-habit.lr)
        theta.add_(back, alpha=habit.pull)


def bits_while_learning(
    model: CharLM,
    ids: torch.Tensor,
    habit: Habit,
    sizes: Sequence[torch.Tensor],
    desc: str | None = None,
) -> torch.Tensor:
    """Bits of each character of ``ids (N,)`` but the first, read once from a zero state.

    ``model`` stays as it is; a copy reads and learns.

    Args:
        desc: what a progress bar says; ``None`` for no bar.

    Raises:
        ValueError: a text of fewer than two characters.
        FloatingPointError: it unlearned to read: the loss is not finite any more.
    """
    if len(ids) < 2:
        raise ValueError(f"a text of at least 2 characters is needed, got {len(ids)}")
    ids = ids.to(runtime.device_of(model))
    reader = copy.deepcopy(model).eval()
    parameters = list(reader.parameters())
    first = [p.detach().clone() for p in parameters]
    state, nats = None, []
    begins = range(0, len(ids) - 1, habit.length)
    for begin in runtime.progress(begins, desc=desc or "", disable=desc is None, unit="segments"):
        y = ids[begin + 1 : begin + 1 + habit.length]
        x = ids[begin : begin + len(y)]
        with torch.set_grad_enabled(habit.lr > 0):
            logits, state = reader(x[None], state)
            losses = F.cross_entropy(logits[0], y, reduction="none")
        state = tuple(s.detach() for s in state)
        nats.append(losses.detach().cpu().double())
        if not nats[-1].isfinite().all():
            raise FloatingPointError(
                f"after {begin:,} characters the loss is not finite; "
                f"try a smaller lr than {habit.lr}"
            )
        if habit.lr:
            gradients = torch.autograd.grad(losses.mean(), parameters)
            with torch.no_grad():
                learn(parameters, gradients, first, sizes, habit)
    return nats_to_bits(torch.cat(nats))


#: Habits that are tried on the beginning of a text, from gentle to bold; the best one reads the
#: rest.
HABITS = tuple(
    Habit(lr, pull)
    for lr, pull in (
        *((3e-5, 0.01), (1e-4, 0.01), (1e-4, 0.03)),
        *((3e-4, 0.03), (3e-4, 0.1), (1e-3, 0.03)),
    )
)
#: Characters on which each habit is tried, and characters of the language reference that follow.
TRIED_ON, READ_ELSEWHERE = 20_000, 40_000
#: Characters whose bits are kept as one mean.
BLOCK = 1000
#: The two texts: more of what the model was trained on, and something else.
AT_HOME, ELSEWHERE = "the novel's test part", "Python's language reference"


def measure_and_write(
    folder: Path = paths.RESULTS, checkpoints: Path = paths.CHECKPOINTS, book: str = BOOK
) -> dict:
    """Let the published model read two texts, still and learning; write and return :data:`FILE`.

    Habits are tried on the novel's validation text before its test part is read, and on the
    beginning of the language reference before what follows. For each text: "tried", a row a habit
    with its "bpc"; "chosen"; "characters"; "still" and "learning", each with the "bpc" of the text
    and its mean bits in "blocks".

    Raises:
        ValueError: the book or its model is not here.
    """
    parts = split_text(load_book(book).text)
    model, vocab, _ = load_model(checkpoints / BOOK)
    sizes = usual_size(model, vocab.encode(parts.train))
    other, _ = folded_to(vocab, load_book(LANGUAGE_REFERENCE).text)
    texts = {
        AT_HOME: (parts.valid[: TRIED_ON + 1], parts.test),
        ELSEWHERE: (other[: TRIED_ON + 1], other[TRIED_ON : TRIED_ON + READ_ELSEWHERE + 1]),
    }
    result = {
        name: _measured(model, sizes, *map(vocab.encode, two), name) for name, two in texts.items()
    }
    with atomic_write(folder / FILE, durable=True) as file:
        file.write(sealed({"texts": result, "block": BLOCK, **made_now()}))
    return result


def _measured(model, sizes, beginning: torch.Tensor, rest: torch.Tensor, name: str) -> dict:
    def bits(ids, habit):
        return bits_while_learning(model, ids, habit, sizes, name)

    still = Habit(0.0)
    costs = {habit: bits(beginning, habit).mean().item() for habit in (still, *HABITS)}
    chosen = min(costs, key=costs.get)
    found = {
        "tried": [{**asdict(habit), "bpc": bpc} for habit, bpc in costs.items()],
        "chosen": asdict(chosen),
        "characters": len(rest) - 1,
    }
    for which, habit in (("still", still), ("learning", chosen)):
        read = bits(rest, habit)
        blocks = [round(block.mean().item(), 4) for block in read.split(BLOCK)]
        found[which] = {"bpc": read.mean().item(), "blocks": blocks}
    return found


def read(folder: Path = paths.RESULTS) -> dict:
    """What :func:`measure_and_write` wrote: "texts", a name and its measures each, and "block".

    Raises:
        ValueError: there is no such file, or it is damaged.
    """
    found = unsealed_results(folder / FILE, "the measures of a model that learns as it reads")
    found["texts"] = {name: found["texts"][name] for name in (AT_HOME, ELSEWHERE)}
    return found


if __name__ == "__main__":
    measure_and_write()
