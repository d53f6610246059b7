"""What an objective is, and how objectives are added, scaled and shifted at random.

An objective maps ``(model, x)``, with x (n, 3, h, w) in [0, 1], to a loss of shape (n,), to be minimised. Objectives
add and scale: ``CrossEntropy(3) + 0.5 * other``. They never change: `Objective.bind` gives another one for a run. The
``model`` that an objective receives caches its outputs, so a sum of objectives still costs one forward pass. (A sum of
an `Activation` and a loss on the logits costs two: their gradients differ.)
"""

from __future__ import annotations

import copy
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from robust_widgets.errors import LARGEST, ParameterError, real_number, short_repr, whole_number


class Classifier(Protocol):
    """What an objective requires of a model."""

    def __call__(self, x: Tensor) -> Tensor:
        """Logits (n, classes) of pictures (n, 3, h, w) in [0, 1]."""
        ...


T = TypeVar("T")


def changed(part: T, /, **attributes: Any) -> T:
    """A copy with other attributes. No constructor is called, since a subclass may have its own."""
    other = copy.copy(part)
    for name, value in attributes.items():
        object.__setattr__(other, name, value)
    return other


class Objective(ABC):
    """A loss per sample that can be added to others and scaled.

    ``__call__`` is all that a loss of your own needs. Its steps are compiled like ours if its attributes are numbers,
    strings, tensors and other objectives, and it doesn't change them.
    """

    @abstractmethod
    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        """The loss of each sample; x (n, 3, h, w) in [0, 1] -> (n,)."""

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        """The probability of the target, (n,), or None where that has no meaning."""
        return None

    def bind(self, model: Classifier, x: Tensor) -> Objective:
        """This objective for a run: names looked up in the model, tensors on the device of the pictures ``x``.

        By default the objectives among its attributes are bound.
        """
        if hasattr(self, "started"):
            warnings.warn(
                f"{type(self).__name__}.started is deprecated; define bind(model, x) instead.",
                DeprecationWarning,
                stacklevel=2,
            )
            return self.started()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
        return self._with_parts(lambda part: part.bind(model, x))

    def sample(self) -> tuple[Objective, Objective]:
        """The loss of this step, and the objective of the following step.

        Both are the objective itself, unless it or one of its parts draws at random.
        """
        return self._with_parts(lambda part: part.sample()[0]), self._with_parts(lambda part: part.sample()[1])

    def loss_and_probability(self, model: Classifier, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Both at once; only the loss is differentiable."""
        loss = self(model, x)
        with torch.no_grad():
            return loss, self.probability(model, x)

    def _with_parts(self, change: Callable[[Objective], Objective]) -> Objective:
        """A copy with the objectives among the attributes changed; itself where none changes."""
        parts = {name: part for name, part in vars(self).items() if isinstance(part, Objective)}
        new = {name: change(part) for name, part in parts.items()}
        if all(new[name] is part for name, part in parts.items()):
            return self
        return changed(self, **new)

    def __add__(self, other: Objective) -> Objective:
        return Sum(self, other)

    def __radd__(self, other: object) -> Objective:
        return self if isinstance(other, int) and other == 0 else self + other  # pyright: ignore[reportOperatorIssue] - sum() begins with 0

    def __mul__(self, weight: float) -> Objective:
        number = real_number(weight)
        if number is None or not math.isfinite(number):
            raise ParameterError(f"An objective is multiplied by {short_repr(weight)}; give a finite number.")
        return Scaled(self, number)

    def __rmul__(self, weight: float) -> Objective:
        return self * weight

    def __neg__(self) -> Objective:
        return Scaled(self, -1.0)

    def __sub__(self, other: Objective) -> Objective:
        return Sum(self, -checked_objective(other))


def checked_objective(value: Any) -> Objective:
    """The objective.

    Raises:
        ParameterError: it is none.
    """
    if isinstance(value, Objective):
        return value
    kind = f"the class {value.__name__!r}" if isinstance(value, type) else short_repr(value)
    raise ParameterError(f"A part of the objective is {kind}; give an Objective, such as rw.CrossEntropy('lion').")


@dataclass(frozen=True, eq=False, repr=False)
class Sum(Objective):
    """Two losses added; the probability is that of the first one that has any."""

    first: Objective
    second: Objective

    def __post_init__(self) -> None:
        checked_objective(self.first)
        checked_objective(self.second)

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.first(model, x) + self.second(model, x)

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        probability = self.first.probability(model, x)
        return probability if probability is not None else self.second.probability(model, x)

    def loss_and_probability(self, model: Classifier, x: Tensor) -> tuple[Tensor, Tensor | None]:
        first_loss, first_probability = self.first.loss_and_probability(model, x)
        second_loss, second_probability = self.second.loss_and_probability(model, x)
        return first_loss + second_loss, second_probability if first_probability is None else first_probability

    def __repr__(self) -> str:
        return f"{self.first!r} + {self.second!r}"


@dataclass(frozen=True, eq=False, repr=False)
class Scaled(Objective):
    """A loss times a number; a negative number turns descent into ascent."""

    inner: Objective
    weight: float

    def __post_init__(self) -> None:
        checked_objective(self.inner)

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.weight * self.inner(model, x)

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        return self.inner.probability(model, x)

    def loss_and_probability(self, model: Classifier, x: Tensor) -> tuple[Tensor, Tensor | None]:
        loss, probability = self.inner.loss_and_probability(model, x)
        return self.weight * loss, probability

    def __repr__(self) -> str:
        inner = f"({self.inner!r})" if isinstance(self.inner, Sum) else repr(self.inner)
        return f"{self.weight:g} * {inner}"


@dataclass(frozen=True, eq=False, repr=False)
class Jitter(Objective):
    """The inner loss of the picture shifted at random by up to ``pixels`` each way, edges mirrored.

    All pictures of a batch are shifted alike. A network sees its own strides and borders at the same place in every
    step, and paints them; under random shifts they don't show.

    Args:
        inner: the loss.
        pixels: the largest shift, in pixels of the picture that is optimised.
        seed: decides the shifts; each run makes the same ones.

    Raises:
        ParameterError: ``pixels`` is not a whole number of at least 0, or ``inner`` no objective.
    """

    inner: Objective
    pixels: int
    seed: int = 0
    _generator_state: Tensor | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        checked_objective(self.inner)
        pixels = whole_number(self.pixels)
        if pixels is None or not 0 <= pixels <= LARGEST:
            raise ParameterError(f"The shift is {short_repr(self.pixels)} pixels; give a whole number of at least 0.")

    def sample(self) -> tuple[Objective, Objective]:
        loss, following = super().sample()
        generator = self._generator()
        torch.randint(0, 2, (2,), generator=generator)  # advances it as the shift does
        return loss, changed(following, _generator_state=generator.get_state())

    def _generator(self) -> torch.Generator:
        generator = torch.Generator()
        if self._generator_state is None:
            return generator.manual_seed(self.seed)
        return generator.set_state(self._generator_state)

    def shifted(self, x: Tensor) -> Tensor:
        """The pictures (n, 3, h, w) as this step's loss sees them; same shape."""
        largest = min(self.pixels, x.shape[2] - 1, x.shape[3] - 1)
        down, right = torch.randint(0, 2 * largest + 1, (2,), generator=self._generator()).tolist()
        padded = torch.nn.functional.pad(x, (largest,) * 4, mode="reflect")
        return padded[:, :, down : down + x.shape[2], right : right + x.shape[3]]

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.inner(model, self.shifted(x))

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        return self.inner.probability(model, self.shifted(x))

    def loss_and_probability(self, model: Classifier, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.inner.loss_and_probability(model, self.shifted(x))

    def __repr__(self) -> str:
        return f"Jitter({self.inner!r}, {self.pixels})"
