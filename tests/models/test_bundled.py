"""What is known of a shipped model without torch is what the loaded model says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robust_widgets._bundled import model_names
from robust_widgets.interface.session import ModelInfo
from robust_widgets.models.bundled import BundledModel
from robust_widgets.session.worker import ModelWorker


def same_info(one: ModelInfo, other: ModelInfo) -> None:
    assert replace(one, features=()) == replace(other, features=())
    assert [(f.name, f.unit, f.classes) for f in one.features] == [(f.name, f.unit, f.classes) for f in other.features]
    for mine, theirs in zip(one.features, other.features, strict=True):
        np.testing.assert_array_equal(mine.thumbnail, theirs.thumbnail)


@pytest.mark.parametrize("name", model_names())
def test_it_is_what_the_loaded_model_says(name: str) -> None:
    known = BundledModel(name, "cpu")
    same_info(known.info, ModelWorker(known.load()).info())
    assert BundledModel(name).info.device == "", "the fastest device is not known yet"
    same_info(replace(BundledModel(name).info, device="cpu"), known.info)
