"""The panel "Why?": what it asks, and what it shows of the answers."""

from __future__ import annotations

import numpy as np
import pytest

from robust_widgets.interface.explanation import (
    Counterfactual,
    CounterfactualRequest,
    ExplainRequest,
    Explanation,
    NoAnswer,
)
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.widgets.page import Page, is_sentence, noise


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def studio(page: Page, session: FakeSession) -> StudioWidget:
    del page
    return StudioWidget(session)


def explanation(sign: int) -> Explanation:
    attribution = np.zeros((8, 8, 3), np.float32)
    attribution[2, 3] = sign
    return Explanation(noise(8, 8, 3), attribution, "cat", 0.75, "gradient", "fake")


def path(steps: int = 2) -> Trace:
    trace = Trace("translate", {"steps": steps}, target="cat", classes=("dog", "cat"))
    for step in range(steps + 1):
        pixels = np.full((1, 8, 8, 3), 100 + 20 * step, np.uint8)
        trace.append(Frame(step, pixels, np.ones(1), np.full(1, 0.5), np.full(1, float(step)), 0.1))
    return trace


def test_without_a_picture_it_says_so(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    assert studio.why is not None
    page.click(studio.why.explain_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "no picture to explain")
    assert not session.questions


def test_it_explains_the_canvas_and_then_the_run_that_is_shown(
    page: Page, session: FakeSession, studio: StudioWidget
) -> None:
    assert studio.why is not None and studio.surface is not None
    studio.surface.set_picture(noise(256, 256, 3))
    page.click(studio.why.explain_button)
    question, listener = session.questions[-1]
    assert isinstance(question, ExplainRequest) and question.target is None
    np.testing.assert_array_equal(question.picture, studio.surface.picture())
    assert studio.why.explain_button.disabled and studio.why.change_button.disabled
    listener(explanation(1))
    assert not studio.why.explain_button.disabled and "cat (75%)" in studio.why.text.value
    assert studio.why.image.value[:4] == b"\x89PNG" and studio.why.image.layout.display == ""

    studio.task_buttons.value = "generate"
    studio.controls["generate"].set({"steps": 2})
    page.click(studio.runner.run_button)
    session.advance(2)
    studio.why.of.value, studio.why.method.value = True, "occlusion"
    page.click(studio.why.explain_button)
    question, _ = session.questions[-1]
    assert isinstance(question, ExplainRequest) and (question.target, question.method) == ("goldfish", "occlusion")
    assert studio.trace is not None
    np.testing.assert_array_equal(question.picture, studio.trace.pixels[0])


def test_the_smallest_change_is_shown_as_a_run(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    assert studio.why is not None and studio.surface is not None
    studio.surface.set_picture(noise(256, 256, 3))
    page.click(studio.why.change_button)
    question, listener = session.questions[-1]
    assert isinstance(question, CounterfactualRequest) and question.target == "goldfish"
    listener(Counterfactual(path(), "dog", "cat", 7.5))
    assert "epsilon 7.5" in studio.why.text.value and studio.runner.shown_trace is studio.traces[-1]
    assert studio.traces[-1].target == "cat" and studio.unsaved
    assert studio.task == "sketch_to_image", "the task stays"


def test_why_there_is_no_answer_is_on_the_status_line(page: Page, session: FakeSession, studio: StudioWidget) -> None:
    assert studio.why is not None and studio.surface is not None
    studio.surface.set_picture(noise(256, 256, 3))
    page.click(studio.why.explain_button)
    session.questions[-1][1](NoAnswer("Attributions need captum, which is not installed here.", "Traceback"))
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "captum")
    assert not studio.why.explain_button.disabled and studio.why.image.layout.display == "none"


def test_what_speaks_for_the_class_is_orange_and_against_it_blue() -> None:
    for sign, channel in ((1, 0), (-1, 2)):
        overlay = explanation(sign).overlay.astype(int)
        assert overlay[2, 3].argmax() == channel and np.ptp(overlay[2, 3]) > 100
        assert np.ptp(overlay[5, 5]) == 0, "grey elsewhere"
