"""The measurements run the same problems as the task functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

import robust_widgets as rw
from robust_widgets.evaluation import tasks
from robust_widgets.evaluation.evaluator import Evaluator, TaskResult, choose_pictures, probabilities
from robust_widgets.interface.session import Feature
from robust_widgets.interface.tasks import task_spec
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import catalogue_path, write_catalogue
from robust_widgets.models.model_file import save_model
from robust_widgets.pictures.tensors import from_pixels, to_pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.problem import Problem
from robust_widgets.training.data import PictureSet
from tests.helpers import CLASSES, noise_patterns, tiny_model

TASKS = ["generate", "sketch_to_image", "sketch_to_image", "translate", *["super_resolve"] * 4, "inpaint", "inpaint"]


class RecordingEvaluator(Evaluator):
    """An evaluator that keeps its traces, and makes few steps."""

    def paint(
        self, build: Callable[[Tensor], Problem], count: int, title: str, batches: Sequence[Tensor] | None = None
    ) -> Trace:
        trace = super().paint(lambda part: replace(build(part), steps=STEPS), count, title, batches)
        traces.append(trace)
        return trace


STEPS = 3
traces: list[Trace] = []


@pytest.fixture(autouse=True)
def no_traces() -> None:
    traces.clear()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> RobustClassifier:
    """A random model with a catalogue of four of its units."""
    weights = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(tiny_model(), weights)
    loaded = rw.load_model(weights, device="cpu")
    thumbnail = np.zeros((4, 4, 3), np.uint8)
    entries = [Feature(f"{CLASSES[unit % 3]} {unit}", unit, (CLASSES[unit % 3],), thumbnail) for unit in range(4)]
    write_catalogue(catalogue_path(weights), loaded.fingerprint, entries)
    return loaded


@pytest.fixture
def evaluator(model: RobustClassifier) -> Evaluator:
    return RecordingEvaluator(model, tiny_model(seed=1), batch_size=4, progress=False)


@pytest.fixture(scope="module")
def data() -> PictureSet:
    return replace(noise_patterns(3), classes=CLASSES)


@pytest.fixture(scope="module")
def chosen(data: PictureSet) -> PictureSet:
    return choose_pictures(data, 3)


def test_all_tasks_are_measured_reproducibly(evaluator: Evaluator, data: PictureSet, model: RobustClassifier) -> None:
    results = list(tasks.evaluate_tasks(evaluator, data, 3))
    assert [one.task for one in results] == [*TASKS, "paint_features"]
    assert all(one.within and len(one) in (3, 12) for one in results)
    again = list(tasks.evaluate_tasks(replace(evaluator, batch_size=2), data, 3))
    for one, other in zip(results, again, strict=True):
        assert torch.equal(one.targets, other.targets) and one.shares == other.shares
        assert one.figures == pytest.approx(other.figures, abs=0.02)
    bare = RobustClassifier(model.network, model.card, model.seeds)
    assert [one.task for one in tasks.evaluate_tasks(replace(evaluator, model=bare), data, 3)] == TASKS


def test_generation_is_what_generate_makes(evaluator: Evaluator, model: RobustClassifier) -> None:
    result = tasks.generation(evaluator, seeds=2)
    assert result.targets.tolist() == [0, 0, 1, 1, 2, 2]
    for label, name in enumerate(CLASSES):
        expected = rw.generate(name, n=2, model=model, steps=STEPS)
        check_equal(traces[0][-1].pixels[2 * label : 2 * label + 2], expected[-1].pixels)
    check_verdicts(result, evaluator)


def test_sketches_are_painted_as_by_the_task(evaluator: Evaluator, chosen: PictureSet) -> None:
    sketches = from_pixels(chosen.pictures.permute(0, 2, 3, 1).numpy())
    result = tasks.sketching(evaluator, sketches, chosen.labels, "made up")
    assert (result.task, result.setting) == ("sketch_to_image", "made up")
    expected = rw.sketch_to_image(sketches[:1], int(chosen.labels[0]), model=evaluator.model, steps=STEPS)
    check_equal(traces[0][-1].pixels[:1], expected[-1].pixels)
    check_verdicts(result, evaluator)


def test_translation_ends_in_another_class(evaluator: Evaluator, chosen: PictureSet) -> None:
    result = tasks.translation(evaluator, chosen, seed=3)
    assert not bool((result.targets == chosen.labels).any())
    expected = rw.translate(chosen.floats()[:1], int(result.targets[0]), model=evaluator.model, steps=STEPS)
    check_equal(traces[0][-1].pixels[:1], expected[-1].pixels)
    assert result.shares["judge sees the old class, start"] == evaluator.share(traces[0][0].pixels, chosen.labels)
    check_verdicts(result, evaluator)


@pytest.mark.parametrize("factor", [2, 3])
def test_super_resolution_is_compared_with_its_small_pictures(
    evaluator: Evaluator, chosen: PictureSet, factor: int
) -> None:
    result = tasks.super_resolution(evaluator, chosen, factor)
    one = rw.super_resolve(chosen.floats()[:1], 0, factor=factor, model=evaluator.model, steps=STEPS)
    check_equal(traces[0][-1].pixels[:1], one[-1].pixels)
    assert result.figures["low-resolution error, of 1"] == rw.report(traces[0])["low_resolution_error"]
    check_verdicts(result, evaluator)


def test_inpainting_keeps_or_penalises_changes_outside(evaluator: Evaluator, chosen: PictureSet) -> None:
    hard, soft = (tasks.inpainting(evaluator, chosen, penalty) for penalty in (None, "paper"))
    assert hard.figures == {"largest change outside, of 255": 0, "RMS change outside, of 255": 0}
    assert soft.figures["largest change outside, of 255"] > 0
    pictures = chosen.floats()[:1]
    hole = tasks.square(16, tasks.HOLE_SHARE)
    for trace, penalty in zip(traces, (None, "paper"), strict=True):
        expected = rw.inpaint(
            pictures, hole, int(chosen.labels[0]), penalty=penalty, model=evaluator.model, steps=STEPS
        )
        check_equal(trace[-1].pixels[:1], expected[-1].pixels)
    assert hard.shares == soft.shares
    originals = to_pixels(chosen.floats())
    assert hard.shares["judge on the original"] == evaluator.share(originals, chosen.labels)
    check_verdicts(hard, evaluator, traces[0])


def test_features_are_painted_into_other_classes(evaluator: Evaluator, chosen: PictureSet) -> None:
    result = tasks.feature_painting(evaluator, chosen)
    assert result.targets.tolist() == [0, 1, 2]
    assert result.figures["largest change outside, of 255"] == 0
    before, after = (result.figures[f"activation in the region, {when}"] for when in ("start", "result"))
    assert after > before
    assert 0 <= result.shares["judge's probability of the feature's class rose"] <= 1
    check_verdicts(result, evaluator)


def test_a_result_beyond_epsilon_is_reported(evaluator: Evaluator) -> None:
    tasks.generation(evaluator, seeds=1)
    trace = replace(traces[0], radius=float(traces[0][-1].distance.max()) / 2)
    assert not evaluator.result("", trace, torch.arange(3)).within
    assert evaluator.result("", replace(trace, radius=None), torch.arange(3)).within


def test_the_result_of_one_class() -> None:
    yes, no = True, False
    marks = torch.tensor([yes, no, yes])
    result = TaskResult("generate", "", torch.tensor([0, 1, 1]), marks, marks, ~marks, True, {"a": 1.0}, {"b": 2.0})
    own = result.of_class(1)
    assert (len(own), own.after.tolist(), own.by_model.tolist()) == (2, [no, yes], [yes, no])
    assert own.shares == own.figures == {}


def test_pictures_are_resized_for_a_judge_of_another_size() -> None:
    pixels = to_pixels(noise_patterns(2).pictures.float() / 255)
    assert probabilities(tiny_model(32), pixels).shape == (6, 3)
    torch.testing.assert_close(probabilities(tiny_model(16), pixels).sum(1), torch.ones(6))


def check_equal(made: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to rounding in batches of different sizes."""
    assert int(np.abs(made.astype(int) - expected).max()) <= 1


def check_verdicts(result: TaskResult, evaluator: Evaluator, trace: Trace | None = None) -> None:
    trace = trace or traces[0]
    for verdicts, model, index in (
        (result.before, evaluator.judge, 0),
        (result.after, evaluator.judge, -1),
        (result.by_model, evaluator.model, -1),
    ):
        with torch.no_grad():
            answers = model(from_pixels(trace[index].pixels)).argmax(1)
        assert torch.equal(verdicts, answers == result.targets)


@pytest.mark.parametrize("shows_class", [True, False])
def test_a_task_without_its_own_measurement_starts_from_photographs(
    evaluator: Evaluator, data: PictureSet, monkeypatch: pytest.MonkeyPatch, shows_class: bool
) -> None:
    chosen = choose_pictures(data, 5)
    spec = replace(task_spec("translate"), shows_class=shows_class, report=lambda trace: {"frames": float(len(trace))})
    result = tasks.from_photographs(evaluator, spec, chosen)
    assert (result.task, len(result), result.within, result.figures) == ("translate", 5, True, {"frames": 2.0})
    assert sorted(result.targets.tolist()) == sorted(chosen.labels.tolist()) or not shows_class
    starts = traces[-1][0].pixels
    originals = list(to_pixels(chosen.floats()))
    order = [next(i for i, picture in enumerate(originals) if np.array_equal(picture, start)) for start in starts]
    assert sorted(order) == list(range(5))
    assert (result.targets == chosen.labels[order]).all() == shows_class, "each target belongs to its photograph"
    monkeypatch.setattr(
        tasks, "task_specs", lambda: {"stylise": SimpleNamespace(is_batchable=True, takes_picture=True)}
    )
    assert "stylise" in tasks.task_measurements(evaluator, data, 3)
