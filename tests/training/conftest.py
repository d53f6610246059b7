"""Fixtures for all tests of training."""

from __future__ import annotations

import pytest

from robust_widgets.training import trainer as learner


@pytest.fixture(autouse=True)
def same_on_every_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make precision "auto" mean float32 on every processor: the result of a few steps depends on it."""
    monkeypatch.setattr(learner, "_cpu_has_bfloat16", lambda: False)
