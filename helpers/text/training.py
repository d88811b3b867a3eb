"""Training a character model on a book, measured on text that it has not seen.

Data flow::

    plan -> batches (windows or streams) -> loss -> optimizer, once a step
         -> every eval_every steps: validation bits per character, samples, checkpoint
"""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import choice, integer, number
from helpers.runtime import generator
from helpers.text.charlm import CharLM
from helpers.text.corpus import Streams, Windows

BATCHINGS = {"windows": Windows, "streams": Streams}
OPTIMIZERS = {"rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Attributes:
        steps: optimizer steps.
        batching: "windows" (random offsets, state reset) or "streams" (contiguous, state carried).
        length: characters a window.
        lr: the highest learning rate; ``schedule`` "cosine" lowers it to 1 % over ``steps``.
        warmup: steps over which the rate rises from 0.
        clip_norm: bound of the gradient's norm over all parameters.
        eval_every: steps between two looks at the validation text; also the interval of
            checkpoints.
        patience: looks without a new best after which training stops; ``None`` for never.
        bf16: bfloat16 autocast.
    """

    steps: int
    batching: str = "windows"
    length: int = 30
    batch_size: int = 128
    optimizer: str = "adam"
    lr: float = 2e-3
    schedule: str = "constant"
    warmup: int = 0
    weight_decay: float = 0.0
    clip_norm: float = 5.0
    eval_every: int = 500
    patience: int | None = None
    bf16: bool = False
    seed: int = 0

    def __post_init__(self):
        choice("batching", self.batching, tuple(BATCHINGS))
        choice("optimizer", self.optimizer, tuple(OPTIMIZERS))
        choice("schedule", self.schedule, SCHEDULES)
        for name in ("steps", "length", "batch_size", "eval_every"):
            integer(name, getattr(self, name), minimum=1)
        if number("lr", self.lr) <= 0:
            raise ValueError(f"lr must be above 0, got {self.lr}")

    def rate(self, step: int) -> float:
        """The learning rate of ``step``, counted from 0."""
        rate = self.lr * min(1.0, (step + 1) / self.warmup) if self.warmup else self.lr
        if self.schedule == "cosine":
            rate *= 0.01 + 0.99 * (1 + math.cos(math.pi * step / self.steps)) / 2
        return rate


@dataclass
class History:
    """What was seen in training. Losses in nats, a character; ``valid`` has one row a look.

    Attributes:
        loss, accuracy: of every training batch.
        valid: dictionaries with "step", "loss", "bpc", "accuracy".
        stopped: why training ended before its last step, or "".
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    valid: list[dict] = field(default_factory=list)
    stopped: str = ""

    @property
    def step(self) -> int:
        return len(self.loss)

    def best(self) -> dict:
        """The look with the lowest validation loss."""
        return min(self.valid, key=lambda look: look["loss"])

    def as_dict(self) -> dict:
        return asdict(self)


def fit(
    model: CharLM,
    train_ids: torch.Tensor,
    valid_ids: torch.Tensor,
    plan: Plan,
    *,
    on_step: Callable[[History], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> History:
    """Train ``model`` in place.

    Args:
        train_ids, valid_ids: texts as indices ``(N,)``.
        on_step: called after every step; what it returns is ignored.
        should_stop: asked after every step; True ends the training (a Stop button, say).

    Raises:
        ValueError: a text shorter than one window.
        FloatingPointError: the loss turned NaN or infinite.
    """
    history = History()
    batches = BATCHINGS[plan.batching](
        train_ids, plan.length, plan.batch_size, generator(plan.seed, "batches")
    )
    if plan.optimizer == "rmsprop":
        options = {"alpha": 0.99, "eps": 1e-8}
    else:
        options = {"betas": (0.9, 0.99), "eps": 1e-8}
    optimizer = OPTIMIZERS[plan.optimizer](
        model.parameters(), lr=plan.lr, weight_decay=plan.weight_decay, **options
    )
    cast = torch.autocast("cpu", dtype=torch.bfloat16) if plan.bf16 else nullcontext()
    state = None
    source = iter(batches)
    while history.step < plan.steps:
        step = history.step
        for group in optimizer.param_groups:
            group["lr"] = plan.rate(step)
        x, y = next(source)
        model.train()
        with cast:
            logits, state = model(x, state if batches.carries_state else None)
        state = tuple(s.detach().float() for s in state)
        logits = logits.float().flatten(0, 1)
        loss = F.cross_entropy(logits, y.flatten())
        if not math.isfinite(loss.item()):
            raise FloatingPointError(
                f"the loss became {loss.item()} at step {step}; try a smaller lr than {plan.lr}"
            )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), plan.clip_norm)
        optimizer.step()
        history.loss.append(loss.item())
        history.accuracy.append((logits.argmax(1) == y.flatten()).float().mean().item())
        if history.step % plan.eval_every == 0 or history.step == plan.steps:
            history.valid.append({"step": history.step, **evaluate(model, valid_ids)})
            looks_since_best = len(history.valid) - 1 - history.valid.index(history.best())
            if plan.patience is not None and looks_since_best >= plan.patience:
                history.stopped = f"no better validation loss in {plan.patience} looks"
                break
        if on_step is not None:
            on_step(history)
        if should_stop is not None and should_stop():
            history.stopped = "stopped by the caller"
            break
    return history


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
