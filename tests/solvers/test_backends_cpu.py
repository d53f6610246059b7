"""Steps recorded on the processor show what plain ones show."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.compiler.engine import EAGER, ONEDNN, ONNXRUNTIME, SWITCH
from robust_widgets.interface.tasks import task_names
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.networks.architectures import build
from robust_widgets.runs.record import Frame
from robust_widgets.solvers import backends as cpu_graph
from robust_widgets.solvers import step_graph as module
from robust_widgets.solvers.backends import CpuGraph
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.solvers.step_graph import MAX_PICTURES, StepGraphCache, backend_for
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.loop import minimize
from robust_widgets.synthesis.objectives import CrossEntropy, Jitter, MatchOutside
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, LinfStep, Momentum
from robust_widgets.tasks.running.run import build_problem
from tests.compiler.networks import CLASSES, classifier
from tests.helpers import pictures, relu_model, smooth_model
from tests.solvers.cases import CONSTRAINTS, INSIDE, OBJECTIVES, REGIONS, STEPPERS
from tests.tasks.calls import request

pytest.importorskip("onnxruntime")
ROUNDING = 1e-5


@pytest.fixture(autouse=True)
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def recording(model: RobustClassifier | None = None) -> RobustClassifier:
    """A model whose steps are recorded."""
    found = model or smooth_model()
    found.compile()
    assert found.engine is not None
    found.engine.selected = dict.fromkeys(BATCH_SIZES, ONNXRUNTIME)
    return found


def made(**changes: Any) -> Problem:
    own = {"objective": CrossEntropy(1), "stepper": L2Step(0.3), "constraint": L2Ball(0.8), "steps": 5}
    return Problem(**{"model": recording(), "start": pictures(3), **own, **changes})


def plain(problem: Problem) -> Problem:
    model: Any = problem.model
    return replace(problem, model=model.uncompiled())


def step_graphs_of(problem: Problem) -> StepGraphCache:
    model: Any = problem.model
    assert isinstance(model.step_graphs, StepGraphCache) and model.step_graphs.backend is CpuGraph
    return model.step_graphs


def assert_same(found: list[Frame], expected: list[Frame]) -> None:
    assert [frame.step for frame in found] == [frame.step for frame in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("loss", "probability", "distance", "probabilities"):
            a, b = getattr(one, name), getattr(other, name)
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4, err_msg=name)
        for name in ("pixels", "gradient"):  # uint8: rounding may move a value by one level
            a, b = getattr(one, name), getattr(other, name)
            assert (a is None) == (b is None)
            if a is not None:
                assert a.shape == b.shape and np.abs(a.astype(int) - b).max() <= 1, name


def check(problem: Problem, recordings: int) -> list[Frame]:
    """Compiled frames and the last picture equal the plain ones, after this many recordings in all."""
    found = list(compiled_iterate(problem))
    assert_same(found, list(compiled_iterate(plain(problem))))
    graphs = step_graphs_of(problem)
    assert (graphs.count, graphs.note) == (recordings, "")
    assert graphs.latest is not None
    away = (graphs.latest.x - minimize(plain(replace(problem, steps=problem.steps + 1)))).abs().max()
    assert float(away) < ROUNDING
    return found


@pytest.mark.parametrize("task", task_names())
@pytest.mark.parametrize("ball", ["l2", "linf", "none"])
def test_every_task_under_every_constraint(task: str, ball: str) -> None:
    model = recording(smooth_model(16))
    check(build_problem(model, request(task, {"steps": 4, "constraint": ball})), 1)
    if "penalty" in build_problem(model, request(task)).parameters:
        check(build_problem(model, request(task, {"steps": 4, "constraint": ball, "penalty": "paper"})), 2)


@pytest.mark.parametrize("stepper", STEPPERS, ids=repr)
@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=repr)
@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_every_stepper_constraint_and_region(stepper: Any, constraint: Any, region: Any) -> None:
    problem = made(stepper=stepper, constraint=constraint, region=region, seed=6)
    check(problem, 1)
    check(replace(problem, seed=None), 1)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_every_objective(objective: Any) -> None:
    problem = made(objective=objective)
    check(problem, 1)
    check(replace(problem, start=pictures(3, seed=8)), 1)


@pytest.mark.parametrize("architecture", ["smoothresnet-tiny", "blurresnet-tiny", "plainnet"])
@pytest.mark.parametrize("objective", [CrossEntropy(1), Activation(2)], ids=repr)
def test_networks_like_the_bundled_ones(architecture: str, objective: Any) -> None:
    torch.manual_seed(0)
    model = recording(classifier(build(architecture, CLASSES), 32))
    check(made(model=model, start=pictures(1, 32), objective=objective), 1)


def test_rectifiers() -> None:
    check(made(model=recording(relu_model()), start=pictures(2, 16)), 1)


def test_moved_sliders_need_no_new_recording() -> None:
    first = made()

    def problem(target: str, weight: float, epsilon: float, size: float, seed: int, steps: int) -> Problem:
        region = INSIDE.roll(seed % 3, 3)
        outside = weight * MatchOutside(pictures(1, seed=seed), region)
        given = {"objective": CrossEntropy(target) + outside, "region": region, "seed": seed, "steps": steps}
        stepper = Momentum(L2Step(size))
        return replace(first, constraint=L2Ball(epsilon), stepper=stepper, start=pictures(3, seed=seed), **given)

    check(problem("cat", 10.0, 0.8, 0.3, 1, 5), 1)
    check(problem("dog", 3.0, 0.2, 0.1, 2, 9), 1)
    check(problem("goldfish", 0.1, 2.5, 0.7, 3, 1), 1)


def test_changed_weights_are_recorded_again() -> None:
    problem = made()
    check(problem, 1)
    model: Any = problem.model
    with torch.no_grad():
        model.network.head.weight.mul_(-1)
    check(problem, 2)


def test_a_frame_is_yielded_as_soon_as_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = made(steps=4)
    list(compiled_iterate(problem))
    replays: list[CpuGraph] = []
    replay = CpuGraph.replay
    monkeypatch.setattr(CpuGraph, "replay", lambda graph: (replays.append(graph), replay(graph))[1])
    seen = [(frame.step, len(replays)) for frame in compiled_iterate(problem)]
    assert seen == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


def test_frames_do_not_change_later() -> None:
    problem = made()
    frames = list(compiled_iterate(problem))
    kept = [frame.pixels.copy() for frame in frames]
    list(compiled_iterate(replace(problem, start=pictures(3, seed=9))))
    assert all(np.array_equal(frame.pixels, pixels) for frame, pixels in zip(frames, kept, strict=True))
    assert not np.array_equal(frames[0].pixels, frames[-1].pixels)


def test_two_runs_at_once_are_independent() -> None:
    problem = made(stepper=Momentum(L2Step(0.3)))
    expected = list(compiled_iterate(problem))
    pairs = list(zip(compiled_iterate(problem), compiled_iterate(problem), strict=True))
    assert_same([a for a, _ in pairs], expected)
    assert_same([b for _, b in pairs], expected)


def test_closing_frees_the_recording() -> None:
    problem = made(steps=50)
    frames = compiled_iterate(problem)
    next(frames), next(frames)
    frames.close()  # type: ignore[attr-defined]
    check(replace(problem, steps=3), 1)


def test_one_thread_and_several_give_the_same_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    runs: list[list[Frame]] = []
    for count in (1, 2):
        monkeypatch.setattr(cpu_graph.OnlineSelector, "next", lambda _, count=count: count)
        runs.append(list(compiled_iterate(made(steps=12, start=pictures(1)))))
    for one, other in zip(*runs, strict=True):
        assert np.array_equal(one.pixels, other.pixels) and np.array_equal(one.loss, other.loss)


def test_a_loss_that_draws_at_random_is_not_recorded() -> None:
    problem = made(objective=Jitter(CrossEntropy(1), 3, seed=4))
    assert_same(list(compiled_iterate(problem)), list(compiled_iterate(plain(problem))))
    assert step_graphs_of(problem).count == 0


@pytest.mark.parametrize("fault", ["recording", "result"])
def test_a_failed_recording_falls_back_silently(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    record = CpuGraph.record

    def failing(graph: CpuGraph, function: Any, state: Any) -> None:
        tried.append(1)
        if fault == "recording":
            raise RuntimeError("no such operation")
        record(graph, lambda: [part + 0.1 if part.is_floating_point() else part for part in function()], state)

    monkeypatch.setattr(CpuGraph, "record", failing)
    problem = made()
    for _ in range(2):
        assert_same(list(compiled_iterate(problem)), list(compiled_iterate(plain(problem))))
    assert len(tried) == 1, "it is tried once"
    monkeypatch.setattr(CpuGraph, "record", record)
    assert step_graphs_of(problem).note == ""
    check(replace(problem, stepper=LinfStep(0.05)), step_graphs_of(problem).count + 1)


class TestWhereItIsDone:
    @pytest.mark.parametrize(("backend", "expected"), [(ONNXRUNTIME, CpuGraph), (ONEDNN, None), (EAGER, None)])
    def test_where_onnx_runtime_runs_the_network(self, backend: str, expected: Any) -> None:
        model = recording()
        assert model.engine is not None
        model.engine.selected = dict.fromkeys(BATCH_SIZES, backend)
        assert backend_for(model, pictures(2)) is expected
        list(compiled_iterate(made(model=model)))
        assert (model.step_graphs is None) == (expected is None)

    @pytest.mark.parametrize(("onnx", "expected"), [(9.0, CpuGraph), (12.0, CpuGraph), (20.0, None)])
    def test_or_nearly_is_the_fastest(self, onnx: float, expected: Any) -> None:
        model = recording()
        assert model.engine is not None
        model.engine.selected.clear()
        model.engine.selected[4], model.engine.times[4] = ONEDNN, {EAGER: 15.0, ONEDNN: 10.0, ONNXRUNTIME: onnx}
        assert backend_for(model, pictures(2)) is expected

    def test_not_for_many_pictures(self) -> None:
        model = recording()
        assert backend_for(model, pictures(MAX_PICTURES)) is CpuGraph
        assert backend_for(model, pictures(MAX_PICTURES + 1)) is None
        check(made(model=model), 1)
        many = made(model=model, start=pictures(MAX_PICTURES + 1))
        assert_same(list(compiled_iterate(many)), list(compiled_iterate(plain(many))))
        assert step_graphs_of(many).count == 1

    def test_not_where_it_is_switched_off_or_not_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert backend_for(smooth_model(), pictures(1)) is None
        monkeypatch.setenv(SWITCH, "0")
        assert backend_for(recording(), pictures(1)) is None

    def test_not_for_double_precision_or_weights_that_learn(self) -> None:
        model = recording()
        assert backend_for(model, pictures(1).double()) is None
        model.requires_grad_(True)
        assert backend_for(model, pictures(1)) is None

    def test_backends_are_selected_first(self) -> None:
        model = smooth_model()
        model.compile()
        assert model.engine is not None
        backend_for(model, pictures(1))
        assert 1 in model.engine.selected

    def test_not_for_other_models(self) -> None:
        assert module.step_graphs_of(object(), pictures(1)) is None
