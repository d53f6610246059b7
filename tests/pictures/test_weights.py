"""The flat ground of sketches and the edges of holes: where they are found, and what they do to a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import robust_widgets as rw
from robust_widgets.pictures.weights import edge_weights, ground_weights

SKY = (110, 170, 235)


def sketch(size: int = 64, ground: tuple[int, int, int] = SKY) -> Image.Image:
    """A ring on flat ground: what is inside the ring has the ground's colour and isn't connected to it."""
    picture = Image.new("RGB", (size, size), ground)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((size * 0.3, size * 0.3, size * 0.7, size * 0.7), fill=(220, 40, 40))
    draw.ellipse((size * 0.42, size * 0.42, size * 0.58, size * 0.58), fill=ground)
    return picture


def test_the_ground_is_calm_and_what_is_painted_is_not() -> None:
    weight = ground_weights(rw.to_batch(sketch(), 64), 0.2)
    assert weight.shape == (1, 1, 64, 64)
    assert weight[0, 0, 0, 0] == pytest.approx(0.2) and weight[0, 0, 63, 40] == pytest.approx(0.2)
    assert weight[0, 0, 32, 22] == 1, "on the ring"
    assert weight[0, 0, 32, 32] == 1, "inside the ring, which the ground doesn't reach"
    outside = weight[0, 0, 32, :19]
    assert (outside.diff() >= 0).all() and 0.2 < outside[16] < 1, "it rises towards the ring"


def test_the_ground_is_found_around_corners_and_in_noise() -> None:
    picture = np.full((40, 40, 3), 200, np.uint8)
    picture[5:35, 5:35] = 30
    picture[5:20, 18:22] = 200  # a channel from the border inwards, with a branch that turns
    picture[18:22, 18:30] = 200
    noisy = picture + np.random.default_rng(0).integers(-6, 7, picture.shape).astype(np.int16)
    weight = ground_weights(rw.to_batch(noisy.clip(0, 255).astype(np.uint8), 40), 0.0)
    assert (weight == 1).float().mean() > 0.3
    assert weight[0, 0, 1, 1] == 0
    assert weight[0, 0, 10, 10] == 1
    painted = np.all(picture == 30, axis=2)
    assert (weight[0, 0].numpy()[painted] == 1).all()
    assert weight[0, 0, 20, 26] < 1, "the channel's branch is ground"


@pytest.mark.parametrize("name", ["blank", "noise", "a dot"])
def test_without_a_ground_every_pixel_counts(name: str) -> None:
    picture = {
        "blank": np.full((48, 48, 3), 255, np.uint8),
        "noise": np.random.default_rng(1).integers(0, 256, (48, 48, 3), np.uint8),
        "a dot": np.full((48, 48, 3), 255, np.uint8),
    }[name]
    if name == "a dot":
        picture[20:24, 20:24] = 0
    assert ground_weights(rw.to_batch(picture, 48), 0.1).min() == pytest.approx(1, abs=0.05)


def test_each_picture_has_its_own_ground() -> None:
    both = rw.to_batch([sketch(), sketch(ground=(250, 250, 250))], 64)
    alone = [ground_weights(picture[None], 0.3) for picture in both]
    assert torch.equal(ground_weights(both, 0.3), torch.cat(alone))


def test_a_sketch_keeps_its_flat_ground() -> None:
    """The mean change of the ground's corners is a small part of what the paper's run makes of them."""
    target, corners = "goldfish", (slice(None), slice(0, 12), slice(0, 12))

    def change(ground: float) -> tuple[float, float]:
        run = rw.sketch_to_image(sketch(), target, model="tiny", steps=40, seed=None, ground=ground)
        start, end = run.frames[0].astype(float), run.frames[-1].astype(float)
        return np.abs(end - start)[corners].mean(), float(run.metrics["probability"][-1].item())

    (calm, calm_probability), (plain, plain_probability) = change(0.2), change(1)
    assert calm < 0.4 * plain
    assert calm_probability > 0.8 * plain_probability


def test_a_larger_sketch_keeps_its_ground_at_each_size() -> None:
    run = rw.sketch_to_image(sketch(128), "goldfish", model="tiny", steps=10, seed=None, size=128)
    plain = rw.sketch_to_image(sketch(128), "goldfish", model="tiny", steps=10, seed=None, size=128, ground=1.0)
    corner = (0, slice(0, 20), slice(0, 20))
    start = rw.to_batch(sketch(128), 128)[0, :, :20, :20].permute(1, 2, 0).numpy() * 255
    assert np.abs(run.frames[-1][corner] - start).mean() < 0.5 * np.abs(plain.frames[-1][corner] - start).mean()


@pytest.mark.parametrize("ground", [-0.1, 1.5, float("nan"), "flat"])
def test_a_ground_out_of_range_is_refused(ground: object) -> None:
    with pytest.raises(rw.ParameterError, match="ground"):
        rw.sketch_to_image(sketch(), 0, model="tiny", ground=ground)  # type: ignore[arg-type]


def hole(size: int = 64) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[size // 4 : -size // 4, size // 4 : -size // 4] = True
    return mask


def test_steps_count_little_at_the_edge_of_a_hole() -> None:
    weight = edge_weights(torch.from_numpy(hole())[None, None])[0, 0]
    assert weight[32, 32] == 1
    row = weight[32, 16:33]
    assert row[0] < 0.4 and (row.diff() >= 0).all()


def test_a_hole_at_the_border_of_the_picture_has_no_edge_there() -> None:
    mask = hole()
    mask[:, :32] = True
    assert edge_weights(torch.from_numpy(mask)[None, None])[0, 0, 32, 0] == 1


def test_a_small_or_thin_hole_is_still_painted() -> None:
    mask = np.zeros((64, 64), bool)
    mask[30:32] = True
    picture = np.asarray(sketch())
    run = rw.inpaint(picture, mask, "goldfish", model="tiny", steps=5)
    assert not np.array_equal(run.frames[0][0, 30:32], run.frames[-1][0, 30:32])


def seam(run: rw.Trace) -> float:
    """The mean change at the edge of the hole, in levels."""
    added = np.abs(run.frames[-1][0].astype(float) - run.frames[0][0].astype(float))
    return float(np.mean([added[16, 16:48], added[47, 16:48], added[16:48, 16], added[16:48, 47]]))


def test_a_filled_hole_has_a_fainter_seam() -> None:
    options = {"picture": np.asarray(sketch()), "mask": hole(), "model": "tiny", "seed": None, "steps": 40}
    problem = rw.make_problem("inpaint", "goldfish", **options)  # type: ignore[arg-type]
    assert isinstance(problem.stepper, rw.Weighted)
    even = replace(problem, stepper=problem.stepper.inner)
    assert seam(rw.run(problem)) < 0.6 * seam(rw.run(even))
    paper = rw.make_problem("inpaint", "goldfish", fill="mean", **options)  # type: ignore[arg-type]
    assert isinstance(paper.stepper, rw.L2Step)
