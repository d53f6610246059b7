"""The messages between a remote session and a server: what each may hold, and what it stands for.

Both ends check what they receive against these declarations, and trust it afterwards.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import Feature, Layer, ModelInfo, RunRequest
from robust_widgets.interface.wire import Arrays, Message
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.limits import (
    LARGEST_INPUT,
    LONGEST_DETAILS,
    LONGEST_RUN,
    MAX_MESSAGE_PIXELS,
    MOST_CLASSES,
    MOST_FEATURES,
)
from robust_widgets.runs.record import Frame
from robust_widgets.runs.schema import Checked, Classes, Header, Name, Number, Scalar, Text
from robust_widgets.runs.trace import Trace

Identifier = Annotated[int, Field(ge=0, lt=2**53)]
Session = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
Step = Annotated[int, Field(ge=-1, lt=LONGEST_RUN)]
Sentence = Annotated[str, Field(max_length=LONGEST_DETAILS)]


class ClientHello(Message):
    """The first message of a notebook.

    Attributes:
        oldest, newest: the protocols it speaks.
        session: a random name; a new connection of the same session replaces its old one.
    """

    kind: Literal["hello"] = "hello"
    oldest: int
    newest: int
    version: Text = ""
    session: Session


class About(Message):
    """What is a model like? The answer is `ModelMessage`."""

    kind: Literal["about"] = "about"
    model: Text


class Run(Message):
    """Start a run; arrays ``picture``, ``mask`` and ``start``, where the request has them.

    Attributes:
        id: the session's number of the run.
        have: the last step that the notebook has already; frames up to it are not sent again.
    """

    kind: Literal["run"] = "run"
    id: Identifier
    model: Text
    task: Name
    target: Text
    parameters: Annotated[dict[Name, Scalar], Field(max_length=100)]
    have: Step = -1


class Stop(Message):
    """Stop a run before its next step."""

    kind: Literal["stop"] = "stop"
    id: Identifier


class Taken(Message):
    """The frames up to this step have been received and shown."""

    kind: Literal["taken"] = "taken"
    id: Identifier
    step: Step


class Measure(Message):
    """How robust is a model? The answer is `Measured`, maybe much later."""

    kind: Literal["measure"] = "measure"
    model: Text


class Ask(Message):
    """A question about a picture, in the array ``picture``; answered by `Explained`, `Changed` or `Unanswered`.

    Attributes:
        id: the session's number of the question.
        question: what speaks for a class, or the smallest change to one.
        method: of an explanation.
        target: the class; None for the most probable one.
    """

    kind: Literal["ask"] = "ask"
    id: Identifier
    model: Text
    question: Literal["explain", "change"]
    method: Text = ""
    target: Text | None = None


class PaintClasses(Message):
    """What do these classes look like to the model? The answers are `Painted`, one for each, maybe much later."""

    kind: Literal["paint classes"] = "paint classes"
    model: Text
    classes: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=MOST_CLASSES)], ...], Field(strict=False, max_length=MOST_CLASSES)
    ]


class ServerHello(Message):
    """The first message of a server.

    Attributes:
        models: their names, the default one first, and their fingerprints.
        owner: who the server takes the notebook's owner for.
    """

    kind: Literal["hello"] = "hello"
    oldest: int
    newest: int
    version: Text = ""
    models: Annotated[dict[Text, Text], Field(max_length=100)]
    owner: Text = ""


class FeatureEntry(Checked):
    """A feature without its thumbnail."""

    name: Text
    unit: Annotated[int, Field(ge=0, lt=2**31)]
    classes: Classes


class LayerEntry(Checked):
    """A layer of a model's network."""

    name: Text
    kind: Text
    channels: Annotated[int, Field(ge=1, lt=2**31)]
    height: Annotated[int, Field(ge=1, lt=2**31)]
    width: Annotated[int, Field(ge=1, lt=2**31)]


class ModelMessage(Message):
    """What widgets show of a model; arrays ``thumbnails`` of its features, and ``classes`` of its classes, if known."""

    kind: Literal["model"] = "model"
    name: Text
    title: Text
    classes: Classes
    input_size: Annotated[int, Field(ge=1, le=LARGEST_INPUT)]
    device: Text = ""
    description: Text = ""
    claim: Text = ""
    features: Annotated[tuple[FeatureEntry, ...], Field(strict=False, max_length=MOST_FEATURES)] = ()
    synonyms: Annotated[
        tuple[Annotated[tuple[Text, ...], Field(strict=False)], ...], Field(strict=False, max_length=MOST_CLASSES)
    ] = ()
    layers: Annotated[tuple[LayerEntry, ...], Field(strict=False, max_length=MOST_FEATURES)] = ()


class Queued(Message):
    """A run waits for its turn.

    Attributes:
        before: how many wait before it.
    """

    kind: Literal["queued"] = "queued"
    id: Identifier
    before: int


class Started(Message):
    """A run has started."""

    kind: Literal["started"] = "started"
    id: Identifier
    steps: Annotated[int, Field(ge=1, lt=LONGEST_RUN)]
    header: Header


class FrameMessage(Message):
    """A frame; arrays ``pixels``, ``numbers`` (loss, probability and distance), ``probabilities`` and ``gradient``."""

    kind: Literal["frame"] = "frame"
    id: Identifier
    step: Annotated[int, Field(ge=0, lt=LONGEST_RUN)]
    seconds: Number


class Ended(Message):
    """The last message of a run."""

    kind: Literal["ended"] = "ended"
    id: Identifier
    state: Literal["done", "stopped", "failed"]
    message: Sentence = ""
    details: Sentence = ""


class Measured(Message):
    """How robust a model is; no radius if that cannot be measured."""

    kind: Literal["measured"] = "measured"
    model: Text
    radius: Annotated[float, Field(ge=0)] | None = None
    side: Annotated[int, Field(ge=1, le=LARGEST_INPUT)] = 1
    count: Annotated[int, Field(ge=0)] = 0
    own: bool = False


class Explained(Message):
    """An explanation; arrays ``picture`` and ``attribution``."""

    kind: Literal["explained"] = "explained"
    id: Identifier
    target: Text
    probability: Number
    method: Text
    model: Text = ""


class Changed(Message):
    """The smallest change to a class; arrays ``picture``, and those of all frames of its path."""

    kind: Literal["changed"] = "changed"
    id: Identifier
    source: Text
    target: Text
    epsilon: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    header: Header


class Unanswered(Message):
    """Why a question has no answer, in a sentence."""

    kind: Literal["unanswered"] = "unanswered"
    id: Identifier
    message: Sentence
    details: Sentence = ""


class Painted(Message):
    """The picture of a class; the array ``jpeg`` holds the bytes of its file."""

    kind: Literal["painted"] = "painted"
    model: Text
    index: Annotated[int, Field(ge=0, lt=MOST_CLASSES)]


class Refused(Message):
    """Why a message was refused that is no run, in a sentence; the server closes the connection after it if it must."""

    kind: Literal["refused"] = "refused"
    message: Sentence


FROM_CLIENT: dict[str, type[Message]] = {
    "hello": ClientHello,
    "about": About,
    "run": Run,
    "stop": Stop,
    "taken": Taken,
    "measure": Measure,
    "ask": Ask,
    "paint classes": PaintClasses,
}
FROM_SERVER: dict[str, type[Message]] = {
    "hello": ServerHello,
    "model": ModelMessage,
    "queued": Queued,
    "started": Started,
    "frame": FrameMessage,
    "ended": Ended,
    "measured": Measured,
    "explained": Explained,
    "changed": Changed,
    "unanswered": Unanswered,
    "painted": Painted,
    "refused": Refused,
}
INPUTS = {"picture": 3, "mask": 2, "start": 4}  # and their dimensions


def from_request(number: int, model: str, request: RunRequest, have: int) -> tuple[Run, Arrays]:
    """A request as a message."""
    arrays = {name: getattr(request, name) for name in INPUTS if getattr(request, name) is not None}
    message = Run(
        id=number,
        model=model,
        task=request.task,
        target=request.target,
        parameters={name: _plain(value) for name, value in request.parameters.items()},
        have=have,
    )
    return message, arrays


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def to_request(message: Run, arrays: Arrays) -> RunRequest:
    """The request that a message stands for.

    Raises:
        ValueError: an array is not one that a request has.
    """
    for name, array in arrays.items():
        dimensions = INPUTS.get(name)
        sides = array.shape[1:3] if name == "start" else array.shape[:2]
        if (
            array.dtype != np.uint8
            or array.ndim != dimensions
            or (dimensions != 2 and array.shape[-1] != 3)
            or not 0 < array.size // max(1, array.shape[-1] if dimensions != 2 else 1) <= MAX_MESSAGE_PIXELS
            or min(sides) < 1
        ):
            raise ValueError(f"the array {name!r} has the shape {array.shape} and the type {array.dtype}")
    return RunRequest(message.task, message.target, message.parameters, **arrays)


def from_trace(number: int, trace: Trace, steps: int) -> Started:
    """The start of a run as a message."""
    values = {name: getattr(trace, name) for name in Header.model_fields if name != "parameters"}
    parameters = {name: _plain(value) for name, value in trace.parameters.items()}
    header = Header.model_validate({**values, "knobs": parameters})  # its name in files, too
    return Started(id=number, steps=steps, header=header)


def to_trace(message: Started) -> Trace:
    """The trace that a message begins, without its inputs."""
    return Trace(**{name: getattr(message.header, name) for name in Header.model_fields})


def from_frame(number: int, frame: Frame) -> tuple[FrameMessage, Arrays]:
    """A frame as a message."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "pixels": frame.pixels,
        "numbers": np.stack([frame.loss, frame.probability, frame.distance]).astype(np.float64),
    }
    if frame.probabilities is not None:
        arrays["probabilities"] = frame.probabilities
    if frame.gradient is not None:
        arrays["gradient"] = frame.gradient
    return FrameMessage(id=number, step=frame.step, seconds=frame.seconds), arrays


def to_frame(message: FrameMessage, arrays: Arrays) -> Frame:
    """The frame that a message stands for.

    Raises:
        ValueError: its arrays do not go together.
    """
    pixels: Pixels | None = arrays.get("pixels")
    numbers, gradient, probabilities = (arrays.get(name) for name in ("numbers", "gradient", "probabilities"))
    if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3 or not pixels.size:
        raise ValueError("it has no pictures")
    count, height, width, _ = pixels.shape
    if numbers is None or numbers.dtype != np.float64 or numbers.shape != (3, count):
        raise ValueError("its numbers do not fit its pictures")
    if gradient is not None and (gradient.dtype != np.uint8 or gradient.shape != (count, height, width)):
        raise ValueError("its heat map does not fit its pictures")
    if probabilities is not None and (
        probabilities.dtype != np.float32 or probabilities.ndim != 2 or len(probabilities) != count
    ):
        raise ValueError("its probabilities do not fit its pictures")
    loss, probability, distance = numbers
    return Frame(
        step=message.step,
        pixels=pixels,
        loss=loss,
        probability=probability,
        distance=distance,
        seconds=message.seconds,
        probabilities=probabilities,
        gradient=gradient,
    )


def from_model(name: str, info: ModelInfo) -> tuple[ModelMessage, Arrays]:
    """What widgets show of a model as a message. Where its file lies on the server is left out."""
    features = tuple(FeatureEntry(name=f.name, unit=f.unit, classes=f.classes) for f in info.features)
    message = ModelMessage(
        name=name,
        title=info.name,
        classes=info.classes,
        input_size=info.input_size,
        device=info.device,
        description=info.description,
        claim=info.claim,
        features=features,
        synonyms=info.synonyms,
        layers=tuple(LayerEntry(**asdict(layer)) for layer in info.layers),
    )
    arrays = {"thumbnails": np.stack([f.thumbnail for f in info.features])} if features else {}
    return message, arrays | ({"classes": np.stack(info.class_pictures)} if info.class_pictures else {})


def to_model(message: ModelMessage, arrays: Arrays) -> ModelInfo:
    """What a message says of a model.

    Raises:
        ValueError: there is not one thumbnail for each feature, or a picture for each class.
    """
    none: Pixels = np.empty((0, 1, 1, 3), np.uint8)
    thumbnails, classes = arrays.get("thumbnails", none), arrays.get("classes", none)
    for pictures, count in ((thumbnails, len(message.features)), (classes, len(classes) and len(message.classes))):
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3 or len(pictures) != count:
            raise ValueError("its pictures do not fit its features or classes")
    features = tuple(
        Feature(entry.name, entry.unit, entry.classes, thumbnail)
        for entry, thumbnail in zip(message.features, thumbnails, strict=True)
    )
    return ModelInfo(
        name=message.title,
        classes=message.classes,
        input_size=message.input_size,
        device=message.device,
        description=message.description,
        claim=message.claim,
        features=features,
        synonyms=message.synonyms,
        class_pictures=tuple(classes),
        layers=tuple(Layer(**entry.model_dump()) for entry in message.layers),
    )


def from_robustness(model: str, robustness: Robustness | None) -> Measured:
    """How robust a model is, as a message."""
    return Measured(model=model, **({} if robustness is None else asdict(robustness)))


def to_robustness(message: Measured) -> Robustness | None:
    """How robust a message says that a model is."""
    if message.radius is None:
        return None
    return Robustness(message.radius, message.side, message.count, message.own)
