"""Building blocks for the problems of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor

from robust_widgets.errors import PictureError
from robust_widgets.interface.parameters import PAPER_PENALTY, SIZE
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.noise import smooth_noise
from robust_widgets.pictures.harmonic import harmonic_fill
from robust_widgets.pictures.masks import mask_levels
from robust_widgets.pictures.tensors import Mask, Picture, fit_masks, shape_of, to_batch
from robust_widgets.synthesis.constraints import Constraint, L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.objectives import CrossEntropy, Jitter, MatchOutside, Objective
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, LinfStep, Stepper, Weighted
from robust_widgets.units import from_levels, raw_pixels

NOISE = 0.02  # standard deviation before smoothing, which leaves 0.009
LARGEST_SHIFT = 16


def size_of(model: RobustClassifier, parameters: Mapping[str, Any]) -> int:
    """Width in pixels of the pictures that a run optimises: the parameter ``size``, or the model's own."""
    return parameters.get("size") or model.input_size


# On a larger picture, the share of the steps after the model's own size, and of epsilon at the size after that; it is
# halved at each further one. With more, small things of the class grow all over the picture.
FINER_STEPS, FINER_EPSILON = 0.4, 0.25


def size_stages(parameters: Mapping[str, Any], native: int) -> list[dict[str, Any]]:
    """The parameters of a run at each of its sizes: the model's own, its doubles, and that of the parameters.

    Args:
        parameters: all of the task's parameters, checked.
        native: width in pixels of the model's input.
    """
    size, steps = parameters.get("size"), int(parameters["steps"])
    if size is None or size <= native:
        return [dict(parameters)]
    sizes = [native]
    while 2 * sizes[-1] < size:
        sizes.append(2 * sizes[-1])
    sizes = [native, *(side for side in sizes[1:] if side >= SIZE.minimum), size]
    if "factor" in parameters:  # a smaller version has to have something to enlarge
        sizes = [side for side in sizes if side == size or side * parameters["factor"] >= 1.5 * size]
    sizes = sizes[-steps:]
    finer = max(1, int(FINER_STEPS * steps / (len(sizes) - 1))) if len(sizes) > 1 else 0
    stages: list[dict[str, Any]] = []
    for index, side in enumerate(sizes):
        share = FINER_EPSILON * 0.5 ** (index - 1) if index else 1.0
        count = finer if index else steps - finer * (len(sizes) - 1)
        stage = {
            **parameters,
            "size": None if side == native else side,
            "steps": count,
            "epsilon": share * parameters["epsilon"],
        }
        if "factor" in parameters:
            stage["factor"] = parameters["factor"] * side / size
        stages.append(stage)
    return stages


def problems_by_size(
    parameters: Mapping[str, Any], native: int, build: Callable[[dict[str, Any]], Problem]
) -> list[Problem]:
    """The problem at each of a run's sizes; the last one holds all parameters.

    A mask may be so fine that it marks nothing, or everything, at a smaller size. Then the run has its own size alone.

    Args:
        parameters, native: as for `size_stages`.
        build: makes the problem of parameters.
    """
    try:
        stages = [build(stage) for stage in size_stages(parameters, native)]
    except PictureError:
        stages = [build(dict(parameters))]  # raises again if that was not the reason
    return [*stages[:-1], replace(stages[-1], parameters=dict(parameters))]


def ball_and_step(parameters: Mapping[str, Any], size: int, strength: float = 1.0) -> tuple[Constraint, Stepper]:
    """The constraint and stepper that the parameters ask for, in raw pixels of a picture of this size.

    L2 distances are given in pixels at 224; under Linf the same numbers are levels of 255, which do not depend on the
    size.
    """
    epsilon, step_size = strength * parameters["epsilon"], strength * parameters["step_size"]
    if parameters["constraint"] == "linf":
        return LinfBall(from_levels(epsilon)), LinfStep(from_levels(step_size))
    stepper = L2Step(raw_pixels(step_size, size))
    if parameters["constraint"] == "none":
        return Unconstrained(), stepper
    return L2Ball(raw_pixels(epsilon, size)), stepper


def assemble(
    task: str,
    model: RobustClassifier,
    start: Tensor,
    objective: Objective,
    target: str,
    parameters: Mapping[str, Any],
    *,
    region: Tensor | None = None,
    outside: Objective | None = None,
    weight: Tensor | None = None,
    strength: float = 1.0,
) -> Problem:
    """A task's problem from its own parts.

    Args:
        task: its name.
        model: the classifier.
        start: float (n, 3, size, size) in [0, 1].
        objective: the loss on the classifier. On pictures larger than the model's it is evaluated on the picture
            shifted at random, so that the network's strides and borders leave no mark.
        target: the class or feature, in words.
        parameters: all of the task's parameters, checked.
        region: where the picture may change; everywhere by default.
        outside: a loss on the picture itself, which is not shifted.
        weight: how much a step counts at each pixel, float (n or 1, 1, size, size); 1 everywhere by default.
        strength: scales epsilon and step size.
    """
    size = start.shape[-1]
    constraint, stepper = ball_and_step(parameters, size, strength)
    if weight is not None:
        stepper = Weighted(stepper, weight.to(model.device))
    if size > model.input_size:
        objective = Jitter(objective, min(LARGEST_SHIFT, size // 4), seed=parameters.get("seed") or 0)
    return Problem(
        model=model,
        start=start.to(model.device),
        objective=objective if outside is None else objective + outside,
        stepper=stepper,
        steps=parameters["steps"],
        constraint=constraint,
        region=None if region is None else region.to(model.device),
        task=task,
        target=target,
        parameters=dict(parameters),
    )


def towards_class(
    task: str,
    model: RobustClassifier,
    start: Tensor,
    target: str | int,
    parameters: Mapping[str, Any],
    *,
    region: Tensor | None = None,
    outside: Objective | None = None,
    weight: Tensor | None = None,
) -> Problem:
    """The problem of a task that lowers the cross-entropy of a class; arguments as for `assemble`."""
    index = model.class_index(target)
    name = model.classes[index]
    objective = CrossEntropy(index)
    return assemble(task, model, start, objective, name, parameters, region=region, outside=outside, weight=weight)


def picture_and_mask(
    picture: Picture | Sequence[Picture], mask: Mask | Sequence[Mask], size: int
) -> tuple[Tensor, Tensor]:
    """Pictures and their mask at the size of a run: float (n, 3, size, size), and bool (n or 1, 1, size, size).

    Raises:
        PictureError: one of them cannot be read, the mask marks nothing or everything, or its shape differs from the
            picture's.
    """
    pictures = list(picture) if isinstance(picture, (list, tuple, Iterator)) else [picture]
    whole = to_batch(pictures, size)  # pyright: ignore[reportArgumentType]
    shapes, levels = [shape_of(item) for item in pictures], mask_levels(mask)  # pyright: ignore[reportArgumentType]
    pairs = zip(shapes, levels, strict=True) if len(shapes) == len(levels) else product(shapes, levels)
    for (height, width), (_, mask_height, mask_width) in ((shape, values.shape) for shape, values in pairs):
        if abs(height * mask_width - width * mask_height) > max(height, width, mask_height, mask_width):
            raise PictureError(
                f"The mask is {mask_width} x {mask_height} pixels and the picture {width} x {height}; "
                "give a mask of the picture's shape."
            )
    inside = fit_masks(levels, size)
    if len(inside) not in (1, len(whole)):
        raise PictureError(
            f"There are {len(inside)} masks for {len(whole)} pictures; give one mask, or one for each picture."
        )
    return whole, inside


def preserve_outside(
    penalty: str | float | None, picture: Tensor, region: Tensor
) -> tuple[Tensor | None, Objective | None]:
    """How a run preserves the picture outside a mask: the region of a hard mask, or the loss of a soft penalty.

    Args:
        penalty: None for the hard mask, ``"paper"`` for the published weight 10, or a weight.
        picture: what to preserve, float (n, 3, size, size).
        region: where the task paints, bool (n or 1, 1, size, size).
    """
    if penalty is None:
        return region, None
    weight = PAPER_PENALTY if penalty == "paper" else float(penalty)
    return None, weight * MatchOutside(picture, region)


def fill_inside(picture: Tensor, mask: Tensor, fill: str = "harmonic") -> Tensor:
    """The picture with the mask's inside filled from the outside.

    Args:
        picture: float (n, 3, h, w).
        mask: bool (n or 1, 1, h, w).
        fill: ``"harmonic"`` is the smoothest surface through the colours around the hole (Laplace's equation), which
            has no edge for steps to amplify; ``"mean"`` is the mean colour of the outside, as in the paper.
    """
    if fill == "harmonic":
        return harmonic_fill(picture, mask)
    outside = (~mask).to(picture.dtype)
    mean = (picture * outside).sum((2, 3), keepdim=True) / outside.sum((2, 3), keepdim=True).clamp_min(1)
    return torch.where(mask, mean, picture)


def with_noise(batch: Tensor, seed: int | None, region: Tensor | None = None) -> Tensor:
    """The pictures with faint seeded smooth noise, inside a region if one is given.

    Picture i of a batch gets the noise of ``seed + i``; None adds none.
    """
    if seed is None:
        return batch
    channels, size = batch.shape[1:3]
    noise = [smooth_noise(channels, size, seed + i) for i in range(len(batch))]
    noisy = (batch + NOISE * torch.stack(noise)).clamp(0, 1)
    return noisy if region is None else torch.where(region, noisy, batch)
