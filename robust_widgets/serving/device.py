"""A model on a device, whose steps a batcher shares among people."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import cast

import torch

from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.interface.explanation import Answer, Question
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import RunRequest
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness.estimate import cached_estimate
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.serving.batcher import DeviceRun
from robust_widgets.session.worker import ModelWorker
from robust_widgets.solvers.compose import StageSequence
from robust_widgets.solvers.run import new_trace
from robust_widgets.solvers.stacking import Stack, StackableRun
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.running.run import build_stages


class ModelRun:
    """A run of a model, from coarse to fine if its pictures are larger than the model's.

    Args:
        stages: its problem at each size.
    """

    def __init__(self, stages: Sequence[Problem]) -> None:
        count, _, height, width = stages[-1].start.shape
        self.trace: Trace = new_trace(stages[-1])
        self.steps: int = sum(stage.steps for stage in stages)
        self.frame_bytes: int = 4 * count * height * width  # three colours and the heat map
        self.finished: bool = False
        self._stages = StageSequence(*stages)
        first = self._stages.begin_next()
        assert first is not None
        self.run = StackableRun(first)

    @property
    def key(self) -> Hashable | None:
        """Runs of the same key take their steps together."""
        return self.run.key

    @property
    def cost(self) -> int:
        """Pixels of a step."""
        count, _, height, width = self.run.x.shape
        return count * height * width

    def after(self, result: Frame | Exception) -> Frame | Exception | None:
        """What the run shows after a step."""
        if isinstance(result, Exception):
            return result
        frame = self._stages.enlarge(result)
        if self.run.finished:
            following = self._stages.begin_next()
            if following is None:
                self.finished = True
            else:
                self.run = StackableRun(following)
        return frame


class ModelDevice:
    """A `robust_widgets.serving.batcher.Device`.

    Args:
        model: the classifier, on its device.
    """

    def __init__(self, model: RobustClassifier) -> None:
        self.model = model
        self._worker = ModelWorker(model)
        self._stack: Stack | None = None

    @property
    def input_size(self) -> int:
        """The model's own width of pictures."""
        return self.model.input_size

    def warm_up(self) -> None:
        """Choose how the network runs for one picture, for few and for many, so that no run waits for it."""
        for pictures in BATCH_SIZES:
            self.model.warm_up(pictures)

    def begin(self, request: RunRequest) -> ModelRun:
        """A run at its start; raises as `robust_widgets.make_problem`."""
        return ModelRun(build_stages(self.model, request))

    def step(self, runs: Sequence[DeviceRun]) -> list[Frame | Exception | None]:
        """One step of runs of the same key, as one batch."""
        own = cast("Sequence[ModelRun]", runs)
        stackable = [run.run for run in own]
        if self._stack is None or not self._stack.is_of(stackable):
            self._stack = Stack(stackable)
        try:
            results = self._stack.step()
        except BaseException:
            self._stack = None  # it may hold what filled the memory
            raise
        return [run.after(result) for run, result in zip(own, results, strict=True)]

    def free(self) -> None:
        """Give back memory after it ran out."""
        self._stack = None
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()

    def answer(self, question: Question) -> Answer:
        """What the model sees in a picture, or why that cannot be told."""
        return self._worker.answer(question)

    def class_picture(self, index: int, go_on: Callable[[], bool]) -> bytes | None:
        """A class as a JPEG file; empty if there is none, None if ``go_on`` interrupted it."""
        return self._worker.class_picture(index, go_on) if index < len(self.model.classes) else b""

    def measure(self, go_on: Callable[[], bool]) -> tuple[bool, Robustness | None]:
        """Measure the model's robustness, unless it is known; interrupted where ``go_on`` says so."""
        model = self.model
        try:
            robustness = model.card.measured or cached_estimate(model, should_continue=go_on)
        except Exception:  # a custom network may fail in any way; a run will report it
            return True, None
        if robustness is None:
            return False, None
        model.card = replace(model.card, measured=robustness)
        return True, robustness
