"""The loss around a run's start, cut along a plane that the run's path lies near to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robust_widgets.errors import ParameterError, TraceError
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.loop import evaluate
from robust_widgets.synthesis.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = npt.NDArray[np.float64]
AT_ONCE = 16  # pictures; more are no faster on a CPU, and ONNX Runtime keeps the memory of the most


@dataclass(frozen=True)
class LossSlice:
    """A plane through the space of pictures, and the loss on it.

    The start is at (0, 0). Lengths in the plane are L2 lengths in raw pixels.

    Attributes:
        along: coordinates in the direction from the start to the run's end, float64 (points,).
        across: coordinates at a right angle to that, float64 (points,).
        losses: the loss at ``(across[row], along[column])``, float64 (points, points).
        distances: how far that picture is from the start in the constraint's norm, float64 (points, points).
        path: the run, step by step, as it is seen from above the plane; float64 (frames, 2): along, across.
        radius: the constraint's radius in the unit of ``distances``, or None where there is no limit.
        kept: the share of the path's squared length that lies in the plane, 0 to 1.
    """

    along: Numbers
    across: Numbers
    losses: Numbers
    distances: Numbers
    path: Numbers
    radius: float | None
    kept: float

    def draw(self, axes: Axes) -> None:
        """Draw the loss as heights, the path in white, and where the ball ends as a dashed line."""
        heights = axes.contourf(self.along, self.across, self.losses, levels=24, cmap="viridis")
        axes.figure.colorbar(heights, ax=axes, label="loss")
        if self.radius is not None:
            axes.contour(self.along, self.across, self.distances, [self.radius], colors="white", linestyles="--")
        axes.plot(*self.path.T, color="white", marker="o", markersize=2, linewidth=1)
        axes.plot(*self.path[0], color="white", marker="s")
        axes.plot(*self.path[-1], color="white", marker="*", markersize=12)
        axes.set(aspect="equal", xlabel="towards the end of the run", ylabel="at a right angle")


def loss_slice(problem: Problem, trace: Trace, *, picture: int = 0, points: int = 17, margin: float = 1.2) -> LossSlice:
    """The loss on the plane through the start, the end of the run, and the main direction the path bends to.

    Args:
        problem: what was run, with a loss that is the same for any number of pictures.
        trace: its run.
        picture: which picture of a batch.
        points: how many points the plane has a side, at least 3; each costs one forward pass of the model.
        margin: how far beyond the path and the ball the plane reaches, as a factor.

    Raises:
        TraceError: the run has fewer than two frames, has not moved, or its pictures are not the problem's.
        ParameterError: ``picture``, ``points`` or ``margin`` is out of range.
    """
    count, _, height, width = problem.start.shape
    if not 0 <= picture < count or points < 3 or margin < 1:
        raise ParameterError(
            f"picture is {picture!r} of {count}, points is {points!r} and margin is {margin!r}; "
            "count pictures from 0, and give at least 3 points and a margin of at least 1."
        )
    if len(trace) < 2 or trace[0].pixels.shape != (count, height, width, 3):
        raise TraceError("The run is not one of this problem, or has no step yet; give rw.run(problem).")
    start = problem.start[picture : picture + 1].detach()
    frames = np.stack([trace[index].pixels[picture] for index in range(len(trace))])
    moved = frames.astype(np.float64) - to_pixels(start)  # both rounded
    offsets = moved.transpose(0, 3, 1, 2).reshape(len(trace), -1) / 255
    plane = _plane(offsets)
    path = offsets @ plane.T
    radius = getattr(problem.constraint, "epsilon", None)
    reach = margin * float(np.abs(path).max())
    if isinstance(problem.constraint, L2Ball):  # another norm's radius is no length in this plane
        reach = max(reach, margin * problem.constraint.epsilon)
    line = np.linspace(-reach, reach, points)
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    losses, distances = _measure(problem, start, torch.from_numpy(grid @ plane).to(start))
    total = float(np.square(offsets).sum())
    return LossSlice(
        line, line, losses.reshape(points, points), distances.reshape(points, points), path, radius,
        float(np.square(path).sum()) / total,
    )  # fmt: skip


def _plane(offsets: Numbers) -> Numbers:
    """Two directions at a right angle, each of length 1, (2, values): to the end, and where most of the rest lies."""
    length = float(np.linalg.norm(offsets[-1]))
    if length < 1e-9:
        raise TraceError("The run ended where it began, so there is no direction to cut along; give one that moved.")
    first = offsets[-1] / length
    rest = offsets - np.outer(offsets @ first, first)
    second = np.linalg.svd(rest, full_matrices=False)[2][0]
    second = second - (second @ first) * first
    return np.stack([first, second / np.linalg.norm(second)])


@torch.no_grad()
def _measure(problem: Problem, start: Tensor, offsets: Tensor) -> tuple[Numbers, Numbers]:
    """Loss and distance at the start plus each offset (m, values), clamped to [0, 1] as each step is."""
    losses: list[Tensor] = []
    distances: list[Tensor] = []
    for some in offsets.split(AT_ONCE):
        starts = start.expand(len(some), -1, -1, -1)
        x = starts + some.reshape(-1, *start.shape[1:])
        one = replace(problem, start=starts, region=None)
        losses.append(evaluate(one, x.clamp(0, 1)).loss)
        distances.append(problem.constraint.distance(x, starts))
    return torch.cat(losses).cpu().double().numpy(), torch.cat(distances).cpu().double().numpy()
