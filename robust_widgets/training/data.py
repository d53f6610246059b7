"""Folders of pictures as tensors.

A data set is a folder of class folders, as torchvision's ImageFolder reads them. Pictures are small and read once
into memory as uint8, (n, 3, side, side): 34,500 pictures of 64 px take 424 MB.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets.errors import DataError
from robust_widgets.images import as_rgb

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff"})
FEWEST_PICTURES = 10


@dataclass(frozen=True)
class PictureSet:
    """Labelled pictures in memory.

    Attributes:
        pictures: uint8 (n, 3, side, side).
        labels: int64 (n,), indices into ``classes``.
        classes: class names, sorted.
        skipped: files that could not be read as pictures.
    """

    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    skipped: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.pictures.shape[-1])


def load_folder(folder: Path, side: int, *, progress: bool = True, fewest: int = FEWEST_PICTURES) -> PictureSet:
    """Read a folder of class folders into memory.

    Args:
        folder: holds one folder for each class.
        side: pictures are scaled so that their shorter side has this many pixels, then cropped to the centre.
        progress: show a progress bar.
        fewest: a class with fewer readable pictures is refused.

    Raises:
        DataError: the folder is missing or unreadable, has fewer than two classes, or a class has too few pictures.
    """
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        reason = error.strerror
        raise DataError(
            f"The folder {str(folder)!r} cannot be read ({reason}); give a folder of class folders."
        ) from None
    if len(names) < 2:
        raise DataError(
            f"The folder {str(folder)!r} holds {len(names)} class folders; give one with at least two, one a class."
        )
    files: list[tuple[Path, int]] = []
    for label, name in enumerate(names):
        found = sorted(f for f in (folder / name).rglob("*") if f.suffix.lower() in PICTURE_ENDINGS)
        files.extend((file, label) for file in found)

    def read(item: tuple[Path, int]) -> np.ndarray | None:
        try:
            with Image.open(item[0]) as picture:
                return _square(as_rgb(picture), side)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            return None

    with ThreadPoolExecutor() as pool:
        bar = tqdm(
            pool.map(read, files, chunksize=64), total=len(files), desc=f"reading {folder.name}", disable=not progress
        )
        arrays = list(bar)
    kept = [(array, label) for array, (_, label) in zip(arrays, files, strict=True) if array is not None]
    skipped = tuple(file for array, (file, _) in zip(arrays, files, strict=True) if array is None)
    counts = np.bincount([label for _, label in kept], minlength=len(names)) if kept else np.zeros(len(names), int)
    for name, count in zip(names, counts, strict=True):
        if count < fewest:
            raise DataError(
                f"The class {name!r} in {str(folder)!r} has {count} readable pictures; a class needs at least {fewest}."
            )
    stacked = np.stack([array for array, _ in kept])
    pictures = torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()
    labels = torch.tensor([label for _, label in kept], dtype=torch.long)
    return PictureSet(pictures, labels, tuple(names), skipped)


def _square(picture: Image.Image, side: int) -> np.ndarray:
    if picture.size != (side, side):
        scale = side / min(picture.size)
        size = (max(side, round(picture.width * scale)), max(side, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
    return np.asarray(picture)


def split(pictures: PictureSet, fraction: float, seed: int) -> tuple[PictureSet, PictureSet]:
    """Two disjoint sets, the second with ``fraction`` of each class, at least one picture of each."""
    generator = np.random.default_rng(seed)
    held_out = np.zeros(len(pictures), dtype=bool)
    labels = pictures.labels.numpy()
    for label in range(len(pictures.classes)):
        members = generator.permutation(np.flatnonzero(labels == label))
        held_out[members[: max(1, round(fraction * len(members)))]] = True

    def part(mask: np.ndarray) -> PictureSet:
        index = torch.from_numpy(np.flatnonzero(mask))
        return PictureSet(pictures.pictures[index], pictures.labels[index], pictures.classes, pictures.skipped)

    return part(~held_out), part(held_out)


def load_train_and_val(
    data: Path, side: int, *, seed: int = 0, say: Callable[[str], object] = print
) -> tuple[PictureSet, PictureSet]:
    """The training and validation sets of a folder.

    ``data`` holds ``train`` and ``val``, each a folder of class folders; or class folders, of which a tenth of each
    class is then held out for validation.

    Raises:
        DataError: as :func:`load_folder`, or if ``train`` and ``val`` have different classes.
    """
    if (data / "train").is_dir() and (data / "val").is_dir():
        train, val = load_folder(data / "train", side), load_folder(data / "val", side, fewest=1)
        if train.classes != val.classes:
            odd = sorted(set(train.classes) ^ set(val.classes))
            raise DataError(f"The folders train and val in {str(data)!r} differ in these classes: {', '.join(odd)}.")
    else:
        train, val = split(load_folder(data, side), 0.1, seed)
    for part in (train, val):
        if part.skipped:
            shown = ", ".join(str(file) for file in part.skipped[:5])
            say(f"Skipped {len(part.skipped)} files that are not readable pictures: {shown}")
    return train, val


def load_validation(data: Path, side: int, classes: tuple[str, ...]) -> PictureSet:
    """The pictures a model is measured on: ``data/val`` where it exists, else ``data`` itself.

    Raises:
        DataError: as :func:`load_folder`, or if the folders are not the model's classes.
    """
    folder = data / "val" if (data / "val").is_dir() else data
    pictures = load_folder(folder, side, fewest=1)
    if pictures.classes != classes:
        odd = sorted(set(pictures.classes) ^ set(classes))
        raise DataError(
            f"The class folders in {str(folder)!r} are not the model's classes; these differ: {', '.join(odd)}."
        )
    return pictures


def augment(pictures: Tensor, generator: torch.Generator, margin: int) -> Tensor:
    """Each picture shifted by up to ``margin`` pixels (edges mirrored) and flipped left-right at random.

    Args:
        pictures: float (n, 3, side, side).
        generator: decides the shifts and flips.
        margin: largest shift in pixels, smaller than the side.
    """
    count, _, side, _ = pictures.shape
    padded = torch.nn.functional.pad(pictures, (margin,) * 4, mode="reflect")
    shifts = torch.randint(0, 2 * margin + 1, (count, 2), generator=generator).tolist()
    shifted = torch.stack([padded[i, :, dy : dy + side, dx : dx + side] for i, (dy, dx) in enumerate(shifts)])
    flips = torch.rand(count, generator=generator) < 0.5
    return torch.where(flips.view(-1, 1, 1, 1).to(pictures.device), shifted.flip(3), shifted)
