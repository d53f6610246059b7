"""A pretended device: steps cost nothing, and the test says what happens in them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from robust_widgets.errors import ParameterError
from robust_widgets.interface.explanation import Answer, NoAnswer, Question
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import RunRequest
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.serving.batcher import DeviceRun

SIDE = 8


@dataclass(eq=False)
class PretendedRun:
    request: RunRequest
    trace: Trace
    steps: int
    key: Hashable | None
    cost: int
    frame_bytes: int = 4 * SIDE * SIDE
    step: int = 0

    @property
    def finished(self) -> bool:
        return self.step > self.steps


@dataclass
class PretendedDevice:
    """Keeps the batches it was asked for, by the runs' seeds; the task is the structure.

    Attributes:
        answered, painted: the questions that it answered, and the classes that it painted; class 0 cannot be.
        fails: called with the runs of each step; may raise.
        spend: called for each step; lets time pass.
    """

    input_size: int = SIDE
    batches: list[list[int]] = field(default_factory=list)
    freed: int = 0
    answered: list[Question] = field(default_factory=list)
    painted: list[int] = field(default_factory=list)
    fails: Callable[[Sequence[PretendedRun]], object] = lambda runs: None
    spend: Callable[[], object] = lambda: None

    def begin(self, request: RunRequest) -> PretendedRun:
        if request.target == "nobody":
            raise ParameterError("There is no class 'nobody'; give another one.")
        parameters = request.parameters
        trace = Trace(request.task, dict(parameters), parameters.get("seed"), "pretended", target=request.target)
        key = None if request.task == "translate" else request.task
        n = int(parameters.get("n", 1))
        return PretendedRun(request, trace, int(parameters.get("steps", 3)), key, n * SIDE * SIDE)

    def step(self, runs: Sequence[DeviceRun]) -> list[Frame | Exception | None]:
        own: list[PretendedRun] = list(runs)  # type: ignore[arg-type]
        self.fails(own)
        self.spend()
        self.batches.append([int(run.request.parameters.get("seed", 0)) for run in own])
        frames: list[Frame | Exception | None] = []
        for run in own:
            numbers = {name: np.array([float(run.step)]) for name in ("loss", "probability", "distance")}
            frames.append(Frame(run.step, np.full((1, SIDE, SIDE, 3), run.step, np.uint8), seconds=0.0, **numbers))
            run.step += 1
        return frames

    def free(self) -> None:
        self.freed += 1

    def answer(self, question: Question) -> Answer:
        self.answered.append(question)
        self.spend()
        return NoAnswer(f"A pretended device does not know {question.target}.")

    def class_picture(self, index: int, go_on: Callable[[], bool]) -> bytes | None:
        self.spend()
        if not go_on():
            return None
        self.painted.append(index)
        return bytes([index]) if index else b""

    def measure(self, go_on: Callable[[], bool]) -> tuple[bool, Robustness | None]:
        return True, Robustness(1.0, SIDE, 4, True)
