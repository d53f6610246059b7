"""Memory that ONNX Runtime's ways forth and back share is written again only when nobody needs it any more."""

from __future__ import annotations

import pytest
import torch

from robust_widgets.compiler.backends.onnxruntime import OrtModule
from robust_widgets.compiler.compiled_module import answer
from robust_widgets.compiler.tracing.joint_graph import record
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.networks.architectures import build
from tests.compiler.networks import CLASSES, both, classifier, pictures_for


@pytest.fixture(scope="module")
def model() -> RobustClassifier:
    torch.manual_seed(0)
    return classifier(build("smoothresnet-tiny", CLASSES), 32)


@pytest.fixture
def passes(model: RobustClassifier) -> OrtModule:
    return OrtModule(record(model, pictures_for(model, 1)), pictures_for(model, 1), 1)


def free(passes: OrtModule) -> int:
    return len(passes._free)  # pyright: ignore[reportPrivateUsage]


def test_a_way_back_is_that_of_its_own_way_forth(model: RobustClassifier, passes: OrtModule) -> None:
    pictures = [pictures_for(model, 1, seed=seed).requires_grad_() for seed in (1, 2, 3)]
    answers = [answer(passes, one) for one in pictures]
    with torch.no_grad():
        answer(passes, pictures_for(model, 1, seed=4))  # a look in between
    for one, found in zip(pictures, answers, strict=True):
        weights = torch.linspace(-1, 1, CLASSES)[None]
        (slope,) = torch.autograd.grad((found * weights).sum(), one)
        expected, expected_slope = both(model, one.detach())
        torch.testing.assert_close(found.detach(), expected, rtol=1e-4, atol=1e-5)
        assert (slope - expected_slope).norm() <= 1e-3 * expected_slope.norm()


def test_a_step_writes_where_the_one_before_did(model: RobustClassifier, passes: OrtModule) -> None:
    for seed in range(5):
        both(lambda x: answer(passes, x), pictures_for(model, 1, seed=seed))
        assert free(passes) == 1


def test_two_at_once_have_memory_of_their_own(model: RobustClassifier, passes: OrtModule) -> None:
    kept = [answer(passes, pictures_for(model, 1).requires_grad_()) for _ in range(2)]
    assert free(passes) == 0
    del kept
    assert free(passes) == 2


def test_the_memory_of_several_pictures_is_given_back(model: RobustClassifier, passes: OrtModule) -> None:
    both(lambda x: answer(passes, x), pictures_for(model, 3))
    assert free(passes) == 0
