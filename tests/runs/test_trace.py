"""The record of a run."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
from PIL import Image

from robust_widgets.errors import StateError
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from tests.helpers import raises_sentence


def frame(step: int, n: int = 2, side: int = 8, probability: float = 0.25) -> Frame:
    random = np.random.default_rng(step)
    return Frame(
        step=step,
        pixels=random.integers(0, 256, (n, side, side, 3)).astype(np.uint8),
        loss=random.random(n),
        probability=np.full(n, probability),
        distance=random.random(n),
        seconds=step / 7,
    )


def recorded(steps: int = 3, **options: float) -> Trace:
    trace = Trace("generate", {"steps": steps, "seed": 4}, 4, "default", "0123", "dog")
    for step in range(steps + 1):
        trace.append(frame(step, **options))  # type: ignore[arg-type]
    return trace


def test_a_trace_holds_what_was_appended() -> None:
    trace = recorded(3)
    assert len(trace) == 4 and trace[1].step == 1 and trace[-1].step == 3
    assert trace.frames.shape == (4, 2, 8, 8, 3) and trace.frames.dtype == np.uint8
    for step in range(4):
        np.testing.assert_array_equal(trace.frames[step], frame(step).pixels)
        assert trace.seconds[step] == step / 7
        for name in ("loss", "probability", "distance"):
            np.testing.assert_array_equal(trace.metrics[name][step], getattr(frame(step), name))
    assert set(trace.metrics) == {"loss", "probability", "distance"}
    assert trace.metrics["loss"].shape == (4, 2) and trace.metrics["loss"].dtype == np.float64


def test_the_pictures_are_the_final_ones() -> None:
    pictures = recorded(3).pictures
    assert [picture.mode for picture in pictures] == ["RGB", "RGB"]
    np.testing.assert_array_equal([np.asarray(picture) for picture in pictures], frame(3).pixels)


def test_the_mean_of_a_metric() -> None:
    trace = recorded(3)
    assert trace.mean("loss", 2) == pytest.approx(frame(2).loss.mean())
    assert trace.mean("distance", -1) == pytest.approx(frame(3).distance.mean())


@pytest.mark.parametrize("what", ["frames", "metrics", "pictures"])
def test_a_trace_without_frames_says_so(what: str) -> None:
    with raises_sentence(StateError, "no frames"):
        getattr(Trace("generate", {}), what)
    with raises_sentence(StateError, "no frames"):
        Trace("generate", {}).save("never.png")


def test_traces_do_not_share_their_frames() -> None:
    one, other = Trace("generate", {}), Trace("generate", {})
    one.append(frame(0))
    assert len(other) == 0


def test_a_representation_that_says_the_outcome() -> None:
    assert repr(Trace("generate", {})) == "Trace(generate, no frames yet)"
    text = repr(recorded(3))
    assert "'dog'" in text and "2 of 8 x 8 px" in text and "3 steps" in text and "probability 0.25" in text
    assert "probability" not in repr(recorded(3, probability=math.nan))


def test_a_notebook_shows_the_run_as_a_strip() -> None:
    assert set(Trace("generate", {})._repr_mimebundle_()) == {"text/plain"}
    for steps, columns in ((20, 6), (0, 1)):
        shown = recorded(steps)._repr_mimebundle_()
        strip = Image.open(io.BytesIO(base64.b64decode(shown["image/png"])))
        assert strip.width * 2 == strip.height * columns, "steps side by side, a row for each picture"


@pytest.mark.parametrize(("task", "words"), [("sketch_to_image", "sketch to image"), ("problem", "own problem")])
def test_a_task_is_shown_in_words(task: str, words: str) -> None:
    assert Trace(task, {}).task_in_words == words
