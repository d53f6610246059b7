"""Checkpoints are matched to their architectures, and give the same logits as the original networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from robust_widgets.errors import WeightsError
from robust_widgets.models.loading.infer_architecture import build_torchvision, candidates
from robust_widgets.models.networks.cifar import PreActResNet
from robust_widgets.models.networks.wide_resnet import DeepMindPreActResNet, DeepMindWideResNet, WideResNet
from robust_widgets.models.registry import load_model
from tests.helpers import pictures, raises_sentence
from tests.models.loading.checkpoints import save_checkpoint
from tests.models.loading.reference_networks import randomized, robustness

CIFAR_MEAN, CIFAR_STD = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2471, 0.2435, 0.2616])
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.mark.parametrize(
    ("network", "legacy"), [("resnet18", False), ("resnet50", True), ("vgg11", False), ("densenet121", True)]
)
def test_cifar_checkpoints_of_the_robustness_library(
    network: str, legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = robustness("datasets", monkeypatch).CIFAR()
    theirs = robustness("attacker", monkeypatch).AttackerModel(randomized(data.get_model(network, False)), data).eval()
    state = nn.DataParallel(theirs).state_dict()
    optimizer = torch.optim.SGD(theirs.parameters(), 0.1, momentum=0.9).state_dict()
    content = {"state_dict" if legacy else "model": state, "optimizer": optimizer, "epoch": 150, "nat_prec1": 90.8}
    import dill  # pyright: ignore[reportMissingImports]

    path = save_checkpoint(tmp_path, content, pickle_module=dill, _use_new_zipfile_serialization=not legacy)
    ours = load_model(path, device="cpu")
    x = pictures(2, 32)
    with torch.no_grad():
        (logits, latent), _ = theirs(x, with_latent=True)
    torch.testing.assert_close(ours(x), logits, **CLOSE)
    torch.testing.assert_close(ours.features(x), latent, **CLOSE)
    assert ours.classes[:2] == ("airplane", "automobile") and ours.input_size == 32
    assert ours.card.std == pytest.approx((0.2023, 0.1994, 0.2010))


def test_an_imagenet_checkpoint_of_the_robustness_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = robustness("datasets", monkeypatch).RestrictedImageNet("")
    theirs = (
        robustness("attacker", monkeypatch).AttackerModel(randomized(data.get_model("resnet18", False)), data).eval()
    )
    ours = load_model(save_checkpoint(tmp_path, {"model": nn.DataParallel(theirs).state_dict()}), device="cpu")
    theirs, ours = theirs.double(), ours.double()  # so that rounding switches no ReLU
    x = pictures(1, 224, dtype=torch.float64).requires_grad_()
    (logits, latent), _ = theirs(x, with_latent=True, fake_relu=True)
    torch.testing.assert_close(ours(x), logits, **CLOSE)
    assert ours.classes[5] == "primate" and ours.input_size == 224
    mine = ours.features(x, straight_through=True)
    torch.testing.assert_close(mine, latent, **CLOSE)
    (expected,) = torch.autograd.grad(latent[:, 3].sum(), x)
    (gradient,) = torch.autograd.grad(mine[:, 3].sum(), x)
    torch.testing.assert_close(gradient, expected)


def test_a_checkpoint_of_robust_imagenet_models(tmp_path: Path) -> None:
    network = randomized(torchvision.models.resnet18())
    state = {f"module.model.model.{name}": value for name, value in network.state_dict().items()}
    state |= {name.replace(".model.", ".attacker.model.", 1): value for name, value in state.items()}
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    for place in ("normalizer", "attacker.normalize"):
        state |= {f"module.{place}.new_mean": mean.view(3, 1, 1), f"module.{place}.new_std": std.view(3, 1, 1)}
    ours = load_model(save_checkpoint(tmp_path, {"model": state, "epoch": 90}), device="cpu")
    x = pictures(1, 224)
    with torch.no_grad():
        logits = network((x - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    torch.testing.assert_close(ours(x), logits, **CLOSE)
    assert ours.card.architecture == "resnet-18" and ours.card.name == "model"
    assert len(ours.classes) == 1000 and ours.class_index("goldfish") == 1


@pytest.mark.parametrize(
    "name",
    [
        *("resnet50", "wide_resnet50_2", "resnext50_32x4d", "densenet161", "vgg16_bn", "mobilenet_v2"),
        *("shufflenet_v2_x1_0", "mnasnet1_0", "convnext_tiny", "vit_b_16"),
        *("densenet121", "alexnet", "vgg11", "vgg13", "vgg13_bn", "efficientnet_b0", "efficientnet_b2", "swin_t"),
        *("efficientnet_v2_s", "mobilenet_v3_small", "mobilenet_v3_large", "convnext_base", "vit_l_32", "vit_h_14"),
    ],
)
def test_torchvisions_networks_are_recognised_by_their_shapes(name: str) -> None:
    with torch.device("meta"):
        state = build_torchvision(name, 7).state_dict()
        (matches,) = candidates(state)
        assert {key: value.shape for key, value in matches.build().state_dict().items()} == {
            key: value.shape for key, value in state.items()
        }
    assert not matches.small


def test_deepminds_wide_resnet_needs_its_activation(tmp_path: Path) -> None:
    state = {"mean": CIFAR_MEAN.view(3, 1, 1), "std": CIFAR_STD.view(3, 1, 1)}
    path = save_checkpoint(tmp_path, state | DeepMindWideResNet(10, 2, 2, "silu").state_dict())
    with raises_sentence(WeightsError, "architecture=", "wide-resnet-16-2-silu", "wide-resnet-16-2-relu"):
        load_model(path, device="cpu")
    assert load_model(path, architecture="wide-resnet-16-2-silu", device="cpu").classes[9] == "truck"


@pytest.mark.parametrize("last_norm", [False, True])
def test_a_pre_activation_resnet_needs_its_shortcut(last_norm: bool, tmp_path: Path) -> None:
    state = PreActResNet(10, (2, 2, 2, 2), True, last_norm).state_dict()
    normalised = {"mu": CIFAR_MEAN.view(1, 3, 1, 1), "sigma": CIFAR_STD.view(1, 3, 1, 1), **state}
    path = save_checkpoint(tmp_path, {"last": normalised, "best": {}})
    with raises_sentence(WeightsError, "'preact-resnet-18'", "'preact-resnet-18-activated-shortcut'"):
        load_model(path, device="cpu")


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (lambda: DeepMindWideResNet(10, 11, 16, "silu"), "wide-resnet-70-16-silu"),
        (lambda: DeepMindPreActResNet(10, (2, 2, 2, 2), "silu"), "preact-resnet-18-silu"),
        (lambda: WideResNet(10, 4, 10), "wide-resnet-28-10"),
        (lambda: WideResNet(100, 5, 10, bias=False), "wide-resnet-34-10"),
    ],
)
def test_robustbenchs_networks_are_recognised_by_their_shapes(network: Any, name: str) -> None:
    with torch.device("meta"):
        state = network().state_dict()
        matches = {candidate.name: candidate for candidate in candidates(state)}
        assert matches[name].build().state_dict().keys() == state.keys() and matches[name].small


RESNET = ("conv1.weight", "layer1.0.conv2.weight", "layer4.0.conv1.weight", "fc.weight")


@pytest.mark.parametrize(
    "names",
    [
        (*RESNET, "layer1.999999.conv1.weight"),
        (*RESNET, f"layer1.{'9' * 5000}.conv1.weight"),
        (*RESNET, *(f"layer2.{index}.conv1.weight" for index in range(3_000))),
        ("block1.layer.0.conv1.weight", "block1.layer.999999.conv1.weight", "fc.weight"),
        ("linear.weight", "layer4.0.conv1.weight", "bn1.weight", "conv1.weight", "layer4.999999.conv1.weight"),
        ("linear.weight", "dense1.0.conv1.weight", "conv1.weight", "dense3.999999.conv1.weight"),
        ("init_conv.weight", "logits.weight", "layer.0.block.999999.x"),
        ("classifier.weight", "features.0.weight", "features.999999.weight"),
    ],
    ids=lambda names: names[-1][:20],
)
def test_a_name_cannot_ask_for_a_network_of_any_depth(names: tuple[str, ...], tmp_path: Path) -> None:
    blocks = count_modules(names, tmp_path)
    assert blocks < 20_000


def count_modules(names: tuple[str, ...], folder: Path) -> int:
    """How many modules are made while a file of these weights is refused."""
    made: list[int] = []
    original = nn.Module.__init__

    def count(module: nn.Module, *arguments: Any, **options: Any) -> None:
        made.append(1)
        original(module, *arguments, **options)

    path = save_checkpoint(
        folder, {name: torch.zeros(64, 64, 1, 1) for name in names} | {"fc.weight": torch.ones(9, 64)}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "__init__", count)
        with pytest.raises(WeightsError):
            load_model(path, device="cpu", mean=0.5, std=0.5, input_size=16)
    return len(made)


def test_a_width_cannot_ask_for_more_memory_than_the_file_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = {"block1.layer.0.conv1.weight": torch.zeros(1), "fc.weight": torch.zeros(1, 1 << 20)}
    monkeypatch.setattr(torch, "empty", refuse_large(torch.empty))
    with raises_sentence(WeightsError, "do not fit the architecture 'wide-resnet-"):
        load_model(save_checkpoint(tmp_path, tensors), device="cpu", mean=0.5, std=0.5)


def refuse_large(empty: Any) -> Any:
    def checked(*shape: Any, **options: Any) -> torch.Tensor:
        tensor: torch.Tensor = empty(*shape, **options)
        assert tensor.device.type == "meta" or tensor.numel() < 1e7
        return tensor

    return checked
