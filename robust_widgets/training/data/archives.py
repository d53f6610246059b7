"""A tar of class folders as a set of pictures, read straight from the archive: nothing is written to the disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias, cast

from tqdm.auto import tqdm

from robust_widgets.errors import DataError
from robust_widgets.pictures import Pixels
from robust_widgets.training.data.reading import (
    PictureSet,
    ReadPicture,
    assemble,
    check_class_folders,
    decode,
    is_picture_name,
    is_shown,
)

Parts: TypeAlias = tuple[str, ...]
Decoded: TypeAlias = tuple[Parts, "Pixels | None"]

LARGEST_PICTURE = 64 << 20
LARGEST_HEADER = 1 << 20
MOST_MEMBERS = 5_000_000
CHUNK_PICTURES = 256
CHUNK_BYTES = 64 << 20
_BLOCK = 512


class Archive:
    """The pictures of a tar, which may be packed with gzip, bzip2 or xz, at a given side.

    Only regular files that are called pictures are read; links are not followed. Folders that hold everything else,
    such as ``pets/`` in ``pets/train/cat/1.jpg``, are left out of account.

    Args:
        path: the archive.
        side: side in pixels that its pictures are brought to.
        progress: show a progress bar.

    Attributes:
        names: folders at the top, sorted: classes, or ``train`` and ``val``.

    Raises:
        DataError: no tar, damaged, cut off, of absurd size, or not readable by us.
    """

    def __init__(self, path: Path, side: int, *, progress: bool) -> None:
        self._path, self._side = path, side
        self._folders: set[Parts] = set()
        try:
            with ThreadPoolExecutor() as pool:
                self._pictures = dict(self._read(pool, progress))  # a member that comes twice replaces the first
        except (DataError, MemoryError):
            raise
        except PermissionError as error:
            raise DataError(
                f"The file {str(path)!r} cannot be read ({error.strerror}); give one that may be read."
            ) from None
        except Exception as error:  # Damaged bytes make tarfile, zlib and lzma raise almost anything.
            raise DataError(
                f"{str(path)!r} cannot be read as a tar archive ({error}): it is of another kind, damaged or cut off; "
                "give a folder of class folders, or a whole tar of one."
            ) from None
        self._folders |= {parts[:depth] for parts in self._pictures for depth in range(1, len(parts))}
        self._root = self._find_root()
        self.names = self._below(self._root)

    def load(self, part: str | None, fewest: int) -> PictureSet:
        """The pictures of a part, or of the class folders where it has no parts.

        Raises:
            DataError: fewer than two classes, or a class has fewer than ``fewest`` pictures.
        """
        root = self._root if part is None else (*self._root, part)
        place, depth = self._path.joinpath(*root), len(root)
        names = self._below(root)
        check_class_folders(names, f"The archive {str(place)!r}")
        label = {name: index for index, name in enumerate(names)}
        inside = sorted(parts for parts in self._pictures if parts[:depth] == root and len(parts) > depth + 1)
        read = (
            ReadPicture(self._path.joinpath(*parts), self._pictures[parts], label[parts[depth]]) for parts in inside
        )
        return assemble(read, names, self._side, where=repr(str(place)), fewest=fewest)

    def _below(self, folder: Parts) -> list[str]:
        depth = len(folder)
        return sorted(parts[depth] for parts in self._folders if len(parts) == depth + 1 and parts[:depth] == folder)

    def _find_root(self) -> Parts:
        root: Parts = ()
        while len(names := self._below(root)) == 1 and self._below((*root, *names)):
            root = (*root, *names)
        return root

    def _read(self, pool: Executor, progress: bool) -> Iterator[Decoded]:
        def finish(item: tuple[Parts, bytes | None]) -> Decoded:
            parts, content = item
            return parts, None if content is None else decode(io.BytesIO(content), self._side)

        chunk: list[tuple[Parts, bytes | None]] = []
        waiting = 0
        for item in self._contents(progress):
            chunk.append(item)
            waiting += len(item[1] or b"")
            if len(chunk) >= CHUNK_PICTURES or waiting >= CHUNK_BYTES:
                yield from pool.map(finish, chunk)
                chunk, waiting = [], 0
        yield from pool.map(finish, chunk)

    def _contents(self, progress: bool) -> Iterator[tuple[Parts, bytes | None]]:
        """Path and bytes of each picture, in the archive's order; None for the bytes of one that is absurdly large."""
        size = self._path.stat().st_size
        bar = tqdm(total=size, unit="B", unit_scale=True, desc=f"reading {self._path.name}", disable=not progress)
        with self._path.open("rb") as packed, bar, _unpacked(packed) as plain:
            stream = _Watched(plain)
            with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as archive:
                for count, member in enumerate(archive):
                    if count >= MOST_MEMBERS:
                        raise DataError(f"{str(self._path)!r} holds more than {MOST_MEMBERS:,} files; give fewer.")
                    stream.ceiling = member.offset_data + member.size + LARGEST_HEADER
                    parts = _visible_parts(member.name)
                    if parts and member.isdir():
                        self._folders.add(parts)
                    elif parts and member.isreg() and is_picture_name(parts[-1]):
                        file = None if member.size > LARGEST_PICTURE else archive.extractfile(member)
                        yield parts, None if file is None else file.read()
                    bar.update(packed.tell() - bar.n)
                stream.check_end(archive.offset)
            bar.update(size - bar.n)


def _visible_parts(name: str) -> Parts:
    """A member's path, empty if it is hidden or leaves the archive."""
    parts = tuple(part for part in PurePosixPath(name).parts if part != "/")
    return parts if all(is_shown(part) for part in parts) else ()


def _unpacked(packed: IO[bytes]) -> IO[bytes]:
    """What a file holds, unpacked as its first bytes say."""
    magic = packed.read(6)
    packed.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(packed))
    if magic.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.open(packed))
    if magic == b"\xfd7zXZ\0":
        return cast("IO[bytes]", lzma.open(packed))
    return packed


class _Watched:
    """What tarfile reads from: it refuses endless headers, and knows whether the archive came to its proper end.

    tarfile itself takes a damaged header, or the end of the file, for the end of the archive.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._length = self._written = 0
        self.ceiling = LARGEST_HEADER

    def read(self, size: int) -> bytes:
        if self._length > self.ceiling:
            raise tarfile.ReadError("a header in it is absurdly long")
        content = self._stream.read(size)
        if ends := len(content.rstrip(b"\0")):
            self._written = self._length + ends
        self._length += len(content)
        return content

    def check_end(self, offset: int) -> None:
        """At ``offset`` there must be an empty block, and nothing after it."""
        self.ceiling = offset + _BLOCK + LARGEST_HEADER
        while self.read(1 << 16):
            pass
        if self._length < offset + _BLOCK or self._written > offset:
            raise tarfile.ReadError("it ends too early")
