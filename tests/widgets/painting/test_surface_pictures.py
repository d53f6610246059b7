"""Pictures that are dropped or pasted onto the surface."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from robust_widgets.errors import PictureError
from robust_widgets.pictures import download
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.status_line import StatusLine
from tests.widgets.page import Page, encoded, is_sentence, noise

SIDE = 32


@pytest.fixture
def status(page: Page) -> StatusLine:
    del page
    return StatusLine()


@pytest.fixture
def surface(page: Page, status: StatusLine) -> Surface:
    surface = Surface(status, side=SIDE)
    surface.pad.brush_size = 6
    page.stroke(surface.pad, [(4, 4), (28, 28)])
    page.forget()
    return surface


def until(is_so: Callable[[], bool]) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def drop(page: Page, surface: Surface, data: bytes, name: str = "cat.png") -> None:
    page.tell(surface.pad, {"kind": "picture", "name": name, "type": "image/png"}, data)


def test_a_dropped_picture_is_under_the_paint(page: Page, surface: Surface, status: StatusLine) -> None:
    picture, paint = noise(SIDE, SIDE, 3), surface.raster.sketch.copy()
    changes: list[bool] = []
    surface.on_change(lambda: changes.append(True))
    drop(page, surface, encoded(picture))
    np.testing.assert_array_equal(surface.raster.image, picture)
    np.testing.assert_array_equal(surface.raster.sketch, paint)
    assert page.shows(surface.canvas, surface.raster) and changes == [True]
    assert status.kind == "info" and is_sentence(status.text, "cat.png", "undo")


def test_how_a_picture_of_12_bits_is_read_is_shown(page: Page, surface: Surface, status: StatusLine) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((SIDE, SIDE), 4000, np.uint16)).save(file, "PNG")
    drop(page, surface, file.getvalue())
    assert abs(int(surface.raster.image[0, 0, 0]) - 255 * 4000 / 4095) < 1
    assert is_sentence(status.text, "cat.png", "12-bit")


def place(page: Page, surface: Surface, data: bytes, *place: float) -> None:
    content = {"kind": "picture", "name": "cat.png", "type": "image/png", "place": list(place)}
    page.tell(surface.pad, content, data)


def test_a_picture_is_put_where_it_was_placed_and_the_picture_below_stays_beside_it(
    page: Page, surface: Surface
) -> None:
    below, picture = noise(SIDE, SIDE, 3), noise(8, 4, 3)
    surface.set_picture(below)
    place(page, surface, encoded(picture), 6, 10, 4, 8)
    np.testing.assert_array_equal(surface.raster.image[10:18, 6:10], picture)
    expected = below.copy()
    expected[10:18, 6:10] = picture
    np.testing.assert_array_equal(surface.raster.image, expected)
    assert page.shows(surface.canvas, surface.raster)
    page.act(surface.pad, "undo")
    np.testing.assert_array_equal(surface.raster.image, below)


def test_a_picture_that_reaches_over_the_edge_is_cut_there(page: Page, surface: Surface) -> None:
    picture = noise(SIDE, 2 * SIDE, 3)
    place(page, surface, encoded(picture), -SIDE / 2, 0, 2 * SIDE, SIDE)
    np.testing.assert_array_equal(surface.raster.image, picture[:, SIDE // 2 : 3 * SIDE // 2])
    place(page, surface, encoded(picture), SIDE + 5, 0, 8, 8)
    np.testing.assert_array_equal(surface.raster.image, picture[:, SIDE // 2 : 3 * SIDE // 2])


def test_what_lies_below_is_seen_through_a_placed_picture(page: Page, surface: Surface) -> None:
    surface.set_picture(np.full((SIDE, SIDE, 3), 100, np.uint8))
    half = np.full((8, 8, 4), (200, 0, 0, 255), np.uint8)
    half[:, :4] = (0, 255, 0, 0)  # a colour that nobody can see
    place(page, surface, encoded(half), 0, 0, 16, 16)
    assert (surface.raster.image[:16, :4] == 100).all()
    assert (surface.raster.image[:16, 12:16] == (200, 0, 0)).all()
    assert surface.raster.image[:16, :16, 1].max() <= 100, "the unseen green does not bleed in"


@pytest.mark.parametrize("wrong", [[0, 0, 8], [0, 0, 0, 8], [0, 0, 8, -1], [0, 0, "8", 8], [0, 0, 8, 1e9], "all"])
def test_a_picture_at_no_place_is_ignored(page: Page, surface: Surface, wrong: object) -> None:
    content = {"kind": "picture", "name": "cat.png", "type": "image/png", "place": wrong}
    page.tell(surface.pad, content, encoded(noise(8, 8, 3)))
    assert (surface.raster.image == 255).all() and not page.kinds(surface.pad)


def test_undo_takes_a_dropped_picture_away(page: Page, surface: Surface) -> None:
    drop(page, surface, encoded(noise(SIDE, SIDE, 3)))
    page.act(surface.pad, "undo")
    assert (surface.raster.image == 255).all() and surface.raster.sketch.any()
    assert page.shows(surface.canvas, surface.raster)


def test_transparent_parts_of_a_picture_become_paper(page: Page, surface: Surface) -> None:
    picture = np.full((SIDE, SIDE, 4), (200, 0, 100, 0), np.uint8)
    picture[:, 10:20, 3] = 51
    picture[:, 20:, 3] = 255
    drop(page, surface, encoded(picture))
    image = surface.raster.image
    assert (image[:, :10] == 255).all() and (image[:, 20:] == (200, 0, 100)).all()
    np.testing.assert_allclose(image[4, 12], np.array([200, 0, 100]) * 0.2 + 255 * 0.8, atol=1)


def test_a_palette_picture_with_a_transparent_colour_is_laid_over_paper(page: Page, surface: Surface) -> None:
    palette = Image.new("P", (SIDE, SIDE), 1)
    palette.putpalette([0, 0, 0, 10, 200, 30])
    palette.paste(0, (0, 0, 16, SIDE))
    file = io.BytesIO()
    palette.save(file, "PNG", transparency=0)
    drop(page, surface, file.getvalue())
    assert (surface.raster.image[:, :16] == 255).all() and (surface.raster.image[:, 16:] == (10, 200, 30)).all()


def test_a_grey_picture_and_a_jpeg_can_be_dropped(page: Page, surface: Surface) -> None:
    drop(page, surface, encoded(np.full((SIDE, SIDE), 77, np.uint8)))
    assert (surface.raster.image == 77).all()
    drop(page, surface, encoded(np.full((SIDE, SIDE, 3), (200, 40, 90), np.uint8), "JPEG"), "photo.jpg")
    np.testing.assert_allclose(surface.raster.image.astype(int) - (200, 40, 90), 0, atol=3)


@pytest.mark.parametrize("shape", [(60, 160), (160, 60)], ids=["wide", "tall"])
def test_of_a_picture_that_is_not_square_the_middle_is_taken(
    page: Page, surface: Surface, shape: tuple[int, int]
) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    middle = picture[:, 50:110] if shape[1] > shape[0] else picture[50:110]
    middle[...] = (30, 60, 90)
    drop(page, surface, encoded(picture))
    assert (surface.raster.image[2:-2, 2:-2] == (30, 60, 90)).all()


def test_a_tiny_picture_is_scaled_up(surface: Surface) -> None:
    surface.set_picture(np.full((1, 1, 3), (1, 2, 3), np.uint8))
    assert (surface.raster.image == (1, 2, 3)).all()


@pytest.mark.parametrize("data", [b"%PDF-1.7 no picture", encoded(noise(40, 40, 3))[:900]], ids=["foreign", "cut off"])
def test_a_file_that_is_not_a_picture_is_reported_and_the_paint_stays(
    page: Page, surface: Surface, status: StatusLine, data: bytes
) -> None:
    paint = surface.raster.sketch.copy()
    drop(page, surface, data, "<i>notes</i>.png")
    assert status.kind == "error" and is_sentence(status.text, "<i>notes</i>.png", "PNG")
    assert "<i>" not in status.widget.value
    np.testing.assert_array_equal(surface.raster.sketch, paint)
    assert surface.raster.undo() is not None and not surface.raster.can_undo
    assert (surface.raster.image == 255).all()


def test_a_file_refused_by_the_browser_is_reported_in_a_sentence(
    page: Page, surface: Surface, status: StatusLine
) -> None:
    paint = surface.raster.sketch.copy()
    page.tell(surface.pad, {"kind": "refused", "name": "film.mov", "reason": "cannot be read"})
    assert status.kind == "error" and is_sentence(status.text, "film.mov", "JPEG")
    page.tell(surface.pad, {"kind": "refused", "name": "", "reason": "holds no file"})
    assert is_sentence(status.text, "The dropped item")
    np.testing.assert_array_equal(surface.raster.sketch, paint)


def test_after_a_refused_file_painting_continues(page: Page, surface: Surface) -> None:
    drop(page, surface, b"no picture")
    page.stroke(surface.pad, [(28, 4)])
    assert surface.raster.sketch[4, 28, 3] == 255 and page.shows(surface.canvas, surface.raster)


def test_a_picture_larger_than_a_page_sends_is_refused(page: Page, surface: Surface, status: StatusLine) -> None:
    file = io.BytesIO()
    Image.new("1", (4000, 4000)).save(file, "PNG")
    drop(page, surface, file.getvalue(), "sky.png")
    assert status.kind == "error" and is_sentence(status.text, "sky.png", "4,000 x 4,000", "4 megapixels")
    assert (surface.raster.image == 255).all()


def test_the_address_of_a_picture_is_loaded_and_brought_to_be_placed(
    page: Page, surface: Surface, status: StatusLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(address: str) -> tuple[str, bytes]:
        asked.append(address)
        if "none" in address:
            raise PictureError("There is none.")
        return "cat.png", b"a file"

    monkeypatch.setattr(download, "download_picture", answer)
    page.tell(surface.pad, {"kind": "address", "address": "https://example.org/cat.png"})
    until(lambda: bool(page.sent(surface.pad, "bring")))
    (message,) = page.sent(surface.pad, "bring")
    assert message.content == {"kind": "bring", "name": "cat.png", "type": "image/png"}
    assert message.buffers == [b"a file"] and asked == ["https://example.org/cat.png"]
    assert (surface.raster.image == 255).all(), "nothing is on the canvas before it is put down"
    page.tell(surface.pad, {"kind": "address", "address": "https://example.org/none"})
    until(lambda: status.text == "There is none.")
    assert status.kind == "error"
    page.tell(surface.pad, {"kind": "address", "address": 7})
    page.tell(surface.pad, {"kind": "address", "address": "h" * 3000})
    assert len(asked) == 2
