"""Passes in ONNX Runtime that overlap."""

from __future__ import annotations

import pytest
import torch

from robust_widgets.compiler.compiled_module import run
from robust_widgets.compiler.engine import BACKENDS, ONNXRUNTIME
from robust_widgets.models.networks.architectures import build
from tests.compiler.networks import CLASSES, classifier, forward_backward, pictures_for

pytest.importorskip("onnxruntime")


def test_each_backward_pass_belongs_to_its_own_forward_pass() -> None:
    torch.manual_seed(0)
    model = classifier(build("smoothresnet-tiny", CLASSES), 32)
    module = BACKENDS[ONNXRUNTIME].compile(model, pictures_for(model, 1), False)
    pictures = [pictures_for(model, 1, seed=seed).requires_grad_() for seed in (1, 2, 3)]
    outputs = [run(module, picture) for picture in pictures]
    with torch.no_grad():
        run(module, pictures_for(model, 1, seed=4))
    for picture, output in zip(pictures, outputs, strict=True):
        weights = torch.linspace(-1, 1, CLASSES)[None]
        (gradient,) = torch.autograd.grad((output * weights).sum(), picture)
        expected, expected_gradient = forward_backward(model, picture.detach())
        torch.testing.assert_close(output.detach(), expected, rtol=1e-4, atol=1e-5)
        assert (gradient - expected_gradient).norm() <= 1e-3 * expected_gradient.norm()
