"""Models, checkpoints and feature catalogues of anybody."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save as serialize

from robust_widgets.errors import RobustWidgetsError, WeightsError
from robust_widgets.models.card import read_card
from robust_widgets.models.feature_catalogue import read_catalogue
from robust_widgets.models.loading.load import LoadOptions, load_file
from robust_widgets.models.model_file import load_model_file, save_model
from robust_widgets.models.networks.cifar import SmallResNet
from tests.fuzzing import damaged, numbers, texts, tries, values
from tests.helpers import CLASSES, check_sentence, tiny_model

BUNDLED = Path(read_card.__code__.co_filename).parent / "weights"
OPTIONS = LoadOptions(classes=CLASSES, mean=0.5, std=0.25, input_size=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def refused(path: Path, read: Any) -> bool:
    """Whether a file is refused, in a sentence."""
    try:
        read(path)
    except RobustWidgetsError as error:
        check_sentence(str(error))
        return True
    return False


CARDS = st.fixed_dictionaries(
    {},
    optional={
        "name": texts() | values(),
        "architecture": st.sampled_from(["smoothresnet-tiny", "plainnet"]) | texts() | values(),
        "classes": st.lists(texts(), max_size=4) | values(),
        "input_size": numbers() | values(),
        "mean": st.lists(numbers(), min_size=3, max_size=3) | values(),
        "std": st.lists(numbers(), min_size=3, max_size=3) | values(),
        "norm": st.sampled_from(["l2", "linf", ""]) | values(),
        "radius": numbers() | values(),
        "accuracies": st.dictionaries(texts(), numbers(), max_size=2) | values(),
        "training": st.dictionaries(texts(), values(), max_size=2) | values(),
    },
)


@tries(60)
@given(change=CARDS | values())
def test_a_card_of_anything(folder: Path, change: Any) -> None:
    path = folder / "card.safetensors"
    good = {"name": "mine", "architecture": "smoothresnet-tiny", "classes": CLASSES, "input_size": 16}
    good |= {"mean": [0.5] * 3, "std": [0.25] * 3}
    card = {**good, **change} if isinstance(change, dict) else change
    metadata = {"format": "robust-widgets 1", "card": json.dumps(card)}
    path.write_bytes(serialize({"network.head.bias": torch.zeros(len(CLASSES))}, metadata))
    if not refused(path, read_card):
        read_card(path).info("cpu")
    assert refused(path, load_model_file)


def test_a_damaged_model(folder: Path) -> None:
    path = folder / "model.safetensors"
    save_model(tiny_model(), path)
    whole = path.read_bytes()

    @tries(40)
    @given(st.randoms(use_true_random=False), st.booleans())
    def check(dice: random.Random, only_head: bool) -> None:
        length = 8 + int.from_bytes(whole[:8], "little") if only_head else len(whole)
        path.write_bytes(damaged(whole[:length], dice) + whole[length:])
        refused(path, load_model_file)

    check()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_checkpoint(zipped: bool, folder: Path) -> None:
    path, file = folder / "checkpoint.pt", io.BytesIO()
    content = {"model": SmallResNet(3, (1, 1, 1, 1), False, 4).state_dict()}
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    whole = file.getvalue()

    @tries(25)
    @given(st.randoms(use_true_random=False))
    def check(dice: random.Random) -> None:
        path.write_bytes(damaged(whole, dice))
        refused(path, lambda path: load_file(path, OPTIONS))

    check()


PARTS = st.sampled_from(["weight", "bias", "conv1", "conv2", "fc", "layer1", "layer4", "block1", "layer", "features"])
NAMES = st.lists(PARTS | st.integers(0, 10**9).map(str) | st.sampled_from(["linear", "logits", "bn1", "0"]), min_size=1)
SIGNS = [
    ("fc.weight", "layer4.0.conv1.weight", "layer1.0.conv2.weight"),
    ("block1.layer.0.conv1.weight", "fc.weight"),
    ("linear.weight", "layer4.0.conv1.weight", "conv1.weight", "bn1.weight"),
    ("linear.weight", "dense1.0.conv1.weight", "conv1.weight"),
    ("init_conv.weight", "logits.weight"),
    ("conv_2d.weight", "logits.weight"),
    ("classifier.weight", "features.0.weight"),
]


@tries(60)
@given(
    signs=st.sampled_from(SIGNS),
    names=st.lists(NAMES.map(".".join), max_size=4),
    shapes=st.lists(st.lists(st.integers(0, 70), max_size=4), min_size=8, max_size=8),
)
def test_weights_of_any_names_and_shapes(
    folder: Path, signs: tuple[str, ...], names: list[str], shapes: list[list[int]]
) -> None:
    path = folder / "weights.safetensors"
    tensors = {name: torch.zeros(shape) for name, shape in zip([*signs, *names], shapes, strict=False)}
    path.write_bytes(serialize(tensors))
    assert refused(path, lambda path: load_file(path, OPTIONS))


@tries(40)
@given(
    change=st.dictionaries(
        st.sampled_from(["format", "fingerprint", "side", "features", "sheet"]), values() | numbers(), max_size=3
    )
)
def test_a_catalogue_of_anything(folder: Path, change: dict[str, Any]) -> None:
    path = folder / "model.features.json"
    good = json.loads((BUNDLED / "default.features.json").read_bytes())
    path.write_text(json.dumps({**good, **change}))
    read_catalogue.__globals__["_read"].cache_clear()
    try:
        assert len(read_catalogue(path, None)) <= len(good["features"])
    except WeightsError as error:
        check_sentence(str(error), path.name)
