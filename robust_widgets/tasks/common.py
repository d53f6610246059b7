"""What every task needs before it can build its problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from robust_widgets.errors import PictureError
from robust_widgets.interface.parameters import PAPER_PENALTY
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import DEFAULT, choose_device, load_model
from robust_widgets.pictures.tensors import Mask, Picture, shape_of, to_batch, to_mask
from robust_widgets.synthesis.constraints import Constraint, L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.objectives import Jitter, MatchOutside, Objective
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, LinfStep, Stepper
from robust_widgets.units import from_levels, raw_pixels

GRAIN = 0.02
LARGEST_SHIFT = 16


def resolve_model(model: RobustClassifier | str | None, device: str | torch.device | None) -> RobustClassifier:
    """The model to run, on the device asked for.

    A model that was handed in stays where it is unless a device is named; then a copy is moved, never the caller's.
    """
    if not isinstance(model, RobustClassifier):
        return load_model(model or DEFAULT, device=device)
    if device is None:
        return model
    chosen, here = choose_device(device), model.device
    if (chosen.type, chosen.index or 0) == (here.type, here.index or 0):
        return model
    return model.copy_to(chosen)


def side_of(model: RobustClassifier, parameters: dict[str, Any]) -> int:
    """Side in pixels of the pictures a run optimises: the parameter ``size``, or the model's own."""
    return parameters["size"] or model.input_size


def ball_and_step(parameters: dict[str, Any], side: int, strength: float = 1.0) -> tuple[Constraint, Stepper]:
    """The constraint and stepper that the parameters ask for, in raw pixels of a picture of this side.

    L2 radii and steps are in pixels at 224; under Linf the same numbers are levels of 255, which do not depend on
    the side.
    """
    epsilon, step_size = strength * parameters["epsilon"], strength * parameters["step_size"]
    if parameters["constraint"] == "linf":
        return LinfBall(from_levels(epsilon)), LinfStep(from_levels(step_size))
    stepper = L2Step(raw_pixels(step_size, side))
    if parameters["constraint"] == "none":
        return Unconstrained(), stepper
    return L2Ball(raw_pixels(epsilon, side)), stepper


def make_problem(
    task: str,
    model: RobustClassifier,
    start: Tensor,
    objective: Objective,
    target: str,
    parameters: dict[str, Any],
    *,
    region: Tensor | None = None,
    outside: Objective | None = None,
    strength: float = 1.0,
) -> Problem:
    """A task's problem from what is its own.

    Args:
        task: its name.
        model: the classifier.
        start: float (n, 3, side, side) in [0, 1].
        objective: the loss on the classifier. On pictures larger than the model's it is evaluated on the picture
            shifted at random, so that the network's strides and borders leave no mark.
        target: what is asked for, in words.
        parameters: all of the task's parameters, checked.
        region: where the picture may change; everywhere by default.
        outside: a loss on the picture itself, which is not shifted.
        strength: scales epsilon and step size.
    """
    side = start.shape[-1]
    constraint, stepper = ball_and_step(parameters, side, strength)
    if side > model.input_size:
        objective = Jitter(objective, min(LARGEST_SHIFT, side // 4), seed=parameters["seed"] or 0)
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
        parameters=parameters,
    )


def picture_and_mask(picture: Picture | Sequence[Picture], mask: Mask, side: int) -> tuple[Tensor, Tensor]:
    """Pictures and their mask at the side of a run: float (n, 3, side, side), and bool (n or 1, 1, side, side).

    Raises:
        PictureError: one of them cannot be read, the mask marks nothing or everything, or it has another shape than
            the picture.
    """
    whole = to_batch(picture, side)
    first: Picture = picture[0] if isinstance(picture, (list, tuple)) and len(picture) else picture  # pyright: ignore[reportAssignmentType]
    (height, width), (mask_height, mask_width) = shape_of(first), shape_of(mask)
    if abs(height * mask_width - width * mask_height) > max(height, width, mask_height, mask_width):
        raise PictureError(
            f"The mask is {mask_width} x {mask_height} pixels and the picture {width} x {height}; "
            "give a mask of the picture's shape."
        )
    inside = to_mask(mask, side)
    if len(inside) not in (1, len(whole)):
        raise PictureError(
            f"There are {len(inside)} masks for {len(whole)} pictures; give one mask, or one for each picture."
        )
    return whole, inside


def kept_outside(
    penalty: str | float | None, picture: Tensor, region: Tensor
) -> tuple[Tensor | None, Objective | None]:
    """How a run keeps the picture outside a mask: the region of a hard mask, or the loss of a soft penalty.

    Args:
        penalty: None for the hard mask, ``"paper"`` for the published weight 10, or a weight.
        picture: what to keep, float (n, 3, side, side).
        region: where the task paints, bool (n or 1, 1, side, side).
    """
    if penalty is None:
        return region, None
    weight = PAPER_PENALTY if penalty == "paper" else float(penalty)
    return None, weight * MatchOutside(picture, region)


def with_grain(batch: Tensor, seed: int | None, region: Tensor | None = None) -> Tensor:
    """The pictures with faint seeded noise, inside a region where one is given.

    Picture i of a batch has the grain of ``seed + i``; None lays none.
    """
    if seed is None:
        return batch
    grain = [torch.randn(batch.shape[1:], generator=torch.Generator().manual_seed(seed + i)) for i in range(len(batch))]
    noisy = (batch + GRAIN * torch.stack(grain)).clamp(0, 1)
    return noisy if region is None else torch.where(region, noisy, batch)
