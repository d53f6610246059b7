"""Where a picture may go: balls around the start, and norms of each sample of a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from robust_widgets.errors import ParameterError, real_number, short_repr


def l2_norm(x: Tensor, *, keepdim: bool = False) -> Tensor:
    """The L2 norm of each sample; (n, ...) -> (n,), or (n, 1, ..., 1) with ``keepdim``."""
    return torch.linalg.vector_norm(x, dim=tuple(range(1, x.dim())), keepdim=keepdim)


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """Reshape (n,) so that it broadcasts over the samples of ``like``."""
    return values.view(-1, *([1] * (like.dim() - 1)))


class Constraint(Protocol):
    """What the step loop requires of a constraint.

    Write your own as a frozen dataclass; then its steps are compiled like ours.
    """

    def project(self, x: Tensor, start: Tensor) -> Tensor:
        """The nearest picture to ``x`` in the ball around ``start``; both (n, 3, h, w)."""
        ...

    def random_start(self, start: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A random picture in the ball around ``start``, not yet clamped to [0, 1]."""
        ...

    def distance(self, x: Tensor, start: Tensor) -> Tensor:
        """The distance of each sample from its start, in this constraint's norm; (n,)."""
        ...


def _draw(
    kind: Callable[..., Tensor], sample: Tensor, generator: torch.Generator | None, shape: tuple[int, ...] | None = None
) -> Tensor:
    """Random numbers for one sample, drawn on the generator's device, so that a seed gives the same ones everywhere.

    They are drawn sample by sample, so that a sample's numbers don't depend on how many samples follow it.
    """
    device = generator.device if generator is not None else sample.device
    return kind(shape or sample.shape, generator=generator, device=device, dtype=sample.dtype).to(sample.device)


@dataclass(frozen=True)
class _Ball:
    """A constraint with a radius."""

    epsilon: float

    def __post_init__(self) -> None:
        epsilon = real_number(self.epsilon)
        if epsilon is None or not math.isfinite(epsilon) or epsilon < 0:
            raise ParameterError(
                f"The radius epsilon is {short_repr(self.epsilon)}; "
                "give a finite number of at least 0, or use Unconstrained() for no limit."
            )


@dataclass(frozen=True)
class L2Ball(_Ball):
    """At most ``epsilon`` away in the L2 norm, in raw pixels (paper, Appendix A.1).

    Raises:
        ParameterError: epsilon is negative, infinite or NaN.
    """

    def project(self, x: Tensor, start: Tensor) -> Tensor:
        offset = x - start
        norm = l2_norm(offset, keepdim=True)
        return torch.where(norm > self.epsilon, (offset / (norm / self.epsilon)).add_(start), x)

    def random_start(self, start: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A random direction, at a radius uniform in [0, epsilon)."""
        return start + torch.stack([self._random_offset(sample, generator) for sample in start])

    def _random_offset(self, sample: Tensor, generator: torch.Generator | None) -> Tensor:
        noise = _draw(torch.randn, sample, generator)
        radius = self.epsilon * _draw(torch.rand, sample, generator, (1,))
        return noise * (radius / noise.norm().clamp_min(1e-12))

    def distance(self, x: Tensor, start: Tensor) -> Tensor:
        return l2_norm(x - start)


@dataclass(frozen=True)
class LinfBall(_Ball):
    """No value moves by more than ``epsilon`` (in [0, 1] units).

    Raises:
        ParameterError: epsilon is negative, infinite or NaN.
    """

    def project(self, x: Tensor, start: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(x, start - self.epsilon), start + self.epsilon)

    def random_start(self, start: Tensor, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.stack([_draw(torch.rand, sample, generator) for sample in start])
        return start + (2 * noise - 1) * self.epsilon

    def distance(self, x: Tensor, start: Tensor) -> Tensor:
        return (x - start).flatten(1).abs().amax(dim=1)


@dataclass(frozen=True)
class Unconstrained:
    """No limit; the distance is still measured, in the L2 norm."""

    def project(self, x: Tensor, start: Tensor) -> Tensor:
        return x

    def random_start(self, start: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return start

    def distance(self, x: Tensor, start: Tensor) -> Tensor:
        return l2_norm(x - start)
