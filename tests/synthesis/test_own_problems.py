"""Mistakes in a problem of one's own are told in a sentence; what can be used is used."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import robust_widgets as rw
from robust_widgets.errors import ParameterError, PictureError
from tests.helpers import pictures, raises_sentence, smooth_model

MODEL = smooth_model()
START = pictures(2)


def own(loss: Callable[[Tensor], Any]) -> rw.Objective:
    class Mine(rw.Objective):
        def __call__(self, model: Any, x: Tensor) -> Any:
            return loss(x)

    return Mine()


def problem(**changes: Any) -> rw.Problem:
    parts = {"model": MODEL, "start": START, "objective": rw.CrossEntropy(1), "stepper": rw.L2Step(0.1), "steps": 2}
    return rw.Problem(**(parts | changes))


SHAPES: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "one number": (lambda x: x.mean(), "shape ()"),
    "a column": (lambda x: x.mean((1, 2, 3))[:, None], "shape (2, 1)"),
    "one for each channel": (lambda x: x.mean((2, 3)), "shape (2, 3)"),
    "a float": (lambda x: 0.5, "a float"),
    "nothing": (lambda x: None, "a NoneType"),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("run", [rw.run, lambda problem: list(rw.iterate(problem))])
def test_a_loss_that_is_not_one_number_for_each_picture(name: str, run: Callable[[Any], object]) -> None:
    loss, said = SHAPES[name]
    with raises_sentence(ParameterError, "Mine", said, "2 pictures", "(2,)"):
        run(problem(objective=own(loss)))


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: torch.ones(len(x)),
        lambda x: torch.ones(len(x), requires_grad=True) * 2,
        lambda x: x.detach().mean((1, 2, 3)),
        lambda x: (x.mean((1, 2, 3)) * 255).to(torch.int32).float(),
    ],
    ids=["constant", "of something else", "detached", "rounded"],
)
def test_a_loss_without_a_gradient(loss: Callable[[Tensor], Tensor]) -> None:
    with raises_sentence(ParameterError, "Mine", "no gradient with respect to the pictures"):
        rw.run(problem(objective=own(loss)))


def test_a_weight_that_is_no_number_of_a_usual_size() -> None:
    for make in (lambda number: number * rw.CrossEntropy("dog"), lambda number: rw.Mixture({"dog": number})):
        with raises_sentence(ParameterError, "a number of 5,001 digits", "finite number"):
            make(10**5000)
    with raises_sentence(ParameterError, "'0.5'"):
        rw.CrossEntropy("dog") * "0.5"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("model", "tiny", "rw.load_model('tiny')"),
        ("model", 3, "int"),
        ("objective", "lion", "'str'"),
        ("objective", lambda model, x: x.mean((1, 2, 3)), "'function'"),
        ("objective", rw.CrossEntropy, "the class 'CrossEntropy'"),
        ("constraint", 0.5, "0.5"),
        ("constraint", None, "None"),
        ("constraint", rw.L2Ball, "L2Ball"),
        ("stepper", rw.L2Step, "the class 'L2Step'"),
        ("stepper", 0.5, "rw.L2Step(0.5)"),
        ("steps", 2.5, "2.5"),
        ("seed", "a", "'a'"),
        pytest.param("constraint", 10**5000, "a number of 5,001 digits", id="long constraint"),
        pytest.param("stepper", -(10**5000), "a number of 5,001 digits", id="long stepper"),
    ],
)
def test_a_part_of_another_kind(part: str, value: object, said: str) -> None:
    with raises_sentence(ParameterError, part, said):
        problem(**{part: value})


@pytest.mark.parametrize("value", [None, "lion", 3, rw.CrossEntropy], ids=str)
@pytest.mark.parametrize(
    "make",
    [
        lambda value: rw.CrossEntropy("dog") + value,
        lambda value: rw.CrossEntropy("dog") - value,
        lambda value: value + rw.CrossEntropy("dog"),
        lambda value: rw.Jitter(value, 2),
    ],
)
def test_a_part_of_an_objective_that_is_none(make: Callable[[Any], object], value: object) -> None:
    shown = "the class 'CrossEntropy'" if value is rw.CrossEntropy else repr(value)
    with raises_sentence(ParameterError, shown, "rw.CrossEntropy('lion')"):
        make(value)


def test_losses_in_a_list_are_summed() -> None:
    parts = [own(lambda x, n=n: n * x.mean((1, 2, 3))) for n in (1, 2, 4)]
    loss: Any = sum(parts)
    torch.testing.assert_close(loss(MODEL, START), 7 * START.mean((1, 2, 3)))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_weight_of_an_objective_that_is_not_finite(number: float) -> None:
    with raises_sentence(ParameterError, str(number), "finite number"):
        number * rw.CrossEntropy("dog")


@pytest.mark.parametrize("inner", [None, 3, rw.L2Step], ids=str)
@pytest.mark.parametrize("wrap", [rw.Momentum, lambda inner: rw.Weighted(inner, torch.ones(1, 1, 12, 12))])
def test_a_wrapper_of_what_is_no_stepper(wrap: Callable[[Any], object], inner: object) -> None:
    with raises_sentence(ParameterError, "stepper", "rw.L2Step(0.5)"):
        wrap(inner)


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (None, "None"),
        (np.ones((12, 12)), "(n or 1, 1, height, width)"),
        (torch.ones(12, 12), "(12, 12)"),
        (torch.ones(1, 3, 12, 12), "(1, 3, 12, 12)"),
        (torch.ones(1, 1, 12, 12, dtype=torch.int64), "int64"),
        (torch.full((1, 1, 12, 12), math.nan), "not finite"),
        (torch.full((1, 1, 12, 12), math.inf), "not finite"),
        (torch.full((1, 1, 12, 12), -1.0), "at least 0"),
    ],
    ids=str,
)
def test_a_weight_of_a_step_that_is_none(weight: Any, said: str) -> None:
    with raises_sentence(ParameterError, "weight", said):
        rw.Weighted(rw.L2Step(0.5), weight)


def test_a_weight_of_a_step_on_another_device() -> None:
    stepper = rw.Weighted(rw.L2Step(0.5), torch.ones(1, 1, 12, 12))
    with raises_sentence(ParameterError, "cpu", "meta", "weight.to(model.device)"):
        stepper.init(torch.empty(2, 3, 12, 12, device="meta"))


@pytest.mark.parametrize("shape", [(3, 1, 12, 12), (1, 1, 3, 3), (1, 1, 12, 1)])
def test_a_weight_of_a_step_that_does_not_fit_the_pictures(shape: tuple[int, ...]) -> None:
    with raises_sentence(ParameterError, shape, "(1 or 2, 1, 12, 12)"):
        rw.run(problem(stepper=rw.Weighted(rw.L2Step(0.5), torch.ones(shape))))


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (np.zeros((1, 3, 12, 12), np.float32), "ndarray"),
        ("photo.png", "str"),
        (None, "NoneType"),
        (START[0], "(3, 12, 12)"),
        ((START * 255).to(torch.uint8), "torch.uint8"),
        (START * 255, "254.959"),
    ],
)
def test_a_start_that_is_no_batch_of_pictures(start: object, said: str) -> None:
    with raises_sentence(PictureError, "start", said):
        problem(start=start)


def test_a_region_that_is_no_tensor() -> None:
    with raises_sentence(PictureError, "region", "ndarray", "(1 or 2, 1, 12, 12)"):
        problem(region=np.ones((1, 1, 12, 12), bool))


def in_inference_mode() -> Tensor:
    with torch.inference_mode():
        return START + 0


STARTS: dict[str, Callable[[], Tensor]] = {
    "float64": START.double,
    "with a gradient": lambda: START.clone().requires_grad_(),
    "of a computation": lambda: START.clone().requires_grad_() * 1,
    "made in inference mode": in_inference_mode,
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_start_that_only_has_to_be_copied_gives_the_same_run(kind: str) -> None:
    for changes in ({}, {"seed": 1, "constraint": rw.L2Ball(0.5)}):
        expected = rw.run(problem(**changes))
        trace = rw.run(problem(start=STARTS[kind](), **changes))
        np.testing.assert_array_equal(trace.frames, expected.frames)


def test_a_float64_model_gets_a_float64_start() -> None:
    model = smooth_model(dtype=torch.float64)
    made = problem(model=model)
    assert made.start.dtype == torch.float64 and len(rw.run(made)) == 3
    same = problem(model=model, start=made.start)
    assert same.start is made.start, "nothing is copied without a reason"
    assert replace(same, steps=1).start is made.start
