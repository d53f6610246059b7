"""The published models that `load_model` knows by name, read from ``models.toml``."""

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
from robust_widgets.models.loading.file_format import detect_format
from robust_widgets.models.loading.load import LoadOptions, load_file
from robust_widgets.units import from_levels


@dataclass(frozen=True)
class ModelEntry:
    """One published model, as its publishers describe it; None if they don't say.

    Attributes:
        name: its name for :func:`load_model`.
        collection: the collection it was published in.
        network: its architecture, in words.
        address: URL of its file.
        source: URL of the page that describes it.
        paper: what to cite.
        data: the training data.
        classes: a set of class names that :func:`load_model` knows.
        input_size: width of its pictures in pixels.
        norm: the norm it was trained to resist, ``"l2"`` or ``"linf"``.
        radius: the training epsilon, raw pixels at ``input_size``; 0 for a standard model.
        clean: published accuracy on unattacked pictures, in [0, 1].
        licence: of the weights.
        megabytes: size of the file, in millions of bytes.
        sha256: SHA-256 of the file, hexadecimal.
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
        return PurePosixPath(self.address.partition("?")[0]).name

    @property
    def training(self) -> str:
        """How the publishers trained it, in a few words."""
        if self.radius is None:
            return f"trained for {self.norm}, epsilon not known"
        return training_claim(self.norm, self.radius) if self.radius else "trained without an attack"


@cache
def published_models() -> Mapping[str, ModelEntry]:
    """All published models by name, in the order of the file."""
    collections = tomllib.loads((files("robust_widgets.models.zoo") / "models.toml").read_text("utf-8"))
    entries = [
        _entry(collection, {**{name: value for name, value in shared.items() if name != "models"}, **model})
        for collection, shared in collections.items()
        for model in cast("list[dict[str, Any]]", shared["models"])
    ]
    return {entry.name: entry for entry in entries}


def _entry(collection: str, values: dict[str, Any]) -> ModelEntry:
    file = str(values.pop("file"))
    values["address"] = str(values["address"]).format(file=file)
    values.setdefault("name", _name(file))
    if values["norm"] == "linf":
        values["radius"] = from_levels(values["radius"])
    return ModelEntry(collection=collection, **values)


def _name(file: str) -> str:
    return PurePosixPath(file).name.rpartition(".")[0].lower().replace("_", "-").removesuffix(".0")


def cache_path(entry: ModelEntry) -> Path:
    """Where a model's file is kept: downloaded, or put there by hand."""
    return cache_folder() / "models" / entry.collection / entry.file_name


def local_file(entry: ModelEntry) -> Path | None:
    """The file to load a model from, preferably one converted by ``robust-widgets convert``; None if there is none."""
    file = cache_path(entry)
    return next((path for path in (file.with_suffix(".safetensors"), file) if path.is_file()), None)


def fetch_model(entry: ModelEntry, *, progress: bool = True) -> Path:
    """A model's file, downloaded if necessary, and checked against the published SHA-256 if there is one.

    Raises:
        WeightsError: it cannot be downloaded, or is not the published file.
    """
    from robust_widgets.models.zoo.download import check_digest, fetch

    file = local_file(entry)
    if file is None:
        file = cache_path(entry)
        fetch(entry.address, file, digest=entry.sha256, check=detect_format, progress=progress)
    elif file == cache_path(entry):  # it may have been put there by hand, or truncated since
        check_digest(file, entry.sha256)
    return file


def load_published(entry: ModelEntry, options: LoadOptions) -> RobustClassifier:
    """A published classifier, on the CPU. Its card says how its publishers trained it.

    Args:
        entry: the model.
        options: override what its publishers say.

    Raises:
        WeightsError: its file cannot be downloaded or read.
    """
    defaults = LoadOptions(classes=entry.classes, input_size=entry.input_size, name=entry.name)
    model = load_file(fetch_model(entry), options.over(defaults))
    claim = {"norm": entry.norm, "radius": entry.radius} if entry.radius else {}
    model.card = dataclasses.replace(model.card, data=entry.data, **claim)
    return model
