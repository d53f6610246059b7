"""Generated pictures in comparison with photographs and noise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from robust_widgets.evaluation import generation as module
from robust_widgets.evaluation.evaluator import Evaluator
from robust_widgets.evaluation.generation import (
    disjoint_samples,
    features_and_probabilities,
    measure_generation,
    noise_like,
)
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import from_pixels
from robust_widgets.training.data import PictureSet
from tests.helpers import CLASSES, noise_patterns, tiny_model


def patterns(each: int) -> PictureSet:
    return dataclasses.replace(noise_patterns(each), classes=CLASSES)


def test_samples_have_as_many_of_each_class_and_do_not_overlap() -> None:
    data = patterns(9)
    first, second = disjoint_samples(data, 4)
    for sample in (first, second):
        assert sample.labels.bincount().tolist() == [4, 4, 4]
    seen = [{picture.numpy().tobytes() for picture in sample.pictures} for sample in (first, second)]
    assert len(seen[0] | seen[1]) == 24
    own = {picture.numpy().tobytes(): int(label) for picture, label in zip(data.pictures, data.labels, strict=True)}
    for picture, label in zip(first.pictures, first.labels, strict=True):
        assert own[picture.numpy().tobytes()] == int(label)


def test_noise_has_the_mean_and_standard_deviation_of_each_channel() -> None:
    generator = np.random.default_rng(0)
    pixels = generator.normal((60, 120, 180), (10, 20, 30), (20, 16, 16, 3)).clip(0, 255).astype(np.uint8)
    noise = noise_like(pixels, 50)
    assert noise.shape == (50, 16, 16, 3) and noise.dtype == np.uint8
    np.testing.assert_allclose(noise.mean((0, 1, 2)), pixels.mean((0, 1, 2)), atol=1.5)
    np.testing.assert_allclose(noise.std((0, 1, 2)), pixels.std((0, 1, 2)), rtol=0.05)


def test_the_judge_sees_pictures_at_its_own_size() -> None:
    judge = tiny_model(side=16)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    features, probabilities = features_and_probabilities(judge, pixels)
    batch = from_pixels(pixels)
    torch.testing.assert_close(probabilities, judge(batch).softmax(1))
    torch.testing.assert_close(features, judge.features(batch))
    assert (
        features_and_probabilities(judge, np.kron(pixels, np.ones((1, 2, 2, 1), np.uint8)))[0].shape == features.shape
    )


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Pixels, Tensor]]:
    """Replaces generated pictures by the photographs of the second sample."""
    shown: list[tuple[Pixels, Tensor]] = []

    class Last:
        def __init__(self, pixels: Pixels) -> None:
            self.pixels = pixels

    def fake_generated(evaluator: Evaluator, seeds: int) -> tuple[list[Last], Tensor]:
        others = disjoint_samples(patterns(8), seeds)[1]
        order = others.labels.argsort(stable=True)
        pixels = others.pictures[order].permute(0, 2, 3, 1).contiguous().numpy()
        return [Last(pixels)], others.labels[order]

    monkeypatch.setattr(module, "generated", fake_generated)
    return shown


def test_identical_sets_get_identical_metrics(painted: list[tuple[Pixels, Tensor]]) -> None:
    metrics = measure_generation(
        Evaluator(tiny_model(), tiny_model(seed=1), progress=False),
        patterns(8),
        seeds=4,
        on_generated=lambda pixels, labels: painted.append((pixels, labels)),
    )
    assert metrics.each == 4 and metrics.side == 16
    for name in ("hits", "score", "distance", "diversity"):
        assert getattr(metrics.generated, name) == pytest.approx(getattr(metrics.photographs, name), abs=1e-6)
    np.testing.assert_allclose(metrics.generated.rings.values, metrics.photographs.rings.values)
    assert metrics.noise.axes != metrics.photographs.axes
    ((pixels, labels),) = painted
    assert pixels.shape == (12, 16, 16, 3) and labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_fewer_photographs_make_every_set_smaller(painted: list[tuple[Pixels, Tensor]]) -> None:
    assert (
        measure_generation(Evaluator(tiny_model(), tiny_model(seed=1), progress=False), patterns(5), seeds=16).each == 2
    )
