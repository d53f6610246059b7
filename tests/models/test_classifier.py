"""The classifier normalises its input, is frozen, and finds its classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from robust_widgets.errors import UnknownNameError, WeightsError
from robust_widgets.models.classifier import RobustClassifier
from tests.helpers import CLASSES, SmoothNet, card, pictures, raises_sentence, smooth_model, tiny_model


def test_it_normalises_the_networks_input() -> None:
    seen: list[torch.Tensor] = []

    class Spy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x.mean((2, 3))

    RobustClassifier(Spy(), card(12, "spy"))(pictures(2))
    mean, std = np.array([0.5, 0.45, 0.4]).reshape(1, 3, 1, 1), np.array([0.25, 0.3, 0.2]).reshape(1, 3, 1, 1)
    np.testing.assert_allclose(seen[0], (pictures(2).numpy() - mean) / std, rtol=1e-5, atol=1e-6)


def test_a_new_one_is_frozen_and_in_evaluation_mode() -> None:
    network = SmoothNet().train()
    model = RobustClassifier(network, card(12, "smooth"))
    assert not model.training and not network.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_features_lead_to_the_logits() -> None:
    model = tiny_model()
    features = model.features(pictures(2, 16))
    assert features.shape == (2, 128)
    torch.testing.assert_close(model.network.head(features), model(pictures(2, 16)))
    torch.testing.assert_close(model.classify(features), model(pictures(2, 16)))


def test_a_network_without_features() -> None:
    model = RobustClassifier(nn.Flatten(), card(12, "flat"))
    with raises_sentence(WeightsError, "test-flat", "penultimate", "'features'"):
        model.features(pictures(1))
    with raises_sentence(WeightsError, "test-flat", "'head'"):
        model.classify(torch.zeros(1, 4))


@pytest.mark.parametrize(
    ("target", "index"), [("dog", 0), ("CAT", 1), (" Goldfish ", 2), (0, 0), (2, 2), (np.int64(1), 1)]
)
def test_a_class_by_name_or_index(target: str | int, index: int) -> None:
    class_index = smooth_model().class_index(target)
    assert class_index == index and type(class_index) is int


@pytest.mark.parametrize(("name", "near"), [("dgo", "dog"), ("goldfsh", "goldfish"), ("CATS", "cat")])
def test_an_unknown_class_names_the_nearest(name: str, near: str) -> None:
    with raises_sentence(UnknownNameError, repr(name), f"the nearest are '{near}'"):
        smooth_model().class_index(name)


@pytest.mark.parametrize("target", [3, -1, 99, True, False, 1.0, 1.7, math.nan, None, [0], ("dog",), b"dog"])
def test_what_is_not_a_class(target: object) -> None:
    with raises_sentence(UnknownNameError, repr(target), "3 classes", "0 to 2"):
        smooth_model().class_index(target)  # type: ignore[arg-type]


def test_the_fingerprint_depends_on_the_weights() -> None:
    assert len(tiny_model().fingerprint) == 16 and int(tiny_model().fingerprint, 16) >= 0
    assert tiny_model(seed=1).fingerprint == tiny_model(seed=1).fingerprint
    assert tiny_model(seed=1).fingerprint != tiny_model(seed=2).fingerprint
    changed = tiny_model(seed=1)
    with torch.no_grad():
        changed.network.head.bias[0] += 1e-3
    assert changed.fingerprint != tiny_model(seed=1).fingerprint


def test_a_copy_is_equal_and_independent() -> None:
    model = tiny_model()
    copy = model.copy_to(torch.device("cpu"))
    torch.testing.assert_close(copy(pictures(2, 16)), model(pictures(2, 16)))
    assert copy.fingerprint == model.fingerprint and copy.card == model.card and copy.seeds is model.seeds
    with torch.no_grad():
        copy.network.head.bias.add_(1)
    assert not torch.allclose(copy(pictures(2, 16)), model(pictures(2, 16)))


def test_its_repr_describes_it() -> None:
    model = smooth_model(12)
    assert model.classes == CLASSES and model.input_size == 12 and model.device == torch.device("cpu")
    for part in ("test-smooth", "3 classes", "12 px", "trained for l2 0.5", "robustness not measured", "cpu"):
        assert part in repr(model)
