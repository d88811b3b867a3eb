"""The recurrent cells, each one class in one file, written equation by equation.

A file of this folder is found by itself. What others need to know of a cell stands in its class
(:class:`helpers.recurrent.core.RecurrentCore`); the studies, figures and tests find it by its
``name`` in :data:`CELLS`.
"""

import importlib
import pkgutil

from helpers.recurrent.cells.gru import GRU
from helpers.recurrent.cells.lstm import LSTM
from helpers.recurrent.cells.peephole import PeepholeLSTM
from helpers.recurrent.cells.rnn import VanillaRNN
from helpers.recurrent.core import CELLS, find_cell

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["CELLS", "GRU", "LSTM", "PeepholeLSTM", "VanillaRNN", "find_cell"]
