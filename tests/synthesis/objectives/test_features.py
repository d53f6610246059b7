"""The activation of a unit: its value, its gradient past a relu, and what it costs."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import UnknownNameError, WeightsError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.networks.architectures import ARCHITECTURES, build
from robust_widgets.models.networks.plainnet import PlainNet
from robust_widgets.models.networks.smoothresnet import SmoothResNet
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.loop import CachedForward, minimize
from robust_widgets.synthesis.objectives import CrossEntropy, Jitter, MatchOutside, Objective
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.synthesis.problem import Problem
from tests.helpers import (
    DEAD_UNIT,
    LIVE_UNIT,
    OTHER_UNIT,
    CompiledModule,
    pictures,
    raises_sentence,
    relu_model,
    smooth_model,
    tiny_model,
)

X = pictures(3, 16)


def gradient(objective: Objective, model: Any) -> torch.Tensor:
    x = X.clone().requires_grad_()
    (found,) = torch.autograd.grad(objective(model, x).sum(), x)
    return found


def test_the_loss_is_minus_the_activation() -> None:
    model = relu_model()
    features = model.features(X)
    for unit in range(12):
        torch.testing.assert_close(Activation(unit)(model, X), -features[:, unit])
        torch.testing.assert_close(Activation(unit).activation(model, X), features[:, unit])
    torch.testing.assert_close(Activation([5, 0, 7])(model, X), -features[[0, 1, 2], [5, 0, 7]])
    torch.testing.assert_close(Activation(np.int64(5))(model, X), -features[:, 5])  # type: ignore[arg-type]
    assert Activation(5).probability(model, X) is None


@pytest.mark.parametrize("make", [relu_model, tiny_model, smooth_model])
def test_straight_through_changes_no_value(make: Any) -> None:
    model = make(16)
    plain, through = model.features(X), model.features(X, straight_through=True)
    torch.testing.assert_close(through, plain, rtol=1e-5, atol=1e-5)
    assert not torch.equal(gradient(Activation(1), model), gradient(Plain(1), model)), "but the gradient"


class Plain(Activation):
    """The activation with the gradient that it really has."""

    def __call__(self, model: Any, x: torch.Tensor) -> torch.Tensor:
        return -model.features(x)[:, self.channels[0]]


def test_a_dead_unit_gets_a_gradient() -> None:
    model = relu_model()
    assert (model.features(X)[:, DEAD_UNIT] == 0).all()
    assert (gradient(Plain(DEAD_UNIT), model) == 0).all(), "without it there is none"
    found = gradient(Activation(DEAD_UNIT), model)
    assert (found.flatten(1).norm(dim=1) > 1e-6).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_straight_through_is_the_gradient_before_the_last_activation(name: str) -> None:
    network = build(name, 3).eval().double()
    x = pictures(1, 16, dtype=torch.float64).requires_grad_()
    # What goes into the last activation, caught on its way.
    activation: Any = (
        network.last if isinstance(network, PlainNet) else cast(SmoothResNet, network).stages[-1].activation
    )
    caught: list[torch.Tensor] = []
    hook = activation.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    network.features(x)
    hook.remove()
    (wanted,) = torch.autograd.grad(caught[-1].mean((2, 3))[:, 3].sum(), x)
    (found,) = torch.autograd.grad(network.features(x, straight_through=True)[:, 3].sum(), x)
    torch.testing.assert_close(found, wanted)


def test_units_of_their_own_evolve_as_if_alone() -> None:
    model, units = relu_model(), [LIVE_UNIT, OTHER_UNIT, DEAD_UNIT]
    problem = Problem(model, X, Activation(units), rw.L2Step(0.3), 3)
    together = minimize(problem)
    for i, unit in enumerate(units):
        alone = minimize(Problem(model, X[i : i + 1], Activation(unit), rw.L2Step(0.3), 3))
        torch.testing.assert_close(alone[0], together[i], rtol=0, atol=1e-5)


def test_ascent_raises_the_unit() -> None:
    trace = run(Problem(relu_model(), X, Activation(LIVE_UNIT), rw.L2Step(0.2), 8))
    assert (np.diff(trace.metrics["loss"], axis=0)[0] < 0).all() and (trace[-1].loss < trace[0].loss).all()
    assert np.isnan(trace.metrics["probability"]).all()


MASK = np.zeros((16, 16), bool)
MASK[4:12, 4:12] = True
ONE_PASS = [
    Activation(LIVE_UNIT),
    Activation([0, 1, 2]),
    Activation(0) + 0.5 * Activation(1),
    Activation(0) + 10 * MatchOutside(X, MASK),
    Jitter(Activation(0), 3),
    Jitter(Activation(0) - Activation(1), 3) + MatchOutside(X, MASK),
]


@pytest.mark.parametrize("objective", ONE_PASS, ids=repr)
def test_one_forward_and_one_backward_a_step(objective: Objective) -> None:
    model = relu_model()
    passes = CompiledModule(model)
    trace = run(Problem(model, X, objective, rw.L2Step(0.1), 4))
    assert (passes.forwards, passes.backwards) == (5, 4)
    assert all(frame.probabilities is not None for frame in trace), "the classes are read off the features"


def test_the_classes_read_off_the_features_are_the_models_own() -> None:
    for model in (relu_model(), tiny_model(), smooth_model(16)):
        once = CachedForward(model)
        Activation(1)(once, X)
        torch.testing.assert_close(once.logits(), model(X))


@pytest.mark.parametrize("weight", [0.1, 5.0])
def test_a_sum_with_a_class_has_the_same_gradient_in_either_order(weight: float) -> None:
    model = relu_model()
    one, other = weight * Activation(DEAD_UNIT), CrossEntropy(1)
    wanted = gradient(one, model) + gradient(other, model)
    torch.testing.assert_close(gradient(one + other, CachedForward(model)), wanted)
    torch.testing.assert_close(gradient(other + one, CachedForward(model)), wanted)
    trace = run(Problem(model, X, one + other, rw.L2Step(0.1), 2))
    assert trace[0].probabilities is not None
    np.testing.assert_allclose(trace[0].probabilities[:, 1], trace[0].probability, rtol=1e-5)


@pytest.mark.parametrize(("unit", "named"), [(12, "12"), (-1, "-1"), ([0, 99, 1], "99")])
def test_a_unit_that_does_not_exist(unit: Any, named: str) -> None:
    with raises_sentence(UnknownNameError, named, "12 units"):
        Activation(unit)(relu_model(), X)


@pytest.mark.parametrize("count", [0, 2])
def test_as_many_units_as_pictures(count: int) -> None:
    with raises_sentence(UnknownNameError, f"{count} units", "3 pictures"):
        Activation([1] * count)(relu_model(), X)


def test_a_model_without_features() -> None:
    bare = RobustClassifier(torch.nn.Flatten(), relu_model().card)
    for model in (bare, CachedForward(bare), CachedForward(lambda x: x.flatten(1)), lambda x: x.flatten(1)):
        with raises_sentence(WeightsError, "penultimate"):
            Activation(0)(model, X)
