"""Pictures larger than the model, and models of two classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from robust_widgets.errors import ParameterError, UnknownNameError
from robust_widgets.interface.tasks import task_names
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.loop import evaluate, minimize
from robust_widgets.synthesis.objectives import Jitter
from robust_widgets.tasks.running.run import build_problem
from robust_widgets.tasks.translate import translate
from tests.helpers import CompiledModule, raises_sentence, smooth_model, tiny_model
from tests.tasks.calls import MASK, MASKED, PICTURE, call, request, unweighted

everyone = pytest.mark.parametrize("task", task_names())


@everyone
def test_a_size_larger_than_the_model(task: str) -> None:
    model = smooth_model(16)
    passes = CompiledModule(model)
    trace = call(task, model=model, size=40, steps=3)
    assert trace.frames.shape == (4, 1, 40, 40, 3) and trace.parameters["size"] == 40
    sizes = [x.shape[-1] for x in passes.inputs]
    assert sizes == sorted(sizes) and sizes[-1] == 40, "the network runs at that size in the end"
    again = call(task, model=model, size=40, steps=3)
    np.testing.assert_array_equal(trace.frames, again.frames)


@everyone
def test_the_network_sees_a_different_shift_at_each_step(task: str) -> None:
    model = smooth_model(16)
    problem = build_problem(model, request(task, {"size": 40, "steps": 6, "epsilon": 0.0}))
    x = problem.start
    passes = CompiledModule(model)
    run(problem)
    seen = [x for x in passes.inputs if len(x) == 1]  # layers are found by a pass of two pictures
    assert len(seen) == 7 and len({x.numpy().tobytes() for x in seen}) > 4, "the picture stays, the shift changes"
    # Each view is the start, mirrored at its edges and moved by at most ten pixels, a quarter of its side.
    padded = torch.nn.functional.pad((x - model.mean) / model.std, (10,) * 4, mode="reflect")
    shifts = {(d, r): padded[:, :, d : d + 40, r : r + 40] for d in range(21) for r in range(21)}
    for view in seen:
        assert any(torch.equal(view, shifted) for shifted in shifts.values())


@everyone
def test_at_the_models_own_size_nothing_is_shifted(task: str) -> None:
    model = smooth_model(16)
    passes = CompiledModule(model)
    run(build_problem(model, request(task, {"steps": 3, "epsilon": 0.0})))
    assert len({x.numpy().tobytes() for x in passes.inputs if len(x) == 1}) == 1
    run(build_problem(smooth_model(32), request(task, {"size": 16, "steps": 1})))


@everyone
def test_the_seed_determines_the_shifts(task: str) -> None:
    def end(seed: int) -> torch.Tensor:
        problem = build_problem(smooth_model(16), request(task, {"size": 40, "steps": 4, "seed": seed}))
        return minimize(replace(problem, start=torch.full_like(problem.start, 0.5), region=None))

    assert torch.equal(end(1), end(1)) and not torch.equal(end(1), end(2))


@everyone
def test_epsilon_and_step_size_grow_with_the_size(task: str) -> None:
    small, large = (build_problem(smooth_model(16), request(task, {"size": s})) for s in (None, 48))
    assert large.constraint.epsilon == pytest.approx(3 * small.constraint.epsilon)  # type: ignore[attr-defined]
    assert unweighted(large).step_size == pytest.approx(3 * unweighted(small).step_size)


@pytest.mark.parametrize("task", MASKED)
def test_a_hard_mask_works_at_a_larger_size(task: str) -> None:
    problem = build_problem(tiny_model(), request(task, {"size": 64, "steps": 3, "step_size": 8.0}))
    assert problem.region is not None and problem.region.shape == (1, 1, 64, 64)
    outside = (~problem.region).expand(problem.start.shape)
    end = minimize(problem)
    assert torch.equal(end[outside], problem.start[outside]) and not torch.equal(end, problem.start)
    assert problem.region[0, 0, 1::4, 1::4].numpy().sum() == pytest.approx(MASK.sum(), abs=12)


@pytest.mark.parametrize("task", MASKED)
def test_the_penalty_compares_the_picture_itself_not_the_shifted_one(task: str) -> None:
    problem = build_problem(smooth_model(16), request(task, {"size": 40, "penalty": 1e6, "steps": 3}))
    assert problem.region is None
    loss = evaluate(problem, problem.init()[0]).loss
    assert float(loss) < 100, "the start is the picture outside the mask"


@pytest.mark.parametrize("size", [15, 0, -64, 1025, 64.5, "64", True])
def test_a_size_out_of_range(size: object) -> None:
    with raises_sentence(ParameterError, "size", repr(size)):
        call("translate", size=size)


def test_the_shift_is_at_most_sixteen_pixels() -> None:
    problem = build_problem(smooth_model(16), request("translate", {"size": 128}))
    assert isinstance(problem.objective, Jitter) and problem.objective.pixels == 16


def test_translate_between_two_domains() -> None:
    model = smooth_model(16, classes=("horse", "zebra"))
    for index, name in enumerate(("horse", "zebra")):
        trace = translate(PICTURE, name, model=model, steps=20, step_size=2.0)
        assert trace.classes == ("horse", "zebra") and trace.target == name
        assert trace[-1].probability[0] > trace[0].probability[0]
        assert trace[-1].probabilities is not None and trace[-1].probabilities.shape == (1, 2)
        np.testing.assert_allclose(trace[-1].probabilities[0, index], trace[-1].probability[0], rtol=1e-5)
        np.testing.assert_array_equal(trace.frames[0, 0], PICTURE)
    with raises_sentence(UnknownNameError, "'cat'", "'zebra'"):
        translate(PICTURE, "cat", model=model)
    with raises_sentence(UnknownNameError, "2 classes"):
        translate(PICTURE, 2, model=model)
