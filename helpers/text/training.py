"""Training a character model on a book, measured on text that it has not seen.

Data flow::

    plan -> batches (windows or streams) -> loss -> optimizer, once a step
         -> every eval_every steps: a look at the validation text, a snapshot to resume from
         -> at five evenly spaced steps: samples
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from helpers.checkpoints import load_snapshot, save_snapshot
from helpers.checks import LARGEST, boolean, choice, fits, integer, number, positive, seed
from helpers.runtime import autocast, device_of, generator, random_state, set_random_state
from helpers.steps import OnStep, ShouldStop, Step
from helpers.text.charlm import CharLM
from helpers.text.corpus import Streams, Windows
from helpers.text.evaluation import evaluate
from helpers.text.halves import Passes

BATCHINGS = {"windows": Windows, "streams": Streams}
OPTIMIZERS = {"rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
_BETAS = {"betas": (0.9, 0.99)}
#: What each is given besides a plan's rate and weight decay. Torch's own second beta is 0.999.
OPTIMIZER_OPTIONS = {"rmsprop": {"alpha": 0.99}, "adam": _BETAS, "adamw": _BETAS}
SCHEDULES = ("constant", "cosine", "staircase")
#: Where torch has Adam and AdamW as one kernel.
FUSED_ON = ("cpu", "cuda", "mps")
#: How many times in a training the samples are taken, evenly spaced.
STAGES = 5


@dataclass(frozen=True)
class Plan:
    """How a model is trained.

    Attributes:
        steps: optimizer steps.
        batching: "windows" (random offsets, state reset) or "streams" (contiguous, state carried).
        length: characters a window.
        optimizer: "rmsprop" with alpha 0.99; "adam" or "adamw" with betas 0.9 and 0.99, not torch's
            0.999 (:data:`OPTIMIZER_OPTIONS`).
        lr: the highest learning rate. ``schedule`` "cosine" lowers it to 1 % over ``steps``,
            "staircase" multiplies it by ``decay`` every ``decay_every`` steps.
        warmup: steps over which the rate rises from 0.
        weight_decay: as the optimizer means it: decoupled in AdamW, an L2 penalty in the others.
        clip_norm: bound of the gradient's norm over all parameters.
        eval_every: steps between two looks at the validation text, and between two snapshots.
        patience: looks without a new best after which training stops; ``None`` for never.
        bf16: bfloat16 autocast, if a step is faster with it here (:func:`faster_in_bf16`).
        restart: streams only; the chance with which a track's state is set back to zero before a
            window. Without it the model never learns to begin: see :mod:`helpers.text.cuts`.
        average: what is looked at and kept are not the weights of a step but their average over
            the steps, each counting this much of the next one (Polyak and Juditsky 1992, with a
            memory that fades); 0 for none. A mean over all steps until there are 1 / (1 - average).
        seed: of the batches, of dropout and of restarts.

    Raises:
        ValueError: a field out of range, or set where nothing reads it: ``restart`` without
            streams, ``decay`` or ``decay_every`` without the staircase.
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
    average: float = 0.0
    seed: int = 0

    def __post_init__(self):
        choice("batching", self.batching, tuple(BATCHINGS))
        choice("optimizer", self.optimizer, tuple(OPTIMIZERS))
        choice("schedule", self.schedule, SCHEDULES)
        for name in ("steps", "length", "batch_size", "eval_every", "decay_every"):
            integer(name, getattr(self, name), minimum=1)
        integer("warmup", self.warmup, minimum=0)
        seed("seed", self.seed)
        fits(2 * self.steps, steps=self.steps)  # the two curves
        fits(self.length * self.batch_size, length=self.length, batch_size=self.batch_size)
        if self.patience is not None:
            integer("patience", self.patience, minimum=1)
        for name in ("lr", "clip_norm"):
            positive(name, getattr(self, name))
        number("weight_decay", self.weight_decay, minimum=0.0, maximum=LARGEST)
        if not 0 < number("decay", self.decay) <= 1:
            raise ValueError(f"decay must be above 0 and at most 1, got {self.decay}")
        boolean("bf16", self.bf16)
        if not 0 <= number("restart", self.restart) <= 1:
            raise ValueError(f"restart is a probability from 0 to 1, got {self.restart}")
        if not 0 <= number("average", self.average) < 1:
            raise ValueError(f"average must be at least 0 and below 1, got {self.average}")
        if self.restart and self.batching != "streams":
            raise ValueError('restart needs batching="streams": windows carry no state to set back')
        for option in fields(self):
            unread = option.name in ("decay", "decay_every") and self.schedule != "staircase"
            if unread and getattr(self, option.name) != option.default:
                raise ValueError(
                    f'{option.name} needs schedule="staircase"; {self.schedule!r} does not read it'
                )

    def rate(self, step: int) -> float:
        """The learning rate of ``step``, counted from 0.

        A function of the step alone, so that a snapshot need not hold it. torch's LinearLR and
        CosineAnnealingLR are not used: in SequentialLR the cosine would begin after the warm-up,
        here it runs under it, and ChainedScheduler would warm up the cosine's floor of 1 % as well.
        """
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
        diverged: a loss became NaN or infinite, which ended the training.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    valid: list[dict] = field(default_factory=list)
    samples: dict[str, object] = field(default_factory=dict)
    stopped: str = ""
    diverged: bool = False

    @property
    def step(self) -> int:
        """Steps that have a loss: all finished ones, and the one that diverged."""
        return len(self.loss)

    def best(self) -> dict:
        """The look with the lowest validation loss.

        Raises:
            ValueError: the training ended before the first look.
        """
        if not self.valid:
            raise ValueError(
                f"there was no look at the validation text in {self.step} steps"
                + (f": {self.stopped}" if self.stopped else "")
            )
        return min(self.valid, key=lambda look: look["loss"])

    def undiverged(self) -> "History":
        """This history.

        Raises:
            FloatingPointError: the training diverged, and what it left is of no use to the caller.
        """
        if self.diverged:
            raise FloatingPointError(self.stopped)
        return self


def fit(
    model: CharLM,
    train_ids: torch.Tensor,
    valid_ids: torch.Tensor,
    plan: Plan,
    *,
    resume: Path | None = None,
    sample: Callable[[CharLM], object] | None = None,
    on_step: OnStep | None = None,
    should_stop: ShouldStop | None = None,
) -> History:
    """Train ``model`` in place; in the end it holds the weights of its best look, if it had one.

    A loss that turns NaN or infinite, on a batch or at a look, ends the training: the history says
    ``diverged``, its last loss is that one, and the last snapshot stays.

    Args:
        train_ids, valid_ids: texts as indices ``(N,)``.
        resume: snapshot, written at every look and kept at the end. If it exists, training goes on
            from it, on the kind of device where it began as if it had never stopped.
        sample: called at each of the plan's stages; its result, JSON-ready, goes into the history.
        on_step: called after every finished step, and after its look; what it returns is ignored.
        should_stop: asked after every step; True ends the training (a Stop button, say).

    Raises:
        ValueError: a text shorter than one window, or a snapshot of another plan, model or text.
    """
    run = _Training(model, train_ids, valid_ids, plan)
    if resume is not None and resume.exists():
        run.load(resume)
    else:
        run.begin()
    history = run.history
    while history.step < plan.steps and not history.stopped:
        step = run.advance()
        if history.diverged:
            break
        if sample is not None and step.number in plan.stages():
            history.samples[str(step.number)] = sample(run.kept)
        if step.number % plan.eval_every == 0 or step.number == plan.steps:
            run.look(evaluate(run.kept, valid_ids))
            if history.diverged:
                break
            if resume is not None:
                run.save(resume)
        if on_step is not None:
            on_step(step)
        if should_stop is not None and should_stop():
            history.stopped = history.stopped or "stopped by the caller"
    if run.best is not None:
        model.load_state_dict(run.best)
    return history


def faster_in_bf16(model: CharLM, plan: Plan, repeats: int = 4) -> bool:
    """Whether forward and backward pass of ``model`` take less time in bfloat16, tried out.

    They do on processors with matrix units; on others the LSTM's kernel in bfloat16 may be slower
    than in float32, or missing. On an accelerator bfloat16 is taken if it works at all. Tried once
    in a process for networks and batches of one size. The model's gradients are lost.
    """
    device = model.W_ph.device
    sizes = (*model.arguments.values(), plan.batch_size, plan.length)
    size = (device, torch.get_num_threads(), *sizes)
    if size in _faster_in_bf16:
        return _faster_in_bf16[size]
    ids = torch.zeros(plan.batch_size, plan.length, dtype=torch.int64, device=device)

    def seconds(bf16: bool) -> float:
        start = time.perf_counter()
        with autocast(device, bf16):
            logits, _ = model.train()(ids)
        logits.float().logsumexp(-1).sum().backward()
        model.zero_grad()
        return time.perf_counter() - start

    try:
        seconds(True)
        found = device.type != "cpu"
        if not found:
            seconds(False)
            in_bf16 = in_fp32 = math.inf
            for _ in range(repeats):
                in_bf16, in_fp32 = min(in_bf16, seconds(True)), min(in_fp32, seconds(False))
                if max(in_bf16, in_fp32) > 1.5 * min(in_bf16, in_fp32):
                    break  # clear enough
            found = 1.1 * in_bf16 < in_fp32  # float32 is the more exact one
    except RuntimeError:
        found = False
    return _faster_in_bf16.setdefault(size, found)


_faster_in_bf16: dict[tuple, bool] = {}


def _fading_mean(memory: float) -> Callable:
    """How :class:`AveragedModel` takes a step's weights in: a mean at first, then a fading one."""

    def update(averages, weights, steps):
        torch._foreach_lerp_(averages, weights, max(1 - memory, 1 / (int(steps) + 1)))

    return update


class _Training:
    """A training between two steps: everything that a snapshot has to hold."""

    def __init__(self, model: CharLM, train_ids: torch.Tensor, valid_ids: torch.Tensor, plan: Plan):
        self.model, self.texts, self.plan = model, (train_ids, valid_ids), plan
        self.history = History()
        self.best: dict[str, torch.Tensor] | None = None
        self.state = None  # the model's own, on streams
        self.saved_step = 0
        self.batches = BATCHINGS[plan.batching](
            train_ids, plan.length, plan.batch_size, generator(plan.seed, "batches")
        )
        self.source = iter(self.batches)
        self.device = device_of(model)
        self.bf16 = False
        self.passes = Passes(model, plan.batch_size, plan.length)
        self.averaged = None
        if plan.average:
            self.averaged = AveragedModel(model, multi_avg_fn=_fading_mean(plan.average))
        options = dict(OPTIMIZER_OPTIONS[plan.optimizer])
        if plan.optimizer != "rmsprop" and self.device.type in FUSED_ON:
            options["fused"] = True  # all parameters in one call
        self.optimizer = OPTIMIZERS[plan.optimizer](
            model.parameters(), lr=plan.lr, weight_decay=plan.weight_decay, **options
        )

    @property
    def kept(self) -> CharLM:
        """The model that is looked at, sampled from and kept."""
        return self.model if self.averaged is None else self.averaged.module

    def begin(self) -> None:
        """What is decided once: a training that goes on finds it in its snapshot."""
        self.bf16 = self.plan.bf16 and faster_in_bf16(self.model, self.plan)
        # Dropout draws from torch's own generator; seeded here, its state is part of a snapshot.
        torch.manual_seed(self.plan.seed)

    def advance(self) -> Step:
        """One step. A loss that is not finite is noted, and changes no weight."""
        plan, model, step = self.plan, self.model, self.history.step
        for group in self.optimizer.param_groups:
            group["lr"] = plan.rate(step)
        x, y = (part.to(self.device) for part in next(self.source))
        model.train()
        before = self.state if self.batches.carries_state else None
        read = self.passes.forward(x, y, before, self.bf16)
        self.state = read.state
        if plan.restart:
            kept = (torch.rand(len(x)) >= plan.restart).to(self.device)  # (B,)
            self.state = tuple(s * kept[:, None] for s in self.state)
        self.history.loss.append(read.loss)
        self.history.accuracy.append(read.accuracy)
        if math.isfinite(read.loss):
            self.passes.backward(read.losses)
            nn.utils.clip_grad_norm_(model.parameters(), plan.clip_norm)
            self.optimizer.step()
            if self.averaged is not None:
                self.averaged.update_parameters(model)
        else:
            self._diverge(f"the loss became {read.loss}")
        return Step(self.history.step, self.history.loss[-1], self.history.accuracy[-1])

    def _diverge(self, what: str) -> None:
        kept = f"; the snapshot of step {self.saved_step} is kept" if self.saved_step else ""
        self.history.diverged = True
        self.history.stopped = (
            f"{what} at step {self.history.step}; try a smaller lr than {self.plan.lr}{kept}"
        )

    def look(self, seen: dict) -> None:
        """Note a look at the validation text; keep the weights if it is the best one."""
        history, patience = self.history, self.plan.patience
        if not math.isfinite(seen["loss"]):
            self._diverge(f"the validation loss became {seen['loss']}")
            return
        history.valid.append({"step": history.step, **seen})
        if history.valid[-1] is history.best():
            self.best = {k: v.detach().clone() for k, v in self.kept.state_dict().items()}
        since_best = len(history.valid) - 1 - history.valid.index(history.best())
        if patience is not None and since_best >= patience:
            history.stopped = f"no better validation loss in {patience} looks"

    @cached_property
    def identity(self) -> dict:
        """What a snapshot shares with the training that may go on from it."""
        digests = [hashlib.sha256(ids.cpu().long().numpy()).hexdigest() for ids in self.texts]
        return {"plan": asdict(self.plan), "model": self.model.arguments, "text": digests}

    def save(self, path: Path) -> None:
        """Everything into one snapshot."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in slots.items()}
        if self.averaged is not None:
            tensors |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        if self.batches.carries_state:
            tensors["state.h"], tensors["state.c"] = self.state
        tensors["random.torch"] = torch.get_rng_state()
        tensors["random.device"] = random_state(self.device)
        tensors["random.batches"] = self.batches.generator.get_state()
        header = {
            **self.identity,
            "device": self.device.type,
            "history": asdict(self.history),
            "position": getattr(self.batches, "position", 0),
            "offset": getattr(self.batches, "offset", 0),
            "bf16": self.bf16,
        }
        save_snapshot(path, tensors, header)
        self.saved_step = self.history.step

    def load(self, path: Path) -> None:
        """Go back to the moment of :meth:`save`."""
        tensors, header = load_snapshot(path)
        for what, now in self.identity.items():
            if header.get(what) != now:
                raise ValueError(
                    f"{path.name} belongs to a training with another {what}; "
                    "delete it to start anew"
                )

        def under(prefix):
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

        self.model.load_state_dict(under("model."))
        self.best = under("best.")
        if self.averaged is not None:
            self.averaged.load_state_dict(under("averaged."))
        slots: dict[int, dict] = {}
        for key, value in under("optimizer.").items():
            index, name = key.split(".", 1)
            slots.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": slots})
        if self.batches.carries_state:
            self.state = tuple(tensors[f"state.{k}"].to(self.device) for k in "hc")
            self.batches.position, self.batches.offset = header["position"], header["offset"]
        torch.set_rng_state(tensors["random.torch"])
        if header["device"] == self.device.type:  # another device draws other numbers anyway
            set_random_state(self.device, tensors["random.device"])
        self.batches.generator.set_state(tensors["random.batches"])
        self.bf16 = header["bf16"]  # goes on as it began
        self.history = History(**header["history"])
        self.saved_step = self.history.step
