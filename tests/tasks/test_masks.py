"""Hard masks, and the kinds of masks that tasks accept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robust_widgets.errors import PictureError
from robust_widgets.pictures.tensors import to_batch, to_mask
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.loop import minimize, step
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import GradientStep, Momentum
from robust_widgets.tasks.running.run import build_problem, make_problem
from tests.helpers import raises_sentence, tiny_model
from tests.tasks.calls import MASK, MASKED, MODEL, PICTURE, call, request

masked = pytest.mark.parametrize("task", MASKED)
STEPPERS: dict[str, Any] = {
    "own": lambda own: own,
    "momentum": lambda own: Momentum(own, 0.9),
    "momentum of momentum": lambda own: Momentum(Momentum(own, 0.5)),
    "plain": lambda own: GradientStep(50.0),
}


def outside_of(given: Problem) -> torch.Tensor:
    return (~torch.from_numpy(MASK)).expand(given.start.shape)


@masked
@pytest.mark.parametrize("constraint", ["l2", "linf", "none"])
@pytest.mark.parametrize("stepper", STEPPERS)
@pytest.mark.parametrize("beginning", [None, 7])
def test_outside_a_hard_mask_no_bit_changes(task: str, constraint: str, stepper: str, beginning: int | None) -> None:
    given = build_problem(MODEL, request(task, {"steps": 5, "step_size": 6.0, "constraint": constraint, "seed": 3}))
    given = replace(given, stepper=STEPPERS[stepper](given.stepper), seed=beginning)
    outside = outside_of(given)
    assert torch.equal(given.start[outside], to_batch(PICTURE, 16)[outside]), "outside, the start is the picture"
    x, state = given.init()
    for _ in range(given.steps):
        assert torch.equal(x[outside], given.start[outside])
        x, _, state = step(given, x, state)
    assert torch.equal(x[outside], given.start[outside])
    assert not torch.equal(x[~outside], given.start[~outside])
    for frame in run(given):
        np.testing.assert_array_equal(frame.pixels[0][~MASK], PICTURE[~MASK])


@masked
def test_a_stepper_that_moves_without_a_gradient_stays_inside_too(task: str) -> None:
    class Wandering:
        def init(self, x: torch.Tensor) -> torch.Generator:
            return torch.Generator().manual_seed(0)

        def step(self, gradient: torch.Tensor, state: torch.Generator) -> tuple[torch.Tensor, torch.Generator]:
            return 0.1 * torch.randn(gradient.shape, generator=state), state

    given = replace(build_problem(MODEL, request(task, {"steps": 3, "constraint": "none"})), stepper=Wandering())
    end = minimize(given)
    assert torch.equal(end[outside_of(given)], given.start[outside_of(given)])
    assert not torch.equal(end, given.start)


@masked
def test_the_whole_step_is_inside_the_mask(task: str) -> None:
    given = build_problem(MODEL, request(task, {"step_size": 1.4, "epsilon": 100.0}))
    given = replace(given, start=given.start.clamp(0.2, 0.8))
    after, _, _ = step(given, *given.init())
    assert float((after - given.start).norm()) == pytest.approx(0.1, rel=1e-4)


@masked
def test_a_soft_penalty_limits_changes_outside(task: str) -> None:
    def change(penalty: object) -> float:
        trace = call(task, penalty=penalty, steps=25, step_size=4.0)
        return float(np.abs(trace.frames[-1, 0].astype(float) - PICTURE)[~MASK].mean())

    assert change(None) == 0
    assert change(1000.0) < 0.7 * change("paper") and change("paper") <= change(0.0)


@masked
@pytest.mark.parametrize("side", [16, 48])
def test_all_kinds_of_masks_are_equivalent(task: str, side: int, tmp_path: Path) -> None:
    grey = Image.fromarray(MASK.astype(np.uint8) * 255).resize((side, side), Image.Resampling.NEAREST)
    grey.save(tmp_path / "mask.png")
    levels = np.asarray(grey)
    reference = call(task, mask=levels > 0, steps=2).frames
    kinds: dict[str, Any] = {
        "uint8": levels,
        "PIL": grey,
        "PIL of two levels": grey.convert("1"),
        "RGB": grey.convert("RGB"),
        "path": tmp_path / "mask.png",
        "float": levels / 255,
        "dim and light": np.where(levels > 0, 140, 110).astype(np.uint8),
        "tensor": torch.from_numpy(levels > 0),
        "batch of one": torch.from_numpy(levels / 255.0)[None, None],
    }
    for name, mask in kinds.items():
        np.testing.assert_array_equal(call(task, mask=mask, steps=2).frames, reference, err_msg=name)


def test_a_smaller_mask_of_the_pictures_shape_is_scaled() -> None:
    small = np.zeros((4, 4), bool)
    small[1:3, 2:] = True
    wanted = np.kron(small, np.ones((4, 4), bool))
    for task in MASKED:
        region = make_problem(task, 1, picture=PICTURE, mask=small, model=MODEL).region
        assert region is not None
        inside = region[0, 0].numpy()
        assert (inside != wanted).sum() <= 4, "except at the corners, which are rounded"
        np.testing.assert_array_equal(inside[1::4, 1::4], small)


@masked
def test_mask_and_picture_are_cropped_alike(task: str) -> None:
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[5:15, 14:26] = 255
    given = make_problem(task, 1, picture=wide, mask=wide[..., 0], model=MODEL)
    np.testing.assert_array_equal(given.region[0, 0], to_batch(wide, 16)[0].mean(0) >= 0.5)  # type: ignore[index]


BAD: list[tuple[Any, str]] = [
    (np.zeros((16, 16), bool), "empty"),
    (np.full((16, 16), 100, np.uint8), "empty"),
    (np.ones((16, 16), bool), "whole picture"),
    (Image.new("L", (16, 16), 255), "whole picture"),
    (np.ones((16, 24), bool), "24 x 16"),
    (np.zeros((8, 16), bool), "16 x 8"),
    (MASK * 7.0, "0 to 7"),
    (np.zeros((2, 3, 4, 5, 6)), "(2, 3, 4, 5, 6)"),
    ("no_mask.png", "no_mask.png"),
    (torch.from_numpy(np.stack([MASK, MASK, MASK])[:, None]), "3 masks for 1 pictures"),
]


@masked
@pytest.mark.parametrize(("mask", "named"), BAD, ids=[named for _, named in BAD])
def test_a_mask_that_cannot_be_used(task: str, mask: Any, named: str) -> None:
    with raises_sentence(PictureError, named):
        call(task, mask=mask)


def test_one_mask_per_picture() -> None:
    pair = torch.from_numpy(np.stack([MASK, MASK.T])[:, None].copy())
    given = make_problem("inpaint", 0, picture=[PICTURE, PICTURE], mask=pair, model=MODEL)
    assert torch.equal(given.region, pair)  # type: ignore[arg-type]
    trace = call("inpaint", picture=[PICTURE, PICTURE], mask=pair, steps=2)
    for index, own in enumerate((MASK, MASK.T)):
        np.testing.assert_array_equal(trace.frames[-1, index][~own], PICTURE[~own])
    with raises_sentence(PictureError, "2 masks", "3 pictures"):
        call("inpaint", picture=[PICTURE] * 3, mask=pair)


@pytest.mark.parametrize("shape", [(1, 1, 8, 16), (2, 1, 16, 16), (1, 3, 16, 16), (16, 16)])
def test_a_region_that_does_not_fit_the_start(shape: tuple[int, ...]) -> None:
    given = build_problem(MODEL, request("inpaint"))
    with raises_sentence(PictureError, shape):
        replace(given, region=torch.ones(shape, dtype=torch.bool))
    with raises_sentence(PictureError, "float32"):
        replace(given, region=torch.ones(1, 1, 16, 16))


def test_the_hole_starts_as_a_smooth_fill_of_its_surroundings() -> None:
    start = call("inpaint", seed=None, steps=1).frames[0, 0].astype(float)
    neighbours = (np.roll(start, 1, 0) + np.roll(start, -1, 0) + np.roll(start, 1, 1) + np.roll(start, -1, 1)) / 4
    assert np.abs(start - neighbours)[MASK].max() <= 1
    np.testing.assert_array_equal(start[~MASK], PICTURE[~MASK])


def test_the_papers_hole_starts_at_the_mean_colour_outside() -> None:
    start = call("inpaint", seed=None, steps=1, fill="mean").frames[0, 0]
    np.testing.assert_allclose(start[MASK], np.broadcast_to(PICTURE[~MASK].mean(0), start[MASK].shape), atol=0.51)
    np.testing.assert_array_equal(start[~MASK], PICTURE[~MASK])
    noise = call("inpaint", seed=1, steps=1, fill="mean").frames[0, 0].astype(float) - start
    assert 1 < noise[MASK].std() < 4 and not noise[~MASK].any(), "noise is added only in the hole"


def test_the_original_content_of_the_hole_is_ignored() -> None:
    changed = PICTURE.copy()
    changed[MASK] = 255 - changed[MASK]
    for penalty in (None, "paper"):
        one, other = (call("inpaint", picture=p, steps=3, penalty=penalty) for p in (PICTURE, changed))
        np.testing.assert_array_equal(one.frames, other.frames)


@masked
def test_a_network_with_strides_keeps_the_mask_too(task: str) -> None:
    trace = call(task, model=tiny_model(), steps=4, step_size=5.0)
    assert (trace.frames[:, 0, ~MASK] == PICTURE[~MASK]).all()
    assert (trace.frames[-1, 0] != trace.frames[0, 0])[MASK].any()


@masked
def test_a_list_of_masks_for_a_list_of_pictures(task: str) -> None:
    wide = np.repeat(PICTURE, 2, axis=1)
    wide_mask = np.repeat(MASK, 2, axis=1)
    trace = call(task, picture=[PICTURE, wide], mask=[MASK, wide_mask], steps=2)
    alone = [call(task, picture=p, mask=m, steps=2, seed=None) for p, m in ((PICTURE, MASK), (wide, wide_mask))]
    assert trace.pixels.shape[0] == 2
    for index, own in enumerate(alone):
        inside = to_mask([MASK, wide_mask], 16)[index, 0].numpy()
        np.testing.assert_array_equal(trace[-1].pixels[index][~inside], own[-1].pixels[0][~inside])
    once = call(task, picture=iter([PICTURE, wide]), mask=iter([MASK, wide_mask]), steps=2)
    np.testing.assert_array_equal(once.frames, trace.frames)
    stack = np.stack([MASK, MASK.T])
    region = make_problem(task, 1, picture=[PICTURE, PICTURE], mask=stack, model=MODEL).region
    np.testing.assert_array_equal(region[:, 0], stack)  # type: ignore[index]
    with raises_sentence(PictureError, "32 x 16", "16 x 16"):
        call(task, picture=[PICTURE, PICTURE], mask=[MASK, wide_mask])
    with raises_sentence(PictureError, "3 masks"):
        call(task, picture=[PICTURE, PICTURE], mask=[MASK] * 3)
