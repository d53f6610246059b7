"""What is known of published models, read from ``models.toml``. No torch here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, cast

from robust_widgets.robustness import LEVELS, training_claim


@dataclass(frozen=True)
class Published:
    """One published model, as its publishers describe it; None is what they do not say.

    Attributes:
        name: what :func:`load_model` calls it.
        collection: what it was published as a part of.
        network: its architecture, in words.
        address: where its file is.
        source: the page that describes it.
        paper: what to cite.
        data: what it was trained on.
        classes: a set of class names that :func:`load_model` knows.
        input_size: side of its pictures in pixels.
        norm: the norm it was trained to resist, ``"l2"`` or ``"linf"``.
        radius: the training radius, raw pixels at ``input_size``; 0 for a standard model.
        clean: published accuracy on pictures that are not attacked, in [0, 1].
        licence: of the weights.
        megabytes: size of the file, in millions of bytes.
        sha256: of the file, or how it begins.
    """

    name: str
    collection: str
    network: str
    address: str
    source: str
    paper: str
    data: str
    classes: str
    input_size: int
    norm: str
    radius: float | None = None
    clean: float | None = None
    licence: str | None = None
    megabytes: float | None = None
    sha256: str | None = None

    @property
    def file_name(self) -> str:
        """What its file is called."""
        return PurePosixPath(self.address.partition("?")[0]).name

    @property
    def trained(self) -> str:
        """How its publishers say it was trained, in a few words."""
        if self.radius is None:
            return f"trained for {self.norm}, radius not known"
        return training_claim(self.norm, self.radius) if self.radius else "trained without an attack"


@cache
def published_models() -> Mapping[str, Published]:
    """All published models that are known, by name, in the order of the file."""
    collections = tomllib.loads((files("robust_widgets.models.published") / "models.toml").read_text("utf-8"))
    entries = [
        _entry(collection, {**{name: value for name, value in shared.items() if name != "models"}, **own})
        for collection, shared in collections.items()
        for own in cast("list[dict[str, Any]]", shared["models"])
    ]
    return {entry.name: entry for entry in entries}


def _entry(collection: str, told: dict[str, Any]) -> Published:
    file = str(told.pop("file"))
    told["address"] = str(told["address"]).format(file=file)
    told.setdefault("name", _name(file))
    if told["norm"] == "linf":
        told["radius"] = told["radius"] / LEVELS
    return Published(collection=collection, **told)


def _name(file: str) -> str:
    return PurePosixPath(file).name.rpartition(".")[0].lower().replace("_", "-").removesuffix(".0")
