"""When a compiled network runs, and when the network itself does."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import robust_widgets as rw
from robust_widgets.compiler import engine as engines
from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.compiler.engine import BACKENDS, ONNXRUNTIME
from robust_widgets.compiler.tracing import BATCH
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.networks.architectures import build
from robust_widgets.session.local import LocalSession
from tests.compiler.networks import CLASSES, classifier, forward_backward, pictures_for


class SubtractsTheBatchMean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)).flatten(1)[:, :CLASSES]


class KnowsTheBatchSize(nn.Module):
    each: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("each", torch.rand(BATCH, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :CLASSES] * (self.each if len(x) == BATCH else 1.0)


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        return nn.functional.scaled_dot_product_attention(flat, flat, flat).mean(1)[:, :CLASSES]


@pytest.mark.parametrize(
    "network", [SubtractsTheBatchMean(), KnowsTheBatchSize(), Attention()], ids=lambda it: type(it).__name__
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_network_that_cannot_be_compiled_runs_itself(network: nn.Module, backend: str) -> None:
    model = classifier(network, 8)
    model.compile()
    assert model.engine is not None
    model.engine.selected = dict.fromkeys(BATCH_SIZES, backend)
    for count in (1, BATCH, 4):
        pictures = pictures_for(model, count)
        torch.testing.assert_close(model(pictures), network((pictures - model.mean) / model.std))


class OnePicture(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if len(x) != 1:
            raise RuntimeError("one picture at once")
        return x.flatten(1)[:, :CLASSES]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_during_compilation_costs_only_speed(backend: str) -> None:
    model = classifier(OnePicture(), 8)
    model.compile()
    assert model.engine is not None
    model.engine.selected = dict.fromkeys(BATCH_SIZES, backend)
    picture = pictures_for(model, 1)
    torch.testing.assert_close(model(picture), model.network((picture - model.mean) / model.std))
    with pytest.raises(RuntimeError, match="one picture at once"):
        model(pictures_for(model, 2))


class TestEngine:
    @pytest.fixture
    def made(self) -> RobustClassifier:
        made = classifier(build("smoothresnet-tiny", CLASSES), 32)
        made.compile()
        assert made.engine is not None
        made.engine.selected = dict.fromkeys(BATCH_SIZES, ONNXRUNTIME)
        return made

    def count_compilations(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        compiled: list[str] = []
        real = engines._compile  # pyright: ignore[reportPrivateUsage]

        def counting(key: tuple[str, str, tuple[int, int], bool], *rest: Any) -> object:
            compiled.append(key[0])
            return real(key, *rest)

        monkeypatch.setattr(engines, "_compile", counting)
        return compiled

    def test_each_size_is_compiled_once(self, made: RobustClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
        compiled = self.count_compilations(monkeypatch)
        for size in (32, 32, 40, 32):
            made(torch.rand(2, 3, size, size))
        assert compiled == [ONNXRUNTIME, ONNXRUNTIME]

    def test_features_and_the_straight_through_gradient(self, made: RobustClassifier) -> None:
        plain = RobustClassifier(made.network, made.card)
        pictures = pictures_for(made, 2)
        for straight in (False, True):
            expected, gradient = forward_backward(lambda x, s=straight: plain.features(x, straight_through=s), pictures)
            found, found_gradient = forward_backward(
                lambda x, s=straight: made.features(x, straight_through=s), pictures
            )
            torch.testing.assert_close(found, expected)
            torch.testing.assert_close(found_gradient, gradient, rtol=1e-3, atol=1e-6)

    def test_changed_weights_are_noticed(self, made: RobustClassifier) -> None:
        pictures = pictures_for(made, 1)
        before = made(pictures)
        with torch.no_grad():
            next(made.network.parameters()).mul_(-1)
        after = made(pictures)
        assert not torch.allclose(before, after)
        torch.testing.assert_close(after, RobustClassifier(made.network, made.card)(pictures), rtol=1e-4, atol=1e-5)

    def test_weights_that_learn_get_their_gradient(self, made: RobustClassifier) -> None:
        pictures = pictures_for(made, 1)
        made(pictures)
        weight = next(made.network.parameters()).requires_grad_()
        made(pictures).sum().backward()
        assert weight.grad is not None and weight.grad.abs().sum() > 0

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
    def test_other_precisions_run_the_network(
        self, made: RobustClassifier, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compiled = self.count_compilations(monkeypatch)
        model = made.to(dtype)
        assert model(pictures_for(model, 1).to(dtype)).dtype == dtype
        assert compiled == []

    def test_functional_transforms_run_the_network(self, made: RobustClassifier) -> None:
        pictures = pictures_for(made, 2)
        gradient = torch.func.grad(lambda x: made(x).sum())(pictures)
        torch.testing.assert_close(
            gradient, forward_backward(lambda x: made(x).sum()[None], pictures)[1] * -1, rtol=1e-3, atol=1e-6
        )

    def test_it_works_after_inference_mode(self, made: RobustClassifier) -> None:
        pictures = pictures_for(made, 1)
        with torch.inference_mode():
            made(pictures)
        assert forward_backward(made, pictures)[1].abs().sum() > 0

    def test_copies_compile_again(self, made: RobustClassifier) -> None:
        pictures = pictures_for(made, 1)
        expected = made(pictures)
        for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)), made.copy_to(torch.device("cpu"))):
            assert other.engine is not None and other.engine is not made.engine
            torch.testing.assert_close(other(pictures), expected, rtol=1e-4, atol=1e-5)

    def test_the_number_of_compiled_modules_is_limited(
        self, made: RobustClassifier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engines, "MAX_MODULES", 2)
        for size in (8, 12, 16):
            made(torch.rand(1, 3, size, size))
        assert made.engine is not None
        assert len(made.engine._modules) == 2  # pyright: ignore[reportPrivateUsage]

    def test_a_session_compiles_its_model_before_the_first_run(self, made: RobustClassifier) -> None:
        session = LocalSession(made)
        session.close()
        session._thread.join()  # pyright: ignore[reportPrivateUsage]
        assert made.engine is not None
        assert list(made.engine._modules) == [(ONNXRUNTIME, "features", (32, 32), False)]  # pyright: ignore[reportPrivateUsage]


def test_load_model_with_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(engines.SWITCH, raising=False)
    assert rw.load_model("tiny", fast=False).engine is None
    always = rw.load_model("tiny", fast=True)
    pictures = pictures_for(always, 1)
    torch.testing.assert_close(always(pictures), rw.load_model("tiny", fast=False)(pictures), rtol=1e-4, atol=1e-4)
    assert always.engine is not None and always.engine.selected == {1: ONNXRUNTIME}


def test_a_run_is_the_same_compiled_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(engines.SWITCH, raising=False)
    runs = [rw.generate("lion", steps=20, model=rw.load_model("tiny", fast=fast)) for fast in (False, True)]
    pixels = [run[-1].pixels.astype(int) for run in runs]
    assert abs(pixels[0] - pixels[1]).max() <= 1
    assert runs[0][-1].probability == pytest.approx(runs[1][-1].probability, abs=1e-3)


def test_compiling_imports_neither_sympy_nor_torchs_compiler() -> None:
    """Importing them takes longer than compiling a network, and 40 MB."""
    script = """
import sys
import numpy as np
import robust_widgets as rw
model = rw.load_model("tiny", fast=True, device="cpu")
model.warm_up()
picture = np.full((64, 64, 3), 90, np.uint8)
mask = np.zeros((64, 64), bool)
mask[8:16, 8:16] = True
rw.generate("lion", steps=2, model=model)
rw.translate(picture, "lion", steps=2, model=model)
rw.super_resolve(picture[:8, :8], "lion", steps=2, model=model)
rw.inpaint(picture, mask, "lion", steps=2, model=model)
rw.paint_features(picture, mask, 3, steps=2, model=model)
print(*({"sympy", "torch._dynamo", "torch._inductor"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
