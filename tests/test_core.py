"""The core stands alone: what its import loads, that the docs print its loop, and that there is no other."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import robust_widgets as rw
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.synthesis.loop import evaluate, iterate, minimize, step
from robust_widgets.synthesis.problem import Problem

ROOT = Path(__file__).parent.parent
MAX_MODULES, MAX_LINES = 16, 1800
LOADED = """
import robust_widgets.synthesis.loop, sys
for name, module in sys.modules.items():
    if name.partition(".")[0] == "robust_widgets":
        print(name, sum(1 for _ in open(module.__file__, encoding="utf-8")))
"""


def test_importing_the_core_loads_little() -> None:
    output = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    lines = {name: int(count) for name, count in (line.split() for line in output.splitlines())}
    assert len(lines) <= MAX_MODULES, sorted(lines)
    assert sum(lines.values()) <= MAX_LINES, lines
    packages = {name.split(".")[1] for name in lines if "." in name}
    assert packages <= {"_deprecated", "errors", "units", "pictures", "runs", "synthesis"}


def test_the_docs_print_the_loop() -> None:
    source = inspect.getsource(iterate)
    body = source[source.rindex("    x, state = ") :].rstrip("\n")
    assert 6 <= len(body.splitlines()) <= 10
    for page in ("docs/how-to/write-your-own-task.md", "docs/how-it-works.md"):
        assert inspect.cleandoc("\n" + body) in (ROOT / page).read_text(encoding="utf-8"), page


def test_there_is_one_loop_over_a_problems_steps() -> None:
    package = ROOT / "robust_widgets"
    files = [file for file in package.rglob("*.py") if file.parent.name != "benchmark"]  # which races other loops
    loops = [
        f"{file.relative_to(ROOT).as_posix()}: {line.strip()}"
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith("for ") and "range(" in line and ".steps" in line
    ]
    assert loops == ["robust_widgets/synthesis/loop.py: for i in range(problem.steps):"]


class Handmade(nn.Module):
    """A float64 model whose weights are written down here, so that nothing of it depends on a generator."""

    def __init__(self) -> None:
        super().__init__()
        wave = torch.linspace(0, 40, 3 * 3 * 25, dtype=torch.float64).sin()
        self.weight = nn.Parameter(wave.view(3, 3, 5, 5) / 4, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return 8 * torch.tanh(nn.functional.conv2d(x - 0.5, self.weight)).mean((2, 3))


REGION = torch.zeros(1, 1, 10, 10, dtype=torch.bool)
REGION[..., 2:8, 1:7] = True
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "random start": {"seed": 3},
    "region": {"region": REGION},
    "momentum": {"stepper": rw.Momentum(rw.L2Step(0.2))},
    "linf": {"constraint": rw.LinfBall(0.1), "stepper": rw.LinfStep(0.02)},
    "jitter": {"objective": rw.Jitter(rw.CrossEntropy([0, 2]), 2, seed=4) + 3 * rw.AwayFrom(1)},
}


def handmade(variant: str) -> Problem:
    start = 0.5 + 0.4 * torch.linspace(0, 90, 600, dtype=torch.float64).cos().view(2, 3, 10, 10)
    own = {"objective": rw.CrossEntropy([0, 2]), "stepper": rw.L2Step(0.2), "constraint": rw.L2Ball(1.0)}
    return Problem(**{"model": Handmade(), "start": start, "steps": 7, **own, **VARIANTS[variant]})


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_way_to_run_a_problem_takes_the_same_path_bit_for_bit(variant: str) -> None:
    problem = handmade(variant)
    x, state = problem.init()
    path = [(x, evaluate(problem, x, state))]
    for _ in range(problem.steps):
        x, info, state = step(problem, x, state)
        assert info.x_next is x
        path.append((x, evaluate(problem, x, state)))
    assert torch.equal(minimize(problem), x) and not torch.equal(x, problem.start)
    frames, again, compiled = list(iterate(problem)), list(iterate(problem)), list(rw.compiled_iterate(problem))
    for i, (pictures, info) in enumerate(path):
        for frame in (frames[i], again[i], compiled[i], rw.run(problem, solver=iterate)[i]):
            assert frame.step == i
            np.testing.assert_array_equal(frame.pixels, to_pixels(pictures))
            for name in ("loss", "probability", "distance"):
                np.testing.assert_array_equal(getattr(frame, name), getattr(info, name))
    raw = list(iterate(problem, lambda i, x, info: (i, x)))
    assert [i for i, _ in raw] == list(range(8)) and all(map(torch.equal, (x for _, x in raw), (x for x, _ in path)))


def test_an_objective_is_the_same_before_and_after_a_run() -> None:
    objective = rw.Jitter(rw.CrossEntropy([0, 2]), 2) + 2 * rw.Mixture({0: 1, 1: 3}) - rw.AwayFrom(1)
    problem = replace(handmade("plain"), objective=objective)
    first = minimize(problem)
    assert problem.objective is objective and torch.equal(minimize(problem), first)
    bound = problem.init()[1].objective
    assert bound is not objective and torch.equal(minimize(replace(problem, objective=bound)), first)


def test_the_old_name_of_parameters_still_works() -> None:
    problem = handmade("plain")
    with pytest.warns(DeprecationWarning, match="knobs.*parameters"):
        old = Problem(problem.model, problem.start, problem.objective, problem.stepper, 2, knobs={"steps": 2})
    assert old.parameters == {"steps": 2} and replace(old, steps=3).parameters == {"steps": 2}
