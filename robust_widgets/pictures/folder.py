"""A folder that receives pictures as they are made, and from which an interrupted run continues."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from robust_widgets._files import atomic_write, link_or_copy, make_folder
from robust_widgets._files.locks import LinesFile, shared_lines
from robust_widgets._files.partials import remove_stale_partials
from robust_widgets.errors import SaveError, first_line
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import as_path, is_shown
from robust_widgets.pictures.io import open_picture

SETTINGS, LINES = "settings.json", "pictures.jsonl"
LONGEST = 200  # characters of settings quoted in a message
NO_PIXELS: Pixels = np.empty((0, 0, 3), np.uint8)


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
        content: a digest of what it started from, ``""`` if that is nothing.
    """

    index: int
    seed: int | None
    target: str
    source: str
    loss: float
    probability: float
    distance: float
    pixels: Pixels
    content: str = ""


class PictureFolder:
    """Pictures named ``000000.png`` and so on, one line each in ``pictures.jsonl``, and their settings.

    A picture counts once it has a line, which is written after its file is complete, so a run that is killed at any
    moment leaves no partial picture behind. Several processes may fill one folder; each picture gets one line.

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
        remove_stale_partials(self.path)
        settings = json.loads(json.dumps(settings))
        names = {entry.name for entry in self.path.iterdir()}
        if SETTINGS not in names:
            if any(map(is_shown, names)):
                raise SaveError(
                    f"The folder {str(path)!r} holds other files; give a new one, or that of an earlier run like this."
                )
            self._begin(settings)
        self._check(settings)
        self._lines: dict[int, dict[str, Any]] = {}
        self._end = 0
        self.refresh()

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

    def content(self, index: int) -> str:
        """The digest of what a saved picture started from."""
        return self._lines[index]["content"]

    def refresh(self) -> None:
        """Read what other processes have added.

        Raises:
            SaveError: the lines cannot be read.
        """
        try:
            with shared_lines(self.path / LINES) as lines:
                self._read(lines)
        except OSError as error:
            raise SaveError(
                f"{str(self.path / LINES)!r} cannot be read ({first_line(error)}); give another folder."
            ) from None

    def places(self, contents: Sequence[str]) -> list[int]:
        """The index of each picture that starts from something: the one it has here already, else a free one.

        Args:
            contents: a digest of what each starts from; ``""`` if that is unknown.

        Returns:
            Different indices. A new picture gets its position where that is free, else one after all others.
        """
        known: dict[str, list[int]] = {}
        for index in sorted(self._lines):
            known.setdefault(self._lines[index]["content"], []).append(index)
        after = itertools.count(max([len(contents) - 1, *self._lines]) + 1)
        places: list[int] = []
        for position, content in enumerate(contents):
            if content and known.get(content):
                places.append(known[content].pop(0))
            else:
                places.append(position if position not in self._lines else next(after))
        return places

    def add(self, picture: SavedPicture) -> SavedPicture:
        """Write a picture, then its line; returns it as it is here.

        If another process has written this picture, that one is kept; if it has taken the index for another one, this
        picture gets the next.

        Raises:
            SaveError: the disk is full, or the folder is missing or not writable.
        """
        try:
            with shared_lines(self.path / LINES) as lines:
                self._read(lines)
                there = self._lines.get(picture.index)
                if there is None or there["content"] != picture.content:
                    picture = picture if there is None else replace(picture, index=max(self._lines) + 1)
                    self._write(picture, lines)
                    return picture
        except OSError as error:
            cause = error.__context__ if isinstance(error, SaveError) else error
            raise SaveError(
                f"{self._file(picture.index).name!r} could not be written into {str(self.path)!r} "
                f"({first_line(cause or error)}); the {len(self)} pictures before it are kept, and the same "
                "run continues after them."
            ) from None
        return self[picture.index]

    def take(self, other: PictureFolder, first: int) -> int:
        """Take over the pictures of another folder, which keeps them; returns how many were not here yet.

        Where both are on one disk no picture is copied: the files are linked.

        Args:
            other: the folder.
            first: added to the index of each of its pictures.

        Raises:
            SaveError: this folder is full or cannot be written.
        """
        taken = 0
        try:
            with shared_lines(self.path / LINES) as lines:
                self._read(lines)
                for index, line in sorted(other._lines.items()):
                    if first + index in self._lines:
                        continue
                    line = {**line, "index": first + index}
                    link_or_copy(other._file(index), self._file(first + index))
                    lines.append(json.dumps({"file": self._file(first + index).name, **line}))
                    self._lines[first + index] = line
                    taken += 1
        except OSError as error:
            raise SaveError(
                f"The pictures of {str(other.path)!r} could not be written into {str(self.path)!r} "
                f"({first_line(error)}); make room, and run the same command again."
            ) from None
        return taken

    def _write(self, picture: SavedPicture, lines: LinesFile) -> None:
        line = {name: value for name, value in vars(picture).items() if name != "pixels"}
        image = Image.fromarray(picture.pixels)
        atomic_write(self._file(picture.index), lambda file: image.save(file, "PNG"))
        lines.append(json.dumps({"file": self._file(picture.index).name, **line}))
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

    def _begin(self, settings: dict[str, Any]) -> None:
        text = json.dumps(settings, indent=1)
        try:
            atomic_write(self.path / SETTINGS, lambda file: file.write(text.encode()), overwrite=False)
        except SaveError:
            if not (self.path / SETTINGS).exists():  # else another process has just begun it
                raise

    def _read(self, lines: LinesFile) -> None:
        """Read the lines of complete pictures that were added since the last time."""
        texts, self._end = lines.read(self._end)
        for text in texts:
            with suppress(ValueError, KeyError, TypeError):  # a line that was cut off
                line = dict(json.loads(text))
                name = line.pop("file")
                picture = SavedPicture(**line, pixels=NO_PIXELS)
                if name == self._file(picture.index).name and (self.path / name).is_file():
                    self._lines[picture.index] = {"content": "", **line}
