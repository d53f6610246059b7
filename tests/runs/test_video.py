"""Runs as H.264 video, read back with the library that wrote them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_widgets.errors import SaveError
from robust_widgets.pictures.grid import enlarged, tile
from robust_widgets.runs import export as video
from robust_widgets.runs.export import FASTEST, HELD_SECONDS, SIDE, SLOWEST, frames_per_second
from robust_widgets.runs.trace import Trace
from tests.helpers import raises_sentence
from tests.runs.test_notebook_page import grown

av: Any = pytest.importorskip("av")


def played(path: Path) -> tuple[Any, list[np.ndarray]]:
    """The video's stream and its pictures."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        about = (stream.codec_context.name, stream.codec_context.pix_fmt, float(stream.average_rate))
        return about, [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(("steps", "side"), [(0, 64), (60, 64), (200, 16), (3, 300), (3, 301)])
def test_every_step_is_played_and_the_last_is_held(steps: int, side: int, tmp_path: Path) -> None:
    trace = grown(steps, side)
    trace.save(tmp_path / "run.MP4")
    (codec, layout, rate), pictures = played(tmp_path / "run.MP4")
    assert codec in ("h264", "libx264") and layout == "yuv420p"
    assert SLOWEST <= rate <= FASTEST and rate == frames_per_second(steps + 1)
    assert len(pictures) == steps + 1 + HELD_SECONDS * rate
    wanted = max(side, SIDE)
    assert pictures[0].shape == (wanted + wanted % 2, wanted + wanted % 2, 3)
    for index in (0, steps // 2, steps, -1):
        source = np.asarray(enlarged(tile(trace[min(index, steps) if index >= 0 else -1].pixels), SIDE)).astype(int)
        shown = pictures[index][: source.shape[0], : source.shape[1]]
        assert np.abs(shown - source).mean() < 14, index


def test_a_batch_is_tiled(tmp_path: Path) -> None:
    trace = Trace("generate", {})
    for step in range(3):
        one = grown(2, 64)[step]
        trace.append(type(one)(step, np.repeat(one.pixels, 3, axis=0), one.loss, one.probability, one.distance, 0.0))
    trace.save(tmp_path / "run.mp4")
    assert played(tmp_path / "run.mp4")[1][0].shape == (256, 256, 3)


@pytest.mark.parametrize(("count", "rate"), [(1, 10), (40, 10), (61, 15), (121, 30), (5000, 30)])
def test_a_run_lasts_a_few_seconds(count: int, rate: int) -> None:
    assert frames_per_second(count) == rate


def test_without_the_library_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with raises_sentence(SaveError, "pip install 'robust-widgets[video]'"):
        grown(2, 16).save(tmp_path / "run.mp4")
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_without_an_encoder_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Container:
        def add_stream(self, *_: object, **__: object) -> None:
            raise ValueError("unknown encoder 'libx264'")

    monkeypatch.setattr(video, "_av", lambda: Library)

    class Library:
        @staticmethod
        def open(*_: object, **__: object) -> Any:
            from contextlib import nullcontext

            return nullcontext(Container())

    with raises_sentence(SaveError, "H.264"):
        grown(2, 16).save(tmp_path / "run.mp4")
