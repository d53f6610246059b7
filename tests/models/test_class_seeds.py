"""Draws from the seed distribution of a class."""

from __future__ import annotations

import math

import pytest
import torch

from robust_widgets.errors import WeightsError
from robust_widgets.models.class_seeds import draw_seeds
from robust_widgets.models.networks.separable import SMOOTHING, separable
from tests.helpers import raises_sentence, tiny_model

DRAWS = 4000


def draws(class_index: int = 1, count: int = DRAWS, seed: int = 0) -> torch.Tensor:
    """Draws as vectors, (count, 3 * 16 * 16)."""
    return draw_seeds(tiny_model(16), class_index, count, seed).flatten(1).double()


def enlargement_matrix() -> torch.Tensor:
    """Bicubic enlargement from 8 to 16 px as a matrix, (768, 192)."""
    units = torch.eye(192).view(192, 3, 8, 8)
    return torch.nn.functional.interpolate(units, (16, 16), mode="bicubic", antialias=True).flatten(1).T.double()


def smoothing_matrix() -> torch.Tensor:
    """(256, 256): white noise of 16 x 16 pixels to that of a start."""
    units = torch.eye(256).view(256, 1, 16, 16)
    return separable(separable(units, SMOOTHING), SMOOTHING).flatten(1).T.double()


@pytest.mark.parametrize("class_index", [0, 2])
def test_draws_have_the_distributions_mean_and_covariance(class_index: int) -> None:
    model = tiny_model(16)
    assert model.seeds is not None
    mean, factor, noise = (model.seeds[name][class_index].double() for name in ("mean", "factor", "noise"))
    enlarge, smoothing = enlargement_matrix(), smoothing_matrix()
    grey = torch.ones(3, 3, dtype=torch.float64)  # the noise is equal in red, green and blue
    covariance = enlarge @ factor.T @ factor @ enlarge.T + noise**2 * torch.kron(grey, smoothing @ smoothing.T)
    samples = draws(class_index)
    errors = (samples.mean(0) - enlarge @ mean.flatten()) / (covariance.diagonal() / DRAWS).sqrt()
    assert errors.abs().max() < 5, "each value's mean is within chance"
    sampled = torch.cov(samples.T)
    spread = (covariance**2 + covariance.diagonal()[:, None] * covariance.diagonal()).div(DRAWS).sqrt()
    assert ((sampled - covariance) / spread).abs().max() < 6, "each of 589,824 entries is within chance"
    along, wanted = torch.linalg.eigvalsh(sampled)[-4:], torch.linalg.eigvalsh(covariance)[-4:]
    torch.testing.assert_close(along, wanted, rtol=5 * math.sqrt(2 / DRAWS), atol=0)


def test_enlarging_makes_no_blocks() -> None:
    model = tiny_model(64)
    assert model.seeds is not None
    model.seeds = {**model.seeds, "noise": torch.zeros(3)}
    start = draw_seeds(model, 0, 2, 0)
    assert start.shape == (2, 3, 64, 64) and start.dtype == torch.float32
    steps = (start[..., 1:] - start[..., :-1]).abs()
    within, between = steps[..., ::2].mean(), steps[..., 1::2].mean()
    assert float(within / between) > 0.3, "with nearest neighbour there is no step within a block"


def test_the_noise_is_grey_and_smooth_and_less_in_larger_pictures() -> None:
    model = tiny_model(64)
    assert model.seeds is not None
    model.seeds = {
        "mean": torch.full((1, 3, 32, 32), 0.5),
        "factor": torch.zeros(1, 2, 3072),
        "noise": torch.tensor([0.1]),
    }
    noise = draw_seeds(model, 0, 1, 0)[0] - 0.5
    assert torch.equal(noise[0], noise[1]) and torch.equal(noise[0], noise[2])
    assert float(noise[0].std()) == pytest.approx(0.045, rel=0.1)
    assert float((noise[0, :, 1:] * noise[0, :, :-1]).mean()) > 0.5 * 0.045**2, "neighbours are alike"
    assert float((draw_seeds(model, 0, 1, 0, 128)[0, 0] - 0.5).std()) == pytest.approx(0.0225, rel=0.1)


def test_draws_are_clamped_to_pictures() -> None:
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


def test_classes_have_different_draws() -> None:
    assert not torch.allclose(draws(0, 1), draws(1, 1))


def test_drawing_does_not_change_the_global_generator() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    draws(count=2)
    assert torch.equal(torch.rand(3), wanted)


def test_a_model_without_seeds() -> None:
    model = tiny_model(16)
    model.seeds = None
    with raises_sentence(WeightsError, repr(model.card.name), "no seed statistics"):
        draw_seeds(model, 0, 1, 0)
