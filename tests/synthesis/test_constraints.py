"""The balls: projection, random starts, distances."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robust_widgets.errors import ParameterError
from robust_widgets.synthesis.constraints import Constraint, L2Ball, LinfBall, Unconstrained
from tests.helpers import pictures, raises_sentence

BALLS = [L2Ball, LinfBall]
CONSTRAINTS: list[Constraint] = [L2Ball(0.7), LinfBall(0.1), Unconstrained()]


@given(st.floats(0, 3), st.floats(0.01, 10), st.integers(0, 99))
def test_l2_projection_is_the_nearest_point_of_the_ball(epsilon: float, spread: float, seed: int) -> None:
    start = pictures(3, seed=seed).double()
    x = start + spread * (pictures(3, seed=seed + 1000).double() - 0.5)
    for projected, centre, given_ in zip(
        L2Ball(epsilon).project(x, start).numpy(), start.numpy(), x.numpy(), strict=True
    ):
        offset = given_ - centre
        length = math.sqrt((offset**2).sum())
        wanted = centre + offset * min(1.0, epsilon / length)
        np.testing.assert_allclose(projected, wanted, atol=1e-12)


@given(st.floats(0, 1), st.floats(0.01, 4), st.integers(0, 99))
def test_linf_projection_clips_every_value(epsilon: float, spread: float, seed: int) -> None:
    start = pictures(3, seed=seed).double()
    x = start + spread * (pictures(3, seed=seed + 1000).double() - 0.5)
    wanted = start.numpy() + np.clip((x - start).numpy(), -epsilon, epsilon)
    np.testing.assert_allclose(LinfBall(epsilon).project(x, start).numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("ball", BALLS)
def test_points_inside_are_not_moved_at_all(ball: type[L2Ball | LinfBall]) -> None:
    start = pictures(2)
    x = start + 0.001 * torch.randn(start.shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ball(1.0).project(x, start), x)


@pytest.mark.parametrize("ball", BALLS)
def test_projecting_twice_changes_nothing_more(ball: type[L2Ball | LinfBall]) -> None:
    start, x = pictures(3, seed=1), pictures(3, seed=2)
    once = ball(0.05).project(x, start)
    torch.testing.assert_close(ball(0.05).project(once, start), once, rtol=0, atol=1e-6)


def test_each_sample_is_projected_by_its_own_distance() -> None:
    start = pictures(3)
    x = start + torch.tensor([0.001, 0.1, 1.0]).view(3, 1, 1, 1)
    together = L2Ball(0.5).project(x, start)
    assert torch.equal(together[0], x[0]), "a sample inside is not pulled in by one outside"
    for i in range(3):
        torch.testing.assert_close(L2Ball(0.5).project(x[i : i + 1], start[i : i + 1])[0], together[i])


@pytest.mark.parametrize("ball", BALLS)
def test_a_ball_of_radius_zero_is_its_centre(ball: type[L2Ball | LinfBall]) -> None:
    start = pictures(2)
    torch.testing.assert_close(ball(0.0).project(pictures(2, seed=5), start), start)
    torch.testing.assert_close(ball(0.0).random_start(start), start)
    assert not ball(0.0).project(start, start).isnan().any()


def test_unconstrained_goes_anywhere_and_still_measures() -> None:
    start, x = pictures(2), pictures(2, seed=1) * 9
    assert torch.equal(Unconstrained().project(x, start), x)
    assert torch.equal(Unconstrained().random_start(start), start)
    wanted = (x - start).square().sum((1, 2, 3)).sqrt()
    torch.testing.assert_close(Unconstrained().distance(x, start), wanted)


def test_distances_are_in_the_constraints_own_norm() -> None:
    start, x = pictures(2), pictures(2, seed=1)
    torch.testing.assert_close(L2Ball(1).distance(x, start), (x - start).square().sum((1, 2, 3)).sqrt())
    torch.testing.assert_close(LinfBall(1).distance(x, start), (x - start).abs().amax((1, 2, 3)))


@pytest.mark.parametrize("constraint", [L2Ball(0.7), LinfBall(0.1)])
def test_random_starts_are_inside_and_differ(constraint: Constraint) -> None:
    start = pictures(6)
    x = constraint.random_start(start, torch.Generator().manual_seed(1))
    assert (constraint.distance(x, start) <= constraint.epsilon * (1 + 1e-5)).all()  # type: ignore[attr-defined]
    offsets = (x - start).flatten(1)
    assert all(not torch.allclose(offsets[i], offsets[j]) for i in range(6) for j in range(i))


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_the_same_seed_gives_the_same_random_start(constraint: Constraint) -> None:
    start = pictures(3)
    first, again = (constraint.random_start(start, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_a_random_start_does_not_depend_on_the_samples_that_follow(constraint: Constraint) -> None:
    start = pictures(4)
    few = constraint.random_start(start[:2], torch.Generator().manual_seed(4))
    many = constraint.random_start(start, torch.Generator().manual_seed(4))
    assert torch.equal(many[:2], few)


@pytest.mark.parametrize("constraint", [L2Ball(0.7), LinfBall(0.1)])
def test_another_seed_gives_another_random_start(constraint: Constraint) -> None:
    start = pictures(3)
    one = constraint.random_start(start, torch.Generator().manual_seed(4))
    other = constraint.random_start(start, torch.Generator().manual_seed(5))
    assert not torch.allclose(one, other)


def test_l2_random_starts_have_uniform_radii_and_no_preferred_direction() -> None:
    start = torch.full((4000, 3, 2, 2), 0.5, dtype=torch.float64)
    offsets = (L2Ball(0.8).random_start(start, torch.Generator().manual_seed(0)) - start).flatten(1)
    radii = offsets.norm(dim=1).sort().values
    # Kolmogorov-Smirnov against the uniform distribution on [0, 0.8]; 1.63 / sqrt(n) is the 1% point.
    gap = (radii / 0.8 - (torch.arange(4000) + 0.5) / 4000).abs().max()
    assert gap < 1.63 / math.sqrt(4000)
    directions = offsets / offsets.norm(dim=1, keepdim=True)
    assert directions.mean(0).abs().max() < 4.5 / math.sqrt(4000 * 12)


def test_linf_random_starts_fill_the_cube_evenly() -> None:
    start = torch.full((500, 3, 4, 4), 0.5, dtype=torch.float64)
    offsets = (LinfBall(0.1).random_start(start, torch.Generator().manual_seed(0)) - start).flatten()
    assert abs(offsets.mean()) < 4.5 * 0.1 / math.sqrt(3 * offsets.numel())
    assert offsets.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.02)
    assert offsets.min() < -0.0999 and offsets.max() > 0.0999


@pytest.mark.parametrize("ball", BALLS)
@pytest.mark.parametrize("epsilon", [-1.0, -1e-9, math.inf, -math.inf, math.nan, None, "8", [1], 1j])
def test_an_impossible_radius_is_refused(ball: type[L2Ball | LinfBall], epsilon: float) -> None:
    with raises_sentence(ParameterError, epsilon):
        ball(epsilon)
