"""Distances in the paper's unit, in raw pixels and in levels."""

from __future__ import annotations

import pytest

from robust_widgets.units import from_levels, pixels_at_224, raw_pixels, to_levels


@pytest.mark.parametrize(("value", "size", "raw"), [(40, 224, 40), (40, 64, 11.42857), (1, 32, 0.142857), (0, 64, 0)])
def test_pixels_at_224_scale_with_the_picture(value: float, size: int, raw: float) -> None:
    assert raw_pixels(value, size) == pytest.approx(raw, rel=1e-5)
    assert pixels_at_224(raw_pixels(value, size), size) == pytest.approx(value)


def test_levels_are_255ths() -> None:
    assert from_levels(255) == 1 and to_levels(1) == 255
    assert to_levels(from_levels(4)) == pytest.approx(4)
