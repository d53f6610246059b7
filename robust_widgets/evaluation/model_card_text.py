"""A model card as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from robust_widgets.evaluation.generation import GenerationMetrics, PictureMetrics
from robust_widgets.evaluation.model_card import CardMetrics, ClassCounts
from robust_widgets.evaluation.report import COLUMNS, GENERATION_TARGET, table
from robust_widgets.evaluation.scores import BINS, FACTOR, Ratio
from robust_widgets.models.classifier import RobustClassifier

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class CardContext:
    """What a card says besides its metrics.

    Attributes:
        model, judge: the models.
        data: name of the data's folder, and number of validation pictures.
        command: the command that made the card.
        pictures: the folder of the card's pictures, as the card links to it.
        metrics_file: name of the file of metrics.
    """

    model: RobustClassifier
    judge: RobustClassifier
    data: tuple[str, int]
    command: str
    pictures: str
    metrics_file: str


def card_text(context: CardContext, metrics: CardMetrics) -> str:
    """The whole card."""
    card = context.model.card
    return "\n".join(
        [
            f"# Model card: {card.name}",
            "",
            f"An image classifier with {len(card.classes)} classes, {_trained(context.model)}, for painting pictures: "
            "its gradient leads a picture towards a class.",
            "",
            *_facts(context),
            *_accuracy(context, metrics.attacked),
            *_calibration(context, metrics),
            *_generation(context, metrics.painting),
            *_tasks(metrics),
            *_speed(metrics),
            *_limits(context, metrics),
            *_provenance(context, metrics),
        ]
    )


def _facts(context: CardContext) -> list[str]:
    model, card = context.model, context.model.card
    parameters = sum(weight.numel() for weight in model.network.parameters())
    size = f"{model.source.stat().st_size / 1e6:.1f} MB" if model.source is not None else NOT_MEASURED
    rows = [
        ("architecture", f"`{card.architecture}`"),
        ("parameters", f"{parameters:,}"),
        ("file", f"{size}, including the class seeds for generation" if model.seeds else size),
        ("fingerprint", f"`{model.fingerprint}`"),
        ("input", f"{card.input_size} x {card.input_size} pixels, RGB, values from 0 to 1"),
        (
            "normalisation",
            f"inside the model: mean {_numbers(card.mean)}, standard deviation {_numbers(card.std)}",
        ),
        ("trained", _trained(model)),
        ("data", card.data or "not named"),
        (f"{len(card.classes)} classes", ", ".join(card.classes)),
    ]
    settings = [(name.replace("_", " "), _setting(value)) for name, value in sorted(card.training.items())]
    lines = ["## What it is", "", *table(("", ""), rows), ""]
    if settings:
        lines += ["<details><summary>Training settings</summary>", ""]
        lines += [*table(("setting", "value"), settings), "", "</details>", ""]
    return lines


def _accuracy(context: CardContext, attacked: Sequence[ClassCounts]) -> list[str]:
    classes = context.model.classes
    largest = max(attacked, key=lambda counts: sum(counts.pictures))
    rows = [("clean", str(sum(largest.pictures)), _share(sum(largest.clean), sum(largest.pictures)))]
    for counts in attacked:
        total = sum(counts.pictures)
        clean = "" if counts is largest else f" (clean on the same pictures: {_share(sum(counts.clean), total)})"
        rows.append((counts.attack, str(total), _share(sum(counts.robust), total) + clean))
    if not any(counts.attack.startswith("AutoAttack") for counts in attacked):
        rows.append(("AutoAttack", "0", NOT_MEASURED))
    lines = [
        "## Accuracy",
        "",
        f"On the validation pictures of {context.data[0]}: all {context.data[1]} of them, or an evenly spaced part. A "
        "picture counts as correct under an attack only if the model is right both before and after it. Epsilons are "
        "in raw pixels at the model's input size, with values from 0 to 1; PGD steps are 2.5 x epsilon / steps long. "
        "AutoAttack is APGD-CE, APGD-T, FAB-T (100 steps, up to 9 targets) and Square (5000 queries), through "
        "torchattacks; with fewer than four classes APGD-T is undefined and skipped.",
        "",
        *table(("attack", "pictures", "accuracy"), rows),
        "",
        f"![Accuracy of each class]({context.pictures}/classes.png)",
        "",
    ]
    columns = ["class", "pictures", "clean", *(counts.attack for counts in attacked)]
    by_class: list[list[str]] = []
    for label, name in enumerate(classes):
        cells = [name, str(largest.pictures[label]), _share(largest.clean[label], largest.pictures[label])]
        for counts in attacked:
            right, total = counts.robust[label], counts.pictures[label]
            cells.append(_share(right, total) if total == largest.pictures[label] else f"{right} of {total}")
        by_class.append(cells)
    return [*lines, "<details><summary>By class</summary>", "", *table(columns, by_class), "", "</details>", ""]


def _calibration(context: CardContext, metrics: CardMetrics) -> list[str]:
    calibration = metrics.calibration
    rows = [
        ("pictures", str(sum(calibration.counts))),
        ("mean confidence", f"{calibration.mean_confidence:.1%}"),
        ("accuracy", f"{calibration.mean_accuracy:.1%}"),
        ("expected calibration error", f"{calibration.error:.1%}"),
    ]
    verdict = "underconfident" if calibration.mean_confidence < calibration.mean_accuracy else "overconfident"
    return [
        "## Calibration",
        "",
        f"Confidence and accuracy on clean pictures: on average the model is {verdict}. The expected calibration error "
        f"is the mean gap between the two over {BINS} equally wide bins, weighted by their pictures.",
        "",
        *table(("", ""), rows),
        "",
        f"![Reliability diagram]({context.pictures}/reliability.png)",
        "",
    ]


def _generation(context: CardContext, metrics: GenerationMetrics) -> list[str]:
    judge, size = context.judge.card, metrics.side
    count = metrics.each * len(context.model.classes)
    sets = (metrics.generated, metrics.photographs, metrics.noise)

    def row(name: str, template: str) -> tuple[str, ...]:
        return (name, *(template.format(pictures) for pictures in sets))

    rows = [
        row("judge's accuracy", "{0.hits:.1%}"),
        row(f"classifier score, at most {len(context.model.classes)}", "{0.score:.2f}"),
        row("Frechet distance to other photographs", "{0.distance:.2f}"),
        row(f"distance within a class, raw pixels at {size}", "{0.diversity:.1f}"),
    ]
    reached = "reached" if metrics.generated.hits >= GENERATION_TARGET else "missed"
    return [
        "## What it paints",
        "",
        "The first four pictures of each class, from its first seeds, with default parameters; not cherry-picked.",
        "",
        f"![Generated pictures of every class]({context.pictures}/generated.png)",
        "",
        f"The judge is `{judge.name}`, a `{judge.architecture}` trained {_attack_of(context.judge)} on the same data "
        f"(fingerprint `{context.judge.fingerprint}`). It takes no part in the painting, and classifies "
        f"{metrics.judge:.1%} of the photographs used here correctly. Each set has {count} pictures, {metrics.each} "
        "per class. The photographs are a random sample of the validation pictures; the Frechet distance and the "
        "spectra compare each set with another sample of the same size, without overlap. Noise is Gaussian, with the "
        "photographs' mean and standard deviation in each channel. The classifier score has the Inception Score's "
        "formula, and the Frechet distance uses the penultimate features, both of this judge: compare them with each "
        "other, not with published figures, and the distance only between samples of the same size, because small "
        "samples overestimate it.",
        "",
        *table(("", "generated", "photographs", "noise"), rows),
        "",
        f"The target of {GENERATION_TARGET:.0%} recognised by the judge is {reached}.",
        "",
        "### Power spectrum",
        "",
        "The power of the luminance under a Hann window, relative to the other photographs: on rings, averaged over "
        "all directions, and along rows and columns, where a grid would stand out. Beyond half the size only the "
        f"corners remain. The band is a factor of {FACTOR:g}.",
        "",
        f"![Power spectra]({context.pictures}/spectrum.png)",
        "",
        *table(("", "generated", "photographs", "noise"), _spectrum_rows(sets, size)),
        "",
        _spectrum_verdict(metrics.generated, size),
        "",
    ]


def _spectrum_rows(sets: Sequence[PictureMetrics], size: int) -> list[tuple[str, ...]]:
    half = size // 2
    return [
        (f"furthest from 1 on rings, 1 to {half} cycles", *(_worst(pictures.rings.up_to(half)) for pictures in sets)),
        ("the same, with the corners", *(_worst(pictures.rings) for pictures in sets)),
        ("furthest from 1 along rows and columns", *(_worst(pictures.axes) for pictures in sets)),
    ]


def _spectrum_verdict(generated: PictureMetrics, size: int) -> str:
    half = size // 2
    ratios = {
        f"on rings of 1 to {half} cycles": generated.rings.up_to(half),
        "in the corners": Ratio((1.0,) * half + generated.rings.values[half:]),
        "along rows and columns": generated.axes,
    }
    return " ".join(
        f"Generated pictures are {'NOT within' if ratio.outside else 'within'} a factor of {FACTOR:g} {where}"
        + (f" (outside it at {_ranges(ratio.outside)} cycles)." if ratio.outside else ".")
        for where, ratio in ratios.items()
    )


def _tasks(metrics: CardMetrics) -> list[str]:
    lines = ["## The six tasks", ""]
    if not metrics.tasks:
        return [*lines, f"{NOT_MEASURED.capitalize()} for this card.", ""]
    extras = [(*task.row[:2], name, value) for task in metrics.tasks for name, value in task.further]
    return [
        *lines,
        "With default parameters. Each column is the share of pictures classified as the target: by the judge at the "
        "start and at the end of the run, and by the painting model at the end.",
        "",
        *table(COLUMNS, [task.row for task in metrics.tasks]),
        "",
        "<details><summary>Further metrics</summary>",
        "",
        *table(("task", "setting", "metric", "value"), extras),
        "",
        "</details>",
        "",
    ]


def _speed(metrics: CardMetrics) -> list[str]:
    speed = metrics.speed
    return [
        "## Speed",
        "",
        f"A step of generation takes {speed.step:.1f} ms at batch 1, including its picture and metrics. A bare forward "
        f"and backward pass, timed alternately with it, takes {speed.bare:.1f} ms: a ratio of {speed.ratio:.2f} "
        f"(medians; {speed.machine}). Quote the ratio: absolute times depend on what else the machine does.",
        "",
    ]


def _limits(context: CardContext, metrics: CardMetrics) -> list[str]:
    card, generated, photographs = context.model.card, metrics.painting.generated, metrics.painting.photographs
    robust = (
        f"It partly resists {card.norm} attacks up to an epsilon of about {card.radius:g}; other attacks are untested."
        if card.norm
        else "It resists no attack; it is meant for comparison with models that do."
    )
    diversity = (
        f"Pictures of a class are less varied than photographs: {generated.diversity:.1f} apart against "
        f"{photographs.diversity:.1f}."
        if generated.diversity < photographs.diversity
        else "Pixel by pixel, pictures of a class are as far apart as photographs; that says nothing about how many "
        "kinds of objects they show."
    )
    points = [
        "Intended for painting, teaching and research on robustness. Not for decisions about people or safety.",
        f"It knows {len(card.classes)} classes and assigns every picture to one of them.",
        robust,
        "It paints what raises its confidence in a class, not photographs: parts may be missing, duplicated or "
        "misplaced.",
        diversity,
        "It shares the biases of its training photographs, in their objects and backgrounds.",
    ]
    return [
        "## Use and limits",
        "",
        *(f"- {point}" for point in points),
        "",
        f"Code: MIT licence. Training data: {card.data or 'not named'}. This card contains no photographs.",
        "",
    ]


def _provenance(context: CardContext, metrics: CardMetrics) -> list[str]:
    return [
        "## How this card was made",
        "",
        f"    {context.command}",
        "",
        f"The metrics and their inputs are in [{context.metrics_file}]({context.metrics_file}).",
        "",
        *table(("part", "seconds"), [(name, f"{seconds:.0f}") for name, seconds in metrics.seconds.items()]),
        "",
    ]


def _trained(model: RobustClassifier) -> str:
    return f"trained {_attack_of(model)}"


def _attack_of(model: RobustClassifier) -> str:
    card = model.card
    return f"against {card.norm} attacks of epsilon {card.radius:g}" if card.norm else "without an attack"


def _share(right: int, total: int) -> str:
    return f"{right / total:.1%}" if total else "no pictures"


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _setting(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _worst(ratio: Ratio) -> str:
    return f"{ratio.worst:.2g} at {ratio.frequency}"


def _ranges(numbers: Sequence[int]) -> str:
    """Increasing whole numbers, with consecutive ones joined: ``"1, 3 to 5"``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
