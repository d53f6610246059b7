"""Pictures that a layer's channels want, or that show all of what a layer sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, Unpack

from robust_widgets.errors import ParameterError, PictureError
from robust_widgets.interface.parameters import (
    CHANNEL,
    CHANNELS,
    CONSTRAINT,
    COUNT,
    DIVERSITY,
    EPSILON,
    SEED,
    SIZE,
    STEP_SIZE,
    STEPS,
)
from robust_widgets.interface.tasks import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.pictures.tensors import Picture
    from robust_widgets.runs.record import Frame
    from robust_widgets.runs.trace import Trace
    from robust_widgets.synthesis.objectives import Objective
    from robust_widgets.synthesis.problem import Problem

GREY, NOISE = 0.5, 0.05  # the start without a picture; deviation before smoothing, which leaves 0.023


class Parameters(TypedDict, total=False):
    """The keywords."""

    channel: Annotated[int | None, CHANNEL]
    channels: Annotated[int, CHANNELS]
    n: Annotated[int, COUNT]
    diversity: Annotated[float, DIVERSITY]
    # Twice what a class needs: from grey, a texture has to fill the whole picture.
    steps: Annotated[int, STEPS.with_default(90)]
    epsilon: Annotated[float, EPSILON.with_default(80)]
    step_size: Annotated[float, STEP_SIZE]
    seed: Annotated[int, SEED]
    constraint: Annotated[str, CONSTRAINT]
    size: Annotated[int | None, SIZE]


def dream(
    layer: str,
    picture: Picture | None = None,
    *,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **parameters: Unpack[Parameters],
) -> Trace:
    """Dream of a layer: a picture that one of its channels wants, or that shows more of what the layer sees.

    Each step raises the mean activation of a channel. With several channels the pictures are a sheet, row by row.

    Args:
        layer: one of the model's layers, by name: those of :meth:`RobustClassifier.layers`.
        picture: the start, as :func:`robust_widgets.to_batch` takes it; without one, smooth noise on grey.
        channel: the index of the first channel. None is the layer as a whole: the mean square of all its activations.
        channels: how many channels, from the first on, each in pictures of its own.
        n: number of pictures of each channel. Picture i starts from seed ``seed + i``.
        diversity: the weight of a term that makes the pictures of a channel differ (`Diversity`), for n of at least 2.
            It counts against the activation, whose size depends on the layer.
        steps: gradient steps.
        epsilon: L2 limit on the distance from the start, in pixels at 224. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224. Under Linf, levels of 255.
        seed: seeds the noise of the start; on a picture it is faint.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        size: width and height of the pictures in pixels; None is the model's own. A larger size is painted coarse to
            fine: at the model's own size first, then at each double of it with a smaller epsilon.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, channels * n, size, size, 3), ``metrics``, ``pictures``. The loss is minus
        the activation; there is no probability.

    Raises:
        PictureError: the picture cannot be read, or there are several.
        UnknownNameError: no such layer, channel or parameter; the message names the nearest.
        ParameterError: a value out of range, or several channels of a whole layer.
    """
    from robust_widgets.tasks.running.run import run_task

    return run_task(SPEC, layer, parameters, picture=picture, model=model, device=device, on_step=on_step)


def problem(model: RobustClassifier, picture: Picture | None, layer: str, parameters: dict[str, Any]) -> Problem:
    """The problem of a run."""
    import torch

    from robust_widgets.models.noise import smooth_noise
    from robust_widgets.pictures.tensors import to_batch
    from robust_widgets.tasks.running.problems import assemble, size_of, with_noise

    objective = _objective(layer, parameters)
    size, count, channels = size_of(model, parameters), parameters["n"], parameters["channels"]
    if picture is None:
        noise = [smooth_noise(3, size, parameters["seed"] + i) for i in range(count)]
        start = (GREY + NOISE * torch.stack(noise)).clamp(0, 1)
    else:
        batch = to_batch(picture, size)
        if len(batch) > 1:
            raise PictureError(f"There are {len(batch)} pictures to dream on; give one.")
        start = with_noise(batch.repeat(count, 1, 1, 1), parameters["seed"])
    return assemble(SPEC.name, model, start.repeat(channels, 1, 1, 1), objective, layer, parameters)


def _objective(layer: str, parameters: dict[str, Any]) -> Objective:
    """The loss of a run: for each channel, that of its pictures."""
    from robust_widgets.synthesis.objectives.layers import Activation, DeepDream, Diversity

    channel, channels, count = parameters["channel"], parameters["channels"], parameters["n"]
    if channel is None and channels > 1:
        raise ParameterError(f"channels is {channels} for the whole layer; give channel, too: the first of them.")
    objective: Objective = DeepDream(layer)
    if channel is not None:
        objective = Activation([channel + i // count for i in range(channels * count)], layer=layer)
    if parameters["diversity"] and count > 1:
        objective = objective + parameters["diversity"] * Diversity(layer, among=count)
    return objective


SPEC = TaskSpec(
    function=dream,
    keywords=Parameters,
    problem=problem,
    label="Dream",
    hint="Choose a layer; the picture that its channel wants grows from noise, or from what is on the canvas.",
    order=7,
    command_help="For example: dream stage2 --channel 0 --channels 16 --out sheet.png. The command models lists the "
    "layers of a model: models default --layers.",
)
