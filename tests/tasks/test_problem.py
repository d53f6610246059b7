"""The problems of tasks: building, changing and running them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import ParameterError, PictureError, UnknownNameError, UnknownParameterError
from robust_widgets.interface.tasks import task_names
from tests.helpers import raises_sentence
from tests.tasks.calls import MASK, MODEL, PICTURE, call, wanted


def problem(task: str, **options: Any) -> rw.Problem:
    picture = {} if task == "generate" else {"picture": PICTURE, "mask": MASK}
    return rw.make_problem(task, wanted(task), model=MODEL, **picture, **options)


@pytest.mark.parametrize("task", task_names())
def test_running_a_tasks_problem_is_running_the_task(task: str) -> None:
    trace, wanted_trace = rw.run(problem(task, steps=4)), call(task, steps=4)
    np.testing.assert_array_equal(trace.frames, wanted_trace.frames)
    for name in ("task", "target", "parameters", "seed", "model", "classes", "radius"):
        assert getattr(trace, name) == getattr(wanted_trace, name)


@pytest.mark.parametrize("task", task_names())
def test_a_problem_can_be_changed_before_it_is_run(task: str) -> None:
    made = problem(task, steps=6, step_size=6.0)
    plain = rw.run(made)
    changes: dict[str, Any] = {
        "objective": rw.AwayFrom(0),
        "stepper": rw.Momentum(made.stepper, 0.5),
        "constraint": rw.L2Ball(0.05),
        "start": 1 - made.start,
        "seed": 3,
        "steps": 2,
    }
    for name, value in changes.items():
        changed = rw.run(replace(made, **{name: value}))
        same_length = len(changed) == len(plain)
        assert not same_length or not np.array_equal(changed.frames, plain.frames), name
    np.testing.assert_array_equal(rw.run(made).frames, plain.frames, "the problem itself stays")


def test_a_custom_problem_in_ten_lines() -> None:
    picture, mask, y = PICTURE, MASK, "goldfish"
    start = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    objective = rw.CrossEntropy(y) + 10 * rw.MatchOutside(picture, mask)
    made = rw.Problem(MODEL, start, objective, rw.L2Step(0.2), steps=20, constraint=rw.L2Ball(3.0))
    trace = rw.run(made)
    assert trace.metrics["probability"][-1, 0] > trace.metrics["probability"][0, 0]
    assert trace.metrics["loss"][-1, 0] < trace.metrics["loss"][0, 0] and trace[-1].probabilities is not None
    held = rw.run(replace(made, objective=rw.CrossEntropy(y) + 3000 * rw.MatchOutside(picture, mask)))
    change = [np.abs(t.frames[-1, 0].astype(int) - picture)[~mask].mean() for t in (trace, held)]
    assert change[1] < 0.7 * change[0], "a larger weight allows less change outside"


def test_an_objective_that_looks_at_several_views_of_the_picture() -> None:
    class BothWays(rw.Objective):
        def __call__(self, model: Any, x: torch.Tensor) -> torch.Tensor:
            logits = model(torch.cat([x, x.flip(3)])).log_softmax(1)[:, 0]
            return -(logits[: len(x)] + logits[len(x) :])

    trace = rw.run(replace(problem("translate", steps=3), objective=BothWays()))
    assert trace[-1].loss < trace[0].loss and trace[0].probabilities is None, "the picture has no single prediction"


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"task": "inpaint", "target": "dog"}, PictureError, "no picture"),
    ({"task": "inpaint", "target": "dog", "picture": PICTURE}, PictureError, "no mask"),
    ({"task": "in_paint", "target": "dog"}, UnknownNameError, "'inpaint'"),
    ({"task": "generate", "target": "dgo"}, UnknownNameError, "'dog'"),
    ({"task": "generate", "target": "dog", "factor": 3}, UnknownParameterError, "'factor'"),
    ({"task": "inpaint", "target": 0, "picture": PICTURE, "mask": MASK, "penalty": "papr"}, ParameterError, "'papr'"),
    ({"task": "inpaint", "target": 0, "picture": PICTURE, "mask": MASK, "penalty": -1}, ParameterError, "-1"),
    ({"task": "generate", "target": 0, "constraint": "l3"}, ParameterError, "'linf'"),
    ({"task": "super_resolve", "target": 0, "picture": PICTURE, "factor": 1}, ParameterError, "factor is 1"),
]


@pytest.mark.parametrize(("options", "kind", "named"), BAD, ids=[named for *_, named in BAD])
def test_invalid_arguments(options: dict[str, Any], kind: Any, named: str) -> None:
    with raises_sentence(kind, named):
        rw.make_problem(**options, model=MODEL)
