"""Runs on pictures larger than the model's: from its own size to theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.interface.session import RunRequest
from robust_widgets.session.worker import ModelWorker
from robust_widgets.solvers.compose import changed_start, coarse_to_fine
from robust_widgets.synthesis.loop import iterate
from robust_widgets.tasks.running.problems import size_stages
from tests.helpers import smooth_model

MODEL = smooth_model(16)
PICTURE = np.random.default_rng(0).integers(40, 215, (64, 64, 3), np.uint8)
MASK = np.zeros((64, 64), bool)
MASK[16:48, 24:56] = True


def stages(**parameters: Any) -> list[tuple[int, int, float]]:
    given = {"steps": 60, "epsilon": 40.0, "size": None, **parameters}
    return [(part["size"], part["steps"], part["epsilon"]) for part in size_stages(given, 64)]


def test_the_sizes_steps_and_epsilons_of_a_run() -> None:
    assert stages() == [(None, 60, 40)] and stages(size=48) == [(48, 60, 40)]
    assert stages(size=96) == [(None, 36, 40), (96, 24, 10)]
    assert stages(size=256) == [(None, 36, 40), (128, 12, 10), (256, 12, 5)]
    assert stages(size=256, steps=2) == [(128, 1, 40), (256, 1, 10)]
    assert [size for size, *_ in stages(size=256, factor=4)] == [128, 256], "a smaller picture has nothing to enlarge"
    assert [part["factor"] for part in size_stages({"steps": 9, "epsilon": 1, "size": 256, "factor": 8.0}, 64)] == [
        2,
        4,
        8,
    ]


@pytest.mark.parametrize(
    "task", ["generate", "sketch_to_image", "translate", "super_resolve", "inpaint", "paint_features"]
)
def test_every_task(task: str) -> None:
    call: dict[str, Any] = {
        "generate": lambda **k: rw.generate("dog", n=2, **k),
        "sketch_to_image": lambda **k: rw.sketch_to_image([PICTURE, PICTURE], "dog", **k),
        "translate": lambda **k: rw.translate([PICTURE, PICTURE], "dog", **k),
        "super_resolve": lambda **k: rw.super_resolve([PICTURE, PICTURE], "dog", factor=8, **k),
        "inpaint": lambda **k: rw.inpaint([PICTURE, PICTURE], MASK, "dog", **k),
        "paint_features": lambda **k: rw.paint_features([PICTURE, PICTURE], MASK, 1, **k),
    }
    seen: list[int] = []
    trace = call[task](size=64, steps=10, model=MODEL, on_step=lambda frame: seen.append(frame.step))
    assert trace.frames.shape == (11, 2, 64, 64, 3) and seen == list(range(11))
    assert (trace.parameters["size"], trace.parameters["steps"]) == (64, 10)
    assert (np.diff(trace.seconds) >= 0).all() and trace[-1].gradient is None
    assert trace[3].gradient.shape == (2, 64, 64)
    if task in ("inpaint", "paint_features"):
        assert (trace[-1].pixels[:, ~MASK] == PICTURE[~MASK]).all()
        assert (trace[-1].pixels[:, MASK] != PICTURE[MASK]).any()


def test_pictures_from_a_generator_are_read_once() -> None:
    made = rw.translate((picture for picture in [PICTURE, PICTURE]), "dog", size=64, steps=4, model=MODEL)  # pyright: ignore[reportArgumentType]
    assert made.frames.shape == (5, 2, 64, 64, 3)


@pytest.mark.parametrize("task", ["inpaint", "paint_features"])
def test_a_mask_that_covers_a_smaller_picture_is_used_at_the_runs_size_alone(task: str) -> None:
    mask = np.ones((64, 64), bool)
    mask[20, 20] = False
    target: Any = "dog" if task == "inpaint" else 1
    trace = getattr(rw, task)(PICTURE, mask, target, size=64, steps=4, model=MODEL)
    assert len(trace) == 5 and (trace[-1].pixels[0, 20, 20] == PICTURE[20, 20]).all()


def test_a_studios_run_is_the_functions() -> None:
    events: list[Any] = []
    request = RunRequest("translate", "dog", {"size": 64, "steps": 10, "seed": 1}, picture=PICTURE)
    ended = ModelWorker(MODEL).run(1, request, events.append, lambda: False)
    direct = rw.translate(PICTURE, "dog", size=64, steps=10, seed=1, model=MODEL)
    assert ended.state == "done" and events[0].steps == 10
    np.testing.assert_array_equal([event.frame.pixels for event in events[1:]], direct.frames)


def test_a_finer_size_starts_from_the_change_at_the_one_before() -> None:
    fine = rw.make_problem("translate", "dog", picture=PICTURE, size=64, steps=3, epsilon=0.5, model=MODEL)
    coarse = rw.make_problem("translate", "dog", picture=PICTURE, steps=4, model=MODEL)
    frames = list(coarse_to_fine(coarse, solver=iterate)(fine))
    alone = list(iterate(coarse))[-1].pixels
    change = torch.from_numpy(alone).permute(0, 3, 1, 2) / 255 - coarse.start
    expected = list(iterate(replace(fine, start=changed_start(fine, change))))
    np.testing.assert_allclose(frames[-1].pixels.astype(int), expected[-1].pixels, atol=1)
    assert np.abs(frames[-1].pixels.astype(int) - PICTURE).mean() > 0.5


def test_many_pictures_take_the_same_path(tmp_path: Any) -> None:
    options: dict[str, Any] = {"size": 64, "steps": 6, "seed": 3, "model": MODEL}
    list(rw.stream_pictures("generate", "dog", n=2, out=tmp_path, **options))
    saved = [rw.to_batch(path, 64) for path in sorted(tmp_path.glob("*.png"))]
    one = rw.generate("dog", n=2, **options).frames[-1]
    assert np.abs((torch.cat(saved) * 255).permute(0, 2, 3, 1).numpy() - one).max() <= 2
