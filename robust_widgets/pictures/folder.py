"""A folder that receives pictures as they are made, and from which an interrupted run continues."""

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
from robust_widgets.errors import SaveError, first_line
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import as_path, is_shown
from robust_widgets.pictures.io import open_picture

SETTINGS, LINES = "settings.json", "pictures.jsonl"
LONGEST = 200  # characters of settings quoted in a message


@dataclass(frozen=True)
class SavedPicture:
    """One picture of many.

    Attributes:
        index: its place, from 0.
        seed: of its start; None if the start has no noise.
        target: the target class, in words.
        source: the file it started from, ``""`` if there is none.
        loss, probability, distance: those of the run's last :class:`Frame`.
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
    """Pictures named ``000000.png`` and so on, one line each in ``pictures.jsonl``, and their settings.

    A picture counts once it has a line, which is written after its file is complete, so a run that is killed at any
    moment leaves no partial picture behind.

    Args:
        path: the folder; made if missing, with its parents.
        settings: everything that decides the pictures, as JSON values.

    Raises:
        SaveError: the folder cannot be made, read or written, holds other files, or was made with other settings.
    """

    def __init__(self, path: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        self.path = as_path(path)
        make_folder(self.path)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise SaveError(f"The folder {str(path)!r} cannot be written into; choose another place.")
        settings = json.loads(json.dumps(settings))
        if (self.path / SETTINGS).is_file():
            self._check(settings)
        elif any(is_shown(file.name) for file in self.path.iterdir()):
            raise SaveError(
                f"The folder {str(path)!r} holds other files; give a new one, or that of an earlier run like this."
            )
        else:
            text = json.dumps(settings, indent=1)
            atomic_write(self.path / SETTINGS, lambda file: file.write(text.encode()))
        for partial in self.path.glob(".*.partial"):  # left by a killed run
            partial.unlink(missing_ok=True)
        self._lines = self._read_lines()

    def __contains__(self, index: int) -> bool:
        return index in self._lines

    def __len__(self) -> int:
        """Number of saved pictures."""
        return len(self._lines)

    def __getitem__(self, index: int) -> SavedPicture:
        """Read a saved picture.

        Raises:
            SaveError: its file is damaged.
        """
        line, file = self._lines[index], self._file(index)
        try:
            with open_picture(file, ["PNG"]) as picture:
                pixels = np.asarray(picture.convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            raise SaveError(f"{str(file)!r} is damaged; delete it and run again to remake it.") from None
        return SavedPicture(**line, pixels=pixels)

    def add(self, picture: SavedPicture) -> None:
        """Write a picture, then its line.

        Raises:
            SaveError: the disk is full, or the folder is missing or not writable.
        """
        line = {name: value for name, value in vars(picture).items() if name != "pixels"}
        image = Image.fromarray(picture.pixels)
        try:
            atomic_write(self._file(picture.index), lambda file: image.save(file, "PNG"))
            with (self.path / LINES).open("ab") as file:
                file.write(json.dumps({"file": self._file(picture.index).name, **line}).encode() + b"\n")
        except OSError as error:
            cause = error.__context__ if isinstance(error, SaveError) else error
            raise SaveError(
                f"{self._file(picture.index).name!r} could not be written into {str(self.path)!r} "
                f"({first_line(cause or error)}); the {len(self)} pictures before it are kept, and the same "
                "run continues after them."
            ) from None
        self._lines[picture.index] = line

    def _file(self, index: int) -> Path:
        return self.path / f"{index:06}.png"

    def _check(self, settings: dict[str, Any]) -> None:
        try:
            stored = dict(json.loads((self.path / SETTINGS).read_bytes()))
        except (OSError, ValueError, TypeError):
            raise SaveError(f"{str(self.path / SETTINGS)!r} cannot be read; give another folder.") from None
        other = sorted(name for name in stored | settings if stored.get(name) != settings.get(name))
        if other:
            before, now = (repr(values.get(other[0])) for values in (stored, settings))
            what = f"{other[0]} {before} and not {now}" if len(before + now) < LONGEST else f"other {other[0]}"
            raise SaveError(f"The folder {str(self.path)!r} was made with {what}; give another folder.")

    def _read_lines(self) -> dict[int, dict[str, Any]]:
        """The lines of all complete pictures; a line cut off by a full disk or a kill is removed."""
        file = self.path / LINES
        if not file.exists():
            return {}
        lines: dict[int, dict[str, Any]] = {}
        whole = file.read_bytes().rpartition(b"\n")
        if whole[2]:
            atomic_write(file, lambda out: out.write(whole[0] + whole[1]))
        for text in whole[0].splitlines():
            with suppress(ValueError, KeyError):
                line = json.loads(text)
                if (self.path / line.pop("file")).is_file():
                    lines[line["index"]] = line
        return lines
