"""Call every task the same way, with a picture and a mask if it takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from robust_widgets.interface.session import RunRequest
from robust_widgets.interface.tasks import task_specs
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import Weighted
from tests.helpers import smooth_model

SIDE = 16
MODEL = smooth_model(SIDE)
PICTURE = np.random.default_rng(3).integers(40, 216, (SIDE, SIDE, 3)).astype(np.uint8)
PICTURE[:2] = 120  # flat ground that reaches the border
PICTURE[:, :2] = 120
PICTURE[:, 13:] = 120
MASK = np.zeros((SIDE, SIDE), bool)
MASK[3:11, 5:13] = True
MASK[8:11, 5:8] = False

FUNCTIONS: dict[str, Callable[..., Trace]] = {name: spec.function for name, spec in task_specs().items()}
MASKED = tuple(name for name, spec in task_specs().items() if spec.takes_mask)
FROM_PICTURE = tuple(name for name, spec in task_specs().items() if spec.takes_picture)


def wanted(task: str) -> str | int:
    """The default target of a task: a class, a unit, or a layer."""
    return {"paint_features": 4, "dream": "conv2"}.get(task, "cat")


def call(task: str, target: Any = ..., **options: Any) -> Trace:
    """Run a task by its function."""
    spec, model = task_specs()[task], options.get("model", MODEL)
    if target is ... and task == "dream" and model is not MODEL and isinstance(model, RobustClassifier):
        target = model.layers()[-2].name
    own = {"picture": PICTURE, "mask": MASK}
    inputs = {name: options.pop(name, own[name]) for name in spec.inputs}
    return spec.call(wanted(task) if target is ... else target, inputs, **{"model": MODEL, **options})


def request(task: str, parameters: dict[str, Any] | None = None, target: str | int | None = None) -> RunRequest:
    """A studio's request for the same run."""
    mask = MASK.astype(np.uint8) * 255 if task in MASKED else None
    return RunRequest(task, str(wanted(task) if target is None else target), parameters or {}, PICTURE, mask)


def unweighted(problem: Problem) -> Any:
    """A problem's stepper without its weight, if it has one."""
    return problem.stepper.inner if isinstance(problem.stepper, Weighted) else problem.stepper


def assert_different(one: Trace, other: Trace) -> None:
    same_shape = one.frames.shape == other.frames.shape
    assert not same_shape or not np.array_equal(one.frames[-1], other.frames[-1])
    assert not same_shape or not np.array_equal(one.metrics["loss"], other.metrics["loss"])
