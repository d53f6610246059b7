"""Every adjustable number, declared once.

The slider, the command-line flag, the keyword argument's check and the saved run all come from these lines.
Pixel units are the paper's: a radius or a step in "pixels at 224" is scaled to the model's side by `raw_pixels`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from robust_widgets.errors import KnobError, UnknownKnobError, UnknownNameError, nearest, quoted, unknown_name

REFERENCE_SIDE = 224


@dataclass(frozen=True)
class Knob:
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
        optional: None is allowed.
        unit: the unit in words.
        help: what it does, in one sentence.
    """

    name: str
    label: str
    default: float
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
            KnobError: not a finite number, not whole where it must be, or out of range.
        """
        if value is None and self.optional:
            return None
        try:
            if isinstance(value, bool) or not hasattr(value, "__float__"):
                raise TypeError
            number = float(value)  # pyright: ignore[reportArgumentType]
        except (TypeError, ValueError, OverflowError):
            raise KnobError(f"{self.name} is {value!r}; give {self.allowed()}.") from None
        in_range = number > self.minimum if self.above_minimum else number >= self.minimum
        if not math.isfinite(number) or not in_range or number > self.maximum or (self.whole and number != int(number)):
            raise KnobError(f"{self.name} is {value!r}; give {self.allowed()}.")
        return int(number) if self.whole else number

    def allowed(self) -> str:
        """The allowed values in words."""
        kind = "a whole number" if self.whole else "a finite number"
        bound = f"above {self.minimum:g}" if self.above_minimum else f"of at least {self.minimum:g}"
        top = "" if self.maximum == math.inf else f" and at most {self.maximum:g}"
        return f"{kind} {bound}{top}"


STEPS = Knob(
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
EPSILON = Knob(
    name="epsilon",
    label="epsilon",
    default=40.0,
    low=0.0,
    high=120.0,
    step=1.0,
    minimum=0.0,
    unit="L2 radius, pixels at 224",
    help="How far the picture may move from where it starts.",
)
STEP_SIZE = Knob(
    name="step_size",
    label="step size",
    default=1.0,
    low=0.1,
    high=5.0,
    step=0.1,
    minimum=0.0,
    above_minimum=True,
    unit="L2 length, pixels at 224",
    help="How far each step moves the picture.",
)
SEED = Knob(
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
GRAIN_SEED = Knob(
    name="seed",
    label="seed",
    default=0,
    low=0,
    high=9999,
    step=1,
    minimum=0,
    maximum=2**31 - 1,
    unit="",
    help="Decides the faint grain laid over the sketch; None lays none.",
    whole=True,
    optional=True,
)
COUNT = Knob(
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
BRUSH_SIZE = Knob(
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
SOFTNESS = Knob(
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

TASK_KNOBS: dict[str, tuple[Knob, ...]] = {
    "generate": (STEPS, EPSILON, STEP_SIZE, SEED, COUNT),
    "sketch_to_image": (STEPS, EPSILON, STEP_SIZE, GRAIN_SEED),
}


def task_names() -> tuple[str, ...]:
    """The tasks that have knobs."""
    return tuple(TASK_KNOBS)


def check_knobs(task: str, given: Mapping[str, object]) -> dict[str, Any]:
    """All knobs of a task, those not given at their defaults.

    Raises:
        UnknownNameError: there is no such task.
        UnknownKnobError: the task has no such knob; the message names the nearest.
        KnobError: a value is out of range.
    """
    if task not in TASK_KNOBS:
        raise UnknownNameError(unknown_name("task", task, task_names()))
    knobs = {knob.name: knob for knob in TASK_KNOBS[task]}
    for name in given:
        if name not in knobs:
            near = nearest(name, list(knobs))
            raise UnknownKnobError(f"{task} has no knob {name!r}; the nearest are {quoted(near)}.")
    return {name: knob.check(given.get(name, _whole(knob))) for name, knob in knobs.items()}


def _whole(knob: Knob) -> float | int:
    return int(knob.default) if knob.whole else knob.default


def raw_pixels(value: float, side: int) -> float:
    """An L2 radius or step given in pixels at 224, in raw pixels of a picture of this side: value * side / 224."""
    return value * side / REFERENCE_SIDE
