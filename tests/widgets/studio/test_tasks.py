"""The tasks in the studio: their requests, and the messages when something is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robust_widgets.interface.session import Feature, ModelInfo
from robust_widgets.interface.tasks import task_names, task_spec, task_specs
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.studio.requests import painted_over
from tests.widgets.page import Page, is_sentence, noise

SIDE = 256
SHORE = Feature("shore 1", 7, ("shore", "boat"), np.full((48, 48, 3), 90, np.uint8))
CORAL = Feature("coral 1", 3, ("coral",), np.full((48, 48, 3), 200, np.uint8))


class FeatureSession(FakeSession):
    """A session whose model has a catalogue."""

    @property
    def model(self) -> ModelInfo:
        return replace(super().model, features=(SHORE, CORAL))


@pytest.fixture
def session() -> FakeSession:
    return FeatureSession()


@pytest.fixture
def studio(page: Page, session: FakeSession) -> StudioWidget:
    del page
    return StudioWidget(session)


def half_mask() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:, :100] = True
    return mask


def ready(studio: StudioWidget, task: str) -> None:
    """Put a picture and a mask on the canvas."""
    assert studio.surface is not None
    studio.surface.set_picture(noise(SIDE, SIDE, 3))
    studio.surface.set_mask(half_mask())
    studio.task_buttons.value = task


@pytest.mark.parametrize("task", task_names())
def test_each_task_requests_only_what_it_needs(
    page: Page, session: FakeSession, studio: StudioWidget, task: str
) -> None:
    ready(studio, task)
    page.click(studio.runner.run_button)
    assert studio.status.text == ""
    (request,) = session.requests
    assert request.task == task and request.start is None
    assert request.target == {"class": "goldfish", "feature": "shore 1", "layer": "conv1"}[task_spec(task).target]
    assert dict(request.parameters) == studio.controls[task].values()
    assert (request.picture is not None) == task_spec(task).takes_picture
    if task_spec(task).takes_mask:
        assert request.mask is not None
        np.testing.assert_array_equal(request.mask > 127, half_mask())
    else:
        assert request.mask is None


@pytest.mark.parametrize("task", [name for name, spec in task_specs().items() if spec.takes_mask])
def test_an_empty_or_full_mask_is_reported_and_keeps_the_paint(
    page: Page, session: FakeSession, studio: StudioWidget, task: str
) -> None:
    ready(studio, task)
    assert studio.surface is not None
    page.stroke(studio.surface.pad, [(40, 40), (200, 180)])
    paint = studio.surface.raster.sketch.copy()
    studio.surface.clear_mask()
    page.click(studio.runner.run_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "mask is empty")
    studio.surface.set_mask(np.ones((SIDE, SIDE), bool))
    page.click(studio.runner.run_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "covers the whole picture")
    assert not session.requests
    np.testing.assert_array_equal(studio.surface.raster.sketch, paint)


def test_a_dream_starts_from_noise_or_from_what_is_painted(
    page: Page, session: FakeSession, studio: StudioWidget
) -> None:
    assert [name for _, name in studio.target.layers.list.options] == ["conv1", "head"]
    studio.task_buttons.value = "dream"
    studio.target.layers.value = "head"
    controls = studio.controls["dream"].controls
    assert (controls["channel"].slider.max, controls["channels"].widget.max) == (2, 3)  # type: ignore[attr-defined]
    studio.target.layers.value = "conv1"
    assert (controls["channel"].slider.max, controls["channels"].widget.max) == (3, 4)  # type: ignore[attr-defined]
    studio.target.layers.value = "head"
    studio.controls["dream"].set({"channels": 2, "n": 2, "steps": 3})
    page.click(studio.runner.run_button)
    session.advance(3)
    assert session.requests[-1].picture is None and session.requests[-1].target == "head"
    studio.run_from(noise(16, 16, 3)[None])
    start = session.requests[-1].start
    assert start is not None and len(start) == 4, "one start for all pictures"
    ready(studio, "dream")
    page.click(studio.runner.run_button)
    assert session.requests[-1].picture is not None and studio.status.kind != "error"


def test_layers_are_offered_when_the_model_is_loaded(page: Page) -> None:
    session = FakeSession(loading=True)
    studio = StudioWidget(session, ["dream"])
    page.click(studio.runner.run_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "layers are not known")
    session.load()
    assert studio.target.layers.value == "conv1"
    page.click(studio.runner.run_button)
    assert session.requests[-1].target == "conv1"


def test_a_feature_is_picked_from_the_palette(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    ready(studio, "paint_features")
    page.tell(studio.target.palette, {"kind": "pick", "name": "coral 1"})
    page.tell(studio.target.palette, {"kind": "pick", "name": "nonsense"})
    page.click(studio.runner.run_button)
    assert session.requests[-1].target == "coral 1"


def test_without_a_catalogue_the_studio_explains_how_to_create_one(page: Page) -> None:
    session = FakeSession()
    studio = StudioWidget(session)
    ready(studio, "paint_features")
    page.click(studio.runner.run_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "robust-widgets features")
    assert not session.requests


def test_a_branch_continues_from_the_selected_step(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    studio.task_buttons.value = "generate"
    studio.controls["generate"].set({"n": 3, "steps": 6})
    page.click(studio.runner.run_button)
    session.advance(6)
    first = studio.trace
    assert first is not None
    studio.controls["generate"].set({"n": 1})
    page.tell(studio.runner.view, {"kind": "branch", "step": 2})
    request = session.requests[-1]
    assert request.start is not None and request.parameters["n"] == 3
    np.testing.assert_array_equal(request.start, first[2].pixels)
    page.click(studio.runner.run_button)
    assert session.requests[-1].start is None


def test_a_branch_of_a_task_with_a_picture_works_on_an_empty_canvas(
    page: Page, session: FakeSession, studio: StudioWidget
) -> None:
    studio.task_buttons.value = "generate"
    page.click(studio.runner.run_button)
    session.advance(200)
    studio.task_buttons.value = "translate"
    page.tell(studio.runner.view, {"kind": "branch", "step": 4})
    request = session.requests[-1]
    assert (request.task, studio.status.kind) == ("translate", "info")
    assert request.start is not None and request.picture is not None
    np.testing.assert_array_equal(request.picture, request.start[0])


def test_live_mode_keeps_new_paint_over_the_result(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    assert studio.surface is not None and studio.live is not None
    page.stroke(studio.surface.pad, [(40, 40), (200, 180)])
    assert not session.requests
    page.set(studio.live.button, value=True)
    page.stroke(studio.surface.pad, [(40, 200), (60, 200)])
    assert len(session.requests) == 1 and session.requests[0].start is None
    session.advance(10)
    before = studio.surface.picture()
    assert studio.trace is not None
    result = studio.trace[-1].pixels[0]
    page.stroke(studio.surface.pad, [(200, 40), (220, 40)])
    request, now = session.requests[-1], studio.surface.picture()
    assert len(session.requests) == 2 and request.start is not None
    np.testing.assert_array_equal(request.start[0], painted_over(result, before, now))
    changed = (before != now).any(axis=2)
    assert changed.any()
    np.testing.assert_array_equal(request.start[0][changed], now[changed])
    page.act(studio.surface.pad, "undo")
    assert session.requests[-1].start is None, "an undone stroke is not painted over the result"


def test_painted_over_leaves_the_result_where_nothing_was_painted() -> None:
    result, before = noise(16, 16, 3), noise(64, 64, 3)
    now = before.copy()
    now[:8, :8] = 255 - now[:8, :8]
    over = painted_over(result, before, now)
    np.testing.assert_array_equal(over[:8, :8], now[:8, :8])
    np.testing.assert_array_equal(painted_over(result, before, before)[8:, 8:], over[8:, 8:])


def test_a_picture_without_the_class_is_reported_after_the_run(
    page: Page, session: FakeSession, studio: StudioWidget
) -> None:
    """The start of the fake session's runs has probability 0."""
    ready(studio, "super_resolve")
    page.click(studio.runner.run_button)
    session.advance(200)
    assert studio.status.kind == "warning" and is_sentence(studio.status.text, "choose a class")
    studio.task_buttons.value = "translate"
    page.click(studio.runner.run_button)
    session.advance(200)
    assert studio.status.kind == "info"
