"""Torch Datasets, including those of torchvision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import ToTensor

from robust_widgets.errors import DataError
from robust_widgets.training.data import PictureSet, load_dataset, load_folder, open_data
from tests.helpers import noise_patterns, raises_sentence
from tests.training.class_folders import SIDE, fill

PATTERNS = noise_patterns(12)


class Pairs(Dataset[Any]):
    """A Dataset of these items."""

    def __init__(self, items: list[Any], classes: Any = None) -> None:
        self.items = items
        if classes is not None:
            self.classes = classes

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def of_patterns(kind: Any) -> list[Any]:
    return [(kind(p), int(label)) for p, label in zip(PATTERNS.pictures, PATTERNS.labels, strict=True)]


def loaded(data: Any, **options: Any) -> PictureSet:
    return load_dataset(data, SIDE, progress=False, **options)


KINDS = {
    "uint8 tensor": lambda p: p,
    "float tensor": lambda p: p / 255,
    "array": lambda p: p.permute(1, 2, 0).numpy(),
    "float array": lambda p: p.permute(1, 2, 0).numpy() / 255,
    "PIL": lambda p: Image.fromarray(p.permute(1, 2, 0).numpy()),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("label", [int, np.int64, torch.tensor])
def test_pictures_and_labels_of_every_kind(kind: str, label: Any) -> None:
    items = [(picture, label(number)) for picture, number in of_patterns(KINDS[kind])]
    read = loaded(Pairs(items, list(PATTERNS.classes)))
    assert torch.equal(read.pictures, PATTERNS.pictures) and torch.equal(read.labels, PATTERNS.labels)
    assert read.classes == PATTERNS.classes


def test_grey_pictures_of_another_size() -> None:
    items = [(torch.full((20, 30), 50 * (index % 2), dtype=torch.uint8), index % 2) for index in range(20)]
    read = loaded(Pairs(items))
    assert read.pictures.shape == (20, 3, SIDE, SIDE)
    assert (read.pictures.float().mean((1, 2, 3)) - 50 * read.labels).abs().max() < 1


def test_class_names() -> None:
    tensors = TensorDataset(PATTERNS.pictures, PATTERNS.labels)
    assert loaded(tensors).classes == ("class 0", "class 1", "class 2")
    assert loaded(tensors, classes=("a", "b", "c")).classes == ("a", "b", "c")
    synonyms = Pairs(of_patterns(KINDS["array"]), [("crane", "bird"), ("crane", "machine"), "tench"])
    assert loaded(synonyms).classes == ("crane, bird", "crane, machine", "tench")
    assert loaded(Subset(synonyms, range(36))).classes == loaded(synonyms).classes
    assert loaded(ConcatDataset([synonyms, synonyms])).classes == loaded(synonyms).classes
    assert loaded(ConcatDataset([synonyms, tensors])).classes == ("class 0", "class 1", "class 2")
    with raises_sentence(DataError, "'a'"):
        loaded(Pairs(of_patterns(KINDS["array"]), ["a", "b", "a"]))


def test_validation_pictures_take_the_class_names_of_training() -> None:
    train = Pairs(of_patterns(KINDS["array"]), list(PATTERNS.classes))
    one, other = open_data(train, SIDE, val=TensorDataset(PATTERNS.pictures, PATTERNS.labels), progress=False)
    assert one.classes == other.classes == PATTERNS.classes and len(other) == 36
    one, other = open_data(train, SIDE, progress=False)
    assert (len(one), len(other)) == (33, 3)


@pytest.mark.parametrize("transform", [None, ToTensor()])
def test_an_image_folder_reads_as_its_folder(transform: Any, tmp_path: Path) -> None:
    fill(tmp_path / "cat", 10, seed=1)
    fill(tmp_path / "dog", 12, seed=2)
    (tmp_path / "dog" / "torn.png").write_bytes(b"no picture")
    expected = load_folder(tmp_path, SIDE, progress=False)
    folder = ImageFolder(str(tmp_path), transform)
    read = loaded(folder)
    assert torch.equal(read.pictures, expected.pictures) and torch.equal(read.labels, expected.labels)
    assert read.classes == expected.classes and read.skipped == expected.skipped
    part = loaded(Subset(folder, range(0, 23)[::-1]))
    assert torch.equal(part.pictures.flip(0), expected.pictures) and part.skipped == expected.skipped
    with raises_sentence(DataError, "'cat'", "5 readable"):
        loaded(Subset(folder, range(5, 23)))


def test_a_lazy_picture_that_is_broken_is_skipped(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    whole = (tmp_path / "000.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    items = [*of_patterns(KINDS["PIL"]), (Image.open(tmp_path / "cut.png"), 0)]
    read = loaded(Pairs(items))
    assert len(read) == 36 and read.skipped == ("item 36",)


GOOD = PATTERNS.pictures[0]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (GOOD, "Tensor"),
        ({"image": GOOD, "label": 0}, "dict"),
        ((GOOD, 0, 0), "tuple of 3"),
        ((torch.zeros(5), 0), "shape (5,)"),
        ((torch.zeros(2, 3, 8, 8), 0), "shape (2, 3, 8, 8)"),
        ((torch.zeros(7, 8, 9), 0), "shape (7, 8, 9)"),
        ((torch.full((3, 8, 8), -2.0), 0), "from 0 to 1"),
        ((torch.full((3, 8, 8), torch.nan), 0), "NaN"),
        ((torch.zeros(3, 8, 8, dtype=torch.int64), 0), "int64"),
        (("picture.png", 0), "str"),
        ((None, 0), "NoneType"),
        ((GOOD, 3), "label of item 1 of the data set is 3"),
        ((GOOD, -1), "label of item 1 of the data set is -1"),
        ((GOOD, 0.5), "float"),
        ((GOOD, "cat"), "str"),
        ((GOOD, [0]), "list of 1"),
        ((GOOD, torch.tensor([0, 1])), "Tensor"),
        ((GOOD, None), "NoneType"),
    ],
)
def test_the_index_of_a_bad_item_is_named(item: Any, words: str) -> None:
    items = of_patterns(KINDS["uint8 tensor"])
    with raises_sentence(DataError, words):
        loaded(Pairs([items[0], item, *items], list(PATTERNS.classes)))
    with pytest.raises(DataError, match=r"(?i)item 1 of"):
        loaded(Pairs([items[0], item, *items], list(PATTERNS.classes)))


def test_too_few_items() -> None:
    with raises_sentence(DataError, "1 classes"):
        loaded(Pairs(of_patterns(KINDS["array"])[:12]))
    with raises_sentence(DataError, "'class 1'", "1 readable"):
        loaded(Pairs(of_patterns(KINDS["array"])[:13]))
    with raises_sentence(DataError, "1 classes"):
        loaded(Pairs([]))
    with raises_sentence(DataError, "No picture in the data set"):
        loaded(Pairs([], ["a", "b"]))
    with raises_sentence(DataError, "1000000000"):
        loaded(Pairs([(GOOD, 10**9)]))
