"""What is measured of each task is what its function makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import robust_widgets as rw
from robust_widgets.evaluation import measures
from robust_widgets.evaluation.evaluator import Bench, Finding, choose, floats, probabilities
from robust_widgets.interface.session import Feature
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import catalogue_path, write_catalogue
from robust_widgets.models.model_file import save_model
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.problem import Problem
from robust_widgets.training.data import PictureSet
from tests.helpers import CLASSES, noise_patterns, tiny_model

TASKS = ["generate", "sketch_to_image", "sketch_to_image", "translate", *["super_resolve"] * 4, "inpaint", "inpaint"]


class GraphBackend(Bench):
    """A bench that keeps the traces it made, and makes few steps."""

    def paint(self, build: Callable[[Tensor], Problem], count: int, title: str) -> Trace:
        trace = super().paint(lambda part: replace(build(part), steps=STEPS), count, title)
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
def bench(model: RobustClassifier) -> Bench:
    return GraphBackend(model, tiny_model(seed=1), batch_size=4, progress=False)


@pytest.fixture(scope="module")
def data() -> PictureSet:
    return replace(noise_patterns(3), classes=CLASSES)


@pytest.fixture(scope="module")
def chosen(data: PictureSet) -> PictureSet:
    return choose(data, 3)


def test_all_tasks_are_measured_and_the_same_again(bench: Bench, data: PictureSet, model: RobustClassifier) -> None:
    findings = list(measures.measure(bench, data, 3))
    assert [one.task for one in findings] == [*TASKS, "paint_features"]
    assert all(one.within and len(one) in (3, 12) for one in findings)
    again = list(measures.measure(replace(bench, batch_size=2), data, 3))
    for one, other in zip(findings, again, strict=True):
        assert torch.equal(one.targets, other.targets) and one.shares == other.shares
        assert one.figures == pytest.approx(other.figures, abs=0.02)
    bare = RobustClassifier(model.network, model.card, model.seeds)
    assert [one.task for one in measures.measure(replace(bench, model=bare), data, 3)] == TASKS


def test_generation_is_what_generate_makes(bench: Bench, model: RobustClassifier) -> None:
    finding = measures.generation(bench, seeds=2)
    assert finding.targets.tolist() == [0, 0, 1, 1, 2, 2]
    for label, name in enumerate(CLASSES):
        expected = rw.generate(name, n=2, model=model, steps=STEPS)
        check_equal(traces[0][-1].pixels[2 * label : 2 * label + 2], expected[-1].pixels)
    check_verdicts(finding, bench)


def test_sketches_are_painted_as_the_task_paints_them(bench: Bench, chosen: PictureSet) -> None:
    sketches = floats(chosen.pictures.permute(0, 2, 3, 1).numpy())
    finding = measures.sketching(bench, sketches, chosen.labels, "made up")
    assert (finding.task, finding.setting) == ("sketch_to_image", "made up")
    expected = rw.sketch_to_image(sketches[:1], int(chosen.labels[0]), model=bench.model, steps=STEPS)
    check_equal(traces[0][-1].pixels[:1], expected[-1].pixels)
    check_verdicts(finding, bench)


def test_translation_ends_in_another_class(bench: Bench, chosen: PictureSet) -> None:
    finding = measures.translation(bench, chosen, seed=3)
    assert not bool((finding.targets == chosen.labels).any())
    expected = rw.translate(chosen.pictures[:1].float() / 255, int(finding.targets[0]), model=bench.model, steps=STEPS)
    check_equal(traces[0][-1].pixels[:1], expected[-1].pixels)
    assert finding.shares["judge sees the old class, start"] == bench.share(traces[0][0].pixels, chosen.labels)
    check_verdicts(finding, bench)


@pytest.mark.parametrize("factor", [2, 3])
def test_super_resolution_is_held_against_its_small_pictures(bench: Bench, chosen: PictureSet, factor: int) -> None:
    finding = measures.super_resolution(bench, chosen, factor)
    one = rw.super_resolve(chosen.pictures[:1].float() / 255, 0, factor=factor, model=bench.model, steps=STEPS)
    check_equal(traces[0][-1].pixels[:1], one[-1].pixels)
    assert finding.figures["low-resolution error, of 1"] == rw.report(traces[0])["low_resolution_error"]
    check_verdicts(finding, bench)


def test_inpainting_keeps_or_moves_what_is_outside(bench: Bench, chosen: PictureSet) -> None:
    hard, soft = (measures.inpainting(bench, chosen, penalty) for penalty in (None, "paper"))
    assert hard.figures == {"largest change outside, of 255": 0, "RMS change outside, of 255": 0}
    assert soft.figures["largest change outside, of 255"] > 0
    pictures = chosen.pictures[:1].float() / 255
    hole = measures.square(16, measures.HOLE_SHARE)
    for trace, penalty in zip(traces, (None, "paper"), strict=True):
        expected = rw.inpaint(pictures, hole, int(chosen.labels[0]), penalty=penalty, model=bench.model, steps=STEPS)
        check_equal(trace[-1].pixels[:1], expected[-1].pixels)
    assert hard.shares == soft.shares
    originals = to_pixels(chosen.pictures.float() / 255)
    assert hard.shares["judge on the original"] == bench.share(originals, chosen.labels)
    check_verdicts(hard, bench, traces[0])


def test_features_are_painted_into_other_classes(bench: Bench, chosen: PictureSet) -> None:
    finding = measures.feature_painting(bench, chosen)
    assert finding.targets.tolist() == [0, 1, 2]
    assert finding.figures["largest change outside, of 255"] == 0
    start, result = (finding.figures[f"activation in the region, {when}"] for when in ("start", "result"))
    assert result > start
    assert 0 <= finding.shares["judge's probability of the feature's class rose"] <= 1
    check_verdicts(finding, bench)


def test_a_result_beyond_epsilon_is_told(bench: Bench) -> None:
    measures.generation(bench, seeds=1)
    trace = replace(traces[0], radius=float(traces[0][-1].distance.max()) / 2)
    assert not bench.finding("", trace, torch.arange(3)).within
    assert bench.finding("", replace(trace, radius=None), torch.arange(3)).within


def test_the_part_of_a_class_is_its_own() -> None:
    yes, no = True, False
    marks = torch.tensor([yes, no, yes])
    finding = Finding("generate", "", torch.tensor([0, 1, 1]), marks, marks, ~marks, True, {"a": 1.0}, {"b": 2.0})
    own = finding.of_class(1)
    assert (len(own), own.after.tolist(), own.by_model.tolist()) == (2, [no, yes], [yes, no])
    assert own.shares == own.figures == {}


def test_a_judge_of_another_side_is_shown_pictures_of_its_side() -> None:
    pixels = to_pixels(noise_patterns(2).pictures.float() / 255)
    assert probabilities(tiny_model(32), pixels).shape == (6, 3)
    torch.testing.assert_close(probabilities(tiny_model(16), pixels).sum(1), torch.ones(6))


def check_equal(made: np.ndarray, expected: np.ndarray) -> None:
    """Equal but for what rounding does to a batch of another size."""
    assert int(np.abs(made.astype(int) - expected).max()) <= 1


def check_verdicts(finding: Finding, bench: Bench, trace: Trace | None = None) -> None:
    trace = trace or traces[0]
    for verdicts, model, index in (
        (finding.before, bench.judge, 0),
        (finding.after, bench.judge, -1),
        (finding.by_model, bench.model, -1),
    ):
        with torch.no_grad():
            answers = model(floats(trace[index].pixels)).argmax(1)
        assert torch.equal(verdicts, answers == finding.targets)
