"""Generation from class seeds."""

from __future__ import annotations

import numpy as np
import pytest

from robust_widgets.errors import WeightsError
from robust_widgets.models.class_seeds import draw_seeds
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.tasks.generate import generate
from tests.helpers import raises_sentence, tiny_model


@pytest.mark.parametrize("start", [0, 7])
def test_picture_i_of_a_batch_is_the_first_of_seed_plus_i(start: int) -> None:
    model = tiny_model()
    options = {"model": model, "steps": 10, "epsilon": 30.0, "step_size": 2.0}
    together = generate("cat", n=4, seed=start, **options)
    assert together.frames.shape == (11, 4, 16, 16, 3)
    for i in range(4):
        alone = generate("cat", n=1, seed=start + i, **options)
        gap = np.abs(alone.frames[:, 0].astype(int) - together.frames[:, i])
        assert gap.max() <= 1, "equal up to rounding"
        np.testing.assert_allclose(alone.metrics["loss"][:, 0], together.metrics["loss"][:, i], rtol=1e-3, atol=1e-4)
    assert np.abs(together.frames[-1, 0].astype(int) - together.frames[-1, 1]).max() > 20


def test_it_starts_from_the_seeds_of_the_class() -> None:
    model = tiny_model()
    for index, name in enumerate(model.classes):
        trace = generate(name, n=2, seed=4, steps=1, model=model)
        np.testing.assert_array_equal(trace.frames[0], to_pixels(draw_seeds(model, index, 2, 4)))


def test_a_model_without_seeds_cannot_generate() -> None:
    model = tiny_model()
    model.seeds = None
    with raises_sentence(WeightsError, "no seed statistics"):
        generate("dog", model=model)
