"""Joining what the parts of a large piece of work made."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robust_widgets.errors import DataError, SaveError, first_line
from robust_widgets.interface.shards import Shard
from robust_widgets.pictures.files import as_path, is_folder
from robust_widgets.pictures.folder import SETTINGS, PictureFolder

NAME = re.compile(r"shard-(\d{1,6})-of-(\d{1,6})")


def shard_folders(out: Path) -> list[tuple[Shard, Path]]:
    """The folders of shards in a folder, in order.

    Raises:
        DataError: there are none, or those of different numbers of shards.
    """
    if not is_folder(out):
        raise DataError(f"There is no folder {str(out)!r}; give the one that --out named.")
    parts: list[tuple[Shard, Path]] = []
    for path in out.iterdir():
        match = NAME.fullmatch(path.name)
        if match is not None and path.is_dir():
            parts.append((Shard(int(match[1]), int(match[2])), path))
    counts = sorted({shard.count for shard, _ in parts})
    if len(counts) != 1:
        what = "no shards" if not counts else f"shards of {' and of '.join(map(str, counts))}"
        raise DataError(f"The folder {str(out)!r} holds {what}; give one with the shards of one piece of work.")
    return sorted(parts, key=lambda item: item[0].number)


def merge_pictures(
    shards: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    allow_missing: bool = False,
    say: Callable[[str], object] = lambda sentence: None,
) -> int:
    """Join the pictures of all shards in one folder, as if one process had made them; returns how many it holds.

    The shards stay as they are. A call that was interrupted continues.

    Args:
        shards: the folder with the shards' folders.
        out: the folder to make, or to continue.
        allow_missing: join what there is, if pictures are missing.
        say: called with a sentence for each shard that lacks pictures.

    Raises:
        DataError: there are no shards, they do not belong together, or pictures are missing.
        SaveError: the folder cannot be written.
    """
    parts = shard_folders(as_path(shards))
    settings = {shard.number: _settings_of(path) for shard, path in parts}
    first = next(iter(settings.values()))
    total, count = int(first["shard_of"]), parts[0][0].count
    base = _settings_of_all(parts[0][0], first)
    missing = 0
    for number in range(1, count + 1):
        shard = Shard(number, count)
        expected = len(shard.positions(total))
        if number in settings and _settings_of_all(shard, settings[number]) != base:
            raise DataError(
                f"Shard {number} was made with other settings than the first one there; make it again, elsewhere."
            )
        path = dict(parts).get(shard)
        there = 0 if path is None else len(PictureFolder(path, settings[number]))
        if there < expected:
            missing += expected - there
            say(f"Shard {number}/{count} lacks {expected - there} of its {expected} pictures.")
    if missing and not allow_missing:
        raise DataError(
            f"{missing} of {total} pictures are missing; run the commands of their shards again, or give "
            "--allow-missing if they could not be read."
        )
    joined = PictureFolder(out, base)
    for shard, path in parts:
        joined.take(PictureFolder(path, settings[shard.number]), shard.positions(total).start)
    return len(joined)


def _settings_of(path: Path) -> dict[str, Any]:
    try:
        settings = dict(json.loads((path / SETTINGS).read_bytes()))
        if isinstance(settings["shard_of"], int) and isinstance(settings["shard"], str):
            return settings
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SaveError(f"{str(path / SETTINGS)!r} cannot be read ({first_line(error)}); make it again.") from None
    raise SaveError(f"{str(path / SETTINGS)!r} is not that of a shard; make it again.")


def _settings_of_all(shard: Shard, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of the whole work, from those of a part, whose seed is that of its first picture."""
    whole = {name: value for name, value in settings.items() if name not in ("shard", "shard_of")}
    if isinstance(whole.get("seed"), int):
        whole["seed"] -= shard.positions(settings["shard_of"]).start
    return whole
