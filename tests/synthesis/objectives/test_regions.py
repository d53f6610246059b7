"""The penalty on change outside a mask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robust_widgets.errors import PictureError
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.synthesis.objectives import MatchOutside
from robust_widgets.tasks.running.problems import fill_inside
from tests.helpers import pictures, raises_sentence, smooth_model

MODEL = smooth_model(16)
X = pictures(2, 16)
MASK = np.zeros((16, 16), bool)
MASK[2:9, 4:13] = True
OUTSIDE = torch.from_numpy(~MASK).expand(2, 3, 16, 16)


def test_zero_for_the_same_picture() -> None:
    assert torch.equal(MatchOutside(X, MASK)(MODEL, X), torch.zeros(2))
    assert MatchOutside(X, MASK).probability(MODEL, X) is None


def test_it_counts_the_outside_alone_and_means_over_the_whole_picture() -> None:
    other = pictures(2, 16, seed=8)
    wanted = [
        sum((float(a) - float(b)) ** 2 for a, b in zip(x[o], y[o], strict=True)) / (3 * 16 * 16)
        for x, y, o in zip(X, other, OUTSIDE, strict=True)
    ]
    np.testing.assert_allclose(MatchOutside(X, MASK)(MODEL, other), wanted, rtol=1e-4)
    inside_changed = torch.where(OUTSIDE, X, other)
    assert torch.equal(MatchOutside(X, MASK)(MODEL, inside_changed), torch.zeros(2))


def test_its_gradient_is_zero_inside_and_is_the_difference_outside() -> None:
    x = pictures(2, 16, seed=8).requires_grad_()
    (gradient,) = torch.autograd.grad(MatchOutside(X, MASK)(MODEL, x).sum(), x)
    assert (gradient[~OUTSIDE] == 0).all()
    torch.testing.assert_close(gradient[OUTSIDE], (2 * (x - X) / (3 * 16 * 16))[OUTSIDE])


def test_pictures_of_every_kind(tmp_path: Path) -> None:
    pixels = to_pixels(X[:1])[0]
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    Image.fromarray(MASK.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    exact = torch.from_numpy(pixels.transpose(2, 0, 1)[None] / 255.0).float()
    kinds: list[Any] = [pixels, pixels / 255.0, Image.fromarray(pixels), str(tmp_path / "picture.png"), exact, exact[0]]
    for picture in kinds:
        for mask in (MASK, MASK.astype(np.uint8) * 255, tmp_path / "mask.png", torch.from_numpy(MASK)):
            assert float(MatchOutside(picture, mask)(MODEL, exact)) == pytest.approx(0, abs=1e-12)


def test_it_is_resized_to_the_picture_that_is_optimised() -> None:
    flat = np.full((8, 8, 3), 51, np.uint8)
    objective = MatchOutside(flat, MASK)
    for side in (16, 32, 16):
        grey = torch.full((1, 3, side, side), 0.7)
        share = 1 - MASK.mean()
        assert float(objective(MODEL, grey)) == pytest.approx(0.25 * share, rel=0.05)


def test_a_sample_does_not_depend_on_its_neighbours() -> None:
    other = pictures(2, 16, seed=8)
    together = MatchOutside(X, MASK)(MODEL, other)
    for i in range(2):
        torch.testing.assert_close(MatchOutside(X[i], MASK)(MODEL, other[i : i + 1])[0], together[i])


@pytest.mark.parametrize(
    ("picture", "mask", "named"),
    [
        ("gone.png", MASK, "gone.png"),
        (X, np.zeros((16, 16), bool), "empty"),
        (X, np.ones((16, 16), bool), "whole picture"),
        (X * 9, MASK, "0 to 1"),
    ],
)
def test_what_cannot_be_read(picture: Any, mask: Any, named: str) -> None:
    with raises_sentence(PictureError, named):
        MatchOutside(picture, mask)(MODEL, X)


def test_the_inside_is_filled_with_the_mean_colour_of_the_outside() -> None:
    mask = torch.from_numpy(MASK)[None, None]
    hole = fill_inside(X, mask, "mean")
    mean = hole[:, :, 4:5, 6:7]
    for i in range(2):
        for c in range(3):
            assert float(mean[i, c, 0, 0]) == pytest.approx(float(X[i, c][torch.from_numpy(~MASK)].mean()), rel=1e-5)
    assert torch.equal(hole[OUTSIDE], X[OUTSIDE])
    torch.testing.assert_close(hole[~OUTSIDE], mean.expand(2, 3, 16, 16)[~OUTSIDE])
