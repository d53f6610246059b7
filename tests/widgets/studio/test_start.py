"""The start panel: sketches, the photograph, a surprise, and when it folds."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from robust_widgets.pictures.sketches import SKETCHES, Shape, line, mirrored, oval, render
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.widgets.page import Page, is_sentence

CLASSES = ("dog", "goldfish", "pizza", "lion")


@pytest.fixture
def session(page: Page) -> FakeSession:
    del page
    return FakeSession(CLASSES)


@pytest.fixture
def studio(session: FakeSession) -> StudioWidget:
    return StudioWidget(session)


@pytest.mark.parametrize("name", SKETCHES)
def test_a_sketch_covers_its_paper_in_several_colours(name: str) -> None:
    drawn = render(SKETCHES[name], 64)
    assert drawn.shape == (64, 64, 4) and drawn[..., 3].mean() > 250
    assert len(np.unique(drawn[..., :3].reshape(-1, 3) // 48, axis=0)) >= 3
    large = Image.fromarray(render(SKETCHES[name], 256)).resize((64, 64), Image.Resampling.BOX)
    assert np.abs(np.asarray(large).astype(int) - drawn).mean() < 6, "the same drawing at any size"


def test_shapes_are_where_they_are_said_to_be() -> None:
    drawn = render([oval("#ff0000", 25, 50, 20, 40), line("#0000ff", 10, (70, 20), (70, 80))], 100)
    assert tuple(drawn[50, 25]) == (255, 0, 0, 255) and tuple(drawn[50, 70]) == (0, 0, 255, 255)
    assert drawn[50, 40, 3] == drawn[10, 70, 3] == 0
    left, right = mirrored(Shape("#00ff00", ((0, 0), (10, 0), (0, 10))))
    assert left.points[1] == (10, 0) and right.points[1] == (90, 0)


def test_sketches_of_classes_that_the_model_knows_are_offered(page: Page, studio: StudioWidget) -> None:
    assert studio.start.sketches == ["goldfish", "pizza", "lion", "dog"] and not studio.start.folded
    page.tell(studio.start, {"kind": "hello"})
    (message,) = page.sent(studio.start, "sheet")
    assert np.asarray(Image.open(io.BytesIO(message.buffers[0]))).shape == (96, 4 * 96, 3)
    assert StudioWidget(FakeSession(CLASSES), ["generate"]).start.sketches == []


def test_the_page_is_told_that_the_kernel_has_time(page: Page, studio: StudioWidget) -> None:
    for number in (7, -1, "7", None):
        page.tell(studio.start, {"kind": "ping", "number": number})
    (message,) = page.sent(studio.start, "pong")
    assert message.content["number"] == 7


def test_one_click_draws_the_sketch_chooses_its_class_and_runs(
    page: Page, session: FakeSession, studio: StudioWidget
) -> None:
    assert studio.surface is not None and studio.surface.pad.hint
    studio.task_buttons.value = "inpaint"
    page.tell(studio.start, {"kind": "example", "name": "pizza"})
    (request,) = session.requests
    assert (request.task, request.target) == ("sketch_to_image", "pizza")
    drawn = render(SKETCHES["pizza"], studio.surface.raster.side)
    np.testing.assert_array_equal(studio.surface.raster.sketch, drawn)
    assert studio.start.folded and studio.surface.pad.hint == ""
    assert page.shows(studio.surface.canvas, studio.surface.raster)
    studio.surface.undo()
    assert studio.surface.raster.is_blank and studio.surface.pad.hint


def test_a_studio_without_that_task_takes_another_that_begins_with_a_picture(page: Page, session: FakeSession) -> None:
    studio = StudioWidget(session, ["inpaint", "translate"])
    page.tell(studio.start, {"kind": "example", "name": "lion"})
    assert [(request.task, request.target) for request in session.requests] == [("translate", "lion")]


def test_a_photograph_becomes_something_else(
    page: Page, session: FakeSession, studio: StudioWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.full((30, 40, 3), 77, np.uint8)
    library = SimpleNamespace(data=SimpleNamespace(chelsea=lambda: picture))
    monkeypatch.setitem(sys.modules, "skimage", library)  # type: ignore[arg-type]
    page.tell(studio.start, {"kind": "photograph"})
    (request,) = session.requests
    assert (request.task, request.target) == ("translate", "lion")
    assert request.picture is not None and (request.picture == 77).all()


def test_a_photograph_that_is_missing_is_a_sentence(
    page: Page, session: FakeSession, studio: StudioWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    page.tell(studio.start, {"kind": "photograph"})
    assert session.requests == [] and is_sentence(studio.status.text, "scikit-image", "drop a picture")


def test_a_surprise_is_a_class_and_a_seed_drawn_at_random(
    page: Page, session: FakeSession, studio: StudioWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.choice", lambda options: options[2])
    monkeypatch.setattr("random.randrange", lambda stop: stop - 1)
    page.tell(studio.start, {"kind": "surprise"})
    (request,) = session.requests
    assert (request.task, request.target, request.parameters["seed"]) == ("generate", "pizza", 9999)
    sketching = StudioWidget(session, ["sketch_to_image"])
    page.tell(sketching.start, {"kind": "surprise"})
    assert (session.requests[-1].task, session.requests[-1].target) == ("sketch_to_image", "lion")


@pytest.mark.parametrize("message", [{}, {"kind": "example"}, {"kind": "example", "name": "bus"}, {"kind": 3}])
def test_what_is_not_on_offer_does_nothing(
    page: Page, session: FakeSession, studio: StudioWidget, message: dict[str, object]
) -> None:
    page.tell(studio.start, message)
    assert session.requests == []


def test_it_folds_by_itself_once_something_is_painted_or_run(page: Page, studio: StudioWidget) -> None:
    assert studio.surface is not None
    page.stroke(studio.surface.pad, [(40, 40), (200, 180)])
    assert studio.start.folded
    again = StudioWidget(FakeSession(CLASSES), picture=np.zeros((64, 64, 3), np.uint8))
    assert again.start.folded
