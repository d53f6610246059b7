"""Make Restricted Tiny ImageNet from the official archive of Tiny ImageNet."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tqdm.auto import tqdm

from robust_widgets.errors import DataError
from robust_widgets.training.data.folders import RESTRICTED_TINY_IMAGENET, atomic_folder
from robust_widgets.training.data.reading import TRAIN, VAL
from robust_widgets.training.data.sources import log_skipped

ROOT = "tiny-imagenet-200/"
ANNOTATIONS = f"{ROOT}val/val_annotations.txt"
# Its photographs are 64 x 64 pixels, about 2 kB each; its list of 10,000 validation pictures is 300 kB.
MAX_PICTURE_BYTES = 1 << 20
MAX_LIST_BYTES = 16 << 20

_TRAIN_NAME = re.compile(re.escape(ROOT) + r"train/(n\d{8})/images/(\1_\d{1,6}\.JPEG)")
_VAL_NAME = re.compile(r"val_\d{1,6}\.JPEG")


def make_restricted_tiny_imagenet(
    archive: Path,
    out: Path,
    *,
    table: Mapping[str, Sequence[str]] = RESTRICTED_TINY_IMAGENET,
    progress: bool = True,
    log: Callable[[str], object] = print,
) -> dict[str, int]:
    """Sort photographs of Tiny ImageNet into ``train`` and ``val``, each with a folder for each class.

    Files are copied unchanged. A training picture keeps its name, ``n02123045_12.JPEG``; a validation picture gets its
    WordNet id as a prefix, ``n02123045_val_12.JPEG``.

    Args:
        archive: the official ``tiny-imagenet-200.zip``.
        out: the folder to create; it must not exist, or be empty.
        table: the WordNet ids of each class.
        progress: show a progress bar.
        log: called with a sentence about damaged pictures that were skipped.

    Returns:
        The number of pictures in ``train`` and ``val``.

    Raises:
        DataError: the archive is not the official one, or lacks pictures of a class.
        SaveError: ``out`` cannot be written; nothing of it is left.
    """
    with atomic_folder(out) as folder:
        try:
            opened = zipfile.ZipFile(archive)
        except OSError as error:
            raise DataError(
                f"The file {str(archive)!r} cannot be read ({error.strerror}); give the official tiny-imagenet-200.zip."
            ) from None
        except Exception as error:  # Damaged bytes make zipfile raise almost anything.
            raise DataError(
                f"{str(archive)!r} is not a complete zip file ({error}); download the official "
                "tiny-imagenet-200.zip again."
            ) from None
        with opened:
            destinations = _destinations(opened, archive, table)
            copied, skipped = _copy(opened, destinations, folder, progress)
        _check_complete(copied, archive, table)
    log_skipped(skipped, log)
    return {part: sum(count for (of, _), count in copied.items() if of == part) for part in (TRAIN, VAL)}


def _destinations(
    opened: zipfile.ZipFile, archive: Path, table: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Destination of each member: part, class, WordNet id, file name."""
    names = opened.namelist()
    if not any(name.startswith(ROOT) for name in names):
        raise DataError(
            f"{str(archive)!r} is another zip file: it has no folder {ROOT[:-1]!r}; give the official "
            "tiny-imagenet-200.zip."
        )
    class_of = {wnid: name for name, wnids in table.items() for wnid in wnids}
    destinations: dict[str, tuple[str, ...]] = {}
    for name in names:
        match = _TRAIN_NAME.fullmatch(name)
        if match and match[1] in class_of:
            destinations[name] = (TRAIN, class_of[match[1]], match[1], match[2])
    for file, wnid in _annotations(opened, archive):
        if wnid in class_of:
            destinations[f"{ROOT}val/images/{file}"] = (VAL, class_of[wnid], wnid, f"{wnid}_{file}")
    return destinations


def _annotations(opened: zipfile.ZipFile, archive: Path) -> Iterator[tuple[str, str]]:
    """File name and WordNet id of each validation picture."""
    content = _content(opened, ANNOTATIONS, MAX_LIST_BYTES)
    if content is None:
        raise DataError(
            f"{str(archive)!r} lacks a readable {ANNOTATIONS!r}, which labels the validation pictures; give "
            "the official tiny-imagenet-200.zip."
        )
    for line in content.decode(errors="replace").splitlines():
        file, _, rest = line.partition("\t")
        if _VAL_NAME.fullmatch(file):
            yield file, rest.partition("\t")[0]


def _copy(
    opened: zipfile.ZipFile, destinations: Mapping[str, tuple[str, ...]], folder: Path, progress: bool
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Copy each member; returns the number of files by part and WordNet id, and the unreadable members."""
    for part, name in sorted({place[:2] for place in destinations.values()}):
        (folder / part / name).mkdir(parents=True)
    copied: Counter[tuple[str, str]] = Counter()
    skipped: list[str] = []
    for member, (part, name, wnid, file) in tqdm(destinations.items(), desc="sorting pictures", disable=not progress):
        content = _content(opened, member, MAX_PICTURE_BYTES)
        if content is None:
            skipped.append(member)
            continue
        (folder / part / name / file).write_bytes(content)
        copied[part, wnid] += 1
    return copied, skipped


def _content(opened: zipfile.ZipFile, name: str, limit: int) -> bytes | None:
    """A member's bytes, or None if it is missing, damaged or too large."""
    try:
        member = opened.getinfo(name)
        return opened.read(member) if 0 < member.file_size <= limit else None
    except MemoryError:
        raise
    except Exception:  # Damaged bytes make zipfile and zlib raise almost anything.
        return None


def _check_complete(copied: Counter[tuple[str, str]], archive: Path, table: Mapping[str, Sequence[str]]) -> None:
    missing = [
        f"{part}: {name} ({wnid})"
        for part in (TRAIN, VAL)
        for name, wnids in table.items()
        for wnid in wnids
        if not copied[part, wnid]
    ]
    if missing:
        listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise DataError(
            f"{str(archive)!r} lacks the pictures of these classes: {listed}; give the official tiny-imagenet-200.zip."
        )
