"""The loss landscape of a run, on a plane that nearly contains the run's path."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robust_widgets._deprecated import renamed_attribute
from robust_widgets.errors import ParameterError, TraceError, real_number, short_repr, whole_number
from robust_widgets.pictures.tensors import plain_torch, to_pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.loop import evaluate
from robust_widgets.synthesis.problem import Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
BATCH_SIZE = 16  # more is no faster on a CPU, and ONNX Runtime never frees the memory of its largest batch


@dataclass(frozen=True)
class LossSlice:
    """The loss on a plane through the space of pictures.

    The start is at (0, 0). Lengths in the plane are L2 lengths in raw pixels.

    Attributes:
        along: coordinates in the direction from the start to the run's end, float64 (points,).
        across: coordinates orthogonal to that, float64 (points,).
        losses: the loss at ``(across[row], along[column])``, float64 (points, points).
        distances: the distance of that picture from the start in the constraint's norm, float64 (points, points).
        path: the run's frames, projected onto the plane; float64 (frames, 2): along, across.
        epsilon: the constraint's limit in the unit of ``distances``, or None if there is none.
        variance_share: the share of the path's squared length that lies in the plane, 0 to 1.
    """

    along: Floats
    across: Floats
    losses: Floats
    distances: Floats
    path: Floats
    epsilon: float | None
    variance_share: float

    radius = renamed_attribute("radius", "epsilon")
    kept = renamed_attribute("kept", "variance_share")

    def draw(self, axes: Axes) -> None:
        """Draw the loss as contours, the path in white, and the edge of the ball as a dashed line."""
        contours = axes.contourf(self.along, self.across, self.losses, levels=24, cmap="viridis")
        axes.figure.colorbar(contours, ax=axes, label="loss")
        if self.epsilon is not None:
            axes.contour(self.along, self.across, self.distances, [self.epsilon], colors="white", linestyles="--")
        axes.plot(*self.path.T, color="white", marker="o", markersize=2, linewidth=1)
        axes.plot(*self.path[0], color="white", marker="s")
        axes.plot(*self.path[-1], color="white", marker="*", markersize=12)
        axes.set(aspect="equal", xlabel="towards the end of the run", ylabel="orthogonal")


@plain_torch()
def loss_slice(problem: Problem, trace: Trace, *, picture: int = 0, points: int = 17, margin: float = 1.2) -> LossSlice:
    """The loss on the plane through the run's start, its end, and the main direction in which its path bends.

    Args:
        problem: the problem that was run; its loss must not depend on the number of pictures.
        trace: the run.
        picture: index into the batch.
        points: grid points along each axis, at least 3; each costs one forward pass of the model.
        margin: how far the plane extends beyond the path and the ball, as a factor of at least 1.

    Raises:
        TraceError: the run has fewer than two frames, did not move, or is not of this problem.
        ParameterError: ``picture``, ``points`` or ``margin`` is out of range.
    """
    count, _, height, width = problem.start.shape
    index, lines, factor = whole_number(picture), whole_number(points), real_number(margin)
    if index is None or not 0 <= index < count or lines is None or lines < 3 or not 1 <= (factor or 0) < math.inf:
        raise ParameterError(
            f"picture is {short_repr(picture)} of {count}, points is {short_repr(points)} and margin is "
            f"{short_repr(margin)}; count pictures from 0, and give at least 3 points and a margin of at least 1."
        )
    if len(trace) < 2 or trace[0].pixels.shape != (count, height, width, 3):
        raise TraceError("The run is not of this problem, or has no step yet; give rw.run(problem).")
    start = problem.start[picture : picture + 1].detach()
    frames = np.stack([trace[index].pixels[picture] for index in range(len(trace))])
    moved = frames.astype(np.float64) - to_pixels(start)  # both rounded
    offsets = moved.transpose(0, 3, 1, 2).reshape(len(trace), -1) / 255
    plane = _plane(offsets)
    path = offsets @ plane.T
    epsilon = getattr(problem.constraint, "epsilon", None)
    reach = margin * float(np.abs(path).max())
    if isinstance(problem.constraint, L2Ball):  # epsilon is a length in the plane only in the L2 norm
        reach = max(reach, margin * problem.constraint.epsilon)
    line = np.linspace(-reach, reach, points)
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    losses, distances = _measure(problem, start, torch.from_numpy(grid @ plane).to(start))
    total = float(np.square(offsets).sum())
    return LossSlice(
        line, line, losses.reshape(points, points), distances.reshape(points, points), path, epsilon,
        float(np.square(path).sum()) / total,
    )  # fmt: skip


def _plane(offsets: Floats) -> Floats:
    """Orthonormal directions, (2, values): to the run's end, and along the largest part of the remainder."""
    length = float(np.linalg.norm(offsets[-1]))
    if length < 1e-9:
        raise TraceError("The run ended where it began, so its direction is undefined; give a run that moved.")
    first = offsets[-1] / length
    rest = offsets - np.outer(offsets @ first, first)
    second = np.linalg.svd(rest, full_matrices=False)[2][0]
    second = second - (second @ first) * first
    return np.stack([first, second / np.linalg.norm(second)])


@torch.no_grad()
def _measure(problem: Problem, start: Tensor, offsets: Tensor) -> tuple[Floats, Floats]:
    """Loss and distance at the start plus each offset (m, values), clamped to [0, 1] like every step."""
    losses: list[Tensor] = []
    distances: list[Tensor] = []
    for part in offsets.split(BATCH_SIZE):
        starts = start.expand(len(part), -1, -1, -1)
        x = starts + part.reshape(-1, *start.shape[1:])
        at_offsets = replace(problem, start=starts, region=None)
        losses.append(evaluate(at_offsets, x.clamp(0, 1)).loss)
        distances.append(problem.constraint.distance(x, starts))
    return torch.cat(losses).cpu().double().numpy(), torch.cat(distances).cpu().double().numpy()
