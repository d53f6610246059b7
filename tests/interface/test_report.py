"""The report of a run; for super-resolution see tests/tasks/test_super_resolve.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robust_widgets.errors import TraceError
from robust_widgets.interface.codegen import to_code
from robust_widgets.interface.report import report
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.tasks.super_resolve import comparison_strip, low_resolution, low_resolution_error
from tests.helpers import raises_sentence


def trace(task: str = "generate", probability: float = 0.5, radius: float | None = 3.0, frames: int = 2) -> Trace:
    made = Trace(task, {"factor": 4}, radius=radius)
    for step in range(frames):
        made.append(
            Frame(
                step=step,
                pixels=np.full((2, 16, 16, 3), 100 + step, np.uint8),
                loss=np.array([1.0, 2.0]) / (step + 1),
                probability=np.array([probability, probability / 2]),
                distance=np.array([step, 3.0 * step]),
                seconds=0.0,
            )
        )
    return made


def test_a_report_averages_the_last_frame_over_its_pictures() -> None:
    assert report(trace()) == {"steps": 1, "loss": 0.75, "distance": 2.0, "probability": 0.375, "radius": 3.0}


def test_meaningless_numbers_are_left_out() -> None:
    assert set(report(trace(probability=float("nan"), radius=None))) == {"steps", "loss", "distance"}


def test_super_resolution_reports_its_low_resolution_error() -> None:
    assert report(trace("super_resolve"))["low_resolution_error"] == pytest.approx(1 / 255)


@pytest.mark.parametrize("read", [low_resolution, low_resolution_error, comparison_strip])
def test_another_task_has_no_low_resolution(read: Any) -> None:
    with raises_sentence(TraceError, "'inpaint'"):
        read(trace("inpaint"))


@pytest.mark.parametrize("read", [report, low_resolution, low_resolution_error, comparison_strip])
def test_a_run_without_frames(read: Any) -> None:
    with pytest.raises(TraceError):
        read(trace("super_resolve", frames=0))


@pytest.mark.parametrize("given", ["run.npz", None, 7])
def test_what_is_no_run(given: Any) -> None:
    for function in (report, to_code):
        with raises_sentence(TraceError, type(given).__name__, "not a run"):
            function(given)
