"""A loss, a ball and a stepper of somebody's own are recorded and replayed like ours."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import robust_widgets as rw
from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.compiler.engine import ONNXRUNTIME, SWITCH
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.solvers import backends as cuda_graph
from robust_widgets.solvers.backends import CpuGraph
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.solvers.step_graph import StepGraphCache
from robust_widgets.synthesis.loop import iterate
from robust_widgets.synthesis.problem import Problem
from tests.helpers import pictures, smooth_model
from tests.solvers.fake_cuda import FakeCuda

INSIDE = torch.zeros(12, 12, dtype=torch.bool)
INSIDE[3:9, 4:10] = True


@dataclass(frozen=True)
class Smooth(rw.Objective):
    """Another loss, and how much pixels differ from their neighbourhood."""

    inner: rw.Objective
    weight: float
    reach: int = 1

    def __call__(self, model: Any, x: Tensor) -> Tensor:
        blurred = nn.functional.avg_pool2d(x, 2 * self.reach + 1, 1, self.reach)
        return self.inner(model, x) + self.weight * (x - blurred).square().mean((1, 2, 3))

    def probability(self, model: Any, x: Tensor) -> Tensor | None:
        return self.inner.probability(model, x)


class Colour(rw.Objective):
    """A plain class, as the lessons write one."""

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight
        self.shares = {"red": torch.tensor([-2.0, 1.0, 1.0]).view(3, 1, 1), "all": [0.25, 0.5]}

    def __call__(self, model: Any, x: Tensor) -> Tensor:
        return self.weight * ((x * self.shares["red"]).mean((1, 2, 3)) + self.shares["all"][1] * x.mean((1, 2, 3)))


class Neighbours(rw.Objective):
    """As in the docs: how much neighbours differ."""

    def __call__(self, model: Any, x: Tensor) -> Tensor:
        down = (x[:, :, 1:] - x[:, :, :-1]).abs().mean((1, 2, 3))
        right = (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3))
        return down + right - x[:, 0].mean((1, 2)) + x.unbind(1)[-1].mean((1, 2))


@dataclass(frozen=True)
class Weighted:
    """An L2 ball in which pixels count differently."""

    epsilon: float
    weights: Tensor = field(repr=False)

    def project(self, x: Tensor, start: Tensor) -> Tensor:
        length = self.distance(x, start).view(-1, 1, 1, 1)
        return torch.where(length > self.epsilon, start + (x - start) * (self.epsilon / length), x)

    def random_start(self, start: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return start + 0.01 * self.epsilon * torch.rand(start.shape, generator=generator)

    def distance(self, x: Tensor, start: Tensor) -> Tensor:
        return ((x - start) * self.weights).square().sum((1, 2, 3)).sqrt()


@dataclass(frozen=True)
class Averaged:
    """Steps along the mean of the gradients, shorter at each step; the state is a sum, a count and a size."""

    step_size: float
    fade: float = 0.9

    def init(self, x: Tensor) -> Any:
        return {"sum": torch.zeros_like(x), "count": 0, "size": self.step_size}

    def step(self, gradient: Tensor, state: Any) -> tuple[Tensor, Any]:
        state = {"sum": state["sum"] + gradient, "count": state["count"] + 1, "size": self.fade * state["size"]}
        mean = state["sum"] / state["count"]
        return -state["size"] * mean / mean.square().sum((1, 2, 3), keepdim=True).sqrt(), state


@dataclass(frozen=True)
class Adam:
    """Kingma and Ba (2015)."""

    step_size: float
    decays: tuple[float, float] = (0.9, 0.999)

    def init(self, x: Tensor) -> Any:
        return torch.zeros_like(x), torch.zeros_like(x), 0

    def step(self, gradient: Tensor, state: Any) -> tuple[Tensor, Any]:
        first, second, count = state
        (one, two), count = self.decays, count + 1
        first = one * first + (1 - one) * gradient
        second = two * second + (1 - two) * gradient * gradient
        length = (second / (1 - two**count)).sqrt() + 1e-8
        return -self.step_size * first / (1 - one**count) / length, (first, second, count)


def recorded_on_cpu() -> RobustClassifier:
    pytest.importorskip("onnxruntime")
    model = smooth_model()
    model.compile()
    assert model.engine is not None
    model.engine.selected = dict.fromkeys(BATCH_SIZES, ONNXRUNTIME)
    return model


def recorded_on_gpu() -> RobustClassifier:
    model = smooth_model()
    model.step_graphs, model.precision = StepGraphCache(), "float32"
    return model


@pytest.fixture(params=[recorded_on_cpu, recorded_on_gpu])
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[RobustClassifier]:
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setattr(cuda_graph, "cuda", FakeCuda())
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield request.param()


def problem(model: RobustClassifier, target: str = "cat", size: float = 0.3, seed: int = 0, **changes: Any) -> Problem:
    weights = 0.5 + pictures(1, seed=seed + 5)
    own = {
        "objective": Smooth(rw.CrossEntropy(target), 10 * size) + Colour(size) - 0.1 * rw.AwayFrom("dog"),
        "constraint": Weighted(3 * size, weights),
        "stepper": Averaged(size),
    }
    return Problem(**{"model": model, "start": pictures(2, seed=seed), "steps": 6, **own, **changes})


def check(own: Problem, recordings: int, replays: bool = True) -> None:
    """The compiled frames are the plain ones, and so many steps were recorded for the model up to now."""
    model: Any = own.model
    expected = list(iterate(replace(own, model=model.uncompiled())))
    for frame, other in zip(compiled_iterate(own), expected, strict=True):
        assert np.abs(frame.pixels.astype(int) - other.pixels).max() <= 1
        for name in ("loss", "probability", "distance"):
            np.testing.assert_allclose(getattr(frame, name), getattr(other, name), rtol=1e-3, atol=1e-4)
    graphs = model.step_graphs
    assert (graphs.count, graphs.note) == (recordings, "") and (graphs.latest is not None) == replays
    if replays:  # the discarded extra step shows that the graph ran to the end
        beyond = list(iterate(replace(own, model=model.uncompiled(), steps=own.steps + 1), lambda i, x, info: x))[-1]
        torch.testing.assert_close(graphs.latest.x, beyond, rtol=0, atol=1e-4)


def test_parts_of_ones_own_are_recorded_once_and_replayed_with_other_numbers(model: RobustClassifier) -> None:
    check(problem(model), 1)
    check(problem(model, "goldfish", 0.1, 3), 1)
    check(problem(model, "dog", 0.5, 4, steps=9), 1)


@pytest.mark.parametrize(
    "part",
    [
        {"objective": Smooth(rw.CrossEntropy(1), 5.0)},
        {"objective": Colour(2.0)},
        {"objective": rw.CrossEntropy(1) + 3 * Neighbours()},
        {"constraint": Weighted(0.6, torch.ones(3, 12, 12))},
        {"stepper": Averaged(0.2)},
        {"stepper": Adam(0.01)},
        {"stepper": rw.Momentum(Averaged(0.2))},
    ],
    ids=lambda parts: "-".join(f"{name} {type(part).__name__}" for name, part in parts.items()),
)
def test_each_of_them_goes_with_ours(part: dict[str, Any], model: RobustClassifier) -> None:
    ours = {"objective": rw.CrossEntropy("cat"), "constraint": rw.L2Ball(0.8), "stepper": rw.L2Step(0.3)}
    check(problem(model, **ours | part), 1)


def test_a_whole_number_is_structure(model: RobustClassifier) -> None:
    own = problem(model, objective=Smooth(rw.CrossEntropy("cat"), 5.0))
    check(own, 1)
    check(replace(own, objective=Smooth(rw.CrossEntropy("dog"), 2.0)), 1)
    check(replace(own, objective=Smooth(rw.CrossEntropy("cat"), 5.0, reach=2)), 2)


class Counting(Colour):
    """Changes as it runs, which a graph would not see."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __call__(self, model: Any, x: Tensor) -> Tensor:
        self.calls += 1
        return super().__call__(model, x) * (1 + self.calls)


class Listing(Colour):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def __call__(self, model: Any, x: Tensor) -> Tensor:
        self.seen.append(x.detach())
        return super().__call__(model, x)


class Random(Colour):
    """Draws by itself; half of its steps agree with a graph's."""

    def __call__(self, model: Any, x: Tensor) -> Tensor:
        return super().__call__(model, x) * (1 + 1e-6 * random.random())


class WithNetwork(Colour):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Conv2d(3, 1, 3)

    def __call__(self, model: Any, x: Tensor) -> Tensor:
        return self.network(x).mean((1, 2, 3))


class Branching(Colour):
    """Asks for the value of a number, which a graph cannot."""

    def __call__(self, model: Any, x: Tensor) -> Tensor:
        return super().__call__(model, x) if self.weight > 0.5 else x.mean((1, 2, 3))


@pytest.mark.parametrize("make", [Counting, Listing, Random, WithNetwork, lambda: Branching(1.0)])
def test_what_a_graph_cannot_do_runs_in_the_plain_loop_without_a_warning(
    make: Callable[[], rw.Objective], model: RobustClassifier
) -> None:
    torch.manual_seed(0)
    random.seed(0)
    own = problem(model, objective=make())
    frames = list(compiled_iterate(own))
    graphs: Any = model.step_graphs
    assert len(frames) == own.steps + 1 and graphs.count == 0 and not graphs.note and graphs.latest is None
    check(problem(model), 1)


def test_a_state_that_changes_its_structure_runs_in_the_plain_loop(model: RobustClassifier) -> None:
    @dataclass(frozen=True)
    class Lazy:
        step_size: float

        def init(self, x: Tensor) -> Any:
            return None

        def step(self, gradient: Tensor, state: Any) -> tuple[Tensor, Any]:
            return -self.step_size * gradient, gradient

    check(problem(model, stepper=Lazy(20.0)), 0, replays=False)


def test_on_a_cpu_the_graph_is_one_of_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    model = recorded_on_cpu()
    check(problem(model), 1)
    assert isinstance(model.step_graphs, StepGraphCache) and model.step_graphs.backend is CpuGraph
