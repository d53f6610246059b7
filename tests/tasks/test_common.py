"""Tests that hold for every task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from robust_widgets.errors import DeviceError, ParameterError, PictureError, UnknownNameError, UnknownParameterError
from robust_widgets.interface.session import RunRequest
from robust_widgets.interface.tasks import task_names, task_spec
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.constraints import L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.steppers import L2Step, LinfStep
from robust_widgets.tasks.running.run import build_problem
from tests.helpers import CLASSES, CompiledModule, raises_sentence, relu_model, smooth_model, tiny_model
from tests.tasks.calls import (
    FROM_PICTURE,
    MASK,
    MASKED,
    MODEL,
    PICTURE,
    assert_different,
    call,
    request,
    unweighted,
    wanted,
)

everyone = pytest.mark.parametrize("task", task_names())
OF_CLASSES = [task for task in task_names() if task_spec(task).target == "class"]


def others(task: str) -> list[Any]:
    """Three targets of a task."""
    return ["head", "conv2", "conv1"] if task_spec(task).target == "layer" else list(range(len(CLASSES)))


@everyone
@pytest.mark.parametrize("side", [16, 32])
def test_epsilon_and_step_size_scale_with_the_input_size(task: str, side: int) -> None:
    parameters = {"steps": 30, "epsilon": 21.0, "step_size": 3.0}
    problem = build_problem(smooth_model(side), request(task, parameters))
    assert isinstance(problem.constraint, L2Ball) and isinstance(unweighted(problem), L2Step)
    assert problem.constraint.epsilon == pytest.approx(21 * side / 224)
    assert unweighted(problem).step_size == pytest.approx(3 * side / 224)
    assert problem.start.shape[2:] == (side, side)
    distance = run(problem).metrics["distance"]
    np.testing.assert_allclose(distance[0], 0)
    # The clamp to [0, 1] shortens a step a little, and never lengthens it.
    assert (distance[1] <= 3 * side / 224 * 1.0001).all() and (distance[1] > 0.6 * 3 * side / 224).all()
    assert (distance <= 21 * side / 224 * 1.0001).all()
    assert (distance[-1] > 0.6 * 21 * side / 224).all()


@everyone
def test_under_linf_epsilon_and_step_size_are_levels_and_do_not_scale(task: str) -> None:
    for side in (16, 32):
        problem = build_problem(
            smooth_model(side), request(task, {"constraint": "linf", "epsilon": 51.0, "step_size": 5.1})
        )
        assert problem.constraint == LinfBall(0.2) and unweighted(problem) == LinfStep(5.1 / 255)
    free = build_problem(smooth_model(32), request(task, {"constraint": "none", "step_size": 7.0}))
    assert free.constraint == Unconstrained() and unweighted(free) == L2Step(1.0)


@everyone
@pytest.mark.parametrize("constraint", ["l2", "linf"])
@pytest.mark.parametrize("beginning", [None, 4])
def test_no_frame_is_farther_away_than_epsilon(task: str, constraint: str, beginning: int | None) -> None:
    parameters = {"constraint": constraint, "epsilon": 13.0, "step_size": 4.0, "steps": 8}
    problem = replace(build_problem(MODEL, request(task, parameters)), seed=beginning)
    trace = run(problem)
    assert trace.radius == (pytest.approx(13 / 14) if constraint == "l2" else pytest.approx(13 / 255))
    start, frames = problem.start.permute(0, 2, 3, 1).numpy().astype(float), trace.frames / 255.0
    away = np.abs(frames - start) if constraint == "linf" else np.square(frames - start)
    measured = away.max((2, 3, 4)) if constraint == "linf" else np.sqrt(away.sum((2, 3, 4)))
    rounding = 0.5 / 255 * (1 if constraint == "linf" else np.sqrt(start.size))
    np.testing.assert_allclose(measured, trace.metrics["distance"], atol=rounding)
    assert (trace.metrics["distance"] <= trace.radius * (1 + 1e-5)).all()
    assert (trace.metrics["distance"][-1] > 0.8 * trace.radius).all(), "the radius is used"


def test_without_a_limit_a_run_moves_farther_and_has_no_radius() -> None:
    limited, free = (call("translate", constraint=c, epsilon=5.0, steps=30) for c in ("l2", "none"))
    assert free.radius is None and free[-1].distance[0] > 1.5 * limited[-1].distance[0]


@everyone
def test_the_trace_records_the_request(task: str) -> None:
    trace = call(task, steps=2, seed=3)
    assert (trace.task, trace.target, trace.seed) == (task, str(wanted(task)), 3)
    assert (trace.model, trace.fingerprint) == (MODEL.card.name, MODEL.fingerprint)
    assert trace.classes == CLASSES
    assert_different(call(task, target=others(task)[2], steps=2, seed=3), trace)
    if task in OF_CLASSES:
        np.testing.assert_array_equal(call(task, "CAT", steps=2, seed=3).frames, trace.frames)
        np.testing.assert_array_equal(call(task, 1, steps=2, seed=3).frames, trace.frames)


@everyone
def test_it_paints_towards_the_target(task: str) -> None:
    for target in others(task):
        trace = call(task, target=target, steps=12, step_size=2.0)
        loss, probability = trace.metrics["loss"], trace.metrics["probability"]
        assert (loss[-1] < loss[0]).all()
        if task not in OF_CLASSES:
            assert np.isnan(probability).all(), "a unit has no probability"
        else:
            assert (probability[-1] > probability[0]).all()


@everyone
def test_frames_have_all_probabilities_and_a_heat_map(task: str) -> None:
    trace = call(task, steps=3, **({"n": 2} if task == "generate" else {}))
    for frame in list(trace)[:-1]:
        assert frame.gradient is not None and frame.gradient.dtype == np.uint8
        assert frame.gradient.shape == frame.pixels.shape[:3] and (frame.gradient.max((1, 2)) == 255).all()
    assert trace[-1].gradient is None, "no step follows the last frame"
    for frame in trace:
        assert frame.probabilities is not None and frame.probabilities.shape == (len(frame.pixels), 3)
        np.testing.assert_allclose(frame.probabilities.sum(1), 1, rtol=1e-5)
        if task in OF_CLASSES:
            np.testing.assert_allclose(frame.probabilities[:, 1], frame.probability, rtol=1e-5)
    own = MODEL(torch.from_numpy(trace[-1].pixels.transpose(0, 3, 1, 2) / 255.0).float()).softmax(1)
    np.testing.assert_allclose(trace[-1].probabilities, own, atol=0.02)


@pytest.mark.parametrize("task", MASKED)
def test_the_heat_map_is_dark_outside_a_hard_mask(task: str) -> None:
    hard, soft = call(task, steps=1)[0].gradient, call(task, steps=1, penalty=0.1)[0].gradient
    assert hard is not None and soft is not None
    assert hard[0][MASK].any() and not hard[0][~MASK].any() and soft[0][~MASK].any()


@everyone
@pytest.mark.parametrize("parameters", [{}, {"penalty": "paper"}, {"size": 24}], ids=str)
def test_a_step_costs_one_forward_and_one_backward(task: str, parameters: dict[str, Any]) -> None:
    if "penalty" in parameters and task not in MASKED:
        return
    model = relu_model()
    model.layers()
    passes = CompiledModule(model)
    call(task, model=model, steps=5, **parameters)
    sizes = 1 + ("size" in parameters)
    assert (passes.forwards, passes.backwards) == (5 + sizes, 5), "the metrics of a size's last frame cost a forward"


@everyone
def test_the_same_call_gives_the_same_trace(task: str) -> None:
    model = tiny_model()
    first, again = call(task, steps=4, seed=9, model=model), call(task, steps=4, seed=9, model=model)
    np.testing.assert_array_equal(first.frames, again.frames)
    for name, values in first.metrics.items():
        np.testing.assert_array_equal(values, again.metrics[name])


@everyone
def test_on_step_can_stop_it(task: str) -> None:
    assert len(call(task, steps=9, on_step=lambda frame: frame.step != 3)) == 4


@everyone
def test_the_models_weights_do_not_change(task: str) -> None:
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    call(task, steps=2, model=model)
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


BAD = [
    ({"steps": 0}, ParameterError, "steps is 0"),
    ({"steps": -5}, ParameterError, "steps is -5"),
    ({"steps": 1.5}, ParameterError, "steps is 1.5"),
    ({"steps": True}, ParameterError, "steps is True"),
    ({"steps": "60"}, ParameterError, "steps is '60'"),
    ({"epsilon": -1}, ParameterError, "epsilon is -1"),
    ({"epsilon": float("inf")}, ParameterError, "epsilon is inf"),
    ({"epsilon": float("nan")}, ParameterError, "epsilon is nan"),
    ({"step_size": 0}, ParameterError, "step_size is 0"),
    ({"seed": -1}, ParameterError, "seed is -1"),
    ({"stepsize": 2}, UnknownParameterError, "'step_size'"),
    ({"target": "dgo"}, UnknownNameError, "'dog'"),
    ({"target": 3}, UnknownNameError, "3 classes"),
    ({"target": None}, UnknownNameError, "None"),
    ({"model": "defualt"}, UnknownNameError, "'default'"),
    ({"device": "abacus"}, DeviceError, "'abacus'"),
]


@everyone
@pytest.mark.parametrize(("options", "kind", "named"), BAD, ids=lambda v: str(v)[:30])
def test_bad_input(task: str, options: dict[str, Any], kind: type[Exception], named: str) -> None:
    if task not in OF_CLASSES and "target" in options:
        return  # its targets are features or layers; see test_paint_features and test_dream
    with raises_sentence(kind, named):  # type: ignore[arg-type]
        call(task, **{"target": wanted(task), **options})


@pytest.mark.parametrize("task", FROM_PICTURE)
def test_something_that_is_not_a_picture(task: str) -> None:
    with raises_sentence(PictureError, "'gone.png'"):
        call(task, picture="gone.png")
    with raises_sentence(PictureError, "empty"):
        call(task, picture=[])
    if task_spec(task).needs_picture:
        with raises_sentence(PictureError, "no picture"):
            build_problem(MODEL, RunRequest(task, "dog"))


@pytest.mark.parametrize("task", [task for task in FROM_PICTURE if task_spec(task).needs_picture])
def test_a_batch_of_pictures_evolves_one_by_one(task: str) -> None:
    batch = [PICTURE, PICTURE[::-1].copy(), PICTURE[:, ::-1].copy()]
    together = call(task, picture=batch, steps=5, seed=None)
    assert together.frames.shape == (6, 3, 16, 16, 3)
    for index, one in enumerate(batch):
        alone = call(task, picture=one, steps=5, seed=None)
        assert np.abs(alone.frames[:, 0].astype(int) - together.frames[:, index]).max() <= 1


@pytest.mark.parametrize("task", MASKED)
def test_a_request_without_a_mask(task: str) -> None:
    with raises_sentence(PictureError, "no mask"):
        build_problem(MODEL, replace(request(task), mask=None))


def test_a_request_for_a_task_that_does_not_exist() -> None:
    with raises_sentence(UnknownNameError, "'generat'", "'generate'"):
        build_problem(MODEL, RunRequest("generat", "dog"))
