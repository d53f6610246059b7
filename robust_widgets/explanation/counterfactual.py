"""The counterfactual: the smallest change that makes a picture another class.

A search over epsilon: each attempt is an ordinary run of ``translate`` whose ball has that radius, and the radius is
bisected. Of a robust classifier the change is one that people see, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import torch

from robust_widgets.errors import ParameterError, PictureError, RunError
from robust_widgets.interface.explanation import Counterfactual
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import Picture, from_pixels, plain_torch, to_batch, to_pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.run import run
from robust_widgets.tasks.running.run import resolve_model, task_problem
from robust_widgets.units import pixels_at_224

LARGEST = 80.0  # epsilon in pixels at 224 at which to give up
PRECISION = 0.02  # of epsilon
STEPS = 40
REACH = 2.5  # steps reach this many times epsilon, as usual for PGD
MAX_ATTEMPTS = 14


@plain_torch()
def counterfactual(
    picture: Picture,
    target: str | int,
    *,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    steps: int = STEPS,
    on_attempt: Callable[[Trace], object] | None = None,
) -> Counterfactual:
    """The smallest change found that makes the model see another class in a picture.

    The class counts as seen when it is the most probable one in the picture rounded to whole levels. The search ends
    when the radius is known to 2 %; a gradient search gives an upper bound, not a proof that nothing smaller exists.

    Args:
        picture: one picture, as :func:`robust_widgets.to_batch` takes it.
        target: the class, by name or index.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``.
        device: where to run; by default the fastest device.
        steps: gradient steps of each attempt.
        on_attempt: called with the run of each attempt; returning False ends the search with the best so far.

    Returns:
        The path from the picture to the change, the difference, and epsilon, L2 in pixels at 224.

    Raises:
        PictureError: the picture cannot be read, or there are several.
        UnknownNameError: no such class.
        ParameterError: the picture is of that class already, or steps is out of range.
        RunError: no change of epsilon 80 makes it that class.
    """
    classifier = resolve_model(model, device)
    index = classifier.class_index(target)
    x = to_batch(picture, classifier.input_size)
    if len(x) != 1:
        raise PictureError(f"There are {len(x)} pictures to change; give one.")
    (source,) = _classes_of(classifier, to_pixels(x))
    name = classifier.classes[index]
    if source == index:
        raise ParameterError(f"The model sees {name!r} in this picture already; give another class.")

    low, high, best = 0.0, LARGEST, None
    for _ in range(MAX_ATTEMPTS):
        epsilon = high if best is None else (low + high) / 2
        parameters = {"steps": steps, "epsilon": epsilon, "step_size": REACH * epsilon / steps}
        trace = run(task_problem("translate", classifier, index, parameters, picture=x))
        seen = _classes_of(classifier, trace.frames[:, 0])
        changed = seen.index(index) if index in seen else None
        if changed is None:
            low = epsilon
        else:
            best = _up_to(trace, changed)
            high = pixels_at_224(float(best[-1].distance[0]), classifier.input_size)
        if best is None:
            raise RunError(
                f"No change of epsilon {LARGEST:g} makes the model see {name!r} here; choose a class nearer to it."
            )
        if (on_attempt is not None and on_attempt(trace) is False) or high - low <= PRECISION * high:
            break
    assert best is not None
    best.inputs["picture"] = to_pixels(x)[0]
    return Counterfactual(best, classifier.classes[source], name, high)


def _up_to(trace: Trace, step: int) -> Trace:
    """A run up to a step, as a run of that many steps makes it."""
    part = Trace(**{field.name: getattr(trace, field.name) for field in fields(trace) if field.init})
    part.parameters = {**trace.parameters, "steps": step}
    part._recorded = [trace[index] for index in range(step + 1)]  # pyright: ignore[reportPrivateUsage]
    return part


@torch.no_grad()
def _classes_of(model: RobustClassifier, pixels: Pixels) -> list[int]:
    """The most probable class of each picture, uint8 (n, h, w, 3)."""
    return model(from_pixels(pixels).to(model.device)).argmax(1).tolist()
