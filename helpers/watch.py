"""What the runner is executing right now: cells done and the time so far."""

import sys
import threading
import time
from queue import Empty


class Watch:
    """Shows on standard error how far each notebook is.

    On a terminal one line that changes; elsewhere, in a log, a line now and then.

    Attributes:
        queue: where the processes that execute put (notebook, cell, cells).
    """

    #: Seconds between two lines in a log.
    EVERY_S = 20

    def __init__(self, context, stream=None):
        self.queue = context.Queue()
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._running: dict[str, tuple[int, int, float]] = {}  # cell, cells, when begun
        self._shown = 0.0
        self._lock = threading.Lock()
        self._done = threading.Event()

    def __enter__(self):
        self._shown = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_):
        # Not through the queue: a process that was killed may have died with its lock.
        self._done.set()
        self._thread.join(timeout=2.0)
        self._clear()

    def say(self, line: str) -> None:
        """Print a line that stays."""
        with self._lock:
            self._clear()
            self._running.pop(line.split()[0], None)
            print(line, flush=True)

    def _clear(self) -> None:
        if self._live:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def _listen(self) -> None:
        while not self._done.is_set():
            try:
                heard = self.queue.get(timeout=0.25)
            except Empty:
                heard = ()
            with self._lock:
                if heard:
                    name, cell, cells = heard
                    begun = self._running.get(name, (0, 0, time.monotonic()))[2]
                    self._running[name] = (cell, cells, begun)
                self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if not self._running or (not self._live and now - self._shown < self.EVERY_S):
            return
        self._shown = now
        text = "   ".join(
            f"{name}: cell {cell} of {cells}, {now - begun:.0f} s"
            for name, (cell, cells, begun) in self._running.items()
        )
        self._stream.write(f"\r\033[K{text}" if self._live else f"… {text}\n")
        self._stream.flush()
