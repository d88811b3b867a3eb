"""Recurrent networks: the base wing.

palindromes -> cells -> bptt, training -> experiments -> plots -> widgets
"""

from helpers.recurrent.cells import GRU, LSTM, PeepholeLSTM, SequenceClassifier, VanillaRNN

__all__ = ["GRU", "LSTM", "PeepholeLSTM", "SequenceClassifier", "VanillaRNN"]
