"""Moving a studio to a tab: the request to JupyterLab, and the fallback without the extension."""

from __future__ import annotations

from typing import Any

import pytest

from robust_widgets.errors import StateError
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.studio.detached import MIME
from tests.helpers import raises_sentence

WIDGET = "application/vnd.jupyter.widget-view+json"


class Cell:
    """Records what IPython displays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.displayed: list[tuple[dict[str, Any], str | None, bool]] = []
        monkeypatch.setattr("IPython.display.display", self.display)
        monkeypatch.setattr("robust_widgets.widgets.studio.detached.display", self.display)

    def display(
        self, bundle: dict[str, Any], *, raw: bool, display_id: str | None = None, update: bool = False
    ) -> None:
        assert raw
        self.displayed.append((bundle, display_id, update))


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    return Cell(monkeypatch)


def test_the_cells_output_requests_the_tab(cell: Cell) -> None:
    studio = StudioWidget(FakeSession())
    studio._ipython_display_()
    studio.detach()
    (home, where, _), (moved, moved_where, update), (here, here_where, _) = cell.displayed
    assert where and moved_where == where and update, "the output that shows the studio is changed in place"
    request = moved[MIME]
    assert request["modelId"] == studio.model_id == home[WIDGET]["model_id"]
    assert request["model"] == studio.session.model.name
    assert moved[WIDGET] == home[WIDGET], "without the extension the studio stays where it is"
    assert here[MIME] == request and here_where is None and WIDGET not in here
    assert here["text/plain"].startswith("The studio stays in its cell") and here["text/plain"].endswith(".")
    studio.close()


def test_a_second_request_moves_it_again(cell: Cell) -> None:
    studio = StudioWidget(FakeSession())
    studio.detach()
    studio.detach()
    tickets = [bundle[MIME]["ticket"] for bundle, *_ in cell.displayed]
    assert tickets[0] == tickets[1] != tickets[2] == tickets[3]
    studio.close()


def test_a_closed_studio_cannot_move(cell: Cell) -> None:
    studio = StudioWidget(FakeSession())
    studio.close()
    with raises_sentence(StateError, "closed", "run its cell again"):
        studio.detach()
    assert not cell.displayed
