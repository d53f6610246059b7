"""Runs that version 0.1 saved are read, and the same calls take the same path from the same starts today.

Starts have changed since: noise was white, and a hole was filled with the mean colour.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.models import class_seeds
from robust_widgets.tasks.running import problems

RUNS = Path(__file__).parent / "data" / "v0.1" / "runs"
PICTURE, MASK = RUNS / "picture.png", RUNS / "mask.png"


def weighted(model: rw.RobustClassifier) -> rw.Trace:
    objective = rw.Mixture({"lion": 1, "bear": 2}) - 0.5 * rw.AwayFrom("cat")
    start, stepper = rw.to_batch(PICTURE, 64), rw.Momentum(rw.L2Step(0.3))
    return rw.run(rw.Problem(model, start, objective, stepper, 6, rw.L2Ball(4.0), seed=5))


# As they were called when the files were saved.
CALLS: dict[str, Callable[[rw.RobustClassifier], rw.Trace]] = {
    "generate": lambda model: rw.generate("goldfish", n=2, seed=3, steps=6, model=model),
    "sketch_to_image": lambda model: rw.sketch_to_image(PICTURE, "goldfish", seed=3, ground=1.0, steps=6, model=model),
    "translate": lambda model: rw.translate(PICTURE, "lion", steps=6, model=model),
    "super_resolve": lambda model: rw.super_resolve(PICTURE, "cat", steps=6, model=model),
    "inpaint": lambda model: rw.inpaint(
        PICTURE, MASK, "butterfly", seed=3, fill="mean", epsilon=21.6, steps=6, model=model
    ),
    "paint_features": lambda model: rw.paint_features(PICTURE, MASK, 5, seed=3, steps=6, model=model),
    "larger": lambda model: rw.run(
        rw.make_problem("translate", "lion", picture=PICTURE, seed=3, size=96, steps=4, model=model)
    ),
    "penalty": lambda model: rw.paint_features(
        PICTURE, MASK, 5, seed=3, penalty="paper", constraint="linf", steps=6, model=model
    ),
    "momentum": weighted,
}


def white_noise(channels: int, size: int, seed: int | torch.Generator) -> torch.Tensor:
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    return torch.randn((channels, size, size), generator=generator)


@cache
def tiny(fast: bool) -> rw.RobustClassifier:
    return rw.load_model("tiny", device="cpu", fast=fast)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_the_same_call_takes_the_same_path(name: str, fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (class_seeds, problems):
        monkeypatch.setattr(module, "smooth_noise", white_noise)
    old, new = rw.load_trace(RUNS / f"{name}.npz"), CALLS[name](tiny(fast))
    for attribute in ("task", "target", "seed", "model", "fingerprint", "classes", "radius"):
        assert getattr(new, attribute) == getattr(old, attribute), attribute
    since = {"inpaint": {"fill": "mean"}, "sketch_to_image": {"ground": 1.0}}
    assert new.parameters == old.parameters | since.get(name, {})
    assert new.frames.shape == old.frames.shape
    np.testing.assert_array_equal(new.frames[0], old.frames[0])
    # Processors round differently, so later frames may differ by a level here and there.
    difference = np.abs(new.frames.astype(int) - old.frames)
    assert difference.max() <= 3 and (difference > 1).mean() <= 1e-3
    for metric, values in old.metrics.items():
        np.testing.assert_allclose(new.metrics[metric], values, rtol=1e-3, atol=1e-5, err_msg=metric)


@pytest.mark.parametrize("file", sorted(RUNS.glob("*.rwtrace")), ids=lambda file: file.stem)
def test_both_formats_hold_the_same_run(file: Path) -> None:
    archive, arrays = rw.load_trace(file), rw.load_trace(file.with_suffix(".npz"))
    np.testing.assert_array_equal(archive.frames, arrays.frames)
    assert (archive.task, archive.parameters) == (arrays.task, arrays.parameters)
    metrics: Any = arrays.metrics
    for metric, values in archive.metrics.items():
        np.testing.assert_allclose(values, metrics[metric], rtol=1e-6, err_msg=metric)


def test_every_file_is_used() -> None:
    assert {file.stem for file in RUNS.glob("*.npz")} == set(CALLS)
