"""The studio: what Run asks for, and that nothing a person does breaks it; results are in test_results.py."""

from __future__ import annotations

import numpy as np
import pytest

from robust_widgets.interface.session import ModelInfo
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.widgets.page import Page, encoded, is_sentence, noise

SIDE = 256


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def studio(page: Page, session: FakeSession) -> StudioWidget:
    del page
    return StudioWidget(session)


def paint(page: Page, studio: StudioWidget) -> None:
    assert studio.surface is not None
    page.stroke(studio.surface.pad, [(40, 40), (200, 180)])


def test_run_asks_for_the_painting_the_class_and_the_sliders_knobs(
    page: Page, session: FakeSession, studio: StudioWidget
) -> None:
    paint(page, studio)
    page.set(studio.picker, search="ca")
    page.set(studio.controls["sketch_to_image"].controls["steps"].widget, value=7)
    page.set(studio.controls["sketch_to_image"].controls["epsilon"].widget, value=55.0)
    page.click(studio.runner.run_button)
    (request,) = session.requests
    assert (request.task, request.target) == ("sketch_to_image", "cat")
    assert request.parameters == studio.controls["sketch_to_image"].values()
    assert (request.parameters["steps"], request.parameters["epsilon"]) == (7, 55.0)
    assert studio.surface is not None and request.picture is not None
    np.testing.assert_array_equal(request.picture, studio.surface.raster.composite())
    assert (request.picture[110, 120] == (242, 140, 40)).all()


def test_painting_during_a_run_does_not_change_it(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    paint(page, studio)
    studio.run()
    picture_sent = session.requests[0].picture
    assert picture_sent is not None
    before = picture_sent.copy()
    assert studio.surface is not None
    page.stroke(studio.surface.pad, [(200, 20)])
    np.testing.assert_array_equal(picture_sent, before)


def test_live_frames_and_the_end_reach_the_page(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    paint(page, studio)
    studio.controls["sketch_to_image"].set({"steps": 5})
    page.click(studio.runner.run_button)
    session.advance(5)
    kinds = [kind for kind in page.kinds(studio.runner.view) if kind != "history"]
    assert kinds[:2] == ["begin", "frame"] and kinds[-2:] == ["record", "end"]
    assert studio.trace is not None and len(studio.trace) == 6 and studio.traces == [studio.trace]


def test_stop_by_button_and_by_key(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    paint(page, studio)
    assert studio.surface is not None
    page.click(studio.runner.run_button)
    page.click(studio.runner.stop_button)
    assert not session.running
    page.act(studio.surface.pad, "run")
    assert session.running and len(session.requests) == 2
    page.act(studio.surface.pad, "stop")
    assert not session.running
    studio.run()
    studio.stop()
    assert not session.running and len(studio.traces) == 3


def test_an_empty_canvas_is_reported_and_nothing_runs(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    page.click(studio.runner.run_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "canvas is empty")
    assert session.requests == [] and studio.runner.stop_button.disabled
    paint(page, studio)
    page.click(studio.runner.run_button)
    assert len(session.requests) == 1 and studio.status.text == ""


def test_a_picture_without_paint_is_enough_to_run(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    assert studio.surface is not None
    picture = noise(SIDE, SIDE, 3)
    page.tell(studio.surface.pad, {"kind": "picture", "name": "a.png"}, encoded(picture))
    page.click(studio.runner.run_button)
    np.testing.assert_array_equal(session.requests[0].picture, picture)


def test_an_unknown_class_is_reported_and_nothing_runs(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    paint(page, studio)
    page.set(studio.picker, search="goldfsh")
    page.click(studio.runner.run_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "'goldfsh'", "'goldfish'")
    assert session.requests == []


def test_generate_needs_no_painting_and_sends_none(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    page.set(studio.task_buttons, index=1)
    assert studio.task == "generate"
    studio.controls["generate"].set({"n": 3, "steps": 2})
    page.click(studio.runner.run_button)
    (request,) = session.requests
    assert (request.task, request.target, request.picture) == ("generate", "goldfish", None)
    assert request.parameters == studio.controls["generate"].values() and request.parameters["n"] == 3


def test_switching_the_task_shows_its_sliders_and_keeps_the_others_values(page: Page, studio: StudioWidget) -> None:
    def controls_shown() -> object:
        return studio._stack.children[0]

    assert controls_shown() is studio.controls["sketch_to_image"].widget
    page.set(studio.controls["sketch_to_image"].controls["steps"].widget, value=9)
    page.set(studio.task_buttons, index=1)
    assert controls_shown() is studio.controls["generate"].widget
    page.set(studio.task_buttons, index=0)
    assert controls_shown() is studio.controls["sketch_to_image"].widget
    assert studio.controls["sketch_to_image"].values()["steps"] == 9
    assert studio.controls["generate"].values()["steps"] != 9


def test_a_failed_run_leaves_the_paint_and_the_studio_works_on(
    page: Page, session: FakeSession, studio: StudioWidget
) -> None:
    paint(page, studio)
    assert studio.surface is not None
    before = studio.surface.raster.sketch.copy()
    page.click(studio.runner.run_button)
    session.fail("The run failed; the details hold the traceback.", "<Traceback>")
    assert studio.status.kind == "error" and "&lt;Traceback&gt;" in studio.status.widget.value
    np.testing.assert_array_equal(studio.surface.raster.sketch, before)
    page.stroke(studio.surface.pad, [(200, 20)])
    page.click(studio.runner.run_button)
    session.advance(200)
    assert studio.status.text == "" and studio.runner.run_button.description == "Run" and len(studio.traces) == 2
    page.act(studio.surface.pad, "undo")
    np.testing.assert_array_equal(studio.surface.raster.sketch, before)


def test_run_pressed_twice_keeps_both_runs(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    paint(page, studio)
    page.click(studio.runner.run_button)
    session.advance(3)
    page.click(studio.runner.run_button)
    assert is_sentence(studio.status.text, "history")
    session.advance(200)
    assert [len(trace) for trace in studio.traces] == [4, 61]
    assert studio.runner.stop_button.disabled and studio.runner.run_button.description == "Run"


def test_a_page_reload_during_or_after_a_run_restores_everything(
    page: Page, session: FakeSession, studio: StudioWidget
) -> None:
    paint(page, studio)
    surface, view = studio.surface, studio.runner.view
    assert surface is not None
    studio.run()
    for expected in ({"begin", "frame", "history"}, {"begin", "record", "end", "history"}):
        page.reload()
        page.forget()
        page.tell(surface.pad, {"kind": "hello"})
        page.tell(view, {"kind": "hello"})
        assert page.shows(surface.canvas, surface.raster) and set(page.kinds(view)) == expected
        session.advance(200)


def test_no_button_raises_whatever_the_session_does(page: Page, studio: StudioWidget) -> None:
    """The page checks afterwards that no handler raised."""

    def fail(*_: object) -> int:
        raise ConnectionError("<no> session")

    paint(page, studio)
    studio.session.submit = fail
    studio.session.cancel = fail
    studio.runner.stop_button.disabled = False
    for button in (
        studio.runner.run_button,
        studio.runner.stop_button,
        studio.results.save_button,
        studio.results.use_button,
    ):
        studio.status.clear()
        button.disabled = False
        page.click(button)
        assert studio.status.kind == "error" and studio.status.text
        assert "<no>" not in studio.status.widget.value
    assert studio.runner.run_button.description == "Run" and not studio.runner.running


def test_an_initial_picture_is_under_the_sketch_and_can_be_undone(page: Page) -> None:
    picture = noise(SIDE, SIDE, 3)
    studio = StudioWidget(FakeSession(), picture=picture)
    assert studio.surface is not None and studio.paint_box is not None
    np.testing.assert_array_equal(studio.surface.raster.image, picture)
    assert page.shows(studio.surface.canvas, studio.surface.raster)
    page.click(studio.paint_box.undo)
    assert studio.surface.raster.is_blank


def test_a_studio_for_generating_alone_has_no_canvas(page: Page) -> None:
    session = FakeSession()
    studio = StudioWidget(session, ("generate",), picture=noise(8, 8, 3))
    assert studio.surface is None and studio.paint_box is None
    page.click(studio.runner.run_button)
    assert session.requests[0].task == "generate" and session.running
    studio.close()


def test_a_studio_for_sketches_alone_shows_no_choice_of_tasks(page: Page) -> None:
    del page
    studio = StudioWidget(FakeSession(), ("sketch_to_image",))
    assert studio.task == "sketch_to_image" and studio.task_buttons not in _all(studio)
    both = StudioWidget(FakeSession())
    assert both.task_buttons in _all(both)


def test_closing_ends_the_run_and_the_session(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    paint(page, studio)
    studio.run()
    assert not studio.closed
    studio.close()
    assert session.closed and not session.running and studio.closed
    page.click(studio.runner.run_button)
    assert is_sentence(studio.status.text, "closed")


def test_the_models_name_is_escaped(page: Page) -> None:
    del page
    session = FakeSession(("dog", "<i>cat</i>"))
    session._model = ModelInfo("<b>bold</b>", session.model.classes, 16, "cpu", "l2 < 1")
    studio = StudioWidget(session)
    shown = [widget.value for widget in _all(studio) if type(widget).__name__ == "HTML"]
    assert any("&lt;b&gt;bold&lt;/b&gt;: 2 classes at 16 px, l2 &lt; 1, on cpu" in html for html in shown)
    assert not any("<b>" in html for html in shown)


def _all(widget: object) -> list[object]:
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in _all(child))]
