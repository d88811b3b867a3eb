"""Shared fixtures. Equations are compared in float64 on one thread."""

import os

import pytest

from helpers.processes import leave_home_alone
from tests.local_cluster import local_cluster

leave_home_alone()
os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is loaded
# Nothing here loads torch before a test needs it: the process that only shares tests out does not.


@pytest.fixture
def float64():
    """Everything made inside the test is float64 unless it says otherwise."""
    import torch

    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(autouse=True)
def seeded():
    import torch

    torch.manual_seed(0)


@pytest.fixture
def scheduler():
    """A real Dask scheduler: its address, and a function that starts a worker."""
    with local_cluster() as found:
        yield found
