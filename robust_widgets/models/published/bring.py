"""From the name of a published model to a classifier: its file is downloaded once, and read as any of others is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from robust_widgets.cache import cache_folder
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.foreign.archives import checked_kind
from robust_widgets.models.foreign.loading import Given, load_file
from robust_widgets.models.published.entries import Published


def place_of(entry: Published) -> Path:
    """Where a model's file is kept once it is downloaded, or put there by hand."""
    return cache_folder() / "models" / entry.collection / entry.file_name


def local_file(entry: Published) -> Path | None:
    """The file to load a model from: what ``robust-widgets convert`` made of its file, else that; None if not here."""
    file = place_of(entry)
    here = (one for one in (file.with_suffix(".safetensors"), file) if one.is_file())
    return next(here, None)


def download(entry: Published, *, progress: bool = True) -> Path:
    """The file of a model, downloaded if it is not here, and checked against the published SHA-256 where there is one.

    Raises:
        WeightsError: it cannot be had, or it is not the one that was published.
    """
    from robust_widgets.models.published.download import check_digest, fetch

    file = local_file(entry)
    if file is None:
        file = place_of(entry)
        fetch(entry.address, file, digest=entry.sha256, check=checked_kind, progress=progress)
    elif file == place_of(entry):  # it may have been put there by hand, or cut short since
        check_digest(file, entry.sha256)
    return file


def load_published(entry: Published, given: Given) -> RobustClassifier:
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
