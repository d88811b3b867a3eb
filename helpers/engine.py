"""The papermill engine that cannot hang on widgets.

Notebooks whose cells fill output widgets can hang nbclient for ever (its issue 312): it sends
widget state while it polls the shell channel without a timeout, and misses the wake-up. This engine
polls with a short timeout instead. It is registered with papermill as ``polling``:
``papermill --engine polling in.ipynb out.ipynb``.
"""

import time
from contextlib import contextmanager
from queue import Empty

from jupyter_client.channels import AsyncZMQSocketChannel

_POLL_S = 0.2


@contextmanager
def short_polls():
    """Within this block every wait on a kernel's channel is a loop of waits of at most 0.2 s."""
    original = AsyncZMQSocketChannel.get_msg

    async def get_msg(self, timeout=None):
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _POLL_S if end is None else min(_POLL_S, max(0.0, end - time.monotonic()))
            try:
                return await original(self, timeout=left)
            except Empty:
                if end is not None and time.monotonic() >= end:
                    raise

    AsyncZMQSocketChannel.get_msg = get_msg
    try:
        yield
    finally:
        AsyncZMQSocketChannel.get_msg = original


def __getattr__(name: str):
    """``PollingEngine``, made when it is first asked for.

    papermill imports the engines that are registered while it is imported itself: this module
    must not need papermill before somebody needs the engine.
    """
    if name != "PollingEngine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from papermill.engines import NBClientEngine

    return globals().get(name) or globals().setdefault(name, _polling(NBClientEngine))


def _polling(NBClientEngine):
    class PollingEngine(NBClientEngine):
        """papermill's own engine, run inside :func:`short_polls`, with streams in one piece.

        ``on_cell``, an option of :func:`papermill.execute_notebook`, is called with the number of a
        cell that begins and how many there are.
        """

        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, *, on_cell=None, **options):
            options.setdefault("coalesce_streams", True)
            if on_cell is not None:
                begin, cells = nb_man.cell_start, len(nb_man.nb.cells)

                def cell_start(cell, cell_index=None, **keywords):
                    on_cell(cell_index + 1, cells)
                    return begin(cell, cell_index, **keywords)

                nb_man.cell_start = cell_start
            with short_polls():
                return super().execute_managed_notebook(nb_man, kernel_name, **options)

    return PollingEngine
