"""The scores against their closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from robust_widgets.evaluation.scores import classifier_score, frechet_distance, gaussian_distance, pairwise_distance


def covariance(seed: int, units: int = 5, rank: int | None = None) -> torch.Tensor:
    factor = torch.randn(units, rank or units, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return factor @ factor.T


def test_certain_and_balanced_predictions_score_the_number_of_classes() -> None:
    assert classifier_score(torch.eye(7).repeat(3, 1)) == pytest.approx(7)


def test_identical_predictions_score_one() -> None:
    same = torch.tensor([0.5, 0.3, 0.2]).repeat(9, 1)
    assert classifier_score(same) == pytest.approx(1)
    assert classifier_score(torch.eye(4)[[2] * 9]) == pytest.approx(1)


def test_a_score_between_is_the_mutual_information() -> None:
    answers = torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=torch.float64)
    information = math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1)
    assert classifier_score(answers) == pytest.approx(math.exp(information))


def test_gaussians_of_one_shape_are_as_far_apart_as_their_means() -> None:
    shape, mean = covariance(0), torch.arange(5.0)
    assert gaussian_distance(mean, shape, mean + 2, shape) == pytest.approx(4 * 5)
    assert gaussian_distance(mean, shape, mean, shape) == pytest.approx(0, abs=1e-9)


def test_gaussians_with_covariances_that_commute() -> None:
    one, other = torch.tensor([1.0, 4, 9]), torch.tensor([16.0, 1, 0])
    turn = torch.linalg.qr(covariance(1, 3)).Q.float()
    shapes = [turn @ torch.diag(values) @ turn.T for values in (one, other)]
    expected = float((one.sqrt() - other.sqrt()).square().sum())
    zero = torch.zeros(3)
    assert gaussian_distance(zero, shapes[0], zero, shapes[1]) == pytest.approx(expected, rel=1e-5)


def test_the_distance_is_that_of_the_optimal_map_between_any_two_gaussians() -> None:
    # x -> Ax with A symmetric positive is optimal, so N(0, S) is tr(S (I - A)^2) from N(0, ASA).
    start, map_ = covariance(2), covariance(3) + torch.eye(5, dtype=torch.float64)
    stretch = torch.eye(5, dtype=torch.float64) - map_
    expected = float((stretch @ start @ stretch).trace())
    zero = torch.zeros(5)
    assert gaussian_distance(zero, start, zero, map_ @ start @ map_) == pytest.approx(expected)
    assert gaussian_distance(zero, map_ @ start @ map_, zero, start) == pytest.approx(expected)


def test_fewer_pictures_than_units_work() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(6, 40, generator=generator)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-4)
    assert frechet_distance(features, features + 3) == pytest.approx(9 * 40, rel=1e-6)


def test_features_of_many_pictures_give_the_distance_of_their_gaussians() -> None:
    generator = torch.Generator().manual_seed(1)
    one = torch.randn(60_000, 3, generator=generator)
    other = 2 * torch.randn(60_000, 3, generator=generator) + torch.tensor([1.0, 0, 0])
    assert frechet_distance(one, other) == pytest.approx(1 + 3 * (2 - 1) ** 2, rel=0.03)


def test_the_distance_within_a_class_is_over_its_pairs_alone() -> None:
    pictures = torch.zeros(5, 3, 2, 2)
    pictures[1] += 1
    pictures[4] += 0.5
    labels = torch.tensor([0, 0, 1, 2, 2])
    pair = [math.sqrt(12), 0.5 * math.sqrt(12)]
    assert pairwise_distance(pictures, labels) == pytest.approx(sum(pair) / 2)
    assert math.isnan(pairwise_distance(pictures[:2], torch.tensor([0, 1])))
    assert pairwise_distance(torch.zeros(3, 3, 2, 2), torch.zeros(3)) == 0
