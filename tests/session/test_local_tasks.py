"""A local session runs every task, knows its model's features, and keeps what it was handed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_widgets.interface.session import Feature, RunRequest
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import catalogue_path, write_catalogue
from robust_widgets.models.features import features
from robust_widgets.models.model_file import load_model_file, save_model
from robust_widgets.runs.trace import Trace
from robust_widgets.session.local import LocalSession
from robust_widgets.solvers.graphs import cuda_graph
from robust_widgets.solvers.graphs.step_graph import StepGraphCache
from robust_widgets.testing import FakeSession
from tests.helpers import check_sentence, smooth_model, tiny_model
from tests.session.test_local import AtenTracer
from tests.solvers.graphs.fake_cuda import FakeCuda
from tests.tasks.calls import FUNCTIONS, MASK, MASKED, MODEL, PICTURE, call, request


def ran(session: LocalSession, asked: RunRequest) -> Trace:
    recorder = AtenTracer()
    end = recorder.ended(session.submit(asked, recorder))
    assert end.state == "done", end.details
    return recorder.events[0].trace  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def session() -> Any:
    made = LocalSession(MODEL)
    yield made
    made.close()


@pytest.mark.parametrize("task", FUNCTIONS)
def test_every_task_is_run_as_its_function_runs_it(session: LocalSession, task: str) -> None:
    trace, wanted = ran(session, request(task, {"steps": 3})), call(task, steps=3)
    np.testing.assert_array_equal(trace.frames, wanted.frames)
    assert (trace.parameters, trace.target, trace.radius) == (wanted.parameters, wanted.target, wanted.radius)
    assert (trace.classes, trace.fingerprint) == (wanted.classes, wanted.fingerprint)


@pytest.mark.parametrize("task", FUNCTIONS)
def test_the_trace_keeps_what_the_run_was_handed(session: LocalSession, task: str) -> None:
    asked = request(task, {"steps": 1})
    trace = ran(session, asked)
    assert set(trace.inputs) == {"picture", "mask"} if task in MASKED else {"picture"}
    np.testing.assert_array_equal(trace.inputs["picture"], PICTURE)
    if task in MASKED:
        np.testing.assert_array_equal(trace.inputs["mask"], MASK * np.uint8(255))
        assert asked.mask is not None
        asked.mask[:] = 0
        assert trace.inputs["mask"].any(), "a copy: what is painted later does not change it"


def test_a_run_from_nothing_has_no_inputs(session: LocalSession) -> None:
    assert ran(session, RunRequest("generate", "dog", {"steps": 1})).inputs == {}


def test_the_fake_session_keeps_them_too() -> None:
    fake, recorder = FakeSession(), AtenTracer()
    fake.submit(request("inpaint"), recorder)
    given = recorder.events[0].trace.inputs  # type: ignore[union-attr]
    np.testing.assert_array_equal(given["picture"], PICTURE)
    np.testing.assert_array_equal(given["mask"], MASK * np.uint8(255))


@pytest.fixture
def model(tmp_path: Path) -> RobustClassifier:
    save_model(tiny_model(), tmp_path / "model.safetensors")
    return load_model_file(tmp_path / "model.safetensors")


def entries() -> list[Feature]:
    return [Feature(f"cat {unit}", unit, ("cat",), np.full((48, 48, 3), 9 * unit, np.uint8)) for unit in (3, 8)]


def test_a_model_with_a_catalogue(model: RobustClassifier) -> None:
    assert model.source is not None
    write_catalogue(catalogue_path(model.source), model.fingerprint, entries())
    session = LocalSession(model)
    known = session.model.features
    assert [(entry.name, entry.unit) for entry in known] == [("cat 3", 3), ("cat 8", 8)]
    assert known == features(model) and session.model is session.model, "read once"
    trace = ran(session, RunRequest("paint_features", "cat 8", {"steps": 2}, PICTURE, MASK.astype(np.uint8) * 255))
    session.close()
    np.testing.assert_array_equal(trace.frames, call("paint_features", 8, steps=2, model=model).frames)


def test_a_model_without_a_catalogue(model: RobustClassifier, session: LocalSession) -> None:
    assert session.model.features == ()
    own = LocalSession(model)
    assert own.model.features == ()
    own.close()


@pytest.mark.parametrize(("text", "said"), [("{}", "damaged"), (None, "other weights")])
def test_a_catalogue_that_cannot_be_used_is_told_when_a_feature_is_asked_for(
    model: RobustClassifier, text: str | None, said: str
) -> None:
    assert model.source is not None
    path = catalogue_path(model.source)
    if text is None:
        write_catalogue(path, "f00d", entries())
    else:
        path.write_text(text)
    session, recorder = LocalSession(model), AtenTracer()
    assert session.model.features == () and session.model.classes == model.classes
    asked = RunRequest("paint_features", "cat 8", {"steps": 2}, PICTURE, MASK.astype(np.uint8) * 255)
    end = recorder.ended(session.submit(asked, recorder))
    session.close()
    assert end.state == "failed"
    check_sentence(end.message, said, path.name)


@pytest.mark.parametrize("task", FUNCTIONS)
def test_a_run_that_goes_on_from_another_picture(session: LocalSession, task: str) -> None:
    branch = ran(session, request(task, {"steps": 4, "step_size": 5.0}))[2].pixels
    trace = ran(session, replace(request(task, {"steps": 2, "step_size": 5.0}), start=branch))
    np.testing.assert_array_equal(trace.frames[0], branch)
    np.testing.assert_array_equal(trace.inputs["start"], branch)
    assert not np.array_equal(trace.frames[-1], branch)
    if task in MASKED:
        np.testing.assert_array_equal(trace.frames[-1, 0][~MASK], PICTURE[~MASK])


def test_a_run_that_could_not_be_recorded_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCuda()
    fake.refuse = "no room"
    monkeypatch.setattr(cuda_graph, "cuda", fake)
    model = smooth_model(16)
    model.captures = StepGraphCache()
    made, recorder = LocalSession(model), AtenTracer()
    with pytest.warns(RuntimeWarning, match="no room"):
        ends = [recorder.ended(made.submit(request("generate", {"steps": 2}), recorder)) for _ in range(2)]
    made.close()
    assert [end.state for end in ends] == ["done", "done"] and ends[1].message == ""
    check_sentence(ends[0].message, "no room")
