"""The steps of the tasks as ONNX graphs, one for each structure that their parameters can give.

A structure is what decides the operations of a step: the objective, the norm, whether there is a region. Numbers and
pictures are inputs. The choices among a task's parameters are tried in turn, so a new one needs no entry here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor, fx

from robust_widgets.compiler.backends.onnx_export import to_onnx
from robust_widgets.compiler.backends.onnxruntime import trace_step
from robust_widgets.compiler.decompositions import UnsupportedOpError
from robust_widgets.errors import RobustWidgetsError, WeightsError, first_line
from robust_widgets.interface.parameters import SIZE, Choice
from robust_widgets.interface.tasks import TaskSpec, task_specs
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.solvers.step_graph import FlatRun, StepGraph
from robust_widgets.synthesis.loop import Arrays
from robust_widgets.synthesis.objectives.base import Classifier, Jitter, Objective, Sum
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.running.run import task_problem

WEIGHT = 1.0  # any number: a soft penalty's weight is an input of the graph
LARGER = (2, 4)  # times the model's own size: the larger pictures that a page paints, coarse to fine
Choices: TypeAlias = dict[str, str | float | None]
DTYPES = {torch.float32: "float32", torch.float64: "float32", torch.int64: "int64", torch.bool: "bool"}


@dataclass(frozen=True)
class Input:
    """An input of a graph.

    Attributes:
        name: where its value is in the problem, such as ``"constraint.epsilon"``; ``"x"`` for the pictures.
        dtype: ``"float32"``, ``"int64"`` or ``"bool"``.
        shape: () for a number.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Structure:
    """A recorded step of one picture.

    Attributes:
        name: of its file, without the extension.
        model: its graph. Outputs: ``"x"`` of the next step; ``"numbers"``, the rows of loss, probability, distance and
            each class's probability; ``"bytes"`` uint8 (1, h, w, 3); ``"gradient"`` uint8 (1, h, w).
        inputs: those that it reads.
        problem: one with this structure.
    """

    name: str
    model: onnx.ModelProto
    inputs: tuple[Input, ...]
    problem: Problem


@dataclass(frozen=True)
class RecordedTasks:
    """What a model can do on a page.

    Attributes:
        structures: by name.
        uses: for each task, each combination of its choices and of the sizes, with the name of its structure.
        missing: for each task that the model cannot do, the reason in a sentence.
        sizes: of pictures in pixels, the model's own first.
    """

    structures: dict[str, Structure]
    uses: dict[str, list[tuple[Choices, str]]]
    missing: dict[str, str]
    sizes: tuple[int, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Shifted(Objective):
    """The inner loss of shifted pictures: a step of `Jitter`, whose random numbers the browser draws.

    A step cannot read where it shifts to, so the shift is a product with matrices that have a one in each row.

    Args:
        inner: the loss.
        rows, columns: which pixel each one becomes, float (h, h) and (w, w).
    """

    inner: Objective
    rows: Tensor
    columns: Tensor

    def _shifted(self, x: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        across = x.reshape(-1, width) @ self.columns.T
        turned = across.reshape(count, channels, height, width).transpose(2, 3).reshape(-1, height)
        return (turned @ self.rows.T).reshape(count, channels, width, height).transpose(2, 3)

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.inner(model, self._shifted(x))

    def loss_and_probability(self, model: Classifier, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.inner.loss_and_probability(model, self._shifted(x))


@plain_torch()
def record_tasks(model: RobustClassifier, larger: Sequence[int] | None = None) -> RecordedTasks:
    """Record the steps of all tasks.

    Args:
        model: a model on the CPU.
        larger: sizes of larger pictures, times the model's own; by default twice and four times.

    Raises:
        WeightsError: none of them can be recorded.
    """
    own = _record_size(model, None)
    if not own.uses:
        raise WeightsError(next(iter(own.missing.values()), "There is no task."))
    for size in (times * model.input_size for times in (LARGER if larger is None else larger)):
        other = _record_size(model, size) if size <= (SIZE.maximum or size) else own
        if other.sizes != (size,) or set(other.uses) != set(own.uses):  # such as a network of one size
            break
        own = RecordedTasks(
            own.structures | other.structures,
            {task: [*uses, *other.uses[task]] for task, uses in own.uses.items()},
            own.missing,
            (*own.sizes, size),
        )
    return own


def _record_size(model: RobustClassifier, size: int | None) -> RecordedTasks:
    """The steps of all tasks at one size of pictures; None is the model's own."""
    names: dict[Hashable, str] = {}
    recorded = RecordedTasks({}, {}, {}, (size or model.input_size,))
    plain = model.uncompiled()
    for task, spec in task_specs().items():
        if spec.target == "layer":
            recorded.missing[task] = (
                f"A page cannot do the task {task!r}: each layer needs a step of its own; use Python."
            )
            continue
        uses: list[tuple[Choices, str]] = []
        try:
            for choices in combinations(spec, size):
                problem = _recordable(example_problem(spec, plain, choices))
                x, state = problem.init()
                run = FlatRun(problem, x, state)
                if run.structure not in names:
                    name = _name(spec, choices)
                    recorded.structures[name] = record(name, run)
                    names[run.structure] = name
                uses.append((choices, names[run.structure]))
        except RobustWidgetsError as error:
            recorded.missing[task] = str(error)
            continue
        except Exception as error:  # third-party networks can fail in any way, and the recorder refuses some parts
            recorded.missing[task] = _not_recorded(model, error)
            continue
        recorded.uses[task] = uses
    return recorded


def _recordable(problem: Problem) -> Problem:
    """A problem whose random shifts are inputs."""

    def fixed(objective: Objective) -> Objective:
        if isinstance(objective, Sum):
            return replace(objective, first=fixed(objective.first))
        if not isinstance(objective, Jitter):
            return objective
        height, width = problem.start.shape[2:]
        return Shifted(objective.inner, torch.eye(height), torch.eye(width))

    return replace(problem, objective=fixed(problem.objective))


def _not_recorded(model: RobustClassifier, error: Exception) -> str:
    return (
        f"The steps of {model.card.name!r} cannot be recorded for a page ({first_line(error)}); use a convolutional "
        "network, such as a bundled model."
    )


def combinations(spec: TaskSpec, size: int | None = None) -> Iterator[Choices]:
    """Each combination of a task's choices at one size, the defaults first; None is the model's own size."""
    choices = [parameter for parameter in spec.parameters if isinstance(parameter, Choice)]
    options: list[list[str | float | None]] = []
    for choice in choices:
        values: list[str | float | None] = [choice.default, *choice.options]
        values += [None] * choice.optional + [WEIGHT] * choice.weight
        options.append(list(dict.fromkeys(values)))
    sizes: Choices = {"size": size} if has_size(spec) else {}
    for combination in itertools.product(*options):
        yield {choice.name: value for choice, value in zip(choices, combination, strict=True)} | sizes


def has_size(spec: TaskSpec) -> bool:
    """Whether a task makes pictures of any size."""
    return any(parameter.name == SIZE.name for parameter in spec.parameters)


def example_problem(spec: TaskSpec, model: RobustClassifier, choices: Mapping[str, Any]) -> Problem:
    """A problem of a task with these choices, from one grey picture with a marked square."""
    size = model.input_size
    picture = np.full((size, size, 3), 127, np.uint8)
    mask = np.zeros((size, size), np.uint8)
    mask[size // 4 : size // 2, size // 4 : size // 2] = 255
    target: str | int = "0" if spec.target == "feature" else 0
    return task_problem(spec, model, target, choices, picture=picture, mask=mask)


def _name(spec: TaskSpec, choices: Mapping[str, Any]) -> str:
    defaults = {parameter.name: parameter.default for parameter in spec.parameters}
    words = [str(value).replace("_", "-") for name, value in choices.items() if value != defaults[name]]
    return "-".join([spec.command, *words])


class _Recorder:
    """A backend that records a step and replays nothing."""

    is_gpu: ClassVar[bool] = False
    max_cached: ClassVar[int] = 1
    graph: fx.GraphModule
    changed: Sequence[int]

    def __init__(self, device: torch.device) -> None:
        if device.type != "cpu":
            raise UnsupportedOpError(f"It is on the device {device}.")

    def record(self, function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]) -> None:
        function()  # tables and caches are built here, not in the graph
        self.graph, self.changed = trace_step(function, state)

    def replay(self) -> None:
        raise NotImplementedError

    def fetch(self) -> Callable[[], Arrays]:
        raise NotImplementedError


def record(name: str, run: FlatRun) -> Structure:
    """Record the step of a run.

    Raises:
        UnsupportedOpError, UnsupportedNodeError: it cannot be recorded.
    """
    recorder = cast(_Recorder, StepGraph(run, cast(torch.nn.Module, run.problem.model), _Recorder, Event()).backend)
    if list(recorder.changed) != [0]:
        raise UnsupportedOpError("Its stepper has a state.")
    for node in recorder.graph.graph.find_nodes(op="placeholder"):
        if node.meta["dtype"] == torch.float64:  # which a GPU in a browser does not have
            node.meta["dtype"] = torch.float32
    model = onnx.load_model_from_string(to_onnx(recorder.graph, fixed_batch=True))
    names = ["x", *run.places]
    outputs = ["x_next", "numbers", "bytes", "gradient"]
    _rename(model, {f"input_{place}": f"{name}" for place, name in enumerate(names)})
    _rename(model, {f"output_{place}": name for place, name in enumerate(outputs)})
    used = {source for node in model.graph.node for source in node.input}
    tensors: dict[str, Tensor | float] = dict(zip(names, [run.x, *run.leaves], strict=True))
    read = [value for value in model.graph.input if value.name in used]
    del model.graph.input[:]
    model.graph.input.extend(read)
    inputs = tuple(_described(value.name, tensors[value.name]) for value in read)
    return Structure(name, model, inputs, run.problem)


def _described(name: str, value: Tensor | float) -> Input:
    if isinstance(value, Tensor):
        return Input(name, DTYPES[value.dtype], tuple(value.shape))
    return Input(name, "float32", ())


def _rename(model: onnx.ModelProto, names: Mapping[str, str]) -> None:
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = names.get(value.name, value.name)


def feeds(structure: Structure, x: Tensor, problem: Problem) -> dict[str, npt.NDArray[Any]]:
    """The values of a structure's inputs for a problem that has it, as NumPy arrays."""
    _, state = problem.init()
    run = FlatRun(problem, x, state)
    values: dict[str, Tensor | float] = dict(zip(["x", *run.places], [x, *run.leaves], strict=True))
    return {
        entry.name: np.asarray(
            value.detach().numpy() if isinstance(value := values[entry.name], Tensor) else value, entry.dtype
        )
        for entry in structure.inputs
    }
