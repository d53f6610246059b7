"""Passes in ONNX Runtime that overlap."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("chosen", [None, "0"])
def test_no_usage_data_is_sent_unless_somebody_wants_it(chosen: str | None, tmp_path: Path) -> None:
    """ONNX Runtime keeps an identifier of the machine, and looks up its maker's address, when its telemetry is on."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_DATA_HOME": str(tmp_path)}
    environment |= {} if chosen is None else {"ORT_DISABLE_TELEMETRY": chosen}
    code = """
import os
import torch
from robust_widgets.compiler.compiled_module import run
from robust_widgets.compiler.engine import BACKENDS, ONNXRUNTIME
from robust_widgets.models.networks.architectures import build
from tests.compiler.networks import CLASSES, classifier, pictures_for
model = classifier(build("smoothresnet-tiny", CLASSES), 32)
module = BACKENDS[ONNXRUNTIME].compile(model, pictures_for(model, 1), False)
run(module, pictures_for(model, 1))
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""
    if chosen is not None:  # nothing is run with telemetry on: it would be sent
        code = "import os, robust_widgets.compiler.backends\nprint(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (chosen or "1")
    assert not [path for path in tmp_path.rglob("*") if "deviceid" in path.name.lower()]
