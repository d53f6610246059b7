"""The palette of features, from Python's side."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from robust_widgets.errors import UnknownNameError
from robust_widgets.interface.session import Feature
from robust_widgets.widgets.palette import COLUMNS, TILE, FeaturePalette
from tests.widgets.page import Page

FEATURES = [Feature(f"shore {i}", i, ("shore", "boat"), np.full((32, 32, 3), 5 * i, np.uint8)) for i in range(20)]


def test_the_sheet_holds_each_thumbnail_in_its_place(page: Page) -> None:
    del page
    palette = FeaturePalette(FEATURES)
    sheet = np.asarray(Image.open(io.BytesIO(palette.sheet)))
    assert sheet.shape == (2 * TILE, COLUMNS * TILE, 3)
    for index in (0, 15, 16, 19):
        top, left = TILE * (index // COLUMNS), TILE * (index % COLUMNS)
        assert abs(int(sheet[top + 24, left + 24, 0]) - 5 * index) <= 2
    assert [entry["name"] for entry in palette.entries] == [feature.name for feature in FEATURES]


def test_a_pick_is_reported_and_anything_else_is_ignored(page: Page) -> None:
    palette = FeaturePalette(FEATURES)
    picked: list[str] = []
    palette.on_pick(picked.append)
    for message in ({"kind": "pick", "name": "shore 3"}, {"kind": "pick", "name": "x"}, {"kind": "pick"}, "pick", None):
        page.tell(palette, message)
    assert (picked, palette.value) == (["shore 3"], "shore 3")


def test_a_name_it_does_not_know_is_refused(page: Page) -> None:
    del page
    palette = FeaturePalette(FEATURES)
    with pytest.raises(UnknownNameError, match="shore 1"):
        palette.value = "shore 111"


def test_no_features_no_value(page: Page) -> None:
    del page
    assert (FeaturePalette([]).value, FeaturePalette([]).sheet) == ("", b"")


def test_the_files_of_the_front_end_are_shipped(page: Page) -> None:
    del page
    state = FeaturePalette(FEATURES).get_state()
    assert "export" in state["_esm"] and ".rw-palette" in state["_css"]
