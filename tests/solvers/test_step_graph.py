"""Recorded steps show what plain ones show, and are used again."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from robust_widgets.compiler.engine import SWITCH
from robust_widgets.errors import UnknownNameError
from robust_widgets.interface.tasks import task_names
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.runs.record import Frame
from robust_widgets.solvers import backends as cuda_graph
from robust_widgets.solvers import step_graph as module
from robust_widgets.solvers.backends import WARM_UPS
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.solvers.step_graph import CHECKED, StepGraphCache
from robust_widgets.synthesis.constraints import L2Ball, Unconstrained
from robust_widgets.synthesis.objectives import CrossEntropy, Jitter, MatchOutside
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, LinfStep, Momentum
from robust_widgets.tasks.running.run import build_problem
from tests.helpers import Brightness, CompiledModule, pictures, smooth_model
from tests.solvers.cases import CONSTRAINTS, INSIDE, OBJECTIVES, REGIONS, STEPPERS
from tests.solvers.fake_cuda import FakeCuda, Tape
from tests.tasks.calls import request


@pytest.fixture(autouse=True)
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    monkeypatch.setattr(cuda_graph, "cuda", fake)
    return fake


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def recording(side: int = 12, precision: str | None = "float32") -> RobustClassifier:
    """A model that records its steps."""
    model = smooth_model(side)
    model.step_graphs, model.precision = StepGraphCache(), precision
    return model


def made(**changes: Any) -> Problem:
    model = recording()
    own = {"objective": CrossEntropy(1), "stepper": L2Step(0.3), "constraint": L2Ball(0.8), "steps": 5}
    return Problem(**{"model": model, "start": pictures(3), **own, **changes})


def step_graphs_of(problem: Problem) -> StepGraphCache:
    found: Any = problem.model
    return found.step_graphs


def assert_same(found: list[Frame], expected: list[Frame], exact: bool = True) -> None:
    assert [frame.step for frame in found] == [frame.step for frame in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("pixels", "loss", "probability", "distance", "probabilities", "gradient"):
            a, b = getattr(one, name), getattr(other, name)
            if (
                exact and name == "gradient" and a is not None
            ):  # threads may add in another order, so a level may round otherwise
                np.testing.assert_allclose(a.astype(int), b.astype(int), rtol=0, atol=1, err_msg=name)
            elif exact or a is None:
                np.testing.assert_array_equal(a, b, name, strict=a is not None)
            else:
                np.testing.assert_allclose(a.astype(float), b.astype(float), rtol=1e-5, atol=1, err_msg=name)


def check(problem: Problem, recordings: int) -> None:
    """Compiled frames equal the plain ones, after this many recordings for the model in all."""
    graphs = step_graphs_of(problem)
    assert graphs.free.acquire(blocking=False), "graphs in use are not used twice"
    expected = list(compiled_iterate(problem))
    graphs.free.release()
    log: list[str] = vars(cuda_graph)["cuda"].log
    log.clear()
    assert_same(list(compiled_iterate(problem)), expected)
    assert (graphs.count, graphs.note) == (recordings, "")
    assert log.count("replay") >= problem.steps + 1


@pytest.mark.parametrize("task", task_names())
@pytest.mark.parametrize("ball", ["l2", "linf", "none"])
def test_every_task_under_every_constraint(task: str, ball: str) -> None:
    model = recording(16)
    check(build_problem(model, request(task, {"steps": 4, "constraint": ball})), 1)
    if "penalty" in build_problem(model, request(task)).parameters:
        check(build_problem(model, request(task, {"steps": 4, "constraint": ball, "penalty": "paper"})), 2)


@pytest.mark.parametrize("stepper", STEPPERS, ids=repr)
@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=repr)
@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("seed", [None, 6])
def test_every_stepper_constraint_region_and_seed(stepper: Any, constraint: Any, region: Any, seed: Any) -> None:
    problem = made(stepper=stepper, constraint=constraint, region=region, seed=seed)
    check(problem, 1)
    check(problem, 1)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_every_objective(objective: Any) -> None:
    problem = made(objective=objective)
    check(problem, 1)
    check(replace(problem, start=pictures(3, seed=8)), 1)


def test_moved_sliders_need_no_new_recording() -> None:
    def problem(target: str, weight: float, epsilon: float, size: float, seed: int, steps: int) -> Problem:
        region = INSIDE.roll(seed % 3, 3)
        outside = weight * MatchOutside(pictures(1, seed=seed), region)
        given = {"objective": CrossEntropy(target) + outside, "region": region, "seed": seed, "steps": steps}
        return replace(
            first, constraint=L2Ball(epsilon), stepper=Momentum(L2Step(size)), start=pictures(3, seed=seed), **given
        )

    first = made()
    passes = CompiledModule(first.model)  # type: ignore[arg-type]
    check(problem("cat", 10.0, 0.8, 0.3, 1, 5), 1)
    asked = passes.forwards
    check(problem("dog", 3.0, 0.2, 0.1, 2, 9), 1)
    assert passes.forwards == asked + 10, "the plain run's; the recorded one asks Python nothing"
    check(problem("goldfish", 0.1, 2.5, 0.7, 3, 1), 1)


def test_another_shape_or_structure_is_recorded_again_and_few_graphs_are_cached() -> None:
    problem = made()
    check(problem, 1)
    check(replace(problem, start=pictures(2)), 2)
    check(replace(problem, start=pictures(3, 16)), 3)
    check(replace(problem, stepper=LinfStep(0.05)), 4)
    check(problem, 4)
    check(replace(problem, constraint=Unconstrained()), 5)
    assert len(step_graphs_of(problem)._graphs) == cuda_graph.CudaGraph.max_cached  # pyright: ignore[reportPrivateUsage]
    check(problem, 5)
    check(replace(problem, start=pictures(2)), 6)


def test_changed_weights_are_recorded_again() -> None:
    problem = made()
    check(problem, 1)
    network: Any = problem.model
    with torch.no_grad():
        network.network.head.weight.mul_(-1)
    check(problem, 2)
    network.network.head.weight.data = network.network.head.weight.data.clone()
    check(problem, 3)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_of_a_model_starts_without_graphs(how: Any) -> None:
    problem = made()
    check(problem, 1)
    other = replace(problem, model=how(problem.model))
    check(other, 1)
    assert step_graphs_of(other) is not step_graphs_of(problem)


def test_a_frame_is_yielded_while_the_next_step_runs(cuda: FakeCuda) -> None:
    problem = made(steps=3)
    list(compiled_iterate(problem))
    assert cuda.modes == ["thread_local"]
    cuda.log.clear()
    frames = []
    for frame in compiled_iterate(problem):
        frames.append((frame.step, cuda.log.count("replay")))
    assert frames == [(0, 2), (1, 3), (2, 4), (3, 4)]
    assert cuda.log == ["replay", "replay", *["arrived", "replay"] * 2, "arrived", "arrived"]


def test_the_recording_is_warmed_up_and_checked(cuda: FakeCuda) -> None:
    problem = made()
    passes = CompiledModule(problem.model)  # type: ignore[arg-type]
    list(compiled_iterate(problem))
    assert passes.forwards == 1 + WARM_UPS + 1 + CHECKED, "the width of its answer, warm-ups, the recording, the check"
    assert cuda.replays == CHECKED + problem.steps + 1


def test_closing_stops_within_one_step_and_frees_the_recording(cuda: FakeCuda) -> None:
    problem = made(steps=50)
    check(replace(problem, steps=2), 1)
    cuda.log.clear()
    frames = compiled_iterate(problem)
    next(frames), next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert cuda.log.count("replay") == 3
    check(problem, 1)


def test_two_runs_at_once_are_independent() -> None:
    problem = made(stepper=Momentum(L2Step(0.3)))
    expected = list(compiled_iterate(problem))
    one, other = compiled_iterate(problem), compiled_iterate(problem)
    pairs = list(zip(one, other, strict=True))
    assert_same([a for a, _ in pairs], expected)
    assert_same([b for _, b in pairs], expected)
    assert step_graphs_of(problem).count == 1


@pytest.mark.parametrize("objective", [Jitter(CrossEntropy(1), 3, seed=4), Brightness() + Jitter(CrossEntropy(1), 3)])
def test_a_loss_that_draws_at_random_is_not_recorded(objective: Any, cuda: FakeCuda) -> None:
    problem = made(objective=objective)
    plain = replace(problem, model=smooth_model())
    assert_same(list(compiled_iterate(problem)), list(compiled_iterate(plain)))
    assert step_graphs_of(problem).count == cuda.replays == 0 and not step_graphs_of(problem).note


def test_a_network_in_training_is_not_recorded() -> None:
    problem = made()
    model: Any = problem.model
    model.network.train()
    list(compiled_iterate(problem))
    assert step_graphs_of(problem).count == 0


@pytest.mark.parametrize(
    ("objective", "given"), [(CrossEntropy("wolf"), "wolf"), (CrossEntropy(9), 9), (Activation(99), 99)]
)
def test_mistakes_raise_the_same_errors(objective: Any, given: Any) -> None:
    problem = made(objective=objective)
    for one in (problem, replace(problem, model=smooth_model())):
        with pytest.raises(UnknownNameError, match=str(given)):
            list(compiled_iterate(one))
    assert not step_graphs_of(problem).note


def fallen_back(problem: Problem, why: str) -> None:
    """The run is right, says once that it was not recorded, and nothing is tried again."""
    expected = list(compiled_iterate(replace(problem, model=smooth_model())))
    with pytest.warns(RuntimeWarning, match=why) as said:
        assert_same(list(compiled_iterate(problem)), expected, exact=False)
    graphs = step_graphs_of(problem)
    assert len(said) == 1 and why in graphs.note and not graphs._graphs and graphs.free.acquire(blocking=False)
    graphs.free.release()
    count = graphs.count
    assert_same(list(compiled_iterate(problem)), expected, exact=False)
    assert graphs.count == count


def test_a_recording_that_fails_is_given_up(cuda: FakeCuda) -> None:
    cuda.refuse = "operation not permitted when stream is capturing"
    fallen_back(made(), "RuntimeError: operation not permitted")


def test_a_network_that_synchronises_is_given_up() -> None:
    problem = made()
    model: Any = problem.model
    model.network.register_forward_hook(lambda _, given, answer: answer if float(answer.detach().sum()) else None)
    fallen_back(problem, "_local_scalar_dense")


@pytest.mark.parametrize("at", [1, CHECKED + 1, CHECKED + 3, CHECKED + 6])
def test_a_run_that_breaks_off_continues_in_the_plain_loop(cuda: FakeCuda, at: int) -> None:
    cuda.fail_at = at
    fallen_back(made(), "illegal memory access")


@pytest.mark.parametrize("output", ["picture", "numbers"])
def test_a_recording_that_does_something_else_is_not_used(cuda: FakeCuda, output: str) -> None:
    def spoil(tape: Tape) -> None:
        copies = [call for call in tape.calls if str(call[0]) == "aten.copy_.default"]
        stacks = [call[3] for call in tape.calls if str(call[0]).startswith("aten.cat")]
        (copies[0][1][0] if output == "picture" else stacks[-1]).add_(0.05)

    cuda.spoil = spoil
    fallen_back(made(), "differ from the plain ones")


def test_on_a_gpu_a_prepared_model_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    there: Any = SimpleNamespace(device=torch.device("cuda", 0))
    assert module.step_graphs_of(smooth_model(), there) is None, "it was loaded to run uncompiled"
    model = smooth_model()
    model.compile()
    monkeypatch.setenv(SWITCH, "0")
    assert module.step_graphs_of(model, there) is None
    monkeypatch.delenv(SWITCH)
    found = module.step_graphs_of(model, there)
    assert isinstance(found, StepGraphCache) and model.step_graphs is found is module.step_graphs_of(model, there)
