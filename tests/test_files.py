"""Files that are written whole or not at all, whoever else writes, and never over what has to stay."""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from robust_widgets._files import atomic_write, check_output, clean_name, free_path, make_folder, write_free
from robust_widgets._files import partials as writing
from robust_widgets._files.locks import LinesFile, shared_lines
from robust_widgets._files.partials import partial_folder, remove_stale_partials
from robust_widgets.errors import SaveError
from tests.full_disk import fill_after
from tests.helpers import at_once, raises_sentence
from tests.kills import partials

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions, links and locks")
OLD = b"the old content"


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process, nothing was removed from any folder yet."""
    monkeypatch.setattr(writing, "_swept", set())


def content(text: bytes) -> Callable[[IO[bytes]], object]:
    return lambda file: file.write(text)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("process", ["this", "another container"])
def test_many_writers_of_one_file_leave_one_of_their_contents(
    process: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if process == "another container":
        monkeypatch.setattr(os, "getpid", lambda: 1)
    path, contents = tmp_path / "file", [bytes([65 + i]) * 50_000 for i in range(6)]
    seen: set[bytes] = set()

    def write(text: bytes) -> None:
        for _ in range(20):
            atomic_write(path, lambda file: [file.write(text[at : at + 997]) for at in range(0, len(text), 997)])
            seen.add(path.read_bytes())

    at_once(*(partial(write, text) for text in contents))
    assert seen <= set(contents) and list(tmp_path.iterdir()) == [path]


@POSIX
def test_a_partial_is_never_one_that_is_there_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim, tokens = tmp_path / "victim", iter(["0" * 16, "1" * 16])
    victim.write_bytes(OLD)
    (tmp_path / f".robust-widgets-{'0' * 16}.partial").symlink_to(victim)
    monkeypatch.setattr(writing, "remove_stale_partials", lambda _: None)
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(tokens))
    atomic_write(tmp_path / "file", content(b"new"))
    assert victim.read_bytes() == OLD and (tmp_path / "file").read_bytes() == b"new"


DIES = """
import os, sys
from pathlib import Path
from robust_widgets._files import atomic_write
atomic_write(Path(sys.argv[1]), lambda file: (file.write(b"half"), file.flush(), os._exit(9)))
"""


@POSIX
@pytest.mark.parametrize("start", ["write", "folder"])
def test_the_next_start_removes_what_a_killed_process_left(start: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "file")], check=False)
    assert (tmp_path / "file").read_bytes() == OLD and len(partials(tmp_path)) == 1
    if start == "write":
        atomic_write(tmp_path / "another", content(b"new"))
    else:
        with partial_folder(tmp_path / "folder"):
            pass
    assert partials(tmp_path) == []


@POSIX
def test_a_partial_that_is_being_written_stays(tmp_path: Path) -> None:
    def write(file: IO[bytes]) -> None:
        file.write(b"half")
        remove_stale_partials(tmp_path)
        assert len(partials(tmp_path)) == 1
        with partial_folder(tmp_path / "folder") as partial:
            remove_stale_partials(tmp_path)
            assert partial.is_dir() and len(partials(tmp_path)) == 2
        file.write(b" and half")

    atomic_write(tmp_path / "file", write)
    assert (tmp_path / "file").read_bytes() == b"half and half" and (tmp_path / "folder").is_dir()
    assert partials(tmp_path) == []


@pytest.mark.parametrize("fails", [True, False])
def test_what_a_folder_may_hold_already_stays(fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "folder"
    (place / ".git").mkdir(parents=True)
    (place / ".git" / "config").write_bytes(OLD)

    def refuse(_: Path) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    try:
        with partial_folder(place, [place / ".git"]) as partial:
            (partial / "new").touch()
            if fails:
                monkeypatch.setattr(Path, "rmdir", refuse)
    except OSError:
        assert fails
    assert (place / ".git" / "config").read_bytes() == OLD and (place / "new").exists() is not fails
    assert partials(tmp_path) == []


@pytest.mark.parametrize("name", [".photo.png.partial", ".robust-widgets-notes.partial", "robust-widgets.partial"])
def test_files_of_others_stay(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(OLD)
    atomic_write(tmp_path / "file", content(b"new"))
    assert (tmp_path / name).read_bytes() == OLD


def test_without_locks_only_an_old_partial_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "lock", lambda *_, **__: False)
    old, new = (tmp_path / f".robust-widgets-{digit * 16}.partial" for digit in "ab")
    for path, age in ((old, writing.PARTIAL_SECONDS + 60), (new, 5)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    remove_stale_partials(tmp_path)
    assert list(tmp_path.iterdir()) == [new]


@POSIX
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_a_link(exists: bool, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "file", tmp_path / "link"
    if exists:
        target.write_bytes(OLD)
    link.symlink_to(Path("elsewhere") / "file")
    atomic_write(link, content(b"new"))
    assert link.is_symlink() and target.read_bytes() == b"new" and list(target.parent.iterdir()) == [target]


@POSIX
def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    with raises_sentence(SaveError, "link"):
        atomic_write(tmp_path / "link", content(b"new"))
    assert (tmp_path / "link").is_symlink()


@POSIX
def test_what_is_no_file_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    atomic_write(pipe, content(b"through"))
    assert os.read(reader, 99) == b"through" and stat.S_ISFIFO(pipe.stat().st_mode)
    os.close(reader)


def test_a_write_protected_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    path.chmod(0o444)
    with raises_sentence(SaveError, "write-protected"):
        atomic_write(path, content(b"new"))
    with raises_sentence(SaveError, "write-protected"):
        check_output(path, overwrite=True)
    assert path.read_bytes() == OLD and list(tmp_path.iterdir()) == [path]
    path.chmod(0o644)


@POSIX
def test_permissions_are_kept(tmp_path: Path) -> None:
    old, new, private = (tmp_path / name for name in ("old", "new", "private"))
    old.write_bytes(OLD)
    old.chmod(0o640)
    before = os.umask(0o027)
    try:
        atomic_write(old, content(b"new"))
        atomic_write(new, content(b"new"))
        atomic_write(private, content(b"new"), private=True)
    finally:
        os.umask(before)
    assert (mode(old), mode(new), mode(private)) == (0o640, 0o640, 0o600)
    private.chmod(0o644)
    atomic_write(private, content(b"new"), private=True)
    assert mode(private) == 0o600


@POSIX
def test_a_private_folder_is_closed_even_if_it_was_open(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(0o755)
    for name in ("open", "new"):
        make_folder(tmp_path / name, private=True)
        assert mode(tmp_path / name) == 0o700


@pytest.mark.parametrize("length", [200, 250, 255])
def test_a_name_may_be_as_long_as_the_system_allows(length: int, tmp_path: Path) -> None:
    path = tmp_path / ("a" * (length - 4) + ".png")
    for text in (b"old", b"new"):
        atomic_write(path, content(text))
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


def test_an_error_of_this_package_is_passed_on(tmp_path: Path) -> None:
    def refuse(_: object) -> None:
        raise SaveError("A video needs PyAV, which is not installed.")

    with pytest.raises(SaveError) as caught:
        atomic_write(tmp_path / "a.mp4", refuse)
    assert str(caught.value) == "A video needs PyAV, which is not installed."


class Disguises:
    """A library that raises an error of its own where a write fails, or none at all."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def save(self, file: IO[bytes]) -> None:
        try:
            file.write(bytes(100_000))
            file.write(bytes(100_000))
        except OSError:
            if self._error is not None:
                raise self._error from None


@pytest.mark.parametrize("error", [RuntimeError("PytorchStreamWriter failed writing file"), None])
def test_a_full_disk_is_told_even_if_a_library_hides_it(
    error: Exception | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_after(monkeypatch, 50_000)
    with raises_sentence(SaveError, os.strerror(errno.ENOSPC)):
        atomic_write(tmp_path / "file", Disguises(error).save)
    assert list(tmp_path.iterdir()) == []


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
LIBRARIES: dict[str, Callable[[IO[bytes]], object]] = {
    "torch": lambda file: torch.save({"weights": torch.arange(30_000.0), "step": 3}, file),
    "numpy": lambda file: np.savez_compressed(file, pixels=NOISE, more=NOISE),
    "PNG": lambda file: Image.fromarray(NOISE).save(file, "PNG"),
    "text": lambda file: file.write(b"line\n" * 4000),
}


@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(share=st.floats(0, 1))
def test_a_disk_that_is_full_at_any_byte_leaves_the_old_file(library: str, share: float, tmp_path_factory: Any) -> None:
    folder: Path = tmp_path_factory.mktemp("full")
    path, whole, write = folder / "file", io.BytesIO(), LIBRARIES[library]
    write(whole)
    path.write_bytes(OLD)
    with pytest.MonkeyPatch.context() as patched:
        fill_after(patched, int(share * (len(whole.getvalue()) - 1)))
        with raises_sentence(SaveError, os.strerror(errno.ENOSPC)):
            atomic_write(path, write)
    assert path.read_bytes() == OLD and list(folder.iterdir()) == [path]
    atomic_write(path, write)
    assert path.stat().st_size == pytest.approx(len(whole.getvalue()), rel=0.01)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        mounted = sys.platform == "linux" and subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this user cannot mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_disk_that_is_really_full(library: str, small_disk: Path) -> None:
    path, write = small_disk / "file", LIBRARIES[library]
    path.write_bytes(OLD)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(248 * 1024 - 1))
    with raises_sentence(SaveError, os.strerror(errno.ENOSPC)):
        atomic_write(path, write)
    assert path.read_bytes() == OLD and sorted(small_disk.iterdir()) == [path, filler]
    filler.unlink()
    atomic_write(path, write)
    assert path.stat().st_size > 1000


@settings(max_examples=300, deadline=None)
@given(words=st.text(max_size=300))
def test_a_name_made_from_words_is_a_plain_file_name(words: str) -> None:
    name = clean_name(words)
    assert (
        name
        and Path(name).name == name
        and not name.startswith((".", "-"))
        and len(f"{name}-999.rwtrace".encode()) < 255
    )
    assert not set(name) & set('/\\:*?"<>|\0\n') and clean_name(name) == name and name.isprintable()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("school bus/tram", "school-bus-tram"),
        ("and/or", "and-or"),
        ("../elsewhere/x", "elsewhere-x"),
        ("/etc/passwd", "etc-passwd"),
        ("..", "picture"),
        ("", "picture"),
        ("cafe\u0301", "caf\u00e9"),
        ("हिन्दी", "हिन्दी"),
        ("v1.2", "v1.2"),
        ("NUL", "_NUL"),
        ("com1.x", "_com1.x"),
        ("C:\\x", "C-x"),
        ("\u202egnp.exe", "gnp.exe"),
        ("ä" * 200, "ä" * 60),
    ],
)
def test_names_from_words(words: str, name: str) -> None:
    assert clean_name(words) == name


def test_a_free_name_is_numbered(tmp_path: Path) -> None:
    assert free_path(tmp_path / "lion.png") == tmp_path / "lion.png"
    for wanted in ("lion.png", "lion-2.png", "lion-3.png"):
        assert write_free(tmp_path / "lion.png", content(b"new")) == tmp_path / wanted


@POSIX
def test_a_link_that_leads_nowhere_is_free(tmp_path: Path) -> None:
    link = tmp_path / "bear.png"
    link.symlink_to(tmp_path / "elsewhere.png")
    check_output(link, overwrite=False)
    assert write_free(link, content(b"new")) == link and link.is_symlink()
    assert (tmp_path / "elsewhere.png").read_bytes() == b"new"
    assert write_free(link, content(b"newer")).name == "bear-2.png"
    assert (tmp_path / "elsewhere.png").read_bytes() == b"new"


@pytest.mark.parametrize("links", [True, False])
def test_a_name_taken_during_the_write_is_left_alone(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:
        monkeypatch.setattr(os, "link", refuse)

    def write(file: IO[bytes]) -> None:
        file.write(b"mine")
        if not (tmp_path / "lion.png").exists():
            (tmp_path / "lion.png").write_bytes(b"theirs")

    assert write_free(tmp_path / "lion.png", write) == tmp_path / "lion-2.png"
    with raises_sentence(SaveError, "exists", "--force"):
        atomic_write(tmp_path / "lion.png", write, overwrite=False)
    assert (tmp_path / "lion.png").read_bytes() == b"theirs" and (tmp_path / "lion-2.png").read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_which_files_may_be_replaced(tmp_path: Path) -> None:
    source, other, new = (tmp_path / name for name in ("photo.png", "old.png", "new.png"))
    for path in (source, other):
        path.write_bytes(OLD)
    (tmp_path / "link.png").symlink_to(source)
    for overwrite in (True, None, False):
        check_output(new, overwrite=overwrite, sources=[source])
    check_output(other, sources=[source, "gone.png", "no\0name"])
    for path in (source, tmp_path / "link.png", tmp_path / "." / "photo.png"):
        check_output(path, overwrite=True, sources=[source])
        for overwrite in (None, False):
            with raises_sentence(SaveError, "was made from", "--force"):
                check_output(path, overwrite=overwrite, sources=[source])
    with raises_sentence(SaveError, "old.png", "exists", "--force", "overwrite=True"):
        check_output(other, overwrite=False)


def test_lines_are_whole_whatever_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntw")
    with shared_lines(path) as lines:
        lines.append("three")
    assert path.read_bytes() == b"one\ntw\nthree\n"
    path.write_bytes(b"one\ntw")
    with shared_lines(path) as lines:
        assert lines.read() == ([b"one"], 4)
        lines.append("three")
        assert lines.read(4) == ([b"three"], 10)
    assert path.read_bytes() == b"one\nthree\n"

    class Full(io.FileIO):
        def write(self, data: Any, /) -> int:
            return super().write(data[:2])

    with Full(path, "a+b") as file, pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        LinesFile(file).append("four")
    assert path.read_bytes() == b"one\nthree\n"
