"""A session that needs no model: a picture comes out of grey, at the speed that is asked for. Imported in kernels."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from PIL import Image

from robust_widgets.interface.session import (
    FrameMade,
    Listener,
    LoadedListener,
    ModelInfo,
    ModelLoaded,
    RobustnessListener,
    RunEnded,
    RunRequest,
    RunStarted,
)
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace

CLASSES = ("goldfish", "king penguin", "dog", "barn", "mushroom", "sea snake", "cliff")


def picture(seed: int, side: int) -> np.ndarray:
    """A smooth picture with some grain, float (side, side, 3)."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3)).astype(np.uint8))
    smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).astype(float)
    return smooth + random.normal(0, 8, smooth.shape)


def frames(seed: int, steps: int, side: int) -> Callable[[int], Frame]:
    """Each step of a made-up run."""
    final, random = picture(seed, side), np.random.default_rng(seed)
    rows = np.linspace(-1, 1, side)
    bump = 255 * np.exp(-3 * (rows[:, None] ** 2 + rows[None] ** 2))
    wobble = random.normal(0, 0.3, (steps + 1, len(CLASSES)))

    def make(step: int) -> Frame:
        share = step / steps
        pixels = np.clip(128 * (1 - share) + final * share, 0, 255).astype(np.uint8)[None]
        logits = wobble[step] + np.array([6 * share, 2 * share, 1.5 * (1 - share), 0.5, 0, 0, 0])
        probabilities = np.exp(logits) / np.exp(logits).sum()
        return Frame(
            step=step,
            pixels=pixels,
            loss=np.array([-np.log(probabilities[0])]),
            probability=probabilities[:1],
            distance=np.array([40 * (1 - np.exp(-4 * share))]),
            seconds=step / 50,
            probabilities=probabilities[None].astype(np.float32),
            gradient=(bump * (1 - share / 2)).astype(np.uint8)[None] if step < steps else None,
        )

    return make


def trace(seed: int = 0, steps: int = 60, side: int = 64, target: str = "goldfish") -> Trace:
    """A made-up run."""
    made = Trace("sketch_to_image", {"steps": steps}, seed, "made up", target=target, classes=CLASSES, radius=40.0)
    make = frames(seed, steps, side)
    for step in range(steps + 1):
        made.append(make(step))
    return made


class ScriptedSession:
    """Runs as a session does, on a thread of its own.

    Args:
        side: of its pictures in pixels.
        seconds: how long a step takes.
    """

    def __init__(self, side: int = 64, seconds: float = 0.01) -> None:
        self.model = ModelInfo("made up", CLASSES, side)
        self.seconds = seconds
        self._run = 0
        self._stop = threading.Event()
        self._worker: threading.Thread | None = None

    def submit(self, request: RunRequest, listener: Listener) -> int:
        self.close()
        self._run += 1
        self._stop = threading.Event()
        self._worker = threading.Thread(target=self._work, args=(self._run, request, listener, self._stop))
        self._worker.daemon = True
        self._worker.start()
        return self._run

    loading = False

    def on_loaded(self, listener: LoadedListener) -> None:
        listener(ModelLoaded())

    def cancel(self) -> None:
        self._stop.set()

    def measure(self, listener: RobustnessListener) -> None:
        listener(None)

    def close(self) -> None:
        self.cancel()
        if self._worker is not None:
            self._worker.join()

    def _work(self, run: int, request: RunRequest, listener: Listener, stop: threading.Event) -> None:
        steps = int(request.parameters["steps"])
        made = Trace(request.task, dict(request.parameters), run, "made up", "", request.target, CLASSES, 40.0)
        make = frames(run, steps, self.model.input_size)
        listener(RunStarted(run, made, steps))
        for step in range(steps + 1):
            made.append(make(step))
            listener(FrameMade(run, made[-1]))
            if step < steps and stop.wait(self.seconds):
                break
        listener(RunEnded(run, "stopped" if stop.is_set() else "done"))
