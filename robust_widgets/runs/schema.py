"""What a saved run may hold. Files and outputs are checked against this when they are read, and trusted afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from robust_widgets.pictures.limits import (
    LARGEST_SIDE,
    LONGEST_JSON,
    LONGEST_KEY,
    LONGEST_NAME,
    LONGEST_RUN,
    MOST_CLASSES,
    MOST_PICTURES,
)

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=LONGEST_KEY)]
Text = Annotated[str, Field(max_length=LONGEST_NAME)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**64)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Scalar = bool | Whole | Number | Text | None
# Lists of JSON; strict is said of what is in them.
Classes = Annotated[tuple[Text, ...], Field(strict=False, max_length=MOST_CLASSES)]
Column = Annotated[tuple[Number | None, ...], Field(strict=False, min_length=1, max_length=LONGEST_RUN)]
Seconds = Annotated[tuple[Number, ...], Field(strict=False)]
Steps = Annotated[tuple[Annotated[int, Field(ge=0, lt=LONGEST_RUN)], ...], Field(strict=False, min_length=1)]
Pictures = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]


class Checked(BaseModel):
    """Values of exactly the declared types."""

    model_config = ConfigDict(strict=True, frozen=True)


class Header(Checked):
    """Metadata of a run; see :class:`robust_widgets.runs.record.RunRecord`. Nothing else may be in it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    task: Name
    # The files' key predates the attribute's name.
    parameters: Annotated[dict[Name, Scalar], Field(max_length=100, alias="knobs")]
    seed: Whole | None = None
    model: Text = ""
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]*$", max_length=128)] = ""
    target: Text = ""
    classes: Classes = ()
    radius: Annotated[float, Field(ge=0)] | None = None


class NpzHeader(Header):
    """``header`` in an NPZ file."""

    format: str


class Shape(Checked):
    """Number and size of the pictures of each step."""

    count: Annotated[int, Field(ge=1, le=MOST_PICTURES)]
    height: Side
    width: Side


class ArchiveVersion(Checked):
    """Which version wrote an archive."""

    format: Literal["robust-widgets run"]
    version: int


class Archive(Checked):
    """``run.json`` in an archive."""

    header: Header
    frames: Annotated[int, Field(ge=1, le=LONGEST_RUN)]
    pictures: Shape


class Output(Checked):
    """A run's entry in our MIME type."""

    header: Header
    frames: Annotated[int, Field(ge=1, le=LONGEST_RUN)]
    pictures: Shape


class Played(Checked):
    """A run's data in the HTML player."""

    steps: Steps
    seconds: Seconds
    loss: Column
    probability: Column
    distance: Column
    frames: Pictures


@dataclass(frozen=True)
class ArrayKind:
    """What an array of a run holds.

    Attributes:
        kinds: NumPy's letters of the types: ``"u"`` and ``"i"`` whole numbers, ``"f"`` floats, ``"U"`` text.
        dimensions: how many.
        most: bytes of an element at most.
    """

    kinds: str
    dimensions: int
    most: int = 8


PIXELS = {dimensions: ArrayKind("u", dimensions, 1) for dimensions in (2, 3, 4, 5)}
ARRAYS = {
    "header": ArrayKind("U", 0, 4 * LONGEST_JSON),
    "frames": PIXELS[5],
    "seconds": ArrayKind("f", 1),
    "loss": ArrayKind("f", 2),
    "probability": ArrayKind("f", 2),
    "distance": ArrayKind("f", 2),
    "probabilities": ArrayKind("f", 3),
    "probabilities_steps": ArrayKind("iu", 1),
    "gradient": PIXELS[4],
    "gradient_steps": ArrayKind("iu", 1),
    "input_picture": PIXELS[3],
    "input_mask": PIXELS[2],
    "input_start": PIXELS[4],
}
