"""Every adjustable number, declared once.

The slider, the command-line flag, the keyword argument's check and the saved run all come from these lines.
Pixel units are the paper's: epsilons and steps in pixels at 224; see `robust_widgets.units`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from robust_widgets.errors import ParameterError, UnknownNameError, UnknownParameterError, nearest, quoted, unknown_name


@dataclass(frozen=True)
class Parameter:
    """One adjustable number.

    Attributes:
        name: the keyword, and with dashes the command-line flag.
        label: what a person reads beside the slider.
        default: the value if none is given.
        low, high, step: the slider's range.
        minimum: the smallest value allowed anywhere.
        above_minimum: whether ``minimum`` itself is excluded.
        maximum: the largest value allowed anywhere.
        whole: whole numbers only.
        optional: None is allowed, and may be the default.
        unit: the unit in words.
        help: what it does, in one sentence.
    """

    name: str
    label: str
    default: float | None
    low: float
    high: float
    step: float
    minimum: float
    unit: str
    help: str
    above_minimum: bool = False
    maximum: float = math.inf
    whole: bool = False
    optional: bool = False

    def check(self, value: object) -> Any:
        """The value as int or float.

        Raises:
            ParameterError: not a finite number, not whole where it must be, or out of range.
        """
        if value is None and self.optional:
            return None
        try:
            if isinstance(value, bool) or not hasattr(value, "__float__"):
                raise TypeError
            number = float(value)  # pyright: ignore[reportArgumentType]
        except (TypeError, ValueError, OverflowError):
            raise ParameterError(f"{self.name} is {value!r}; give {self.allowed()}.") from None
        in_range = number > self.minimum if self.above_minimum else number >= self.minimum
        if not math.isfinite(number) or not in_range or number > self.maximum or (self.whole and number != int(number)):
            raise ParameterError(f"{self.name} is {value!r}; give {self.allowed()}.")
        return int(number) if self.whole else number

    def allowed(self) -> str:
        """The allowed values in words."""
        kind = "a whole number" if self.whole else "a finite number"
        bound = f"above {self.minimum:g}" if self.above_minimum else f"of at least {self.minimum:g}"
        top = "" if self.maximum == math.inf else f" and at most {self.maximum:g}"
        return f"{kind} {bound}{top}"


@dataclass(frozen=True)
class Choice:
    """A parameter that is one of a few words.

    Attributes:
        name, label, default, help: as those of `Parameter`.
        options: the allowed words, and what each means.
        weight: a number of at least 0 is allowed as well.
        optional: None is allowed.
    """

    name: str
    label: str
    default: str | None
    options: Mapping[str, str]
    help: str
    weight: bool = False
    optional: bool = False
    unit: str = ""

    def check(self, value: object) -> Any:
        """The value as one of the options, or the weight as a float.

        Raises:
            ParameterError: it is neither.
        """
        if (value is None and self.optional) or (isinstance(value, str) and value in self.options):
            return value
        try:
            if not self.weight or isinstance(value, (str, bool)) or not hasattr(value, "__float__"):
                raise TypeError
            number = float(value)  # pyright: ignore[reportArgumentType]
            if not math.isfinite(number) or number < 0:
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise ParameterError(f"{self.name} is {value!r}; give {self.allowed()}.") from None
        return number

    def allowed(self) -> str:
        """The allowed values in words."""
        words = [repr(name) for name in self.options]
        words += ["a finite number of at least 0"] * self.weight + ["None"] * self.optional
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


AnyParameter: TypeAlias = Parameter | Choice

STEPS = Parameter(
    name="steps",
    label="steps",
    default=60,
    low=1,
    high=200,
    step=1,
    minimum=1,
    maximum=100_000,
    unit="steps",
    help="How many gradient steps are made.",
    whole=True,
)
EPSILON = Parameter(
    name="epsilon",
    label="epsilon",
    default=40.0,
    low=0.0,
    high=120.0,
    step=1.0,
    minimum=0.0,
    unit="L2 radius in pixels at 224; under linf, levels of 255",
    help="How far the picture may move from where it starts.",
)
STEP_SIZE = Parameter(
    name="step_size",
    label="step size",
    default=1.0,
    low=0.1,
    high=5.0,
    step=0.1,
    minimum=0.0,
    above_minimum=True,
    unit="L2 length in pixels at 224; under linf, levels of 255",
    help="How far each step moves the picture.",
)
SEED = Parameter(
    name="seed",
    label="seed",
    default=0,
    low=0,
    high=9999,
    step=1,
    minimum=0,
    maximum=2**31 - 1,
    unit="",
    help="Decides the random start; the same seed gives the same run.",
    whole=True,
)
GRAIN_SEED = Parameter(
    name="seed",
    label="seed",
    default=0,
    low=0,
    high=9999,
    step=1,
    minimum=0,
    maximum=2**31 - 1,
    unit="",
    help="Decides the faint grain laid over the start; None lays none.",
    whole=True,
    optional=True,
)
COUNT = Parameter(
    name="n",
    label="pictures",
    default=1,
    low=1,
    high=16,
    step=1,
    minimum=1,
    maximum=1024,
    unit="pictures",
    help="How many pictures are made at once, from seeds that follow each other.",
    whole=True,
)
BRUSH_SIZE = Parameter(
    name="brush_size",
    label="size",
    default=36,
    low=2,
    high=120,
    step=1,
    minimum=1,
    unit="canvas pixels across",
    help="Width of the brush and the eraser.",
)
SOFTNESS = Parameter(
    name="softness",
    label="softness",
    default=0.3,
    low=0.0,
    high=1.0,
    step=0.05,
    minimum=0.0,
    maximum=1.0,
    unit="0 hard to 1 soft",
    help="How gently the brush fades towards its rim.",
)
OPACITY = Parameter(
    name="opacity",
    label="opacity",
    default=1.0,
    low=0.05,
    high=1.0,
    step=0.05,
    minimum=0.0,
    above_minimum=True,
    maximum=1.0,
    unit="0 clear to 1 opaque",
    help="The most that one stroke, area or fill covers; its overlaps do not add up.",
)

CONSTRAINT = Choice(
    name="constraint",
    label="norm",
    default="l2",
    options={
        "l2": "L2 ball: the picture as a whole moves by at most epsilon",
        "linf": "Linf ball: no value moves by more than epsilon / 255",
        "none": "no limit: epsilon is not used",
    },
    help="What epsilon limits.",
)
SIZE = Parameter(
    name="size",
    label="side",
    default=None,
    low=64,
    high=256,
    step=32,
    minimum=16,
    maximum=1024,
    unit="pixels",
    help="Side of the picture that is optimised; None is the model's own.",
    whole=True,
    optional=True,
)
FACTOR = Parameter(
    name="factor",
    label="factor",
    default=4,
    low=2,
    high=16,
    step=1,
    minimum=1,
    above_minimum=True,
    maximum=64,
    unit="times",
    help="How many times the side of the low-resolution picture is enlarged.",
)
ENLARGEMENT = Choice(
    name="enlargement",
    label="start",
    default="bicubic",
    options={
        "bicubic": "smooth: no edge in the start that is not in the picture",
        "nearest": "blocks of one colour, as published; at 64 pixels their edges stay visible",
    },
    help="How the low-resolution picture is enlarged before the first step.",
)
PENALTY = Choice(
    name="penalty",
    label="outside",
    default=None,
    options={"paper": "a soft penalty of weight 10 on change outside the mask, as published"},
    help="How the picture outside the mask is kept: None keeps it exactly, a number is the weight of a soft penalty.",
    weight=True,
    optional=True,
)
STRENGTH = Parameter(
    name="strength",
    label="strength",
    default=1.0,
    low=0.1,
    high=3.0,
    step=0.1,
    minimum=0.0,
    above_minimum=True,
    maximum=100,
    unit="times epsilon and step size",
    help="How strongly the feature is painted.",
)
PAPER_PENALTY = 10.0


def _usual(steps: int, epsilon: float, step_size: float) -> tuple[Parameter, Parameter, Parameter]:
    """The three main parameters with a task's own defaults."""
    return (
        replace(STEPS, default=steps, high=max(200, 2 * steps)),
        replace(EPSILON, default=epsilon, high=max(120, 2 * epsilon), step=1.0 if epsilon == int(epsilon) else 0.1),
        replace(STEP_SIZE, default=step_size),
    )


NO_GRAIN = replace(GRAIN_SEED, default=None)

# The paper's figures, but for four tasks. Translation to one class of many saturates beyond half of the paper's
# radius, which is for two-class models; on small pictures super-resolution needs more than the paper's 8 to leave its
# start; in-painting makes the paper's path of 720 steps of 0.1 in fewer, longer steps; a hard mask
# spends all of epsilon inside it, where the paper's 70 for features would leave nothing of the picture.
TASK_PARAMETERS: dict[str, tuple[AnyParameter, ...]] = {
    "generate": (*_usual(60, 40, 1), SEED, COUNT, CONSTRAINT, SIZE),
    "sketch_to_image": (*_usual(60, 40, 1), GRAIN_SEED, CONSTRAINT, SIZE),
    "translate": (*_usual(120, 40, 0.5), NO_GRAIN, CONSTRAINT, SIZE),
    "super_resolve": (FACTOR, *_usual(60, 20, 1), GRAIN_SEED, ENLARGEMENT, CONSTRAINT, SIZE),
    "inpaint": (*_usual(144, 21.6, 0.5), GRAIN_SEED, PENALTY, CONSTRAINT, SIZE),
    "paint_features": (STRENGTH, *_usual(60, 30, 1), NO_GRAIN, PENALTY, CONSTRAINT, SIZE),
}


def task_names() -> tuple[str, ...]:
    """The tasks that have parameters."""
    return tuple(TASK_PARAMETERS)


def check_parameters(task: str, given: Mapping[str, object]) -> dict[str, Any]:
    """All parameters of a task, those not given at their defaults.

    Raises:
        UnknownNameError: there is no such task.
        UnknownParameterError: the task has no such parameter; the message names the nearest.
        ParameterError: a value is out of range.
    """
    if task not in TASK_PARAMETERS:
        raise UnknownNameError(unknown_name("task", task, task_names()))
    parameters = {parameter.name: parameter for parameter in TASK_PARAMETERS[task]}
    for name in given:
        if name not in parameters:
            near = nearest(name, list(parameters))
            raise UnknownParameterError(f"{task} has no parameter {name!r}; the nearest are {quoted(near)}.")
    return {name: parameter.check(given.get(name, parameter.default)) for name, parameter in parameters.items()}


def default_of(task: str, name: str) -> Any:
    """The default of one parameter of a task."""
    return check_parameters(task, {})[name]
