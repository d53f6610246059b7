"""Locks of files, as Windows has them, too: there a range of bytes is locked, from the file's position on."""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from robust_widgets._files import locks
from robust_widgets._files.locks import held, lock, shared_lines
from tests.helpers import at_once


def lock_bytes(descriptor: int) -> None:
    """What `msvcrt.locking` does with one byte, by Linux's locks of open files."""
    import fcntl

    set_lock = 37  # F_OFD_SETLK: two handles of one process exclude each other, too, as on Windows
    wanted = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_CUR, 0, 1, 0)
    try:
        fcntl.fcntl(descriptor, set_lock, wanted)
    except BlockingIOError:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None


@pytest.fixture(params=["this system", "Windows"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whose locks are used."""
    if request.param == "Windows" and sys.platform != "win32":
        if sys.platform != "linux":
            pytest.skip("the stand-in for Windows's locks needs Linux")
        monkeypatch.setattr(locks, "LOCKS_BYTES", True)
        monkeypatch.setattr(locks, "_try_lock", lock_bytes)
    return str(request.param)


@pytest.mark.usefixtures("system")
def test_a_file_that_is_held_is_refused_to_another_until_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with held(path):
        with pytest.raises(BlockingIOError), held(path):
            pass
        path.write_text("a line")
    with held(path):
        assert path.read_text() == "a line"
    path.write_text("")
    with pytest.raises(KeyError), held(path):
        raise KeyError
    assert not path.exists(), "an empty one is removed, whatever happened meanwhile"


@pytest.mark.usefixtures("system")
def test_lines_of_many_writers_are_not_mixed(tmp_path: Path) -> None:
    def write(name: str) -> None:
        for number in range(25):
            with shared_lines(tmp_path / "lines") as lines:
                found, _ = lines.read()
                lines.append(f"{name} {number} after {len(found)}")

    at_once(*(partial(write, name) for name in "abcd"))
    assert [line.split()[-1] for line in (tmp_path / "lines").read_text().splitlines()] == [str(i) for i in range(100)]


@pytest.mark.usefixtures("system")
def test_a_lock_moves_nothing_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with (tmp_path / "file").open("r+b", buffering=0) as file:
        file.seek(3)
        assert lock(file.fileno()) and file.tell() == 3 and file.read() == b"tent"
    assert (tmp_path / "file").stat().st_size == 7


@pytest.mark.parametrize("wait", [True, False])
def test_a_disk_without_locks_is_told_and_used(
    wait: bool, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_: int) -> None:
        raise OSError(errno.EINVAL if system == "Windows" else errno.ENOLCK, "no locks here")

    monkeypatch.setattr(locks, "_try_lock", cannot)
    with (tmp_path / "file").open("wb") as file:
        assert not lock(file.fileno(), wait=wait)
    with shared_lines(tmp_path / "file") as lines:
        lines.append("a line")
    assert (tmp_path / "file").read_bytes() == b"a line\n"


def test_windows_locks_a_byte_behind_all_content(tmp_path: Path, system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if system != "Windows":
        pytest.skip("only Windows forbids others to read what is locked")
    places: list[int] = []
    lock_there: Callable[[int], None] = locks._try_lock  # pyright: ignore[reportPrivateUsage]

    def watched(descriptor: int) -> None:
        places.append(os.lseek(descriptor, 0, os.SEEK_CUR))
        lock_there(descriptor)

    monkeypatch.setattr(locks, "_try_lock", watched)
    with held(tmp_path / "log"):
        assert places == [2**31 - 2]
