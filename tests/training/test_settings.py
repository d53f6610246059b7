"""Training settings are checked once."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest

from robust_widgets.errors import ParameterError
from robust_widgets.training.settings import TrainingSettings
from tests.helpers import raises_sentence

BAD: list[tuple[str, Any]] = [
    *(("epochs", value) for value in (0, -1, 1.5, True, "3", math.nan, None)),
    *(("inner_steps", value) for value in (0, 2.5)),
    *(("batch_size", value) for value in (0, -128)),
    *(("margin", value) for value in (-1, 1.5)),
    *(("learning_rate", value) for value in (0, -0.1, math.inf, math.nan, "0.1", None, [0.1], True, 1j)),
    *(("epsilon", value) for value in (-1.0, math.inf, math.nan, None, "1")),
    *(("seed", value) for value in (-1, 0.5, "0", None)),
    *(("balanced", value) for value in ("no", 1, None)),
    *(("weight_decay", value) for value in (-1e-4, math.nan)),
    *(("average_decay", value) for value in (-0.1, 1.0, 2.0, math.nan)),
    *(("label_smoothing", value) for value in (-0.1, 1.0, math.nan)),
    *(("epsilon_warm_up", value) for value in (-1.0, math.inf, math.nan)),
    *(("augmentation", value) for value in ("none", "")),
    *(("seed_rank", value) for value in (0, 2.5)),
    *(("norm", value) for value in ("l1", "", "L2", None, ["l2"])),
    *(("epochs", value) for value in (2**31, 1e9)),
    *(("precision", value) for value in ("float16", "")),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda v: str(v))
def test_a_setting_out_of_range(name: str, value: Any) -> None:
    with raises_sentence(ParameterError, name.replace("_", " ") if name in ("norm", "precision") else name, value):
        TrainingSettings(**{name: value})


def test_numbers_of_every_kind() -> None:
    settings = TrainingSettings(epochs=np.int64(2), epsilon=np.float32(0.5), batch_size=np.uint8(4), seed=np.int64(3))  # type: ignore[arg-type]
    assert (settings.epochs, settings.epsilon, settings.batch_size, settings.seed) == (2, 0.5, 4, 3)
    assert json.loads(json.dumps(settings.to_dict())) == settings.to_dict()


def test_the_edges_of_the_ranges_are_allowed() -> None:
    TrainingSettings(epochs=1, epsilon=0, weight_decay=0, average_decay=0, margin=0, inner_steps=1, batch_size=1)
    TrainingSettings(norm="linf", precision="bfloat16", epsilon=8 / 255)


def test_settings_are_saved_as_plain_values_under_their_old_names() -> None:
    saved = TrainingSettings(epochs=3, epsilon=0.5, epsilon_warm_up=2.0).to_dict()
    assert json.loads(json.dumps(saved)) == saved
    assert (saved["epochs"], saved["radius"], saved["radius_warm_up"]) == (3, 0.5, 2.0)
    assert len(saved) == len(dataclasses.fields(TrainingSettings)) and "epsilon" not in saved
