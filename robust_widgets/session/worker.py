"""What a local session does with its model: warm up, run requests, measure robustness."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch

from robust_widgets._machine import trim_heap
from robust_widgets.errors import RobustWidgetsError, WeightsError
from robust_widgets.interface.explanation import Answer, CounterfactualRequest, NoAnswer, Question
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import FrameMade, Layer, Listener, ModelInfo, RunEnded, RunRequest, RunStarted
from robust_widgets.models.class_pictures import known_class_pictures
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.features import has_features, model_features
from robust_widgets.models.registry import source_of
from robust_widgets.robustness.estimate import cached_estimate
from robust_widgets.session.listeners import unexpected
from robust_widgets.solvers.compose import coarse_to_fine
from robust_widgets.solvers.responsive import responsive_iterate
from robust_widgets.solvers.run import compiled_iterate, new_trace
from robust_widgets.solvers.step_graph import backend_for
from robust_widgets.tasks.running.class_pictures import cached_class_picture
from robust_widgets.tasks.running.run import build_stages

FEATURES = "paint_features"
WARM_UP_TASKS = ("sketch_to_image", "generate", "inpaint", FEATURES)  # the other tasks share the steps of "generate"


class ModelWorker:
    """Runs requests with a model and measures it, on the calling thread.

    Args:
        model: the classifier.
    """

    def __init__(self, model: RobustClassifier) -> None:
        self._model = model
        self._last_note = ""

    @property
    def model(self) -> RobustClassifier:
        """The classifier."""
        return self._model

    def info(self) -> ModelInfo:
        """What a widget shows about the model, with its feature catalogue."""
        model = self._model
        info = model.card.info(
            self.device,
            source=source_of(model),
            loading=model.loading,
            synonyms=model.synonyms,
            layers=self.layers(),
            class_pictures=known_class_pictures(model.source, len(model.classes), model.fingerprint),
        )
        if has_features(model):
            with suppress(WeightsError):  # a run that names a feature reports what is wrong with the catalogue
                return replace(info, features=model_features(model))
        return info

    def layers(self) -> tuple[Layer, ...]:
        """The layers of the network; none if it fails, which a run reports."""
        with suppress(Exception):  # a custom network may fail in any way
            return self._model.layers()
        return ()

    @property
    def device(self) -> str:
        """The device the model runs on."""
        return str(self._model.device)

    @property
    def robustness(self) -> Robustness | None:
        """The robustness measured in this process, if any."""
        return self._model.card.measured

    def warm_up(self) -> Iterator[None]:
        """Compile the network, then the steps of the tasks, one part per iteration.

        The first run of a task compiles what is still missing.
        """
        with suppress(Exception):  # a network that fails reports it when it runs
            self._model.warm_up()
            for task in WARM_UP_TASKS if self._records() else ():
                yield
                next(compiled_iterate(build_stages(self._model, self._typical_request(task))[-1]))
        trim_heap()

    def _records(self) -> bool:
        """Whether steps are recorded for one picture of the model's own size."""
        size = (1, 3, self._model.input_size, self._model.input_size)
        return backend_for(self._model, torch.zeros(size, dtype=torch.float32, device=self._model.device)) is not None

    def close(self) -> None:
        """Return memory to the system, also that of closed widgets, which refer to each other."""
        trim_heap()

    def _typical_request(self, task: str) -> RunRequest:
        size = self._model.input_size
        mask = np.zeros((size, size), np.uint8)
        mask[size // 4 :, size // 4 :] = 255
        target = "0" if task == FEATURES else self._model.classes[0]
        return RunRequest(task, target, picture=np.full((size, size, 3), 128, np.uint8), mask=mask)

    def run(self, number: int, request: RunRequest, listener: Listener, is_stopped: Callable[[], bool]) -> RunEnded:
        """Run a request and return its last event.

        Args:
            number: the run's number.
            request: what to run.
            listener: called with the start of the run and each frame.
            is_stopped: checked after each step.
        """
        try:
            if is_stopped():
                return RunEnded(number, "stopped")
            *coarser, problem = build_stages(self._model, request)
            steps = sum(stage.steps for stage in (*coarser, problem))
            trace = new_trace(problem)
            for name in ("picture", "mask", "start"):
                pixels = getattr(request, name)
                if pixels is not None:
                    trace.inputs[name] = pixels.copy()
            listener(RunStarted(number, trace, steps))
            for frame in coarse_to_fine(*coarser, solver=responsive_iterate)(problem):
                trace.append(frame)
                listener(FrameMade(number, frame))
                if is_stopped() and frame.step < steps:
                    return RunEnded(number, "stopped")
            return RunEnded(number, "done", self._note())
        except RobustWidgetsError as error:
            return RunEnded(number, "failed", str(error), traceback.format_exc())
        except Exception as error:
            sentence = unexpected("The run failed", error)
            return RunEnded(number, "failed", sentence, traceback.format_exc())

    def answer(self, question: Question) -> Answer:
        """What the classifier sees in a picture, or why that cannot be told."""
        from robust_widgets.explanation.attribution import explain
        from robust_widgets.explanation.counterfactual import counterfactual

        try:
            if isinstance(question, CounterfactualRequest):
                return counterfactual(question.picture, question.target, model=self._model)
            return explain(question.picture, question.target, model=self._model, method=question.method)
        except RobustWidgetsError as error:
            return NoAnswer(str(error), traceback.format_exc())
        except Exception as error:
            sentence = unexpected("There is no answer", error)
            return NoAnswer(sentence, traceback.format_exc())

    def _note(self) -> str:
        """Why runs are slower than they could be; each reason is reported once."""
        note = str(getattr(self._model.step_graphs, "note", ""))
        new, self._last_note = note if note != self._last_note else "", note
        return new

    def measure(self, go_on: Callable[[], bool]) -> bool:
        """Measure ``robustness``; False if ``go_on`` interrupted it."""
        model = self._model
        try:
            robustness = self.robustness or cached_estimate(model, should_continue=go_on)
        except Exception:  # A custom network may fail in any way; a run will report it.
            return True
        if robustness is None:
            return False
        model.card = replace(model.card, measured=robustness)
        return True

    def class_picture(self, index: int, go_on: Callable[[], bool]) -> bytes | None:
        """A picture of a class, as a JPEG file; empty if it cannot be painted, None if ``go_on`` interrupted it."""
        try:
            return cached_class_picture(self._model, index, go_on)
        except Exception:  # A custom network may fail in any way; a run will report it.
            return b""
