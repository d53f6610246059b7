"""Runs as files: PNG, GIF, NPZ; whole or not at all."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import pickle
import random
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from robust_widgets._files import atomic_write
from robust_widgets.errors import InputError, SaveError, TraceError
from robust_widgets.pictures.grid import enlarged, tile
from robust_widgets.runs import export, files
from robust_widgets.runs.export import strip
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace, load_trace
from tests.full_disk import fill_after
from tests.helpers import check_sentence, raises_sentence
from tests.runs.test_trace import frame, recorded

ENDINGS = [".png", ".gif", ".mp4", ".rwtrace", ".npz"]


@pytest.fixture(autouse=True)
def small_gifs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choosing a palette for each frame takes PIL a while; less for small frames."""
    monkeypatch.setattr(export, "GIF_SIDE", 32)


@pytest.mark.parametrize("seed", [None, 0, 2**31 - 1])
@pytest.mark.parametrize("n", [1, 3])
def test_npz_gives_the_same_run_to_the_bit(seed: int | None, n: int, tmp_path: Path) -> None:
    parameters = {"steps": 4, "epsilon": 0.1 + 0.2, "step_size": 1e-7, "seed": seed}
    trace = Trace("sketch_to_image", parameters, seed, "default", "00ff" * 4, "größer")
    for step in range(5):
        extremes = np.array([np.nan, np.pi * 1e-300, -0.0])[:n]
        pixels = np.random.default_rng(step).integers(0, 256, (n, 7, 5, 3)).astype(np.uint8)
        trace.append(Frame(step, pixels, extremes + step, extremes, np.full(n, 1 / 3), step / 7))
    trace.save(tmp_path / "run.npz")
    back = load_trace(tmp_path / "run.npz")
    np.testing.assert_array_equal(back.frames, trace.frames)
    assert back.frames.dtype == np.uint8 and len(back) == 5
    for name, values in trace.metrics.items():
        assert back.metrics[name].tobytes() == values.tobytes() and back.metrics[name].dtype == np.float64
    assert back.seconds.tobytes() == trace.seconds.tobytes()
    assert [back[i].step for i in range(5)] == list(range(5))
    for name in ("task", "parameters", "seed", "model", "fingerprint", "target"):
        assert getattr(back, name) == getattr(trace, name), name
    assert repr(back) == repr(trace)


def test_npz_keeps_what_only_some_frames_have(tmp_path: Path) -> None:
    trace = Trace("inpaint", {}, classes=("dog", "größer"), radius=12.5)
    trace.inputs = {"picture": np.full((4, 5, 3), 7, np.uint8), "mask": np.eye(4, 5, dtype=np.uint8)}
    for step in range(4):
        odd = step % 2 == 1
        extra = {
            "probabilities": np.full((2, 2), step / 3, np.float32) if odd else None,
            "gradient": np.full((2, 8, 8), step, np.uint8) if step < 3 else None,
        }
        trace.append(dataclasses.replace(recorded(3)[step], **extra))
    trace.save(tmp_path / "run.npz")
    back = load_trace(tmp_path / "run.npz")
    assert back.classes == ("dog", "größer") and back.radius == 12.5 and set(back.inputs) == {"picture", "mask"}
    for name, values in trace.inputs.items():
        np.testing.assert_array_equal(back.inputs[name], values)
    for step in range(4):
        for name in ("probabilities", "gradient"):
            old, new = getattr(trace[step], name), getattr(back[step], name)
            assert (old is None) == (new is None)
            if old is not None:
                np.testing.assert_array_equal(new, old)
                assert new.dtype == old.dtype


def test_npz_of_the_first_format_is_still_read(tmp_path: Path) -> None:
    back = load_trace(archive(tmp_path / "run.npz", {**GOOD, "format": "robust-widgets trace 1"}, **ROWS))
    assert len(back) == 2 and back.classes == () and back.radius is None and back.inputs == {}
    assert back[0].probabilities is None and back[0].gradient is None


def test_npz_holds_no_pickle_and_is_read_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded().save(tmp_path / "run.npz")
    with zipfile.ZipFile(tmp_path / "run.npz") as archive:
        for name in archive.namelist():
            np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    asked: list[object] = []
    read = np.lib.format.read_array
    monkeypatch.setattr(np.lib.format, "read_array", lambda *a, **k: asked.append(k["allow_pickle"]) or read(*a, **k))
    load_trace(tmp_path / "run.npz")
    assert len(asked) == 6 and not any(asked)


class Trap:
    """Unpickling this sets a flag."""

    sprung = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _spring, ()


def _spring() -> None:
    Trap.sprung = True


def test_a_malicious_file_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(Trap()))
    header = np.array(Trap(), dtype=object)
    np.savez(tmp_path / "object.npz", header=header, frames=header)
    for name in ("raw.npz", "object.npz"):
        with raises_sentence(TraceError, name):
            load_trace(tmp_path / name)
    assert not Trap.sprung


def test_png_is_the_final_picture(tmp_path: Path) -> None:
    trace = recorded(3)
    trace.save(tmp_path / "run.PNG")
    saved = Image.open(tmp_path / "run.PNG")
    assert saved.format == "PNG"
    np.testing.assert_array_equal(np.asarray(saved), np.hstack(list(trace[-1].pixels)))


@pytest.mark.parametrize("steps", [0, 1, 8])
def test_gif_plays_every_step(steps: int, tmp_path: Path) -> None:
    trace = recorded(steps)
    trace.save(tmp_path / "run.gif")
    with Image.open(tmp_path / "run.gif") as saved:
        assert saved.n_frames == steps + 1
        assert saved.size == (64, 32), "small pictures are enlarged"
        durations = []
        for step in range(steps + 1):
            saved.seek(step)
            durations.append(saved.info["duration"])
            wanted = np.asarray(enlarged(tile(trace[step].pixels), 32)).astype(float)
            assert np.abs(np.asarray(saved.convert("RGB")) - wanted).mean() < 16, f"frame {step} shows its own step"
    assert durations == [export.FRAME_MILLISECONDS] * steps + [export.LAST_FRAME_MILLISECONDS]


def test_gif_of_a_run_that_stands_still_lasts_as_long(tmp_path: Path) -> None:
    trace, first = Trace("generate", {}), recorded(0)[0]
    for step in range(6):
        trace.append(Frame(step, first.pixels, first.loss, first.probability, first.distance, 0.0))
    trace.save(tmp_path / "run.gif")
    with Image.open(tmp_path / "run.gif") as saved:
        total = 0
        for index in range(saved.n_frames):
            saved.seek(index)
            total += saved.info["duration"]
    assert total == 5 * export.FRAME_MILLISECONDS + export.LAST_FRAME_MILLISECONDS


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 2, 2), (5, 2, 3), (9, 3, 3)])
def test_tile_puts_every_picture_in_its_place(count: int, rows: int, columns: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (count, 4, 6, 3)).astype(np.uint8)
    grid = tile(pictures)
    assert grid.shape == (rows * 4, columns * 6, 3)
    for index in range(rows * columns):
        top, left = index // columns * 4, index % columns * 6
        cell = grid[top : top + 4, left : left + 6]
        np.testing.assert_array_equal(cell, pictures[index] if index < count else np.full((4, 6, 3), 255))


def test_the_strip_shows_the_first_and_the_last_step() -> None:
    trace = recorded(9)
    sheet = np.asarray(strip(trace, count=4, side=8))
    assert sheet.shape == (16, 32, 3)
    for row in range(2):
        for column, step in enumerate((0, 3, 6, 9)):
            cell = sheet[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            np.testing.assert_array_equal(cell, trace[step].pixels[row])


@pytest.mark.parametrize("name", ["run.jpg", "run", "run.npz.bak", "run.", ".npz"])
def test_an_unknown_ending(name: str, tmp_path: Path) -> None:
    with raises_sentence(SaveError, name, "'.png', '.gif', '.mp4', '.rwtrace' or '.npz'"):
        recorded().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def unwritable(tmp_path: Path, ending: str) -> list[Path]:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / f"folder{ending}").mkdir()
    return [tmp_path / "gone" / f"run{ending}", tmp_path / "file" / f"run{ending}", tmp_path / f"folder{ending}"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_unwritable_path(ending: str, tmp_path: Path) -> None:
    for path in unwritable(tmp_path, ending):
        before = sorted(tmp_path.rglob("*"))
        with raises_sentence(SaveError, repr(str(path)), "nothing is lost"):
            recorded().save(path)
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("room", [0, 100, 1000])
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_leaves_the_old_file(
    room: int, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"run{ending}"
    path.write_bytes(b"the old run")
    fill_after(monkeypatch, room)
    with raises_sentence(SaveError, os.strerror(errno.ENOSPC)):
        recorded(8, side=24).save(path)
    assert path.read_bytes() == b"the old run"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failing_replace_leaves_the_old_file(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"run{ending}"
    path.write_bytes(b"the old run")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with raises_sentence(SaveError, os.strerror(errno.EACCES)):
        recorded().save(path)
    assert path.read_bytes() == b"the old run"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [TypeError("not JSON"), KeyboardInterrupt(), MemoryError()])
def test_a_write_that_breaks_off_leaves_no_rubbish(error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    path.write_bytes(b"the old run")

    def write(file: io.BufferedWriter) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        atomic_write(path, write)  # type: ignore[arg-type]
    assert path.read_bytes() == b"the old run"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_saving_again_replaces_the_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"run{ending}"
    path.write_bytes(b"the old run")
    recorded().save(str(path))
    assert path.read_bytes() != b"the old run" and list(tmp_path.iterdir()) == [path]


def test_a_file_is_not_replaced_if_one_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.png"
    recorded().save(path, overwrite=False)
    before = path.read_bytes()
    with raises_sentence(SaveError, "exists", "overwrite=True"):
        recorded(1).save(path, overwrite=False)
    assert path.read_bytes() == before
    recorded(1).save(path, overwrite=True)
    assert path.read_bytes() != before


def test_a_run_does_not_replace_the_picture_that_it_was_made_from(tmp_path: Path) -> None:
    photo, mask = tmp_path / "photo.png", tmp_path / "mask.png"
    recorded().save(photo)
    recorded().save(mask)
    trace, before = dataclasses.replace(recorded(1), sources=(str(photo), str(mask))), photo.read_bytes()
    for path in (photo, mask):
        with raises_sentence(SaveError, path.name, "was made from"):
            trace.save(path)
        assert path.read_bytes() == before
    trace.save(tmp_path / "other.png")
    trace.save(photo, overwrite=True)
    assert photo.read_bytes() != before
    trace.save(tmp_path / "run.rwtrace")
    assert load_trace(tmp_path / "run.rwtrace").sources == () and str(tmp_path) not in repr(trace)


class Growing(list[Frame]):
    """The frames of a run that makes another step whenever somebody looks at one."""

    def __getitem__(self, index: Any) -> Any:
        self.append(frame(len(self)))
        return super().__getitem__(index)


def steps_in(path: Path) -> int:
    """How many steps a file shows; it is read whole."""
    if path.suffix in (".rwtrace", ".npz"):
        trace = load_trace(path)
        assert [trace[step].step for step in range(len(trace))] == list(range(len(trace)))
        for step in (0, len(trace) - 1):
            np.testing.assert_array_equal(trace[step].pixels, frame(step).pixels)
        return len(trace)
    if path.suffix == ".mp4":
        av = pytest.importorskip("av")
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    with Image.open(path) as picture:
        for step in range(getattr(picture, "n_frames", 1)):
            picture.seek(step)
            picture.load()
        return getattr(picture, "n_frames", 1)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_steps_that_were_there_are_saved_while_a_run_goes_on(ending: str, tmp_path: Path) -> None:
    still, growing = tmp_path / f"still{ending}", tmp_path / f"growing{ending}"
    recorded(3).save(still)
    trace = dataclasses.replace(recorded(3), _recorded=Growing(frame(step) for step in range(4)))
    files.save_run(trace, growing)
    assert steps_in(growing) == steps_in(still)
    if ending != ".mp4":
        assert growing.read_bytes() == still.read_bytes()


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_saved_on_another_thread_than_the_runs_are_whole(ending: str, tmp_path: Path) -> None:
    trace, end = recorded(2), threading.Event()
    whole = ending in (".rwtrace", ".npz")
    most, saves = (400, 8) if whole else (25, 3)

    def run() -> None:
        while not end.is_set() and len(trace) < most:
            trace.append(frame(len(trace)))
            time.sleep(0.001)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for number in range(saves):
            path, before = tmp_path / f"{number}{ending}", len(trace)
            trace.save(path)
            if whole:
                assert before <= steps_in(path) <= len(trace)
            else:
                assert steps_in(path) >= 1
    finally:
        end.set()
        thread.join()


def test_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.npz", tmp_path):
        with raises_sentence(TraceError, repr(str(path))):
            load_trace(path)


def archive(path: Path, header: object, **arrays: np.ndarray) -> Path:
    np.savez(path, header=np.array(json.dumps(header)), **arrays)
    return path


GOOD = {
    "format": files.FORMAT,
    "task": "generate",
    "knobs": {},
    "seed": None,
    "model": "",
    "fingerprint": "",
    "target": "",
}
ROWS = {"frames": np.zeros((2, 1, 4, 4, 3), np.uint8), "seconds": np.zeros(2)}
ROWS |= {name: np.zeros((2, 1)) for name in ("loss", "probability", "distance")}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a text", b"\x93NUMPY\x01\x00", bytes(300)])
def test_a_file_that_is_no_run(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "run.npz").write_bytes(content)
    with raises_sentence(TraceError, "run.npz"):
        load_trace(tmp_path / "run.npz")


def test_a_plain_array_file(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.zeros(3))
    with raises_sentence(TraceError, "array.npy"):
        load_trace(tmp_path / "array.npy")


@pytest.mark.parametrize("header", ["text", 3, [], None, {}, {"format": files.FORMAT}, {**GOOD, "extra": 1}])
def test_a_foreign_header(header: object, tmp_path: Path) -> None:
    with raises_sentence(TraceError, "run.npz"):
        load_trace(archive(tmp_path / "run.npz", header, **ROWS))


def test_a_run_of_another_version(tmp_path: Path) -> None:
    with raises_sentence(TraceError, "another version"):
        load_trace(archive(tmp_path / "run.npz", {**GOOD, "format": "robust-widgets trace 99"}, **ROWS))


@pytest.mark.parametrize("name", list(ROWS))
def test_a_run_with_a_part_missing_or_too_short(name: str, tmp_path: Path) -> None:
    assert len(load_trace(archive(tmp_path / "run.npz", GOOD, **ROWS))) == 2
    with raises_sentence(TraceError, "run.npz"):
        load_trace(archive(tmp_path / "run.npz", GOOD, **{k: v for k, v in ROWS.items() if k != name}))
    if name != "frames":
        with raises_sentence(TraceError, "run.npz"):
            load_trace(archive(tmp_path / "run.npz", GOOD, **{**ROWS, name: ROWS[name][:1]}))


@pytest.mark.parametrize("name", ["run.npz", "run.rwtrace"])
def test_truncated_and_damaged_runs(name: str, tmp_path: Path) -> None:
    recorded(3).save(tmp_path / name)
    whole, dice, odd = (tmp_path / name).read_bytes(), random.Random(0), (tmp_path / name).with_stem("odd")
    for share in (0, 0.01, 0.2, 0.5, 0.9, 0.999):
        odd.write_bytes(whole[: int(share * len(whole))])
        with raises_sentence(TraceError, odd.name):
            load_trace(odd)
    refused = 0
    for _ in range(250):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        odd.write_bytes(damaged)
        try:
            load_trace(odd)
        except TraceError as error:
            check_sentence(str(error), odd.name)
            refused += 1
    assert refused > 170


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    recorded(2).save("~/run.npz")
    assert (tmp_path / "run.npz").is_file() and len(load_trace("~/run.npz")) == 3


@pytest.mark.parametrize("place", [io.BytesIO(), 7, None, ["run.png"]], ids=lambda place: type(place).__name__)
def test_what_is_no_file_name(place: Any) -> None:
    with raises_sentence(InputError, type(place).__name__, "not a path"):
        recorded(1).save(place)
    with raises_sentence(InputError, type(place).__name__, "not a path"):
        load_trace(place)
    with raises_sentence(InputError, "empty"):
        recorded(1).save("")
