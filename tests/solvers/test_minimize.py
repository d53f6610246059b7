"""The last pictures of a run without its frames: by recorded steps where a structure comes again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.compiler.engine import BFLOAT16, ONNXRUNTIME, SWITCH
from robust_widgets.models.classifier import FULL
from robust_widgets.robustness.pgd import pgd
from robust_widgets.solvers import backends
from robust_widgets.solvers.run import compiled_iterate, compiled_minimize
from robust_widgets.solvers.step_graph import MAX_PICTURES, StepGraphCache, backend_for
from robust_widgets.synthesis.loop import minimize
from robust_widgets.synthesis.objectives import CrossEntropy, Jitter
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, Momentum
from tests.helpers import pictures, smooth_model
from tests.solvers.fake_cuda import FakeCuda
from tests.solvers.test_backends_cpu import made, plain, recording

ROUNDING = 1e-5


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.delenv(SWITCH, raising=False)


def count(problem: Problem) -> int:
    model: Any = problem.model
    return 0 if model.step_graphs is None else model.step_graphs.count


@pytest.mark.usefixtures("on_cpu")
def test_pictures_are_the_same_and_the_second_batch_of_a_structure_is_recorded() -> None:
    problem = made(steps=6, stepper=Momentum(L2Step(0.3)))
    for recordings, seed in enumerate((1, 2, 3)):
        batch = replace(problem, start=pictures(3, seed=seed), objective=CrossEntropy([seed - 1, 0, 1]))
        steps: list[int] = []
        found, _ = compiled_minimize(batch, steps.append)
        assert float((found - minimize(plain(batch))).abs().max()) < ROUNDING
        assert steps == list(range(problem.steps)) and count(problem) == min(recordings, 1)


@pytest.mark.usefixtures("on_cpu")
def test_an_error_of_the_caller_is_the_callers() -> None:
    problem = made()

    def failing(step: int) -> None:
        raise ValueError(f"step {step}")

    for _ in range(2):
        with pytest.raises(ValueError, match="step 0"):
            compiled_minimize(problem, failing)
    assert count(problem) == 1 and not problem.model.step_graphs.note  # type: ignore[attr-defined]
    assert problem.model.step_graphs.free.acquire(blocking=False)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("on_cpu")
def test_results_do_not_change_with_the_next_batch() -> None:
    problem = made()
    for _ in range(2):
        found, _ = compiled_minimize(problem)
    kept = found.clone()
    compiled_minimize(replace(problem, start=pictures(3, seed=9)))
    assert torch.equal(found, kept)


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize(
    "changes",
    [{"objective": Jitter(CrossEntropy(1), 3, seed=4)}, {"start": pictures(MAX_PICTURES + 1)}],
    ids=["a loss that draws", "many pictures"],
)
def test_what_is_not_recorded_is_minimised_plainly(changes: dict[str, Any]) -> None:
    problem = made(**changes)
    for _ in range(2):
        found, _ = compiled_minimize(problem)
        assert float((found - minimize(plain(problem))).abs().max()) < ROUNDING
    assert count(problem) == 0


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("objective", [CrossEntropy(1), Jitter(CrossEntropy(1), 3, seed=4)], ids=repr)
def test_the_last_pictures_are_evaluated_as_in_a_frame(objective: Any) -> None:
    problem = made(objective=objective)
    *_, last = compiled_iterate(plain(problem))
    for _ in range(2):
        _, evaluated = compiled_minimize(problem)
        info = evaluated()
        for name in ("loss", "probability", "distance"):
            np.testing.assert_allclose(getattr(info, name).numpy(), getattr(last, name), 1e-3, 1e-4, err_msg=name)


@pytest.mark.usefixtures("on_cpu")
def test_another_backend_that_is_faster_is_used_but_not_where_float32_is_asked_for() -> None:
    model = recording()
    assert model.engine is not None
    model.engine.selected = dict.fromkeys(BATCH_SIZES, BFLOAT16)
    model.engine.times = {size: {BFLOAT16: 9.0, ONNXRUNTIME: 10.0, "eager": 20.0} for size in BATCH_SIZES}
    problem = made(model=model)
    for _ in range(2):
        compiled_minimize(problem)
    assert count(problem) == 0
    model.precision = FULL
    for _ in range(2):
        compiled_minimize(problem)
    assert count(problem) == 1


@pytest.mark.usefixtures("on_cpu")
def test_attacks_use_it() -> None:
    model = recording()
    options: dict[str, Any] = {"norm": "linf", "epsilon": 0.1, "steps": 5}
    labels = torch.tensor([0, 1, 2])
    for seed in (1, 2):
        x = pictures(3, seed=seed)
        found, expected = (pgd(each, x, labels, seed=seed, **options) for each in (model, model.uncompiled()))
        assert float((found - expected).abs().max()) < ROUNDING
    assert isinstance(model.step_graphs, StepGraphCache) and model.step_graphs.count == 1


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    monkeypatch.setattr(backends, "cuda", fake)
    return fake


@pytest.mark.usefixtures("cuda")
def test_on_a_gpu_an_attack_in_float32_does_not_replay_half_precision() -> None:
    model = smooth_model()
    model.step_graphs = graphs = StepGraphCache()
    problem = made(model=model)
    for _ in range(2):
        compiled_minimize(problem)
    assert graphs.count == 1 and graphs.precision == "bfloat16"
    with model.in_full_precision():
        found, _ = compiled_minimize(problem)
        assert graphs.count == 2 and graphs.precision == FULL
    assert float((found - minimize(plain(problem))).abs().max()) < ROUNDING
    compiled_minimize(problem)
    assert graphs.count == 2
    compiled_minimize(replace(problem, start=pictures(2)))
    compiled_minimize(replace(problem, start=pictures(2)))
    assert graphs.precision == "bfloat16", "float32 was asked for once, and not because half precision failed"


def test_on_a_gpu_weights_that_learn_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    there: Any = SimpleNamespace(device=torch.device("cuda", 0))
    model = smooth_model()
    model.compile()
    assert backend_for(model, there) is backends.CudaGraph
    model.requires_grad_(True)
    assert backend_for(model, there) is None
