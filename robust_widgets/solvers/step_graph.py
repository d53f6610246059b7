"""Steps recorded as graphs, the cache of a model's graphs, and the choice of a backend."""

from __future__ import annotations

import operator
import os
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import nullcontext, suppress
from threading import Event, Lock
from typing import Any, cast
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from robust_widgets.compiler.autotune import batch_size_for
from robust_widgets.compiler.engine import SWITCH, is_usable
from robust_widgets.errors import RobustWidgetsError
from robust_widgets.models.classifier import FULL, PRECISIONS, HalfPrecisionClassifier, RobustClassifier
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.solvers.backends import CpuGraph, CudaGraph, GraphBackend
from robust_widgets.solvers.pytree import Leaf, UnsupportedNodeError, tree_flatten, tree_unflatten
from robust_widgets.solvers.randomness import keep_randomness, random_states
from robust_widgets.solvers.zero_model import Shape, ZeroModel
from robust_widgets.synthesis.loop import Arrays, heat_map_on_device, render, step
from robust_widgets.synthesis.objectives.base import changed
from robust_widgets.synthesis.problem import Problem, State

PARTS = ("start", "region", "constraint", "stepper")  # what stays the same in a run, besides model and objective


class FlatRun:
    """A run at one of its steps: its parts and the state of its stepper as leaves and structure.

    Attributes:
        problem, x, state: the run, its pictures, and what it carries from step to step.
        leaves, places: tensors and numbers, those of the parts first, and where each is.
        part_count: how many of them belong to the parts.
        structure: all else.

    Raises:
        UnsupportedNodeError: a part may change unseen.
    """

    def __init__(self, problem: Problem, x: Tensor, state: State) -> None:
        self.problem, self.x, self.state = problem, x, state
        self.parts = {name: getattr(problem, name) for name in PARTS} | {"objective": state.objective}
        parts, part_structure = tree_flatten(self.parts)
        stepper, state_structure = tree_flatten(state.stepper, integers_are_leaves=True, prefix="state")
        self.places, self.leaves = [*parts, *stepper], [*parts.values(), *stepper.values()]
        self.part_count = len(parts)
        self.structure: Hashable = part_structure, state_structure

    def is_same(self, other: FlatRun) -> bool:
        """Whether structures are equal, and leaves the same objects."""
        return self.structure == other.structure and all(map(operator.is_, self.leaves, other.leaves))

    def rebuild(self, model: object, leaves: Sequence[Leaf]) -> tuple[Problem, State]:
        """The same run of another model and with other leaves, unchecked: a check would wait for the device."""
        remaining = iter(leaves)
        parts = tree_unflatten(self.parts, remaining)
        state = tree_unflatten(self.state.stepper, remaining, integers_are_leaves=True)
        return changed(self.problem, model=model, **parts), State(parts["objective"], state)


class StepGraph:
    """A step recorded over buffers.

    Args:
        run: whose step is recorded.
        model: the network whose operations are recorded.
        backend: what records it.
        stopping: once it is set, recording ends with RecordingStoppedError.

    Attributes:
        x: the pictures after the last replay.
        backend: what recorded it.

    Raises:
        UnsupportedNodeError: a part changes as it runs, or draws random numbers.
    """

    def __init__(self, run: FlatRun, model: nn.Module, backend: type[GraphBackend], stopping: Event) -> None:
        x = run.x
        self.x = x.clone(memory_format=torch.contiguous_format)
        # 0-d tensors don't promote dtypes, so float64 scalars are safe here. ONNX Runtime writes back float32 only.
        dtypes = [torch.float64] * run.part_count + [x.dtype] * (len(run.leaves) - run.part_count)
        self._buffers = [
            leaf.detach().clone(memory_format=torch.contiguous_format)
            if isinstance(leaf, Tensor)
            else torch.tensor(leaf, dtype=dtype, device=x.device)
            for leaf, dtype in zip(run.leaves, dtypes, strict=True)
        ]
        self.backend = backend(x.device)
        self._model = model  # whose weights the graph reads

        def once() -> Sequence[Tensor]:
            own, state = run.rebuild(model, self._buffers)
            before = FlatRun(own, self.x, state)
            with nullcontext() if backend.is_gpu else _NoValues(stopping):  # a capture refuses to read values anyway
                x_next, info, state_after = step(own, self.x, state)
            outputs = render(self.x, info, heat_map_on_device)
            if not before.is_same(FlatRun(own, self.x, state)):
                raise UnsupportedNodeError("a part that changes as it runs")
            after = FlatRun(own, x_next, state_after)
            if after.structure != before.structure:
                raise UnsupportedNodeError("a state whose structure changes")
            for buffer, leaf in zip(self._buffers, after.leaves, strict=True):
                if leaf is not buffer:
                    buffer.copy_(cast(Tensor, leaf).to(buffer.dtype))
            self.x.copy_(x_next)
            return outputs

        randomness = random_states()
        self.backend.record(once, [self.x, *self._buffers])
        if not is_ours(run.structure) and random_states() != randomness:  # it would repeat the draws
            raise UnsupportedNodeError("a part that draws random numbers")

    def load(self, run: FlatRun) -> None:
        """Continue a run of the same structure; doesn't wait for the device."""
        self.x.copy_(run.x)
        for buffer, leaf in zip(self._buffers, run.leaves, strict=True):
            if isinstance(leaf, Tensor):
                buffer.copy_(leaf)
            else:
                buffer.fill_(leaf)

    def play(self, times: int, ahead: bool = True) -> Iterator[Arrays]:
        """Replay step by step, yielding each step's outputs.

        Args:
            times: how many steps.
            ahead: on asynchronous backends, yield while the next step runs.
        """
        ahead = ahead and self.backend.is_gpu
        pending: Callable[[], Arrays] | None = None
        for _ in range(times):
            self.backend.replay()
            previous, pending = pending, self.backend.fetch()
            if not ahead:
                yield pending()
            elif previous is not None:
                yield previous()
        if ahead and pending is not None:
            yield pending()


class RecordingStoppedError(Exception):
    """Nobody waits for the recording any more."""


class _NoValues(TorchFunctionMode):
    """Refuses to read values: a branch would be taken once and for all, whatever the values of later runs."""

    READS = frozenset(
        {Tensor.item, Tensor.tolist, Tensor.numpy, Tensor.__array__}
        | {Tensor.__bool__, Tensor.__float__, Tensor.__int__, Tensor.__index__}
    )

    def __init__(self, stopping: Event) -> None:
        super().__init__()
        self._stopping = stopping

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in self.READS:
            raise UnsupportedNodeError("a part that reads the value of a tensor")
        if self._stopping.is_set():
            raise RecordingStoppedError
        return func(*args, **(kwargs or {}))


CHECKED = 2  # first steps of a graph, which are compared with those of the plain loop
TOLERANCE = 0.05  # of a step's length: at its kink a ReLU may open or close by rounding
CLOSE = 1e-2  # of the numbers of those steps
HALF_TOLERANCE = 0.4  # of a step's length, in half precision
HALF_CLOSE = 0.02  # of the probabilities


def step_graphs_of(model: object, x: Tensor) -> StepGraphCache | None:
    """A model's recorded steps, or None where its steps are not recorded."""
    cache = cast("StepGraphCache | None", getattr(model, "step_graphs", None))
    if isinstance(model, RobustClassifier) and model.engine is not None:
        backend = backend_for(model, x)
        if cache is None and backend is not None:
            cache = model.step_graphs = StepGraphCache(backend)
        if backend is None and cache is not None and cache.backend is CpuGraph:
            return None
    usable = cache is not None and not cache.note and isinstance(model, nn.Module)
    return cache if usable and not any(module.training for module in cast(nn.Module, model).modules()) else None


class StepGraphCache:
    """The recorded steps of one model, the latest few.

    Args:
        backend: what records for a device.

    Attributes:
        backend: the same.
        latest: the graph that ran last.
        note: why nothing is recorded any more, in a sentence; ``""`` otherwise.
        free: held by the run that uses the graphs: their buffers serve one run at a time.
        count: how many were recorded.
        precision: of the latest graph's network.
        asked: the latest structures of problems that were minimised.
        stopping: set to end a recording on another thread.
        stopped: the structure whose recording was ended that way last.
    """

    def __init__(self, backend: type[GraphBackend] = CudaGraph) -> None:
        self.note = ""
        self.latest: StepGraph | None = None
        self.free = Lock()
        self.count = 0
        self.stopping, self.stopped = Event(), cast(Hashable, None)
        self.backend = backend
        self._graphs: OrderedDict[Hashable, StepGraph | None] = OrderedDict()
        self._shapes: dict[Hashable, Shape] = {}
        self.precision: str | None = None
        self._rejected: set[str] = set()
        self.asked: deque[Hashable] = deque(maxlen=8)
        self._halves: WeakValueDictionary[Hashable, HalfPrecisionClassifier] = WeakValueDictionary()

    def __reduce__(self) -> tuple[type[StepGraphCache], tuple[object]]:
        """Copies start empty: a graph belongs to the memory it was recorded over."""
        return StepGraphCache, (self.backend,)

    def run(self, problem: Problem) -> Iterator[Arrays]:
        """What the frames of a run hold; nothing where the problem has unsupported parts, or a mistake in it."""
        run = self.start(problem)
        graph = None if run is None else self.load(run)
        if graph is not None:
            # Metrics of the final pictures come from one extra (discarded) step: a forward-only graph would have to be
            # compiled separately.
            yield from graph.play(problem.steps + 1)

    def start(self, problem: Problem) -> FlatRun | None:
        """A run before its first step; None where its steps cannot be recorded, or it has a mistake."""
        with keep_randomness(), suppress(UnsupportedNodeError, RobustWidgetsError):  # the plain loop raises the error
            x, state = problem.init()
            loss, following = state.objective.sample()
            if following is state.objective:  # else the loss differs from step to step
                run = FlatRun(problem, x, state)
                with torch.no_grad():
                    loss(ZeroModel(problem.model, self._shapes), x)
                return run
        return None

    def has(self, run: FlatRun) -> bool:
        """Whether it is known how to make this run's steps."""
        return _key(run) in self._graphs

    def load(self, run: FlatRun) -> StepGraph | None:
        """The graph of a run's steps, recorded if it is new, to continue the run; None where it cannot be recorded.

        Raises:
            RecordingStoppedError: `stopping` was set.
        """
        key = _key(run)
        if key not in self._graphs:
            while len(self._graphs) >= self.backend.max_cached:
                self._graphs.popitem(last=False)
            with nullcontext() if is_ours(run.structure) else keep_randomness():
                self._graphs[key] = self._record(run)
        self._graphs.move_to_end(key)
        graph = self.latest = self._graphs[key]
        if graph is not None:
            graph.load(run)
        return graph

    @plain_torch()
    def _record(self, run: FlatRun) -> StepGraph | None:
        """The first precision whose initial steps match the plain ones, or None (silently)."""
        model = cast(RobustClassifier, run.problem.model)
        for precision in self._precisions(model):
            self.precision = precision
            try:
                network = model.uncompiled() if precision == FULL else self._half(model, precision)
                graph = StepGraph(run, network, self.backend, self.stopping)
                self.count += 1
                if self._matches(graph, run, precision != FULL):
                    return graph
                self._rejected |= {precision} - {FULL}
            except RecordingStoppedError:
                raise
            except UnsupportedNodeError:
                return None
            except Exception:  # an unsupported operation, for example
                if precision == FULL and self.backend.is_gpu and is_ours(run.structure):
                    raise
        if self.backend.is_gpu and is_ours(run.structure):
            raise ArithmeticError("the recorded steps differ from the plain ones")
        return None

    def _precisions(self, model: RobustClassifier) -> tuple[str, ...]:
        if not self.backend.is_gpu:
            return (FULL,)
        tried = PRECISIONS if model.precision is None else dict.fromkeys((model.precision, FULL))
        return tuple(precision for precision in tried if precision not in self._rejected)

    def _half(self, model: RobustClassifier, precision: str) -> HalfPrecisionClassifier:
        key = precision, _places(model)
        half = self._halves.get(key) or HalfPrecisionClassifier(model, PRECISIONS[precision])
        self._halves[key] = half
        return half

    def _matches(self, graph: StepGraph, run: FlatRun, half: bool) -> bool:
        graph.load(run)
        # On a CPU use the plain network: compiling one just for this isn't worth it.
        x, model = run.x, cast(RobustClassifier, run.problem.model)
        leaves = [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in run.leaves]
        plain, state = run.rebuild(model if self.backend.is_gpu else model.uncompiled(), leaves)
        for arrays in graph.play(CHECKED, ahead=False):
            before = x
            x, info, state = step(plain, before, state)
            numbers = render(before, info, heat_map_on_device)[0].cpu()
            error, length = (graph.x - x).norm(), (x - before).norm()
            if not error <= (HALF_TOLERANCE if half else TOLERANCE) * length:
                return False
            if not (_half_alike if half else _alike)(torch.from_numpy(arrays[0]), numbers):
                return False
        return True

    def give_up(self, reason: str) -> None:
        """Record nothing for this model any more, and warn."""
        self._graphs.clear()
        self.note = f"Steps are not recorded here and run slower ({' '.join(reason.split()).rstrip('.')})."
        warnings.warn(self.note, RuntimeWarning, stacklevel=2)


def _alike(numbers: Tensor, expected: Tensor) -> bool:
    return torch.allclose(numbers, expected, rtol=CLOSE, atol=CLOSE, equal_nan=True)


def _half_alike(numbers: Tensor, expected: Tensor) -> bool:
    """Whether probabilities are close and the most probable class is the same.

    The rows are loss, probability, distance, and each class's probability.
    """
    rows = [1, *range(3, len(expected))]
    close = torch.allclose(numbers[rows], expected[rows], rtol=0, atol=HALF_CLOSE, equal_nan=True)
    return close and (len(expected) == 3 or torch.equal(numbers[3:].argmax(0), expected[3:].argmax(0)))


def is_ours(structure: Hashable) -> bool:
    """Whether all classes in a structure are this package's; others may do what no graph can, and nothing is wrong."""
    if isinstance(structure, type):
        return structure.__module__.partition(".")[0] in ("builtins", "torch", __name__.partition(".")[0])
    return not isinstance(structure, tuple) or all(map(is_ours, cast("tuple[Hashable, ...]", structure)))


def _key(run: FlatRun) -> Hashable:
    model = cast(nn.Module, run.problem.model)
    return run.structure, run.x.device, getattr(model, "precision", None), _places(model)


def _places(model: nn.Module) -> Hashable:
    """Addresses and versions of the weights; a graph reads those it was recorded with."""
    weights = (*model.parameters(), *model.buffers())
    return tuple((weight.data_ptr(), weight._version) for weight in weights)  # pyright: ignore[reportPrivateUsage]


MAX_PICTURES = 8  # on a CPU: in larger batches, the time between the convolutions hardly counts


def backend_for(model: RobustClassifier, x: Tensor) -> type[GraphBackend] | None:
    """The backend for a model's steps from pictures ``x``; None where steps are not recorded.

    On a CPU, steps are recorded if ONNX Runtime was the fastest backend for the network.
    """
    if model.engine is None or not is_usable() or os.environ.get(SWITCH) == "0":
        return None
    if x.device.type != "cpu":
        if any(weight.requires_grad for weight in model.parameters()):  # they change from step to step
            return None
        return CudaGraph if x.device.type == "cuda" else None
    if len(x) > MAX_PICTURES:
        return None
    if batch_size_for(len(x)) not in model.engine.selected:
        model.warm_up(batch_size_for(len(x)))
    return CpuGraph if model.engine.favours_onnxruntime(model, x) else None
