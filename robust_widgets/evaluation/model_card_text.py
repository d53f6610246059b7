"""A model card as Markdown, from figures that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from robust_widgets.evaluation.model_card import BAR, COLUMNS, Attacked, CardFigures, table
from robust_widgets.evaluation.painting import Figures, Painting
from robust_widgets.evaluation.scores import BINS
from robust_widgets.evaluation.spectrum import FACTOR, Ratio
from robust_widgets.models.classifier import RobustClassifier

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class CardContext:
    """What a card says beside its figures.

    Attributes:
        model, judge: the models.
        data: the name of the data's folder, and how many validation pictures there are.
        command: what made the card.
        pictures: the folder of the card's pictures, as the card links to it.
        measurements: the file the figures are kept in, by name.
    """

    model: RobustClassifier
    judge: RobustClassifier
    data: tuple[str, int]
    command: str
    pictures: str
    measurements: str


def card_text(context: CardContext, figures: CardFigures) -> str:
    """The whole card."""
    card = context.model.card
    return "\n".join(
        [
            f"# Model card: {card.name}",
            "",
            *_paragraph(
                f"An image classifier of {len(card.classes)} classes, {_trained(context.model)}, that pictures are "
                "painted with: its gradient leads a picture towards a class.",
            ),
            *_facts(context),
            *_accuracy(context, figures.attacked),
            *_calibration(context, figures),
            *_painting(context, figures.painting),
            *_tasks(figures),
            *_speed(figures),
            *_limits(context, figures),
            *_made(context, figures),
        ]
    )


def _facts(context: CardContext) -> list[str]:
    model, card = context.model, context.model.card
    parameters = sum(weight.numel() for weight in model.network.parameters())
    size = f"{model.source.stat().st_size / 1e6:.1f} MB" if model.source is not None else NOT_MEASURED
    rows = [
        ("architecture", f"`{card.architecture}`"),
        ("parameters", f"{parameters:,}"),
        ("file", f"{size}, with the class seeds that generation starts from" if model.seeds else size),
        ("fingerprint", f"`{model.fingerprint}`"),
        ("input", f"{card.input_size} x {card.input_size} pixels, red green blue, values within 0 to 1"),
        ("normalisation", f"inside the model: mean {_numbers(card.mean)}, deviation {_numbers(card.std)}"),
        ("trained", _trained(model)),
        ("data", card.data or "not named"),
        (f"{len(card.classes)} classes", ", ".join(card.classes)),
    ]
    settings = [(name.replace("_", " "), _setting(value)) for name, value in sorted(card.training.items())]
    lines = ["## What it is", "", *table(("", ""), rows), ""]
    if settings:
        lines += ["<details><summary>Settings of the training</summary>", ""]
        lines += [*table(("setting", "value"), settings), "", "</details>", ""]
    return lines


def _accuracy(context: CardContext, attacked: Sequence[Attacked]) -> list[str]:
    classes = context.model.classes
    whole = max(attacked, key=lambda one: sum(one.pictures))
    rows = [("clean", str(sum(whole.pictures)), _share(sum(whole.clean), sum(whole.pictures)))]
    for one in attacked:
        count = sum(one.pictures)
        clean = "" if one is whole else f" (clean on the same: {_share(sum(one.clean), count)})"
        rows.append((one.attack, str(count), _share(sum(one.robust), count) + clean))
    if not any(one.attack.startswith("AutoAttack") for one in attacked):
        rows.append(("AutoAttack", "0", NOT_MEASURED))
    lines = [
        "## Accuracy",
        "",
        *_paragraph(
            f"On validation pictures of {context.data[0]}, evenly spread over the set where it is not all "
            f"{context.data[1]} of them. A picture counts under an attack only if the model is right both before and "
            "after it. Radii are in raw pixels at the model's side, values within 0 to 1; PGD steps are each 2.5 x "
            "radius / steps long. AutoAttack is APGD-CE, APGD-T, FAB-T (100 steps, up to 9 targets) and Square (5000 "
            "queries), through torchattacks; below four classes APGD-T is not defined and left out.",
        ),
        *table(("attack", "pictures", "right"), rows),
        "",
        f"![Accuracy of each class]({context.pictures}/classes.png)",
        "",
    ]
    columns = ["class", "pictures", "clean", *(one.attack for one in attacked)]
    by_class: list[list[str]] = []
    for label, name in enumerate(classes):
        cells = [name, str(whole.pictures[label]), _share(whole.clean[label], whole.pictures[label])]
        for one in attacked:
            right, count = one.robust[label], one.pictures[label]
            cells.append(_share(right, count) if count == whole.pictures[label] else f"{right} of {count}")
        by_class.append(cells)
    return [*lines, "<details><summary>By class</summary>", "", *table(columns, by_class), "", "</details>", ""]


def _calibration(context: CardContext, figures: CardFigures) -> list[str]:
    found = figures.calibration
    rows = [
        ("pictures", str(sum(found.counts))),
        ("mean confidence", f"{found.mean_confidence:.1%}"),
        ("accuracy", f"{found.mean_accuracy:.1%}"),
        ("expected calibration error", f"{found.error:.1%}"),
    ]
    said = "less sure than it is right" if found.mean_confidence < found.mean_accuracy else "surer than it is right"
    return [
        "## Calibration",
        "",
        *_paragraph(
            f"Whether it is as often right as it says, on clean pictures: on average it is {said}. The expected "
            f"calibration error is the mean gap between confidence and accuracy over {BINS} equally wide bins, each "
            "counted by its pictures.",
        ),
        *table(("", ""), rows),
        "",
        f"![Reliability diagram]({context.pictures}/reliability.png)",
        "",
    ]


def _painting(context: CardContext, found: Painting) -> list[str]:
    judge, side = context.judge.card, found.side
    count = found.each * len(context.model.classes)
    three = (found.generated, found.photographs, found.noise)

    def row(name: str, of: str) -> tuple[str, ...]:
        return (name, *(of.format(one) for one in three))

    rows = [
        row("judge takes it for its class", "{0.hits:.1%}"),
        row(f"classifier score, at most {len(context.model.classes)}", "{0.score:.2f}"),
        row("Frechet distance to other photographs", "{0.distance:.2f}"),
        row(f"distance within a class, raw pixels at {side}", "{0.diversity:.1f}"),
    ]
    reached = "reached" if found.generated.hits >= BAR else "missed"
    return [
        "## What it paints",
        "",
        *_paragraph(
            "Pictures of every class from the first seeds, with the default parameters: the first four of each. None is "
            "chosen by hand.",
        ),
        f"![Generated pictures of every class]({context.pictures}/generated.png)",
        "",
        *_paragraph(
            f"They are judged by `{judge.name}`, a `{judge.architecture}` trained {_attack_of(context.judge)} on the "
            f"same data (fingerprint `{context.judge.fingerprint}`), which takes no part in the painting and is right "
            f"about {found.judge:.1%} of the photographs that are used here. Each set has {count} pictures, "
            f"{found.each} a class; the photographs are drawn at random from the validation pictures and so are as "
            "many others that the Frechet distance and the spectra are measured against: no photograph is in both. "
            "Noise is Gaussian, with the photographs' mean and deviation in each channel. The classifier score is the "
            "Inception Score's formula, and the Frechet distance is that of the penultimate features, both on this "
            "judge: they can be compared with each other, not with published figures, and the distance only with one "
            "made from as many pictures, because it is too large where there are few.",
        ),
        *table(("", "generated", "photographs", "noise"), rows),
        "",
        f"The bar of {BAR:.0%} that the judge recognises is {reached}.",
        "",
        "### Power spectrum",
        "",
        *_paragraph(
            "The power of the luminance under a Hann window, over that of the other photographs: on rings, the mean "
            "of all directions, and along rows and columns alone, where a grid would stand out. Beyond half the side "
            f"only the corners are left. The band is a factor of {FACTOR:g}.",
        ),
        f"![Power spectra]({context.pictures}/spectrum.png)",
        "",
        *table(("", "generated", "photographs", "noise"), _spectrum_rows(three, side)),
        "",
        _spectrum_verdict(found.generated, side),
        "",
    ]


def _spectrum_rows(three: Sequence[Figures], side: int) -> list[tuple[str, ...]]:
    half = side // 2
    return [
        (f"furthest from 1 on rings, 1 to {half} cycles", *(_worst(one.rings.up_to(half)) for one in three)),
        ("the same, with the corners", *(_worst(one.rings) for one in three)),
        ("furthest from 1 along rows and columns", *(_worst(one.axes) for one in three)),
    ]


def _spectrum_verdict(found: Figures, side: int) -> str:
    places = {
        f"on rings of 1 to {side // 2} cycles": found.rings.up_to(side // 2),
        "in the corners": Ratio((1.0,) * (side // 2) + found.rings.values[side // 2 :]),
        "along rows and columns": found.axes,
    }
    return " ".join(
        f"Generated pictures are {'within' if not one.outside else 'NOT within'} a factor of {FACTOR:g} {where}"
        + (f" (outside it at {_ranges(one.outside)} cycles)." if one.outside else ".")
        for where, one in places.items()
    )


def _tasks(figures: CardFigures) -> list[str]:
    lines = ["## The six tasks", ""]
    if not figures.tasks:
        return [*lines, f"{NOT_MEASURED.capitalize()} for this card.", ""]
    others = [(*one.row[:2], name, value) for one in figures.tasks for name, value in one.further]
    return [
        *lines,
        *_paragraph(
            "With the default parameters. A share is that of the pictures taken for the class that was asked for: by the "
            "judge at the start of the run and at its end, and by the painting model at its end.",
        ),
        *table(COLUMNS, [one.row for one in figures.tasks]),
        "",
        "<details><summary>Further figures</summary>",
        "",
        *table(("task", "setting", "figure", "value"), others),
        "",
        "</details>",
        "",
    ]


def _speed(figures: CardFigures) -> list[str]:
    found = figures.speed
    return [
        "## Speed",
        "",
        *_paragraph(
            f"A step of generation takes {found.step:.1f} ms at batch 1, with its picture and numbers, and a bare "
            f"forward and backward pass, timed in turn with it, {found.bare:.1f} ms: a ratio of {found.ratio:.2f} "
            f"(medians; {found.machine}). One time alone means little on a machine that does other work; quote the "
            "ratio.",
        ),
    ]


def _limits(context: CardContext, figures: CardFigures) -> list[str]:
    card, painting = context.model.card, figures.painting
    robust = (
        f"It resists changes of {card.norm} radius up to about {card.radius:g}, in part; nothing is known of others."
        if card.norm
        else "It resists no attack; it is there to compare with one that does."
    )
    points = [
        "Made for painting, teaching and research on robustness. Decide nothing about people or safety with it.",
        f"It knows {len(card.classes)} classes and takes every picture for one of them.",
        robust,
        "What it paints is what makes it sure of a class, not a photograph of anything: parts may be missing, doubled "
        "or out of place.",
        f"Pictures of a class are less varied than photographs: {painting.generated.diversity:.1f} apart against "
        f"{painting.photographs.diversity:.1f}."
        if painting.generated.diversity < painting.photographs.diversity
        else "Pictures of a class are, pixel by pixel, as far apart as photographs are; that says nothing of how many "
        "kinds of thing they show.",
        "It has whatever leanings its photographs have, in what is shown and in what stands behind it.",
    ]
    return [
        "## Use and limits",
        "",
        *(f"- {point}" for point in points),
        "",
        f"Code: MIT licence. Training data: {card.data or 'not named'}. No photograph is part of this card.",
        "",
    ]


def _made(context: CardContext, figures: CardFigures) -> list[str]:
    return [
        "## How this card was made",
        "",
        f"    {context.command}",
        "",
        f"The figures, and what each was made of, are in [{context.measurements}]({context.measurements}).",
        "",
        *table(("part", "seconds"), [(name, f"{seconds:.0f}") for name, seconds in figures.seconds.items()]),
        "",
    ]


def _paragraph(text: str) -> list[str]:
    return [text, ""]


def _trained(model: RobustClassifier) -> str:
    return f"trained {_attack_of(model)}"


def _attack_of(model: RobustClassifier) -> str:
    card = model.card
    return f"against {card.norm} attacks of radius {card.radius:g}" if card.norm else "without an attack"


def _share(right: int, count: int) -> str:
    return f"{right / count:.1%}" if count else "no pictures"


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _setting(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _worst(ratio: Ratio) -> str:
    return f"{ratio.worst:.2g} at {ratio.frequency}"


def _ranges(numbers: Sequence[int]) -> str:
    """Whole numbers in rising order with those that follow each other joined: ``"1, 3 to 5"``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
