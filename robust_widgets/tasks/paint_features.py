"""A feature of the penultimate layer is painted into a masked part of a picture (paper, section 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from robust_widgets.errors import PictureError
from robust_widgets.interface.parameters import check_parameters, default_of
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.features import feature_unit
from robust_widgets.pictures.tensors import Mask, Picture
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.compose import chain
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.loop import CachedForward
from robust_widgets.synthesis.objectives import Activation
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.common import kept_outside, make_problem, picture_and_mask, resolve_model, side_of, with_grain

TASK = "paint_features"


def paint_features(
    picture: Picture | Sequence[Picture],
    mask: Mask | Sequence[Mask],
    feature: str | int | Sequence[str | int],
    *,
    strength: float = default_of(TASK, "strength"),
    penalty: str | float | None = default_of(TASK, "penalty"),
    steps: int = default_of(TASK, "steps"),
    epsilon: float = default_of(TASK, "epsilon"),
    step_size: float = default_of(TASK, "step_size"),
    constraint: str = default_of(TASK, "constraint"),
    seed: int | None = default_of(TASK, "seed"),
    size: int | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **unknown: object,
) -> Trace:
    """Paint a feature into a part of a picture by maximising one unit of the penultimate layer.

    Several features are painted one after the other on the same picture, each with its own mask: give a list of masks
    and a list of features of the same length. What an earlier feature painted outside a later mask stays.

    Args:
        picture: what to paint on, as :func:`robust_widgets.pictures.tensors.to_batch` takes it; one or a batch.
        mask: True, white, or lighter than middle grey where to paint; of the picture's shape. One, or a list.
        feature: a name of the model's catalogue (`robust_widgets.features`), or the index of a unit. One, or a list.
        strength: scales epsilon and step size.
        penalty: None keeps the picture outside the mask to the bit. ``"paper"`` is a soft penalty of weight 10 on the
            mean squared change outside; a number is another weight.
        steps: gradient steps for each feature; the paper's 140 suit its radius.
        epsilon: L2 radius around the start, in pixels at 224; the paper's 70 is for a soft penalty: a
            hard mask spends all of it inside. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; the paper's 1. Under Linf, levels of 255.
        seed: decides a faint grain (standard deviation 0.02) in the mask; None lays none, as in the paper.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        size: side in pixels that the run works at; None is the model's own. A larger one runs the network at that
            size, shifted at random each step.
        model: a model, or what :func:`load_model` loads, a name or a file; by default the shipped ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, side, side, 3), ``metrics``, ``pictures``.

    Raises:
        PictureError: the picture or a mask cannot be read, a mask marks nothing or everything, their shapes differ, or
            there are not as many masks as features.
        UnknownNameError: no such feature or parameter; the message names the nearest.
        ParameterError: a number out of range.
        WeightsError: the model has no catalogue, or gives no access to its features.
    """
    parameters: dict[str, Any] = {"steps": steps, "epsilon": epsilon, "step_size": step_size, "constraint": constraint}
    parameters |= {"strength": strength, "penalty": penalty, "seed": seed, "size": size, **unknown}
    classifier = resolve_model(model, device)
    features: list[Any] = list(feature) if isinstance(feature, (list, tuple)) else [feature]
    masks: list[Any] = list(mask) if isinstance(mask, (list, tuple)) else [mask]
    if len(features) != len(masks) or not features:
        raise PictureError(
            f"There are {len(features)} features and {len(masks)} masks; give as many masks as features, at least one."
        )
    # Every feature and mask is read before the first step, so that a bad one costs no run.
    side = side_of(classifier, check_parameters(TASK, parameters))
    units = [feature_unit(classifier, one) for one in features]
    pairs = [picture_and_mask(picture, one, side) for one in masks]
    if len(units) > 1:
        _check_units(classifier, pairs[0][0], units)

    def stage(index: int) -> Callable[[Tensor], Problem]:
        return lambda so_far: paint_features_problem(classifier, so_far, pairs[index][1], units[index], parameters)

    problem = replace(stage(0)(pairs[0][0]), target=", ".join(str(name) for name in features))
    return run(problem, on_step, solver=chain(*(stage(index) for index in range(1, len(units)))))


@torch.no_grad()
def _check_units(model: RobustClassifier, pictures: Tensor, units: list[int]) -> None:
    once = CachedForward(model)
    one = pictures[:1].to(model.device)
    for unit in units:
        Activation(unit)(once, one)


def paint_features_problem(
    model: RobustClassifier,
    picture: Picture | Sequence[Picture],
    mask: Mask,
    feature: str | int,
    given: dict[str, Any],
) -> Problem:
    """The :class:`Problem` of :func:`paint_features` for one feature; ``given`` holds its parameters by name."""
    parameters = check_parameters(TASK, given)
    unit = feature_unit(model, feature)
    side = side_of(model, parameters)
    whole, inside = picture_and_mask(picture, mask, side)
    region, outside = kept_outside(parameters["penalty"], whole, inside)
    return make_problem(
        TASK,
        model,
        with_grain(whole, parameters["seed"], inside),
        Activation(unit),
        str(feature),
        parameters,
        region=region,
        outside=outside,
        strength=parameters["strength"],
    )
