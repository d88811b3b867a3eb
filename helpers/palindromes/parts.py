"""The study as grids of runs: both reports' protocols, and what settles them.

Each function returns the configurations of one part, as a list or as a dictionary: name of a
setting -> list. :data:`PARTS` names them in the order in which the full study runs them.
"""

import itertools
from collections.abc import Sequence

from helpers.checks import choice
from helpers.palindromes.experiment import PalindromeRun
from helpers.palindromes.growing import GrowingRun, train
from helpers.palindromes.settings import (
    CENTRE,
    GROWN,
    GROWN_RELATIVES,
    INIT_000,
    INIT_001,
    INIT_001_LSTM,
    INITS,
    LRU,
    LSTM_FACTORS,
    MIN_GRU,
    ON_OTHER_TASKS,
    STOP,
    lstm_setting,
)
from helpers.palindromes.tasks import find_task
from helpers.palindromes.tasks.palindromes import ENCODINGS
from helpers.study import Part, grid

A_LENGTHS = tuple(range(5, 22, 2))
B_LENGTHS = (5, 10, 20, 40, 80, 160)


def protocol_a(seeds=range(10), lengths=A_LENGTHS) -> list[PalindromeRun]:
    """Report 000, figure 1: 3000 steps, 10 seeds at every length."""
    return grid(PalindromeRun, T=lengths, model=["rnn", "lstm"], seed=seeds, steps=3000, **INIT_000)


def protocol_a_longer(T: int, seeds=range(10), steps: int = 10_000) -> list[PalindromeRun]:
    """Report 000's LSTM with more than three times its steps: is it solved if it runs longer?

    With seeds of :func:`protocol_a`, so the first 3000 steps are those of its runs.
    """
    return [PalindromeRun("lstm", T, seed, steps, **INIT_000, **STOP) for seed in seeds]


#: Steps of protocol B: report 001's 10,000 where they were affordable, fewer at the long lengths.
B_STEPS = {
    "rnn": {5: 10_000, 10: 10_000, 20: 10_000, 40: 10_000, 80: 2500, 160: 2500},
    "lstm": {5: 10_000, 10: 10_000, 20: 10_000, 40: 5000, 80: 2500, 160: 2500},
}


#: Report 001's networks: the RNN, and the LSTM at its rate of 0.03.
B_SETTINGS = {"rnn": INIT_001, "lstm": {"lr": 0.03, **INIT_001_LSTM}}


def protocol_b(seeds=range(5), lengths=B_LENGTHS) -> list[PalindromeRun]:
    """Report 001, figures 2, 3, 6 and 7: both networks, with :data:`B_STEPS`."""
    return [
        PalindromeRun(model, T, seed, B_STEPS[model][T], **setting)
        for T in lengths
        for model, setting in B_SETTINGS.items()
        for seed in seeds
    ]


def protocol_b_longer(T: int, seeds=range(3), steps: int = 10_000) -> list[PalindromeRun]:
    """Report 001's networks with its own steps, where :func:`protocol_b` has fewer.

    With seeds of :func:`protocol_b`, so the first steps are those of its runs.
    """
    return [
        PalindromeRun(model, T, seed, steps, **setting)
        for model, setting in B_SETTINGS.items()
        for seed in seeds
    ]


#: The factors of the factorial by their names in the equations, and the field of a run.
FACTORS = {"W_hh": "W_h", "W_hx": "W_x", "W_ph": "W_ph"}


def factorial(
    T: int, seeds=range(20), steps: int = 10_000, **options
) -> dict[str, list[PalindromeRun]]:
    """W_hh, W_hx and W_ph of the RNN, each as in report 000 or as in report 001.

    A setting is named by the reports of its three factors: "000 001 000".
    """
    return {
        " ".join(reports): grid(
            PalindromeRun,
            model="rnn",
            T=T,
            seed=seeds,
            steps=steps,
            **{
                field: INITS[report][field]
                for field, report in zip(FACTORS.values(), reports, strict=True)
            },
            **options,
        )
        for reports in itertools.product(INITS, repeat=len(FACTORS))
    }


RADII = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)


def spectral_sweep(T: int, seeds=range(6), steps: int = 1500) -> list[PalindromeRun]:
    """Spectral radius of W_hh x encoding of the digits, for the RNN."""
    return grid(
        PalindromeRun,
        model="rnn",
        T=T,
        seed=seeds,
        steps=steps,
        encoding=list(ENCODINGS),
        W_h=[f"spectral:{radius}" for radius in RADII],
        **STOP,
    )


def lstm_one_factor(
    T: int, seeds=range(10), steps: int = 3000, **options
) -> dict[str, list[PalindromeRun]]:
    """The LSTM around its best setting, one factor at a time (:data:`.settings.LSTM_FACTORS`)."""
    settings = {CENTRE: lstm_setting(T)}
    for factor, levels in LSTM_FACTORS.items():
        for level in list(levels)[1:]:
            settings[f"{factor}: {level}"] = lstm_setting(T, factor, level)
    return {
        name: [PalindromeRun("lstm", T, seed, steps, **setting, **options) for seed in seeds]
        for name, setting in settings.items()
    }


def slot_bias(T: int = 20, seeds=range(10), steps: int = 3000) -> dict[str, list[PalindromeRun]]:
    """Report 001's LSTM with its bias a place in the batch, and with the bias mended."""
    return {
        name: grid(
            PalindromeRun, model=model, T=T, seed=seeds, steps=steps, lr=0.03, **INIT_001_LSTM
        )
        for name, model in (("a bias a sample", "lstm_slot_bias"), ("a bias a unit", "lstm"))
    }


def far(T: int, seeds=range(5), steps: int = 6000) -> list[PalindromeRun]:
    """The LSTM's best setting at lengths beyond both reports, in bfloat16 (:func:`precision`)."""
    return [
        PalindromeRun("lstm", T, seed, steps, bf16=True, **lstm_setting(T), **STOP)
        for seed in seeds
    ]


def relatives(T: int, seeds=range(5), steps: int = 3000) -> dict[str, list[PalindromeRun]]:
    """Other cells at the same lengths, one-hot; rate 1e-3 for RNNs, 3e-3 for gated cells."""
    shared = {"T": T, "seed": seeds, "steps": steps, "encoding": "one_hot", **STOP}
    gated = {"lr": 3e-3, "W_h": "orthogonal", **shared}
    found = {"GRU": grid(PalindromeRun, model="gru", **gated)}
    if T <= 80:  # the peephole LSTM has no fused kernel
        found["LSTM, peepholes"] = grid(PalindromeRun, model="peephole", chrono=float(T), **gated)
    for start in ("orthogonal", "identity"):
        found[f"RNN, {start}"] = grid(PalindromeRun, model="rnn", lr=1e-3, W_h=start, **shared)
    found["minGRU, 2 layers"] = grid(PalindromeRun, chrono=float(T), **MIN_GRU | shared)
    found["LRU, 2 layers"] = grid(PalindromeRun, **LRU | shared)
    return found


def memory_against_size(
    T: int, sizes=(8, 16, 32, 64, 128), seeds=range(5), steps: int = 3000
) -> dict[str, list[PalindromeRun]]:
    """The LSTM's best setting with fewer units."""
    return {
        f"{n} units": [
            PalindromeRun("lstm", T, seed, steps, hidden_size=n, **lstm_setting(T), **STOP)
            for seed in seeds
        ]
        for n in sizes
    }


def growing(
    names: Sequence[str] = tuple(GROWN),
    T: int = 640,
    seeds: Sequence[int] = range(5),
    steps: int = 3000,
    **options,
) -> dict[str, list[GrowingRun]]:
    """Lengths that grow from 5 to at most ``T``, in as many steps as report 000 gave one length.

    Args:
        names: settings in :data:`.settings.GROWN` and :data:`.settings.GROWN_RELATIVES`.

    Raises:
        ValueError: another name.
    """
    settings = GROWN | GROWN_RELATIVES
    for name in names:
        choice("a name", name, tuple(settings))
    return {
        name: [
            GrowingRun(T=T, seed=seed, steps=steps, **settings[name], **options) for seed in seeds
        ]
        for name in names
    }


def growing_sizes(sizes=(8, 16, 32, 64), seeds=range(5)) -> dict[str, list[GrowingRun]]:
    """Depth of memory against size, for an RNN and an LSTM; 128 units are in :func:`growing`."""
    found: dict[str, list[GrowingRun]] = {"RNN, orthogonal": [], "LSTM, best setting": []}
    for n in sizes:
        for name, runs in growing(tuple(found), seeds=seeds, hidden_size=n).items():
            found[name] += runs
    return found


def growing_relatives() -> dict[str, list[GrowingRun]]:
    """The other cells, on lengths that grow."""
    ends = {"RNN, identity": 640, "LSTM, peepholes": 160}
    ends |= {"minGRU, 2 layers": 640, "LRU, 2 layers": 640}
    return {name: growing([name], T)[name] for name, T in ends.items()}


#: The growing study's own rule, then rules that differ from it in one part.
GROWTH_RULES = {
    "× 1.25, 20 perfect": {},
    "× 1.1, 20 perfect": {"growth": 1.1},
    "× 2, 20 perfect": {"growth": 2.0},
    "× 1.25, 5 perfect": {"until_perfect": 5},
    "× 1.25, 50 perfect": {"until_perfect": 50},
}


def growing_rules(
    T: int = 160, seeds=range(3), steps: int = 2000, rules=tuple(GROWTH_RULES), **options
) -> dict[str, list[GrowingRun]]:
    """The orthogonal RNN under other rules of growing, on a short budget.

    Args:
        options: more fields of :class:`.growing.GrowingRun`, the same for all rules.

    Raises:
        ValueError: a rule that is not in :data:`GROWTH_RULES`.
    """
    network = "RNN, orthogonal"
    for name in rules:
        choice("a rule", name, tuple(GROWTH_RULES))
    return {
        name: growing([network], T, seeds, steps, **GROWTH_RULES[name], **options)[network]
        for name in rules
    }


def growing_doubled(seeds=range(3, 13)) -> dict[str, list[GrowingRun]]:
    """The study's own rule and doubling, with ten seeds that :func:`growing_rules` has not seen.

    Its three seeds left a question: does a network that doubles its length hold the digit still,
    and one that grows by small steps keep it in another code?
    """
    return growing_rules(seeds=seeds, rules=("× 1.25, 20 perfect", "× 2, 20 perfect"))


def growing_every_length(seeds=range(3, 13)) -> dict[str, list[GrowingRun]]:
    """The networks of :func:`growing_doubled` whose lengths double, again, read at every length.

    Those were read at 5, 10, 20, … alone: a code that is back after five steps looks still there.
    """
    return growing_rules(seeds=seeds, rules=("× 2, 20 perfect",), every_length=True)


def growing_identity(seeds=range(5, 15)) -> dict[str, list[GrowingRun]]:
    """More seeds of the identity RNN, of which one in :func:`growing_relatives` stayed behind."""
    return growing(["RNN, identity"], seeds=seeds)


def other_task(
    task: str, lengths: tuple[int, ...], seeds=range(5), steps: int = 3000
) -> dict[str, list[PalindromeRun]]:
    """Cells on another task: does what was found for palindromes carry over?

    All with Adam, 64 units and 64 sequences a batch, one budget of steps at every length.
    """
    shared = {"optimizer": "adam", "hidden_size": 64, "batch_size": 64, **STOP}
    encoding = find_task(task).encodings[0]
    found: dict[str, list[PalindromeRun]] = {name: [] for name in ON_OTHER_TASKS}
    for T in lengths:
        for name, setting in ON_OTHER_TASKS.items():
            own = {k: float(max(T, 3)) if v == "T" else v for k, v in setting.items()}
            found[name] += [
                PalindromeRun(
                    T=T, seed=seed, steps=steps, task=task, encoding=encoding, **own, **shared
                )
                for seed in seeds
            ]
    return found


ADDING_LENGTHS = (10, 20, 40)
COPYING_DELAYS = (5, 10, 20)


def precision(lengths=(19,), seeds=range(20)) -> list[PalindromeRun]:
    """Pairs of runs in float32 and under bfloat16 autocast that differ in nothing else.

    Report 000's LSTM; at T = 19 about half of the seeds succeed, at T = 17 most.
    """
    return grid(
        PalindromeRun,
        model="lstm",
        T=lengths,
        seed=seeds,
        steps=3000,
        bf16=[False, True],
        **INIT_000,
    )


_CONFIGS = {
    "protocol_a": protocol_a,
    "factorial_20": lambda: factorial(20),
    "protocol_b": protocol_b,
    "spectral_20": lambda: spectral_sweep(20),
    "slot_bias": slot_bias,
    "lstm_21": lambda: lstm_one_factor(21, **STOP),
    "spectral_10": lambda: spectral_sweep(10),
    "factorial_10": lambda: factorial(10, range(10), 3000, **STOP),
    "relatives_20": lambda: relatives(20),
    "spectral_40": lambda: spectral_sweep(40),
    "precision": precision,
    "size_20": lambda: memory_against_size(20),
    "factorial_40": lambda: factorial(40, range(10), 3000, **STOP),
    "growing": growing,
    "growing_sizes": growing_sizes,
    "growing_relatives": growing_relatives,
    "adding": lambda: other_task("adding", ADDING_LENGTHS),
    "copying": lambda: other_task("copying", COPYING_DELAYS),
    "growing_far": lambda: growing(["LSTM, best setting"], 2560, range(3)),
    "far_320": lambda: far(320, steps=4000),
    "relatives_80": lambda: relatives(80),
    "lstm_160": lambda: lstm_one_factor(160, range(5), 2000, bf16=True, **STOP),
    "relatives_160": lambda: relatives(160),
    "far_640": lambda: far(640),
    "longer_a_21": lambda: protocol_a_longer(21),
    "growing_rules": growing_rules,
    "growing_doubled": growing_doubled,
    "growing_every_length": growing_every_length,
    "growing_identity": growing_identity,
    "length_23": lambda: protocol_a(lengths=(23,)),
    "longer_b_80": lambda: protocol_b_longer(80),
    "longer_b_160": lambda: protocol_b_longer(160),
    # With seeds that the first twenty pairs have not seen.
    "precision_more": lambda: precision((17, 19), range(20, 50)),
}
#: Part -> what trains it and its runs, in the order in which the full study computes them.
PARTS = {name: Part(train, configs) for name, configs in _CONFIGS.items()}
