"""Split one folder of pictures into domains by file name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from tqdm.auto import tqdm

from robust_widgets._deprecated import renamed_keywords
from robust_widgets._files import free_path
from robust_widgets.errors import DataError, short_repr
from robust_widgets.pictures.files import as_path
from robust_widgets.training.data.folders import atomic_folder, files_in, subfolders
from robust_widgets.training.data.reading import TRAIN, VAL, find_parts
from robust_widgets.training.data.sources import log_skipped


@renamed_keywords(say="log")
def split_by_name(
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    domains: Mapping[str, str | Sequence[str]],
    *,
    progress: bool = True,
    log: Callable[[str], object] = print,
) -> dict[str, int]:
    """Copy pictures into a folder for each domain, by the prefix of their file names.

    Args:
        data: a folder of pictures, at any depth. If it holds ``train`` and ``val``, by these or similar names, the
            result holds ``train`` and ``val``, too.
        out: the folder to create; it must not exist, or be empty.
        domains: the prefixes of each domain's file names, ``{"orange": ["n07747607"], "lemon": ["n07749582"]}``.
        progress: show a progress bar.
        log: called with a sentence about files that were skipped because they are unreadable.

    Returns:
        How many pictures of each domain were copied.

    Raises:
        DataError: there are fewer than two domains, a domain's name cannot be a folder's, prefixes overlap, no file has
            a prefix, a domain has no picture in ``train`` or ``val``, or a folder is unreadable.
        SaveError: ``out`` cannot be written; nothing of it is left.
    """
    if not isinstance(domains, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DataError(f"The domains are a {type(domains).__name__}; give {_EXAMPLE}.")
    for name, prefixes in domains.items():
        if not isinstance(prefixes, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DataError(f"The prefixes of {str(name)!r} are {short_repr(prefixes)}; give {_EXAMPLE}.")
    domains = {str(name): [prefix] if isinstance(prefix, str) else list(prefix) for name, prefix in domains.items()}
    _check_domains(domains)
    data, out = as_path(data), as_path(out)
    top = subfolders(data)
    parts = find_parts(top)
    places = {part: parts[part] for part in (TRAIN, VAL)} if len(parts) == 2 else {"": ""}
    files = {part: files_in(data / place)[0] for part, place in places.items()}
    _check_prefixes(files, data, domains)
    copies = [
        (file, Path(part, domain)) for part in places for file in files[part] if (domain := _domain_of(file, domains))
    ]
    copied = dict.fromkeys(domains, 0)
    skipped: list[Path] = []
    with atomic_folder(out) as folder:
        for file, place in tqdm(copies, desc="sorting pictures", disable=not progress):
            try:
                content = file.read_bytes()
            except OSError:
                skipped.append(file)
                continue
            (folder / place).mkdir(parents=True, exist_ok=True)
            free_path(folder / place / file.name).write_bytes(content)
            copied[place.name] += 1
    log_skipped(skipped, log)
    return copied


_EXAMPLE = "the prefixes of each domain, such as {'orange': ['n07747607'], 'lemon': ['n07749582']}"


def _check_domains(domains: Mapping[str, Sequence[str]]) -> None:
    if len(domains) < 2:
        raise DataError(
            f"There are {len(domains)} domains; give at least two, such as orange=n07747607 lemon=n07749582."
        )
    for name, prefixes in domains.items():
        if not name or name != Path(name).name or name.startswith("."):
            raise DataError(f"{name!r} cannot be a folder's name; give the domain a plain name, such as 'orange'.")
        if not prefixes or not all(prefixes):
            raise DataError(f"The domain {name!r} has an empty prefix; give one, such as 'n07747607'.")
    for (name, prefixes), (other, other_prefixes) in combinations(domains.items(), 2):
        for first in prefixes:
            for second in other_prefixes:
                if first.startswith(second) or second.startswith(first):
                    raise DataError(
                        f"The domains {name!r} and {other!r} overlap: a file name can begin with both {first!r} and "
                        f"{second!r}; give each prefix to one domain only."
                    )


def _check_prefixes(files: Mapping[str, Sequence[Path]], data: Path, domains: Mapping[str, Sequence[str]]) -> None:
    for name, prefixes in domains.items():
        for prefix in prefixes:
            if not any(file.name.startswith(prefix) for part in files.values() for file in part):
                raise DataError(
                    f"No picture in {str(data)!r} has a name that begins with {prefix!r}, the prefix of domain "
                    f"{name!r}; check the file names."
                )
        for part, part_files in files.items():
            if not any(file.name.startswith(tuple(prefixes)) for file in part_files):
                raise DataError(
                    f"The domain {name!r} has no picture in {str(data / part)!r}; add some, or split only one "
                    "of the two parts."
                )


def _domain_of(file: Path, domains: Mapping[str, Sequence[str]]) -> str | None:
    return next((name for name, prefixes in domains.items() if file.name.startswith(tuple(prefixes))), None)
