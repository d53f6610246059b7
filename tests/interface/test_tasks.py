"""What is derived from the declaration of a task."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, TypedDict

import pytest

from robust_widgets.errors import ParameterError, UnknownNameError, UnknownParameterError
from robust_widgets.interface.parameters import CONSTRAINT, STEPS, Parameter
from robust_widgets.interface.tasks import (
    TaskSpec,
    check_parameters,
    default_of,
    parameters_of,
    task_names,
    task_spec,
    task_specs,
)
from tests.helpers import raises_sentence


class Keywords(TypedDict, total=False):
    """Keywords of a task."""

    steps: Annotated[int, STEPS.with_default(7)]
    constraint: Annotated[str, CONSTRAINT]


def stylise(picture: object, target: str, *, model: object = None, **parameters: Any) -> Any:
    """Stylise a picture.

    More about it.
    """


def declared(**changes: Any) -> TaskSpec:
    options: dict[str, Any] = {"function": stylise, "keywords": Keywords, "problem": print, "label": "", "hint": ""}
    return TaskSpec(**options | changes)


def test_the_names_and_inputs_come_from_the_function() -> None:
    spec = declared()
    assert (spec.name, spec.command, spec.summary) == ("stylise", "stylise", "Stylise a picture.")
    assert (spec.inputs, spec.target, spec.takes_picture, spec.takes_mask) == (("picture",), "class", True, False)
    assert spec.is_batchable and [parameter.name for parameter in spec.parameters] == ["steps", "constraint"]
    assert spec.check({}) == {"steps": 7, "constraint": "l2"}


def test_the_functions_signature_lists_its_keywords() -> None:
    declared()
    parameters = inspect.signature(stylise).parameters
    assert list(parameters) == ["picture", "target", "steps", "constraint", "model"]
    assert parameters["steps"].default == 7 and parameters["steps"].annotation is int


def test_one_name_in_function_command_and_studio() -> None:
    for name, spec in task_specs().items():
        assert spec.label.lower().replace("-", " ") == spec.command.replace("-", " ") == name.replace("_", " ")
        assert spec.function.__name__ == name and spec.hint.endswith(".") and spec.summary.endswith(".")


def test_the_tasks_that_run_over_many_pictures() -> None:
    assert {name for name, spec in task_specs().items() if spec.is_batchable} == {
        "generate",
        "sketch_to_image",
        "translate",
        "super_resolve",
    }


@pytest.mark.parametrize("annotation", [int, Annotated[int, "steps"], Annotated[str, CONSTRAINT]])
def test_a_keyword_without_its_parameter_is_a_mistake_of_the_task(annotation: Any) -> None:
    with pytest.raises(TypeError, match=r"Annotate Wrong\.steps"):
        parameters_of(TypedDict("Wrong", {"steps": annotation}))  # pyright: ignore[reportArgumentType]


def test_the_papers_defaults() -> None:
    names = ("steps", "epsilon", "step_size")
    figures = {task: tuple(default_of(task, name) for name in names) for task in task_names()}
    assert figures["generate"] == figures["sketch_to_image"] == (60, 40, 1)
    assert default_of("inpaint", "penalty") is default_of("paint_features", "penalty") is None, "the mask is hard"


@pytest.mark.parametrize(
    ("task", "names"), [(task, [k.name for k in spec.parameters]) for task, spec in task_specs().items()]
)
def test_no_name_twice_in_a_task(task: str, names: list[str]) -> None:
    assert len(names) == len(set(names)) and task in task_names()


@pytest.mark.parametrize("task", task_names())
def test_parameters_not_given_have_their_defaults(task: str) -> None:
    assert check_parameters(task, {}) == {parameter.name: parameter.default for parameter in task_spec(task).parameters}
    assert check_parameters(task, {"steps": 7})["steps"] == 7
    for parameter in task_spec(task).parameters:
        value = check_parameters(task, {})[parameter.name]
        assert value == default_of(task, parameter.name)
        if isinstance(parameter, Parameter) and parameter.default is not None:
            assert isinstance(value, int if parameter.whole else float)


def test_none_is_not_the_same_as_not_given() -> None:
    assert check_parameters("sketch_to_image", {"seed": None})["seed"] is None
    with raises_sentence(ParameterError, "steps", None):
        check_parameters("generate", {"steps": None})


@pytest.mark.parametrize(
    ("given", "near"), [("step", "steps"), ("Epsilon", "epsilon"), ("stepsize", "step_size"), ("N", "n")]
)
def test_an_unknown_parameter_names_the_nearest(given: str, near: str) -> None:
    with raises_sentence(UnknownParameterError, "generate", repr(given), repr(near)):
        check_parameters("generate", {given: 1})


def test_a_parameter_of_another_task_is_unknown() -> None:
    with raises_sentence(UnknownParameterError, "sketch_to_image", "'n'"):
        check_parameters("sketch_to_image", {"n": 2})


def test_an_unknown_task_names_the_nearest() -> None:
    with raises_sentence(UnknownNameError, "'sketch'", "'sketch_to_image'"):
        check_parameters("sketch", {})


@pytest.mark.parametrize("task", [None, 7, ["generate"], {}, "x" * 5000])
def test_what_is_no_task(task: Any) -> None:
    with raises_sentence(UnknownNameError, "no task"):
        task_spec(task)
