"""Dreams of layers: which channel each picture is for, where it starts, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import ParameterError, PictureError, RobustWidgetsError, UnknownNameError
from robust_widgets.interface.session import RunRequest
from robust_widgets.interface.tasks import task_spec
from robust_widgets.solvers.run import run
from robust_widgets.tasks.running.run import build_problem
from tests.helpers import raises_sentence, smooth_model
from tests.tasks.calls import PICTURE

MODEL = smooth_model(16)


def dream(layer: str = "conv1", picture: Any = None, **options: Any) -> rw.Trace:
    return rw.dream(layer, picture, model=MODEL, **{"steps": 6, **options})


def activations(trace: rw.Trace) -> torch.Tensor:
    x = torch.from_numpy(trace.pixels.transpose(0, 3, 1, 2) / 255.0).float()
    return MODEL.activations(x, trace.target).mean((2, 3))


def test_each_picture_is_for_its_channel() -> None:
    trace = dream(channel=2, channels=3, n=2, step_size=3.0, steps=10)
    values = activations(trace)
    for i, channel in enumerate([2, 2, 3, 3, 4, 4]):
        assert values[i, channel] >= values[:, channel].max() - 0.02, "most of its own channel"
        np.testing.assert_allclose(trace[-1].loss[i], -values[i, channel], atol=0.01)
    np.testing.assert_array_equal(trace[0].pixels[:2], trace[0].pixels[2:4], err_msg="all channels start alike")
    assert not np.array_equal(trace[0].pixels[0], trace[0].pixels[1]), "two seeds"


def test_a_sheet_is_the_same_pictures_as_one_by_one() -> None:
    sheet = dream("conv2", channel=1, channels=3)
    for i in range(3):
        alone = dream("conv2", channel=1 + i)
        assert np.abs(alone.pixels[0].astype(int) - sheet.pixels[i]).max() <= 1


def test_a_whole_layer_dreams_of_what_it_sees() -> None:
    trace = dream("conv2", PICTURE, channel=None, steps=10)
    assert trace[-1].loss[0] < trace[0].loss[0] and trace.parameters["channel"] is None
    assert np.abs(trace[0].pixels[0].astype(int) - PICTURE).max() <= 20, "it starts from the picture"
    assert trace[-1].probabilities is not None and np.isnan(trace[-1].probability).all()


def test_a_request_with_or_without_a_picture() -> None:
    spec = task_spec("dream")
    assert (spec.target, spec.inputs, spec.takes_picture, spec.needs_picture) == ("layer", ("picture",), True, False)
    assert not spec.is_batchable
    parameters = {"channels": 2, "steps": 2}
    noise = run(build_problem(MODEL, RunRequest("dream", "conv1", parameters)))
    np.testing.assert_array_equal(noise.frames, dream(channels=2, steps=2).frames)
    start = np.stack([PICTURE, PICTURE[::-1]])
    branched = run(build_problem(MODEL, RunRequest("dream", "conv1", parameters, start=start)))
    np.testing.assert_array_equal(branched[0].pixels, start)


def test_diversity_counts_among_the_pictures_of_a_channel() -> None:
    plain, diverse = (dream("conv2", channels=2, n=2, diversity=weight).metrics["loss"][0] for weight in (0.0, 2.0))
    assert (diverse > plain).all()
    np.testing.assert_array_equal(dream(n=1, diversity=2.0).frames, dream(n=1).frames)


def test_its_code_repeats_it() -> None:
    trace = dream("conv2", channel=3, n=2)
    text = rw.to_code(trace)
    assert "rw.dream('conv2', model=model" in text.replace("\n    ", " ").replace("( ", "(") and "channel=3" in text
    with_picture = run(build_problem(MODEL, RunRequest("dream", "conv1", {"steps": 1}, picture=PICTURE)))
    with_picture.inputs["picture"] = PICTURE
    text = rw.to_code(with_picture).replace("\n    ", " ")
    assert "rw.dream( 'conv1', picture," in text or "rw.dream('conv1', picture," in text


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        (UnknownNameError, {"layer": "conv9"}, "'conv1'"),
        (UnknownNameError, {"channel": 7, "channels": 2}, "0 to 7"),
        (ParameterError, {"channel": None, "channels": 2}, "channels is 2"),
        (PictureError, {"picture": [PICTURE, PICTURE]}, "2 pictures"),
    ],
)
def test_what_it_cannot_do_is_a_sentence(kind: type[RobustWidgetsError], options: dict[str, Any], named: str) -> None:
    with raises_sentence(kind, named):
        dream(**options)
