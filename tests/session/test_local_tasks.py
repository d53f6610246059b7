"""A local session runs every task, knows its model's features, and stores its inputs in the trace."""

from __future__ import annotations

import queue
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_widgets.interface.explanation import Answer, Counterfactual, CounterfactualRequest, NoAnswer
from robust_widgets.interface.session import Feature, RunRequest
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import catalogue_path, write_catalogue
from robust_widgets.models.features import model_features
from robust_widgets.models.model_file import load_model_file, save_model
from robust_widgets.pictures.tensors import to_batch
from robust_widgets.runs.trace import Trace
from robust_widgets.session.local import LocalSession
from robust_widgets.solvers import backends as cuda_graph
from robust_widgets.solvers.step_graph import StepGraphCache
from robust_widgets.testing import FakeSession
from tests.helpers import check_sentence, smooth_model, tiny_model
from tests.session.test_contract import EventRecorder
from tests.solvers.fake_cuda import FakeCuda
from tests.tasks.calls import FUNCTIONS, MASK, MASKED, MODEL, PICTURE, call, request


def run(session: LocalSession, run_request: RunRequest) -> Trace:
    recorder = EventRecorder()
    end = recorder.ended(session.submit(run_request, recorder))
    assert end.state == "done", end.details
    return recorder.events[0].trace  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def session() -> Any:
    session = LocalSession(MODEL)
    yield session
    session.close()


@pytest.mark.parametrize("task", FUNCTIONS)
def test_every_task_gives_the_same_result_as_its_function(session: LocalSession, task: str) -> None:
    trace, expected = run(session, request(task, {"steps": 3})), call(task, steps=3)
    np.testing.assert_array_equal(trace.frames, expected.frames)
    assert (trace.parameters, trace.target, trace.radius) == (expected.parameters, expected.target, expected.radius)
    assert (trace.classes, trace.fingerprint) == (expected.classes, expected.fingerprint)


@pytest.mark.parametrize("task", FUNCTIONS)
def test_the_trace_stores_the_inputs_of_the_run(session: LocalSession, task: str) -> None:
    run_request = request(task, {"steps": 1})
    trace = run(session, run_request)
    assert set(trace.inputs) == {"picture", "mask"} if task in MASKED else {"picture"}
    np.testing.assert_array_equal(trace.inputs["picture"], PICTURE)
    if task in MASKED:
        np.testing.assert_array_equal(trace.inputs["mask"], MASK * np.uint8(255))
        assert run_request.mask is not None
        run_request.mask[:] = 0
        assert trace.inputs["mask"].any(), "a copy, so painting later does not change it"


def test_a_run_from_nothing_has_no_inputs(session: LocalSession) -> None:
    assert run(session, RunRequest("generate", "dog", {"steps": 1})).inputs == {}


def test_it_answers_questions_after_the_runs_before_them(session: LocalSession) -> None:
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    session.ask(CounterfactualRequest(PICTURE, "nobody"), answers.put)
    answer = answers.get(timeout=120)
    assert isinstance(answer, NoAnswer)
    check_sentence(answer.message, "nobody")
    seen = int(MODEL(to_batch(PICTURE, MODEL.input_size)).argmax())
    target = next(name for index, name in enumerate(MODEL.classes) if index != seen)
    session.ask(CounterfactualRequest(PICTURE, target), answers.put)
    answer = answers.get(timeout=120)
    assert isinstance(answer, Counterfactual) and answer.target == target
    np.testing.assert_array_equal(answer.trace.inputs["picture"], PICTURE)


def test_the_fake_session_stores_them_too() -> None:
    fake, recorder = FakeSession(), EventRecorder()
    fake.submit(request("inpaint"), recorder)
    inputs = recorder.events[0].trace.inputs  # type: ignore[union-attr]
    np.testing.assert_array_equal(inputs["picture"], PICTURE)
    np.testing.assert_array_equal(inputs["mask"], MASK * np.uint8(255))


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
    catalogue = session.model.features
    assert [(entry.name, entry.unit) for entry in catalogue] == [("cat 3", 3), ("cat 8", 8)]
    assert catalogue == model_features(model) and session.model is session.model, "read once"
    trace = run(session, RunRequest("paint_features", "cat 8", {"steps": 2}, PICTURE, MASK.astype(np.uint8) * 255))
    session.close()
    np.testing.assert_array_equal(trace.frames, call("paint_features", 8, steps=2, model=model).frames)


def test_a_model_without_a_catalogue(model: RobustClassifier, session: LocalSession) -> None:
    assert session.model.features == ()
    own = LocalSession(model)
    assert own.model.features == ()
    own.close()


@pytest.mark.parametrize(("text", "reason"), [("{}", "damaged"), (None, "other weights")])
def test_an_unusable_catalogue_is_reported_when_a_feature_is_requested(
    model: RobustClassifier, text: str | None, reason: str
) -> None:
    assert model.source is not None
    path = catalogue_path(model.source)
    if text is None:
        write_catalogue(path, "f00d", entries())
    else:
        path.write_text(text)
    session, recorder = LocalSession(model), EventRecorder()
    assert session.model.features == () and session.model.classes == model.classes
    run_request = RunRequest("paint_features", "cat 8", {"steps": 2}, PICTURE, MASK.astype(np.uint8) * 255)
    end = recorder.ended(session.submit(run_request, recorder))
    session.close()
    assert end.state == "failed"
    check_sentence(end.message, reason, path.name)


@pytest.mark.parametrize("task", FUNCTIONS)
def test_a_run_continues_from_another_picture(session: LocalSession, task: str) -> None:
    branch = run(session, request(task, {"steps": 4, "step_size": 5.0}))[2].pixels
    trace = run(session, replace(request(task, {"steps": 2, "step_size": 5.0}), start=branch))
    np.testing.assert_array_equal(trace.frames[0], branch)
    np.testing.assert_array_equal(trace.inputs["start"], branch)
    assert not np.array_equal(trace.frames[-1], branch)
    if task in MASKED:
        np.testing.assert_array_equal(trace.frames[-1, 0][~MASK], PICTURE[~MASK])


def test_a_failed_step_compilation_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCuda()
    fake.refuse = "no room"
    monkeypatch.setattr(cuda_graph, "cuda", fake)
    model = smooth_model(16)
    model.step_graphs = StepGraphCache()
    session, recorder = LocalSession(model), EventRecorder()
    with pytest.warns(RuntimeWarning, match="no room"):
        ends = [recorder.ended(session.submit(request("generate", {"steps": 2}), recorder)) for _ in range(2)]
    session.close()
    assert [end.state for end in ends] == ["done", "done"] and ends[1].message == ""
    check_sentence(ends[0].message, "no room")
