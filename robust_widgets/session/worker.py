"""What a local session does with its model, on whichever thread it is asked to."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from robust_widgets.compiler.compiled_module import trim_heap
from robust_widgets.errors import RobustWidgetsError, WeightsError
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import FrameMade, Listener, ModelInfo, RunEnded, RunRequest, RunStarted
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.features import features, has_features
from robust_widgets.models.registry import source_of
from robust_widgets.robustness.estimate import robustness_estimate
from robust_widgets.solvers.graphs.dispatch import records
from robust_widgets.synthesis.loop import iterate, new_trace
from robust_widgets.tasks import build_problem

FEATURES = "paint_features"
USUAL = ("generate", "inpaint", FEATURES)  # the steps of the others are made up like the first one's


class Painter:
    """Paints with a model, and measures it.

    Args:
        model: the classifier.
    """

    def __init__(self, model: RobustClassifier) -> None:
        self._model = model
        self._noted = ""

    def info(self) -> ModelInfo:
        """What a widget shows of the model, with the catalogue of its features."""
        model = self._model
        info = model.card.info(self.device, source=source_of(model), loading=model.loading, synonyms=model.synonyms)
        if has_features(model):
            with suppress(WeightsError):  # a run with a feature by name says what is wrong with the catalogue
                return replace(info, features=features(model))
        return info

    @property
    def device(self) -> str:
        """Where the model runs."""
        return str(self._model.device)

    @property
    def robustness(self) -> Robustness | None:
        """What was measured of the model in this process."""
        return self._model.card.measured

    def warm_up(self) -> Iterator[None]:
        """Have what is made once for a model made, part by part: the network's ways, then the steps of the tasks.

        What is not made by the first run is made then.
        """
        with suppress(Exception):  # a network that fails says so when it runs
            self._model.warm_up()
            for task in USUAL if records(self._model) else ():
                yield
                next(iterate(build_problem(self._model, self._usual(task))))
        trim_heap()

    def _usual(self, task: str) -> RunRequest:
        side = self._model.input_size
        mask = np.zeros((side, side), np.uint8)
        mask[side // 4 :, side // 4 :] = 255
        target = "0" if task == FEATURES else self._model.classes[0]
        return RunRequest(task, target, picture=np.full((side, side, 3), 128, np.uint8), mask=mask)

    def run(self, number: int, request: RunRequest, listener: Listener, is_stopped: Callable[[], bool]) -> RunEnded:
        """Run a request, tell what is made, and answer how it ended.

        Args:
            number: the run's.
            request: what is asked for.
            listener: is told that the run began, and each frame.
            is_stopped: asked after each step.
        """
        try:
            if is_stopped():
                return RunEnded(number, "stopped")
            problem = build_problem(self._model, request)
            trace = new_trace(problem)
            for name in ("picture", "mask", "start"):
                given = getattr(request, name)
                if given is not None:
                    trace.inputs[name] = given.copy()
            listener(RunStarted(number, trace, problem.steps))
            for frame in iterate(problem):
                trace.append(frame)
                listener(FrameMade(number, frame))
                if is_stopped() and frame.step < problem.steps:
                    return RunEnded(number, "stopped")
            return RunEnded(number, "done", self._note())
        except RobustWidgetsError as error:
            return RunEnded(number, "failed", str(error), traceback.format_exc())
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".")
            sentence = f"The run broke off ({type(error).__name__}: {reason}); the details hold the traceback."
            return RunEnded(number, "failed", sentence, traceback.format_exc())

    def _note(self) -> str:
        """Why runs are slower than they could be, once."""
        note = str(getattr(self._model.captures, "note", ""))
        new, self._noted = note if note != self._noted else "", note
        return new

    def measure(self, go_on: Callable[[], bool]) -> bool:
        """Find how robust the model is, which ``robustness`` then tells; False where ``go_on`` broke it off."""
        model = self._model
        try:
            found = self.robustness or robustness_estimate(model, go_on=go_on)
        except Exception:  # A network of somebody's own may fail in any way here, and will say so when it runs.
            return True
        if found is None:
            return False
        model.card = replace(model.card, measured=found)
        return True
