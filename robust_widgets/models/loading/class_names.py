"""The class names of common data sets, in the order of published models' logits."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.resources import files

from robust_widgets.errors import UnknownNameError, unknown_name

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
