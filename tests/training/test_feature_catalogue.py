"""The feature catalogue: units are named after the classes that activate them, and shown by maximisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from robust_widgets.errors import WeightsError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import read_catalogue, write_catalogue
from robust_widgets.training.data import PictureSet
from robust_widgets.training.feature_catalogue import THUMBNAIL_SIZE, class_scores, make_catalogue, thumbnails
from tests.helpers import ColourNet, card, noise_patterns, raises_sentence, tiny_model

GREEN, NOTHING, RED, BLUE, GREY = range(5)
MODEL = RobustClassifier(ColourNet(), card(16, "colours"))
DATA = noise_patterns(8)
RED_CLASS, GREEN_CLASS, BLUE_CLASS = DATA.classes


def test_the_scores_pick_the_class_that_activates_each_unit() -> None:
    scores = class_scores(MODEL, DATA, 5, False)
    assert scores.shape == (5, 3)
    assert scores[[RED, GREEN, BLUE]].argmax(1).tolist() == [0, 1, 2]
    assert (scores[[RED, GREEN, BLUE]].max(1).values > 1.1).all(), "three classes allow 1.155 at most"
    assert (scores[NOTHING] == 0).all()
    torch.testing.assert_close(scores.sum(1), torch.zeros(5), atol=1e-4, rtol=0)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_the_scores_do_not_depend_on_batches_or_order(batch_size: int) -> None:
    order = torch.randperm(len(DATA), generator=torch.Generator().manual_seed(0))
    mixed = PictureSet(DATA.pictures[order], DATA.labels[order], DATA.classes)
    wanted = class_scores(MODEL, DATA, 24, False)[[RED, GREEN, BLUE]]
    torch.testing.assert_close(class_scores(MODEL, mixed, batch_size, False)[[RED, GREEN, BLUE]], wanted)


def test_classes_of_different_sizes_count_equally() -> None:
    keep = torch.cat([torch.arange(0, 8), torch.arange(8, 10), torch.arange(16, 24)])
    few_green = PictureSet(DATA.pictures[keep], DATA.labels[keep], DATA.classes)
    assert class_scores(MODEL, few_green, 5, False)[[RED, GREEN, BLUE]].argmax(1).tolist() == [0, 1, 2]


def test_the_catalogue_of_a_hand_made_network(tmp_path: Path) -> None:
    made = make_catalogue(MODEL, DATA, steps=80, batch_size=2, progress=False)
    by_unit = {entry.unit: entry for entry in made}
    assert sorted(by_unit) == list(range(5)) and len({entry.name for entry in made}) == 5
    for unit, name, channel in ((RED, RED_CLASS, 0), (GREEN, GREEN_CLASS, 1), (BLUE, BLUE_CLASS, 2)):
        assert by_unit[unit].classes == (name,) and by_unit[unit].name.startswith(name)
        shown = by_unit[unit].thumbnail.astype(float).mean((0, 1))
        others = np.delete(shown, channel)
        assert shown[channel] > 180 and (np.abs(others - 127) < 15).all(), "what maximises it, and nothing else"
    assert {entry.unit for entry in made[:3]} <= {RED, GREEN, BLUE, GREY} and made[-1].unit == NOTHING
    grey = by_unit[GREY].thumbnail.astype(float).mean((0, 1))
    assert grey.min() > 150 and np.ptp(grey) < 20
    assert all(e.thumbnail.shape == (THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3) and e.thumbnail.dtype == np.uint8 for e in made)
    write_catalogue(tmp_path / "a.features.json", MODEL.fingerprint, made)
    assert [e.name for e in read_catalogue(tmp_path / "a.features.json", MODEL.fingerprint)] == [e.name for e in made]


def test_the_catalogue_of_a_real_network() -> None:
    model = tiny_model()
    made = make_catalogue(model, DATA, steps=1, progress=False)
    units = [entry.unit for entry in made]
    assert sorted(units) == list(range(model.features(torch.zeros(1, 3, 16, 16)).shape[1]))
    assert len({entry.name for entry in made}) == len(made)
    scores = class_scores(model, DATA, 24, False)
    best = [float(scores[unit].max()) for unit in units]
    assert best == sorted(best, reverse=True), "the most selective first"
    for entry in made:
        assert entry.classes[0] == DATA.classes[int(scores[entry.unit].argmax())]
        assert 1 <= len(entry.classes) <= 3 and entry.name.rsplit(" ", 1)[0] == entry.classes[0]


def test_thumbnails_do_not_depend_on_batches() -> None:
    one, many = (thumbnails(MODEL, [RED, BLUE, GREEN], steps=3, batch_size=b, progress=False) for b in (1, 3))
    for a, b in zip(one, many, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_a_model_without_features() -> None:
    with raises_sentence(WeightsError, "penultimate"):
        make_catalogue(RobustClassifier(torch.nn.Flatten(), card(16, "flat")), DATA, progress=False)
