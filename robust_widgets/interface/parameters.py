"""Every adjustable number, declared once.

The slider, the command-line option, the keyword's check and the saved run all come from these declarations. Epsilons
and step sizes are in pixels at 224; see `robust_widgets.units`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from robust_widgets.errors import ParameterError, real_number, short_repr


@dataclass(frozen=True)
class Parameter:
    """A number.

    Attributes:
        name: the keyword, and with dashes the command-line option.
        label: the text next to the slider.
        default: the value if none is given.
        low, high, step: the slider's range.
        minimum: the smallest value allowed anywhere.
        above_minimum: whether ``minimum`` itself is excluded.
        maximum: the largest value allowed anywhere.
        whole: integers only.
        optional: None is allowed, and may be the default.
        unit: the unit in words.
        help: what it does, in one sentence.
        advanced: collapsed by default in the studio.
        earlier: its value in runs saved before it existed; None if it is as old as its task.
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
    advanced: bool = False
    earlier: float | None = None

    def with_default(self, default: float) -> Parameter:
        """The same parameter with another default, which the slider reaches."""
        slots = (default - self.low) / self.step
        on_slider = math.isclose(slots, round(slots), abs_tol=1e-6)
        step = self.step if on_slider else self.step / 10
        return replace(self, default=default, high=max(self.high, 2 * default), step=step)

    def check(self, value: object) -> Any:
        """The value as int or float.

        Raises:
            ParameterError: not a finite number, not an integer where it must be one, or out of range.
        """
        if value is None and self.optional:
            return None
        number = real_number(value)
        if number is None or not math.isfinite(number) or not self._allows(number):
            raise ParameterError(f"{self.name} is {short_repr(value)}; give {self.allowed()}.")
        return int(number) if self.whole else number

    def _allows(self, number: float) -> bool:
        in_range = number > self.minimum if self.above_minimum else number >= self.minimum
        return in_range and number <= self.maximum and (not self.whole or number == int(number))

    def allowed(self) -> str:
        """The allowed values in words."""
        kind = "a whole number" if self.whole else "a finite number"
        bound = f"above {self.minimum:g}" if self.above_minimum else f"of at least {self.minimum:g}"
        top = "" if self.maximum == math.inf else f" and at most {self.maximum:g}"
        return f"{kind} {bound}{top}"


@dataclass(frozen=True)
class Choice:
    """One of a few words.

    Attributes:
        name, label, default, help, advanced, earlier: as those of `Parameter`.
        options: the allowed words, and what each means.
        weight: a number of at least 0 is also allowed.
        optional: None is allowed.
        none_label: what None means, in a word or two.
    """

    name: str
    label: str
    default: str | None
    options: Mapping[str, str]
    help: str
    weight: bool = False
    optional: bool = False
    none_label: str = "none"
    unit: str = ""
    advanced: bool = False
    earlier: str | None = None

    def with_default(self, default: str) -> Choice:
        """The same parameter with another default."""
        return replace(self, default=default)

    def check(self, value: object) -> Any:
        """The value as one of the options, or the weight as a float.

        Raises:
            ParameterError: it is neither.
        """
        if (value is None and self.optional) or (isinstance(value, str) and value in self.options):
            return value
        number = real_number(value) if self.weight else None
        if number is None or not math.isfinite(number) or number < 0:
            raise ParameterError(f"{self.name} is {short_repr(value)}; give {self.allowed()}.")
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
    help="Number of gradient steps.",
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
    unit="L2, pixels at 224; under linf, levels of 255",
    help="How far the picture may move from its start.",
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
    unit="L2, pixels at 224; under linf, levels of 255",
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
    help="Seeds the random start; the same seed gives the same run.",
    whole=True,
)
NOISE_SEED = Parameter(
    name="seed",
    label="seed",
    default=0,
    low=0,
    high=9999,
    step=1,
    minimum=0,
    maximum=2**31 - 1,
    unit="",
    help="Seeds the faint noise added to the start; None adds none.",
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
    help="Number of pictures, made at once from consecutive seeds.",
    whole=True,
)
CHANNEL = Parameter(
    name="channel",
    label="channel",
    default=0,
    low=0,
    high=63,
    step=1,
    minimum=0,
    maximum=2**31 - 1,
    unit="",
    help="The index of the first channel of the layer; None is the whole layer.",
    whole=True,
    optional=True,
)
CHANNELS = Parameter(
    name="channels",
    label="channels",
    default=1,
    low=1,
    high=64,
    step=1,
    minimum=1,
    maximum=1024,
    unit="channels",
    help="How many channels, from the first on; each has pictures of its own.",
    whole=True,
)
DIVERSITY = Parameter(
    name="diversity",
    label="diversity",
    default=0.0,
    low=0.0,
    high=10.0,
    step=0.5,
    minimum=0.0,
    unit="times the mean similarity, 0 to 1",
    help="How much the pictures of a channel are made to differ, if there are several.",
    advanced=True,
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
    whole=True,
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
    help="How softly the brush fades out towards its edge.",
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
    unit="0 transparent to 1 opaque",
    help="Maximum coverage of one stroke, area or fill; overlaps within it do not add up.",
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
    help="Which distance epsilon limits.",
    advanced=True,
)
SIZE = Parameter(
    name="size",
    label="size",
    default=None,
    low=64,
    high=256,
    step=32,
    minimum=16,
    maximum=1024,
    unit="pixels",
    help="Width and height of the result, painted coarse to fine; None is the model's own.",
    advanced=True,
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
    help="How many times the low-resolution picture is enlarged in width and height.",
)
ENLARGEMENT = Choice(
    name="enlargement",
    label="start",
    default="bicubic",
    options={
        "bicubic": "smooth: adds no edges that are not in the picture",
        "nearest": "blocks of one colour, as in the paper; at 64 pixels their edges stay visible",
    },
    help="How the low-resolution picture is enlarged before the first step.",
    advanced=True,
)
GROUND = Parameter(
    name="ground",
    label="ground",
    default=0.2,
    low=0.0,
    high=1.0,
    step=0.05,
    minimum=0.0,
    maximum=1.0,
    unit="",
    help="How much steps may change the flat ground around what is painted; 1 in the paper.",
    advanced=True,
    earlier=1.0,
)
FILL = Choice(
    name="fill",
    label="start",
    default="harmonic",
    options={
        "harmonic": "the smoothest surface through the colours around the hole",
        "mean": "the mean colour outside the hole, as in the paper; its edge stays visible",
    },
    help="What fills the hole before the first step.",
    advanced=True,
    earlier="mean",
)
PENALTY = Choice(
    name="penalty",
    label="outside",
    default=None,
    options={"paper": "a soft penalty of weight 10 on changes outside the mask, as in the paper"},
    help="How the picture outside the mask is preserved: None keeps it exactly, a number weighs a soft penalty.",
    none_label="keep exactly",
    advanced=True,
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


NO_NOISE = replace(NOISE_SEED, default=None)
