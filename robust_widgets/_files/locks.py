"""Locks of files against other processes, and files of lines that several of them write."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

# Windows locks bytes, also those after a file's end, and lets nobody else read or write them meanwhile. So the locked
# byte is far behind all content, and as far as its C library can seek in 32 bits.
LOCKED_BYTE = 2**31 - 2
LOCKS_BYTES = sys.platform == "win32"
ASK_AGAIN_SECONDS = 0.02

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        # The mode that waits would give up after ten seconds.
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock(descriptor: int, *, wait: bool = True) -> bool:
    """Lock an open file, until it is closed, against everyone else who asks for its lock.

    Returns:
        False where the file system has no locks.

    Raises:
        BlockingIOError: without ``wait``, somebody else has the lock.
    """
    while True:
        try:
            with _at_locked_byte(descriptor):
                _try_lock(descriptor)
            return True
        except (BlockingIOError, PermissionError):  # on Windows the latter
            if not wait:
                raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK)) from None
        except OSError:
            return False
        time.sleep(ASK_AGAIN_SECONDS)


@contextlib.contextmanager
def _at_locked_byte(descriptor: int) -> Generator[None]:
    """On Windows, the file's position is the byte to lock meanwhile."""
    if not LOCKS_BYTES:
        yield
        return
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
    try:
        yield
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)


@contextlib.contextmanager
def held(path: Path) -> Generator[None]:
    """Hold a file against other processes that hold it. It is made if missing, and removed if it is empty at the end.

    Raises:
        BlockingIOError: another one holds it.
        OSError: it cannot be opened.
    """
    with path.open("ab") as file:
        lock(file.fileno(), wait=False)
        try:
            yield
        finally:
            if not os.fstat(file.fileno()).st_size:
                if LOCKS_BYTES:
                    file.close()  # Windows removes no open file
                with contextlib.suppress(OSError):
                    path.unlink()


@contextlib.contextmanager
def shared_lines(path: Path) -> Generator[LinesFile]:
    """Open a file of lines, which is made if missing, for this process alone: others wait.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("a+b", buffering=0) as file:
        lock(file.fileno())
        yield LinesFile(file)


class LinesFile:
    """A file of lines, to which whole lines are added.

    Args:
        file: unbuffered, opened for reading and appending.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def read(self, start: int = 0) -> tuple[list[bytes], int]:
        """The lines from a position on, and the position after them; a last line that was cut off is removed."""
        self._file.seek(start)
        whole, newline, rest = self._file.readall().rpartition(b"\n")
        end = start + len(whole) + len(newline)
        if rest:
            self._file.truncate(end)
        return whole.splitlines(), end

    def append(self, line: str) -> None:
        """Add a line, whole or not at all.

        Raises:
            OSError: it could not be written.
        """
        end = self._file.seek(0, os.SEEK_END)
        data = line.encode() + b"\n"
        if end:
            self._file.seek(end - 1)
            data = data if self._file.read(1) == b"\n" else b"\n" + data  # after a line that was cut off
        try:
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(end)
            raise
