"""The smallest change that makes a picture another class."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import ParameterError, PictureError, RunError, UnknownNameError
from robust_widgets.explanation import counterfactual as module
from robust_widgets.units import pixels_at_224
from tests.helpers import raises_sentence, smooth_model

PICTURE = np.random.default_rng(3).integers(40, 216, (16, 16, 3)).astype(np.uint8)
MODEL = smooth_model(16)


def class_of(pixels: np.ndarray) -> int:
    return int(MODEL(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255).argmax())


def targets() -> list[int]:
    return [index for index in range(3) if index != class_of(PICTURE)]


def test_the_change_flips_the_class_and_a_smaller_ball_does_not() -> None:
    (target, _) = targets()
    change = rw.counterfactual(PICTURE, target, model=MODEL)
    assert class_of(change.picture) != target and class_of(change.result) == target
    np.testing.assert_array_equal(change.picture, PICTURE)
    assert all(class_of(frame.pixels[0]) != target for frame in list(change.trace)[:-1]), "the path ends where it flips"
    moved = np.linalg.norm((change.result.astype(float) - PICTURE) / 255)
    assert change.epsilon == pytest.approx(pixels_at_224(moved, 16), rel=0.05, abs=0.2)
    smaller = 0.9 * change.epsilon
    trace = rw.translate(PICTURE, target, model=MODEL, epsilon=smaller, steps=40, step_size=2.5 * smaller / 40)
    assert class_of(trace.pixels[0]) != target
    assert change.target == MODEL.classes[target] and f"{change.epsilon:.1f}" in repr(change)


def test_the_difference_is_grey_where_nothing_changed() -> None:
    change = rw.counterfactual(PICTURE, targets()[0], model=MODEL)
    moved = change.result.astype(int) - change.picture
    difference = change.difference.astype(int) - 128
    assert np.abs(difference[moved == 0]).max(initial=0) <= 1
    largest = np.unravel_index(np.abs(moved).argmax(), moved.shape)
    assert abs(difference[largest]) >= 126 and np.sign(difference[largest]) == np.sign(moved[largest])
    assert change.image(32).width > 3 * 32 and "text/html" in change._repr_mimebundle_()


def test_the_path_is_a_run_that_can_be_repeated() -> None:
    trace = rw.counterfactual(PICTURE, targets()[0], model=MODEL).trace
    again = rw.translate(PICTURE, trace.target, model=MODEL, **trace.parameters)
    np.testing.assert_array_equal(again.frames, trace.frames)
    assert trace.parameters["steps"] == len(trace) - 1 and "picture" in trace.inputs


def test_the_search_can_be_ended() -> None:
    attempts: list[rw.Trace] = []

    def stop(trace: rw.Trace) -> bool:
        attempts.append(trace)
        return False

    change = rw.counterfactual(PICTURE, targets()[0], model=MODEL, on_attempt=stop)
    assert len(attempts) == 1 and class_of(change.result) == targets()[0]


def test_what_cannot_be_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with raises_sentence(ParameterError, "already"):
        rw.counterfactual(PICTURE, class_of(PICTURE), model=MODEL)
    with raises_sentence(UnknownNameError, "'dgo'"):
        rw.counterfactual(PICTURE, "dgo", model=MODEL)
    with raises_sentence(PictureError, "2 pictures"):
        rw.counterfactual(np.stack([PICTURE] * 2), "dog", model=MODEL)
    monkeypatch.setattr(module, "LARGEST", 0.01)
    with raises_sentence(RunError, "0.01"):
        rw.counterfactual(PICTURE, targets()[0], model=MODEL)
