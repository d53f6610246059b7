"""The badge says what was measured, and beside it what the file says."""

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


def test_it_says_what_was_measured_once_it_is(page: Page) -> None:
    del page
    shown, session = badge()
    assert "not measured yet" in shown.badge.value and len(session.measure_listeners) == 1
    session.measure_listeners[0](FOUND)
    assert f"{FOUND.words}</summary>" in shown.badge.value and FOUND.details in shown.badge.value
    assert "role='status'" in shown.badge.value and "<details>" in shown.badge.value
    assert "The file says" not in shown.badge.value
    assert "&lt;b&gt;mine&lt;/b&gt;: 2 classes at 16 px, resnet, on cpu" in shown.line.value


def test_the_claim_of_the_file_is_in_the_details(page: Page) -> None:
    del page
    shown, session = badge("trained for l2 3")
    for robustness in (None, FOUND):
        session.measure_listeners[-1](robustness)
        assert "According to its file: trained for l2 3." in shown.badge.value
        assert "trained" not in shown.badge.value.partition("</summary>")[0].rpartition(">")[2]


def test_where_it_could_not_be_measured_it_says_how_it_can_be(page: Page) -> None:
    del page
    shown, session = badge()
    session.measure_listeners[0](None)
    assert "robustness not measured</summary>" in shown.badge.value
    assert "rw.measure_robustness(model, pictures, labels)" in shown.badge.value


def test_it_asks_again_only_when_it_was_answered(page: Page) -> None:
    del page
    shown, session = badge()
    shown.refresh()
    assert len(session.measure_listeners) == 1
    session.measure_listeners[0](None)
    shown.refresh()
    session.measure_listeners[1](FOUND)
    assert len(session.measure_listeners) == 2 and FOUND.words in shown.badge.value
