"""What a task is: a declaration from which everything else about it is derived.

Each module of `robust_widgets.tasks` that holds a ``SPEC`` is a task. Its function, command, row in the studio, checks,
generated code, report and evaluation come from that `TaskSpec`; nothing else lists the tasks. Reading the declarations
needs no torch.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Literal, get_type_hints

from PIL import Image

from robust_widgets.errors import UnknownNameError, UnknownParameterError, nearest, quoted, unknown_name
from robust_widgets.interface.parameters import AnyParameter
from robust_widgets.runs.trace import Trace

PACKAGE = "robust_widgets.tasks"
Target = Literal["class", "feature", "layer"]
INPUTS = ("picture", "mask")
TARGETS: Mapping[str, Target] = {"target": "class", "feature": "feature", "layer": "layer"}  # by the argument's name


_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Comparison:
    """A sheet that shows what a run made next to what it started from.

    Attributes:
        sheet: makes it, from a run and the width of each picture in pixels.
        help: what it shows, for the command line.
        caption: what it shows of one run, in a sentence or two.
    """

    sheet: Callable[[Trace, int], Image.Image]
    help: str
    caption: Callable[[Trace], str]


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """The declaration of a task.

    Attributes:
        function: what people call. Its name is the task's name, its positional arguments are the task's inputs, and the
            first line of its docstring is the command's help.
        keywords: a TypedDict of the function's keywords, each an ``Annotated`` type with its `Parameter` or `Choice`.
        problem: builds the `Problem` from the model, the inputs, the target and the checked parameters.
        label: on the button in the studio.
        hint: what to do in the studio, in a sentence.
        order: its place among the tasks; smaller numbers come first.
        shows_class: whether the input picture should already show the target class.
        command_help: more about the command, after its first line.
        old_command: the command's name in earlier releases, kept as a hidden alias.
        report: further numbers for the report of a run, by name.
        comparison: a sheet that compares start and result, for tasks that have one.
        paper: the paper's own values, by parameter; the studio marks them.
    """

    function: Callable[..., Trace]
    keywords: type
    problem: Callable[..., Any]
    label: str
    hint: str
    order: int = 100
    shows_class: bool = False
    command_help: str = ""
    old_command: str = ""
    report: Callable[[Trace], dict[str, float]] | None = None
    comparison: Comparison | None = None
    paper: Mapping[str, float] = field(default_factory=dict[str, float])

    def __post_init__(self) -> None:
        # So that help() and completion list the keywords with their defaults.
        self.function.__signature__ = _explicit(self.function, self.keywords)  # pyright: ignore[reportFunctionMemberAccess]

    @property
    def name(self) -> str:
        """The name in code, in requests and in saved runs, such as ``"super_resolve"``."""
        return self.function.__name__

    @property
    def command(self) -> str:
        """The name on the command line, such as ``"super-resolve"``."""
        return self.name.replace("_", "-")

    @property
    def summary(self) -> str:
        """What the task does, in a sentence."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The function's positional arguments: ``picture`` and ``mask`` where it takes them, and its target.

        The target is ``target``, a class, ``feature``, or ``layer``. Where the picture has a default, the task can do
        without one.
        """
        parameters = inspect.signature(self.function).parameters.values()
        return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Which of ``picture`` and ``mask`` the task takes."""
        return tuple(name for name in self.arguments if name in INPUTS)

    @cached_property
    def target_argument(self) -> str:
        """The name of the argument that is the target."""
        return next(name for name in self.arguments if name in TARGETS)

    @property
    def target(self) -> Target:
        """What the task paints towards."""
        return TARGETS[self.target_argument]

    @property
    def takes_picture(self) -> bool:
        """Whether the task starts from a picture."""
        return "picture" in self.inputs

    @cached_property
    def needs_picture(self) -> bool:
        """Whether the task cannot do without a picture."""
        return self.takes_picture and inspect.signature(self.function).parameters["picture"].default is _REQUIRED

    @property
    def takes_mask(self) -> bool:
        """Whether the task needs a mask."""
        return "mask" in self.inputs

    @property
    def is_batchable(self) -> bool:
        """Whether the task can be run over many pictures: one without masks that paints towards a class."""
        return not self.takes_mask and self.target == "class"

    def call(self, target: object, inputs: Mapping[str, object], **keywords: Any) -> Trace:
        """Call the function with its target, its inputs by name, and keywords."""
        arguments = {name: inputs[name] for name in self.inputs if name in inputs}
        return self.function(**{self.target_argument: target}, **arguments, **keywords)

    @cached_property
    def parameters(self) -> tuple[AnyParameter, ...]:
        """The task's parameters, in their order."""
        return parameters_of(self.keywords)

    def check(self, values: Mapping[str, object]) -> dict[str, Any]:
        """All parameters, with defaults for those not given.

        Raises:
            UnknownParameterError: the task has no such parameter; the message names the nearest.
            ParameterError: a value is out of range.
        """
        parameters = {parameter.name: parameter for parameter in self.parameters}
        for name in values:
            if name not in parameters:
                near = nearest(name, list(parameters))
                raise UnknownParameterError(f"{self.name} has no parameter {name!r}; the nearest are {quoted(near)}.")
        return {name: parameter.check(values.get(name, parameter.default)) for name, parameter in parameters.items()}


def parameters_of(keywords: type) -> tuple[AnyParameter, ...]:
    """The parameters that a TypedDict of keywords declares, in its order."""
    declared: list[AnyParameter] = []
    for name, hint in get_type_hints(keywords, include_extras=True).items():
        parameters = [item for item in getattr(hint, "__metadata__", ()) if isinstance(item, AnyParameter)]
        if [parameter.name for parameter in parameters] != [name]:
            raise TypeError(f"Annotate {keywords.__name__}.{name} with one Parameter or Choice of that name.")
        declared += parameters
    return tuple(declared)


def _explicit(function: Callable[..., Any], keywords: type) -> inspect.Signature:
    """A function's signature with its ``**parameters`` spelled out."""
    hints = get_type_hints(keywords)
    signature = inspect.signature(function)
    own = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD and parameter.name not in hints
    ]
    listed = [
        inspect.Parameter(
            parameter.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=parameter.check(parameter.default),
            annotation=hints[parameter.name],
        )
        for parameter in parameters_of(keywords)
    ]
    first = [parameter for parameter in own if parameter.kind is not parameter.KEYWORD_ONLY]
    return signature.replace(parameters=[*first, *listed, *own[len(first) :]])


@cache
def task_specs() -> dict[str, TaskSpec]:
    """The tasks by name, in their order: what the modules of `robust_widgets.tasks` declare."""
    package = importlib.import_module(PACKAGE)
    modules = [importlib.import_module(f"{PACKAGE}.{module.name}") for module in pkgutil.iter_modules(package.__path__)]
    specs: list[TaskSpec] = [module.SPEC for module in modules if hasattr(module, "SPEC")]
    return {spec.name: spec for spec in sorted(specs, key=lambda spec: (spec.order, spec.name))}


def task_names() -> tuple[str, ...]:
    """The names of the tasks, in their order."""
    return tuple(task_specs())


def task_spec(task: str) -> TaskSpec:
    """The declaration of a task.

    Raises:
        UnknownNameError: there is no such task; the message names the nearest.
    """
    if not isinstance(task, str) or task not in task_specs():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UnknownNameError(unknown_name("task", task, task_names()))
    return task_specs()[task]


def check_parameters(task: str, values: Mapping[str, object]) -> dict[str, Any]:
    """All parameters of a task, with defaults for those not given; raises as `task_spec` and `TaskSpec.check`."""
    return task_spec(task).check(values)


def default_of(task: str, name: str) -> Any:
    """The default of one parameter of a task."""
    return check_parameters(task, {})[name]
