"""Masked parts of pictures painted again (paper, section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, Unpack

from robust_widgets.interface.parameters import CONSTRAINT, EPSILON, FILL, NOISE_SEED, PENALTY, SIZE, STEP_SIZE, STEPS
from robust_widgets.interface.tasks import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.pictures.tensors import Mask, Picture
    from robust_widgets.runs.record import Frame
    from robust_widgets.runs.trace import Trace
    from robust_widgets.synthesis.problem import Problem


class Parameters(TypedDict, total=False):
    """The keywords."""

    steps: Annotated[int, STEPS]
    # With the paper's 21.6, saturated patches with hard edges replace what blends in with 10.
    epsilon: Annotated[float, EPSILON.with_default(10.0)]
    step_size: Annotated[float, STEP_SIZE.with_default(0.5)]
    seed: Annotated[int | None, NOISE_SEED]
    fill: Annotated[str, FILL]
    penalty: Annotated[str | float | None, PENALTY]
    constraint: Annotated[str, CONSTRAINT]
    size: Annotated[int | None, SIZE]


def inpaint(
    picture: Picture | Sequence[Picture],
    mask: Mask | Sequence[Mask],
    target: str | int,
    *,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **parameters: Unpack[Parameters],
) -> Trace:
    """Repaint the masked part of a picture towards a class.

    The hole starts as the smoothest surface through the colours around it, and steps count little at its edge, so that
    no seam stays. The paper's run is ``fill="mean",
    penalty="paper", steps=720, epsilon=21.6, step_size=0.1, seed=None``.

    Args:
        picture: the picture to repair, as :func:`robust_widgets.to_batch` takes it; one or a batch.
        mask: True, white, or lighter than middle grey where to paint; of the picture's shape. One, or one for each
            picture.
        target: what the picture shows: a class of the model, by name or index.
        penalty: None keeps the picture outside the mask bit for bit. ``"paper"`` is the published soft penalty, 10
            times the mean squared change outside; a number is another weight.
        fill: what fills the hole before the first step: ``"harmonic"``, or ``"mean"`` for the mean colour outside, as
            in the paper; steps then count alike in all of the hole.
        steps: gradient steps; 720 in the paper.
        epsilon: L2 limit on the distance from the start, in pixels at 224; 21.6 in the paper, whose start is further
            away. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; 0.1 in the paper. Under Linf, levels of 255.
        seed: seeds smooth noise (deviation 0.009) in the hole, so that another seed fills it differently; None
            adds none, as in the paper.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        size: width and height in pixels of the result; None is the model's own. A larger size is painted coarse
            to fine: at the model's own size first, then at each double of it with a smaller epsilon.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, size, size, 3), ``metrics``, ``pictures``.

    Raises:
        PictureError: the picture or mask cannot be read, the mask marks nothing or everything, or their shapes differ.
        UnknownNameError: no such class or parameter; the message names the nearest.
        ParameterError: a value out of range.
    """
    from robust_widgets.tasks.running.run import run_task

    return run_task(SPEC, target, parameters, picture=picture, mask=mask, model=model, device=device, on_step=on_step)


def problem(
    model: RobustClassifier,
    picture: Picture | Sequence[Picture],
    mask: Mask | Sequence[Mask],
    target: str | int,
    parameters: dict[str, Any],
) -> Problem:
    """The problem of a run."""
    from robust_widgets.pictures.weights import edge_weights
    from robust_widgets.tasks.running.problems import (
        fill_inside,
        picture_and_mask,
        preserve_outside,
        size_of,
        towards_class,
        with_noise,
    )

    whole, inside = picture_and_mask(picture, mask, size_of(model, parameters))
    region, outside = preserve_outside(parameters["penalty"], whole, inside)
    start = with_noise(fill_inside(whole, inside, parameters["fill"]), parameters["seed"], inside)
    weight = edge_weights(inside) if region is not None and parameters["fill"] == "harmonic" else None
    return towards_class(SPEC.name, model, start, target, parameters, region=region, outside=outside, weight=weight)


SPEC = TaskSpec(
    function=inpaint,
    keywords=Parameters,
    problem=problem,
    label="Inpaint",
    hint="Mask a part of the picture; it is repainted as part of the class.",
    order=5,
    shows_class=True,
    paper={"steps": 720, "epsilon": 21.6, "step_size": 0.1},
)
