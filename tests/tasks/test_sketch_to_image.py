"""Sketches turned into pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from robust_widgets.errors import PictureError
from robust_widgets.tasks.running.problems import NOISE, with_noise
from robust_widgets.tasks.sketch_to_image import sketch_to_image
from tests.helpers import pictures, raises_sentence, smooth_model

MODEL = smooth_model(16)
SKETCH = np.random.default_rng(3).integers(40, 216, (16, 16, 3)).astype(np.uint8)


def test_without_a_seed_frame_zero_is_the_sketch() -> None:
    trace = sketch_to_image(SKETCH, "dog", seed=None, steps=2, model=MODEL)
    np.testing.assert_array_equal(trace.frames[0, 0], SKETCH)
    assert trace.seed is None and trace.parameters["seed"] is None


def test_with_a_seed_there_is_faint_noise() -> None:
    noise = (sketch_to_image(SKETCH, "dog", seed=1, steps=1, model=MODEL).frames[0, 0].astype(float) - SKETCH) / 255
    assert noise.std() == pytest.approx(0.45 * NOISE, rel=0.15) and abs(noise.mean()) < 0.005


def test_the_noise_is_seeded_picture_by_picture() -> None:
    flat = torch.full((3, 3, 16, 16), 0.5)
    together = with_noise(flat, 5)
    for i in range(3):
        assert torch.equal(with_noise(flat[:1], 5 + i)[0], together[i])
    assert len(torch.unique(together.flatten(1), dim=0)) == 3
    assert torch.equal(with_noise(flat, None), flat)
    edge = with_noise(torch.cat([torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)]), 0)
    assert edge.min() == 0 and edge.max() == 1


def test_a_batch_of_sketches() -> None:
    sketches = [SKETCH, Image.fromarray(SKETCH[::-1].copy()), pictures(1, 16)]
    trace = sketch_to_image(sketches, "cat", steps=3, seed=None, model=MODEL)
    assert trace.frames.shape == (4, 3, 16, 16, 3)
    alone = sketch_to_image(sketches[1], "cat", steps=3, seed=None, model=MODEL)
    assert np.abs(alone.frames[:, 0].astype(int) - trace.frames[:, 1]).max() <= 1


def test_a_sketch_of_another_size_is_resized(tmp_path: Path) -> None:
    Image.fromarray(np.repeat(np.repeat(SKETCH, 8, 0), 8, 1)).save(tmp_path / "sketch.png")
    trace = sketch_to_image(tmp_path / "sketch.png", "dog", steps=1, seed=None, model=MODEL)
    assert trace.frames.shape == (2, 1, 16, 16, 3)
    assert np.abs(trace.frames[0, 0].astype(int) - SKETCH).mean() < 25


def test_the_input_is_not_modified() -> None:
    given = SKETCH.copy()
    sketch_to_image(given, "dog", steps=2, model=MODEL)
    np.testing.assert_array_equal(given, SKETCH)


def test_something_that_is_not_a_picture() -> None:
    with raises_sentence(PictureError, "'gone.png'"):
        sketch_to_image("gone.png", "dog", model=MODEL)
    with raises_sentence(PictureError, "255"):
        sketch_to_image(SKETCH.astype(float), "dog", model=MODEL)
