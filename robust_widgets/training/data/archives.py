"""Read a tar of class folders in memory, without unpacking it to disk."""

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
from robust_widgets.pictures.files import is_picture_name, is_shown
from robust_widgets.pictures.limits import MAX_HEADER_BYTES, MAX_MEMBERS, MAX_PICTURE_BYTES, most_unpacked
from robust_widgets.training.data.reading import (
    PictureSet,
    ReadPicture,
    assemble,
    class_folders,
    composed,
    decode,
)

Parts: TypeAlias = tuple[str, ...]
Decoded: TypeAlias = tuple[Parts, "Pixels | None"]

CHUNK_PICTURES = 256
CHUNK_BYTES = 64 << 20
_BLOCK = 512


class Archive:
    """The pictures of a tar, optionally compressed with gzip, bzip2 or xz, at a given size.

    Only regular files with a picture's extension are read; links are not followed. A common top-level folder, such as
    ``pets/`` in ``pets/train/cat/1.jpg``, is ignored.

    Args:
        path: the archive.
        size: width and height in pixels to which pictures are resized.
        progress: show a progress bar.

    Attributes:
        names: its top-level folders, sorted: classes, or ``train`` and ``val``.

    Raises:
        DataError: not a tar, damaged, truncated, absurdly large, or not readable.
    """

    def __init__(self, path: Path, size: int, *, progress: bool) -> None:
        self._path, self._size = path, size
        self._folders: set[Parts] = set()
        self._others: list[Parts] = []
        try:
            with ThreadPoolExecutor() as pool:
                self._pictures = dict(self._read(pool, progress))  # the last of duplicate members wins
        except (DataError, MemoryError):
            raise
        except PermissionError as error:
            raise DataError(
                f"The file {str(path)!r} cannot be read ({error.strerror}); check its permissions."
            ) from None
        except Exception as error:  # Damaged bytes make tarfile, zlib and lzma raise almost anything.
            raise DataError(
                f"{str(path)!r} cannot be read as a tar archive ({error}): it has another format, or is damaged "
                "or truncated; give a folder of class folders, or a complete tar of one."
            ) from None
        self._folders |= {parts[:depth] for parts in self._pictures for depth in range(1, len(parts))}
        self._root = self._descend(())
        self.names = self._below(self._root)

    def load(self, part: str | None, fewest: int) -> PictureSet:
        """The pictures of a part, or of the class folders at the top for None.

        Raises:
            DataError: fewer than two classes, or a class has fewer than ``fewest`` pictures.
        """
        root = self._root if part is None else (*self._root, part)
        if part is not None and self._below(root) == [part]:  # packed twice: training_set/training_set
            root = (*root, part)
        folder, depth = self._path.joinpath(*root), len(root)
        names = class_folders(self._below(root), f"The archive {str(folder)!r}")
        label = {name: index for index, name in enumerate(names)}
        below = sorted(parts for parts in self._pictures if parts[:depth] == root)
        inside = [parts for parts in below if len(parts) > depth + 1]
        loose = [parts for parts in below if len(parts) == depth + 1]
        others = sorted(parts for parts in self._others if parts[:depth] == root and len(parts) > depth + 1)
        read = (
            ReadPicture(self._path.joinpath(*parts), self._pictures[parts], label[parts[depth]]) for parts in inside
        )
        return assemble(
            read,
            [composed(name) for name in names],
            self._size,
            where=repr(str(folder)),
            fewest=fewest,
            left_out=[self._path.joinpath(*parts) for parts in (*loose, *others)],
        )

    def _below(self, folder: Parts) -> list[str]:
        depth = len(folder)
        return sorted(parts[depth] for parts in self._folders if len(parts) == depth + 1 and parts[:depth] == folder)

    def _descend(self, root: Parts) -> Parts:
        """The folder, or the only one in it, as long as that holds folders."""
        while len(names := self._below(root)) == 1 and self._below((*root, *names)):
            root = (*root, *names)
        return root

    def _read(self, pool: Executor, progress: bool) -> Iterator[Decoded]:
        def finish(item: tuple[Parts, bytes | None]) -> Decoded:
            parts, content = item
            return parts, None if content is None else decode(io.BytesIO(content), self._size)

        chunk: list[tuple[Parts, bytes | None]] = []
        pending_bytes = 0
        for item in self._contents(progress):
            chunk.append(item)
            pending_bytes += len(item[1] or b"")
            if len(chunk) >= CHUNK_PICTURES or pending_bytes >= CHUNK_BYTES:
                yield from pool.map(finish, chunk)
                chunk, pending_bytes = [], 0
        yield from pool.map(finish, chunk)

    def _contents(self, progress: bool) -> Iterator[tuple[Parts, bytes | None]]:
        """Path and bytes of each picture, in the archive's order; None instead of the bytes of absurdly large ones."""
        total = self._path.stat().st_size
        bar = tqdm(total=total, unit="B", unit_scale=True, desc=f"reading {self._path.name}", disable=not progress)
        with self._path.open("rb") as compressed, bar, _decompress(compressed) as decompressed:
            stream = _GuardedStream(decompressed, most_unpacked(total, packed=decompressed is not compressed))
            with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|") as archive:
                for count, member in enumerate(archive):
                    if count >= MAX_MEMBERS:
                        raise DataError(f"{str(self._path)!r} holds more than {MAX_MEMBERS:,} files; give fewer.")
                    stream.allow(member.offset_data + member.size)
                    parts = _visible_parts(member.name)
                    if parts and member.isdir():
                        self._folders.add(parts)
                    elif parts and member.isreg() and is_picture_name(parts[-1]):
                        file = None if member.size > MAX_PICTURE_BYTES else archive.extractfile(member)
                        yield parts, None if file is None else file.read()
                    elif parts and member.isreg():
                        self._others.append(parts)
                    bar.update(compressed.tell() - bar.n)
                stream.check_end(archive.offset)
            bar.update(total - bar.n)


def _visible_parts(name: str) -> Parts:
    """A member's path, empty if it is hidden or points outside the archive."""
    parts = tuple(part for part in PurePosixPath(name).parts if part != "/")
    return parts if all(is_shown(part) for part in parts) else ()


def _decompress(file: IO[bytes]) -> IO[bytes]:
    """A file's content, decompressed according to its first bytes."""
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(file))
    if magic.startswith(b"BZh"):
        return cast("IO[bytes]", bz2.open(file))
    if magic == b"\xfd7zXZ\0":
        return cast("IO[bytes]", lzma.open(file))
    return file


class _GuardedStream:
    """A stream for tarfile that rejects endless headers and files, and knows whether the archive is complete.

    tarfile itself takes a damaged header, or the end of the file, for the end of the archive.

    Args:
        stream: the archive, decompressed.
        most: bytes it may have.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most = stream, most
        self._length = self._content_end = 0
        self._ceiling = MAX_HEADER_BYTES

    def allow(self, end: int) -> None:
        """Allow to read the content of a file that ends here, and one more header."""
        if end > self._most:
            raise tarfile.ReadError(f"one of its files claims to end after {end:,} bytes")
        self._ceiling = end + MAX_HEADER_BYTES

    def read(self, size: int) -> bytes:
        if self._length > self._ceiling:
            raise tarfile.ReadError("one of its headers is absurdly long")
        if self._length > self._most:
            raise tarfile.ReadError(f"it unpacks to more than {self._most:,} bytes")
        content = self._stream.read(size)
        if used := len(content.rstrip(b"\0")):
            self._content_end = self._length + used
        self._length += len(content)
        return content

    def check_end(self, offset: int) -> None:
        """Check that there is an empty block at ``offset``, and nothing after it."""
        self._ceiling = offset + _BLOCK + MAX_HEADER_BYTES
        while self.read(1 << 16):
            pass
        if self._length < offset + _BLOCK or self._content_end > offset:
            raise tarfile.ReadError("it ends too early")
