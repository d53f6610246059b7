"""Class names in the order of the logits: those of common data sets, and those that people give."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias, cast

from robust_widgets.errors import UnknownNameError, first_line, quoted, short_repr, unknown_name, whole_number
from robust_widgets.pictures.files import as_path, is_file

Classes: TypeAlias = "str | os.PathLike[str] | Iterable[str] | Mapping[int, str] | Mapping[str, int]"

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100 = tuple(
    """apple, aquarium fish, baby, bear, beaver, bed, bee, beetle, bicycle, bottle, bowl, boy, bridge, bus, butterfly,
    camel, can, castle, caterpillar, cattle, chair, chimpanzee, clock, cloud, cockroach, couch, crab, crocodile, cup,
    dinosaur, dolphin, elephant, flatfish, forest, fox, girl, hamster, house, kangaroo, keyboard, lamp, lawn mower,
    leopard, lion, lizard, lobster, man, maple tree, motorcycle, mountain, mouse, mushroom, oak tree, orange, orchid,
    otter, palm tree, pear, pickup truck, pine tree, plain, plate, poppy, porcupine, possum, rabbit, raccoon, ray, road,
    rocket, rose, sea, seal, shark, shrew, skunk, skyscraper, snail, snake, spider, squirrel, streetcar, sunflower,
    sweet pepper, table, tank, telephone, television, tiger, tractor, train, trout, tulip, turtle, wardrobe, whale,
    willow tree, wolf, woman, worm""".replace("\n    ", " ").split(", ")
)
RESTRICTED_IMAGENET = ("dog", "cat", "frog", "turtle", "bird", "primate", "fish", "crab", "insect")
_FIXED = {
    "cifar10": CIFAR10,
    "cifar100": CIFAR100,
    "restricted-imagenet": RESTRICTED_IMAGENET,
    "horse-zebra": ("horse", "zebra"),
    "apple-orange": ("apple", "orange"),
    "summer-winter": ("summer", "winter"),
}


def class_sets() -> tuple[str, ...]:
    """The names that :func:`class_names` accepts."""
    return ("imagenet", *_FIXED)


def class_names(name: str) -> tuple[str, ...]:
    """The class names of a data set.

    Args:
        name: one of :func:`class_sets`.

    Raises:
        UnknownNameError: no such set; the message names the nearest.
    """
    if name == "imagenet":
        return _imagenet()
    if name not in _FIXED:
        raise UnknownNameError(unknown_name("set of classes", name, class_sets()))
    return _FIXED[name]


def names_in_order(classes: Classes) -> tuple[str, ...]:
    """Class names in the order of the logits.

    Args:
        classes: the name of a set, one of :func:`class_sets`; the names in order; the name of each index, or the index
            of each name, as data sets have them; or a file: a text with one name a line, or any of these as JSON.

    Raises:
        UnknownNameError: there is no such set or file, the order is unknown, or two classes have one name.
    """
    if isinstance(classes, (str, os.PathLike)):
        path = as_path(classes)
        if isinstance(classes, str) and not path.suffix and os.sep not in classes and not is_file(path):
            return class_names(classes)
        return names_in_order(_read(path))
    if isinstance(classes, Mapping):
        items = _by_index(cast("Mapping[Any, Any]", classes))
    elif isinstance(classes, (set, frozenset)) or not isinstance(classes, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UnknownNameError(f"The class names are {short_repr(classes)}; give {_ALLOWED}.")
    else:
        items = list(cast("Iterable[Any]", classes))
    names = tuple(map(_name, items))
    if not names:
        raise UnknownNameError("The list of class names is empty; give one name for each class.")
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise UnknownNameError(f"The class name {name!r} is there twice; give each class its own name.")
        seen.add(name.casefold())
    return names


_ALLOWED = "a list of names in the order of the logits, a file with one name a line, or {index: name}"


def _name(item: object) -> str:
    """One class name; a list of synonyms is joined by commas, as in ImageNet."""
    if isinstance(item, (list, tuple)) and item:
        return ", ".join(map(_name, cast("list[object]", item)))
    number = whole_number(item)
    name = unicodedata.normalize(
        "NFC", item.strip() if isinstance(item, str) else "" if number is None else str(number)
    )
    if not name:
        raise UnknownNameError(f"A class name is {short_repr(item)}; give {_ALLOWED}.")
    return name


def _by_index(classes: Mapping[Any, Any]) -> list[Any]:
    """The names of a mapping in the order of their indices, which are its keys or its values."""
    by_key = {_index(key): value for key, value in classes.items()}
    by_value = {_index(value): key for key, value in classes.items()}
    for by_index in (by_key, by_value):
        if set(by_index) == set(range(len(classes))):
            return [by_index[index] for index in range(len(classes))]
    indices = sorted(index for index in (by_value if None in by_key else by_key) if index is not None)
    held = f"the indices {short_repr(indices)}" if indices else "no indices"
    raise UnknownNameError(
        f"The {len(classes)} class names have {held}; give each class its own index, from 0 to {len(classes) - 1}."
    )


def _index(value: object) -> int | None:
    """A class index, also as JSON has it for a key."""
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 7 else whole_number(value)


def _read(path: Path) -> Any:
    """What a file of class names holds."""
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix.lower() == ".json":
            return json.loads(text)
    except (OSError, ValueError) as error:
        raise UnknownNameError(
            f"The class names in {str(path)!r} cannot be read ({first_line(error)}); give {_ALLOWED}, or the name of a "
            f"set: {quoted(class_sets())}."
        ) from None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for pattern in (NUMBERED, NUMBERED_AFTER):
        pairs = [match.group("index", "name") for line in lines if (match := pattern.fullmatch(line))]
        if len(pairs) >= max(2, len(lines) - 1):  # one line may be a header
            return {name: int(index) for index, name in pairs}
    return lines


# Lines of a table: "0,cat", "1: dog", or "cat;0".
NUMBERED = re.compile(r"(?P<index>\d{1,6})\s*[,;:\t]\s*(?P<name>.+)")
NUMBERED_AFTER = re.compile(r"(?P<name>.+?)\s*[,;:\t]\s*(?P<index>\d{1,6})")


def synonyms(classes: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Other names of each class, if these are ImageNet's classes; else empty."""
    return _imagenet_synonyms() if len(classes) == 1000 and classes == _imagenet() else ()


@cache
def _imagenet_synonyms() -> tuple[tuple[str, ...], ...]:
    lines = (files("robust_widgets.models.loading") / "imagenet_synonyms.txt").read_text("utf-8").splitlines()
    return tuple(tuple(filter(None, line.split(", "))) for line in lines if not line.startswith("#"))


@cache
def _imagenet() -> tuple[str, ...]:
    """torchvision's names of ImageNet's 1,000 classes; names that differ only in case get their index appended."""
    from torchvision.models import ResNet18_Weights

    names: list[str] = ResNet18_Weights.DEFAULT.meta["categories"]
    counts = Counter(name.casefold() for name in names)
    return tuple(f"{name} ({index})" if counts[name.casefold()] > 1 else name for index, name in enumerate(names))
