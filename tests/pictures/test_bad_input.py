"""What is not a picture is refused in a sentence."""

from __future__ import annotations

import contextlib
import io
import math
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robust_widgets.errors import ParameterError, PictureError
from robust_widgets.pictures.io import open_picture
from robust_widgets.pictures.limits import LARGEST_PIXELS
from robust_widgets.pictures.tensors import shape_of, to_batch
from robust_widgets.training.data import reading
from robust_widgets.training.data.reading import decode
from robust_widgets.widgets.painting import surface
from tests.helpers import check_sentence, raises_sentence

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8))


def encoded(kind: str = "PNG", picture: Image.Image = NOISE) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("given", [None, 7, 1.5, {}, {1, 2}, object(), lambda: 0, range(3)])
def test_a_thing_that_is_no_picture(given: object) -> None:
    with raises_sentence(PictureError, type(given).__name__):
        to_batch(given, 16)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [[], ()])
def test_no_pictures_at_all(given: list[object]) -> None:
    with raises_sentence(PictureError, "empty"):
        to_batch(given, 16)  # type: ignore[arg-type]


def test_one_bad_picture_among_good_ones() -> None:
    with raises_sentence(PictureError, "NoneType"):
        to_batch([NOISE, None, NOISE], 16)  # type: ignore[list-item]


def test_a_missing_file(tmp_path: Path) -> None:
    with raises_sentence(PictureError, "no file", tmp_path / "gone.png"):
        to_batch(tmp_path / "gone.png", 16)


def test_a_folder(tmp_path: Path) -> None:
    with raises_sentence(PictureError, tmp_path):
        to_batch(str(tmp_path), 16)


@pytest.mark.parametrize("content", [b"", b"hello, I am a text", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", bytes(500)])
def test_a_file_that_is_not_a_picture(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(content)
    with raises_sentence(PictureError, "cat.png"):
        to_batch(tmp_path / "cat.png", 16)
    with raises_sentence(PictureError, "data"):
        to_batch(content, 16)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_truncated_file(kind: str) -> None:
    whole = encoded(kind)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        with raises_sentence(PictureError):
            to_batch(whole[: int(share * len(whole))], 16)


def test_a_truncated_pil_image_that_was_opened_by_the_caller() -> None:
    opened = Image.open(io.BytesIO(encoded()[:900]))
    with raises_sentence(PictureError, "PIL image"):
        to_batch(opened, 16)


def test_a_pil_image_that_is_closed() -> None:
    picture = NOISE.copy()
    picture.close()
    with raises_sentence(PictureError, "PIL image"):
        to_batch(picture, 16)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
def test_flipped_bytes_never_raise_anything_else(kind: str) -> None:
    whole, dice = encoded(kind), random.Random(kind)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 5)):
            damaged[dice.randrange(min(len(damaged), dice.choice([60, 200, 10_000])))] = dice.randrange(256)
        try:
            to_batch(bytes(damaged), 16)
        except PictureError as error:
            check_sentence(str(error))


@pytest.mark.parametrize("size", [(1, 1), (20_000, 8), (8, 20_000), (3, 100), (10_001, 8), (8_100, 8_000)])
def test_a_picture_of_an_impossible_size(size: tuple[int, int], tmp_path: Path) -> None:
    picture = Image.new("L", size)
    picture.save(tmp_path / "odd.png")
    for given in (tmp_path / "odd.png", encoded(picture=picture), picture, np.asarray(picture)):
        with raises_sentence(PictureError, f"{size[0]:,} x {size[1]:,}"):
            to_batch(given, 16)


def test_the_largest_and_smallest_sizes_are_taken() -> None:
    assert to_batch(Image.new("L", (10_000, 4)), 8).shape == (1, 3, 8, 8)
    assert to_batch(Image.new("L", (4, 4)), 8).shape == (1, 3, 8, 8)


def test_a_decompression_bomb() -> None:
    header = bytearray(encoded("BMP"))
    header[18:26] = (60_000).to_bytes(4, "little") * 2
    with raises_sentence(PictureError, "10,000"):
        to_batch(bytes(header), 16)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite(value: float) -> None:
    array = np.full((8, 8, 3), 0.5)
    array[3, 3, 1] = value
    for given in (array, torch.from_numpy(array), array.astype(np.float16)):
        with raises_sentence(PictureError, "NaN or infinite"):
            to_batch(given, 16)


@pytest.mark.parametrize(("low", "high"), [(0, 255.0), (-1.0, 1.0), (0, 1.01), (-0.01, 1)])
def test_floats_of_another_range(low: float, high: float) -> None:
    array = np.linspace(low, high, 192).reshape(8, 8, 3)
    for given in (array, torch.from_numpy(array)):
        with raises_sentence(PictureError, f"{low:g}", f"{high:g}"):
            to_batch(given, 16)


def test_a_rounding_error_beyond_the_range_is_forgiven() -> None:
    batch = to_batch(np.linspace(-1e-6, 1 + 1e-6, 192).reshape(8, 8, 3), 8)
    assert batch.min() == 0 and batch.max() == 1


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint32", "complex64", "U1", "object", "datetime64[s]"])
def test_values_of_another_type(dtype: str) -> None:
    with raises_sentence(PictureError, np.dtype(dtype)):
        to_batch(np.zeros((8, 8, 3), dtype), 16)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int8])
def test_tensors_of_another_type(dtype: torch.dtype) -> None:
    with raises_sentence(PictureError, str(dtype).removeprefix("torch.")):
        to_batch(torch.zeros(3, 8, 8, dtype=dtype), 16)


SHAPES = [(), (8,), (8, 8, 2), (2, 8, 8), (5, 8, 8), (1, 8, 8, 5), (1, 1, 3, 8, 8), (0, 8, 8, 3), (8, 0, 3), (0,)]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_impossible_shape(shape: tuple[int, ...]) -> None:
    for given in (np.zeros(shape, np.uint8), torch.zeros(shape)):
        with raises_sentence(PictureError, shape):
            to_batch(given, 16)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\n{} loop\nshowpage\n"


def other_formats() -> dict[str, bytes]:
    """A picture in each format that Pillow writes and that is not read here."""
    Image.init()
    found: dict[str, bytes] = {"EPS": POSTSCRIPT}
    for kind in ("ICO", "PCX", "TGA", "SGI", "DDS", "IM", "JPEG2000", "XBM", "MSP", "SPIDER"):
        with contextlib.suppress(Exception):
            found[kind] = encoded(kind, NOISE.convert("1") if kind in ("XBM", "MSP") else NOISE)
    return found


@pytest.mark.parametrize("kind", other_formats())
def test_a_picture_in_another_format_is_opened_nowhere(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    content = other_formats()[kind]
    (tmp_path / "photo.png").write_bytes(content)
    for given in (tmp_path / "photo.png", content):
        with raises_sentence(PictureError, "known format"):
            to_batch(given, 16)
        with raises_sentence(PictureError, "known format"):
            shape_of(given)
    assert decode(tmp_path / "photo.png", 16) is None and decode(io.BytesIO(content), 16) is None
    with raises_sentence(PictureError, "photo.png", "PNG"):
        surface.decode("photo.png", content, 16)


def test_pictures_are_opened_in_one_place() -> None:
    package = Path(open_picture.__code__.co_filename).parent.parent
    opening = [file.name for file in package.rglob("*.py") if "Image.open" in file.read_text("utf-8")]
    assert opening == ["io.py"]


def peak_megabytes(code: str) -> float:
    """How much memory a fresh interpreter takes at most for some code, beyond what it takes before."""
    before = "import resource\nfrom PIL import Image\nfrom robust_widgets.pictures.tensors import to_batch\n"
    before += "Image.init()\n"
    peak = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"
    script = f"{before}start = {peak}\n{code}\nprint(({peak} - start) / 1024)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured in kilobytes on Linux")
@pytest.mark.parametrize(("mode", "side"), [("RGB", 8_000), ("RGBA", 5_000)])
def test_a_large_picture_takes_little_more_than_itself(mode: str, side: int, tmp_path: Path) -> None:
    Image.new(mode, (side, side)).save(tmp_path / "large.png")
    decoded = side * side * (4 if mode == "RGBA" else 3) / 1e6
    assert peak_megabytes(f"to_batch({str(tmp_path / 'large.png')!r}, 64)") < decoded + 300


def test_many_large_pictures_are_not_decoded_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("1", (5_000, 5_000)).save(tmp_path / "large.png")
    active: list[int] = []
    together: list[int] = []

    def slowly(picture: Image.Image) -> Image.Image:
        active.append(picture.width * picture.height)
        together.append(sum(active))
        time.sleep(0.02)
        active.pop()
        return Image.new("RGB", (8, 8))

    monkeypatch.setattr(reading, "as_rgb", slowly)
    with ThreadPoolExecutor(6) as pool:
        decoded = list(pool.map(lambda file: decode(file, 8), [tmp_path / "large.png"] * 12))
    assert all(pixels is not None for pixels in decoded) and len(together) == 12
    assert max(together) <= LARGEST_PIXELS


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "empty"), (".", "folder"), ("~/gone.png", "no file"), ("x" * 300, "cannot be read")],
    ids=["empty", "folder", "home", "long"],
)
def test_a_path_that_names_no_picture(name: str, words: str) -> None:
    with raises_sentence(PictureError, words):
        to_batch(name, 16)


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    NOISE.save(tmp_path / "secret.png")

    def refusing(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "secret.png")

    monkeypatch.setattr(Image, "open", refusing)
    with raises_sentence(PictureError, "secret.png", "Permission denied"):
        to_batch(tmp_path / "secret.png", 16)


@pytest.mark.parametrize("size", [0, -1, 16.0, "16", None, True])
def test_an_impossible_result_size(size: Any) -> None:
    with raises_sentence(ParameterError, "size is"):
        to_batch(NOISE, size)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo.png")
    with raises_sentence(PictureError, "photo.png", "not a file"):
        to_batch(tmp_path / "photo.png", 16)
    assert decode(tmp_path / "photo.png", 16) is None
