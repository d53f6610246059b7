"""External models, by name, file or network: missing options are asked for, and the originals aren't changed."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import torch
import torchvision
from torch import Tensor, nn

import robust_widgets as rw
from robust_widgets.errors import InputError, ParameterError, UnknownNameError, WeightsError
from robust_widgets.models.loading import load
from robust_widgets.models.loading.class_names import class_names, class_sets
from robust_widgets.models.loading.conversion import convert
from robust_widgets.models.model_file import save_model
from robust_widgets.models.networks.cifar import SmallResNet
from robust_widgets.models.registry import load_model
from tests.helpers import pictures, raises_sentence, tiny_model
from tests.models.loading.checkpoints import save_checkpoint
from tests.models.loading.reference_networks import randomized

DEAD = 4
OWN: dict[str, Any] = {"classes": ["cat", "dog", "fish"], "mean": 0.5, "std": 0.25, "input_size": 16}


class Plain(nn.Module):
    """A typical network: an in-place ReLU, pooling, dropout and one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.pool, self.drop = nn.AdaptiveAvgPool2d(1), nn.Dropout(0.5)
        self.last = nn.Linear(8, 3)
        nn.init.constant_(self.body[1].bias[DEAD : DEAD + 1], -50.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(torch.flatten(self.pool(self.body(x)), 1)))


class Normed(Plain):
    """A network whose features are normalised after the ReLU, so that none of them is ever off."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.pool(self.body(x)).flatten(1)))


def hooks(network: nn.Module) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        for module in network.modules()
    )


def test_a_network_is_never_changed() -> None:
    network = Plain().train()
    before = copy.deepcopy(network.state_dict())
    model = load_model(network, **OWN, device="cpu", name="mine")
    x = pictures(2, 16)
    model(x), model.features(x), model.features(x, straight_through=True)
    assert network.training and all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.state_dict().keys() == before.keys()
    assert hooks(network) == 0 and hooks(model) == 0, "no hooks remain"
    assert model.classes == ("cat", "dog", "fish") and model.card.name == "mine" and model.input_size == 16
    torch.testing.assert_close(model(x), network.eval()((x - 0.5) / 0.25))
    assert not any(parameter.requires_grad for parameter in model.parameters()) and not model.training


def test_the_penultimate_layer_and_its_straight_through_gradient() -> None:
    model = load_model(Plain(), **OWN, device="cpu")
    x = pictures(2, 16).requires_grad_()
    plain, straight = model.features(x), model.features(x, straight_through=True)
    assert plain.shape == (2, 8) and torch.equal(plain, straight) and (plain[:, DEAD] == 0).all()
    torch.testing.assert_close(model.classify(plain), model(x))
    assert not torch.autograd.grad(plain[:, DEAD].sum(), x)[0].any(), "a dead unit has no gradient"
    (gradient,) = torch.autograd.grad(straight[:, DEAD].sum(), x)
    network = model.network.published.double()
    wide = x.detach().double().requires_grad_()
    before = network.body[:2]((wide - 0.5) / 0.25).mean((2, 3))
    (expected,) = torch.autograd.grad(before[:, DEAD].sum(), wide)
    torch.testing.assert_close(gradient, expected.float())


def test_features_after_a_normalisation_keep_their_gradient() -> None:
    model = load_model(Normed(), **OWN, device="cpu")
    x = pictures(2, 16).requires_grad_()
    gradients = [
        torch.autograd.grad(model.features(x, straight_through=straight)[:, 0].sum(), x)[0]
        for straight in (False, True)
    ]
    assert torch.equal(*gradients) and gradients[0].any()


def test_an_external_model_paints() -> None:
    model = load_model(Plain(), **OWN, device="cpu")
    trace = rw.sketch_to_image(pictures(1, 16), "dog", model=model, steps=3)
    assert trace.metrics["loss"][-1] < trace.metrics["loss"][0]
    mask = torch.zeros(16, 16, dtype=torch.bool)
    mask[4:12, 4:12] = True
    trace = rw.paint_features(pictures(1, 16)[0], mask.numpy(), DEAD, model=model, steps=2)
    assert trace.metrics["distance"][-1] > 0, "a unit that is off can be painted, too"


def test_a_network_without_a_last_linear_layer_has_no_features() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = load_model(network, **OWN, device="cpu")
    assert model(pictures(2, 16)).shape == (2, 3)
    with raises_sentence(WeightsError, "linear layer"):
        model.features(pictures(1, 16))


@pytest.mark.parametrize(
    ("missing", "word"), [("classes", "classes="), ("mean", "mean="), ("std", "std="), ("input_size", "input_size=")]
)
def test_missing_options_for_a_network_are_asked_for_by_name(missing: str, word: str) -> None:
    with raises_sentence(WeightsError, "Plain", word):
        load_model(Plain(), **{name: value for name, value in OWN.items() if name != missing}, device="cpu")


@pytest.mark.parametrize(
    ("change", "kind", "word"),
    [
        ({"mean": "grey"}, ParameterError, "'grey'"),
        ({"mean": (1, 2)}, ParameterError, "(1, 2)"),
        ({"std": 0}, ParameterError, "std is 0"),
        ({"std": float("nan")}, ParameterError, "nan"),
        ({"input_size": 0}, ParameterError, "input_size is 0"),
        ({"input_size": 16.5}, ParameterError, "16.5"),
        ({"name": ["mine"]}, ParameterError, "name is ['mine']"),
        ({"classes": "imagnet"}, UnknownNameError, "'imagenet'"),
        ({"classes": ["a", "A", "b"]}, UnknownNameError, "'A' is there twice"),
        ({"classes": ["a", "b"]}, WeightsError, "3 classes; give one name for each, not 2"),
        ({"classes": {"a", "b", "c"}}, UnknownNameError, "in the order of the logits"),
        ({"classes": 3}, UnknownNameError, "3"),
        ({"classes": ["a", None, "c"]}, UnknownNameError, "None"),
        ({"classes": ["a", " ", "c"]}, UnknownNameError, "' '"),
        ({"classes": {1: "a", 2: "b", 3: "c"}}, UnknownNameError, "[1, 2, 3]"),
        ({"classes": {"a": 0, "b": 0, "c": 1}}, UnknownNameError, "from 0 to 2"),
        ({"classes": {"a": "x", "b": "y"}}, UnknownNameError, "no indices"),
        ({"classes": "no/names.txt"}, UnknownNameError, "No such file"),
        ({"classes": "names.txt"}, UnknownNameError, "names.txt"),
        (
            {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
            ParameterError,
            "mean=[0.485, 0.456, 0.406]",
        ),
        (
            {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
            ParameterError,
            "std=[0.229, 0.224, 0.225]",
        ),
        ({"mean": 127.5, "std": 1}, ParameterError, "std=[0.003922, 0.003922, 0.003922]"),
        ({"mean": 0.5, "std": 127.5}, ParameterError, "mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5]"),
    ],
)
def test_invalid_options(change: dict[str, Any], kind: type[Any], word: str) -> None:
    with raises_sentence(kind, word):
        load_model(Plain(), **(OWN | change), device="cpu")


ACUTE, COMBINING = "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"


@pytest.mark.parametrize(
    "classes",
    [
        ["dog", ACUTE, "cat"],
        (name for name in ("dog", COMBINING, "cat")),
        {0: "dog", 1: COMBINING, 2: "cat"},
        {"2": "cat", "0": "dog", "1": ACUTE},
        {"cat": 2, "dog": np.int64(0), ACUTE: 1},
        {"dog": 0, ACUTE: 1, "cat": 2}.keys(),
        np.array(["dog", ACUTE, "cat"]),
        [" dog", f"{ACUTE} ", "cat"],
    ],
    ids=lambda classes: type(classes).__name__,
)
def test_class_names_of_every_kind_are_in_order(classes: Any) -> None:
    model = load_model(Plain(), **(OWN | {"classes": classes}), device="cpu")
    assert model.classes == ("dog", ACUTE, "cat")
    assert model.class_index(COMBINING) == model.class_index(ACUTE.upper()) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.txt", "dog\n\ncafé\ncat\n"),
        ("names", "\ufeffdog\r\ncafé\r\ncat"),
        ("names.json", '["dog", "café", "cat"]'),
        ("table.csv", "index,name\n0,dog\n2,cat\n1,café\n"),
        ("table.tsv", "cat\t2\ndog\t0\ncafé\t1\n"),
        ("numbered.txt", "0: dog\n1: café\n2: cat\n"),
        ("index.json", '{"0": "dog", "1": "café", "2": "cat"}'),
        ("class_to_idx.json", '{"cat": 2, "dog": 0, "café": 1}'),
    ],
)
def test_class_names_in_a_file(name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for path in (tmp_path / name, str(tmp_path / name), f"~/{name}"):
        model = load_model(Plain(), **(OWN | {"classes": path}), device="cpu")
        assert model.classes == ("dog", "café", "cat")
        assert model.loading is not None and model.loading.arguments["classes"] == ["dog", "café", "cat"]
    (tmp_path / "bad.json").write_text("{")
    with raises_sentence(UnknownNameError, "bad.json"):
        load_model(Plain(), **(OWN | {"classes": tmp_path / "bad.json"}), device="cpu")


def test_a_model_needs_two_classes() -> None:
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1))
    with raises_sentence(WeightsError, "two classes"):
        load_model(network, **(OWN | {"classes": ["cat"]}), device="cpu")
    with raises_sentence(WeightsError, "two classes"):
        rw.CrossEntropy(0)(network, pictures(1, 16))


def test_what_is_no_model() -> None:
    for source in (7, ["tiny"]):
        with raises_sentence(InputError, type(source).__name__, "not a path"):
            load_model(source)  # type: ignore[arg-type]


def test_unusable_networks() -> None:
    with raises_sentence(WeightsError, "8 x 8"):
        load_model(nn.Sequential(nn.Conv2d(3, 3, 9), nn.Flatten()), **(OWN | {"input_size": 8}), device="cpu")
    with raises_sentence(WeightsError, "(2, 3, 16, 16)"):
        load_model(nn.Conv2d(3, 3, 1), **OWN, device="cpu")
    broken = Plain()
    nn.init.constant_(broken.last.weight, float("nan"))
    with raises_sentence(WeightsError, "'last.weight'", "not finite"):
        load_model(broken, **OWN, device="cpu")
    with raises_sentence(WeightsError, "already"):
        load_model(tiny_model())


def test_an_external_model_is_called_neither_robust_nor_standard() -> None:
    model = load_model(Plain(), **OWN, device="cpu")
    assert "robustness not measured" in repr(model) and "standard" not in repr(model)
    assert "trained for l2 0.5, robustness not measured" in repr(tiny_model())
    without = dataclasses.replace(tiny_model().card, norm="", radius=0.0)
    assert without.claim == "trained without an attack" and without.robustness == "robustness not measured"


def test_missing_options_for_a_file_are_asked_for_by_name(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, randomized(SmallResNet(10, (1, 1, 1, 1), False, 8)).state_dict())
    with raises_sentence(WeightsError, "mean=", repr(str(path))):
        load_model(path, device="cpu")
    with raises_sentence(WeightsError, "10 classes", "classes=", "'cifar10'"):
        load_model(path, mean=0, std=1, device="cpu")
    assert load_model(path, mean=0, std=1, classes="cifar10", device="cpu").classes[8] == "ship"
    assert load_model(path, mean=(0.4914, 0.4822, 0.4465), std=0.2, device="cpu").input_size == 32
    with raises_sentence(UnknownNameError, "'small-resnet-50'", "'small-resnet-10'"):
        load_model(path, architecture="small-resnet-50", device="cpu")
    with raises_sentence(WeightsError, "no known network", "architecture="):
        load_model(save_checkpoint(tmp_path, {"odd": torch.ones(3)}), device="cpu")


def test_a_converted_checkpoint_is_the_same_model(tmp_path: Path) -> None:
    state = randomized(SmallResNet(10, (1, 1, 1, 1), False, 8)).state_dict()
    normaliser = {"mu": torch.tensor([0.4914, 0.4822, 0.4465]), "sigma": torch.full((3,), 0.2)}
    path = save_checkpoint(
        tmp_path, {"state_dict": {f"module.{name}": value for name, value in (state | normaliser).items()}}
    )
    convert(path, tmp_path / "model.safetensors")
    old, new = load_model(path, device="cpu"), load_model(tmp_path / "model.safetensors", device="cpu")
    assert torch.equal(old(pictures(2, 32)), new(pictures(2, 32))) and old.card == new.card
    assert old.fingerprint == new.fingerprint


def test_a_file_with_a_weight_missing_does_not_fit(tmp_path: Path) -> None:
    state = SmallResNet(10, (1, 1, 1, 1), False, 8).state_dict()
    del state["layer2.0.bn1.weight"]
    with raises_sentence(WeightsError, "do not fit", "layer2.0.bn1.weight"):
        load_model(save_checkpoint(tmp_path, state), device="cpu")


def test_this_packages_models_take_no_options(tmp_path: Path) -> None:
    save_model(tiny_model(), tmp_path / "own.safetensors")
    for source in (tmp_path / "own.safetensors", "default"):
        for mean in (0, torch.zeros(3)):
            with raises_sentence(ParameterError, "already has its network"):
                load_model(source, mean=mean, device="cpu")


def test_an_external_model_cannot_be_saved(tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "'Plain'"):
        save_model(load_model(Plain(), **OWN, device="cpu"), tmp_path / "mine.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_torchvision_network_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(*_: object, **__: object) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(requests, "get", offline)
    monkeypatch.setattr("robust_widgets.models.zoo.download.PAUSE", 0)
    address = torchvision.models.ShuffleNet_V2_X0_5_Weights.DEFAULT.url
    place = tmp_path / "checkpoints" / address.rpartition("/")[2]
    with raises_sentence(WeightsError, address, str(place), "no connection to download.pytorch.org"):
        load_model("torchvision:shufflenet_v2_x0_5", device="cpu")
    network = randomized(torchvision.models.shufflenet_v2_x0_5())
    torch.save(network.state_dict(), place)
    model = load_model("torchvision:shufflenet_v2_x0_5", device="cpu")
    x = pictures(1, 224)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (model.card.mean, model.card.std))
    torch.testing.assert_close(model(x), network((x - mean) / std), rtol=1e-5, atol=1e-5)
    assert model.input_size == 224 and model.classes[1] == "goldfish"
    torch.save({"fc.weight": torch.ones(3, 3)}, place)
    with raises_sentence(WeightsError, "do not fit", str(place)):
        load_model("torchvision:shufflenet_v2_x0_5", device="cpu")
    with raises_sentence(UnknownNameError, "'resnet5'", "'resnet50'"):
        load_model("torchvision:resnet5", device="cpu")


def test_a_timm_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")
    network = randomized(timm.create_model("resnet10t", num_classes=7))
    options = {"classes": list("abcdefg"), "device": "cpu"}
    model = load_model(network, **options)
    x = pictures(1, model.input_size)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (model.card.mean, model.card.std))
    with torch.no_grad():
        torch.testing.assert_close(model(x), network((x - mean) / std), rtol=1e-5, atol=1e-5)
    path = save_checkpoint(tmp_path, {"state_dict": network.state_dict()})
    again = load_model(path, architecture="timm:resnet10t", mean=model.card.mean, std=model.card.std, **options)
    again_input = pictures(1, again.input_size)
    torch.testing.assert_close(again(again_input), model(again_input), rtol=1e-5, atol=1e-5)
    with raises_sentence(UnknownNameError, "'resnet10_t'", "'resnet10t'"):
        load_model("timm:resnet10_t", device="cpu")

    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    with raises_sentence(WeightsError, "no route to host", "architecture='timm:resnet10t'"):
        load_model("timm:resnet10t", device="cpu")
    monkeypatch.setattr(load.importlib.util, "find_spec", lambda _: None)
    with raises_sentence(WeightsError, "robust-widgets[timm]"):
        load_model("timm:resnet10t", device="cpu")


@pytest.mark.parametrize(("data", "count"), [("imagenet", 1000), ("cifar10", 10), ("cifar100", 100)])
def test_class_names_are_unique(data: str, count: int) -> None:
    names = class_names(data)
    assert len(names) == len({name.casefold() for name in names}) == count
    assert all(name == name.strip() and "\n" not in name for name in names)


def test_class_names_are_in_the_order_of_the_logits() -> None:
    imagenet, cifar = class_names("imagenet"), class_names("cifar100")
    assert (imagenet[1], imagenet[207], imagenet[474]) == ("goldfish", "golden retriever", "cardigan (474)")
    assert (cifar[0], cifar[41], cifar[99]) == ("apple", "lawn mower", "worm") and list(cifar) == sorted(cifar)
    assert class_names("restricted-imagenet")[5] == "primate" and class_names("horse-zebra") == ("horse", "zebra")
    assert all(class_names(name) for name in class_sets())


def test_imagenets_classes_are_found_by_their_synonyms() -> None:
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1000))
    model = load_model(network, mean=0, std=1, input_size=16, device="cpu")
    assert model.class_index("Golden Retriever") == 207
    assert model.class_index("puma") == model.class_index("286") == 286
    assert model.class_index("crane") == 517 and model.class_index("crane bird") == 134
    with raises_sentence(UnknownNameError, "'golden retreiver'", "'golden retriever'"):
        model.class_index("golden retreiver")
    with raises_sentence(UnknownNameError, "'retriever golden'", "'golden retriever'"):
        model.class_index("retriever golden")
    with raises_sentence(UnknownNameError, "'catamount'", "2 classes", "'cougar' or 'lynx'"):
        model.class_index("catamount")
