"""Processes that leave nothing behind.

They end with the one that started them, or when a person says so, and write nothing into a home.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from helpers import paths

#: Seconds between two looks at whether a parent still lives.
LOOK_EVERY_S = 1.0

#: Seconds that a program which was told to end may wait for what it has started.
LAST_WAIT_S = 2.0

#: What libraries write into a person's home, unless a variable names another folder.
_FOLDERS = {
    "MPLCONFIGDIR": "matplotlib",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter/data",
    "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
}


def leave_home_alone() -> None:
    """Let this process, and all that it starts, keep caches and settings below ``data/runs``.

    Before matplotlib, IPython or Jupyter are imported. Folders that a person has named stay. Not
    for JupyterLab, whose settings are the person's own.
    """
    with suppress(OSError):  # a clone that cannot be written to: each tool then says what it does
        (paths.EXECUTED / "settings").mkdir(parents=True, exist_ok=True)
    for variable, folder in _FOLDERS.items():
        os.environ.setdefault(variable, str(paths.EXECUTED / "settings" / folder))


def end_with(parent: int) -> None:
    """Let this process end soon after its parent, which may be killed without a chance to say so.

    A worker that trains for minutes would otherwise go on for nobody. It ends all that it has
    started too: a kernel that follows it does not end what its cells have started. Calling it
    again, or in the parent itself, does nothing.

    Args:
        parent: the number of the process that started this one.
    """
    if parent == os.getpid() or any(t.name == "end-with-parent" for t in threading.enumerate()):
        return

    def watch():
        while lives(parent):
            time.sleep(LOOK_EVERY_S)
        for child in _children(os.getpid()):
            end_tree(child)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def lives(parent: int) -> bool:
    """Whether the parent of this process still lives."""
    if os.name == "posix":
        return os.getppid() == parent  # the child of a dead process is given another parent
    return psutil.pid_exists(parent)


def end_tree(process: int) -> None:
    """Kill a process with all that it started, and what those started.

    Each is stopped before its children are listed, so that none is born behind the list. A tracker
    of resources is left alone: it ends by itself when nobody holds its pipe any more, and first
    removes what the others have left in shared memory.
    """
    try:
        root = psutil.Process(process)
        # What it runs, not an option that names it: `-W ignore:resource_tracker` is handed down.
        if any("resource_tracker import main" in argument for argument in root.cmdline()):
            return
        root.suspend()
    except psutil.Error:  # it has ended by itself
        return
    try:
        for child in _children(process):
            end_tree(child)
    finally:  # what is stopped would otherwise stay so for ever
        with suppress(psutil.Error):
            root.kill()


def _children(parent: int) -> list[int]:
    """Numbers of the processes that a stopped one has started.

    psutil's own list leaves out a child that seems older than its parent, and reads the machine's
    clock twice to say so: where the clock is being set meanwhile, children are missed.
    """
    found = []
    for number in psutil.pids():
        with suppress(psutil.Error):  # one that has ended since
            if psutil.Process(number).ppid() == parent:
                found.append(number)
    return found


@contextmanager
def hearing_ctrl_c_later() -> Iterator[None]:
    """Keep Ctrl-C from a process that is started inside, and from this one until the end of it.

    A terminal tells the whole group, and Python would die with a traceback while it still loads its
    modules. The process calls :func:`leave_ctrl_c_to_parent` first. Does nothing on Windows.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_ctrl_c_to_parent() -> None:
    """Ignore Ctrl-C in this process: its parent hears it, and ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class Ended(BaseException):
    """A person or the system asked this program to end.

    Attributes:
        status: the exit status: 128 and the signal's number, as shells have it.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def command(name: str, main: Callable[[], int]) -> None:
    """Run ``main`` and exit with the status that it returns.

    What the system refuses, as a full disk does, is a line and status 1. Ctrl-C (SIGINT) and
    SIGTERM end it in one line, with status 130 and 143: wherever ``main`` is
    then, :class:`Ended` is raised there, once.

    A character that the output cannot take becomes a question mark: on Windows a redirected one
    knows a few hundred, and no rule of a table.

    Args:
        name: what the line calls the program.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a test's own stream may have no encoding
            stream.reconfigure(errors="replace")
    numbers = (signal.SIGINT, signal.SIGTERM)

    def end(number, _):
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)  # what is being ended is not interrupted again
        raise Ended(number)

    for number in numbers:
        signal.signal(number, end)
    try:
        sys.exit(main())
    except OSError as error:
        print(f"{name}: {error or type(error).__name__}", file=sys.stderr)
        sys.exit(1)
    except Ended as ended:
        print(f"{name}: ended by {ended}; what was finished is kept", file=sys.stderr)
        # Python's own exit joins whatever threads and processes are left, however long they take.
        last = threading.Timer(LAST_WAIT_S, os._exit, [ended.status])
        last.daemon = True
        last.start()
        sys.exit(ended.status)
