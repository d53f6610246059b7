"""What a remote session and a server say to each other, as bytes: JSON, and the raw bytes of arrays after it.

A message without arrays is a text of JSON. One with arrays is binary: four bytes that hold the length of the JSON, the
JSON, and the arrays one after the other, of the types and shapes that the JSON names. There is no pickle, so nothing in
a message can run, and both ends may have other versions of Python, NumPy and torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from robust_widgets._files import checked
from robust_widgets.errors import StateError
from robust_widgets.pictures.limits import LONGEST_JSON, MOST_ARRAYS
from robust_widgets.runs.schema import Checked, Name

PROTOCOL = 1  # of the messages that this version writes
OLDEST = 1  # that it still reads
TYPES = ("uint8", "float32", "float64")
HEAD = 4  # bytes of the length of the JSON

Arrays = Mapping[str, npt.NDArray[Any]]
M = TypeVar("M", bound="Message")


class ArrayShape(Checked):
    """The type and shape of an array in a message."""

    dtype: Annotated[str, Field(pattern="|".join(f"^{name}$" for name in TYPES))]
    shape: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], Field(strict=False, max_length=5)]


class Message(Checked):
    """A message, which says its kind. Fields of newer versions are ignored."""


class _ArraysOf(Checked):
    arrays: Annotated[dict[Name, ArrayShape], Field(max_length=MOST_ARRAYS)]


def to_wire(message: Message, arrays: Arrays | None = None) -> str | bytes:
    """A message as it is sent: text, or bytes if there are arrays."""
    values = message.model_dump(by_alias=True)
    if not arrays:
        return json.dumps(values)
    in_order = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    values["arrays"] = {
        name: {"dtype": array.dtype.name, "shape": list(array.shape)} for name, array in in_order.items()
    }
    head = json.dumps(values).encode()
    return b"".join([len(head).to_bytes(HEAD, "big"), head, *(array.tobytes() for array in in_order.values())])


def kind_of(data: str | bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON of a message, and the bytes after it.

    Raises:
        ValueError: it is not a message.
    """
    rest = b""
    if isinstance(data, bytes):
        length = int.from_bytes(data[:HEAD], "big")
        if len(data) < HEAD or length > len(data) - HEAD:
            raise ValueError("it is cut off")
        data, rest = data[HEAD : HEAD + length], data[HEAD + length :]
    if len(data) > LONGEST_JSON:
        raise ValueError(f"its JSON is longer than {LONGEST_JSON:,} bytes")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(values, dict) or not isinstance(cast(Any, values).get("kind"), str):
        raise ValueError("it has no kind")
    return cast("dict[str, Any]", values), rest


def from_wire(data: str | bytes, kinds: Mapping[str, type[M]]) -> tuple[M, dict[str, npt.NDArray[Any]]]:
    """A message that anybody may have sent, checked, and its arrays, which cannot be written to.

    Args:
        data: what was received.
        kinds: the class of each kind of message that is expected.

    Raises:
        ValueError: it is not one of these messages, a value is not as declared, or its bytes do not fit its arrays.
    """
    values, rest = kind_of(data)
    if values["kind"] not in kinds:
        raise ValueError(f"its kind is {values['kind'][:40]!r}")
    declared = checked(_ArraysOf, {"arrays": values.pop("arrays", {})}).arrays
    message = checked(kinds[values["kind"]], values)
    sizes = [np.dtype(part.dtype).itemsize * math.prod(part.shape) for part in declared.values()]
    if sum(sizes) != len(rest):
        raise ValueError(f"it has {len(rest):,} bytes for arrays of {sum(sizes):,}")
    arrays: dict[str, npt.NDArray[Any]] = {}
    begin = 0
    for (name, part), size in zip(declared.items(), sizes, strict=True):
        arrays[name] = np.frombuffer(rest[begin : begin + size], part.dtype).reshape(part.shape)
        begin += size
    return message, arrays


def common_protocol(oldest: int, newest: int, who: str) -> int:
    """The newest protocol that both ends speak.

    Args:
        oldest, newest: those of the other end.
        who: the other end, ``"server"`` or ``"notebook"``.

    Raises:
        StateError: there is none; says which end to update.
    """
    if newest < OLDEST:
        raise StateError(f"The {who} speaks an older protocol ({newest}, this end {OLDEST}); update the {who}.")
    if oldest > PROTOCOL:
        other = "notebook" if who == "server" else "server"
        raise StateError(f"The {who} speaks a newer protocol ({oldest}, this end {PROTOCOL}); update the {other}.")
    return min(newest, PROTOCOL)
