"""The smooth fill of a hole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from robust_widgets.pictures.harmonic import harmonic_fill, laplacian

SIZE = 40


def square(top: int, left: int, side: int) -> Tensor:
    mask = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
    mask[..., top : top + side, left : left + side] = True
    return mask


def plane() -> Tensor:
    """Linear in both directions, with other slopes in each channel: its own harmonic fill."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, SIZE), torch.linspace(0, 1, SIZE), indexing="ij")
    return torch.stack([0.5 * rows + 0.2, 0.9 - 0.4 * columns, 0.1 + 0.3 * rows + 0.5 * columns])[None]


@pytest.mark.parametrize("mask", [square(8, 10, 20), square(1, 1, 3), square(1, 1, SIZE - 2)])
def test_a_plane_is_restored(mask: Tensor) -> None:
    picture = plane()
    hole = torch.where(mask, torch.tensor(0.99), picture)
    torch.testing.assert_close(harmonic_fill(hole, mask), picture, atol=2 / 255, rtol=0)


def test_every_pixel_is_the_mean_of_its_neighbours_and_nothing_else_changes() -> None:
    picture = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    mask = torch.cat([square(5, 5, 12), square(20, 3, 15) | square(2, 30, 6)])
    filled = harmonic_fill(picture, mask)
    assert torch.equal(filled[~mask.expand_as(filled)], picture[~mask.expand_as(picture)])
    assert (laplacian(filled) * mask).abs().max() < 2e-3
    alone = torch.cat([harmonic_fill(picture[i : i + 1], mask[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(alone, filled, atol=1e-3, rtol=0)


def test_a_hole_at_the_border_and_one_that_touches_a_single_pixel() -> None:
    picture = torch.full((1, 3, SIZE, SIZE), 0.25)
    torch.testing.assert_close(harmonic_fill(picture + 0.5 * square(0, 0, 30), square(0, 0, 30)), picture)
    everywhere = ~square(17, 21, 1)
    torch.testing.assert_close(harmonic_fill(torch.where(everywhere, 0.9, picture), everywhere), picture)


def test_values_stay_between_those_around_the_hole() -> None:
    picture = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 0.3 + 0.4
    filled = harmonic_fill(torch.where(square(4, 4, 30), 0.0, picture), square(4, 4, 30))
    assert filled.min() >= 0.39 and filled.max() <= 0.71
