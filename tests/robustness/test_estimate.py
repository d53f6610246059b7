"""The distance within which half of the decisions hold: correct where it is known, and telling models apart."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import robust_widgets as rw
from robust_widgets.errors import DataError, ParameterError, UnknownNameError
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.models.model_file import load_model_file, save_model
from robust_widgets.models.registry import load_model
from robust_widgets.robustness.estimate import estimate
from tests.helpers import raises_sentence, tiny_model

SIDE = 8
JUDGE = Path(__file__).parents[1] / "data" / "judge.safetensors"


class Linear(nn.Module):
    """Two classes, told apart by a pattern of plus and minus one, so every distance is known."""

    def __init__(self, steepness: float) -> None:
        super().__init__()
        pattern = torch.ones(3, SIDE, SIDE)
        pattern[:, ::2] = -1
        self.register_buffer("pattern", steepness * pattern / pattern.norm())

    def forward(self, x: Tensor) -> Tensor:
        along = (x * self.pattern).sum((1, 2, 3))
        return torch.stack([along, -along], 1)


def linear(steepness: float = 4.0) -> RobustClassifier:
    card = ModelCard("linear", "linear", ("plus", "minus"), SIDE, (0.5,) * 3, (1.0,) * 3)
    return RobustClassifier(Linear(steepness), card)


def along(model: RobustClassifier, *distances: float) -> Tensor:
    """Pictures at these distances from the decision boundary."""
    pattern = model.network.pattern
    return 0.5 + torch.stack([pattern * distance / pattern.norm() for distance in distances])


def test_the_distance_to_the_decision_boundary_is_measured() -> None:
    model = linear()
    result = rw.measure_robustness(model, along(model, 0.3, 0.7, -1.1))
    assert (
        result.radius == pytest.approx(0.7, rel=0.03) and result.count == 3 and not result.own and result.side == SIDE
    )
    assert result.radius_at_224 == pytest.approx(0.7 * 224 / SIDE, rel=0.03)
    assert model.card.measured is result and result.words in repr(model)


def test_half_of_the_decisions_hold() -> None:
    model = linear()
    assert estimate(model, along(model, 0.1, 0.2, 0.3, 0.4)).radius == pytest.approx(0.2, rel=0.05)  # type: ignore[union-attr]


def test_misclassified_pictures_are_skipped() -> None:
    model = linear()
    result = rw.measure_robustness(model, along(model, 0.3, 0.7, -1.1), ["plus", 0, "plus"])
    assert result.count == 2 and result.radius == pytest.approx(0.3, rel=0.05)
    with raises_sentence(DataError, "'linear'", "none of the 1 pictures"):
        rw.measure_robustness(model, along(model, 0.3), ["minus"])


@pytest.mark.parametrize("steepness", [2.0, 4.0, 16.0])
def test_painted_pictures_are_as_far_away_as_the_confidence_asks(steepness: float) -> None:
    result = rw.measure_robustness(linear(steepness))
    distance = math.log(0.9 / 0.1) / (2 * steepness)
    assert result.own and result.radius == pytest.approx(distance, rel=0.1)


def test_the_same_seed_gives_the_same_result() -> None:
    first, second, other = (estimate(linear(), count=2, seed=seed) for seed in (0, 0, 1))
    assert first == second != other


def test_a_robust_model_and_a_standard_one_are_told_apart_without_photographs() -> None:
    robust = rw.measure_robustness(load_model("tiny", device="cpu"))
    standard = rw.measure_robustness(load_model(JUDGE, device="cpu"))
    assert robust.robust and robust.words.startswith("robust, L2 ")
    assert not standard.robust and standard.words.startswith("standard, L2 ")
    assert robust.radius_at_224 > 3 * standard.radius_at_224


def test_a_model_that_is_never_confident_needs_photographs() -> None:
    model = linear(0.01)
    with raises_sentence(DataError, "'linear'", "rw.measure_robustness(model, pictures, labels)"):
        rw.measure_robustness(model)
    assert model.card.measured is None


def test_a_decision_that_never_changes_has_an_infinite_distance() -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([0 * x.mean((1, 2, 3)) + 1, 0 * x.mean((1, 2, 3))], 1)

    model = RobustClassifier(Constant(), linear().card)
    assert rw.measure_robustness(model, along(linear(), 0.3)).radius == math.inf


def test_it_stops_when_told_to() -> None:
    calls: list[int] = []
    assert estimate(linear(), should_continue=lambda: len(calls.append(1) or calls) < 3) is None and len(calls) == 3
    model = linear()
    assert estimate(model, along(model, 0.3), should_continue=lambda: False) is None


def test_bad_input_is_refused() -> None:
    model = linear()
    with raises_sentence(ParameterError, "count is 0"):
        rw.measure_robustness(model, count=0)
    with raises_sentence(ParameterError, "no pictures"):
        rw.measure_robustness(model, labels=["plus"])
    with raises_sentence(ParameterError, "1 labels for 2 pictures"):
        rw.measure_robustness(model, along(model, 0.1, 0.2), ["plus"])
    with raises_sentence(UnknownNameError, "'zebra'"):
        rw.measure_robustness(model, along(model, 0.1), ["zebra"])


def test_an_estimate_is_not_written_to_the_file(tmp_path: Path) -> None:
    model = tiny_model()
    rw.measure_robustness(model, torch.rand(2, 3, 16, 16))
    save_model(model, tmp_path / "m.safetensors")
    assert b'measured\\": {' not in (tmp_path / "m.safetensors").read_bytes()
    assert load_model_file(tmp_path / "m.safetensors").card.measured is None


def test_a_model_may_be_named() -> None:
    with raises_sentence(UnknownNameError, "nowhere"):
        rw.measure_robustness("nowhere")
    assert rw.measure_robustness("tiny").robust
