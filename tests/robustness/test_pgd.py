"""PGD stays in its ball and fools a model; robust accuracy is counted correctly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from robust_widgets.errors import ParameterError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness.pgd import ball_and_step, correct, pgd
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.training import accuracy as module
from robust_widgets.training.accuracy import accuracy, run_attack
from robust_widgets.training.data import PictureSet
from tests.helpers import COLOURS, Counting, card, noise_patterns, pictures, raises_sentence, smooth_model

MODEL = smooth_model(16)
X = pictures(24, 16, seed=3, low=0.1, high=0.9)
LABELS = MODEL(X).argmax(1)


@pytest.mark.parametrize(("norm", "epsilon"), [("l2", 1.5), ("linf", 0.06)])
@pytest.mark.parametrize("steps", [1, 8])
def test_an_attack_stays_in_its_ball_and_lowers_accuracy(norm: str, epsilon: float, steps: int) -> None:
    attacked = pgd(MODEL, X, LABELS, norm=norm, epsilon=epsilon, steps=steps, seed=1)
    assert attacked.min() >= 0 and attacked.max() <= 1
    offset = (attacked - X).flatten(1)
    length = offset.norm(dim=1) if norm == "l2" else offset.abs().amax(1)
    assert (length <= epsilon * (1 + 1e-5)).all() and (length > 0.5 * epsilon).all()
    clean, fooled = CrossEntropy(LABELS)(MODEL, X), CrossEntropy(LABELS)(MODEL, attacked)
    assert (fooled > clean).all(), "every picture's loss rises"
    assert correct(MODEL, X, LABELS).all() and correct(MODEL, attacked, LABELS).float().mean() < 0.8


def test_more_steps_fool_more() -> None:
    def loss(steps: int) -> float:
        attacked = pgd(MODEL, X, LABELS, norm="l2", epsilon=1.0, steps=steps, seed=1)
        return float(CrossEntropy(LABELS)(MODEL, attacked).mean())

    assert loss(10) > loss(2)


def test_an_epsilon_of_zero_changes_nothing() -> None:
    counting = Counting(MODEL)
    assert pgd(counting, X, LABELS, norm="l2", epsilon=0, steps=5) is X
    assert counting.forwards == 0


def test_an_attack_costs_one_forward_per_step_and_does_not_change_the_model() -> None:
    counting = Counting(MODEL)
    pgd(counting, X, LABELS, norm="l2", epsilon=1.0, steps=5)
    assert (counting.forwards, counting.backwards) == (5, 5)
    MODEL.requires_grad_(True)
    pgd(MODEL, X, LABELS, norm="l2", epsilon=1.0, steps=2)
    assert all(parameter.grad is None for parameter in MODEL.parameters())
    MODEL.requires_grad_(False)


def test_attacks_are_seeded() -> None:
    first, second, other = (pgd(MODEL, X, LABELS, norm="l2", epsilon=1.0, steps=1, seed=s) for s in (1, 1, 2))
    assert torch.equal(first, second) and not torch.equal(first, other)


@pytest.mark.parametrize(("steps", "size"), [(1, 1.25), (5, 0.5), (20, 0.125)])
def test_the_usual_step_size(steps: int, size: float) -> None:
    usual = pgd(MODEL, X, LABELS, norm="l2", epsilon=1.0, steps=steps, seed=1)
    assert torch.equal(usual, pgd(MODEL, X, LABELS, norm="l2", epsilon=1.0, steps=steps, step_size=size, seed=1))
    assert not torch.equal(usual, pgd(MODEL, X, LABELS, norm="l2", epsilon=1.0, steps=steps, step_size=0.3, seed=1))


@pytest.mark.parametrize("norm", ["l1", "", "L2"])
def test_an_unknown_norm(norm: str) -> None:
    with raises_sentence(ParameterError, repr(norm), "'l2' or 'linf'"):
        ball_and_step(norm, 1.0, 0.1)


class MeanColour(nn.Module):
    """Predicts the strongest colour, which is the class in noise_patterns."""

    def forward(self, x: Tensor) -> Tensor:
        return 20 * x.mean((2, 3))


def colour_model() -> RobustClassifier:
    plain = card(16, "colour").__class__(**{**card(16, "colour").__dict__, "mean": (0.0,) * 3, "std": (1.0,) * 3})
    return RobustClassifier(MeanColour(), plain)


def labelled() -> PictureSet:
    """30 pictures, with a wrong label for the first of each class."""
    data = noise_patterns(10)
    labels = data.labels.clone()
    for label in range(3):
        labels[10 * label] = (label + 1) % 3
    return PictureSet(data.pictures, labels, data.classes)


def test_accuracy_counts_correct_predictions() -> None:
    found = accuracy(colour_model(), labelled(), epsilon=0.25, steps=3, batch_size=7, progress=False)
    assert found == {"clean": 0.9, "l2 0.25, 3 steps": 0.9}
    beaten = accuracy(colour_model(), labelled(), epsilon=6.0, steps=10, progress=False)
    assert beaten["clean"] == 0.9 and beaten["l2 6, 10 steps"] < 0.1
    linf = accuracy(colour_model(), labelled(), norm="linf", epsilon=0.25, steps=4, progress=False)
    assert set(linf) == {"clean", "linf 0.25, 4 steps"} and linf["linf 0.25, 4 steps"] < 0.1


def test_a_picture_misclassified_before_the_attack_is_not_robustly_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake_pgd(_model: object, pictures: Tensor, labels: Tensor, **_: object) -> Tensor:
        return COLOURS[labels].view(-1, 3, 1, 1).expand_as(pictures)

    monkeypatch.setattr(module, "pgd", fake_pgd)
    result = run_attack(colour_model(), labelled(), progress=False)
    assert result.clean.sum() == 27 and torch.equal(result.robust, result.clean)


def test_accuracy_without_an_attack() -> None:
    assert accuracy(colour_model(), labelled(), epsilon=0, steps=3, progress=False) == {
        "clean": 0.9,
        "l2 0, 3 steps": 0.9,
    }


def test_a_limit_is_evenly_spaced() -> None:
    result = run_attack(colour_model(), labelled(), epsilon=0, limit=6, progress=False)
    assert len(result) == 6 and set(result.labels.tolist()) == {0, 1, 2}
    assert len(run_attack(colour_model(), labelled(), epsilon=0, limit=999, progress=False)) == 30


def test_the_accuracy_of_one_class() -> None:
    result = run_attack(colour_model(), labelled(), epsilon=0, progress=False)
    for label in range(3):
        own = result.of_class(label)
        assert len(own) == 10 and own.accuracies()["clean"] == 0.9


def test_measuring_does_not_change_the_pictures() -> None:
    data = labelled()
    kept = data.pictures.clone()
    accuracy(colour_model(), data, epsilon=2.0, steps=2, progress=False)
    assert torch.equal(data.pictures, kept)
