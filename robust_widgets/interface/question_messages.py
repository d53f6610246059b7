"""Questions about pictures, their answers, and pictures of classes as messages between a notebook and a server."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from robust_widgets._files import checked
from robust_widgets.interface import messages
from robust_widgets.interface.explanation import (
    Answer,
    Counterfactual,
    CounterfactualRequest,
    ExplainRequest,
    Explanation,
    NoAnswer,
    Question,
)
from robust_widgets.interface.wire import Arrays, Message
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.limits import LONGEST_DETAILS, LONGEST_RUN, MAX_MESSAGE_PICTURE, MAX_MESSAGE_PIXELS
from robust_widgets.runs.record import Frame

NUMBERS = ("loss", "probability", "distance")


def from_question(number: int, model: str, question: Question) -> tuple[messages.Ask, Arrays]:
    """A question as a message.

    Raises:
        ValueError: its picture is larger than a server takes, or a name is too long.
    """
    _check_picture(question.picture)
    kind = "change" if isinstance(question, CounterfactualRequest) else "explain"
    method = question.method if isinstance(question, ExplainRequest) else ""
    values = {"id": number, "model": model, "question": kind, "method": method, "target": question.target}
    return checked(messages.Ask, values), {"picture": question.picture}


def to_question(message: messages.Ask, arrays: Arrays) -> Question:
    """The question that a message stands for.

    Raises:
        ValueError: it has no picture, or a change has no class.
    """
    picture = arrays.get("picture")
    if picture is None or len(arrays) != 1:
        raise ValueError("a question has one picture")
    _check_picture(picture)
    if message.question == "explain":
        return ExplainRequest(picture, message.method, message.target)
    if message.target is None:
        raise ValueError("a change is to a class")
    return CounterfactualRequest(picture, message.target)


def from_answer(number: int, answer: Answer) -> tuple[Message, Arrays]:
    """An answer as a message."""
    match answer:
        case NoAnswer():
            details = answer.details[-LONGEST_DETAILS:]
            return messages.Unanswered(id=number, message=answer.message[:LONGEST_DETAILS], details=details), {}
        case Explanation():
            message = messages.Explained(
                id=number,
                target=answer.target,
                probability=answer.probability,
                method=answer.method,
                model=answer.model,
            )
            return message, {"picture": answer.picture, "attribution": answer.attribution.astype(np.float32)}
        case Counterfactual():
            header = messages.from_trace(number, answer.trace, max(1, len(answer.trace) - 1)).header
            message = messages.Changed(
                id=number, source=answer.source, target=answer.target, epsilon=answer.epsilon, header=header
            )
            return message, _arrays_of(answer)


def to_answer(message: messages.Explained | messages.Changed | messages.Unanswered, arrays: Arrays) -> Answer:
    """The answer that a message stands for.

    Raises:
        ValueError: its arrays do not go together.
    """
    if isinstance(message, messages.Unanswered):
        return NoAnswer(message.message, message.details)
    picture = arrays.get("picture")
    if picture is None:
        raise ValueError("it has no picture")
    _check_picture(picture)
    if isinstance(message, messages.Explained):
        attribution = arrays.get("attribution")
        if attribution is None or attribution.dtype != np.float32 or attribution.shape != picture.shape:
            raise ValueError("its attribution does not fit its picture")
        return Explanation(picture, attribution, message.target, message.probability, message.method, message.model)
    trace = messages.to_trace(messages.Started(id=message.id, steps=1, header=message.header))
    for frame in _frames_of(message.id, arrays):
        trace.append(frame)
    trace.inputs["picture"] = picture.copy()
    return Counterfactual(trace, message.source, message.target, message.epsilon)


def from_class_picture(model: str, index: int, jpeg: bytes) -> tuple[messages.Painted, Arrays]:
    """The picture of a class as a message; an empty one could not be painted."""
    return messages.Painted(model=model, index=index), {"jpeg": np.frombuffer(jpeg, np.uint8)}


def to_class_picture(arrays: Arrays) -> bytes:
    """The JPEG file in a message.

    Raises:
        ValueError: there is none.
    """
    jpeg = arrays.get("jpeg")
    if jpeg is None or jpeg.dtype != np.uint8 or jpeg.ndim != 1 or len(jpeg) > MAX_MESSAGE_PICTURE:
        raise ValueError("it has no picture of a class")
    return jpeg.tobytes()


def _check_picture(picture: Pixels) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"the picture has the shape {picture.shape} and the type {picture.dtype}")
    if picture.size // 3 > MAX_MESSAGE_PIXELS:
        raise ValueError(f"its picture has more than {MAX_MESSAGE_PIXELS:,} pixels")


def _arrays_of(answer: Counterfactual) -> dict[str, npt.NDArray[Any]]:
    """The frames of a path in as few arrays; the last ones may have no heat map."""
    frames = [answer.trace[step] for step in range(len(answer.trace))]
    arrays: dict[str, npt.NDArray[Any]] = {
        "picture": answer.trace.inputs.get("picture", answer.picture),
        "pixels": np.stack([frame.pixels for frame in frames]),
        "numbers": np.stack([[getattr(frame, name) for name in NUMBERS] for frame in frames]).astype(np.float64),
        "seconds": np.array([frame.seconds for frame in frames], np.float64),
    }
    for name in ("probabilities", "gradient"):
        parts = [part for frame in frames if (part := getattr(frame, name)) is not None]
        if parts:
            arrays[name] = np.stack(parts)
    return arrays


def _frames_of(number: int, arrays: Arrays) -> list[Frame]:
    """The frames in those arrays, each checked as one that came alone."""
    seconds = arrays.get("seconds")
    if seconds is None or seconds.dtype != np.float64 or seconds.ndim != 1 or not 0 < len(seconds) <= LONGEST_RUN:
        raise ValueError("its path has no frames")
    names = [name for name in ("pixels", "numbers", "probabilities", "gradient") if name in arrays]
    if any(arrays[name].ndim == 0 or len(arrays[name]) > len(seconds) for name in names) or any(
        len(arrays.get(name, ())) != len(seconds) for name in ("pixels", "numbers")
    ):
        raise ValueError("its path's arrays do not fit each other")
    return [
        messages.to_frame(
            messages.FrameMessage(id=number, step=step, seconds=float(seconds[step])),
            {name: arrays[name][step] for name in names if step < len(arrays[name])},
        )
        for step in range(len(seconds))
    ]
