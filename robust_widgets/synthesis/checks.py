"""What a problem must be made of, and the sentences for what it cannot be made of.

It is imported when a problem is made, not with the step loop.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from robust_widgets.errors import ParameterError, PictureError, WeightsError, short_repr, whole_number
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.synthesis.objectives import Objective

DTYPES = (torch.float32, torch.float64)


def check_parts(problem: Any) -> None:
    """Check the parts of a problem that are not tensors.

    Raises:
        ParameterError: one of them is of another kind.
    """
    model, objective = problem.model, problem.objective
    if not callable(model):
        if isinstance(model, str):
            raise ParameterError(
                f"The model of the problem is {model!r}; give the model itself, such as rw.load_model({model!r})."
            )
        raise ParameterError(
            f"The model of the problem is a {type(model).__name__}; give one that maps pictures to logits."
        )
    if not isinstance(objective, Objective):
        kind = objective.__name__ if isinstance(objective, type) else type(objective).__name__
        raise ParameterError(
            f"The objective of the problem is {'the class' if isinstance(objective, type) else 'a'} {kind!r}; give an "
            "Objective, such as rw.CrossEntropy('lion'), or an instance of a subclass of your own."
        )
    has_methods = all(hasattr(problem.constraint, name) for name in ("project", "random_start", "distance"))
    if isinstance(problem.constraint, type) or not has_methods:
        raise ParameterError(
            f"The constraint of the problem is {short_repr(problem.constraint)}; give an L2Ball, a LinfBall or "
            "Unconstrained()."
        )
    count = whole_number(problem.steps)
    if count is None or count < 1:
        raise ParameterError(f"steps is {short_repr(problem.steps)}; give a whole number of at least 1.")
    if problem.seed is not None and whole_number(problem.seed) is None:
        raise ParameterError(
            f"seed is {short_repr(problem.seed)}; give a whole number, or None to begin at the start itself."
        )


def usable_start(start: Any, model: Any) -> Tensor:
    """The start as a run needs it: without a gradient of its own, on the model's device, in its precision.

    Raises:
        PictureError: it is not a batch of finite pictures in [0, 1].
    """
    if not isinstance(start, Tensor):
        raise PictureError(
            f"The start is a {type(start).__name__}; give a batch of pictures as a tensor, such as "
            "rw.to_batch(picture, model.input_size)."
        )
    if not start.is_floating_point():
        raise PictureError(f"The start has values of type {start.dtype}; pictures are floats within 0 to 1.")
    if start.dim() != 4 or start.shape[1] != 3 or 0 in start.shape:
        raise PictureError(
            f"The start has shape {tuple(start.shape)}; a batch of pictures has shape (n, 3, height, width)."
        )
    low, high = float(start.detach().min()), float(start.detach().max())
    if not (math.isfinite(low) and math.isfinite(high)) or low < 0 or high > 1:
        raise PictureError(f"The start holds values from {low:g} to {high:g}; pictures are within 0 to 1.")
    weight = next((value for value in model.parameters() if value.dtype in DTYPES), None) if _is_module(model) else None
    with plain_torch():
        start = start.detach().clone() if start.requires_grad or start.is_inference() else start
        return start if weight is None else start.to(weight.device, weight.dtype)


def usable_region(region: Any, start: Tensor) -> Tensor:
    """The region, on the start's device.

    Raises:
        PictureError: it does not fit the start.
    """
    count, _, height, width = start.shape
    fitting = {(1, 1, height, width), (count, 1, height, width)}
    if not isinstance(region, Tensor) or region.dtype != torch.bool or tuple(region.shape) not in fitting:
        kind = f"{region.dtype} of shape {tuple(region.shape)}" if isinstance(region, Tensor) else type(region).__name__
        raise PictureError(
            f"The region is {kind}; for this start it is bool of shape (1 or {count}, 1, {height}, {width})."
        )
    with plain_torch():
        return (region.clone() if region.is_inference() else region).to(start.device)


def check_weight(weight: Any) -> None:
    """Check the weight of each pixel in a step.

    Raises:
        ParameterError: it is no tensor of weights.
    """
    kind = f"of shape {tuple(weight.shape)}, {weight.dtype}" if isinstance(weight, Tensor) else short_repr(weight, 80)
    if not isinstance(weight, Tensor) or not weight.is_floating_point() or weight.dim() != 4 or weight.shape[1] != 1:
        raise ParameterError(f"The weight is {kind}; give a float tensor of shape (n or 1, 1, height, width).")
    if not bool((weight >= 0).all()) or not bool(weight.isfinite().all()):
        raise ParameterError("The weight holds numbers that are negative or not finite; give numbers of at least 0.")


def check_weight_fits(weight: Tensor, x: Tensor) -> None:
    """Check a weight's shape and device; a copy to the device in every step would wait for it.

    Raises:
        ParameterError: it does not fit these pictures, (n, 3, h, w).
    """
    count, _, height, width = x.shape
    if weight.shape[0] not in (1, count) or weight.shape[2:] != x.shape[2:]:
        raise ParameterError(
            f"The weight has shape {tuple(weight.shape)}; for these pictures it has shape (1 or {count}, 1, {height}, "
            f"{width})."
        )
    if weight.device != x.device:
        raise ParameterError(
            f"The weight is on {weight.device} and the pictures on {x.device}; move it with weight.to(model.device)."
        )


def not_one_loss_each(objective: object, loss: object, count: int) -> ParameterError:
    """The error for a loss that is not one number for each picture."""
    kind = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
    return ParameterError(
        f"The loss of {type(objective).__name__} is {kind} for {count} pictures; return one number for each picture, a "
        f"tensor of shape ({count},), such as loss.flatten(1).mean(1)."
    )


def no_gradient(objective: object) -> ParameterError:
    """The error for a loss without a gradient with respect to the pictures."""
    return ParameterError(
        f"The loss of {type(objective).__name__} has no gradient with respect to the pictures: it does not depend on "
        "x, or was computed under no_grad, detached or rounded on the way; return a loss computed from x by "
        "differentiable operations."
    )


def no_features() -> WeightsError:
    """The error of a model without access to its penultimate layer."""
    return WeightsError("This model gives no access to its penultimate layer; bring one with a features method.")


def no_layers() -> WeightsError:
    """The error of a model without access to its layers."""
    return WeightsError("This model gives no access to its layers; load it with load_model.")


def _is_module(model: Any) -> bool:
    return isinstance(model, nn.Module)
