"""A model behind a batcher: many people's runs are what the tasks' functions give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robust_widgets.interface.session import RunRequest
from robust_widgets.runs.record import Frame
from robust_widgets.serving.batcher import Batcher, Began, Ended, Event
from robust_widgets.serving.device import ModelDevice
from robust_widgets.serving.limits import Limits
from tests.helpers import check_sentence
from tests.tasks.calls import FUNCTIONS, MODEL, call, request

UNLIMITED = Limits(runs=100, most_per_second=1e9, frames_per_second=1e12, bytes_per_second=1e15, window=1e9)
PARAMETERS: dict[str, dict[str, Any]] = {
    **{task: {"steps": 5, "seed": 3} for task in FUNCTIONS},
    "inpaint": {"steps": 4, "seed": 1, "penalty": "paper"},
    "super_resolve": {"steps": 4, "constraint": "linf", "factor": 2},
}


def run_all(batcher: Batcher, requests: dict[str, RunRequest]) -> dict[str, list[Event]]:
    events: dict[str, list[Event]] = {name: [] for name in requests}
    for name, wanted in requests.items():
        batcher.submit(name, wanted, events[name].append)
        batcher.turn()
    while batcher.load:
        batcher.turn()
    return events


def test_runs_of_all_tasks_are_what_they_are_alone() -> None:
    requests = {task: request(task, PARAMETERS[task]) for task in FUNCTIONS}
    requests["larger"] = request("sketch_to_image", {"steps": 8, "size": 36, "seed": 2})
    device = ModelDevice(MODEL)
    for name, events in run_all(Batcher(device, UNLIMITED), requests).items():
        task = "sketch_to_image" if name == "larger" else name
        expected = call(task, **requests[name].parameters)
        began, *frames, ended = events
        assert isinstance(began, Began) and ended == Ended("done")
        assert began.steps == len(frames) - 1 == len(expected) - 1
        for attribute in ("task", "target", "parameters", "seed", "model", "fingerprint", "classes", "radius"):
            assert getattr(began.trace, attribute) == getattr(expected, attribute), attribute
        for frame, other in zip(frames, expected, strict=True):
            assert isinstance(frame, Frame) and frame.step == other.step
            assert np.abs(frame.pixels.astype(int) - other.pixels).max() <= 1


@pytest.mark.parametrize("target", ["dgo", ""])
def test_a_class_that_does_not_exist_fails_in_a_sentence(target: str) -> None:
    requests = {"ann": request("generate", {"steps": 2}, target), "bob": request("generate", {"steps": 2})}
    events = run_all(Batcher(ModelDevice(MODEL), UNLIMITED), requests)
    (ended,) = events["ann"]
    assert isinstance(ended, Ended) and ended.state == "failed" and events["bob"][-1] == Ended("done")
    check_sentence(ended.message, "dog")


def test_its_robustness_is_measured_once() -> None:
    known, robustness = ModelDevice(MODEL).measure(lambda: True)
    assert known and robustness is not None and ModelDevice(MODEL).measure(lambda: False) == (True, robustness)
