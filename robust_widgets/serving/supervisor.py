"""Starts a server's process again whenever it ends by accident: killed, out of memory, or by a bug."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0  # seconds before the next start; doubled after each process that died young
YOUNG = 30.0  # seconds
TERM_SECONDS = 15.0  # that a process may take to end its runs
BAD_INPUT = 2  # exit status of a mistake in the command, which another start would only repeat
CHILD = "ROBUST_WIDGETS_SUPERVISED"  # environment variable of the process that serves


def is_child() -> bool:
    """Whether this process was started by `supervise`."""
    return os.environ.get(CHILD) == "1"


def end_with_parent() -> None:
    """End this process when the one that started it has ended, however that happened."""

    def wait() -> None:
        with suppress(OSError, ValueError):
            while os.read(0, 1):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="robust-widgets parent", daemon=True).start()


def supervise(command: Sequence[str], say: Callable[[str], object]) -> int:
    """Run a command, again and again if it ends by accident; returns the exit status of its last end.

    Ctrl-C and SIGTERM end it for good.

    Args:
        command: the program and its arguments.
        say: called with a sentence whenever it is started again.
    """
    stopping = threading.Event()
    process: subprocess.Popen[bytes] | None = None

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        if process is not None and process.poll() is None:
            process.terminate()

    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, stop)
    wait = FIRST_WAIT
    while True:
        began = time.monotonic()
        # Its standard input is a pipe that closes when this process ends. Ctrl-C reaches this process alone.
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env={**os.environ, CHILD: "1"}, start_new_session=os.name == "posix"
        )
        status = _wait(process, stopping)
        if stopping.is_set() or status in (0, BAD_INPUT):
            return 0 if stopping.is_set() else status
        wait = FIRST_WAIT if time.monotonic() - began > YOUNG else wait
        say(f"The server ended by accident (exit status {status}); it starts again in {wait:.1f} s.")
        if stopping.wait(wait):
            return 0
        wait = min(LONGEST_WAIT, 2 * wait)


def _wait(process: subprocess.Popen[bytes], stopping: threading.Event) -> int:
    """Wait for a process; one that does not end when it is told to is killed."""
    while not stopping.is_set():
        with suppress(subprocess.TimeoutExpired):
            return process.wait(0.5)
    try:
        return process.wait(TERM_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def this_command(arguments: Sequence[str]) -> list[str]:
    """The command line that runs this program with other arguments."""
    return [sys.executable, "-P", "-m", "robust_widgets.cli", *arguments]
