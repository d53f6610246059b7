"""Pictures of every kind come in right, and go out as people see them."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robust_widgets.pictures.folder import SavedPicture
from robust_widgets.pictures.grid import gallery
from robust_widgets.pictures.io import as_rgb, to_square_pixels
from robust_widgets.pictures.tensors import fit, resize, to_batch, to_pixels
from tests.runs.test_trace import recorded

SIDE = 16
RGB = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
GREY = RGB[..., 0]


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def units(pixels: np.ndarray) -> torch.Tensor:
    """uint8 (h, w, 3) as float (1, 3, h, w) in [0, 1]."""
    return torch.from_numpy(pixels.astype(np.float64) / 255).permute(2, 0, 1)[None].float()


def as_file(tmp_path: Path) -> Path:
    Image.fromarray(RGB).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


CHW = RGB.transpose(2, 0, 1)
LAYOUTS = {
    "path": as_file,
    "path as text": lambda tmp: str(as_file(tmp)),
    "bytes": lambda _: encoded(Image.fromarray(RGB)),
    "BMP": lambda _: encoded(Image.fromarray(RGB), "BMP"),
    "lossless WebP": lambda _: encoded(Image.fromarray(RGB), "WEBP", lossless=True),
    "PIL": lambda _: Image.fromarray(RGB),
    "opened file": lambda tmp: Image.open(as_file(tmp)),
    "HWC": lambda _: RGB,
    "NHWC": lambda _: RGB[None],
    "CHW": lambda _: CHW,
    "NCHW": lambda _: CHW[None],
    "float": lambda _: RGB.astype(np.float64) / 255,
    "half": lambda _: (RGB / 255).astype(np.float16),
    "uint16": lambda _: RGB.astype(np.uint16) * 257,
    "strided": lambda _: np.repeat(RGB, 2, axis=0)[::2],
    "read-only": lambda _: np.frombuffer(RGB.tobytes(), np.uint8).reshape(RGB.shape),
    "torch CHW": lambda _: torch.from_numpy(CHW.copy()),
    "torch NCHW": lambda _: torch.from_numpy(CHW.copy())[None],
    "torch HWC": lambda _: torch.from_numpy(RGB.copy()),
    "torch float": lambda _: torch.from_numpy(CHW / 255.0),
    "torch with a gradient": lambda _: torch.from_numpy(CHW / 255.0).requires_grad_(),
    "torch channels last": lambda _: torch.from_numpy(CHW.copy())[None].to(memory_format=torch.channels_last),
    "opaque RGBA": lambda _: Image.fromarray(RGB).convert("RGBA"),
    "opaque RGBA array": lambda _: np.dstack([RGB, np.full((SIDE, SIDE), 255, np.uint8)]),
    "list": lambda _: [RGB],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_kind_and_layout_comes_back_the_same(layout: str, tmp_path: Path) -> None:
    batch = to_batch(LAYOUTS[layout](tmp_path), SIDE)
    assert batch.shape == (1, 3, SIDE, SIDE) and batch.dtype == torch.float32
    torch.testing.assert_close(batch, units(RGB), rtol=0, atol=5e-4)
    np.testing.assert_array_equal(to_pixels(batch)[0], RGB)
    np.testing.assert_array_equal(to_square_pixels(LAYOUTS[layout](tmp_path), SIDE), RGB)


@pytest.mark.parametrize("layout", ["PIL L", "HW", "HW1", "1HW", "torch 1HW", "torch HW", "float HW", "PIL 16-bit"])
def test_greyscale_becomes_rgb(layout: str) -> None:
    kinds = {
        "PIL L": Image.fromarray(GREY),
        "HW": GREY,
        "HW1": GREY[..., None],
        "1HW": GREY[None],
        "torch 1HW": torch.from_numpy(GREY.copy())[None],
        "torch HW": torch.from_numpy(GREY.copy()),
        "float HW": GREY / 255.0,
        "PIL 16-bit": Image.fromarray(GREY.astype(np.uint16) * 257),
    }
    np.testing.assert_array_equal(to_square_pixels(kinds[layout], SIDE), np.dstack([GREY] * 3))


def test_bfloat16_and_bool() -> None:
    half = torch.from_numpy(CHW / 255.0).bfloat16()
    torch.testing.assert_close(to_batch(half, SIDE), units(RGB), rtol=0, atol=1 / 250)
    mask = GREY > 128
    np.testing.assert_array_equal(to_square_pixels(mask, SIDE), np.dstack([mask * 255] * 3))
    np.testing.assert_array_equal(to_square_pixels(Image.fromarray(mask), SIDE), np.dstack([mask * 255] * 3))


def test_a_16_bit_png_keeps_its_depth() -> None:
    values = np.arange(0, 65536, 256, dtype=np.uint16).reshape(SIDE, SIDE)
    batch = to_batch(encoded(Image.fromarray(values)), SIDE)
    wanted = torch.from_numpy(values / 65535.0).float().expand(3, SIDE, SIDE)[None]
    torch.testing.assert_close(batch, wanted, rtol=0, atol=1e-6)
    assert len(batch.unique()) == 256, "clipping to 8 bits would leave one value"


def test_32_bit_and_float_pictures() -> None:
    whole = Image.fromarray(GREY.astype(np.int32) * 257)
    assert whole.mode == "I"
    np.testing.assert_array_equal(to_square_pixels(whole, SIDE), np.dstack([GREY] * 3))
    np.testing.assert_array_equal(
        to_square_pixels(Image.fromarray((GREY / 255).astype(np.float32)), SIDE)[..., 0], GREY
    )


ALPHA = np.linspace(0, 255, SIDE * SIDE).round().astype(np.uint8).reshape(SIDE, SIDE)


def over_white(pixels: np.ndarray) -> np.ndarray:
    share = ALPHA[..., None] / 255.0
    return np.floor(pixels * share + 255 * (1 - share) + 0.5)


@pytest.mark.parametrize("kind", ["PIL", "PNG", "array", "torch", "float"])
def test_transparency_is_laid_over_white(kind: str) -> None:
    layers = np.dstack([RGB, ALPHA])
    given = {
        "PIL": Image.fromarray(layers),
        "PNG": encoded(Image.fromarray(layers)),
        "array": layers,
        "torch": torch.from_numpy(layers.transpose(2, 0, 1).copy()),
        "float": layers / 255.0,
    }[kind]
    np.testing.assert_allclose(to_square_pixels(given, SIDE).astype(float), over_white(RGB), atol=1)


def test_grey_with_transparency_is_laid_over_white() -> None:
    picture = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)])
    for given in (picture, encoded(picture)):
        np.testing.assert_allclose(
            to_square_pixels(given, SIDE)[..., 1].astype(float), over_white(GREY[..., None])[..., 0], atol=1
        )


def test_a_palette_with_a_transparent_entry() -> None:
    picture = Image.new("P", (SIDE, SIDE), 1)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.paste(0, (0, 0, 8, SIDE))
    opaque = to_square_pixels(encoded(picture), SIDE)
    assert opaque[0, 0].tolist() == [10, 20, 30] and opaque[0, 15].tolist() == [200, 100, 50]
    for kind in ("PNG", "GIF"):
        seen = to_square_pixels(encoded(picture, kind, transparency=0), SIDE)
        assert seen[0, 0].tolist() == [255, 255, 255] and seen[0, 15].tolist() == [200, 100, 50]


def test_cmyk_and_an_old_phones_sideways_picture() -> None:
    assert to_square_pixels(Image.new("CMYK", (SIDE, SIDE), (0, 255, 255, 0)), SIDE)[0, 0].tolist() == [255, 0, 0]
    turned = Image.Exif()
    turned[0x0112] = 6  # shot with the camera turned: to be shown a quarter turn clockwise
    seen = to_square_pixels(encoded(Image.fromarray(RGB), "PNG", exif=turned), SIDE)
    np.testing.assert_array_equal(seen, np.rot90(RGB, -1))


def test_a_batch_of_different_kinds(tmp_path: Path) -> None:
    grey = np.dstack([GREY] * 3)
    mixed = [
        as_file(tmp_path),
        Image.fromarray(GREY),
        CHW / 255.0,
        np.stack([RGB, grey]),
        torch.from_numpy(GREY.copy()),
    ]
    batch = to_batch(mixed, SIDE)
    np.testing.assert_array_equal(to_pixels(batch), [RGB, grey, RGB, RGB, grey, grey])
    np.testing.assert_array_equal(to_pixels(to_batch(tuple(mixed), SIDE)), to_pixels(batch))


@pytest.mark.parametrize(
    ("height", "width", "top", "left"), [(16, 26, 0, 5), (26, 16, 5, 0), (16, 21, 0, 2), (19, 16, 1, 0)]
)
def test_what_is_not_square_is_cropped_to_its_middle(height: int, width: int, top: int, left: int) -> None:
    wide = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    middle = wide[top : top + 16, left : left + 16]
    np.testing.assert_array_equal(to_square_pixels(wide, 16), middle)
    np.testing.assert_array_equal(to_square_pixels(Image.fromarray(wide), 16), middle)
    np.testing.assert_array_equal(to_pixels(fit(to_batch(wide, 16), 16))[0], middle)


@pytest.mark.parametrize(("size", "side"), [(64, 16), (50, 16), (16, 40), (33, 32)])
def test_resampling_is_pils_bicubic_with_anti_aliasing(size: int, side: int) -> None:
    # Middle greys only: PIL clips overshoots between its two passes, which float pictures need not.
    picture = Image.fromarray(np.random.default_rng(2).integers(80, 176, (size, size, 3)).astype(np.uint8))
    ours = to_square_pixels(picture, side).astype(int)
    pils = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(ours - pils).max() <= 2


@pytest.mark.parametrize("size", [(64, 64), (50, 91), (9, 16), (400, 250)])
def test_a_picture_is_read_the_same_with_torch_and_without(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    apart = to_square_pixels(noise, 48).astype(int) - to_pixels(to_batch(noise, 48))[0]
    assert np.abs(apart).max() <= 1 and np.count_nonzero(apart) < 0.001 * apart.size, "but for rounding"


def test_resampling_never_leaves_the_range() -> None:
    edges = (np.indices((12, 12)).sum(0) % 2).astype(float)
    batch = to_batch(edges, 37)
    assert batch.min() >= 0 and batch.max() <= 1
    assert resize(to_batch(edges, 12), 20, 30).shape == (1, 3, 20, 30)


def test_to_pixels_rounds_to_the_nearest() -> None:
    steps = torch.arange(256, dtype=torch.float64)
    for offset in (-0.49, 0.0, 0.49):
        values = ((steps + offset) / 255).clamp(0, 1).expand(1, 3, 1, 256)
        np.testing.assert_array_equal(to_pixels(values)[0, 0, :, 0], np.arange(256))
    for dtype in (torch.float32, torch.float64):
        np.testing.assert_array_equal(
            to_pixels((steps / 255).to(dtype).expand(1, 3, 1, 256))[0, 0, :, 2], np.arange(256)
        )


def test_to_pixels_clamps_and_leaves_its_argument_alone() -> None:
    batch = torch.tensor([-0.5, 0.0, 1.0, 1.5]).expand(1, 3, 1, 4).contiguous().requires_grad_()
    kept = batch.detach().clone()
    assert to_pixels(batch)[0, 0, :, 0].tolist() == [0, 0, 255, 255]
    assert torch.equal(batch, kept)


def test_to_pixels_is_what_pil_sees() -> None:
    picture = Image.fromarray(RGB)
    np.testing.assert_array_equal(to_pixels(to_batch(picture, SIDE))[0], np.asarray(picture))
    back = Image.fromarray(to_pixels(to_batch(picture, SIDE))[0])
    assert back.mode == "RGB" and back.tobytes() == picture.tobytes()


def test_nothing_is_shared_with_the_picture_that_was_given() -> None:
    for given in (torch.rand(1, 3, SIDE, SIDE), np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)):
        batch = to_batch(given, SIDE)
        kept = batch.clone()
        given[:] = 0
        assert torch.equal(batch, kept)


def test_as_rgb_reads_as_to_batch_does() -> None:
    transparent = Image.fromarray(np.dstack([RGB, ALPHA]))
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    for picture in (Image.fromarray(RGB), Image.fromarray(GREY), transparent, deep, Image.new("CMYK", (20, 9))):
        seen = as_rgb(picture)
        assert seen.mode == "RGB" and seen.size == picture.size
        if seen.size == (SIDE, SIDE):
            np.testing.assert_array_equal(np.asarray(seen), to_square_pixels(picture, SIDE))


STEPS_OF_16 = np.arange(256, dtype=np.uint16).reshape(16, 16)


@pytest.mark.parametrize(
    ("values", "white", "words"),
    [
        (STEPS_OF_16 * 16, 4095, "12-bit"),
        (STEPS_OF_16 * 4, 1023, "10-bit"),
        (STEPS_OF_16 * 64, 16383, "14-bit"),
        (STEPS_OF_16, 255, "8-bit"),
        (STEPS_OF_16.astype(np.int32) * 16, 4095, "12-bit"),
        (STEPS_OF_16.astype(np.int32) * 70_000, 255 * 70_000, "white"),
        (STEPS_OF_16.astype(np.float32), 255, "8-bit"),
        (STEPS_OF_16.astype(np.float32) * 1000, 255_000, "white"),
    ],
)
def test_grey_of_any_depth_is_scaled_by_what_is_in_it_and_it_is_said(values: Any, white: int, words: str) -> None:
    with pytest.warns(UserWarning, match=words):
        batch = to_batch(encoded(Image.fromarray(values), "TIFF"), SIDE)
    np.testing.assert_allclose(batch[0, 1], values / white, atol=1e-6)
    if values.dtype == np.uint16:
        with pytest.warns(UserWarning, match=words):
            np.testing.assert_array_equal(to_batch(values, SIDE), batch)


def test_negative_values_begin_at_black() -> None:
    values = STEPS_OF_16.astype(np.float32) - 55
    with pytest.warns(UserWarning, match="-55 is read as black and 200 as white"):
        batch = to_batch(Image.fromarray(values), SIDE)
    np.testing.assert_allclose(batch[0, 0], (values + 55) / 255, atol=1e-6)


@pytest.mark.parametrize("values", [STEPS_OF_16 * 257, STEPS_OF_16 * 0, (STEPS_OF_16 / 255).astype(np.float32)])
def test_usual_depths_are_read_without_a_word(values: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_batch(encoded(Image.fromarray(values), "TIFF"), SIDE).max() in (0, 1)


def test_what_a_run_made_is_a_picture(tmp_path: Path) -> None:
    trace = recorded(2)
    wanted = to_batch(list(trace.pictures), 8)
    saved = SavedPicture(0, None, "", "", 0.0, 0.0, 0.0, trace.pixels[0])
    assert torch.equal(to_batch(trace, 8), wanted) and torch.equal(to_batch(trace[-1], 8), wanted)
    assert torch.equal(to_batch(saved, 8), wanted[:1])
    assert torch.equal(to_batch((picture for picture in trace.pictures), 8), wanted)
    assert gallery(trace, size=20).size == gallery(trace.pictures, size=20).size
