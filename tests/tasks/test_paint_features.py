"""Features are painted one after the other, by name or by unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from robust_widgets.errors import ParameterError, PictureError, RobustWidgetsError, UnknownNameError, WeightsError
from robust_widgets.interface.session import Feature, RunRequest
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import catalogue_path, write_catalogue
from robust_widgets.models.features import model_features
from robust_widgets.models.model_file import load_model_file, save_model
from robust_widgets.models.networks.smoothresnet import Block, SmoothResNet
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.tasks.paint_features import paint_features
from robust_widgets.tasks.running.run import build_problem
from tests.helpers import (
    DEAD_UNIT,
    LIVE_UNIT,
    OTHER_UNIT,
    CompiledModule,
    check_sentence,
    pictures,
    raises_sentence,
    relu_model,
    tiny_model,
)

PICTURE = np.random.default_rng(5).integers(60, 196, (16, 16, 3)).astype(np.uint8)
LEFT, RIGHT, MIDDLE = (np.zeros((16, 16), bool) for _ in range(3))
LEFT[2:14, 1:7] = True
RIGHT[2:14, 9:15] = True
MIDDLE[6:10, 4:12] = True
PARAMETERS: dict[str, Any] = {"steps": 12, "step_size": 3.0}


def activation(model: RobustClassifier, pixels: np.ndarray, unit: int) -> float:
    x = torch.from_numpy(pixels.transpose(2, 0, 1)[None] / 255.0).float()
    return float(model.features(x)[0, unit].detach())


def painted(trace: Trace) -> np.ndarray:
    return trace.frames[-1, 0]


@pytest.mark.parametrize("second", [RIGHT, MIDDLE])
def test_two_features_in_sequence(second: np.ndarray) -> None:
    model = relu_model()
    units = (LIVE_UNIT, OTHER_UNIT)
    both = paint_features(PICTURE, [LEFT, second], list(units), model=model, **PARAMETERS)
    first = paint_features(PICTURE, LEFT, units[0], model=model, **PARAMETERS)
    then = paint_features(painted(first), second, units[1], model=model, **PARAMETERS)
    assert len(both) == 2 * PARAMETERS["steps"] + 1 and [frame.step for frame in both] == list(range(len(both)))
    np.testing.assert_array_equal(both.frames[: len(first)], first.frames)
    np.testing.assert_array_equal(both.frames[len(first) :], then.frames[1:])
    for frame in both.frames[len(first) :, 0]:
        np.testing.assert_array_equal(frame[~second], painted(first)[~second], "what was painted first stays")
    np.testing.assert_array_equal(painted(both)[~(LEFT | second)], PICTURE[~(LEFT | second)])
    assert activation(model, painted(first), units[0]) > activation(model, PICTURE, units[0])
    assert activation(model, painted(both), units[1]) > activation(model, painted(first), units[1])
    if second is RIGHT:
        assert activation(model, painted(both), units[0]) > activation(model, PICTURE, units[0])
    assert both.target == f"{units[0]}, {units[1]}"
    assert all(a <= b for a, b in zip(both.seconds, both.seconds[1:], strict=False))


def test_three_features_and_a_stop_in_the_second() -> None:
    seen: list[int] = []
    trace = paint_features(
        PICTURE,
        [LEFT, RIGHT, MIDDLE],
        (1, LIVE_UNIT, OTHER_UNIT),
        model=relu_model(),
        steps=4,
        on_step=lambda frame: seen.append(frame.step) or frame.step < 6,
    )
    assert seen == list(range(7)) and len(trace) == 7
    np.testing.assert_array_equal(painted(trace)[MIDDLE & ~LEFT & ~RIGHT], PICTURE[MIDDLE & ~LEFT & ~RIGHT])


def test_a_sequence_on_a_picture_that_is_not_square() -> None:
    wide = np.random.default_rng(1).integers(60, 196, (24, 40, 3)).astype(np.uint8)
    left, right = np.zeros((24, 40), bool), np.zeros((24, 40), bool)
    left[4:20, 10:18], right[4:20, 22:30] = True, True
    trace = paint_features(wide, [left, right], [1, LIVE_UNIT], model=relu_model(), steps=3)
    assert len(trace) == 7
    changed = (trace.frames[-1, 0] != trace.frames[0, 0]).any(-1)
    assert changed[:, :8].any() and changed[:, 8:].any() and not changed[0].any()


def test_a_sequence_with_a_soft_penalty_and_at_another_size() -> None:
    trace = paint_features(
        PICTURE, [LEFT, RIGHT], [1, LIVE_UNIT], model=relu_model(), steps=3, penalty="paper", size=32
    )
    assert trace.frames.shape == (7, 1, 32, 32, 3)


def test_a_dead_unit_is_switched_on() -> None:
    model = relu_model()
    last = cast(Block, cast(SmoothResNet, model.network).stages[-1])
    before: list[torch.Tensor] = []
    hook = last.norm2.register_forward_hook(lambda _module, _inputs, output: before.append(output))
    activation(model, PICTURE, DEAD_UNIT)
    hook.remove()
    with torch.no_grad():  # off at every pixel, but not by much
        last.norm2.bias[DEAD_UNIT] -= before[0][0, DEAD_UNIT].max() + 0.1
    assert activation(model, PICTURE, DEAD_UNIT) == 0
    trace = paint_features(PICTURE, ~MIDDLE, DEAD_UNIT, model=model, steps=20, step_size=20, constraint="none")
    assert activation(model, painted(trace), DEAD_UNIT) > 0


def test_strength_scales_epsilon_and_step_size() -> None:
    model = relu_model()
    weak, strong = (
        paint_features(PICTURE, MIDDLE, LIVE_UNIT, model=model, strength=s, steps=10, epsilon=8.0) for s in (0.5, 2.0)
    )
    assert weak.radius == pytest.approx(4 * 16 / 224) and strong.radius == pytest.approx(16 * 16 / 224)
    np.testing.assert_allclose(4 * weak[1].distance, strong[1].distance, rtol=1e-3)
    np.testing.assert_array_equal(
        painted(paint_features(PICTURE, MIDDLE, 1, model=model, strength=2.0, epsilon=4, step_size=0.5, steps=3)),
        painted(paint_features(PICTURE, MIDDLE, 1, model=model, epsilon=8, step_size=1, steps=3)),
    )


FEATURES = [("cat 1", 3), ("dog 1", 9), ("dog 2", 0)]


@pytest.fixture
def named(tmp_path: Path) -> RobustClassifier:
    """A model from a file, with a catalogue next to it."""
    save_model(tiny_model(), tmp_path / "model.safetensors")
    model = load_model_file(tmp_path / "model.safetensors")
    grey = np.full((48, 48, 3), 128, np.uint8)
    entries = [Feature(name, unit, (name.split()[0],), grey) for name, unit in FEATURES]
    write_catalogue(catalogue_path(tmp_path / "model.safetensors"), model.fingerprint, entries)
    return model


def test_a_feature_by_name(named: RobustClassifier) -> None:
    by_name = paint_features(PICTURE, LEFT, " DOG 1 ", model=named, steps=2)
    np.testing.assert_array_equal(by_name.frames, paint_features(PICTURE, LEFT, 9, model=named, steps=2).frames)
    asked = RunRequest("paint_features", "dog 1", {"steps": 2}, PICTURE, LEFT.astype(np.uint8) * 255)
    asked_for = run(build_problem(named, asked))
    np.testing.assert_array_equal(by_name.frames, asked_for.frames)
    by_unit = run(build_problem(named, replace(asked, target="9")))
    np.testing.assert_array_equal(by_name.frames, by_unit.frames)
    assert paint_features(PICTURE, [LEFT, RIGHT], ["dog 2", 3], model=named, steps=1).target == "dog 2, 3"


def test_a_name_that_is_not_in_the_catalogue(named: RobustClassifier) -> None:
    with raises_sentence(UnknownNameError, "'dgo 1'", "'dog 1'"):
        paint_features(PICTURE, LEFT, "dgo 1", model=named)


BAD: list[tuple[Any, Any, type[RobustWidgetsError], str]] = [
    (LEFT, 12, UnknownNameError, "12 units"),
    (LEFT, -1, UnknownNameError, "-1"),
    (LEFT, None, UnknownNameError, "None"),
    (LEFT, 1.5, UnknownNameError, "1.5"),
    (LEFT, True, UnknownNameError, "True"),
    (LEFT, "dog 1", WeightsError, "not loaded from a file"),
    ([LEFT, RIGHT], 1, PictureError, "1 features and 2 masks"),
    (LEFT, [1, 2], PictureError, "2 features and 1 masks"),
    ([], [], PictureError, "at least one"),
]


@pytest.mark.parametrize(("mask", "feature", "kind", "said"), BAD, ids=[said for *_, said in BAD])
def test_what_cannot_be_painted(mask: Any, feature: Any, kind: type[RobustWidgetsError], said: str) -> None:
    with raises_sentence(kind, said):
        paint_features(PICTURE, mask, feature, model=relu_model())


@pytest.mark.parametrize(
    ("masks", "units"), [([LEFT, np.zeros_like(LEFT)], [1, 2]), ([LEFT, LEFT], [1, 99]), ([LEFT, LEFT[:8]], [1, 2])]
)
def test_a_bad_second_feature_is_refused_before_the_first_is_painted(masks: list[np.ndarray], units: list[int]) -> None:
    model, seen = relu_model(), []
    passes = CompiledModule(model)
    with pytest.raises(RobustWidgetsError) as caught:
        paint_features(PICTURE, masks, units, model=model, on_step=seen.append)
    check_sentence(str(caught.value))
    assert not seen and passes.backwards == 0


def test_a_network_without_features() -> None:
    bare = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    model = RobustClassifier(bare, relu_model().card)
    with raises_sentence(WeightsError, "penultimate"):
        paint_features(PICTURE, LEFT, 0, model=model)


def test_a_network_without_a_head_still_paints_but_names_no_classes() -> None:
    model = relu_model()
    network = model.network
    headless = RobustClassifier(torch.nn.Module(), model.card)
    headless.network.features = network.features  # type: ignore[assignment]
    trace = paint_features(PICTURE, LEFT, LIVE_UNIT, model=headless, steps=2)
    assert len(trace) == 3 and trace[0].probabilities is None
    with raises_sentence(WeightsError, "head"):
        headless.classify(torch.zeros(1, 12))


@pytest.mark.parametrize("value", [0, -1, "strong", None, 101])
def test_a_strength_out_of_range(value: Any) -> None:
    with raises_sentence(ParameterError, "strength", repr(value)):
        paint_features(PICTURE, LEFT, 1, strength=value, model=relu_model())


def test_a_batch_of_pictures_in_sequence() -> None:
    batch = pictures(2, 16, low=0.3, high=0.7)
    trace = paint_features(batch, [LEFT, RIGHT], [1, LIVE_UNIT], model=relu_model(), steps=2)
    assert trace.frames.shape == (5, 2, 16, 16, 3)


def test_a_feature_of_the_catalogue_is_taken_as_it_is(tmp_path: Path) -> None:
    save_model(tiny_model(), tmp_path / "tiny.safetensors")
    model = load_model_file(tmp_path / "tiny.safetensors")
    thumbnail = np.zeros((8, 8, 3), np.uint8)
    entries = [Feature("cat 1", 5, ("cat",), thumbnail), Feature("dog 1", 3, ("dog",), thumbnail)]
    write_catalogue(catalogue_path(tmp_path / "tiny.safetensors"), model.fingerprint, entries)
    first, second = model_features(model)
    one = paint_features(PICTURE, LEFT, first, model=model, steps=2)
    np.testing.assert_array_equal(one.frames, paint_features(PICTURE, LEFT, 5, model=model, steps=2).frames)
    assert one.target == "cat 1"
    both = paint_features(PICTURE, [LEFT, RIGHT], [first, second], model=model, steps=2)
    assert both.target == "cat 1, dog 1"
    np.testing.assert_array_equal(both.frames[:3], one.frames)
    assert Activation([first, second]).channels == (5, 3)  # type: ignore[list-item]
    with raises_sentence(UnknownNameError, "no class", "cat 1"):
        model.class_index(replace(first, unit=1))  # type: ignore[arg-type]
