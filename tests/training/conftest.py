"""What the tests of training share."""

from __future__ import annotations

import pytest

from robust_widgets.training import trainer as learner


@pytest.fixture(autouse=True)
def same_on_every_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Precision "auto" is float32 here, whatever this processor can: what a few steps learn depends on it."""
    monkeypatch.setattr(learner, "_cpu_has_bfloat16", lambda: False)
