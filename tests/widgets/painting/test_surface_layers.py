"""Layers that are hidden or locked: what is seen, what is painted on, and what goes into a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robust_widgets.errors import PictureError, StateError
from robust_widgets.widgets.painting.raster import Raster
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.status_line import StatusLine
from robust_widgets.widgets.studio.requests import make_request
from tests.widgets.page import Page, encoded, is_sentence, noise

SIDE = 32


@pytest.fixture
def status(page: Page) -> StatusLine:
    del page
    return StatusLine()


@pytest.fixture
def surface(page: Page, status: StatusLine) -> Surface:
    """A picture, a stroke over it, and a mask."""
    surface = Surface(status, side=SIDE)
    surface.pad.color, surface.pad.brush_size, surface.pad.softness = "#c81400", 6, 0.0
    surface.set_picture(noise(SIDE, SIDE, 3))
    page.stroke(surface.pad, [(4, 16), (28, 16)])
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[8:16] = 255
    surface.set_mask(mask)
    page.forget()
    return surface


def test_hidden_layers_are_not_seen(page: Page, surface: Surface) -> None:
    whole = surface.picture()
    page.set(surface.pad, hidden=["sketch"])
    np.testing.assert_array_equal(surface.picture(), surface.raster.image)
    assert page.shows(surface.canvas, surface.raster)
    page.set(surface.pad, hidden=["image"])
    paper = Raster(SIDE)
    paper.sketch[...] = surface.raster.sketch
    np.testing.assert_array_equal(surface.picture(), paper.composite())
    assert page.shows(surface.canvas, surface.raster) and not surface.raster.shows_nothing
    page.set(surface.pad, hidden=["image", "sketch"])
    assert (surface.picture() == 255).all() and surface.raster.shows_nothing and not surface.raster.is_blank
    page.set(surface.pad, hidden=[])
    np.testing.assert_array_equal(surface.picture(), whole)


def test_a_hidden_layer_does_not_go_into_a_run(page: Page, surface: Surface) -> None:
    def request(task: str = "sketch_to_image") -> Any:
        return make_request(task, "cat", {}, surface)

    page.set(surface.pad, hidden=["sketch"])
    np.testing.assert_array_equal(request().picture, surface.raster.image)
    page.set(surface.pad, hidden=["image", "sketch"])
    with pytest.raises(PictureError, match=r"^Everything on the canvas is hidden.* press Run\.$"):
        request()
    page.set(surface.pad, hidden=["mask"])
    assert request().mask is None
    with pytest.raises(PictureError, match=r"^The mask is hidden.* press Run\.$"):
        request("inpaint")
    page.set(surface.pad, hidden=[])
    assert request("inpaint").mask.any()


@pytest.mark.parametrize("state", ["hidden", "locked"])
@pytest.mark.parametrize("layer", ["sketch", "mask"])
def test_a_layer_that_is_hidden_or_locked_takes_no_paint(page: Page, surface: Surface, state: str, layer: str) -> None:
    page.set(surface.pad, **{state: [layer]}, layer=layer)
    before = surface.raster.sketch.copy(), surface.raster.mask.copy()
    page.stroke(surface.pad, [(4, 4), (28, 28)], number=5)
    page.tell(surface.pad, {"kind": "area", "id": 6, "corners": [[0, 0], [9, 0], [9, 9]]})
    page.tell(surface.pad, {"kind": "fill", "point": [30, 30]})
    np.testing.assert_array_equal(surface.raster.sketch, before[0])
    np.testing.assert_array_equal(surface.raster.mask, before[1])
    told = [message.content["id"] for message in page.sent(surface.pad, "painted")]
    assert told == [5, 6], "the page drops its ink"
    page.set(surface.pad, **{state: []})
    page.stroke(surface.pad, [(4, 4), (28, 28)])
    assert not np.array_equal(getattr(surface.raster, layer), before[layer == "mask"])


def test_nothing_is_lost_of_a_locked_layer_but_undo_goes_on(page: Page, surface: Surface, status: StatusLine) -> None:
    page.set(surface.pad, locked=["image", "sketch", "mask"])
    for change in (surface.clear, surface.invert_mask, surface.clear_mask, surface.flatten):
        with pytest.raises(StateError, match=r"is locked; unlock it in the list of layers\.$"):
            change()
    with pytest.raises(StateError, match=r"^The picture is locked"):
        surface.begin_with(np.zeros((SIDE, SIDE, 4), np.uint8))
    image = surface.raster.image.copy()
    page.tell(surface.pad, {"kind": "picture", "name": "a.png", "type": "image/png"}, encoded(noise(8, 8, 3)))
    np.testing.assert_array_equal(surface.raster.image, image)
    assert is_sentence(status.text, "The picture is locked")
    page.act(surface.pad, "undo")
    assert not surface.raster.mask.any()


def test_another_raster_is_seen_as_the_layers_are_set(page: Page, surface: Surface) -> None:
    page.set(surface.pad, hidden=["sketch"])
    other = Raster(SIDE)
    other.sketch[...] = 255
    other.image[...] = 7
    surface.restore(other)
    assert (surface.picture() == 7).all()
