"""Two kinds of picture that lie in one folder, told apart by their file names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from tqdm.auto import tqdm

from robust_widgets.errors import DataError
from robust_widgets.training.data.folders import picture_files, subfolders, whole_folder
from robust_widgets.training.data.sources import TRAIN, VAL, say_skipped


def split_by_name(
    data: Path,
    out: Path,
    domains: Mapping[str, Sequence[str]],
    *,
    progress: bool = True,
    say: Callable[[str], object] = print,
) -> dict[str, int]:
    """Copy the pictures of each domain into a folder of its own, as their file names begin.

    Args:
        data: a folder of pictures, at any depth. If it holds ``train`` and ``val``, so does the result.
        out: the folder to make; it must not exist yet, or be empty.
        domains: the beginnings of each domain's file names; ``{"orange": ["n07747607"], "lemon": ["n07749582"]}``.
        progress: show a progress bar.
        say: is told which files were skipped because they cannot be read.

    Returns:
        How many pictures of each domain were copied.

    Raises:
        DataError: fewer than two domains, names that are no folders', beginnings of two domains that overlap, a
            beginning that no file has, a domain without a picture in ``train`` or ``val``, or an unreadable folder.
        SaveError: ``out`` cannot be made; nothing of it is left.
    """
    _check_domains(domains)
    top = subfolders(data)
    parts = [TRAIN, VAL] if TRAIN in top and VAL in top else [""]
    found = {part: picture_files(data / part) for part in parts}
    _check_found(found, data, domains)
    places = [
        (file, Path(part, domain)) for part in parts for file in found[part] if (domain := _domain_of(file, domains))
    ]
    copied = dict.fromkeys(domains, 0)
    skipped: list[Path] = []
    with whole_folder(out) as folder:
        for file, place in tqdm(places, desc="sorting pictures", disable=not progress):
            try:
                content = file.read_bytes()
            except OSError:
                skipped.append(file)
                continue
            (folder / place).mkdir(parents=True, exist_ok=True)
            _free_name(folder / place / file.name).write_bytes(content)
            copied[place.name] += 1
    say_skipped(skipped, say)
    return copied


def _check_domains(domains: Mapping[str, Sequence[str]]) -> None:
    if len(domains) < 2:
        raise DataError(
            f"Domains were given: {len(domains)}; give at least two, such as orange=n07747607 lemon=n07749582."
        )
    for name, beginnings in domains.items():
        if not name or name != Path(name).name or name.startswith("."):
            raise DataError(f"{name!r} cannot be the name of a folder; give a domain a plain name, such as 'orange'.")
        if not beginnings or not all(beginnings):
            raise DataError(f"The domain {name!r} says no beginning of a file name; give one, such as 'n07747607'.")
    for (one, of_one), (other, of_other) in combinations(domains.items(), 2):
        for first in of_one:
            for second in of_other:
                if first.startswith(second) or second.startswith(first):
                    raise DataError(
                        f"The domains {one!r} and {other!r} overlap: a file name may begin with {first!r} and with "
                        f"{second!r}; give each beginning to one domain only."
                    )


def _check_found(found: Mapping[str, Sequence[Path]], data: Path, domains: Mapping[str, Sequence[str]]) -> None:
    for name, beginnings in domains.items():
        for beginning in beginnings:
            if not any(file.name.startswith(beginning) for files in found.values() for file in files):
                raise DataError(
                    f"No picture in {str(data)!r} has a name that begins with {beginning!r}, as the domain {name!r} "
                    "wants; look at the file names."
                )
        for part, files in found.items():
            if not any(file.name.startswith(tuple(beginnings)) for file in files):
                raise DataError(
                    f"The domain {name!r} has no picture in {str(data / part)!r}; give {str(data)!r} pictures of it "
                    "in both parts, or split one part alone."
                )


def _domain_of(file: Path, domains: Mapping[str, Sequence[str]]) -> str | None:
    return next((name for name, beginnings in domains.items() if file.name.startswith(tuple(beginnings))), None)


def _free_name(file: Path) -> Path:
    """The file, or where one of that name is there already, from another folder, a numbered name beside it."""
    return next(name for name in _names(file) if not name.exists())


def _names(file: Path) -> Iterator[Path]:
    yield file
    number = 2
    while True:
        yield file.with_name(f"{file.stem}-{number}{file.suffix}")
        number += 1
