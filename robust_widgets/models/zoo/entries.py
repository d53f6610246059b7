"""What is known of published models, read from ``models.toml``. No torch here."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any, cast

from robust_widgets._files import cache_folder
from robust_widgets.interface.robustness import training_claim
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.loading.load import Given, load_file
from robust_widgets.models.loading.safe_load import checked_kind
from robust_widgets.units import from_levels


@dataclass(frozen=True)
class ModelEntry:
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
def published_models() -> Mapping[str, ModelEntry]:
    """All published models that are known, by name, in the order of the file."""
    collections = tomllib.loads((files("robust_widgets.models.zoo") / "models.toml").read_text("utf-8"))
    entries = [
        _entry(collection, {**{name: value for name, value in shared.items() if name != "models"}, **own})
        for collection, shared in collections.items()
        for own in cast("list[dict[str, Any]]", shared["models"])
    ]
    return {entry.name: entry for entry in entries}


def _entry(collection: str, told: dict[str, Any]) -> ModelEntry:
    file = str(told.pop("file"))
    told["address"] = str(told["address"]).format(file=file)
    told.setdefault("name", _name(file))
    if told["norm"] == "linf":
        told["radius"] = from_levels(told["radius"])
    return ModelEntry(collection=collection, **told)


def _name(file: str) -> str:
    return PurePosixPath(file).name.rpartition(".")[0].lower().replace("_", "-").removesuffix(".0")


def cache_path(entry: ModelEntry) -> Path:
    """Where a model's file is kept once it is downloaded, or put there by hand."""
    return cache_folder() / "models" / entry.collection / entry.file_name


def local_file(entry: ModelEntry) -> Path | None:
    """The file to load a model from: what ``robust-widgets convert`` made of its file, else that; None if not here."""
    file = cache_path(entry)
    here = (one for one in (file.with_suffix(".safetensors"), file) if one.is_file())
    return next(here, None)


def download(entry: ModelEntry, *, progress: bool = True) -> Path:
    """The file of a model, downloaded if it is not here, and checked against the published SHA-256 where there is one.

    Raises:
        WeightsError: it cannot be had, or it is not the one that was published.
    """
    from robust_widgets.models.zoo.download import check_digest, fetch

    file = local_file(entry)
    if file is None:
        file = cache_path(entry)
        fetch(entry.address, file, digest=entry.sha256, check=checked_kind, progress=progress)
    elif file == cache_path(entry):  # it may have been put there by hand, or cut short since
        check_digest(file, entry.sha256)
    return file


def load_published(entry: ModelEntry, given: Given) -> RobustClassifier:
    """A published classifier, on the CPU. Its card says how its publishers say it was trained.

    Args:
        entry: which.
        given: what a person says of it, which goes before what its publishers say.

    Raises:
        WeightsError: its file cannot be had or read.
    """
    told = Given(classes=entry.classes, input_size=entry.input_size, name=entry.name)
    said = {name: value for name, value in vars(given).items() if value is not None}
    model = load_file(download(entry), dataclasses.replace(told, **said))
    claimed = {"norm": entry.norm, "radius": entry.radius} if entry.radius else {}
    model.card = dataclasses.replace(model.card, data=entry.data, **claimed)
    return model
