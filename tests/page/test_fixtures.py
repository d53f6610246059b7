"""What the front end's tests compare with is what Python computes now."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("onnx", reason="the extra fast")

from tests.page import fixtures


def agree(one: Any, other: Any, place: str = "") -> None:
    if isinstance(one, dict):
        assert list(one) == list(other), place
        for name, value in one.items():
            agree(value, other[name], f"{place}.{name}")
    elif isinstance(one, list):
        assert len(one) == len(other), place
        for index, pair in enumerate(zip(one, other, strict=True)):
            agree(*pair, f"{place}[{index}]")
    elif isinstance(one, float) or isinstance(other, float):
        assert one == pytest.approx(other, abs=2e-6), place  # the last digits depend on the processor
    else:
        assert one == other, place


def test_the_fixtures_of_the_front_end_are_those_of_this_python() -> None:
    written = json.loads(fixtures.FILE.read_text(encoding="utf-8"))
    agree(written, json.loads(fixtures.text()))
