"""The bundled models: their sizes, and that their cards and the info before loading are true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import robust_widgets as rw
from robust_widgets._bundled import model_names, weights_path
from robust_widgets.interface.session import ModelInfo
from robust_widgets.models.bundled import BundledModel
from robust_widgets.models.card import read_card
from robust_widgets.session.worker import ModelWorker
from tests.helpers import CLASSES

MEGABYTES = {"default": 25, "photos": 25, "standard": 25, "tiny": 3}
SMALL = ("default", "standard", "tiny")  # of the same 27 classes, 64 pixels wide
TARGETS = {
    **dict.fromkeys(("default", "tiny"), ("goldfish", "pizza", "mushroom", "tower", "bird", "fruit")),
    "photos": ("dog", "parachute", "church", "sea", "forest", "truck"),
}


def test_there_are_four_bundled_models() -> None:
    assert rw.model_names() == tuple(sorted(MEGABYTES))
    cards = {card.name: card for card in map(read_card, map(weights_path, MEGABYTES))}
    assert set(cards) == set(MEGABYTES), "each card has the name of its file"
    assert len({cards[name].classes for name in SMALL}) == 1 and cards["default"].classes != CLASSES
    assert {cards[name].input_size for name in SMALL} == {64} and cards["photos"].input_size == 112
    assert (cards["photos"].norm, cards["photos"].radius) == ("l2", 1.75), "3.5 in pixels at 224, as the others"
    assert cards["default"].architecture == cards["standard"].architecture, "twins"
    assert (cards["standard"].norm, cards["standard"].radius) == ("", 0)
    assert all((cards[name].norm, cards[name].radius) == ("l2", 1.0) for name in ("default", "tiny"))


@pytest.mark.parametrize("name", MEGABYTES)
def test_a_bundled_model_is_a_small_download(name: str) -> None:
    assert weights_path(name).stat().st_size <= MEGABYTES[name] * 1e6


@pytest.mark.parametrize("name", MEGABYTES)
def test_a_card_has_the_models_accuracies(name: str) -> None:
    accuracies = rw.load_model(name, device="cpu").card.accuracies
    attack = "l2 1.75, 20 steps" if name == "photos" else "l2 1, 20 steps"
    assert {"clean", attack} <= accuracies.keys()
    assert 0.5 < accuracies["clean"] < 1
    assert accuracies[attack] < 0.1 if name == "standard" else accuracies[attack] > 0.35


@pytest.mark.parametrize("name", MEGABYTES)
def test_only_the_robust_models_withstand_attacks(name: str) -> None:
    assert rw.measure_robustness(rw.load_model(name, device="cpu")).robust == (name != "standard")


@pytest.mark.parametrize("name", TARGETS)
def test_a_robust_model_paints_its_target_classes(name: str) -> None:
    model = rw.load_model(name, device="cpu")
    traces = [rw.generate(target, n=1, steps=30, model=model) for target in TARGETS[name]]
    assert float(np.mean([trace.metrics["probability"][-1] for trace in traces])) > 0.6


def check_same_info(info: ModelInfo, other: ModelInfo) -> None:
    assert replace(info, features=(), layers=()) == replace(other, features=(), layers=())
    assert [(f.name, f.unit, f.classes) for f in info.features] == [(f.name, f.unit, f.classes) for f in other.features]
    for feature, expected in zip(info.features, other.features, strict=True):
        np.testing.assert_array_equal(feature.thumbnail, expected.thumbnail)


@pytest.mark.parametrize("name", model_names())
def test_info_before_loading_equals_the_loaded_models(name: str) -> None:
    bundled = BundledModel(name, "cpu")
    check_same_info(bundled.info, ModelWorker(bundled.load()).info())
    assert BundledModel(name).info.device == "", "before torch is imported, the fastest device is unknown"
    check_same_info(replace(BundledModel(name).info, device="cpu"), bundled.info)
