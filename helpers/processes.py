"""Processes that end when they should: with the one that started them, or when a person says so."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import psutil

#: Seconds between two looks at whether a parent still lives.
LOOK_EVERY_S = 1.0


def end_with(parent: int) -> None:
    """Let this process end soon after its parent, which may be killed without a chance to say so.

    A worker that trains for minutes would otherwise go on for nobody. Calling it again, or in the
    parent itself, does nothing.

    Args:
        parent: the number of the process that started this one.
    """
    if parent == os.getpid() or any(t.name == "end-with-parent" for t in threading.enumerate()):
        return

    def watch():
        while lives(parent):
            time.sleep(LOOK_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def lives(parent: int) -> bool:
    """Whether the parent of this process still lives."""
    if os.name == "posix":
        return os.getppid() == parent  # the child of a dead process is given another parent
    return psutil.pid_exists(parent)


def end_tree(process: int) -> None:
    """Kill a process with all that it started, and what those started.

    Each is stopped before its children are listed, so that none is born behind the list.
    """
    try:
        root = psutil.Process(process)
        root.suspend()
        children = root.children()
    except psutil.Error:  # it has ended by itself
        return
    for child in children:
        end_tree(child.pid)
    try:
        root.kill()
    except psutil.Error:
        return


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

    Ctrl-C (SIGINT) and SIGTERM end it in one line, with status 130 and 143: wherever ``main`` is
    then, :class:`Ended` is raised there, once.

    Args:
        name: what the line calls the program.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)

    def end(number, _):
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)  # what is being ended is not interrupted again
        raise Ended(number)

    for number in numbers:
        signal.signal(number, end)
    try:
        sys.exit(main())
    except Ended as ended:
        print(f"{name}: ended by {ended}; what was finished is kept", file=sys.stderr)
        sys.exit(ended.status)
