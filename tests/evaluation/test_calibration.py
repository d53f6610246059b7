"""Calibration of made-up predictions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from robust_widgets.evaluation.scores import Calibration, calibrate


def sure(confidence: list[float], right: list[bool]) -> tuple[Tensor, Tensor]:
    """Two-class predictions with these confidences, all for class 0."""
    first = torch.tensor(confidence, dtype=torch.float64)
    return torch.stack([first, 1 - first], 1), torch.tensor([0 if yes else 1 for yes in right])


def test_perfect_calibration_has_no_error() -> None:
    found = calibrate(*sure([0.75] * 4, [True, True, True, False]), bins=4)
    assert found == Calibration((0, 0, 4, 0), (0, 0, 0.75, 0), (0, 0, 0.75, 0))
    assert found.error == 0


def test_the_error_is_the_gap_of_each_bin_weighted_by_its_pictures() -> None:
    found = calibrate(*sure([0.6] * 3 + [1.0], [True, False, False, False]), bins=10)
    assert found.counts == (0, 0, 0, 0, 0, 3, 0, 0, 0, 1)
    assert found.error == pytest.approx((3 * abs(0.6 - 1 / 3) + 1) / 4)
    assert found.mean_confidence == pytest.approx(0.7) and found.mean_accuracy == pytest.approx(0.25)


def test_gaps_of_one_bin_cancel_and_of_two_do_not() -> None:
    answers = sure([0.9, 0.6], [False, True])
    assert calibrate(*answers, bins=1).error == pytest.approx(0.25)
    assert calibrate(*answers, bins=15).error == pytest.approx((0.9 + 0.4) / 2)


def test_certainty_is_in_the_last_bin_and_there_are_fifteen() -> None:
    found = calibrate(*sure([1.0], [True]))
    assert len(found.counts) == 15 and found.counts[-1] == 1 and found.error == 0
