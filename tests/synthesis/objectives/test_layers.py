"""Objectives on any layer: channels, neurons, directions, whole layers, and diversity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import ParameterError, RobustWidgetsError, UnknownNameError, WeightsError
from robust_widgets.solvers.step_graph import step_graphs_of
from robust_widgets.synthesis.loop import CachedForward, iterate
from robust_widgets.synthesis.objectives import Objective
from robust_widgets.synthesis.problem import Problem
from tests.helpers import CompiledModule, pictures, raises_sentence, relu_model, tiny_model

X = pictures(3, 16, low=0.3, high=0.7)
LAYER = "stage1"


def test_a_channel_a_neuron_and_a_direction_are_read_from_the_layer() -> None:
    model = relu_model()
    values = model.activations(X, LAYER)
    torch.testing.assert_close(rw.Activation(layer=LAYER, channel=5)(model, X), -values[:, 5].mean((1, 2)))
    torch.testing.assert_close(rw.Activation(5, layer=LAYER, at=(3, 2))(model, X), -values[:, 5, 3, 2])
    torch.testing.assert_close(rw.Activation(5, layer=LAYER, at="centre")(model, X), -values[:, 5, 4, 4])
    each = rw.Activation([1, 0, 2], layer=LAYER)(model, X)
    torch.testing.assert_close(each, -values[[0, 1, 2], [1, 0, 2]].mean((1, 2)))
    weights = torch.arange(8.0)
    expected = -(values.mean((2, 3)) * weights).sum(1)
    torch.testing.assert_close(rw.Direction(weights, layer=LAYER)(model, X), expected)
    torch.testing.assert_close(rw.DeepDream(LAYER)(model, X), -values.square().mean((1, 2, 3)))


def test_without_a_layer_it_is_the_penultimate_one() -> None:
    model = relu_model()
    one = torch.nn.functional.one_hot(torch.tensor(4), 12)
    torch.testing.assert_close(rw.Direction(one)(model, X), rw.Activation(4)(model, X))
    torch.testing.assert_close(rw.Activation(4, layer="stage2")(model, X), rw.Activation(4)(model, X))
    with pytest.warns(DeprecationWarning, match="channel="):
        rw.Activation(unit=4)  # type: ignore[call-arg]


def test_diversity_is_the_mean_cosine_similarity_of_gram_matrices() -> None:
    model = relu_model()
    values = model.activations(X, LAYER).flatten(2).double()
    grams = torch.stack([value @ value.T for value in values]).flatten(1)
    similar = torch.nn.functional.cosine_similarity(grams[:, None], grams[None], dim=2)
    expected = (similar.sum(1) - 1) / 2
    torch.testing.assert_close(rw.Diversity(LAYER)(model, X).double(), expected, rtol=1e-5, atol=1e-5)
    twice = torch.cat([X[:1], X[:1], X[1:2], X[1:2]])
    torch.testing.assert_close(rw.Diversity(LAYER, among=2)(model, twice), torch.ones(4))
    assert not rw.Diversity(LAYER)(model, X[:1]).any(), "one picture"


def test_diversity_makes_pictures_less_alike() -> None:
    model, start = tiny_model(), X[:1].repeat(3, 1, 1, 1) + 0.02 * pictures(3, 16, seed=1)
    ends = []
    for weight in (0.0, 30.0):
        objective = rw.Activation(3, layer="stage2") + weight * rw.Diversity("stage2")
        ends.append(rw.Diversity("stage2")(model, torch.from_numpy(final(model, objective, start))).mean())
    assert ends[1] < ends[0] - 0.01


def final(model: Any, objective: Objective, start: torch.Tensor) -> np.ndarray[Any, Any]:
    trace = rw.run(Problem(model, start, objective, rw.L2Step(0.3), 12), solver=iterate)
    return trace.pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255


@pytest.mark.parametrize(
    "objective",
    [
        rw.Activation(3, layer=LAYER),
        rw.Activation([3, 1, 2], layer=LAYER, at="centre"),
        rw.Direction(torch.linspace(-1, 1, 16), layer=LAYER, at=(1, 2)),
        rw.DeepDream("stage2"),
        rw.Activation(3, layer=LAYER) + 0.1 * rw.Diversity(LAYER),
        rw.Activation(3, layer=LAYER) - rw.Activation(1, layer=LAYER),
    ],
    ids=repr,
)
def test_recorded_steps_make_the_same_frames(objective: Objective) -> None:
    pytest.importorskip("onnxruntime")
    model = tiny_model()
    model.compile(always=True)
    problem = Problem(model, X, objective, rw.L2Step(0.2), 4)
    fast, plain = rw.run(problem), rw.run(problem, solver=iterate)
    graphs = step_graphs_of(model, X)
    if graphs is not None:
        assert graphs.count == 1 and graphs.latest is not None, "it was not recorded"
    assert np.abs(fast.frames.astype(int) - plain.frames).max() <= 1
    np.testing.assert_allclose(fast.metrics["loss"], plain.metrics["loss"], rtol=1e-3, atol=1e-4)


def test_several_losses_on_a_layer_cost_one_pass() -> None:
    model = relu_model()
    model.layers()
    passes, cached = CompiledModule(model), CachedForward(model)
    (rw.Activation(3, layer=LAYER) + rw.Activation(1, layer=LAYER))(cached, X)
    (rw.DeepDream(LAYER) + rw.Diversity(LAYER))(cached, X)
    assert passes.forwards == 2, "one with a straight-through gradient, one without"


@pytest.mark.parametrize(
    ("kind", "objective", "named"),
    [
        (UnknownNameError, lambda: rw.Activation(0, layer="stage7"), "'stage7'"),
        (UnknownNameError, lambda: rw.Activation(8, layer=LAYER), "0 to 7"),
        (UnknownNameError, lambda: rw.Activation("blue", layer=LAYER), "'blue'"),
        (UnknownNameError, lambda: rw.Activation([1, 2], layer=LAYER), "2 channels for 3 pictures"),
        (UnknownNameError, lambda: rw.DeepDream(4), "model.layers()"),
        (ParameterError, lambda: rw.Activation(0, layer=LAYER, at=(8, 0)), "8 rows"),
        (ParameterError, lambda: rw.Activation(0, layer=LAYER, at="top"), "'top'"),
        (ParameterError, lambda: rw.Direction([1.0, 2.0], layer=LAYER), "8 channels"),
        (ParameterError, lambda: rw.Direction([1.0, float("nan")]), "finite"),
        (ParameterError, lambda: rw.Diversity(LAYER, among=2), "among is 2"),
        (ParameterError, lambda: rw.Diversity(LAYER, among=0), "among is 0"),
    ],
)
def test_what_the_layer_does_not_have_is_a_sentence(kind: type[RobustWidgetsError], objective: Any, named: str) -> None:
    with raises_sentence(kind, named):
        rw.run(Problem(relu_model(), X, objective(), rw.L2Step(0.2), 2))


def test_a_model_without_layers_is_a_sentence() -> None:
    with raises_sentence(WeightsError, "layers"):
        rw.run(Problem(lambda x: x.mean((2, 3)), X, rw.DeepDream(LAYER), rw.L2Step(0.2), 2))


def test_values_never_change_and_say_what_they_are() -> None:
    objective = rw.Activation(channel=7, layer="stage2", at=(1, 2))
    bound = objective.bind(relu_model(), X)
    assert repr(objective) == repr(bound) == "Activation(7, layer='stage2', at=(1, 2))"
    assert objective.channels == (7,) and repr(rw.Diversity("a", among=2)) == "Diversity('a', among=2)"
    with pytest.raises(AttributeError):
        objective.layer = "stage1"  # type: ignore[misc]
