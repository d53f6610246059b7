"""Accuracies that several processes measured, each on a part of the pictures: their files, and joining them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field

from robust_widgets._files import atomic_write, checked_json, make_folder
from robust_widgets.errors import DataError, first_line
from robust_widgets.interface.shards import Shard
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.files import is_folder
from robust_widgets.runs.schema import Checked, Classes, Text
from robust_widgets.training.accuracy import AttackResult

Right = Annotated[tuple[bool, ...], Field(strict=False)]
LARGEST = 256 << 20  # bytes of a file; a million pictures under ten attacks take 150 MB


class AttackPart(Checked):
    """The result of one attack; see :class:`robust_widgets.training.accuracy.AttackResult`."""

    attack: Text
    labels: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False)]
    clean: Right
    robust: Right


class Part(Checked):
    """A file of results."""

    format: Literal["robust-widgets accuracy 1"] = "robust-widgets accuracy 1"
    number: int
    count: int
    model: Text
    fingerprint: Text
    data: Text
    classes: Classes
    batch_size: int
    attacks: Annotated[tuple[AttackPart, ...], Field(strict=False, min_length=1)]

    @property
    def work(self) -> tuple[object, ...]:
        """What all parts of one piece of work have in common."""
        names = tuple(part.attack for part in self.attacks)
        return self.count, self.model, self.fingerprint, self.data, self.classes, self.batch_size, names


def write_part(
    out: Path, shard: Shard, model: RobustClassifier, data: str, batch_size: int, results: Sequence[AttackResult]
) -> Path:
    """Write the results of a part into a folder, which is made if missing; returns the file.

    Args:
        out: the folder.
        shard: the part.
        model: that was attacked.
        data: a name of the pictures.
        batch_size: pictures attacked at once, which decides the batches and their random starts.
        results: of each attack.

    Raises:
        SaveError: it cannot be written.
    """
    make_folder(out)
    attacks = tuple(
        AttackPart(
            attack=result.attack,
            labels=tuple(result.labels.tolist()),
            clean=tuple(result.clean.tolist()),
            robust=tuple(result.robust.tolist()),
        )
        for result in results
    )
    part = Part(
        number=shard.number,
        count=shard.count,
        model=model.card.name,
        fingerprint=model.fingerprint,
        data=data,
        classes=model.classes,
        batch_size=batch_size,
        attacks=attacks,
    )
    path = out / f"accuracy-{shard.number:0{len(str(shard.count))}}-of-{shard.count}.json"
    text = part.model_dump_json().encode()
    atomic_write(path, lambda file: file.write(text))
    return path


def merge_parts(folder: Path) -> tuple[list[AttackResult], tuple[str, ...]]:
    """The results of all parts in a folder as if one process had measured them, and the names of the classes.

    Raises:
        DataError: there are no parts, one is missing or damaged, or they do not belong together.
    """
    files = sorted(folder.glob("accuracy-*-of-*.json")) if is_folder(folder) else []
    if not files:
        raise DataError(f"The folder {str(folder)!r} holds no results of parts; give the one that --out named.")
    parts = {part.number: part for part in map(_read, files)}
    first = next(iter(parts.values()))
    if any(part.work != first.work for part in parts.values()):
        raise DataError(
            f"The folder {str(folder)!r} holds parts of different work (another model, data, attack or number of "
            "parts); give one that holds the parts of one."
        )
    missing = [str(number) for number in range(1, first.count + 1) if number not in parts]
    if missing:
        raise DataError(
            f"Of {first.count} parts, {', '.join(missing[:20])} {'is' if len(missing) == 1 else 'are'} missing; run "
            "the command with that --shard again."
        )
    in_order = [parts[number] for number in sorted(parts)]
    results: list[AttackResult] = []
    for index, attack in enumerate(first.attacks):
        columns = [part.attacks[index] for part in in_order]
        labels, clean, robust = (
            torch.tensor([value for column in columns for value in getattr(column, name)], dtype=dtype)
            for name, dtype in (("labels", torch.long), ("clean", torch.bool), ("robust", torch.bool))
        )
        results.append(AttackResult(attack.attack, labels, clean, robust))
    return results, first.classes


def _read(path: Path) -> Part:
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST / 1e6:.0f} MB")
        part = checked_json(Part, path.read_bytes())
        for attack in part.attacks:
            if not len(attack.labels) == len(attack.clean) == len(attack.robust):
                raise ValueError("its columns have different lengths")
        return part
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{str(path)!r} is no part of an evaluation or is damaged ({first_line(error)}); make it again."
        ) from None
