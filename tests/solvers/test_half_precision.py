"""Recorded steps in half precision, where they do the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from robust_widgets.errors import UnknownNameError
from robust_widgets.models.classifier import HalfPrecisionClassifier
from robust_widgets.models.registry import load_model
from robust_widgets.solvers import backends as cuda_graph
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.solvers.step_graph import HALF_CLOSE, StepGraphCache
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step
from tests.helpers import pictures, raises_sentence, relu_model, smooth_model
from tests.solvers.fake_cuda import FakeCuda

HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@pytest.fixture(autouse=True)
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    monkeypatch.setattr(cuda_graph, "cuda", fake)
    return fake


@pytest.mark.parametrize("dtype", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("model", [smooth_model(16), relu_model(16)], ids=["smooth", "relu"])
def test_its_answers_and_gradients_are_near_and_in_single_precision(model: Any, dtype: torch.dtype) -> None:
    half = HalfPrecisionClassifier(model, dtype)
    kinds = {one.weight.dtype for one in half.modules() if isinstance(one, (nn.Conv2d, nn.Linear))}
    others = {one.weight.dtype for one in half.modules() if isinstance(one, nn.BatchNorm2d)}
    assert kinds == {dtype} and others <= {torch.float32}
    assert {one.dtype for one in model.parameters()} == {torch.float32}, "the model itself does not change"
    for ask in (
        lambda one, x: one(x),
        lambda one, x: one.features(x),
        lambda one, x: one.features(x, straight_through=True),
        lambda one, x: one.classify(one.features(x)),
    ):
        x = pictures(3, 16).requires_grad_()
        expected, found = ask(model, x), ask(half, x)
        assert found.dtype == torch.float32 and not torch.equal(found, expected)
        assert (found - expected).abs().max() < 0.02 * expected.abs().max().clamp_min(1)
        slopes = [torch.autograd.grad(one.square().sum(), x)[0].flatten() for one in (expected, found)]
        assert slopes[1].dtype == torch.float32 and torch.cosine_similarity(slopes[0], slopes[1], dim=0) > 0.99


def made(precision: str | None, **changes: Any) -> Problem:
    model = smooth_model()
    model.step_graphs, model.precision = StepGraphCache(), precision
    own = {"objective": CrossEntropy(1), "stepper": L2Step(0.3), "constraint": L2Ball(0.8), "steps": 12}
    return Problem(**{"model": model, "start": pictures(3, seed=2), **own, **changes})


@pytest.mark.parametrize("wanted", [None, "bfloat16", "float16"])
@pytest.mark.parametrize("objective", [CrossEntropy(1), Activation(3)], ids=repr)
def test_a_run_in_half_precision_ends_at_nearly_the_same_picture(wanted: str | None, objective: Any) -> None:
    problem = made(wanted, objective=objective)
    found, plain = list(compiled_iterate(problem)), list(compiled_iterate(replace(problem, model=smooth_model())))
    graphs: Any = problem.model.step_graphs  # type: ignore[attr-defined]
    assert graphs.precision == (wanted or "bfloat16") and graphs.count == 1 and not graphs.note
    assert (found[-1].loss != plain[-1].loss).any(), "it is another precision"
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=HALF_CLOSE)
        assert (a.probabilities.argmax(1) == b.probabilities.argmax(1)).all()  # type: ignore[union-attr]
    assert np.abs(found[-1].pixels.astype(int) - plain[-1].pixels).mean() < 1
    list(compiled_iterate(problem))
    assert graphs.count == 1


@pytest.mark.parametrize("worse", [("bfloat16",), ("bfloat16", "float16")])
@pytest.mark.parametrize("how", ["another class", "another slope", "no such operation"])
def test_a_precision_with_other_answers_is_not_used(
    worse: tuple[str, ...], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = HalfPrecisionClassifier.forward

    def forward(self: HalfPrecisionClassifier, x: torch.Tensor) -> torch.Tensor:
        if self._dtype not in [HALVES[name] for name in worse]:
            return own(self, x)
        if how == "no such operation":
            raise RuntimeError("not implemented for 'Half'")
        answer = own(self, x)
        return answer.flip(1) if how == "another class" else answer.detach() - (answer - answer.detach())

    monkeypatch.setattr(HalfPrecisionClassifier, "forward", forward)
    problem = made(None)
    graphs: Any = problem.model.step_graphs  # type: ignore[attr-defined]
    list(compiled_iterate(problem))
    assert graphs.precision == ("float16" if len(worse) == 1 else "float32") and not graphs.note
    tried = graphs.count
    list(compiled_iterate(replace(problem, start=pictures(2))))
    assert graphs.count == tried + 1, "a rejected precision is not tried again"


def test_a_precision_is_given_by_name() -> None:
    assert load_model("tiny", device="cpu", precision="float16").precision == "float16"
    assert load_model("tiny", device="cpu").precision is None
    with raises_sentence(UnknownNameError, "float17", "float16"):
        load_model("tiny", precision="float17")
