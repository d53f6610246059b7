"""The canvas: what reaches the browser is the raster to the bit, and three faults of ipycanvas do no harm."""

from __future__ import annotations

import time
from functools import partial

import ipycanvas.canvas
import numpy as np
import pytest
from ipycanvas.canvas import _CANVAS_MANAGER

from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.canvas import MASK_STRIPES, MASK_TINT, RasterCanvas
from robust_widgets.widgets.painting.layers import LayerName
from robust_widgets.widgets.painting.raster import Raster
from tests.helpers import at_once
from tests.widgets.page import Page, decoded, noise

SIDE = 16


def noisy(seed: int = 0) -> Raster:
    """A raster on which each pixel matters; where it is transparent it has no colour."""
    raster = Raster(SIDE)
    raster.image, raster.sketch = noise(SIDE, SIDE, 3, seed=seed), noise(SIDE, SIDE, 4, seed=seed + 100)
    raster.sketch[:, :4] = 0
    raster.mask = noise(SIDE, SIDE, seed=seed + 200)
    return raster


def test_the_browser_gets_all_layers_exactly(page: Page) -> None:
    canvas, raster = RasterCanvas(SIDE, 320), noisy()
    canvas.draw(raster)
    assert page.shows(canvas, raster)
    files = [arguments[-1] for name, arguments in page.batches[0] if name == "putImageData"]
    assert [file[:4] for file in files] == [b"\x89PNG"] * 3, "RGB would be sent as JPEG, with loss"
    np.testing.assert_array_equal(decoded(files[1])[..., :3], raster.composite())


def test_the_painting_is_opaque_because_browsers_premultiply_alpha(page: Page) -> None:
    canvas = RasterCanvas(SIDE, 320)
    canvas.draw(noisy())
    image, painting, _ = page.layers(canvas)
    assert (image[..., 3] == 255).all() and (painting[..., 3] == 255).all()


def test_the_mask_is_one_tint_in_stripes_as_strong_as_the_mask(page: Page) -> None:
    canvas, raster = RasterCanvas(SIDE, 320), Raster(SIDE)
    raster.mask[:, :8] = 255
    raster.mask[:, 8:12] = 128
    canvas.draw(raster)
    tint = page.layers(canvas)[2]
    strengths = [sorted({int(alpha) for alpha in part.ravel()}) for part in np.split(tint[..., 3], [8, 12], axis=1)]
    full = [round(255 * strength) for strength in MASK_STRIPES]
    half = [round(128 * strength) for strength in MASK_STRIPES]
    assert strengths == [full, half, [0]]
    assert (tint[tint[..., 3] > 0][:, :3] == MASK_TINT).all()
    assert tint[0, 0, 3] == tint[0, 3, 3] == tint[4, 4, 3] != tint[0, 4, 3] == tint[4, 0, 3]


@pytest.mark.parametrize(
    ("changed", "sent"),
    [("image", {"image", "painting"}), ("sketch", {"painting"}), ("mask", {"mask"})],
)
def test_only_the_layers_that_changed_are_sent(page: Page, changed: LayerName, sent: set[str]) -> None:
    canvas = RasterCanvas(SIDE, 320)
    canvas.draw(noisy(), layers={changed})
    names = {f"IPY_MODEL_{getattr(canvas, name).model_id}": name for name in ("image", "painting", "mask")}
    (batch,) = page.batches
    assert {names[arguments[0]] for name, arguments in batch if name == "switchCanvas"} == sent


def test_only_the_rectangle_that_changed_is_sent(page: Page) -> None:
    canvas, raster = RasterCanvas(SIDE, 320), noisy()
    canvas.draw(raster)
    before = page.layers(canvas)[1].copy()
    raster.sketch = noise(SIDE, SIDE, 4, seed=7)
    page.forget()
    canvas.draw(raster, (3, 5, 9, 13))
    (batch,) = page.batches
    sent = [arguments for name, arguments in batch if name == "putImageData"]
    assert [arguments[:2] for arguments in sent] == [[3, 5]] * 3
    assert [decoded(arguments[-1]).shape for arguments in sent] == [(8, 6, 4)] * 3
    painting = page.layers(canvas)[1]
    np.testing.assert_array_equal(painting[5:13, 3:9, :3], raster.composite((3, 5, 9, 13)))
    painting[5:13, 3:9] = before[5:13, 3:9]
    np.testing.assert_array_equal(painting, before)


def test_paint_that_was_taken_away_disappears_on_the_page(page: Page) -> None:
    canvas, raster = RasterCanvas(SIDE, 320), noisy()
    canvas.draw(raster)
    raster.clear()
    raster.clear_mask()
    canvas.draw(raster)
    image, painting, mask = page.layers(canvas)
    assert page.shows(canvas, raster) and np.array_equal(painting, image) and not mask[..., 3].any()


def test_a_half_transparent_pixel_drawn_again_does_not_build_up(page: Page) -> None:
    canvas, raster = RasterCanvas(SIDE, 320), Raster(SIDE)
    raster.sketch[...], raster.mask[...] = (200, 100, 50, 128), 128
    for _ in range(3):
        canvas.draw(raster)
    assert page.shows(canvas, raster)


def test_a_drawing_is_one_message(page: Page) -> None:
    RasterCanvas(SIDE, 320).draw(noisy())
    assert len(page.batches) == 1


def test_all_layers_have_the_rasters_side_and_their_size_on_the_page(page: Page) -> None:
    canvas = RasterCanvas(SIDE, 200)
    for widget in (canvas.widget, *canvas.widget.children):
        assert (widget.layout.width, widget.layout.height) == ("200px", "200px")
    assert [layer.shape for layer in page.layers(canvas)] == [(SIDE, SIDE, 4)] * 3


def test_a_page_that_was_reloaded_is_drawn_again(page: Page) -> None:
    """ipycanvas believes that the browser still knows which canvas is current; drawing then stays blank for good."""
    canvas, raster = RasterCanvas(SIDE, 320), noisy()
    canvas.draw(raster)
    page.reload()
    assert not page.shows(canvas, raster)
    canvas.draw(raster)
    assert page.shows(canvas, raster)


def test_each_message_first_selects_its_canvas(page: Page) -> None:
    canvas, raster = RasterCanvas(SIDE, 320), noisy()
    for _ in range(3):
        canvas.draw(raster, (0, 0, 2, 2))
    assert [batch[0][0] for batch in page.batches] == ["switchCanvas"] * 3


@pytest.mark.parametrize("layer", ["image", "painting", "mask"])
def test_an_error_while_drawing_sends_nothing_and_leaves_every_canvas_working(
    page: Page, monkeypatch: pytest.MonkeyPatch, layer: str
) -> None:
    """An exception in ipycanvas' own hold_canvas leaves all canvases of the kernel frozen."""
    broken, other, raster = RasterCanvas(SIDE, 320), RasterCanvas(SIDE, 320), noisy()

    def fail(*_: object) -> None:
        raise MemoryError("no room for the PNG")

    with monkeypatch.context() as full:
        full.setattr(getattr(broken, layer), "put_image_data", fail)
        with pytest.raises(MemoryError):
            broken.draw(raster)
    assert _CANVAS_MANAGER._caching is False
    assert (_CANVAS_MANAGER._commands_cache, _CANVAS_MANAGER._buffers_cache) == ([], [])
    assert page.batches == []
    broken.draw(raster)
    other.draw(raster)
    assert page.shows(broken, raster) and page.shows(other, raster)


def test_an_error_while_sending_leaves_nothing_for_the_next_message(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, raster = RasterCanvas(SIDE, 320), RasterCanvas(SIDE, 320), noisy()

    def fail(*_: object, **__: object) -> None:
        raise OSError("the wire is cut")

    with monkeypatch.context() as cut:
        cut.setattr(_CANVAS_MANAGER, "send", fail)
        with pytest.raises(OSError, match="cut"):
            first.draw(raster)
    second.draw(raster)
    assert len(page.batches) == 1 and page.shows(second, raster) and not page.shows(first, raster)


def test_canvases_can_be_drawn_from_several_threads_at_once(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = ipycanvas.canvas.binary_image

    def encode_slowly(pixels: Pixels) -> bytes:
        time.sleep(0.001)
        return encode(pixels)

    monkeypatch.setattr(ipycanvas.canvas, "binary_image", encode_slowly)
    canvases = [RasterCanvas(SIDE, 320) for _ in range(3)]
    rasters = [noisy(seed) for seed in range(3)]
    names = [{f"IPY_MODEL_{layer.model_id}" for layer in canvas.widget.children} for canvas in canvases]

    def draw(index: int) -> None:
        for row in range(SIDE):
            canvases[index].draw(rasters[index], (0, row, SIDE, row + 1))

    at_once(*(partial(draw, index) for index in (0, 1, 2, 0, 1, 2)))
    assert all(page.shows(canvas, raster) for canvas, raster in zip(canvases, rasters, strict=True))
    assert len(page.batches) == 6 * SIDE
    for batch in page.batches:
        assert {arguments[0] for name, arguments in batch if name == "switchCanvas"} in names
        opaque, clear = ["switchCanvas", "putImageData"], ["switchCanvas", "clearRect", "putImageData"]
        assert [name for name, _ in batch] == opaque * 2 + clear
