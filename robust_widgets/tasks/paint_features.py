"""Features of the penultimate layer painted into masked parts of pictures (paper, section 3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, Unpack

from robust_widgets.errors import PictureError
from robust_widgets.interface.parameters import CONSTRAINT, EPSILON, NO_NOISE, PENALTY, SIZE, STEP_SIZE, STEPS, STRENGTH
from robust_widgets.interface.tasks import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from robust_widgets.interface.session import Feature
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.pictures.tensors import Mask, Picture
    from robust_widgets.runs.record import Frame
    from robust_widgets.runs.trace import Trace
    from robust_widgets.synthesis.problem import Problem


class Parameters(TypedDict, total=False):
    """The keywords."""

    strength: Annotated[float, STRENGTH]
    # A hard mask spends all of epsilon inside it, where the paper's 70 would leave nothing of the picture.
    steps: Annotated[int, STEPS]
    epsilon: Annotated[float, EPSILON.with_default(30)]
    step_size: Annotated[float, STEP_SIZE]
    seed: Annotated[int | None, NO_NOISE]
    penalty: Annotated[str | float | None, PENALTY]
    constraint: Annotated[str, CONSTRAINT]
    size: Annotated[int | None, SIZE]


def paint_features(
    picture: Picture | Sequence[Picture],
    mask: Mask | Sequence[Mask],
    feature: str | int | Feature | Sequence[str | int | Feature],
    *,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **parameters: Unpack[Parameters],
) -> Trace:
    """Paint features of the model into parts of a picture.

    Each step raises the activation of one unit of the penultimate layer. Several features are painted one after the
    other on the same picture, each with its own mask: give a list of masks and a list of features of the same length.
    What an earlier feature painted outside a later mask stays.

    Args:
        picture: what to paint on, as :func:`robust_widgets.to_batch` takes it; one or a batch.
        mask: True, white, or lighter than middle grey where to paint; of the picture's shape. One, or a list with one
            for each feature; for one feature and several pictures, with one for each picture.
        feature: a feature of the model's catalogue (`robust_widgets.model_features`), its name, or the index of a unit.
            One, or a list.
        strength: scales epsilon and step size.
        penalty: None keeps the picture outside the mask bit for bit. ``"paper"`` is a soft penalty of weight 10 on the
            mean squared change outside; a number is another weight.
        steps: gradient steps for each feature; the paper's 140 suit its epsilon.
        epsilon: L2 limit on the distance from the start, in pixels at 224; the paper's 70 is for a soft penalty: a hard
            mask spends all of it inside. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; 1 in the paper. Under Linf, levels of 255.
        seed: seeds smooth noise (deviation 0.009) in the mask; None adds none, as in the paper.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        size: width and height in pixels of the result; None is the model's own. A larger size is painted coarse
            to fine: at the model's own size first, then at each double of it with a smaller epsilon.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, size, size, 3), ``metrics``, ``pictures``.

    Raises:
        PictureError: the picture or a mask cannot be read, a mask marks nothing or everything, their shapes differ, or
            there are not as many masks as features.
        UnknownNameError: no such feature or parameter; the message names the nearest.
        ParameterError: a value out of range.
        WeightsError: the model has no catalogue, and a feature is named.
    """
    from robust_widgets.tasks.running.run import files_among, resolve_model

    checked = SPEC.check(parameters)
    trace = _paint_in_turn(resolve_model(model, device), picture, mask, feature, checked, on_step)
    trace.sources = files_among(picture, mask)
    return trace


def problem(
    model: RobustClassifier,
    picture: Picture | Sequence[Picture],
    mask: Mask | Sequence[Mask],
    feature: str | int | Feature,
    parameters: dict[str, Any],
) -> Problem:
    """The problem of a run for one feature."""
    from robust_widgets.models.features import feature_unit
    from robust_widgets.synthesis.objectives.layers import Activation
    from robust_widgets.tasks.running.problems import assemble, picture_and_mask, preserve_outside, size_of, with_noise

    objective = Activation(feature_unit(model, feature))
    whole, inside = picture_and_mask(picture, mask, size_of(model, parameters))
    region, outside = preserve_outside(parameters["penalty"], whole, inside)
    return assemble(
        SPEC.name,
        model,
        with_noise(whole, parameters["seed"], inside),
        objective,
        str(feature),
        parameters,
        region=region,
        outside=outside,
        strength=parameters["strength"],
    )


def _paint_in_turn(
    model: RobustClassifier,
    picture: Picture | Sequence[Picture],
    mask: Mask | Sequence[Mask],
    feature: str | int | Feature | Sequence[str | int | Feature],
    parameters: dict[str, Any],
    on_step: Callable[[Frame], object] | None,
) -> Trace:
    import torch

    from robust_widgets.models.features import feature_unit
    from robust_widgets.solvers.compose import chain_problems, coarse_to_fine
    from robust_widgets.solvers.run import run
    from robust_widgets.synthesis.objectives.layers import Activation
    from robust_widgets.tasks.running.problems import picture_and_mask, problems_by_size, size_of

    features = _listed(feature)
    pictures: Any = list(picture) if isinstance(picture, Iterator) else picture  # pyright: ignore[reportUnknownArgumentType]
    masks = _listed(mask)
    if len(features) == 1 and len(masks) == len(_listed(pictures)) > 1:
        masks = [masks]  # one for each picture
    if len(features) != len(masks) or not features:
        raise PictureError(
            f"There are {len(features)} features and {len(masks)} masks; give as many masks as features, at least one."
        )
    # Read every feature and mask before the first step, so that a bad one is reported at once.
    size = size_of(model, parameters)
    units = [feature_unit(model, feature) for feature in features]
    regions = [picture_and_mask(pictures, mask, size) for mask in masks]
    first = regions[0][0]
    if len(units) > 1:
        with torch.no_grad():
            Activation(units)(model, first[:1].expand(len(units), -1, -1, -1).to(model.device))

    coarser: list[Problem] = []

    def feature_problem(index: int) -> Callable[[Any], Problem]:
        def build(latest: Any) -> Problem:
            region = regions[index][1] if index else masks[0]
            *coarser[:], last = problems_by_size(
                parameters, model.input_size, lambda part: problem(model, latest, region, units[index], part)
            )
            return last

        return build

    start = replace(feature_problem(0)(pictures), target=", ".join(str(feature) for feature in features))
    builders = [feature_problem(index) for index in range(1, len(units))]
    return run(start, on_step, solver=chain_problems(*builders, solver=lambda last: coarse_to_fine(*coarser)(last)))


def _listed(one_or_several: object) -> list[Any]:
    return list(one_or_several) if isinstance(one_or_several, (list, tuple, Iterator)) else [one_or_several]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


SPEC = TaskSpec(
    function=paint_features,
    keywords=Parameters,
    problem=problem,
    label="Paint features",
    hint="Mask a part of the picture and choose a feature; it is painted there.",
    order=6,
    command_help="A feature is a unit of the model's penultimate layer. For example: "
    '--mask sky.png --feature "shore 2" --mask meadow.png --feature "hoofed 1"',
    paper={"steps": 140, "epsilon": 70, "step_size": 1},
)
