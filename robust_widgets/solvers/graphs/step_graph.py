"""A step recorded over buffers."""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeAlias, TypeVar, cast
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from robust_widgets.errors import RobustWidgetsError
from robust_widgets.models.classifier import FULL, PRECISIONS, RobustClassifier
from robust_widgets.models.half_precision import HalfPrecisionClassifier
from robust_widgets.solvers.graphs.backend import Arrays, GraphBackend
from robust_widgets.solvers.graphs.cpu_graph import CpuGraph
from robust_widgets.solvers.graphs.cuda_graph import CudaGraph
from robust_widgets.solvers.graphs.dispatch import backend_for
from robust_widgets.solvers.graphs.pytree import Leaf, UnsupportedNodeError, flatten, rebuilt, with_model
from robust_widgets.solvers.graphs.shape_probe import ZeroModel
from robust_widgets.synthesis.objectives import Classifier, Objective
from robust_widgets.synthesis.steppers import Stepper


class Task(Protocol):
    """What is asked of a problem."""

    @property
    def model(self) -> Classifier: ...
    @property
    def objective(self) -> Objective: ...
    @property
    def stepper(self) -> Stepper: ...
    @property
    def steps(self) -> int: ...


P = TypeVar("P", bound=Task)
Step: TypeAlias = Callable[[P, Tensor], tuple[Tensor, Sequence[Tensor]]]


class StepGraph:
    """A step recorded over buffers.

    Args:
        problem: gives the structure.
        x: a picture of the shape.
        step: what is recorded.
        leaves: the problem's.
        make: what records it.

    Attributes:
        x: the picture after the last replay.
    """

    def __init__(self, problem: P, x: Tensor, step: Step[P], leaves: Sequence[Leaf], make: type[GraphBackend]) -> None:
        self.x = x.clone(memory_format=torch.contiguous_format)
        # Numbers of no dimension leave a picture's precision as it is, so these may be as exact as Python's.
        self._buffers = [
            one.detach().clone(memory_format=torch.contiguous_format)
            if isinstance(one, Tensor)
            else torch.tensor(one, dtype=torch.float64, device=x.device)
            for one in leaves
        ]
        self._graph = make(x.device)
        self._model = problem.model  # whose weights the recording reads

        def once() -> Sequence[Tensor]:
            twin = rebuilt(problem, iter(self._buffers))
            following, shown = step(twin, self.x)
            self.x.copy_(following)
            now: list[Leaf] = []
            flatten(twin, now)
            for buffer, changed in zip(self._buffers, now, strict=True):
                if isinstance(changed, Tensor) and changed is not buffer:  # what is kept from step to step
                    buffer.copy_(changed)
            return shown

        self._graph.record(once, [self.x, *self._buffers])

    def load(self, leaves: Sequence[Leaf], x: Tensor) -> None:
        """Begin at a picture, with other numbers and tensors; waits for nothing."""
        self.x.copy_(x)
        for buffer, leaf in zip(self._buffers, leaves, strict=True):
            if isinstance(leaf, Tensor):
                buffer.copy_(leaf)
            else:
                buffer.fill_(leaf)

    def play(self, times: int, ahead: bool = True) -> Iterator[Arrays]:
        """Replay, and hand out what each shows, with ``ahead`` while the next one runs where that is so."""
        ahead = ahead and self._graph.goes_on
        coming: Callable[[], Arrays] | None = None
        for _ in range(times):
            self._graph.replay()
            last, coming = coming, self._graph.fetch()
            if not ahead:
                yield coming()
            elif last is not None:
                yield last()
        if ahead and coming is not None:
            yield coming()


CHECKED = 2  # first steps of a recording, which are compared with the loop's own
TOLERANCE = 0.05  # of a step's length: a rectifier at its kink may open or close by rounding
CLOSE = 1e-2  # of the numbers of those steps
HALF_TOLERANCE = 0.4  # of a step's length, in half precision
HALF_CLOSE = 0.02  # of the probabilities


def recorded(problem: P, x: Tensor, step: Step[P], plain: Callable[[], Iterator[Arrays]]) -> Iterator[Arrays]:
    """What a step shows of the picture before it, for each step and the last picture; replayed where it can be.

    On a GPU, results are handed out while it is at the next step.

    Args:
        problem: a started one.
        x: the first picture.
        step: the next picture, and what is shown of this one, the same number of tensors each time.
        plain: yields the same without recording anything.
    """
    captures, made = _captures(problem.model, x), 0
    if captures is not None and captures.free.acquire(blocking=False):  # one run at a time: the buffers are its own
        try:
            for arrays in captures.run(problem, x, step):
                yield arrays
                made += 1
        except Exception as error:  # networks of others do what they like; nothing is lost but speed
            captures.give_up(f"{type(error).__name__}: {error}")
        finally:
            captures.free.release()
    if made <= problem.steps:
        yield from islice(plain(), made, None)


def _captures(model: object, x: Tensor) -> StepGraphCache | None:
    """A model's recordings, where its steps are to be recorded."""
    found = cast("StepGraphCache | None", getattr(model, "step_graphs", None))
    if isinstance(model, RobustClassifier) and model.engine is not None:
        make = backend_for(model, x)
        if found is None and make is not None:
            found = model.step_graphs = StepGraphCache(make)
        if make is None and found is not None and found.make is CpuGraph:
            return None
    usable = found is not None and not found.note and isinstance(model, nn.Module)
    return found if usable and not any(module.training for module in cast(nn.Module, model).modules()) else None


class StepGraphCache:
    """The recordings of one model, the latest few.

    Args:
        make: what records for a device.

    Attributes:
        make: the same.
        latest: the one that ran last.
        note: why no more is recorded, in a sentence; ``""`` as long as all is well.
        free: held by the run that uses them.
        count: how many were made.
        precision: of the latest one's network.
    """

    def __init__(self, make: type[GraphBackend] = CudaGraph) -> None:
        self.note = ""
        self.latest: StepGraph | None = None
        self.free = threading.Lock()
        self.count = 0
        self.make = make
        self._kept: OrderedDict[Hashable, StepGraph | None] = OrderedDict()
        self._widths: dict[str, int] = {}
        self.precision: str | None = None
        self._halves: WeakValueDictionary[Hashable, HalfPrecisionClassifier] = WeakValueDictionary()

    def __reduce__(self) -> tuple[type[StepGraphCache], tuple[object]]:
        """Copies begin anew: a graph belongs to the memory it was recorded over."""
        return StepGraphCache, (self.make,)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def run(self, problem: P, x: Tensor, step: Step[P]) -> Iterator[Arrays]:
        """As `recorded`, or nothing where the problem has parts that may do anything, or a mistake in it."""
        leaves: list[Leaf] = []
        try:
            flatten(problem, [])
            with torch.no_grad():  # what looks up names or keeps a sum has them from here on
                problem.objective(ZeroModel(problem.model, self._widths), x)
                problem.stepper(torch.zeros_like(x))
            structure = flatten(problem, leaves)
        except (UnsupportedNodeError, RobustWidgetsError):  # the plain loop says what is wrong
            return
        key = (structure, x.device, _places(cast(nn.Module, problem.model)))
        if key not in self._kept:
            while len(self._kept) >= self.make.kept:
                self._kept.popitem(last=False)
            self._kept[key] = self._recorded(problem, x, step, leaves)
        self._kept.move_to_end(key)
        capture = self.latest = self._kept[key]
        if capture is None:
            return
        capture.load(leaves, x)
        # The last picture's numbers cost a step that nobody sees; a forward pass would need a network prepared for it.
        yield from capture.play(problem.steps + 1)

    def _recorded(self, problem: P, x: Tensor, step: Step[P], leaves: list[Leaf]) -> StepGraph | None:
        """A recording whose first steps do what the plain ones do, in the first precision in which they do.

        None where there is none, and that is worth no word.
        """
        model = cast(RobustClassifier, problem.model)
        for precision in self._precisions(model):
            self.precision = precision
            try:
                capture = StepGraph(with_model(problem, self._runs(model, precision)), x, step, leaves, self.make)
                self.count += 1
                if self._same(capture, problem, x, step, leaves, precision != FULL):
                    return capture
            except Exception:  # of a lacking operation, say
                if precision == FULL and self.make.notable:
                    raise
        if self.make.notable:
            raise ArithmeticError("the recorded steps differ from the plain ones")
        return None

    def _precisions(self, model: RobustClassifier) -> tuple[str, ...]:
        if not self.make.halves:
            return (FULL,)
        tried = tuple(PRECISIONS) if model.precision is None else tuple(dict.fromkeys((model.precision, FULL)))
        return tried[tried.index(self.precision) if self.precision in tried else 0 :]

    def _runs(self, model: RobustClassifier, precision: str) -> nn.Module:
        """What is recorded in a precision: the network's own operations."""
        if precision != FULL:
            return self._half(model, precision)
        return model.uncompiled()

    def _half(self, model: RobustClassifier, precision: str) -> HalfPrecisionClassifier:
        key = precision, _places(model)
        found = self._halves.get(key) or HalfPrecisionClassifier(model, PRECISIONS[precision])
        self._halves[key] = found
        return found

    def _same(
        self, capture: StepGraph, problem: P, x: Tensor, step: Step[P], leaves: Sequence[Leaf], half: bool
    ) -> bool:
        capture.load(leaves, x)
        # On a processor, too, the network itself: it would be prepared for this alone.
        plain = (
            problem if self.make.goes_on else with_model(problem, cast(RobustClassifier, problem.model).uncompiled())
        )
        alone = rebuilt(plain, iter([one.clone() if isinstance(one, Tensor) else one for one in leaves]))
        for arrays in capture.play(CHECKED, ahead=False):
            before, (x, shown) = x, step(alone, x)
            away, length = (capture.x - x).norm(), (x - before).norm()
            if not away <= (HALF_TOLERANCE if half else TOLERANCE) * length:
                return False
            if not (_half_alike if half else _alike)(torch.from_numpy(arrays[0]), shown[0].cpu()):
                return False
        return True

    def give_up(self, reason: str) -> None:
        """Record nothing for this model any more, and say so."""
        self._kept.clear()
        self.note = f"Steps are not recorded here and run slower ({' '.join(reason.split()).rstrip('.')})."
        warnings.warn(self.note, RuntimeWarning, stacklevel=2)


def _alike(numbers: Tensor, expected: Tensor) -> bool:
    return torch.allclose(numbers, expected, rtol=CLOSE, atol=CLOSE, equal_nan=True)


def _half_alike(numbers: Tensor, expected: Tensor) -> bool:
    """Whether probabilities are near and the most probable class is the same; the rows are loss, probability, distance,
    and every class's probability."""
    near = torch.allclose(numbers[1], expected[1], rtol=0, atol=HALF_CLOSE, equal_nan=True)
    classes, wanted = numbers[3:], expected[3:]
    if len(wanted) == 0:
        return near
    return near and bool((classes - wanted).abs().max() <= HALF_CLOSE and (classes.argmax(0) == wanted.argmax(0)).all())


def _places(model: nn.Module) -> Hashable:
    """Where the weights lie and how often they were changed; a recording holds on to the ones it was made with."""
    weights = (*model.parameters(), *model.buffers())
    return tuple((one.data_ptr(), one._version) for one in weights)  # pyright: ignore[reportPrivateUsage]
