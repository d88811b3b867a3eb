"""Rows of ``make bench`` for the recurrent wing: a training step, a study, a slice of protocol A.

The peers are what people write: the equations gate by gate in a Python loop, ``torch.nn.RNN`` and
``torch.nn.LSTM`` in the usual loop, and the reports' data set that draws one palindrome at a time.
"""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import joblib
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from helpers import runtime
from helpers.palindromes.experiment import PalindromeRun, build, training_batches
from helpers.palindromes.tasks import palindromes
from helpers.recurrent.training import fit
from helpers.store import RunStore
from helpers.study import grid, run_study
from helpers.timing import Row, side_by_side

B, N = 128, 128  # batch and hidden size of both reports
GATES = {"rnn": 1, "lstm": 4}


class GateByGate(nn.Module):
    """RNN or LSTM as a loop over its equations, a product a gate, and a linear read-out."""

    def __init__(self, model: str):
        super().__init__()
        self.gates = GATES[model]
        self.W_x = nn.ParameterList(torch.randn(1, N) / N**0.5 for _ in range(self.gates))
        self.W_h = nn.ParameterList(torch.randn(N, N) / N**0.5 for _ in range(self.gates))
        self.b = nn.ParameterList(torch.zeros(N) for _ in range(self.gates))
        self.W_p = nn.Parameter(torch.randn(N, palindromes.DIGITS) / N**0.5)
        self.b_p = nn.Parameter(torch.zeros(palindromes.DIGITS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = c = torch.zeros(len(x), N)
        for x_t in x.unbind(1):
            weights = zip(self.W_x, self.W_h, self.b, strict=True)
            a = [x_t @ W_x + h @ W_h + b for W_x, W_h, b in weights]
            if self.gates == 1:
                h = torch.tanh(a[0])
            else:
                g, i, f, o = torch.tanh(a[0]), *(torch.sigmoid(each) for each in a[1:])
                c = g * i + c * f
                h = torch.tanh(c) * o
        return h @ self.W_p + self.b_p


class Library(nn.Module):
    """``torch.nn.RNN`` or ``torch.nn.LSTM``, and a linear read-out of the last step."""

    def __init__(self, model: str):
        super().__init__()
        self.core = {"rnn": nn.RNN, "lstm": nn.LSTM}[model](1, N, batch_first=True)
        self.read_out = nn.Linear(N, palindromes.DIGITS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.read_out(self.core(x)[0][:, -1])


class OneByOne(Dataset):
    """Palindromes drawn one at a time with NumPy, as the assignment's data set does."""

    def __init__(self, T: int, items: int, seed: int):
        self.T, self.items, self.rng = T, items, np.random.default_rng(seed)

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, _):
        half = self.rng.integers(0, 10, (self.T + 2) // 2)
        digits = np.concatenate([half, half[::-1][(self.T + 1) % 2 :]])
        return digits[:-1].astype(np.float32)[:, None], int(digits[-1])


def train_plainly(model: nn.Module, batches) -> None:
    """The usual loop, RMSprop and clipping as in the assignment."""
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    for x, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()


def stream(T: int, steps: int):
    """Batches of raw digits, drawn as tensors."""
    batches = palindromes.PALINDROMES.stream(T, B, runtime.generator(0, "bench"), "raw")
    for _ in range(steps):
        yield next(batches)


def train_ours(run: PalindromeRun) -> tuple[dict, dict]:
    """The training of a run and nothing else, so that both sides do the same work."""
    return {"steps_run": fit(build(run), training_batches(run), **run.fit_options).steps}, {}


def study(configs: list[PalindromeRun]) -> None:
    """All runs over all cores, into a store of their own."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_study(train_ours, configs, RunStore(Path(folder), 1), desc=None)
        if done.failures:
            raise RuntimeError(str(done.failures[0]))


def rows(
    lengths=(20, 160), step_work: int = 800, study_work: int = 2400, repeats: int = 3
) -> Iterator[Row]:
    """Every row; ``step_work`` and ``study_work`` are steps x digits of one measurement.

    A row says how much of the peak of its cores it uses: what is near 100 % cannot be had faster
    there by any arrangement of the same products.

    A vanishing gradient ends in denormal numbers, many times as slow as zeros. The notebooks and
    workers of the series flush them. For single steps here both sides do, before torch makes its
    threads; a study is held against loops in a process that does not.
    """
    torch.set_flush_denormal(True)
    with runtime.threads(1):  # what a worker of a study has
        peaks = {precision: peak(precision) for precision in precisions()}
        for precision, flops in peaks.items():
            note = "one thread, the best of several shapes and repeats"
            yield Row(f"matrix product, {precision}", flops / 1e9, unit="GFLOP/s", note=note)
        for T in lengths:
            for model in GATES:
                yield from one_step(model, T, max(1, step_work // T), peaks, repeats)
    if torch.cuda.is_available():
        for T in lengths:
            for model in GATES:
                yield from on_a_gpu(model, T, 50, repeats)
    for T in lengths:
        yield from throughput(T, max(1, study_work // T), peaks, repeats)
    yield from slice_of_protocol_a(max(1, study_work // 80), peaks, repeats)
    yield from early_stop(study_work // 4, max(1, repeats // 2))


def precisions() -> list[str]:
    """fp32, and bf16 where this processor has it."""
    return ["fp32", "bf16"] if runtime.bf16_available() else ["fp32"]


#: Rows, inner size and columns of the products among which the peak is looked for: those of a step
#: of the LSTM, and larger ones.
PEAK_SHAPES = ((B, N, 4 * N), (N * B, N, 4 * N), (1024, 1024, 1024), (2048, 2048, 2048))


def peak(precision: str, repeats: int = 8) -> float:
    """The most floating-point operations a second that a product was seen to do."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    best = 0.0
    for rows, inner, columns in PEAK_SHAPES:
        a, b = torch.randn(rows, inner).to(dtype), torch.randn(inner, columns).to(dtype)
        work = 2 * rows * inner * columns
        times = max(1, int(2e9 / work))
        for _ in range(repeats):
            start = time.perf_counter()
            for _ in range(times):
                a @ b
            best = max(best, times * work / (time.perf_counter() - start))
    return best


def share_of_peak(
    runs: list[PalindromeRun], seconds: float, precision: str, peaks: dict, cores: int
) -> str:
    """How much of the peak of ``cores`` cores the products of these runs are, in words."""
    done = 0
    for run in runs:  # forward, and two products backward
        done += run.steps * 3 * 2 * B * run.T * GATES[run.model] * N * (N + 1)
    share = done / seconds / (cores * peaks[precision])
    return f"{100 * share:.0f} % of the {precision} peak"


def on_a_gpu(model: str, T: int, steps: int, repeats: int) -> Iterator[Row]:
    """A training step on the first GPU, against torch.nn's there."""
    library = Library(model).cuda()
    run = PalindromeRun(model, T, 0, steps)

    def ours():
        fit(build(run).cuda(), training_batches(run), **run.fit_options)

    def peer():
        train_plainly(library, ((x.cuda(), y.cuda()) for x, y in stream(T, steps)))
        torch.cuda.synchronize()

    seconds = (s / steps for s in side_by_side(ours, peer, repeats=repeats))
    yield Row(f"{model.upper()}, T = {T}, a training step on a GPU, against torch.nn", *seconds)


def one_step(model: str, T: int, steps: int, peaks: dict, repeats: int) -> Iterator[Row]:
    """A training step on one thread: ours against the equations' loop and against torch.nn."""
    runs = {p: PalindromeRun(model, T, 0, steps, bf16=p == "bf16") for p in peaks}
    functions = [lambda run=run: train_ours(run) for run in runs.values()]
    for peer in (GateByGate(model), Library(model)):
        functions.append(lambda peer=peer: train_plainly(peer, stream(T, steps)))
    *ours, loop, library = (s / steps for s in side_by_side(*functions, repeats=repeats))
    for precision, seconds in zip(runs, ours, strict=True):
        name = f"{model.upper()}, T = {T}, a training step, {precision}"
        note = share_of_peak([runs[precision]], seconds * steps, precision, peaks, cores=1)
        yield Row(f"{name}, against the equations in a loop", seconds, loop, note=note)
        aim = "0.97" if (model, T, precision) == ("lstm", 20, "fp32") else ""
        yield Row(f"{name}, against torch.nn", seconds, library, aim=aim, note=note)


def train_one_after_another(models: list[str], T: int, steps: int) -> None:
    """The library's networks in the usual loop, on all cores."""
    for model in models:
        train_plainly(Library(model), stream(T, steps))


def throughput(T: int, steps: int, peaks: dict, repeats: int) -> Iterator[Row]:
    """Steps a second of a study over all cores, against torch.nn loops one after the other."""
    axes = {"model": list(GATES), "T": T, "seed": [0, 1], "steps": steps}
    configs = {p: grid(PalindromeRun, **axes, bf16=p == "bf16") for p in peaks}
    functions = [lambda runs=runs: study(runs) for runs in configs.values()]
    # A process of its own, where nobody has told torch to flush denormals: the usual state.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as usual:
        models = [run.model for run in configs["fp32"]]
        usual.submit(train_one_after_another, models, T, 1).result()  # imports, threads
        functions.append(lambda: usual.submit(train_one_after_another, models, T, steps).result())
        *ours, reference = side_by_side(*functions, repeats=repeats)
    total = len(configs["fp32"]) * steps
    aims = {"fp32": "2", "bf16": "3"} if T <= 20 else {"fp32": "2.5", "bf16": "4"}
    for precision, seconds in zip(configs, ours, strict=True):
        note = f"{total / seconds:,.0f} steps a second against {total / reference:,.0f}; "
        note += share_of_peak(configs[precision], seconds, precision, peaks, joblib.cpu_count())
        yield Row(
            f"study at T = {T}, {precision}", seconds, reference, aim=aims[precision], note=note
        )


def slice_of_protocol_a(steps: int, peaks: dict, repeats: int) -> Iterator[Row]:
    """4 lengths x 2 models x 2 seeds, the same steps on both sides."""
    axes = {"model": list(GATES), "T": [5, 11, 15, 21], "seed": [0, 1], "steps": steps}
    configs = {p: grid(PalindromeRun, **axes, bf16=p == "bf16") for p in peaks}

    def as_the_reports_did():
        for run in configs["fp32"]:
            items = OneByOne(run.T, B * steps, run.seed)
            train_plainly(GateByGate(run.model), DataLoader(items, B))

    functions = [lambda runs=runs: study(runs) for runs in configs.values()]
    *ours, reference = side_by_side(*functions, as_the_reports_did, repeats=repeats)
    for precision, seconds in zip(configs, ours, strict=True):
        name = f"slice of protocol A, {precision}, against the reports' way"
        note = f"{len(configs[precision])} runs of {steps} steps; "
        note += share_of_peak(configs[precision], seconds, precision, peaks, joblib.cpu_count())
        yield Row(name, seconds, reference, aim="5", note=note)


def early_stop(steps: int, repeats: int) -> Iterator[Row]:
    """What the rule "perfect for 100 steps" saves where a run is solved early."""
    shared = {"model": "lstm", "T": 10, "steps": steps, "encoding": "one_hot", "lr": 3e-3}
    to_the_end = grid(PalindromeRun, seed=[0, 1], **shared)
    stopping = grid(PalindromeRun, seed=[0, 1], stop_after_perfect=100, **shared)
    seconds = side_by_side(lambda: study(stopping), lambda: study(to_the_end), repeats=repeats)
    yield Row("early stop, LSTM, T = 10, one-hot", *seconds, note=f"of {steps} steps")
