"""Restricted Tiny ImageNet, made from the official archive of Tiny ImageNet."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tqdm.auto import tqdm

from robust_widgets.errors import DataError
from robust_widgets.training.data.folders import RESTRICTED_TINY_IMAGENET, whole_folder
from robust_widgets.training.data.sources import TRAIN, VAL, say_skipped

ROOT = "tiny-imagenet-200/"
ANNOTATIONS = f"{ROOT}val/val_annotations.txt"
# Its photographs have 64 pixels a side and take 2 kB; its list of 10,000 validation pictures takes 300 kB.
LARGEST_PICTURE = 1 << 20
LARGEST_LIST = 16 << 20

_TRAIN_NAME = re.compile(re.escape(ROOT) + r"train/(n\d{8})/images/(\1_\d{1,6}\.JPEG)")
_VAL_NAME = re.compile(r"val_\d{1,6}\.JPEG")


def make_restricted_tiny_imagenet(
    archive: Path,
    out: Path,
    *,
    table: Mapping[str, Sequence[str]] = RESTRICTED_TINY_IMAGENET,
    progress: bool = True,
    say: Callable[[str], object] = print,
) -> dict[str, int]:
    """Sort photographs of Tiny ImageNet into the folders ``train`` and ``val``, each with a folder a class.

    The files are copied as they are. A training picture keeps its name, ``n02123045_12.JPEG``; a validation picture's
    begins with its WordNet id, too, ``n02123045_val_12.JPEG``.

    Args:
        archive: the official ``tiny-imagenet-200.zip``.
        out: the folder to make; it must not exist yet, or be empty.
        table: the WordNet ids of each class.
        progress: show a progress bar.
        say: is told which pictures were skipped because they are damaged.

    Returns:
        How many pictures went into ``train`` and ``val``.

    Raises:
        DataError: not the official archive, or it lacks pictures of a class.
        SaveError: ``out`` cannot be made; nothing of it is left.
    """
    with whole_folder(out) as folder:
        try:
            opened = zipfile.ZipFile(archive)
        except OSError as error:
            raise DataError(
                f"The file {str(archive)!r} cannot be read ({error.strerror}); give the official tiny-imagenet-200.zip."
            ) from None
        except Exception as error:  # Damaged bytes make zipfile raise almost anything.
            raise DataError(
                f"{str(archive)!r} is not a whole zip file ({error}); give the official tiny-imagenet-200.zip, "
                "downloaded to its end."
            ) from None
        with opened:
            files = _places(opened, archive, table)
            copied, skipped = _copy(opened, files, folder, progress)
        _check_none_lacks(copied, archive, table)
    say_skipped(skipped, say)
    return {part: sum(count for (of, _), count in copied.items() if of == part) for part in (TRAIN, VAL)}


def _places(opened: zipfile.ZipFile, archive: Path, table: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Where each member goes: part, class, WordNet id, file name."""
    names = opened.namelist()
    if not any(name.startswith(ROOT) for name in names):
        raise DataError(
            f"{str(archive)!r} is a zip file of something else: it holds no folder {ROOT[:-1]!r}; give the official "
            "tiny-imagenet-200.zip."
        )
    class_of = {wnid: name for name, wnids in table.items() for wnid in wnids}
    places: dict[str, tuple[str, ...]] = {}
    for name in names:
        match = _TRAIN_NAME.fullmatch(name)
        if match and match[1] in class_of:
            places[name] = (TRAIN, class_of[match[1]], match[1], match[2])
    for file, wnid in _annotations(opened, archive):
        if wnid in class_of:
            places[f"{ROOT}val/images/{file}"] = (VAL, class_of[wnid], wnid, f"{wnid}_{file}")
    return places


def _annotations(opened: zipfile.ZipFile, archive: Path) -> Iterator[tuple[str, str]]:
    """The file and the WordNet id of each validation picture."""
    content = _content(opened, ANNOTATIONS, LARGEST_LIST)
    if content is None:
        raise DataError(
            f"{str(archive)!r} lacks a readable {ANNOTATIONS!r}, which says what the validation pictures show; give "
            "the official tiny-imagenet-200.zip."
        )
    for line in content.decode(errors="replace").splitlines():
        file, _, rest = line.partition("\t")
        if _VAL_NAME.fullmatch(file):
            yield file, rest.partition("\t")[0]


def _copy(
    opened: zipfile.ZipFile, places: Mapping[str, tuple[str, ...]], folder: Path, progress: bool
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Copy each member to its place; how many of each part and WordNet id were, and which were not."""
    for part, name in sorted({place[:2] for place in places.values()}):
        (folder / part / name).mkdir(parents=True)
    copied: Counter[tuple[str, str]] = Counter()
    skipped: list[str] = []
    for member, (part, name, wnid, file) in tqdm(places.items(), desc="sorting pictures", disable=not progress):
        content = _content(opened, member, LARGEST_PICTURE)
        if content is None:
            skipped.append(member)
            continue
        (folder / part / name / file).write_bytes(content)
        copied[part, wnid] += 1
    return copied, skipped


def _content(opened: zipfile.ZipFile, name: str, largest: int) -> bytes | None:
    """A member's bytes, or None where it is missing, damaged or too large."""
    try:
        member = opened.getinfo(name)
        return opened.read(member) if 0 < member.file_size <= largest else None
    except MemoryError:
        raise
    except Exception:  # Damaged bytes make zipfile and zlib raise almost anything.
        return None


def _check_none_lacks(copied: Counter[tuple[str, str]], archive: Path, table: Mapping[str, Sequence[str]]) -> None:
    lacking = [
        f"{part}: {name} ({wnid})"
        for part in (TRAIN, VAL)
        for name, wnids in table.items()
        for wnid in wnids
        if not copied[part, wnid]
    ]
    if lacking:
        shown = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
        raise DataError(
            f"{str(archive)!r} lacks the pictures of these classes: {shown}; give the official tiny-imagenet-200.zip."
        )
