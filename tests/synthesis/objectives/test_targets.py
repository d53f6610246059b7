"""Away from a class, towards several, and classes by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import ParameterError, UnknownNameError
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.loop import CachedForward
from robust_widgets.synthesis.objectives import AwayFrom, CrossEntropy, Mixture, Objective
from robust_widgets.synthesis.problem import Problem
from tests.helpers import Counting, pictures, raises_sentence, smooth_model

MODEL = smooth_model()
X = pictures(2)
LOG_P = MODEL(X).log_softmax(1)


def test_away_from_is_minus_the_cross_entropy() -> None:
    for target in (1, "cat", [1, 1]):
        torch.testing.assert_close(AwayFrom(target)(MODEL, X), LOG_P[:, 1])
        torch.testing.assert_close(AwayFrom(target).probability(MODEL, X), 1 - LOG_P[:, 1].exp())


def test_away_from_leaves_a_class_and_goes_to_no_class_in_particular() -> None:
    trace = run(Problem(MODEL, X, AwayFrom(0), rw.L2Step(0.3), 12))
    assert (trace[-1].probability > trace[0].probability + 0.05).all()
    assert trace[-1].probabilities is not None
    np.testing.assert_allclose(trace[-1].probabilities[:, 0], 1 - trace[-1].probability, atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({"dog": 2, "goldfish": 1}, [2 / 3, 0, 1 / 3]),
        ({0: 0.2, 2: 0.1}, [2 / 3, 0, 1 / 3]),
        ({"Dog ": 200, 2: 100}, [2 / 3, 0, 1 / 3]),
        ({1: 5}, [0, 1, 0]),
        ({0: 1, "dog": 1, 1: 2}, [0.5, 0.5, 0]),
        ({0: np.float32(1), 1: np.int64(3)}, [0.25, 0.75, 0]),
    ],
)
def test_a_mixture_is_the_weighted_cross_entropy(weights: dict[Any, float], shares: list[float]) -> None:
    mixture = Mixture(weights)
    assert sum(mixture.weights.values()) == pytest.approx(1)
    wanted = sum(share * CrossEntropy(i)(MODEL, X) for i, share in enumerate(shares))
    torch.testing.assert_close(mixture(MODEL, X), wanted)
    together = sum(LOG_P[:, i].exp() for i, share in enumerate(shares) if share)
    torch.testing.assert_close(mixture.probability(MODEL, X), together)


def test_a_mixture_ends_between_its_classes() -> None:
    start = pictures(1, seed=4)
    ends = [
        run(Problem(MODEL, start, Mixture(weights), rw.L2Step(0.3), 25))[-1].probabilities
        for weights in ({0: 1, 1: 9}, {0: 9, 1: 1})
    ]
    assert ends[0] is not None and ends[1] is not None and ends[1][0, 0] > ends[0][0, 0] + 0.1


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf, -math.inf, "2", None, [1], 1j])
def test_an_impossible_weight(weight: Any) -> None:
    with raises_sentence(ParameterError, "'dog'", repr(weight)):
        Mixture({"cat": 1, "dog": weight})


@pytest.mark.parametrize("weights", [{}, [], ["dog", "cat"], "dog", None])
def test_a_mixture_of_nothing(weights: Any) -> None:
    with raises_sentence(ParameterError, "no classes"):
        Mixture(weights)


@pytest.mark.parametrize(
    ("objective", "named"),
    [
        (Mixture({"dgo": 1}), "'dog'"),
        (Mixture({3: 1}), "3 classes"),
        (Mixture({-1: 1}), "-1"),
        (CrossEntropy("dgo"), "'dog'"),
        (CrossEntropy(["dog", "kat"]), "'cat'"),
        (AwayFrom("dgo"), "'dog'"),
    ],
)
def test_a_class_that_does_not_exist(objective: Objective, named: str) -> None:
    with raises_sentence(UnknownNameError, named):
        objective(MODEL, X)
    with raises_sentence(UnknownNameError, named):
        objective(CachedForward(MODEL), X)


def test_names_are_targets() -> None:
    for target, index in (("goldfish", 2), (" GoldFish", 2), (["cat", "dog"], [1, 0]), (("cat", 2), [1, 2])):
        for model in (MODEL, CachedForward(MODEL)):
            torch.testing.assert_close(CrossEntropy(target)(model, X), CrossEntropy(index)(MODEL, X))


def test_a_name_is_looked_up_in_each_model() -> None:
    other = smooth_model(classes=("goldfish", "dog", "cat", "bird"))
    for kind in (CrossEntropy, AwayFrom):
        objective = kind("dog")
        for model, index in ((MODEL, 0), (other, 1), (CachedForward(other), 1), (MODEL, 0)):
            torch.testing.assert_close(objective(model, X), kind(index)(model, X))


def test_a_model_that_knows_no_names() -> None:
    for objective in (CrossEntropy("dog"), Mixture({"dog": 1})):
        with raises_sentence(UnknownNameError, "'dog'", "index"):
            objective(lambda x: MODEL(x), X)


def test_their_representations() -> None:
    named = CrossEntropy("dog")
    named(MODEL, X)
    assert repr(named) == "CrossEntropy('dog')" and repr(AwayFrom([0, 2])) == "AwayFrom([0, 2])"
    assert repr(CrossEntropy(["dog", 1])) == "CrossEntropy(['dog', 1])"
    assert repr(Mixture({"dog": 1, 2: 3})) == "Mixture({'dog': 0.25, 2: 0.75})"


@pytest.mark.parametrize("objective", [AwayFrom(1), Mixture({0: 1, 2: 1}), Mixture({0: 1}) + AwayFrom("cat")], ids=repr)
def test_one_forward_and_one_backward_a_step(objective: Objective) -> None:
    model = Counting(MODEL)
    model.class_index = MODEL.class_index  # type: ignore[assignment]
    run(Problem(model, X, objective, rw.L2Step(0.1), 4))
    assert (model.forwards, model.backwards) == (5, 4)
