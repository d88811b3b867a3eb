"""A pytest plugin for the nbval run: every equation that holds must fail when a side is moved.

``pytest -p tests.nbval_disturb --nbval-lax notebooks``. Behind each cell that calls ``holds``, each
side of each equation is moved by one part in a thousand; one that is not noticed fails the run.
"""

from helpers.processes import leave_home_alone

leave_home_alone()  # and so do the kernels

CHECK = """
from helpers import equations as _equations
_blind = {h.number: sides for h in _equations.HELD if (sides := _equations.survives_disturbance(h))}
_equations.HELD.clear()
assert not _blind, f"equations that hold whatever their sides are: {_blind}"
"""


def pytest_collection_modifyitems(items):
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is not None and cell.get("cell_type") == "code" and "holds(" in cell.source:
            cell.source += CHECK
