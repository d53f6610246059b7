"""A made-up training run, told to the listener of a `FakeTrainingSession` from a thread. Imported in kernels."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
from PIL import Image

from robust_widgets.interface.training_session import TrainingEnded, TrainingEpoch, TrainingPlan, TrainingStep
from robust_widgets.testing import FakeTrainingSession

CLASSES = ("goldfish", "king penguin", "golden retriever", "barn", "mushroom", "sea snake", "cliff", "strawberry")


def plan(epochs: int = 12, steps: int = 25) -> TrainingPlan:
    """A run of ``epochs`` epochs of ``steps`` steps each."""
    about = "small ResNet, l2 1.5 at 64 px"
    return TrainingPlan("my animals", CLASSES, 10_400, epochs, epochs * steps, 0, about, "my-animals.safetensors")


def pictures(share: float, side: int = 64) -> np.ndarray:
    """What comes out of the seeds once this share of the run is done, uint8 (classes, side, side, 3)."""
    rows = []
    for seed in range(len(CLASSES)):
        random = np.random.default_rng(seed)
        coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3)).astype(np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).astype(float)
        grain = random.normal(128, 60, smooth.shape)
        rows.append(np.clip(share * smooth + (1 - share) * grain, 0, 255).astype(np.uint8))
    return np.stack(rows)


def step(plan: TrainingPlan, number: int, seconds: float) -> TrainingStep:
    epoch = math.ceil(number * plan.epochs / plan.steps)
    loss = 0.8 + 1.5 * math.exp(-4 * number / plan.steps) + 0.03 * math.sin(number)
    return TrainingStep(number, plan.steps, epoch, loss, 0.1, 64, seconds)


def epoch(plan: TrainingPlan, number: int, seconds: float) -> TrainingEpoch:
    share = number / plan.epochs
    accuracies = {"clean": 0.2 + 0.65 * share**0.5, "l2 1.5, 5 steps": 0.13 + 0.4 * share**0.7}
    done = number * plan.steps // plan.epochs
    return TrainingEpoch(
        number, plan.epochs, done, step(plan, done, 0).loss, accuracies, pictures(share), plan.classes, seconds
    )


class Lessons:
    """Goes on while the session is running, from where it was.

    Args:
        session: what the monitor is given.
        seconds: how long a step takes.

    Attributes:
        done: steps done.
        most: waits here.
    """

    def __init__(self, session: FakeTrainingSession, seconds: float = 0.02) -> None:
        self.done = 0
        self.most = session.plan.steps
        self.seconds = seconds
        self._session = session
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        session, plan = self._session, self._session.plan
        spent = 0.0
        while self.done < plan.steps:
            time.sleep(self.seconds)
            if session.state != "running" or self.done >= self.most:
                continue
            self.done += 1
            spent += self.seconds
            session.emit(step(plan, self.done, spent))
            if self.done * plan.epochs % plan.steps == 0:
                session.emit(epoch(plan, self.done * plan.epochs // plan.steps, spent))
        session.emit(TrainingEnded("done", f"Done: {plan.steps} steps; {plan.out!r} is written."))
