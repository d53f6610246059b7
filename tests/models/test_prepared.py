"""Prepared networks: the same answers and gradients, by another way; and when the network itself is asked."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

import robust_widgets as rw
from robust_widgets.backends.local import LocalSession
from robust_widgets.cache import VARIABLE
from robust_widgets.models.architectures import build
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.models.prepared import choice
from robust_widgets.models.prepared import engine as engines
from robust_widgets.models.prepared.decompositions import UnpreparableError
from robust_widgets.models.prepared.engine import ONNX, OWN, TORCH
from robust_widgets.models.prepared.graphs import BATCH, record
from robust_widgets.models.prepared.passes import Passes, TorchPasses, answer
from robust_widgets.models.prepared.sessions import OnnxPasses

aten = torch.ops.aten
CLASSES = 5


def lively(network: nn.Module, seed: int = 0) -> nn.Module:
    """With statistics and weights in its normalisations that are not just 0 and 1; frozen."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight, 0.5, 1.5),
                (module.bias, -0.5, 0.5),
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
            ):
                assert tensor is not None
                tensor.data.copy_(low + (high - low) * torch.rand(tensor.shape, generator=generator))
    return network.eval().requires_grad_(False)


def classifier(network: nn.Module, side: int) -> RobustClassifier:
    names = tuple(f"class {index}" for index in range(CLASSES))
    card = ModelCard("made", "made", names, side, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    return RobustClassifier(lively(network), card)


def torchvisions(name: str) -> Callable[[], nn.Module]:
    return lambda: torchvision.models.get_model(name, weights=None, num_classes=CLASSES)


def separate_layers() -> nn.Module:
    """Layers that the common networks lack: other activations, pools and edges, branches that are put together."""

    class Layers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 8, 5, stride=2, padding=2, padding_mode="reflect")
            self.second = nn.Conv2d(8, 8, 3, padding=1, padding_mode="replicate", groups=4)
            self.norm = nn.BatchNorm2d(16)
            self.transposed = nn.Conv2d(16, 8, 3, dilation=2, padding=1)
            self.last = nn.Linear(8 * 9, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            x = nn.functional.gelu(self.first(x))
            both = torch.cat([torch.tanh(self.second(x)), nn.functional.avg_pool2d(x, 3, 1, 1)], 1)
            x = nn.functional.leaky_relu(self.transposed(self.norm(both)), 0.1)
            x = nn.functional.adaptive_avg_pool2d(nn.functional.max_pool2d(x, 2), 3)
            return self.last(torch.flatten(nn.functional.elu(x), 1))

    return Layers()


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "smoothresnet-tiny": (lambda: build("smoothresnet-tiny", CLASSES), 32),
    "blurresnet-tiny, odd side": (lambda: build("blurresnet-tiny", CLASSES), 33),
    "plainnet": (lambda: build("plainnet", CLASSES), 32),
    "torchvision resnet18": (torchvisions("resnet18"), 32),
    "torchvision mobilenet_v3_small": (torchvisions("mobilenet_v3_small"), 32),
    "torchvision squeezenet1_1": (torchvisions("squeezenet1_1"), 32),
    "other layers": (separate_layers, 24),
}


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: pytest.FixtureRequest) -> RobustClassifier:
    make, side = NETWORKS[request.param]
    torch.manual_seed(0)
    return classifier(make(), side)


def both(function: Callable[[Tensor], Tensor], pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The answers to pictures, and the gradient of a mixture of them."""
    x = pictures.clone().requires_grad_()
    answers = function(x)
    weights = torch.linspace(-1, 1, answers.numel()).view_as(answers)
    (slope,) = torch.autograd.grad((answers * weights).sum(), x)
    return answers.detach(), slope


def assert_same(function: Callable[[Tensor], Tensor], passes: Passes, pictures: Tensor) -> None:
    expected, slope = both(function, pictures)
    found, found_slope = both(lambda x: answer(passes, x), pictures)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert (found_slope - slope).norm() <= 1e-3 * slope.norm()


def pictures_for(model: RobustClassifier, count: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, model.input_size, model.input_size, generator=generator)


@pytest.mark.parametrize("kind", [TorchPasses, OnnxPasses])
def test_answers_and_gradients_are_those_of_the_network(model: RobustClassifier, kind: type) -> None:
    graphs = record(model, pictures_for(model, 1))
    passes = TorchPasses(graphs) if kind is TorchPasses else OnnxPasses(graphs, pictures_for(model, 1))
    for count in (1, 2, BATCH, 2 * BATCH + 1):
        assert_same(model, passes, pictures_for(model, count, seed=count))


def test_no_normalisation_is_left_behind_a_convolution() -> None:
    graphs = record(classifier(torchvisions("resnet18")(), 32), torch.rand(1, 3, 32, 32))
    for graph in (graphs.forward, graphs.backward):
        assert not [node for node in graph.graph.nodes if node.target in (aten.mul.Tensor, aten.div.Tensor)]


def test_the_filters_are_products_and_nothing_is_laid_out_anew() -> None:
    graphs = record(classifier(build("smoothresnet-tiny", CLASSES), 32)._features, torch.rand(1, 3, 32, 32))  # pyright: ignore[reportPrivateUsage]
    for graph in (graphs.forward, graphs.backward):
        kinds = {node.target for node in graph.graph.nodes}
        assert aten.matmul.default in kinds
        assert kinds.isdisjoint({aten.transpose.int, aten.clone.default, aten.replication_pad2d.default})


def test_recording_leaves_the_network_as_it_was() -> None:
    network = torchvisions("resnet18")()  # its rectifiers work in place
    model = classifier(network, 32)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    picture = torch.rand(1, 3, 32, 32)
    kept = picture.clone()
    record(model, picture)
    assert torch.equal(picture, kept)
    assert not any(module._forward_hooks for module in network.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


class AsksForTheOthers(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)).flatten(1)[:, :CLASSES]


class KnowsTheNumber(nn.Module):
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
    "network", [AsksForTheOthers(), KnowsTheNumber(), Attention()], ids=lambda it: type(it).__name__
)
@pytest.mark.parametrize("way", [TORCH, ONNX])
def test_what_cannot_be_prepared_is_answered_by_the_network(network: nn.Module, way: str) -> None:
    model = classifier(network, 8)
    model.compile()
    assert model.engine is not None
    model.engine.way = way
    for count in (1, BATCH, 4):
        pictures = pictures_for(model, count)
        torch.testing.assert_close(model(pictures), network((pictures - model.mean) / model.std))


class OnePicture(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if len(x) != 1:
            raise RuntimeError("one picture at once")
        return x.flatten(1)[:, :CLASSES]


@pytest.mark.parametrize("way", [TORCH, ONNX])
def test_an_error_while_preparing_costs_speed_and_nothing_else(way: str) -> None:
    model = classifier(OnePicture(), 8)
    model.compile()
    assert model.engine is not None
    model.engine.way = way
    picture = pictures_for(model, 1)
    torch.testing.assert_close(model(picture), model.network((picture - model.mean) / model.std))
    with pytest.raises(RuntimeError, match="one picture at once"):
        model(pictures_for(model, 2))


def test_a_training_network_cannot_be_recorded() -> None:
    network = build("blurresnet-tiny", CLASSES)
    with pytest.raises(UnpreparableError):
        record(network, torch.rand(1, 3, 32, 32))


class TestEngine:
    @pytest.fixture
    def made(self) -> RobustClassifier:
        made = classifier(build("smoothresnet-tiny", CLASSES), 32)
        made.compile()
        assert made.engine is not None
        made.engine.way = ONNX
        return made

    def count_preparations(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        asked: list[str] = []
        real = engines._prepared  # pyright: ignore[reportPrivateUsage]

        def counting(ways: Sequence[str], *rest: object) -> object:
            asked.extend(ways)
            return real(ways, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(engines, "_prepared", counting)
        return asked

    def test_each_side_is_prepared_once(self, made: RobustClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = self.count_preparations(monkeypatch)
        for side in (32, 32, 40, 32):
            made(torch.rand(2, 3, side, side))
        assert asked == [ONNX, ONNX]

    def test_features_and_the_straight_through_gradient(self, made: RobustClassifier) -> None:
        plain = RobustClassifier(made.network, made.card)
        pictures = pictures_for(made, 2)
        for straight in (False, True):
            expected, slope = both(lambda x, s=straight: plain.features(x, straight_through=s), pictures)
            found, found_slope = both(lambda x, s=straight: made.features(x, straight_through=s), pictures)
            torch.testing.assert_close(found, expected)
            torch.testing.assert_close(found_slope, slope, rtol=1e-3, atol=1e-6)

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
    def test_other_precisions_are_answered_by_the_network(
        self, made: RobustClassifier, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = self.count_preparations(monkeypatch)
        model = made.to(dtype)
        assert model(pictures_for(model, 1).to(dtype)).dtype == dtype
        assert asked == []

    def test_functional_transforms_are_answered_by_the_network(self, made: RobustClassifier) -> None:
        pictures = pictures_for(made, 2)
        slope = torch.func.grad(lambda x: made(x).sum())(pictures)
        torch.testing.assert_close(slope, both(lambda x: made(x).sum()[None], pictures)[1] * -1, rtol=1e-3, atol=1e-6)

    def test_it_works_after_inference_mode(self, made: RobustClassifier) -> None:
        pictures = pictures_for(made, 1)
        with torch.inference_mode():
            made(pictures)
        assert both(made, pictures)[1].abs().sum() > 0

    def test_copies_and_pickles_begin_anew(self, made: RobustClassifier) -> None:
        pictures = pictures_for(made, 1)
        expected = made(pictures)
        for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)), made.copy_to(torch.device("cpu"))):
            assert other.engine is not None and other.engine is not made.engine
            torch.testing.assert_close(other(pictures), expected, rtol=1e-4, atol=1e-5)

    def test_what_is_prepared_does_not_pile_up(self, made: RobustClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "MOST_KEPT", 2)
        for side in (8, 12, 16):
            made(torch.rand(1, 3, side, side))
        assert made.engine is not None
        assert len(made.engine._passes) == 2  # pyright: ignore[reportPrivateUsage]

    def test_a_session_prepares_its_model_before_the_first_run(self, made: RobustClassifier) -> None:
        session = LocalSession(made)
        session.close()
        session._worker.join()  # pyright: ignore[reportPrivateUsage]
        assert made.engine is not None
        assert list(made.engine._passes) == [(ONNX, "features", (32, 32))]  # pyright: ignore[reportPrivateUsage]


class TestChoice:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.delenv(engines.SWITCH, raising=False)
        monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
        return tmp_path / "cache" / choice.KIND

    def made(self) -> RobustClassifier:
        torch.manual_seed(0)
        model = classifier(build("smoothresnet-tiny", CLASSES), 32)
        model.compile()
        return model

    def measured(self, monkeypatch: pytest.MonkeyPatch, times: dict[str, float]) -> list[list[str]]:
        calls: list[list[str]] = []

        def measure(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
            calls.append(list(ways))
            for way in ways.values():
                way()
            return times

        monkeypatch.setattr(choice, "measure", measure)
        return calls

    @pytest.mark.parametrize(
        ("times", "expected"),
        [
            ({OWN: 10.0, TORCH: 8.0, ONNX: 4.0}, ONNX),
            ({OWN: 10.0, TORCH: 8.0, ONNX: 9.0}, TORCH),
            ({OWN: 10.0, TORCH: 9.7, ONNX: 11.0}, OWN),
        ],
    )
    def test_the_fastest_way_is_measured_once_and_kept(
        self, monkeypatch: pytest.MonkeyPatch, times: dict[str, float], expected: str
    ) -> None:
        calls = self.measured(monkeypatch, times)
        for _ in range(2):
            model = self.made()
            model(pictures_for(model, 1))
            assert model.engine is not None and model.engine.way == expected
        assert calls == [[OWN, TORCH, ONNX]]

    def test_the_first_picture_may_come_in_inference_mode(self) -> None:
        model = self.made()
        with torch.inference_mode():
            model(pictures_for(model, 1))
        assert model.engine is not None and {OWN, TORCH, ONNX} == set(model.engine.times)
        assert both(model, pictures_for(model, 1))[1].abs().sum() > 0

    def test_without_onnx_runtime_torch_carries_it_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "_onnx_passes", lambda: None)
        calls = self.measured(monkeypatch, {OWN: 10.0, TORCH: 4.0})
        model = self.made()
        model(pictures_for(model, 1))
        assert calls == [[OWN, TORCH]]
        assert model.engine is not None and model.engine.way == TORCH

    @pytest.mark.parametrize("text", ["", "no json", "[]", "null", "{}", '{"network": "fast"}', '{"network": null}'])
    def test_a_damaged_file_is_written_anew(self, cache: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        calls = self.measured(monkeypatch, {OWN: 2.0, TORCH: 1.0})
        for _ in range(2):
            model = self.made()
            model(pictures_for(model, 1))
            (file,) = cache.iterdir()
            assert choice.kept_times(model.fingerprint) == {OWN: 2.0, TORCH: 1.0}
            file.write_text(text)
        assert len(calls) == 2

    def test_a_folder_that_cannot_be_written_is_no_matter(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cache.parent.write_text("a file where the folder should be")
        self.measured(monkeypatch, {OWN: 2.0, TORCH: 1.0})
        model = self.made()
        assert model(pictures_for(model, 1)).shape == (1, CLASSES)

    def test_the_measuring_itself(self) -> None:
        calls: list[str] = []
        times = choice.measure({"first": lambda: calls.append("first"), "second": lambda: calls.append("second")})
        assert set(times) == {"first", "second"} and all(taken >= 0 for taken in times.values())
        assert calls == ["first", "second"] * (choice.ROUNDS + 1)

    @pytest.mark.parametrize(("switch", "way"), [("0", OWN), ("1", ONNX)])
    def test_the_environment_decides_without_measuring(
        self, monkeypatch: pytest.MonkeyPatch, switch: str, way: str
    ) -> None:
        calls = self.measured(monkeypatch, {})
        monkeypatch.setenv(engines.SWITCH, switch)
        model = self.made()
        model(pictures_for(model, 1))
        assert model.engine is not None and model.engine.way == way
        assert calls == []


def test_load_model_says_how_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(engines.SWITCH, raising=False)
    assert rw.load_model("tiny", fast=False).engine is None
    always = rw.load_model("tiny", fast=True)
    pictures = pictures_for(always, 1)
    torch.testing.assert_close(always(pictures), rw.load_model("tiny", fast=False)(pictures), rtol=1e-4, atol=1e-4)
    assert always.engine is not None and always.engine.way == ONNX


def test_a_run_is_the_same_by_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(engines.SWITCH, raising=False)
    runs = [rw.generate("lion", steps=20, model=rw.load_model("tiny", fast=fast)) for fast in (False, True)]
    pixels = [run[-1].pixels.astype(int) for run in runs]
    assert abs(pixels[0] - pixels[1]).max() <= 1
    assert runs[0][-1].probability == pytest.approx(runs[1][-1].probability, abs=1e-3)


def test_preparing_imports_no_algebra() -> None:
    """torch's compiler and sympy take longer to import than a network takes to prepare."""
    script = """
import sys
import robust_widgets as rw
rw.load_model("tiny", fast=True, device="cpu").warm_up()
print(*({"sympy", "torch._dynamo", "torch._inductor"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
