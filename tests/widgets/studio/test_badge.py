"""The badge shows the measured robustness, and the claim of the model's file in its details."""

from __future__ import annotations

from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import ModelInfo
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio.badge import ModelBadge
from tests.widgets.page import Page

FOUND = Robustness(1.0, 16, 4, True)


def badge(claim: str = "") -> tuple[ModelBadge, FakeSession]:
    session = FakeSession()
    session._model = ModelInfo("<b>mine</b>", ("cat", "dog"), 16, "cpu", "resnet", claim)
    return ModelBadge(session), session


def test_it_shows_the_robustness_once_measured(page: Page) -> None:
    del page
    model_badge, session = badge()
    assert "not measured yet" in model_badge.badge.value and len(session.measure_listeners) == 1
    session.measure_listeners[0](FOUND)
    assert f"{FOUND.words}</summary>" in model_badge.badge.value and FOUND.details in model_badge.badge.value
    assert "role='status'" in model_badge.badge.value and "<details>" in model_badge.badge.value
    assert "According to its file" not in model_badge.badge.value
    assert "&lt;b&gt;mine&lt;/b&gt;: 2 classes at 16 px, resnet, on cpu" in model_badge.line.value


def test_the_claim_of_the_file_is_in_the_details(page: Page) -> None:
    del page
    model_badge, session = badge("trained for l2 3")
    for robustness in (None, FOUND):
        session.measure_listeners[-1](robustness)
        assert "According to its file: trained for l2 3." in model_badge.badge.value
        assert "trained" not in model_badge.badge.value.partition("</summary>")[0].rpartition(">")[2]


def test_without_a_measurement_it_explains_how_to_measure(page: Page) -> None:
    del page
    model_badge, session = badge()
    session.measure_listeners[0](None)
    assert "robustness not measured</summary>" in model_badge.badge.value
    assert "rw.measure_robustness(model, pictures, labels)" in model_badge.badge.value


def test_it_asks_again_only_when_it_was_answered(page: Page) -> None:
    del page
    model_badge, session = badge()
    model_badge.refresh()
    assert len(session.measure_listeners) == 1
    session.measure_listeners[0](None)
    model_badge.refresh()
    session.measure_listeners[1](FOUND)
    assert len(session.measure_listeners) == 2 and FOUND.words in model_badge.badge.value
