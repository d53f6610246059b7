"""Paint a small picture of each class, as the model sees it: for the class picker."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from robust_widgets._files import read_cache, write_cache
from robust_widgets.models.class_pictures import QUALITY, SIDE
from robust_widgets.models.class_seeds import draw_seeds
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.noise import smooth_noise
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import resize, to_pixels
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.loop import StepInfo, iterate
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step
from robust_widgets.units import raw_pixels

STEPS = 60
EPSILON, STEP_SIZE = 40.0, 1.0  # pixels at 224, as `generate` has them
EPSILON_FROM_GREY = 60.0  # grey is farther from any picture than a draw in the class's colours
GREY, NOISE = 0.5, 0.05
CACHE_KIND = "class-pictures"
METHOD = (1, STEPS, EPSILON, STEP_SIZE, EPSILON_FROM_GREY, NOISE, SIDE)


def paint_classes(
    model: RobustClassifier,
    classes: Sequence[int],
    *,
    tries: int = 1,
    should_continue: Callable[[], bool] = lambda: True,
) -> list[Pixels] | None:
    """A picture of each class, as :func:`robust_widgets.generate` makes them.

    A model without seed statistics paints from grey with smooth noise.

    Args:
        model: the classifier.
        classes: indices of the classes, painted as one batch.
        tries: pictures painted of each, from seeds 0, 1 and so on; the one of highest probability is returned.
        should_continue: called before each step.

    Returns:
        uint8 (64, 64, 3) for each class; None if ``should_continue`` returned False.
    """
    size = model.input_size
    indices = [index for index in classes for _ in range(tries)]
    problem = Problem(
        model=model,
        start=torch.cat([_start(model, index, tries) for index in classes]),
        objective=CrossEntropy(indices),
        stepper=L2Step(raw_pixels(STEP_SIZE, size)),
        steps=STEPS,
        constraint=L2Ball(raw_pixels(EPSILON if model.seeds is not None else EPSILON_FROM_GREY, size)),
    )

    def pictures_and_logits(_step: int, x: Tensor, info: StepInfo) -> tuple[Tensor, Tensor | None]:
        return x, info.logits

    last: tuple[Tensor, Tensor | None] = (problem.start, None)
    for frame in iterate(problem, pictures_and_logits):
        last = frame
        if not should_continue():
            return None
    x, logits = last
    assert logits is not None
    probability = logits.softmax(1)[range(len(indices)), indices].view(len(classes), tries)
    best = probability.argmax(1).tolist()
    chosen = x.view(len(classes), tries, *x.shape[1:])[range(len(classes)), best]
    return list(to_pixels(resize(chosen, SIDE, SIDE)))


def cached_class_picture(
    model: RobustClassifier, index: int, should_continue: Callable[[], bool] = lambda: True
) -> bytes | None:
    """The picture of one class as a JPEG file, cached on disk; None if ``should_continue`` returned False."""
    card = model.card
    key = (model.fingerprint, card.architecture, card.mean, card.std, card.input_size, METHOD, index)
    known = read_cache(CACHE_KIND, key)
    if known is not None and isinstance(known.get("jpeg"), str):
        return base64.b64decode(known["jpeg"])
    painted = paint_classes(model, [index], should_continue=should_continue)
    if painted is None:
        return None
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(painted[0])).save(file, "JPEG", quality=QUALITY, subsampling=0)
    write_cache(CACHE_KIND, key, {"jpeg": base64.b64encode(file.getvalue()).decode()})
    return file.getvalue()


def _start(model: RobustClassifier, index: int, count: int) -> Tensor:
    if model.seeds is not None:
        return draw_seeds(model, index, count, 0)
    noise = torch.stack([smooth_noise(3, model.input_size, seed) for seed in range(count)])
    return (GREY + NOISE * noise).clamp(0, 1).to(model.device)
