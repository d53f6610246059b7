"""Losses per sample: values, sums, scales, and what they may be asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from robust_widgets.errors import UnknownNameError
from robust_widgets.synthesis.loop import CachedForward
from robust_widgets.synthesis.objectives import Classifier, CrossEntropy
from robust_widgets.synthesis.objectives.layers import Activation
from tests.helpers import Brightness, Counting, pictures, raises_sentence, smooth_model


def fixed(logits: list[list[float]], dtype: torch.dtype = torch.float32) -> Classifier:
    return lambda x: torch.tensor(logits, dtype=dtype)[: len(x)]


LOGITS = [[1.0, 2.0, 3.0], [0.5, -4.0, 0.0]]
X = pictures(2)


def by_hand(target: list[int]) -> list[float]:
    return [-math.log(math.exp(row[t]) / sum(map(math.exp, row))) for row, t in zip(LOGITS, target, strict=True)]


@pytest.mark.parametrize(
    ("target", "each"), [(2, [2, 2]), ([0, 1], [0, 1]), (torch.tensor([1, 2]), [1, 2]), ([1], [1, 1])]
)
def test_cross_entropy_by_hand(target: int | list[int] | Tensor, each: list[int]) -> None:
    loss = CrossEntropy(target)(fixed(LOGITS), X)
    assert loss.shape == (2,), "one loss a sample, never reduced over the batch"
    np.testing.assert_allclose(loss, by_hand(each), rtol=1e-5)
    probability = CrossEntropy(target).probability(fixed(LOGITS), X)
    np.testing.assert_allclose(probability, np.exp(-np.array(by_hand(each))), rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_read_in_full_precision(dtype: torch.dtype) -> None:
    loss = CrossEntropy(0)(fixed(LOGITS, dtype), X)
    assert loss.dtype == torch.float32
    np.testing.assert_allclose(loss, by_hand([0, 0]), rtol=1e-5)


def test_double_precision_stays() -> None:
    assert CrossEntropy(0)(fixed(LOGITS, torch.float64), X).dtype == torch.float64


def test_objectives_add_and_scale() -> None:
    model, a, b = smooth_model(), CrossEntropy(0), CrossEntropy([1, 2])
    loss_a, loss_b = a(model, X), b(model, X)
    torch.testing.assert_close((a + b)(model, X), loss_a + loss_b)
    torch.testing.assert_close((a - b)(model, X), loss_a - loss_b)
    torch.testing.assert_close((0.25 * a)(model, X), 0.25 * loss_a)
    torch.testing.assert_close((a * 3)(model, X), 3 * loss_a)
    torch.testing.assert_close((-a)(model, X), -loss_a)
    torch.testing.assert_close((2 * (a + 0.5 * b) - b)(model, X), 2 * (loss_a + 0.5 * loss_b) - loss_b)


def test_the_probability_is_the_first_that_has_any() -> None:
    model, sure = smooth_model(), CrossEntropy(1)
    wanted = sure.probability(model, X)
    assert Brightness().probability(model, X) is None
    for objective in (sure, 7 * sure, -sure, Brightness() + sure, sure + CrossEntropy(0), sure - Brightness()):
        found = objective.probability(model, X)
        assert found is not None
        torch.testing.assert_close(found, wanted)
    assert (Brightness() + 2 * Brightness()).probability(model, X) is None


def test_a_representation_that_can_be_read() -> None:
    total = CrossEntropy(3) + 0.1 * (CrossEntropy([0, 1]) + -1 * Brightness())
    assert repr(total) == "CrossEntropy(3) + 0.1 * (CrossEntropy([0, 1]) + -1 * Brightness())"


def test_a_sum_asks_the_model_once() -> None:
    counting = Counting(smooth_model())
    total = CrossEntropy(0) + 0.5 * CrossEntropy(1) - CrossEntropy(2)
    once = CachedForward(counting)
    total(once, X)
    total.probability(once, X)
    assert counting.forwards == 1


def test_a_cached_model_evaluates_new_pictures() -> None:
    model = smooth_model()
    once = CachedForward(model)
    other = pictures(2, seed=9)
    torch.testing.assert_close(once(X), model(X))
    torch.testing.assert_close(once(other), model(other))
    torch.testing.assert_close(once(X), model(X))
    assert once.classes == model.classes, "everything else comes from the model"


@pytest.mark.parametrize(("target", "named"), [(3, 3), (-1, -1), ([0, 99], 99), ([0, -7], -7)])
def test_a_class_index_that_does_not_exist(target: int | list[int], named: int) -> None:
    with raises_sentence(UnknownNameError, named, "3 classes"):
        CrossEntropy(target)(fixed(LOGITS), X)


def test_an_index_is_checked_again_for_another_model() -> None:
    objective = CrossEntropy(2)
    objective(fixed(LOGITS), X)
    with raises_sentence(UnknownNameError, 2, "2 classes"):
        objective(fixed([[0.0, 1.0], [1.0, 0.0]]), X)


def test_as_many_targets_as_pictures() -> None:
    with raises_sentence(UnknownNameError, "3 targets", "2 pictures"):
        CrossEntropy([0, 1, 2])(fixed(LOGITS), X)


@pytest.mark.parametrize("target", [[[0, 1]], []])
def test_targets_of_an_impossible_shape(target: list[list[int]]) -> None:
    shape = tuple(torch.as_tensor(target).shape)
    with raises_sentence(UnknownNameError, shape):
        CrossEntropy(target)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", [None, 1.5, [0, 1.5], True, [None], 1j])
def test_what_is_no_class(target: object) -> None:
    with raises_sentence(UnknownNameError, "name or index"):
        CrossEntropy(target)  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["cat 1", None, 1.5, [1, "2"]])
def test_what_is_no_unit(unit: object) -> None:
    with raises_sentence(UnknownNameError, repr(unit), "index"):
        Activation(unit)  # type: ignore[arg-type]
