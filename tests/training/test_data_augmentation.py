"""Augmentation of training pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from robust_widgets.training.data import apply_changes, augment, draw_changes
from robust_widgets.training.data.augmentation import Changes
from tests.helpers import pictures


def test_augmentation_shifts_and_flips_each_picture_independently() -> None:
    x = pictures(40, 8, seed=1)
    out = augment(x, torch.Generator().manual_seed(0), 2)
    assert out.shape == x.shape
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2), mode="reflect")
    seen: set[tuple[int, int, bool]] = set()
    for i in range(40):
        for dy in range(5):
            for dx in range(5):
                window = padded[i, :, dy : dy + 8, dx : dx + 8]
                for flipped in (False, True):
                    if torch.equal(out[i], window.flip(2) if flipped else window):
                        seen.add((dy, dx, flipped))
                        break
                else:
                    continue
                break
            else:
                continue
            break
        else:
            pytest.fail(f"picture {i} is no shifted and flipped copy of itself")
    assert {flip for *_, flip in seen} == {True, False}
    assert {dy for dy, *_ in seen} == {dx for _, dx, _ in seen} == set(range(5))


def test_augmentation_is_seeded_and_may_do_nothing() -> None:
    x = pictures(6, 8)
    one, again, other = (augment(x, torch.Generator().manual_seed(s), 3) for s in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)
    still = augment(x, torch.Generator().manual_seed(1), 0)
    assert all(torch.equal(a, b) or torch.equal(a, b.flip(2)) for a, b in zip(still, x, strict=True))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    "rows", [slice(0, 1), slice(3, 4), slice(2, 7), slice(6, None), slice(1, None, 2), slice(5, 5)]
)
def test_some_rows_are_those_of_the_whole_batch(wide: bool, rows: slice) -> None:
    x = pictures(9, 16, seed=2)
    whole = augment(x, seeded(3), 2, wide=wide)
    assert torch.equal(augment(x, seeded(3), 2, wide=wide, rows=rows), whole[rows])
    changes = draw_changes(9, seeded(3), 2, wide=wide)
    assert torch.equal(apply_changes(x[rows], changes[rows], 2), whole[rows])


@pytest.mark.parametrize("wide", [False, True])
def test_the_generator_advances_as_for_the_whole_batch(wide: bool) -> None:
    whole, part = seeded(), seeded()
    augment(pictures(6, 8), whole, 2, wide=wide)
    augment(pictures(6, 8), part, 2, wide=wide, rows=slice(1, 2))
    assert torch.equal(torch.rand(3, generator=whole), torch.rand(3, generator=part))


def test_wide_changes_begin_with_the_same_shifts_and_flips() -> None:
    plain, wide = draw_changes(50, seeded(1), 3), draw_changes(50, seeded(1), 3, wide=True)
    assert torch.equal(plain.shifts, wide.shifts) and torch.equal(plain.flips, wide.flips)
    assert plain.windows is None and plain.colours is None


def test_wide_changes_have_the_documented_range() -> None:
    changes = draw_changes(4000, seeded(2), 0, wide=True)
    assert changes.windows is not None and changes.colours is not None
    height, width, row, column = changes.windows.unbind(1)
    area, aspect = height * width, width / height
    assert 0.575 < area.min() < 0.62 and 0.97 < area.max() <= 1, "a window that would stick out is cut to the picture"
    assert 0.75 - 1e-5 <= aspect.min() < 0.8 and 1.25 < aspect.max() <= 4 / 3 + 1e-5
    for length, centre in ((height, row), (width, column)):
        assert (length <= 1).all() and (centre.abs() + length <= 1 + 1e-6).all(), "no window leaves the picture"
        assert centre.mean().abs() < 0.01, "and it is unbiased"
    assert 0.8 <= changes.colours.min() < 0.81 and 1.19 < changes.colours.max() <= 1.2


def test_wide_pictures_stay_in_range_and_differ() -> None:
    x = pictures(12, 16, seed=4)
    x[0], x[1] = 0, 1
    made = augment(x, seeded(5), 2, wide=True)
    assert made.shape == x.shape and made.dtype == torch.float32
    assert made.min() >= 0 and made.max() <= 1
    assert torch.equal(made, augment(x, seeded(5), 2, wide=True))
    assert not torch.equal(made, augment(x, seeded(6), 2, wide=True))
    assert not torch.equal(made, augment(x, seeded(5), 2))


def changed(x: Tensor, window: tuple[float, ...] = (1, 1, 0, 0), colours: tuple[float, ...] = (1, 1, 1)) -> Tensor:
    """Pictures with one change made to each."""
    count = len(x)
    still = torch.zeros(count, 2, dtype=torch.long), torch.zeros(count, dtype=torch.bool)
    return apply_changes(x, Changes(*still, torch.tensor([window] * count), torch.tensor([colours] * count)), 0)


def test_a_full_crop_and_factors_of_one_change_nothing() -> None:
    x = pictures(3, 12, seed=6)
    torch.testing.assert_close(changed(x), x, atol=2e-6, rtol=0)


def test_a_window_selects_its_part() -> None:
    side = 32
    rows = torch.arange(side).view(1, 1, side, 1).expand(1, 3, side, side) / side
    columns = rows.transpose(2, 3)
    lower = changed(rows, (0.5, 1, 0.5, 0))  # the lower half, at full width
    assert lower[..., 2:-2, :].min() > 0.5 and lower.max() < 0.98 and lower.std(3).max() < 1e-5
    left = changed(columns, (1, 0.5, 0, -0.5))
    assert left[..., :-2].max() < 0.51 and left.std(2).max() < 1e-5
    assert abs(left[0, 0, 0, 3:-4].diff().mean() - 0.5 / side) < 1e-4, "half as steep"


def test_brightness_contrast_and_saturation_do_what_they_say() -> None:
    x = pictures(2, 8, low=0.4, high=0.6)
    torch.testing.assert_close(changed(x, colours=(1.2, 1, 1)), x * 1.2, atol=1e-5, rtol=0)
    contrast = changed(x, colours=(1, 0.8, 1))
    torch.testing.assert_close(contrast - 0.5, 0.8 * (x - 0.5), atol=1e-5, rtol=0)
    grey = changed(x, colours=(1, 1, 0))
    torch.testing.assert_close(grey[:, 0], grey[:, 2])
    saturated = changed(x, colours=(1, 1, 1.2))
    torch.testing.assert_close(saturated - grey, 1.2 * (x - grey), atol=1e-5, rtol=0)
