"""Training a character model on a book, measured on text that it has not seen.

Data flow::

    plan -> batches (windows or streams) -> loss -> optimizer, once a step
         -> every eval_every steps: a look at the validation text, a checkpoint to resume from
         -> at five evenly spaced steps: samples
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checkpoints import load_snapshot, save_snapshot
from helpers.checks import choice, integer, number
from helpers.runtime import generator
from helpers.text.charlm import CharLM
from helpers.text.corpus import Streams, Windows

BATCHINGS = {"windows": Windows, "streams": Streams}
OPTIMIZERS = {"rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES = ("constant", "cosine", "staircase")
#: How many times in a training the samples are taken, evenly spaced.
STAGES = 5


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Attributes:
        steps: optimizer steps.
        batching: "windows" (random offsets, state reset) or "streams" (contiguous, state carried).
        length: characters a window.
        lr: the highest learning rate. ``schedule`` "cosine" lowers it to 1 % over ``steps``,
            "staircase" multiplies it by ``decay`` every ``decay_every`` steps.
        warmup: steps over which the rate rises from 0.
        clip_norm: bound of the gradient's norm over all parameters.
        eval_every: steps between two looks at the validation text, and between two checkpoints.
        patience: looks without a new best after which training stops; ``None`` for never.
        bf16: bfloat16 autocast.
        restart: streams only; the chance with which a track's state is set back to zero before a
            window. Without it the model never learns to begin: see :mod:`helpers.text.published`.
    """

    steps: int
    batching: str = "windows"
    length: int = 30
    batch_size: int = 128
    optimizer: str = "adam"
    lr: float = 2e-3
    schedule: str = "constant"
    decay: float = 0.96
    decay_every: int = 5000
    warmup: int = 0
    weight_decay: float = 0.0
    clip_norm: float = 5.0
    eval_every: int = 500
    patience: int | None = None
    bf16: bool = False
    restart: float = 0.0
    seed: int = 0

    def __post_init__(self):
        choice("batching", self.batching, tuple(BATCHINGS))
        choice("optimizer", self.optimizer, tuple(OPTIMIZERS))
        choice("schedule", self.schedule, SCHEDULES)
        for name in ("steps", "length", "batch_size", "eval_every", "decay_every"):
            integer(name, getattr(self, name), minimum=1)
        if number("lr", self.lr) <= 0:
            raise ValueError(f"lr must be above 0, got {self.lr}")
        if not 0 <= number("restart", self.restart) <= 1:
            raise ValueError(f"restart is a probability from 0 to 1, got {self.restart}")

    def rate(self, step: int) -> float:
        """The learning rate of ``step``, counted from 0."""
        rate = self.lr * min(1.0, (step + 1) / self.warmup) if self.warmup else self.lr
        if self.schedule == "cosine":
            rate *= 0.01 + 0.99 * (1 + math.cos(math.pi * step / self.steps)) / 2
        elif self.schedule == "staircase":
            rate *= self.decay ** (step // self.decay_every)
        return rate

    def stages(self) -> list[int]:
        """The steps after which samples are taken."""
        return sorted({max(1, round(self.steps * k / STAGES)) for k in range(1, STAGES + 1)})


@dataclass
class History:
    """What was seen in training. Losses in nats a character.

    Attributes:
        loss, accuracy: of every training batch.
        valid: a dictionary a look, with "step", "loss", "bpc", "accuracy".
        samples: step -> what the caller's ``sample`` returned.
        stopped: why training ended before its last step, or "".
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    valid: list[dict] = field(default_factory=list)
    samples: dict[str, object] = field(default_factory=dict)
    stopped: str = ""

    @property
    def step(self) -> int:
        return len(self.loss)

    def best(self) -> dict:
        """The look with the lowest validation loss."""
        return min(self.valid, key=lambda look: look["loss"])


def fit(
    model: CharLM,
    train_ids: torch.Tensor,
    valid_ids: torch.Tensor,
    plan: Plan,
    *,
    resume: Path | None = None,
    sample: Callable[[CharLM], object] | None = None,
    on_step: Callable[[History], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> History:
    """Train ``model`` in place; in the end it holds the weights of its best look.

    Args:
        train_ids, valid_ids: texts as indices ``(N,)``.
        resume: snapshot, written at every look. If it exists, training goes on from it as if it had
            never stopped.
        sample: called at each of the plan's stages; its result, JSON-ready, goes into the history.
        on_step: called after every step; what it returns is ignored.
        should_stop: asked after every step; True ends the training (a Stop button, say).

    Raises:
        ValueError: a text shorter than one window, or a snapshot of another plan.
        FloatingPointError: the loss turned NaN or infinite; the last snapshot stays.
    """
    run = _Training(model, train_ids, plan)
    if resume is not None and resume.exists():
        run.load(resume)
    history = run.history
    while history.step < plan.steps and not history.stopped:
        try:
            run.advance()
        except FloatingPointError as error:
            kept = f"; the snapshot of step {run.saved_step} is kept" if run.saved_step else ""
            raise FloatingPointError(f"{error}{kept}") from None
        if sample is not None and history.step in plan.stages():
            history.samples[str(history.step)] = sample(model)
        if history.step % plan.eval_every == 0 or history.step == plan.steps:
            run.look(evaluate(model, valid_ids))
            if resume is not None:
                run.save(resume)
        if on_step is not None:
            on_step(history)
        if should_stop is not None and should_stop():
            history.stopped = "stopped by the caller"
    if run.best is not None:
        model.load_state_dict(run.best)
    return history


class _Training:
    """A training between two steps: everything that a snapshot has to hold."""

    def __init__(self, model: CharLM, train_ids: torch.Tensor, plan: Plan):
        self.model, self.plan = model, plan
        self.history = History()
        self.best: dict[str, torch.Tensor] | None = None
        self.state = None  # the model's own, on streams
        self.saved_step = 0
        self.batches = BATCHINGS[plan.batching](
            train_ids, plan.length, plan.batch_size, generator(plan.seed, "batches")
        )
        self.source = iter(self.batches)
        options = {"alpha": 0.99} if plan.optimizer == "rmsprop" else {"betas": (0.9, 0.99)}
        self.optimizer = OPTIMIZERS[plan.optimizer](
            model.parameters(), lr=plan.lr, weight_decay=plan.weight_decay, **options
        )
        # Dropout draws from torch's own generator; seeded here, its state is part of a checkpoint.
        torch.manual_seed(plan.seed)

    def advance(self) -> None:
        """One step."""
        plan, model, step = self.plan, self.model, self.history.step
        for group in self.optimizer.param_groups:
            group["lr"] = plan.rate(step)
        x, y = next(self.source)
        model.train()
        with torch.autocast("cpu", dtype=torch.bfloat16) if plan.bf16 else nullcontext():
            logits, state = model(x, self.state if self.batches.carries_state else None)
        self.state = tuple(s.detach().float() for s in state)
        if plan.restart:
            kept = torch.rand(len(x)) >= plan.restart  # (B,)
            self.state = tuple(s * kept[:, None] for s in self.state)
        logits, y = logits.float().flatten(0, 1), y.flatten()
        loss = F.cross_entropy(logits, y)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(
                f"the loss became {loss.item()} at step {step}; try a smaller lr than {plan.lr}"
            )
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), plan.clip_norm)
        self.optimizer.step()
        self.history.loss.append(loss.item())
        self.history.accuracy.append((logits.argmax(1) == y).float().mean().item())

    def look(self, seen: dict) -> None:
        """Note a look at the validation text; keep the weights if it is the best one."""
        history, patience = self.history, self.plan.patience
        history.valid.append({"step": history.step, **seen})
        if history.valid[-1] is history.best():
            self.best = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        since_best = len(history.valid) - 1 - history.valid.index(history.best())
        if patience is not None and since_best >= patience:
            history.stopped = f"no better validation loss in {patience} looks"

    def save(self, path: Path) -> None:
        """Everything into one snapshot."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in slots.items()}
        if self.batches.carries_state:
            tensors["state.h"], tensors["state.c"] = self.state
        tensors["random.torch"] = torch.get_rng_state()
        tensors["random.batches"] = self.batches.generator.get_state()
        header = {
            "plan": asdict(self.plan),
            "history": asdict(self.history),
            "position": getattr(self.batches, "position", 0),
            "offset": getattr(self.batches, "offset", 0),
        }
        save_snapshot(path, tensors, header)
        self.saved_step = self.history.step

    def load(self, path: Path) -> None:
        """Go back to the moment of :meth:`save`."""
        tensors, header = load_snapshot(path)
        if header["plan"] != asdict(self.plan):
            raise ValueError(
                f"{path.name} belongs to a training with another plan; delete it to start anew"
            )

        def under(prefix):
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

        self.model.load_state_dict(under("model."))
        self.best = under("best.")
        slots: dict[int, dict] = {}
        for key, value in under("optimizer.").items():
            index, name = key.split(".", 1)
            slots.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": slots})
        if self.batches.carries_state:
            self.state = (tensors["state.h"], tensors["state.c"])
            self.batches.position, self.batches.offset = header["position"], header["offset"]
        torch.set_rng_state(tensors["random.torch"])
        self.batches.generator.set_state(tensors["random.batches"])
        self.history = History(**header["history"])
        self.saved_step = self.history.step


@torch.no_grad()
def bits_by_beginning(
    model: CharLM, ids: torch.Tensor, length: int = 60, windows: int = 8
) -> dict[int, float]:
    """Bits a character over ``length`` characters read from a zero state, by the first of them.

    For every index that occurs in ``ids (N,)``: the mean over up to ``windows`` of its places,
    evenly spread. It finds beginnings from which a model does not recover, which an average over
    all places hides, and a long reading with a carried state never meets.

    Raises:
        ValueError: a text shorter than one window.
    """
    if len(ids) < length + 1:
        raise ValueError(f"a window has {length} characters and a target, the text {len(ids)}")
    training = model.training
    model.eval()
    beginnings, places = ids[:-length], []
    for first in beginnings.unique():
        found = (beginnings == first).nonzero().flatten()
        places.append(found[torch.linspace(0, len(found) - 1, min(windows, len(found))).long()])
    blocks = ids[torch.cat(places)[:, None] + torch.arange(length + 1)]
    loss = []
    for block in blocks.split(64):
        logits, _ = model(block[:, :-1])
        found = F.cross_entropy(logits.transpose(1, 2), block[:, 1:], reduction="none")
        loss.append(found.mean(1))
    model.train(training)
    bits = torch.cat(loss).split([len(p) for p in places])
    firsts = [int(beginnings[p[0]]) for p in places]
    return {k: b.mean().item() / math.log(2) for k, b in zip(firsts, bits, strict=True)}


@torch.no_grad()
def bits_by_position(
    model: CharLM, ids: torch.Tensor, length: int, windows: int = 512, seed: int = 0
) -> list[float]:
    """Mean bits of the character after 1, 2, …, ``length`` characters read from a zero state.

    Over ``windows`` random windows of ``ids (N,)``.

    Raises:
        ValueError: a text shorter than one window.
    """
    batches = Windows(ids, length, min(windows, 64), generator(seed, "positions"))
    training = model.training
    model.eval()
    total = torch.zeros(length, dtype=torch.float64)
    rounds = math.ceil(windows / batches.batch_size)
    source = iter(batches)
    for _ in range(rounds):
        x, y = next(source)
        logits, _ = model(x)
        losses = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
        total += losses.view(x.shape).double().mean(0)
    model.train(training)
    return (total / rounds / math.log(2)).tolist()


@torch.no_grad()
def evaluate(
    model: CharLM, ids: torch.Tensor, *, tracks: int = 32, warm_up: int = 200, length: int = 200
) -> dict:
    """Loss (nats), bits per character and accuracy of ``model`` reading ``ids (N,)`` once.

    The text is read on ``tracks`` parallel tracks with carried state. Each track but the first
    begins ``warm_up`` characters before its part, in text of this same held-out part, so that
    every character but the first is scored once and with a past.
    """
    n = len(ids) - 1
    if n < 1:
        raise ValueError(f"evaluation needs a text of at least 2 characters, got {len(ids)}")
    tracks = max(1, min(tracks, n // (4 * warm_up)))
    part = math.ceil(n / tracks)
    begin = torch.arange(tracks) * part
    start = (begin - warm_up).clamp(min=0)
    end = (begin + part).clamp(max=n)
    span = int((end - start).max())
    training = model.training
    model.eval()
    state, loss, right = None, 0.0, 0
    for offset in range(0, span, length):
        at = start[:, None] + torch.arange(offset, min(offset + length, span))  # (tracks, length)
        scored = (at >= begin[:, None]) & (at < end[:, None])
        at = at.clamp(max=n - 1)
        logits, state = model(ids[at], state)
        targets = ids[at + 1]
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        loss += losses[scored.flatten()].double().sum().item()
        right += ((logits.argmax(-1) == targets) & scored).sum().item()
    model.train(training)
    return {"loss": loss / n, "bpc": loss / n / math.log(2), "accuracy": right / n}
