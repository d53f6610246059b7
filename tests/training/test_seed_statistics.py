"""The Gaussian of a class, recovered from its pictures."""

from __future__ import annotations

import pytest
import torch

from robust_widgets.training.data import PictureSet
from robust_widgets.training.seed_statistics import NOISE, seed_statistics
from tests.helpers import noise_patterns

SIZE, RANK, EACH = 8, 3, 1500
VALUES = 3 * (SIZE // 2) ** 2


def known(seed: int = 0) -> tuple[PictureSet, list[torch.Tensor], list[torch.Tensor]]:
    """Two classes drawn from known Gaussians of rank 3, each value repeated 2 x 2; their means and factors."""
    generator = torch.Generator().manual_seed(seed)
    drawn: list[torch.Tensor] = []
    means: list[torch.Tensor] = []
    factors: list[torch.Tensor] = []
    for scale in (0.10, 0.05):
        mean = 0.4 + 0.2 * torch.rand(VALUES, generator=generator)
        directions, _ = torch.linalg.qr(torch.randn(VALUES, RANK, generator=generator))
        factor = directions.T * scale * torch.tensor([4.0, 3.0, 2.0])[:, None]
        draws = mean + torch.randn(EACH, RANK, generator=generator) @ factor
        small = draws.view(EACH, 3, SIZE // 2, SIZE // 2)
        drawn.append(small.repeat_interleave(2, 2).repeat_interleave(2, 3))
        means.append(mean)
        factors.append(factor)
    values = torch.cat(drawn).clamp(0, 1).mul(255).round().to(torch.uint8)
    labels = torch.arange(2).repeat_interleave(EACH)
    order = torch.randperm(2 * EACH, generator=generator)
    return PictureSet(values[order], labels[order], ("a", "b")), means, factors


def test_a_known_low_rank_gaussian_is_recovered() -> None:
    data, means, factors = known()
    found = seed_statistics(data, factor=2, rank=RANK, progress=False)
    assert found["mean"].shape == (2, 3, SIZE // 2, SIZE // 2)
    assert found["factor"].shape == (2, RANK, VALUES) and found["noise"].shape == (2,)
    assert all(value.dtype == torch.float16 for value in found.values())
    for label in range(2):
        torch.testing.assert_close(found["mean"][label].flatten().float(), means[label], atol=0.03, rtol=0)
        covariance = factors[label].T @ factors[label]
        recovered = found["factor"][label].float().T @ found["factor"][label].float()
        assert (recovered - covariance).norm() < 0.12 * covariance.norm()


def test_the_largest_directions_are_kept_and_the_grain_is_fixed() -> None:
    data, _, factors = known()
    for label in range(2):
        variances = factors[label].square().sum(1)
        for rank in (1, 2, RANK):
            found = seed_statistics(data, rank=rank, progress=False)
            kept = float(found["factor"][label].float().square().sum())
            assert kept == pytest.approx(float(variances[:rank].sum()), rel=0.12)
            assert float(found["noise"][label]) == pytest.approx(NOISE, rel=0.01)


def test_fewer_pictures_than_directions() -> None:
    found = seed_statistics(noise_patterns(5, side=8), rank=24, progress=False)
    assert found["factor"].shape == (3, 24, VALUES)
    assert all(value.isfinite().all() for value in found.values())
    assert (found["factor"][:, 5:] == 0).all() and (found["factor"][:, :4].abs().amax(2) > 0).all()


def test_statistics_are_seeded_and_leave_the_global_generator_alone() -> None:
    data = noise_patterns(40, side=8)
    torch.manual_seed(1)
    wanted = torch.rand(4)
    torch.manual_seed(1)
    one = seed_statistics(data, rank=4, progress=False)
    assert torch.equal(torch.rand(4), wanted)
    again = seed_statistics(data, rank=4, progress=False)
    assert all(torch.equal(one[name], again[name]) for name in one)
