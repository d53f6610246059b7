"""A folder that pictures are written into as they are made, and that the same run goes on with. No torch here."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from robust_widgets._files import atomic_write, make_folder
from robust_widgets.errors import SaveError
from robust_widgets.pictures import Pixels

SETTINGS, LINES = "settings.json", "pictures.jsonl"
LONGEST = 200  # characters of settings that a sentence holds


@dataclass(frozen=True)
class Made:
    """One picture of many.

    Attributes:
        index: its place, from 0.
        seed: of its own start; None where the start has no grain.
        target: what was asked for, in words.
        source: the file that it began from, ``""`` where there is none.
        loss, probability, distance: as those of a run's last :class:`Frame`.
        pixels: uint8 (height, width, 3).
    """

    index: int
    seed: int | None
    target: str
    source: str
    loss: float
    probability: float
    distance: float
    pixels: Pixels


class PictureFolder:
    """Pictures as ``000000.png`` and so on, a line of ``pictures.jsonl`` for each, and what they were made with.

    A picture counts once its line is there, and its line is written after its file is whole, so a run that is killed at
    any moment leaves no half picture behind.

    Args:
        path: made where it is missing, with the folders above it.
        settings: everything that decides the pictures, in what JSON can say.

    Raises:
        SaveError: the folder cannot be made, read or written, holds other files, or was begun with other settings.
    """

    def __init__(self, path: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        self.path = Path(path)
        make_folder(self.path)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise SaveError(f"The folder {str(path)!r} cannot be written into; choose another place.")
        settings = json.loads(json.dumps(settings))
        if (self.path / SETTINGS).is_file():
            self._check(settings)
        elif any(self.path.iterdir()):
            raise SaveError(f"The folder {str(path)!r} holds other files; give a new one, or one that this run began.")
        else:
            text = json.dumps(settings, indent=1)
            atomic_write(self.path / SETTINGS, lambda file: file.write(text.encode()))
        for half in self.path.glob(".*.partial"):  # of a run that was killed
            half.unlink(missing_ok=True)
        self._lines = self._read_lines()

    def __contains__(self, index: int) -> bool:
        return index in self._lines

    def __len__(self) -> int:
        """How many pictures are there."""
        return len(self._lines)

    def __getitem__(self, index: int) -> Made:
        """A picture that is there.

        Raises:
            SaveError: its file is damaged.
        """
        line, file = self._lines[index], self._file(index)
        try:
            with Image.open(file) as picture:
                pixels = np.asarray(picture.convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            raise SaveError(f"{str(file)!r} is damaged; delete it, and the same run makes it again.") from None
        return Made(**line, pixels=pixels)

    def add(self, made: Made) -> None:
        """Write a picture, and then its line.

        Raises:
            SaveError: the disk is full, or the folder is gone or closed to us.
        """
        line = {name: value for name, value in vars(made).items() if name != "pixels"}
        picture = Image.fromarray(made.pixels)
        try:
            atomic_write(self._file(made.index), lambda file: picture.save(file, "PNG"))
            with (self.path / LINES).open("ab") as file:
                file.write(json.dumps({"file": self._file(made.index).name, **line}).encode() + b"\n")
        except OSError as error:
            cause = error.__context__ if isinstance(error, SaveError) else error
            raise SaveError(
                f"{self._file(made.index).name!r} could not be written into {str(self.path)!r} "
                f"({getattr(cause, 'strerror', None) or cause}); the {len(self)} pictures before it are kept, and the "
                "same run goes on after them."
            ) from None
        self._lines[made.index] = line

    def _file(self, index: int) -> Path:
        return self.path / f"{index:06}.png"

    def _check(self, settings: dict[str, Any]) -> None:
        try:
            begun = dict(json.loads((self.path / SETTINGS).read_bytes()))
        except (OSError, ValueError, TypeError):
            raise SaveError(f"{str(self.path / SETTINGS)!r} cannot be read; give another folder.") from None
        other = sorted(name for name in begun | settings if begun.get(name) != settings.get(name))
        if other:
            before, now = (repr(values.get(other[0])) for values in (begun, settings))
            what = f"{other[0]} {before} and not {now}" if len(before + now) < LONGEST else f"other {other[0]}"
            raise SaveError(f"The folder {str(self.path)!r} was begun with {what}; give another folder.")

    def _read_lines(self) -> dict[int, dict[str, Any]]:
        """What is known of each picture that is there; a line that a full disk or a kill cut off is taken away."""
        file = self.path / LINES
        if not file.exists():
            return {}
        known: dict[int, dict[str, Any]] = {}
        whole = file.read_bytes().rpartition(b"\n")
        if whole[2]:
            atomic_write(file, lambda out: out.write(whole[0] + whole[1]))
        for text in whole[0].splitlines():
            with suppress(ValueError, KeyError):
                line = json.loads(text)
                if (self.path / line.pop("file")).is_file():
                    known[line["index"]] = line
        return known
