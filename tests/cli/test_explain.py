"""The command ``explain``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import robust_widgets as rw
from robust_widgets.models.model_file import save_model
from tests.cli.shell import call, refusal
from tests.helpers import tiny_model


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(3).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    save_model(tiny_model(), tmp_path / "tiny.safetensors")
    return tmp_path / "picture.png"


def test_a_sheet_of_methods(picture: Path, tmp_path: Path) -> None:
    pytest.importorskip("captum", reason="captum is not installed")
    model = tmp_path / "tiny.safetensors"
    result = call("explain", picture, "cat", "--model", model, "--method", "gradient", "--out", tmp_path / "why.png")
    assert "cat" in result.stdout and "gradient" in result.stdout
    with Image.open(tmp_path / "why.png") as sheet:
        assert sheet.width > 2 * 144


def test_the_smallest_change_as_a_run(picture: Path, tmp_path: Path) -> None:
    model = rw.load_model("tiny", device="cpu")
    seen = int(model(rw.to_batch(picture, model.input_size)).argmax())
    target = next(index for index in range(3) if index != seen)
    options = ["--change", "--model", "tiny", "--device", "cpu"]
    result = call("explain", picture, target, *options, "--out", tmp_path / "change.npz")
    assert f"{model.classes[seen]} to {model.classes[target]}: epsilon" in result.stdout
    trace = rw.load_trace(tmp_path / "change.npz")
    assert trace.target == model.classes[target] and trace[-1].probabilities is not None
    assert "already" in refusal("explain", picture, seen, *options, "--out", tmp_path / "no.npz")


def test_what_does_not_go_together(picture: Path) -> None:
    assert "--change needs a TARGET" in refusal("explain", picture, "--change")
    assert "one model" in refusal("explain", picture, "cat", "--change", "--model", "tiny", "--model", "default")
