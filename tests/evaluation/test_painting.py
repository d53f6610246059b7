"""Generated pictures beside photographs and noise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from robust_widgets.evaluation import painting
from robust_widgets.evaluation.evaluator import Bench
from robust_widgets.evaluation.painting import answers, assess, halves, noise_like
from robust_widgets.pictures import Pixels
from robust_widgets.training.data import PictureSet
from tests.helpers import CLASSES, noise_patterns, tiny_model


def patterns(each: int) -> PictureSet:
    return dataclasses.replace(noise_patterns(each), classes=CLASSES)


def test_halves_have_as_many_of_each_class_and_none_in_common() -> None:
    data = patterns(9)
    first, second = halves(data, 4)
    for half in (first, second):
        assert half.labels.bincount().tolist() == [4, 4, 4]
    seen = [{picture.numpy().tobytes() for picture in half.pictures} for half in (first, second)]
    assert len(seen[0] | seen[1]) == 24
    own = {picture.numpy().tobytes(): int(label) for picture, label in zip(data.pictures, data.labels, strict=True)}
    for picture, label in zip(first.pictures, first.labels, strict=True):
        assert own[picture.numpy().tobytes()] == int(label)


def test_noise_has_the_mean_and_deviation_of_each_channel() -> None:
    generator = np.random.default_rng(0)
    pixels = generator.normal((60, 120, 180), (10, 20, 30), (20, 16, 16, 3)).clip(0, 255).astype(np.uint8)
    noise = noise_like(pixels, 50)
    assert noise.shape == (50, 16, 16, 3) and noise.dtype == np.uint8
    np.testing.assert_allclose(noise.mean((0, 1, 2)), pixels.mean((0, 1, 2)), atol=1.5)
    np.testing.assert_allclose(noise.std((0, 1, 2)), pixels.std((0, 1, 2)), rtol=0.05)


def test_answers_are_those_of_the_judge_at_its_own_side() -> None:
    judge = tiny_model(side=16)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    features, probabilities = answers(judge, pixels)
    floats = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    torch.testing.assert_close(probabilities, judge(floats).softmax(1))
    torch.testing.assert_close(features, judge.features(floats))
    assert answers(judge, np.kron(pixels, np.ones((1, 2, 2, 1), np.uint8)))[0].shape == features.shape


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Pixels, Tensor]]:
    """Instead of what is generated, the photographs that nothing is compared with are handed back."""
    kept: list[tuple[Pixels, Tensor]] = []

    class Last:
        def __init__(self, pixels: Pixels) -> None:
            self.pixels = pixels

    def pretended(bench: Bench, seeds: int) -> tuple[list[Last], Tensor]:
        others = halves(patterns(8), seeds)[1]
        order = others.labels.argsort(stable=True)
        pixels = others.pictures[order].permute(0, 2, 3, 1).contiguous().numpy()
        return [Last(pixels)], others.labels[order]

    monkeypatch.setattr(painting, "generated", pretended)
    return kept


def test_painting_photographs_would_get_the_photographs_figures(painted: list[tuple[Pixels, Tensor]]) -> None:
    found = assess(
        Bench(tiny_model(), tiny_model(seed=1), progress=False),
        patterns(8),
        seeds=4,
        show=lambda pixels, labels: painted.append((pixels, labels)),
    )
    assert found.each == 4 and found.side == 16
    for name in ("hits", "score", "distance", "diversity"):
        assert getattr(found.generated, name) == pytest.approx(getattr(found.photographs, name), abs=1e-6)
    np.testing.assert_allclose(found.generated.rings.values, found.photographs.rings.values)
    assert found.noise.axes != found.photographs.axes
    ((pixels, labels),) = painted
    assert pixels.shape == (12, 16, 16, 3) and labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_fewer_photographs_make_every_set_smaller(painted: list[tuple[Pixels, Tensor]]) -> None:
    assert assess(Bench(tiny_model(), tiny_model(seed=1), progress=False), patterns(5), seeds=16).each == 2
