"""``robust-widgets models``: list the models that have a name, and describe or measure one of them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from robust_widgets._bundled import model_names, weights_path
from robust_widgets.cli.options import Device, report_errors
from robust_widgets.errors import ParameterError, UnknownNameError, unknown_name

if TYPE_CHECKING:
    from robust_widgets.models.card import ModelCard
    from robust_widgets.models.zoo.entries import ModelEntry

WIDTH = 100
UNKNOWN, NO_LICENCE = "not known", "none given"
LIBRARIES = "Also any network of torchvision (BSD 3-Clause) or timm, by its name there: torchvision:NAME, timm:NAME."


@report_errors
def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Describe this model.", show_default="list all")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Download the model's file, unless it is already downloaded.")
    ] = False,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Measure the model's robustness on pictures it generates. Takes a file, too."),
    ] = False,
    layers: Annotated[
        bool, typer.Option("--layers", help="List the layers of the model's network. Takes a file, too.")
    ] = False,
    device: Device = None,
) -> None:
    """List the models that can be loaded by name.

    Some come with the package; others are published elsewhere and downloaded when first loaded, into the platform's
    cache folder or the one in the environment variable ROBUST_WIDGETS_CACHE.
    """
    from robust_widgets.models.zoo.entries import fetch_model, published_models

    bundled, published = model_names(), published_models()
    if download and (name is None or name in bundled):
        raise ParameterError("--download is for published models; give the name of one.")
    if measure:
        if name is None:
            raise ParameterError("--measure is for one model; give its name.")
        typer.echo(describe_robustness(name, device))
    elif layers:
        if name is None:
            raise ParameterError("--layers is for one model; give its name.")
        typer.echo(list_layers(name, device))
    elif name is None:
        descriptions = "\n".join(describe_bundled(model) for model in bundled)
        typer.echo("\n\n".join([descriptions, *list_published(list(published.values())), LIBRARIES]))
    elif name in bundled:
        typer.echo(describe_bundled(name))
    elif name in published:
        if download:
            fetch_model(published[name])
        typer.echo(describe_published(published[name]))
    else:
        raise UnknownNameError(unknown_name("model", name, (*bundled, *published)))


def describe_robustness(name: str, device: str | None) -> str:
    """How robust a model is, measured now or earlier on this machine."""
    from robust_widgets.models.registry import load_model
    from robust_widgets.robustness.estimate import cached_estimate

    model = load_model(name, device=device)
    robustness = cached_estimate(model)
    assert robustness is not None
    claim = f" The file says: {model.card.claim}." if model.card.claim else ""
    return _facts(name, {"robustness": f"{robustness.words}. {robustness.details}{claim}"})


def list_layers(name: str, device: str | None) -> str:
    """A line for each layer of a model: its name, kind, channels, height and width."""
    from robust_widgets.models.registry import load_model

    layers = load_model(name, device=device).layers()
    width = max(len("layer"), *(len(layer.name) for layer in layers))
    kinds = max(len("kind"), *(len(layer.kind) for layer in layers))
    lines = [f"{'layer':{width}}  {'kind':{kinds}}  channels  height  width"]
    lines += [
        f"{layer.name:{width}}  {layer.kind:{kinds}}  {layer.channels:8}  {layer.height:6}  {layer.width:5}"
        for layer in layers
    ]
    return "\n".join(lines)


def describe_bundled(name: str) -> str:
    """What is known of a bundled model."""
    from robust_widgets.models.card import read_card

    file = weights_path(name)
    return describe_card(name, read_card(file), file.stat().st_size)


def describe_card(name: str, card: ModelCard, size: int) -> str:
    """A model card in a few lines; ``size`` is that of the model's file in bytes."""
    training, megabytes = card.claim or "trained without an attack", f"{size / 1e6:.1f} MB"
    accuracies = "; ".join(f"{attack} {accuracy:.1%}" for attack, accuracy in card.accuracies.items())
    return _facts(
        name,
        {
            "network": f"{card.architecture}, {card.input_size} x {card.input_size} px, {training}, {megabytes}",
            "accuracy": accuracies or "not measured",
            "data": card.data or UNKNOWN,
            f"{len(card.classes)} classes": ", ".join(card.classes),
        },
    )


def describe_published(entry: ModelEntry) -> str:
    """All that is known of a published model."""
    from robust_widgets.models.zoo.entries import cache_path, local_file

    file = local_file(entry)
    return _facts(
        entry.name,
        {
            "network": f"{entry.network}, {entry.input_size} x {entry.input_size} px, {entry.training}",
            "accuracy": UNKNOWN if entry.clean is None else f"clean {entry.clean:.1%}, as published",
            "data": f"{entry.data}; class names {entry.classes!r}",
            "licence": entry.licence or NO_LICENCE,
            "paper": entry.paper,
            "source": entry.source,
            "address": entry.address,
            "size": UNKNOWN if entry.megabytes is None else _size(entry),
            "SHA-256": entry.sha256 or f"{UNKNOWN}, so a download cannot be checked",
            "file": str(file) if file else f"not downloaded; it will be {cache_path(entry)}",
        },
    )


def list_published(entries: list[ModelEntry]) -> list[str]:
    """The published models: a paragraph per collection, a line per model."""
    from robust_widgets.models.zoo.entries import local_file

    paragraphs: list[str] = []
    for collection in dict.fromkeys(entry.collection for entry in entries):
        models = [entry for entry in entries if entry.collection == collection]
        first = models[0]
        title = f"{collection}: {first.paper}. {first.source}. Licence: {first.licence or NO_LICENCE}."
        width = max(len(entry.name) for entry in models)
        lines = [
            f"  {entry.name.ljust(width)}  {entry.network}, {entry.data} at {entry.input_size} px, {entry.training}, "
            f"{_size(entry)}{', downloaded' if local_file(entry) else ''}"
            for entry in models
        ]
        paragraphs.append("\n".join([textwrap.fill(title, WIDTH), *lines]))
    return paragraphs


def _size(entry: ModelEntry) -> str:
    return f"size {UNKNOWN}" if entry.megabytes is None else f"{entry.megabytes:g} MB"


def _facts(name: str, facts: dict[str, str]) -> str:
    lines = [
        textwrap.fill(
            f"  {label:12}{text}", WIDTH, subsequent_indent=" " * 14, break_long_words=False, break_on_hyphens=False
        )
        for label, text in facts.items()
    ]
    return "\n".join([name, *lines])
