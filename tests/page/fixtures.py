"""What Python computes of pages, for the tests of the front end: ``python -m tests.page.fixtures`` writes it again.

`frontend/page/tests/` compares the browser's side with it, and `test_fixtures.py` says when it is out of date.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from onnx import helper, numpy_helper

from robust_widgets.interface.tasks import task_spec
from robust_widgets.models.noise import smooth_noise
from robust_widgets.page import manifest
from robust_widgets.page.structures import LARGER, RecordedTasks, combinations
from robust_widgets.page.weights import WeightStore, flipped
from robust_widgets.pictures.tensors import resize
from robust_widgets.runs.frame import Frame
from robust_widgets.solvers.compose import StageSequence
from robust_widgets.synthesis.objectives import CrossEntropy, Jitter
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.running.run import task_problem, task_stages
from tests.helpers import smooth_model

FILE = Path(__file__).parents[2] / "frontend/page/tests/fixtures.json"
SIDE = 20
DIGITS = 9
EVERY = 7  # of a start's values, one in so many is enough

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("sketch_to_image", "cat", {}),
    ("sketch_to_image", "cat", {"ground": 1, "seed": None, "constraint": "linf"}),
    ("translate", "dog", {"seed": 2**31 - 1}),
    ("generate", "goldfish", {"n": 2, "seed": 5}),
    ("super_resolve", "cat", {"factor": 3}),
    ("super_resolve", "cat", {"factor": 8, "enlargement": "nearest", "seed": 9}),
    ("inpaint", "dog", {}),
    ("inpaint", "dog", {"fill": "mean", "penalty": "paper", "constraint": "none"}),
    ("inpaint", "dog", {"penalty": 2.5, "epsilon": 3, "step_size": 0.25}),
    ("paint_features", "5", {"strength": 1.5, "seed": 1}),
]
# Larger than the model's pictures.
STAGED: list[tuple[str, str, dict[str, Any]]] = [
    ("sketch_to_image", "cat", {"size": 80, "seed": 4}),
    ("generate", "goldfish", {"size": 40, "steps": 7, "constraint": "none"}),
    ("translate", "dog", {"size": 80, "steps": 2, "constraint": "linf"}),
    ("super_resolve", "cat", {"size": 80, "factor": 4}),
    ("inpaint", "dog", {"size": 40, "steps": 20}),
    ("paint_features", "5", {"size": 20}),
]


def painting() -> npt.NDArray[np.uint8]:
    """A wide picture: two shapes on a flat ground."""
    picture = np.full((47, 61, 3), (90, 140, 230), np.uint8)
    picture[12:30, 14:44] = (230, 120, 30)
    picture[30:38, 20:24] = (20, 60, 20)
    return picture


def masks() -> dict[str, npt.NDArray[np.uint8]]:
    """A hole that reaches the border, and strokes that are thinner than a pixel of the result."""
    hole = np.zeros((47, 61), np.uint8)
    hole[10:36, 24:61] = 255
    hole[8:10, 24:61] = 100
    stroke = np.zeros((47, 61), np.uint8)
    stroke[5:42, 30] = 255
    stroke[20:24, 40:50] = 255
    return {"hole": hole, "stroke": stroke}


def numbers(values: Any, every: int = 1) -> list[float]:
    array = np.asarray(values, np.float64).ravel()[::every]
    return [float(f"{value:.{DIGITS}g}") for value in array]


def coded(values: bytes) -> str:
    return base64.b64encode(values).decode()


def drawn() -> list[dict[str, Any]]:
    """Numbers of torch's generator, one kind after another from the same one."""
    sequences: list[dict[str, Any]] = []
    for seed in (0, 1, 7, 2**31 - 1, 2**32 - 2):
        generator = torch.Generator().manual_seed(seed)
        calls: list[dict[str, Any]] = []
        for kind, count in (
            ("uniform", 3),
            ("normal", 5),  # of which a sixth is kept
            ("normal", 16),
            ("normal", 2),
            ("uniformDouble", 2),
            ("normal", 37),
            ("normal", 640),
        ):
            if kind == "normal":
                values = torch.randn(count, generator=generator)
            else:
                dtype = torch.float64 if kind == "uniformDouble" else torch.float32
                values = torch.rand(count, generator=generator, dtype=dtype)
            calls.append({"kind": kind, "count": count, "last": numbers(values.double()[-20:])})
        sequences.append({"seed": seed, "calls": calls})
    return sequences


def resized() -> list[dict[str, Any]]:
    """Pictures of other sizes, with the sums that tell them from each other."""
    cases: list[dict[str, Any]] = []
    for source, target in ((12, 20), (20, 7), (64, 20), (333, 20), (21, 64), (32, 64)):
        values = torch.rand(1, 2, source, source, generator=torch.Generator().manual_seed(source))
        result = resize(values, target, target)
        cases.append({"from": source, "to": target, "every": 3, "result": numbers(result, 3)})
    return cases


def problem_values(problem: Problem) -> dict[str, Any]:
    """What the browser computes of a problem."""
    stepper: Any = problem.stepper
    inner = getattr(stepper, "inner", stepper)
    weight = getattr(stepper, "weight", None)
    penalty: Any = getattr(problem.objective, "second", None)
    return {
        "starts": [numbers(start, EVERY) for start in problem.start],
        "steps": problem.steps,
        "radius": getattr(problem.constraint, "epsilon", None),
        "stepSize": inner.step_size,
        "region": None if problem.region is None else numbers(problem.region),
        "stepWeight": None if weight is None else numbers(weight),
        "penalty": None if penalty is None else penalty.weight,
        "outside": None if penalty is None else numbers(penalty.inner.bind(problem.model, problem.start)._weight),
        "parameters": problem.parameters,
    }


def staged(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The problems of runs on larger pictures, the smallest first."""
    cases: list[dict[str, Any]] = []
    for task, target, parameters in STAGED:
        inputs = {name: arguments[name] for name in task_spec(task).inputs}
        stages = task_stages(task, smooth_model(SIDE), target, parameters, **inputs)
        values = [problem_values(stage) for stage in stages]
        sides = [stage.start.shape[-1] for stage in stages]
        cases.append(
            {
                "task": task,
                "target": target,
                "parameters": parameters,
                "stages": [
                    {
                        "size": side,
                        "starts": [numbers(start, 10 * EVERY) for start in stage.start],
                        **{name: found[name] for name in ("steps", "radius", "stepSize")},
                    }
                    for stage, side, found in zip(stages, sides, values, strict=True)
                ],
            }
        )
    return cases


def shifted() -> dict[str, Any]:
    """A grid of numbers as the first steps of a jittered loss see it."""
    grid = torch.arange(12 * 12, dtype=torch.float32).reshape(1, 1, 12, 12)
    objective: Any = Jitter(CrossEntropy(0), 3, seed=11)
    seen: list[list[float]] = []
    for _ in range(6):
        loss, objective = objective.sample()
        seen.append(numbers(loss.shifted(grid)))
    return {"size": 12, "largest": 3, "seed": 11, "seen": seen}


def continued(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """What a size passes on to the next: of a whole picture, and inside a region; and its frame enlarged."""
    pixels = np.random.default_rng(8).integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8)
    gradient = pixels[..., 0].copy()
    row = np.zeros(1)
    frame = Frame(
        step=3,
        pixels=pixels,
        loss=row,
        probability=row,
        distance=row,
        seconds=0.0,
        probabilities=None,
        gradient=gradient,
    )
    cases: list[dict[str, Any]] = []
    for task in ("translate", "inpaint"):
        inputs = {name: arguments[name] for name in task_spec(task).inputs}
        stages = task_stages(task, smooth_model(SIDE), "dog", {"size": 2 * SIDE}, **inputs)
        sequence = StageSequence(*stages)
        sequence.begin_next()
        enlarged = sequence.enlarge(frame)
        following = sequence.begin_next()
        assert enlarged is not None and following is not None and enlarged.gradient is not None
        cases.append(
            {
                "task": task,
                "pixels": coded(pixels.tobytes()),
                "start": numbers(following.start, EVERY),
                "enlarged": numbers(enlarged.pixels, EVERY),
                "heat": numbers(enlarged.gradient, EVERY),
            }
        )
    return cases


def content() -> dict[str, Any]:
    model = smooth_model(SIDE)
    specs = [task_spec(name) for name in dict.fromkeys(task for task, _, _ in CASES)]
    sizes = (SIDE, *(times * SIDE for times in LARGER))
    uses = {
        spec.name: [
            (choices, f"{spec.command}-{size}")
            for size in sizes
            for choices in combinations(spec, None if size == SIDE else size)
        ]
        for spec in specs
    }
    recorded, store = RecordedTasks({}, uses, {}, sizes), WeightStore([])
    seeds, file = manifest.seeds_of(model.seeds)
    whole = manifest.manifest_of(model, recorded, store, seeds, title="Test", task=specs[0].name, picture="")
    whole["model"] = {**whole["model"], "features": [], "classPictures": [], "units": 12}
    arguments = {"picture": painting(), "mask": masks()["hole"]}
    starts: list[dict[str, Any]] = []
    for task, target, parameters in CASES:
        spec = task_spec(task)
        inputs = {name: arguments[name] for name in spec.inputs}
        problem = task_problem(spec, model, target, parameters, **inputs)
        case = {"task": task, "target": target, "parameters": parameters, "inputs": list(spec.inputs)}
        starts.append({**case, **problem_values(problem)})
    stroke = task_problem(task_spec("inpaint"), model, "dog", {}, picture=painting(), mask=masks()["stroke"])
    return {
        "drawn": drawn(),
        "noise": numbers(smooth_noise(3, SIDE, 3), EVERY),
        "resized": resized(),
        "manifest": {**whole, "madeBy": "robust-widgets"},
        "seeds": coded(file),
        "picture": {"width": 61, "height": 47, "pixels": coded(painting().tobytes())},
        "masks": {name: {"width": 61, "height": 47, "levels": coded(mask.tobytes())} for name, mask in masks().items()},
        "every": EVERY,
        "starts": starts,
        "staged": staged(arguments),
        "shifted": shifted(),
        "continued": continued(arguments),
        "strokeRegion": numbers(stroke.region),
        "weights": weights(),
    }


def weights() -> dict[str, Any]:
    """A kernel with a scale, the same one flipped, and an array of single precision; expanded."""
    generator = np.random.default_rng(0)
    kernel = generator.normal(0, 0.1, (16, 12, 3, 3)).astype(np.float16).astype(np.float32)
    scaled = (kernel * generator.uniform(0.2, 3, (16, 1, 1, 1))).astype(np.float32)
    arrays = (
        kernel,
        scaled,
        np.ascontiguousarray(flipped(scaled)),
        generator.normal(0, 1, (20, 15)).astype(np.float32),
    )
    store = WeightStore([kernel])
    tensors = [numpy_helper.from_array(array, f"array_{index}") for index, array in enumerate(arrays)]
    store.take_from(helper.make_model(helper.make_graph([], "weights", [], [], tensors)))
    expanded = store.expand()
    np.testing.assert_allclose(expanded, np.concatenate([array.ravel() for array in arrays]), rtol=1e-6)
    return {
        "file": coded(store.data),
        "declaration": manifest.weights_of(store),
        "every": 5,
        "expanded": numbers(expanded, 5),
    }


def text() -> str:
    return json.dumps(content(), default=dataclasses.asdict, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8", newline="\n")
