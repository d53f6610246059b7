"""The pictures that measurements start from."""

from __future__ import annotations

import numpy as np
import torch

from robust_widgets.evaluation.evaluator import (
    choose_pictures,
    colour_blobs,
    crude_sketches,
    interleaved,
    of_other_classes,
    square,
)
from robust_widgets.interface.session import Feature
from tests.helpers import COLOURS, noise_patterns, pictures


def test_pictures_are_taken_from_each_class_in_turn() -> None:
    data = noise_patterns(4)
    chosen = choose_pictures(data, 7, seed=0)
    assert chosen.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    kept = [picture.numpy().tobytes() for picture in chosen.pictures]
    assert len(set(kept)) == 7 and set(kept) <= {picture.numpy().tobytes() for picture in data.pictures}
    assert torch.equal(choose_pictures(data, 7, seed=0).pictures, chosen.pictures)
    assert not torch.equal(choose_pictures(data, 7, seed=1).pictures, chosen.pictures)
    assert len(choose_pictures(data, 12).labels) == 12


def test_crude_sketches_keep_the_colours_and_lose_the_detail() -> None:
    batch = pictures(2, 64)
    batch[:, :, :, :32] *= 0.2
    sketches = crude_sketches(batch)
    assert sketches.shape == batch.shape and float(sketches.min()) >= 0 and float(sketches.max()) <= 1
    halves = (slice(0, 24), slice(40, 64))
    for half in halves:
        torch.testing.assert_close(sketches[..., half].mean((2, 3)), batch[..., half].mean((2, 3)), atol=0.08, rtol=0)
    detail = (batch.diff(dim=3).abs().mean(), sketches.diff(dim=3).abs().mean())
    assert detail[1] < detail[0] / 10


def test_blobs_have_the_colours_of_their_classes() -> None:
    blobs = colour_blobs(noise_patterns(30))
    assert blobs.shape == (3, 3, 16, 16)
    torch.testing.assert_close(blobs[:, :, 8, 8], COLOURS, atol=0.03, rtol=0)
    torch.testing.assert_close(blobs[:, :, 0, 0], COLOURS, atol=0.03, rtol=0)
    assert not torch.equal(blobs[:, :, 8, 8], blobs[:, :, 0, 0])


def test_a_square_has_its_share_of_the_area() -> None:
    for share in (1 / 6, 1 / 4, 1 / 2):
        mask = square(64, share)
        assert abs(float(mask.float().mean()) - share) < 0.02
        rows = torch.nonzero(mask.any(1)).flatten()
        assert torch.equal(mask, mask.T) and abs(int(rows[0]) - (63 - int(rows[-1]))) <= 1


def test_features_come_from_all_classes_in_turn() -> None:
    names = ["a 1", "a 2", "a 3", "b 1", "c 1", "c 2"]
    entries = [Feature(name, unit, (name[0],), np.zeros((1, 1, 3), np.uint8)) for unit, name in enumerate(names)]
    assert [entry.name for entry in interleaved(entries, 5)] == ["a 1", "b 1", "c 1", "a 2", "c 2"]
    assert len(interleaved(entries, 99)) == 6


def test_a_picture_of_another_class_is_found_for_each_target() -> None:
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    targets = torch.tensor([0, 0, 1, 2, 2, 1])
    picked = of_other_classes(labels, targets, seed=0)
    assert not bool((labels[picked] == targets).any())
    assert len(set(picked.tolist())) > 3
    assert of_other_classes(torch.tensor([0]), torch.tensor([0]), seed=0).tolist() == [0]
