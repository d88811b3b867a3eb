"""The settings of the study by name: both reports' initialisations, good settings of each cell."""

import math

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
#: The reports by their numbers.
INITS = {"000": INIT_000, "001": INIT_001}

#: A run whose success and time to success are asked, and nothing later, ends after so many steps.
STOP = {"stop_after_perfect": 100}

#: The initialisation among the LSTM's factors that is no report's.
_ORTHOGONAL = {"W_h": "orthogonal", "W_x": "uniform", "W_ph": "uniform"}
#: Factor of the LSTM -> name of a level -> what it sets. The first level of each belongs to the
#: setting around which it is varied. "T" stands for the run's length.
LSTM_FACTORS = {
    "rate": {
        "0.003": {"lr": 3e-3},
        "0.0003": {"lr": 3e-4},
        "0.001": {"lr": 1e-3},
        "0.01": {"lr": 1e-2},
        "0.03": {"lr": 3e-2},
    },
    "encoding": {
        "one-hot": {"encoding": "one_hot"},
        "centred": {"encoding": "centred"},
        "raw digit": {"encoding": "raw"},
    },
    "initialisation": {
        "orthogonal": _ORTHOGONAL,
        "report 000": INIT_000,
        "report 001": INIT_001_LSTM,
    },
    "forget bias": {
        "chrono": {"chrono": "T"},
        "1.0": {"forget_bias": 1.0},
        "0.0": {"forget_bias": 0.0},
    },
}
#: What the setting in the middle of the factors is called.
CENTRE = "best setting"


def lstm_setting(T: int, factor: str | None = None, level: str | None = None) -> dict:
    """The LSTM's setting in the middle, with one factor moved to another level."""
    chosen = {}
    for name, levels in LSTM_FACTORS.items():
        chosen |= levels[level] if name == factor else next(iter(levels.values()))
    return {name: float(T) if value == "T" else value for name, value in chosen.items()}


#: Two layers each: what one layer of a minGRU writes sees one input and nothing of the past.
MIN_GRU = {"model": "min_gru", "encoding": "one_hot", "lr": 3e-3, "num_layers": 2}
LRU = {
    "model": "lru",
    "encoding": "one_hot",
    "lr": 3e-3,
    "num_layers": 2,
    "options": "r_max=0.9999, r_min=0.99",
}

#: Networks whose length grows: both reports' RNNs as they are, and each cell at a good setting.
GROWN = {
    "RNN, report 000": {"model": "rnn", **INIT_000},
    "RNN, report 001": {"model": "rnn", **INIT_001},
    "RNN, orthogonal": {"model": "rnn", "encoding": "one_hot", "lr": 3e-4, "W_h": "orthogonal"},
    "GRU": {"model": "gru", "encoding": "one_hot", "lr": 3e-3, "W_h": "orthogonal"},
    "LSTM, best setting": {"model": "lstm", **lstm_setting(640)},
}
#: Their relatives; the peephole LSTM has no fused kernel and ends at 160 digits.
GROWN_RELATIVES = {
    "RNN, identity": {"model": "rnn", "encoding": "one_hot", "lr": 3e-4, "W_h": "identity"},
    "LSTM, peepholes": {"model": "peephole", **lstm_setting(160)},
    "minGRU, 2 layers": {**MIN_GRU, "chrono": 640.0},
    "LRU, 2 layers": LRU,
}

#: Cells on the adding problem and on the copy task; "T" stands for the length.
ON_OTHER_TASKS = {
    "RNN, orthogonal": {"model": "rnn", "lr": 1e-3, "W_h": "orthogonal"},
    "RNN, identity": {"model": "rnn", "lr": 1e-3, "W_h": "identity"},
    "LSTM": {"model": "lstm", "lr": 3e-3, "W_h": "orthogonal"},
    "LSTM, chrono bias": {"model": "lstm", "lr": 3e-3, "W_h": "orthogonal", "chrono": "T"},
    "LRU, 2 layers": {name: LRU[name] for name in ("model", "lr", "num_layers", "options")},
}
