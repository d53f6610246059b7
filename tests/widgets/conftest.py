"""The page that the widgets' tests stand on."""

from __future__ import annotations

from collections.abc import Iterator

import comm
import pytest
from ipycanvas import canvas

from tests.widgets.page import Page


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Page]:
    """An empty page; afterwards, no handler may have raised (ipywidgets and the pad only log what handlers raise)."""
    page = Page()
    monkeypatch.setattr(comm, "create_comm", page.open)
    monkeypatch.setattr(canvas._CANVAS_MANAGER, "send", page.draw)
    yield page
    raised = [record.getMessage() for record in caplog.get_records("call") if record.exc_info]
    assert not raised, raised
