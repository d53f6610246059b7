"""Solvers that wrap another solver; pass one to ``run(problem, solver=...)``.

Variants of the loss are objectives (`Jitter`, `AwayFrom`, `Mixture`), and variants of the step are steppers
(`Momentum`): ``dataclasses.replace(problem, stepper=Momentum(problem.stepper))``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from robust_widgets.errors import ParameterError, at_least
from robust_widgets.pictures.tensors import from_pixels, resize, to_pixels
from robust_widgets.runs.frame import Frame
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.synthesis.loop import Solver
from robust_widgets.synthesis.problem import Problem


def best_of_iterates(solver: Solver = compiled_iterate) -> Solver:
    """Each frame shows each picture at its lowest loss so far.

    A run that overshoots then ends with the best picture on its path. The heat map of a frame is that of its newest
    step.
    """

    def solve(problem: Problem) -> Iterator[Frame]:
        best: Frame | None = None
        for frame in solver(problem):
            best = frame if best is None else _better(best, frame)
            yield best

    return solve


def random_restarts(count: int, solver: Solver = compiled_iterate) -> Solver:
    """Run ``count`` times, each from another random point of the ball; end with the best result of each picture.

    The frames of the runs follow each other. One more frame at the end shows, for each picture, the result with the
    lowest final loss.

    Args:
        count: how many runs, at least 1. Run i starts at the point drawn with the problem's seed + i.
        solver: solves each run.

    Raises:
        ParameterError: ``count`` is not a whole number of at least 1, or the problem has no limit to draw a point from.
    """
    count = at_least(1, count=count)

    def solve(problem: Problem) -> Iterator[Frame]:
        if getattr(problem.constraint, "epsilon", None) is None:
            raise ParameterError(
                "Random restarts draw their starts from the ball of radius epsilon, and this problem has none; "
                "give it an L2Ball or a LinfBall."
            )
        best: Frame | None = None
        steps, seconds = 0, 0.0
        for restart in range(count):
            last: Frame | None = None
            for frame in solver(replace(problem, seed=(problem.seed or 0) + restart)):
                last = replace(frame, step=steps + frame.step, seconds=seconds + frame.seconds)
                yield last
            if last is not None:
                best = last if best is None else _better(best, last)
                steps, seconds = last.step + 1, last.seconds
        if best is not None:
            yield replace(best, step=steps, seconds=seconds)

    return solve


def chain_problems(*builders: Callable[[Tensor], Problem], solver: Solver = compiled_iterate) -> Solver:
    """Run the problem, then one more problem per builder, each from the end of the one before.

    The frames follow each other. The start of a further problem is the end of the one before, so it is left out.

    Args:
        builders: each takes the latest pictures, float (n, 3, h, w) in [0, 1] on the device of the run, and returns
            the next problem.
        solver: solves each run.
    """

    def solve(problem: Problem) -> Iterator[Frame]:
        steps, seconds = 0, 0.0
        last: Frame | None = None
        for frame in solver(problem):
            last = frame
            yield frame
        for build in builders:
            if last is None:
                return
            steps, seconds = last.step, last.seconds
            picture = from_pixels(last.pixels).to(problem.start)
            for frame in solver(build(picture)):
                last = replace(frame, step=steps + frame.step, seconds=seconds + frame.seconds)
                if frame.step > 0:
                    yield last

    return solve


def coarse_to_fine(*coarser: Problem, solver: Solver = compiled_iterate) -> Solver:
    """Solve smaller versions of the problem first; each size starts from what the one before changed, enlarged.

    A network trained on small pictures sees small things: on a large picture it paints many small lions side by side.
    Here the lion is painted at the network's own size, and larger sizes add detail.

    The frames follow each other, enlarged to the problem's size. Their numbers are those of the size they were made at;
    distances are measured from where that size started.

    Args:
        coarser: the same problem on smaller pictures, the smallest first, usually with a larger epsilon.
        solver: solves each of them.
    """

    def solve(problem: Problem) -> Iterator[Frame]:
        stages = StageSequence(*coarser, problem)
        while (stage := stages.begin_next()) is not None:
            for frame in solver(stage):
                whole = stages.enlarge(frame)
                if whole is not None:
                    yield whole

    return solve


class StageSequence:
    """The problems of a run from coarse to fine, one after the other; see `coarse_to_fine`.

    Args:
        stages: the same problem at each size, the smallest first.
    """

    def __init__(self, *stages: Problem) -> None:
        self._waiting = list(stages)
        self._size = stages[-1].start.shape[2:]
        self._stage: Problem | None = None
        self._last: Frame | None = None
        self._steps, self._seconds = 0, 0.0

    def begin_next(self) -> Problem | None:
        """The next problem, from what the last frame changed; None after the last one, or if one made no frame."""
        change: Tensor | None = None
        if self._stage is not None:
            if self._last is None:
                return None
            change = from_pixels(self._last.pixels).to(self._stage.start) - self._stage.start
            self._steps, self._seconds = self._steps + self._last.step, self._seconds + self._last.seconds
        if not self._waiting:
            return None
        self._stage, self._last = self._waiting.pop(0), None
        start = self._stage.start if change is None else changed_start(self._stage, change)
        return replace(self._stage, start=start)

    def enlarge(self, frame: Frame) -> Frame | None:
        """A frame of the present problem as one of the whole run; None for a start, which shows the end before it."""
        self._last = frame
        if self._steps and not frame.step:
            return None
        whole = _enlarged(frame, *self._size)
        return replace(whole, step=self._steps + frame.step, seconds=self._seconds + frame.seconds)


def changed_start(stage: Problem, change: Tensor) -> Tensor:
    """The start of a problem with a change made to smaller pictures, (n, 3, h, w), inside its region."""
    size = stage.start.shape[2:]
    enlarged = torch.nn.functional.interpolate(change, size, mode="bicubic", antialias=True)
    moved = (stage.start + enlarged).clamp(0, 1)
    return moved if stage.region is None else torch.where(stage.region, moved, stage.start)


def _enlarged(frame: Frame, height: int, width: int) -> Frame:
    if frame.pixels.shape[1:3] == (height, width):
        return frame
    pixels = to_pixels(resize(from_pixels(frame.pixels), height, width))
    heat = frame.gradient
    if heat is not None:
        rows, columns = (np.arange(new) * old // new for new, old in zip((height, width), heat.shape[1:], strict=True))
        heat = heat[:, rows][:, :, columns]
    return replace(frame, pixels=pixels, gradient=heat)


def _better(old: Frame, new: Frame) -> Frame:
    """Each picture, with its numbers, from the frame where its loss is lower; all else from the new frame."""
    improved = new.loss < old.loss
    chosen = {
        name: np.where(improved, getattr(new, name), getattr(old, name)) for name in ("loss", "probability", "distance")
    }
    pixels = np.where(improved[:, None, None, None], new.pixels, old.pixels)
    probabilities = new.probabilities
    if probabilities is not None and old.probabilities is not None:
        probabilities = np.where(improved[:, None], probabilities, old.probabilities)
    return replace(new, pixels=pixels, probabilities=probabilities, **chosen)
