"""The engine's path equals the published formulas, derived again here in numpy and float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.synthesis.constraints import L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.loop import iterate, minimize, step
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, LinfStep
from tests.helpers import pictures, smooth_model

STEPS = 20
TARGETS = [0, 1, 2]


def gradient(model: RobustClassifier, x: np.ndarray, target: int, weight: float) -> np.ndarray:
    """The gradient of weight * cross-entropy at one picture (3, h, w)."""
    leaf = torch.from_numpy(x)[None].requires_grad_()
    loss = -weight * torch.log_softmax(model(leaf), 1)[0, target]
    return torch.autograd.grad(loss, leaf)[0][0].numpy()


def published(
    model: RobustClassifier,
    start: np.ndarray,
    first: np.ndarray,
    target: int,
    norm: str,
    a: float,
    eps: float,
    weight: float,
) -> tuple[list[np.ndarray], int, int]:
    """The path of one picture; also how often the projection and the clamp had something to do."""
    x, path, projected, clamped = first, [first], 0, 0
    for _ in range(STEPS):
        g = gradient(model, x, target, weight)
        if norm == "l2":
            x = x - a * g / (np.sqrt((g**2).sum()) + 1e-10)
            offset = x - start
            length = np.sqrt((offset**2).sum())
            if length > eps:
                offset, projected = offset * eps / length, projected + 1
        else:
            x = x - a * np.sign(g)
            offset = np.clip(x - start, -eps, eps)
            projected += int((offset != x - start).any())
        x = start + offset
        clamped += int((x < 0).any() or (x > 1).any())
        x = np.clip(x, 0, 1)
        path.append(x)
    return path, projected, clamped


CASES = {
    "l2": ("l2", 0.4, 1.5, 1.0),
    "l2, wide ball": ("l2", 0.1, 50.0, 1.0),
    "l2, ascent": ("l2", 0.4, 1.5, -1.0),
    "l2, a gradient as small as the constant 1e-10": ("l2", 0.4, 0.8, 3e-10),
    "linf": ("linf", 0.02, 0.1, 1.0),
    "linf, one step reaches the rim": ("linf", 0.2, 0.1, 1.0),
}


def problem(case: str, dtype: torch.dtype, seed: int | None = None) -> Problem:
    norm, a, eps, weight = CASES[case]
    return Problem(
        model=smooth_model(dtype=dtype),
        start=pictures(3, dtype=dtype),
        objective=weight * CrossEntropy(TARGETS),
        stepper=L2Step(a) if norm == "l2" else LinfStep(a),
        steps=STEPS,
        constraint=L2Ball(eps) if norm == "l2" else LinfBall(eps),
        seed=seed,
    )


def engine_path(task: Problem) -> list[torch.Tensor]:
    x, state = task.init()
    path = [x]
    for _ in range(task.steps):
        x, _, state = step(task, x, state)
        path.append(x)
    return path


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("case", CASES)
def test_every_step_equals_the_published_formula(case: str, seed: int | None) -> None:
    task = problem(case, torch.float64, seed)
    norm, a, eps, weight = CASES[case]
    path = engine_path(task)
    if seed is None:
        assert torch.equal(path[0], task.start)
    else:
        assert not torch.equal(path[0], task.start)
    total_projected = total_clamped = 0
    for i, target in enumerate(TARGETS):
        wanted, projected, clamped = published(
            task.model,
            task.start[i].numpy(),
            path[0][i].numpy(),
            target,
            norm,
            a,
            eps,
            weight,  # type: ignore[arg-type]
        )
        total_projected, total_clamped = total_projected + projected, total_clamped + clamped
        for i_step, x in enumerate(path):
            np.testing.assert_allclose(x[i], wanted[i_step], rtol=0, atol=1e-9, err_msg=f"picture {i}, step {i_step}")
    assert total_clamped > 0, "this case must exercise the clamp"
    assert (total_projected > 0) == (case != "l2, wide ball"), "this case must exercise the projection"


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("case", ["l2", "l2, wide ball", "l2, ascent", "linf"])
def test_single_precision_stays_within_1e_5_of_the_formula(case: str, seed: int | None) -> None:
    task, exact = problem(case, torch.float32, seed), smooth_model(dtype=torch.float64)
    norm, a, eps, weight = CASES[case]
    path = engine_path(task)
    for i, target in enumerate(TARGETS):
        start, first = task.start[i].double().numpy(), path[0][i].double().numpy()
        wanted, _, _ = published(exact, start, first, target, norm, a, eps, weight)
        np.testing.assert_allclose(path[-1][i], wanted[-1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", [None, 3])
def test_iterate_and_solve_walk_the_same_path(seed: int | None) -> None:
    task = problem("l2", torch.float64, seed)
    path = engine_path(task)
    assert torch.equal(minimize(task), path[-1])
    frames = list(iterate(task))
    assert len(frames) == STEPS + 1
    for frame, x in zip(frames, path, strict=True):
        wanted = np.floor(x.numpy().transpose(0, 2, 3, 1) * 255 + 0.5)
        np.testing.assert_array_equal(frame.pixels, wanted)


def test_the_ball_is_around_the_start_not_around_the_random_first_picture() -> None:
    task = problem("l2", torch.float64, seed=8)
    first, _ = task.init()
    away = L2Ball(1.5).distance(first, task.start)
    assert (away > 0.1).all()
    end = minimize(task)
    assert (L2Ball(1.5).distance(end, task.start) <= 1.5 * (1 + 1e-9)).all()
    assert (L2Ball(1.5).distance(end, first) > 1.5).any(), "no ball around the first picture holds it"


def test_without_a_constraint_only_the_clamp_holds() -> None:
    base = problem("l2, wide ball", torch.float64)
    free = Problem(base.model, base.start, base.objective, L2Step(3.0), 6, Unconstrained())
    x = minimize(free)
    assert x.min() == 0 and x.max() == 1
