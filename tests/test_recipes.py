"""The code of a run makes the run again, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import robust_widgets as rw
from robust_widgets.backends.local import LocalSession
from robust_widgets.models.checkpoints import save_model
from robust_widgets.session import RunEnded, RunEvent, RunRequest, RunStarted
from robust_widgets.trace import Trace
from tests.helpers import raises_sentence, tiny_model

SIDE = 40
REQUESTS: dict[str, dict[str, Any]] = {
    "generate": {"knobs": {"n": 2, "seed": 3}},
    "sketch_to_image": {"knobs": {"seed": None}},
    "translate": {"knobs": {"constraint": "linf"}},
    "super_resolve": {"knobs": {"factor": 2}},
    "inpaint": {"knobs": {"penalty": 3.0}},
    "paint_features": {"target": "5", "knobs": {"strength": 0.5}},
}


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def mask() -> np.ndarray:
    inside = np.zeros((SIDE, SIDE), np.uint8)
    inside[8:30, 5:20] = 255
    return inside


def recorded(model: rw.RobustClassifier, request: RunRequest) -> Trace:
    """The run that a session makes of a request."""
    events: list[RunEvent] = []
    session = LocalSession(model)
    session.submit(request, events.append)
    session._jobs.put(None)
    session._worker.join(60)
    assert isinstance(events[-1], RunEnded) and events[-1].state == "done", events[-1]
    started = next(event for event in events if isinstance(event, RunStarted))
    return started.trace


@pytest.mark.parametrize("branched", [False, True], ids=["from the canvas", "from a step"])
@pytest.mark.parametrize("task", REQUESTS)
def test_the_code_of_a_studios_run_makes_it_again_to_the_bit(tmp_path: Path, task: str, branched: bool) -> None:
    file = tmp_path / "model.safetensors"
    save_model(tiny_model(), file)
    given = REQUESTS[task]
    request = RunRequest(
        task,
        given.get("target", "cat"),
        {**given["knobs"], "steps": 3},
        picture=None if task == "generate" else picture(),
        mask=mask() if task in ("inpaint", "paint_features") else None,
        start=np.stack([picture()[:16, :16]] * given["knobs"].get("n", 1)) if branched else None,
    )
    trace = recorded(rw.load_model(file), request)
    text = rw.code(trace, str(file))
    scope: dict[str, Any] = {}
    exec(compile(text, "a cell", "exec"), scope)
    again = scope["trace"]
    np.testing.assert_array_equal(again.frames, trace.frames)
    assert again.knobs == trace.knobs and again.fingerprint == trace.fingerprint
    assert max(len(line) for line in text.replace(str(file), "").splitlines()) <= 120


def test_a_run_that_no_studio_made_has_no_code_for_its_picture() -> None:
    trace = rw.translate(picture(), "cat", steps=1, model=tiny_model())
    with raises_sentence(rw.errors.TraceError, "picture"):
        rw.code(trace)
    assert "rw.generate(" in rw.code(rw.generate("cat", steps=1, model=tiny_model()))


def test_a_run_that_is_no_task_has_no_code() -> None:
    with raises_sentence(rw.errors.TraceError, "not a task"):
        rw.code(Trace("problem", {}))
