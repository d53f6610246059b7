"""``robust-widgets models``: which models there are by name, and what is known of each."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from robust_widgets.cli.error_handling import in_sentences
from robust_widgets.cli.options import Device
from robust_widgets.errors import ParameterError, UnknownNameError, unknown_name

if TYPE_CHECKING:
    from robust_widgets.models.classifier import ModelCard
    from robust_widgets.models.zoo.entries import ModelEntry

WIDTH = 100
UNKNOWN = "not known"
OTHERS = "Also any network of torchvision (BSD 3-Clause) or timm, as published there: torchvision:NAME, timm:NAME."


@in_sentences
def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Tell all that is known of this one.", show_default="all")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Download the file of this one, if it is not here yet.")
    ] = False,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Measure how robust this one, or a file, is on pictures it paints."),
    ] = False,
    device: Device = None,
) -> None:
    """List the models that are loaded by name.

    Some ship with the package, others were published elsewhere and are downloaded when they are first loaded. They are
    kept in the platform's folder for caches, or in the one that the environment variable ROBUST_WIDGETS_CACHE names.
    """
    from robust_widgets._bundled import model_names, weights_path
    from robust_widgets.models.card import read_card
    from robust_widgets.models.zoo.entries import published_models

    shipped, published = model_names(), published_models()
    if download and (name is None or name in shipped):
        raise ParameterError("--download gets the file of a published model; give the name of one.")
    if measure:
        if name is None:
            raise ParameterError("--measure is for one model; give its name.")
        typer.echo(measured_words(name, device))
        return
    if name is not None and name not in (*shipped, *published):
        raise UnknownNameError(unknown_name("model", name, (*shipped, *published)))
    for one in shipped if name is None else [name] if name in shipped else []:
        file = weights_path(one)
        typer.echo(describe(one, read_card(file), file.stat().st_size))
    if name is not None and name in published:
        if download:
            from robust_widgets.models.zoo.entries import fetch_model

            fetch_model(published[name])
        typer.echo(describe_published(published[name]))
    if name is None:
        typer.echo("\n\n".join(["", *list_published(list(published.values())), OTHERS]))


def measured_words(name: str, device: str | None) -> str:
    """How robust a model was found to be, now or earlier on this machine."""
    from robust_widgets.models.registry import load_model
    from robust_widgets.robustness.estimate import robustness_estimate

    model = load_model(name, device=device)
    found = robustness_estimate(model)
    assert found is not None
    claim = f" The file says: {model.card.claim}." if model.card.claim else ""
    return _facts(name, {"robustness": f"{found.words}. {found.details}{claim}"})


def describe(name: str, card: ModelCard, size: int) -> str:
    """What a person wants to know of a shipped model before choosing it."""
    robust = card.claim or "trained without an attack"
    return _facts(
        name,
        {
            "network": f"{card.architecture}, {card.input_size} x {card.input_size} px, {robust}, {size / 1e6:.1f} MB",
            "accuracy": "; ".join(f"{attack} {share:.1%}" for attack, share in card.accuracies.items())
            or "not measured",
            "data": card.data or "not named",
            f"{len(card.classes)} classes": ", ".join(card.classes),
        },
    )


def describe_published(entry: ModelEntry) -> str:
    """All that is known of a published model."""
    from robust_widgets.models.zoo.entries import cache_path, local_file

    here = local_file(entry)
    return _facts(
        entry.name,
        {
            "network": f"{entry.network}, {entry.input_size} x {entry.input_size} px, {entry.training}",
            "accuracy": UNKNOWN if entry.clean is None else f"clean {entry.clean:.1%}, as published",
            "data": f"{entry.data}; class names {entry.classes!r}",
            "licence": entry.licence or "none is named",
            "paper": entry.paper,
            "source": entry.source,
            "address": entry.address,
            "size": UNKNOWN if entry.megabytes is None else _size(entry),
            "SHA-256": entry.sha256 or f"{UNKNOWN}, so a download cannot be checked",
            "file": str(here) if here else f"not downloaded; it will be {cache_path(entry)}",
        },
    )


def list_published(entries: list[ModelEntry]) -> list[str]:
    """The published models, a paragraph a collection and a line a model."""
    from robust_widgets.models.zoo.entries import local_file

    paragraphs: list[str] = []
    for collection in dict.fromkeys(entry.collection for entry in entries):
        own = [entry for entry in entries if entry.collection == collection]
        first = own[0]
        title = f"{collection}: {first.paper}. {first.source}. Licence: {first.licence or 'none is named'}."
        width = max(len(entry.name) for entry in own)
        lines = [
            f"  {entry.name.ljust(width)}  {entry.network}, {entry.data} at {entry.input_size} px, {entry.training}, "
            f"{_size(entry)}{', downloaded' if local_file(entry) else ''}"
            for entry in own
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
