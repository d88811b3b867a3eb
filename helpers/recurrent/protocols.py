"""The palindrome study as grids of runs: both reports' protocols, and what settles them.

Each function returns the configurations of one part; :data:`PARTS` names them in the order in which
the full study runs them.
"""

import math

from helpers.recurrent.experiments import PalindromeRun
from helpers.recurrent.growing import GrowingRun
from helpers.recurrent.palindromes import ENCODINGS
from helpers.study import grid

H = 128

#: Report 000: Kaiming-normal on matrices stored (in, out), so that torch's fan_in is the rows here.
INIT_000 = {"W_x": "kaiming_out", "W_h": "kaiming_out", "W_ph": "kaiming_out"}
#: Report 001, RNN: W_hx with the hidden size, W_hh and W_ph with the number of classes.
INIT_001 = {
    "W_x": f"uniform:{1 / math.sqrt(H):.6f}",
    "W_h": f"uniform:{1 / math.sqrt(10):.6f}",
    "W_ph": f"uniform:{1 / math.sqrt(10):.6f}",
}
#: Report 001, LSTM: the gates with the hidden size.
INIT_001_LSTM = {**INIT_001, "W_h": f"uniform:{1 / math.sqrt(H):.6f}"}

#: A run whose success and time to success are asked, and nothing later, ends after so many steps.
STOP = {"stop_after_perfect": 100}

A_LENGTHS = tuple(range(5, 22, 2))
B_LENGTHS = (5, 10, 20, 40, 80, 160)

#: The setting around which the LSTM's factors are varied one at a time.
BEST_LSTM = {"encoding": "one_hot", "lr": 3e-3, "W_x": "uniform", "W_h": "orthogonal"}


def protocol_a(seeds=range(10)) -> list[PalindromeRun]:
    """Report 000, figure 1: 3000 steps, 10 seeds at every length."""
    return grid(
        PalindromeRun, T=A_LENGTHS, model=["rnn", "lstm"], seed=seeds, steps=3000, **INIT_000
    )


#: Steps of protocol B: report 001's 10,000 where they were affordable, fewer at the long lengths.
B_STEPS = {
    "rnn": {5: 10_000, 10: 10_000, 20: 10_000, 40: 10_000, 80: 2500, 160: 2500},
    "lstm": {5: 10_000, 10: 10_000, 20: 10_000, 40: 5000, 80: 2500, 160: 2500},
}


def protocol_b(seeds=range(5), lengths=B_LENGTHS) -> list[PalindromeRun]:
    """Report 001, figures 2, 3, 6 and 7: the RNN, and the LSTM at its rate of 0.03."""
    settings = {"rnn": INIT_001, "lstm": {"lr": 0.03, **INIT_001_LSTM}}
    return [
        PalindromeRun(model, T, seed, B_STEPS[model][T], **setting)
        for T in lengths
        for model, setting in settings.items()
        for seed in seeds
    ]


def factorial(T: int, seeds=range(20), steps: int = 10_000, **options) -> list[PalindromeRun]:
    """W_hh, W_hx and W_ph of the RNN, each as in report 000 or as in report 001."""
    return grid(
        PalindromeRun,
        model="rnn",
        T=T,
        seed=seeds,
        steps=steps,
        **{name: [INIT_000[name], INIT_001[name]] for name in ("W_h", "W_x", "W_ph")},
        **options,
    )


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


#: The LSTM's factors; the first level of each belongs to the setting around which it is varied.
LSTM_FACTORS = {
    "rate": [{"lr": 3e-3}, {"lr": 3e-4}, {"lr": 1e-3}, {"lr": 1e-2}, {"lr": 3e-2}],
    "encoding": [{"encoding": "one_hot"}, {"encoding": "centred"}, {"encoding": "raw"}],
    "initialisation": [
        {"W_h": "orthogonal", "W_x": "uniform", "W_ph": "uniform"},
        INIT_000,
        INIT_001_LSTM,
    ],
    "forget bias": [{"chrono": "T"}, {"forget_bias": 1.0}, {"forget_bias": 0.0}],
}


def lstm_one_factor(T: int, seeds=range(10), steps: int = 3000, **options) -> list[PalindromeRun]:
    """The LSTM around its best setting, one factor at a time (:data:`LSTM_FACTORS`)."""
    centre = {k: v for levels in LSTM_FACTORS.values() for k, v in levels[0].items()}
    settings = [centre]
    for levels in LSTM_FACTORS.values():
        for level in levels[1:]:
            rest = {k: v for k, v in centre.items() if k not in levels[0]}
            settings.append({**rest, **level})
    runs = []
    for setting in settings:
        chrono = float(T) if setting.get("chrono") == "T" else None
        fixed = {k: v for k, v in setting.items() if k != "chrono"}
        runs += [
            PalindromeRun("lstm", T, seed, steps, chrono=chrono, **fixed, **options)
            for seed in seeds
        ]
    return runs


def slot_bias(T: int = 20, seeds=range(10), steps: int = 3000) -> list[PalindromeRun]:
    """Report 001's LSTM with its bias a place in the batch, and with the bias mended."""
    return grid(
        PalindromeRun,
        model=["lstm_slot_bias", "lstm"],
        T=T,
        seed=seeds,
        steps=steps,
        lr=0.03,
        **INIT_001_LSTM,
    )


def far(T: int, seeds=range(5), steps: int = 6000) -> list[PalindromeRun]:
    """The LSTM's best setting at lengths beyond both reports, in bfloat16 (:func:`precision`)."""
    return [
        PalindromeRun("lstm", T, seed, steps, chrono=float(T), bf16=True, **BEST_LSTM, **STOP)
        for seed in seeds
    ]


def relatives(T: int, seeds=range(5), steps: int = 3000) -> list[PalindromeRun]:
    """Other cells at the same lengths, one-hot; rate 1e-3 for RNNs, 3e-3 for gated cells."""
    shared = {"T": T, "seed": seeds, "steps": steps, "encoding": "one_hot", **STOP}
    gated = grid(PalindromeRun, model="gru", lr=3e-3, W_h="orthogonal", **shared)
    if T <= 80:  # the peephole LSTM has no fused kernel
        gated += grid(
            PalindromeRun, model="peephole", lr=3e-3, W_h="orthogonal", chrono=float(T), **shared
        )
    plain = grid(PalindromeRun, model="rnn", lr=1e-3, W_h=["orthogonal", "identity"], **shared)
    return gated + plain


def memory_against_size(
    T: int, sizes=(8, 16, 32, 64, 128), seeds=range(5), steps: int = 3000
) -> list[PalindromeRun]:
    """The LSTM's best setting with fewer units."""
    return [
        PalindromeRun("lstm", T, seed, steps, hidden_size=n, chrono=float(T), **BEST_LSTM, **STOP)
        for n in sizes
        for seed in seeds
    ]


#: Networks whose length grows: both reports' RNNs as they are, and each cell at a good setting.
GROWN = {
    "RNN, report 000": {"model": "rnn", **INIT_000},
    "RNN, report 001": {"model": "rnn", **INIT_001},
    "RNN, orthogonal": {"model": "rnn", "encoding": "one_hot", "lr": 3e-4, "W_h": "orthogonal"},
    "GRU": {"model": "gru", "encoding": "one_hot", "lr": 3e-3, "W_h": "orthogonal"},
    "LSTM, best setting": {"model": "lstm", "chrono": 640.0, **BEST_LSTM},
}
#: Their relatives; the peephole LSTM has no fused kernel and ends at 160 digits.
GROWN_RELATIVES = {
    "RNN, identity": {"model": "rnn", "encoding": "one_hot", "lr": 3e-4, "W_h": "identity"},
    "LSTM, peepholes": {"model": "peephole", "chrono": 160.0, **BEST_LSTM},
}


def growing(
    names=tuple(GROWN), T: int = 640, seeds=range(5), steps: int = 3000, **options
) -> list[GrowingRun]:
    """Lengths that grow from 5 to at most ``T``, in as many steps as report 000 gave one length."""
    settings = GROWN | GROWN_RELATIVES
    return [
        GrowingRun(T=T, seed=seed, steps=steps, **settings[name], **options)
        for name in names
        for seed in seeds
    ]


def growing_sizes(sizes=(8, 16, 32, 64), seeds=range(5)) -> list[GrowingRun]:
    """Depth of memory against size, for an RNN and an LSTM; 128 units are in :func:`growing`."""
    names = ("RNN, orthogonal", "LSTM, best setting")
    return [run for n in sizes for run in growing(names, seeds=seeds, hidden_size=n)]


def growing_relatives() -> list[GrowingRun]:
    """The other cells, on lengths that grow."""
    return growing(["RNN, identity"]) + growing(["LSTM, peepholes"], 160)


def precision(seeds=range(20)) -> list[PalindromeRun]:
    """Pairs of runs in float32 and under bfloat16 autocast that differ in nothing else.

    T = 19 with report 000's LSTM, where about half of the seeds succeed.
    """
    return grid(
        PalindromeRun, model="lstm", T=19, seed=seeds, steps=3000, bf16=[False, True], **INIT_000
    )


#: Part -> its runs, in the order in which the full study computes them.
PARTS = {
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
    "growing_far": lambda: growing(["LSTM, best setting"], 2560, range(3)),
    "far_320": lambda: far(320, steps=4000),
    "relatives_80": lambda: relatives(80),
    "lstm_160": lambda: lstm_one_factor(160, range(5), 2000, bf16=True, **STOP),
    "relatives_160": lambda: relatives(160),
    "far_640": lambda: far(640),
}
