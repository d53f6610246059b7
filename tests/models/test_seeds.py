"""Draws from the class seed distributions."""

from __future__ import annotations

import math

import pytest
import torch

from robust_widgets.errors import WeightsError
from robust_widgets.models.seeds import draw_seeds
from tests.helpers import raises_sentence, tiny_model

DRAWS = 4000


def draws(class_index: int = 1, count: int = DRAWS, seed: int = 0) -> torch.Tensor:
    """Draws at their own size, (count, 3 * 8 * 8): of a picture of 16 px, every second pixel."""
    return draw_seeds(tiny_model(16), class_index, count, seed)[:, :, ::2, ::2].flatten(1).double()


@pytest.mark.parametrize("class_index", [0, 2])
def test_draws_have_the_mean_and_covariance_they_should(class_index: int) -> None:
    model = tiny_model(16)
    assert model.seeds is not None
    mean, factor, noise = (model.seeds[name][class_index].double() for name in ("mean", "factor", "noise"))
    covariance = factor.T @ factor + noise**2 * torch.eye(192)
    found = draws(class_index)
    errors = (found.mean(0) - mean.flatten()) / (covariance.diagonal() / DRAWS).sqrt()
    assert errors.abs().max() < 4.5, "no value's mean is off by more than chance"
    assert abs(errors.square().mean() - 1) < 0.6
    sampled = torch.cov(found.T)
    spread = (covariance**2 + covariance.diagonal()[:, None] * covariance.diagonal()).div(DRAWS).sqrt()
    assert ((sampled - covariance) / spread).abs().max() < 5.5, "36,864 entries, none off by more than chance"
    along = torch.linalg.eigvalsh(sampled)
    wanted = torch.linalg.eigvalsh(covariance)
    torch.testing.assert_close(along[-4:], wanted[-4:], rtol=5 * math.sqrt(2 / DRAWS), atol=0)


def test_upsampling_repeats_each_value() -> None:
    start = draw_seeds(tiny_model(16), 0, 2, 0)
    assert start.shape == (2, 3, 16, 16) and start.dtype == torch.float32
    for dy, dx in ((0, 1), (1, 0), (1, 1)):
        assert torch.equal(start[:, :, dy::2, dx::2], start[:, :, ::2, ::2])


def test_draws_are_pictures() -> None:
    model = tiny_model(16)
    assert model.seeds is not None
    model.seeds = {**model.seeds, "noise": torch.full((3,), 2.0)}
    start = draw_seeds(model, 0, 3, 0)
    assert start.min() == 0 and start.max() == 1


def test_picture_i_is_drawn_from_seed_plus_i() -> None:
    four = draws(count=4, seed=10)
    for i in range(4):
        assert torch.equal(draws(count=1, seed=10 + i)[0], four[i])
    assert len(torch.unique(four, dim=0)) == 4


def test_another_class_another_draw() -> None:
    assert not torch.allclose(draws(0, 1), draws(1, 1))


def test_drawing_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    draws(count=2)
    assert torch.equal(torch.rand(3), wanted)


def test_a_model_without_seeds() -> None:
    model = tiny_model(16)
    model.seeds = None
    with raises_sentence(WeightsError, repr(model.card.name), "no class seeds"):
        draw_seeds(model, 0, 1, 0)
