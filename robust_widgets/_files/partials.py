"""Half written files: each write has one of its own, and those of killed processes are removed."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import IO, Any

from robust_widgets._files.locks import lock

PARTIAL = re.compile(r"\.robust-widgets-[0-9a-f]{16}\.partial")
PARTIAL_SECONDS = 3600  # age at which a partial is stale where its lock tells nothing

# A partial is locked while it gets its name. Windows neither renames nor removes a file that is open, so there it
# cannot be; for the same reason nobody can remove it while it is written.
LOCKS = sys.platform != "win32"

_swept: set[Path] = set()


def write_partial(
    target: Path, write: Callable[[IO[bytes]], object], *, old: os.stat_result | None, overwrite: bool, private: bool
) -> None:
    """Write a file under another name, and give it its own when it is complete.

    Args:
        target: the file.
        write: writes the content.
        old: what is known of the old file, whose permissions are kept; None if there is none.
        overwrite: replace an old file.
        private: only this user may read it.

    Raises:
        FileExistsError: there is an old file that is not to be replaced.
        OSError: the file cannot be written.
    """
    folder = target.parent
    if folder not in _swept:
        _swept.add(folder)
        remove_stale_partials(folder)
    partial, descriptor = _new_partial(folder, 0o600 if private else 0o666)
    twin = os.dup(descriptor) if LOCKS else -1  # keeps the lock after the file is closed
    try:
        _fill(RawFile(partial, "wb", opener=lambda *_: descriptor), write, sync=old is not None)
        if old is not None and not private:
            _copy_permissions(old, partial)
        _put(partial, target, overwrite=overwrite)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    finally:
        if LOCKS:
            os.close(twin)


class RawFile(io.FileIO):
    """Remembers the first error, because libraries that write into a file may raise another one for it."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return self.to_disk(data)
        except OSError as error:
            self.failure = self.failure or error
            raise

    def to_disk(self, data: Any) -> int:
        """Write some of the data; returns how many bytes."""
        return super().write(data)


def _fill(raw: RawFile, write: Callable[[IO[bytes]], object], *, sync: bool) -> None:
    """Write a file's content and close it; ``sync`` waits until it is on the disk."""
    file = io.BufferedWriter(raw)
    try:
        write(file)
        file.flush()
        if raw.failure is not None:  # somebody caught it
            raise raw.failure
        if sync:
            _sync(file.fileno())
    except BaseException as error:
        with contextlib.suppress(OSError):
            file.close()
        if raw.failure not in (None, error) and isinstance(error, Exception):
            raise raw.failure from error
        raise
    file.close()


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # a file system that cannot
            raise


def _copy_permissions(old: os.stat_result, partial: Path) -> None:
    with contextlib.suppress(OSError):
        if sys.platform != "win32":
            os.chown(partial, old.st_uid, old.st_gid)
    with contextlib.suppress(OSError):
        partial.chmod(stat.S_IMODE(old.st_mode))


def _put(partial: Path, target: Path, *, overwrite: bool) -> None:
    """Give a complete file its name.

    Raises:
        FileExistsError: something has this name already, and is not to be replaced.
    """
    if overwrite:
        partial.replace(target)
        return
    try:
        os.link(partial, target)  # fails if the name is taken, which a rename does not
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        partial.rename(target)
    else:
        partial.unlink()


def _partial_name() -> str:
    # Short, because the partial of a long name needs a name, too; random, because containers repeat process numbers.
    return f".robust-widgets-{secrets.token_hex(8)}.partial"


def _new_partial(folder: Path, mode: int) -> tuple[Path, int]:
    """A new file for one write, locked as long as it is open, so that others do not take it for a stale one."""
    while True:
        partial = folder / _partial_name()
        try:
            descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        except FileExistsError:
            continue
        if LOCKS:
            lock(descriptor)
        if os.fstat(descriptor).st_nlink:
            return partial, descriptor
        os.close(descriptor)  # taken for a stale one between its creation and the lock


@contextlib.contextmanager
def partial_folder(place: Path, keep: Iterable[Path] = ()) -> Generator[Path]:
    """A new folder to fill, next to ``place``; it becomes ``place`` if the block succeeds, and is removed otherwise.

    Args:
        place: a folder that does not exist, or an empty one.
        keep: what may be in it nevertheless, and stays.

    Raises:
        OSError: something could not be written.
    """
    remove_stale_partials(place.parent)
    partial = place.parent / _partial_name()
    partial.mkdir()
    descriptor = os.open(partial, os.O_RDONLY) if LOCKS else -1
    try:
        if LOCKS:
            lock(descriptor)
        yield partial
        for entry in keep:
            entry.rename(partial / entry.name)
        if place.exists():
            place.rmdir()
        partial.rename(place)
    except BaseException:
        for entry in keep:
            if not os.path.lexists(entry):
                place.mkdir(exist_ok=True)
                (partial / entry.name).rename(entry)
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        if LOCKS:
            os.close(descriptor)


def remove_stale_partials(folder: Path) -> None:
    """Remove what killed processes left half written in a folder. Best effort: errors are ignored."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if PARTIAL.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    _remove_if_stale(path)


def _remove_if_stale(partial: Path) -> None:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(partial, flags) if LOCKS else -1
    try:
        locked = LOCKS and lock(descriptor, wait=False)
        if not locked and time.time() - partial.lstat().st_mtime < PARTIAL_SECONDS:
            return
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink()
    except BlockingIOError:
        pass  # its writer is alive
    finally:
        if LOCKS:
            os.close(descriptor)
