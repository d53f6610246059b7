"""Questions and answers between a notebook and a server: nothing gets in that does not go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from robust_widgets.interface import messages
from robust_widgets.interface.explanation import CounterfactualRequest, ExplainRequest, NoAnswer
from robust_widgets.interface.messages import FROM_CLIENT
from robust_widgets.interface.question_messages import (
    from_answer,
    from_class_picture,
    from_question,
    to_answer,
    to_class_picture,
    to_question,
)
from robust_widgets.pictures.limits import LONGEST_DETAILS
from robust_widgets.runs.schema import Header
from tests.interface.test_wire import PICTURE, received

ATTRIBUTION = np.ones((5, 4, 3), np.float32)
EXPLAINED = messages.Explained(id=1, target="dog", probability=0.5, method="gradient")
CHANGED = messages.Changed(
    id=1, source="cat", target="dog", epsilon=2.0, header=Header.model_validate({"task": "translate", "knobs": {}})
)
PATH: dict[str, Any] = {
    "picture": PICTURE,
    "pixels": np.zeros((3, 1, 5, 4, 3), np.uint8),
    "numbers": np.zeros((3, 3, 1)),
    "seconds": np.zeros(3),
    "probabilities": np.zeros((3, 1, 2), np.float32),
    "gradient": np.zeros((2, 1, 5, 4), np.uint8),
}


@pytest.mark.parametrize(
    "question",
    [
        ExplainRequest(PICTURE, "gradient"),
        ExplainRequest(PICTURE, "occlusion", "dog"),
        CounterfactualRequest(PICTURE, "é"),
    ],
)
def test_a_question_arrives_as_it_was_asked(question: Any) -> None:
    message, arrays = received(*from_question(4, "tiny", question), kinds=FROM_CLIENT)
    again: Any = to_question(message, arrays)
    assert (
        type(again) is type(question) and again.target == question.target and (message.id, message.model) == (4, "tiny")
    )
    assert getattr(again, "method", "") == getattr(question, "method", "")
    np.testing.assert_array_equal(again.picture, PICTURE)


@pytest.mark.parametrize(
    ("message", "arrays", "named"),
    [
        ({}, {}, "one picture"),
        ({}, {"picture": PICTURE, "other": PICTURE}, "one picture"),
        ({}, {"picture": PICTURE[0]}, "shape"),
        ({}, {"picture": ATTRIBUTION}, "float32"),
        ({}, {"picture": np.zeros((2, 0, 3), np.uint8)}, "shape"),
        ({}, {"picture": np.zeros((2001, 2000, 3), np.uint8)}, "4,000,000 pixels"),
        ({"question": "change"}, {"picture": PICTURE}, "to a class"),
    ],
)
def test_a_question_that_is_none_is_refused(message: dict[str, Any], arrays: dict[str, Any], named: str) -> None:
    asked = messages.Ask(**{"id": 1, "model": "", "question": "explain", **message})
    with pytest.raises(ValueError, match=named):
        to_question(*received(asked, arrays, FROM_CLIENT))


def test_a_path_arrives_with_its_frames() -> None:
    answer: Any = to_answer(*received(CHANGED, PATH))
    assert len(answer.trace) == 3 and [frame.step for frame in answer.trace] == [0, 1, 2]
    assert answer.trace[1].gradient is not None and answer.trace[2].gradient is None
    assert answer.trace.task == "translate" and answer.epsilon == 2.0


@pytest.mark.parametrize(
    ("message", "arrays"),
    [
        (EXPLAINED, {"attribution": ATTRIBUTION}),
        (EXPLAINED, {"picture": PICTURE}),
        (EXPLAINED, {"picture": PICTURE, "attribution": ATTRIBUTION[1:]}),
        (EXPLAINED, {"picture": PICTURE, "attribution": ATTRIBUTION.astype(np.float64)}),
        (CHANGED, {"picture": PICTURE}),
        (CHANGED, {**PATH, "seconds": np.zeros(0)}),
        (CHANGED, {**PATH, "seconds": np.zeros((3, 1))}),
        (CHANGED, {**PATH, "seconds": np.zeros(2)}),
        (CHANGED, {**PATH, "seconds": np.zeros(4)}),
        (CHANGED, {**PATH, "pixels": PATH["pixels"][0]}),
        (CHANGED, {**PATH, "numbers": np.zeros((3, 2, 1))}),
        (CHANGED, {**PATH, "numbers": np.zeros(())}),
        (CHANGED, {**PATH, "gradient": np.zeros((2, 1, 5, 5), np.uint8)}),
        (CHANGED, {**PATH, "probabilities": np.zeros(3, np.float32)}),
    ],
)
def test_an_answer_whose_arrays_do_not_fit_is_refused(message: Any, arrays: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        to_answer(*received(message, arrays))


def test_a_long_reason_is_cut() -> None:
    answer = to_answer(*received(*from_answer(1, NoAnswer("no", "x" * 99_999 + "end"))))
    assert isinstance(answer, NoAnswer) and len(answer.details) == LONGEST_DETAILS and answer.details.endswith("end")


def test_a_class_picture_arrives_as_a_file() -> None:
    message, arrays = received(*from_class_picture("tiny", 3, b"\xff\xd8jpeg"))
    assert message.index == 3 and to_class_picture(arrays) == b"\xff\xd8jpeg"
    for arrays in ({}, {"jpeg": PICTURE}, {"jpeg": np.zeros(3, np.float32)}):
        with pytest.raises(ValueError, match="picture"):
            to_class_picture(arrays)
