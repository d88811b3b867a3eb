"""Recurrent networks, the base wing: models and mathematics. Imports none.

initialisation -> core -> cells -> classifier -> bptt, training -> gradient_flow
    -> cell_memory, note_taker -> plots -> widgets
"""

from helpers.recurrent.cells import CELLS, GRU, LSTM, PeepholeLSTM, VanillaRNN, find_cell
from helpers.recurrent.classifier import SequenceClassifier, SequenceModel

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "PeepholeLSTM",
    "SequenceClassifier",
    "SequenceModel",
    "VanillaRNN",
    "find_cell",
]
