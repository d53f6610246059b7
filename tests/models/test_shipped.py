"""The models that ship: their sizes, what their cards say, and that the cards do not lie."""

from __future__ import annotations

import numpy as np
import pytest

import robust_widgets as rw
from robust_widgets._bundled import weights_path
from robust_widgets.models.card import read_card
from tests.helpers import CLASSES

MEGABYTES = {"default": 25, "standard": 25, "tiny": 3}
PAINTED = ("goldfish", "pizza", "mushroom", "tower", "bird", "fruit")


def test_three_models_ship() -> None:
    assert rw.model_names() == tuple(sorted(MEGABYTES))
    cards = {card.name: card for card in map(read_card, map(weights_path, MEGABYTES))}
    assert set(cards) == set(MEGABYTES), "each calls itself by its name"
    assert len({card.classes for card in cards.values()}) == 1 and cards["default"].classes != CLASSES
    assert cards["default"].architecture == cards["standard"].architecture, "twins"
    assert (cards["standard"].norm, cards["standard"].radius) == ("", 0)
    assert all((cards[name].norm, cards[name].radius) == ("l2", 1.0) for name in ("default", "tiny"))


@pytest.mark.parametrize("name", MEGABYTES)
def test_a_shipped_model_is_a_small_download(name: str) -> None:
    assert weights_path(name).stat().st_size <= MEGABYTES[name] * 1e6


@pytest.mark.parametrize("name", MEGABYTES)
def test_a_card_says_how_good_the_model_is(name: str) -> None:
    accuracies = rw.load_model(name, device="cpu").card.accuracies
    assert {"clean", "l2 1, 20 steps"} <= accuracies.keys()
    assert 0.5 < accuracies["clean"] < 1
    assert accuracies["l2 1, 20 steps"] < 0.1 if name == "standard" else accuracies["l2 1, 20 steps"] > 0.35


@pytest.mark.parametrize("name", MEGABYTES)
def test_only_the_robust_models_hold_under_attack(name: str) -> None:
    assert rw.measure_robustness(rw.load_model(name, device="cpu")).robust == (name != "standard")


@pytest.mark.parametrize("name", ["default", "tiny"])
def test_a_robust_model_paints_what_it_is_asked_for(name: str) -> None:
    model = rw.load_model(name, device="cpu")
    shares = [rw.generate(target, n=1, steps=30, model=model).metrics["probability"][-1].mean() for target in PAINTED]
    assert float(np.mean(shares)) > 0.6
