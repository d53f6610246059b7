"""What speaks for a class in a picture."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import PictureError, SetupError, UnknownNameError
from robust_widgets.interface.explanation import METHODS
from tests.helpers import raises_sentence, smooth_model, tiny_model

PICTURE = np.random.default_rng(3).integers(40, 216, (16, 16, 3)).astype(np.uint8)
MODEL = smooth_model(16)


def test_without_captum_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with raises_sentence(SetupError, "robust-widgets[explain]"):
        rw.explain(PICTURE, model=MODEL)


def test_an_unknown_method_names_the_nearest() -> None:
    with raises_sentence(UnknownNameError, "'integrated gradient'", "'integrated gradients'"):
        rw.explain(PICTURE, model=MODEL, method="integrated gradient")


class TestWithCaptum:
    @pytest.fixture(autouse=True)
    def captum(self) -> Any:
        return pytest.importorskip("captum", reason="captum is not installed")

    def test_the_gradient_is_that_of_the_logit(self) -> None:
        explanation = rw.explain(PICTURE, "cat", model=MODEL, method="gradient")
        x = (torch.from_numpy(PICTURE).permute(2, 0, 1)[None] / 255).requires_grad_()
        (gradient,) = torch.autograd.grad(MODEL(x)[0, 1], x)
        np.testing.assert_allclose(explanation.attribution, gradient[0].permute(1, 2, 0), rtol=1e-3, atol=1e-6)
        assert explanation.probability == pytest.approx(float(MODEL(x).softmax(1)[0, 1]), abs=1e-5)
        np.testing.assert_array_equal(explanation.picture, PICTURE)

    def test_integrated_gradients_add_up_to_the_difference_from_grey(self) -> None:
        explanation = rw.explain(PICTURE, 2, model=MODEL)
        x = torch.from_numpy(PICTURE).permute(2, 0, 1)[None] / 255
        difference = float((MODEL(x) - MODEL(torch.full_like(x, 0.5)))[0, 2])
        assert explanation.attribution.sum() == pytest.approx(difference, rel=0.05, abs=0.01)

    @pytest.mark.parametrize("method", METHODS)
    def test_every_method_gives_the_same_again_and_leaves_the_random_numbers(self, method: str) -> None:
        before = torch.get_rng_state()
        first, again = (rw.explain(PICTURE, model=tiny_model(), method=method) for _ in range(2))
        np.testing.assert_array_equal(first.attribution, again.attribution)
        assert torch.equal(torch.get_rng_state(), before)
        assert first.attribution.shape == (16, 16, 3) and np.abs(first.attribution).max() > 0
        assert first.method == method and first.overlay.shape == (16, 16, 3) and first._repr_png_()[:4] == b"\x89PNG"

    def test_without_a_target_it_is_the_class_that_the_model_sees(self) -> None:
        x = torch.from_numpy(PICTURE).permute(2, 0, 1)[None] / 255
        assert rw.explain(PICTURE, model=MODEL).target == MODEL.classes[int(MODEL(x).argmax())]

    def test_a_sheet_has_a_row_for_each_model(self) -> None:
        seen: list[Any] = []
        methods = ["gradient", "occlusion"]
        models = [MODEL, tiny_model()]
        sheet = rw.explanation_sheet(PICTURE, models=models, methods=methods, size=32, on_explained=seen.append)
        assert [(each.model, each.method) for each in seen] == [(m.card.name, n) for m in models for n in methods]
        assert len({each.target for each in seen}) == 1 and sheet.height > 2 * 32

    def test_several_pictures_are_a_sentence(self) -> None:
        with raises_sentence(PictureError, "2 pictures"):
            rw.explain(np.stack([PICTURE, PICTURE]), model=MODEL)
