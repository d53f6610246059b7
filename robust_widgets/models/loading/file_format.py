"""Detect the format of a weights file and check the sizes it claims, before anything in it is read.

Only the first bytes and the directory of the file are looked at, so a malicious file costs no more than opening it.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import IO, Any, cast

from robust_widgets.errors import WeightsError, first_line
from robust_widgets.pictures.limits import MAX_ENTRIES, MAX_HEADER, MAX_OPERATIONS, MAX_PICKLE


class FileFormat(Enum):
    """The layout of a weights file, detected from its first bytes and never from its suffix."""

    ARCHIVE = "a zip archive written by torch.save"
    PICKLE = "a pickle written by torch.save before torch 1.6"
    SAFETENSORS = "a safetensors file"


def detect_format(path: Path) -> FileFormat:
    """The format of a weights file whose claimed sizes are plausible.

    Raises:
        WeightsError: the file is missing, has an unknown format, or claims sizes that are impossible.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
        size = path.stat().st_size
    except IsADirectoryError:
        raise WeightsError(f"{str(path)!r} is a folder; give the weights file in it.") from None
    except OSError as error:
        raise WeightsError(f"The weights file {str(path)!r} cannot be opened ({error.strerror}).") from None
    if start[:4] == b"PK\x03\x04":
        _check_archive(path, size)
        return FileFormat.ARCHIVE
    if start[8:9] == b"{":  # before the pickle test, because the length of a header may begin with any byte
        _check_header(path, int.from_bytes(start[:8], "little"), size)
        return FileFormat.SAFETENSORS
    if start[:1] == b"\x80":
        _check_pickle(path, size)
        return FileFormat.PICKLE
    raise WeightsError(
        f"The file {str(path)!r} holds no weights in a known format; give one written by torch.save, or a "
        ".safetensors file."
    )


def _check_archive(path: Path, size: int) -> None:
    """Refuse an archive that unpacks to more than its own size; torch.save doesn't compress, so its files never do."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise WeightsError(f"The archive {str(path)!r} cannot be opened ({error}); it is damaged.") from None
    if any("/code/" in entry.filename for entry in entries):
        raise WeightsError(
            f"{str(path)!r} is a TorchScript program, not weights; if you trust its source, load it with "
            "torch.jit.load and give the network, with classes=, mean=, std= and input_size=."
        )
    pickles = [entry.file_size for entry in entries if entry.filename.endswith("data.pkl")]
    if len(pickles) != 1:
        raise WeightsError(f"The archive {str(path)!r} was not written by torch.save; give a file that was.")
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if compressed or len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > size:
        raise WeightsError(
            f"The archive {str(path)!r} unpacks to more than its {size:,} bytes, which a file written by torch.save "
            "never does; it was not read."
        )
    if pickles[0] > MAX_PICKLE:
        raise WeightsError(
            f"The archive {str(path)!r} describes its weights in {pickles[0]:,} bytes; at most {MAX_PICKLE:,} are "
            "allowed, so it was not read."
        )


def check_header(path: Path) -> None:
    """Refuse a safetensors file whose header is too long to be read.

    Raises:
        WeightsError: it is.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        _check_header(path, int.from_bytes(file.read(8), "little"), path.stat().st_size)


def _check_header(path: Path, header: int, size: int) -> None:
    if header > min(MAX_HEADER, size - 8):
        raise WeightsError(
            f"The file {str(path)!r} has {size:,} bytes and claims a header of {header:,}; at most {MAX_HEADER:,} are "
            "allowed. It is damaged or malicious."
        )


LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PICKLES = 5  # magic number, protocol version, system, content, and the keys of the storages, which follow


class _TooLongError(Exception):
    """The pickles have more bytes or operations than are read."""


class _Limited:
    """A file of which only the first bytes are read."""

    def __init__(self, file: IO[bytes], limit: int, operations: int) -> None:
        self._file, self._left = file, limit
        self._operations = operations

    def count(self) -> None:
        """Account for one operation of a pickle."""
        self._operations -= 1
        if self._operations < 0:
            raise _TooLongError

    def read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise _TooLongError
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise _TooLongError
        return line


def _check_pickle(path: Path, size: int) -> None:
    """Refuse a file whose pickles are too long, or claim more values than the file has bytes.

    torch allocates what the content claims before it reads the values behind it. The pickles are scanned here, not run.
    """
    try:
        with path.open("rb") as opened:
            file = _Limited(opened, MAX_PICKLE, MAX_OPERATIONS)
            claimed = sum(_claimed_values(file, is_first=not number) for number in range(LEGACY_PICKLES))
    except _TooLongError:
        raise WeightsError(
            f"The file {str(path)!r} describes its weights in more than {MAX_PICKLE:,} bytes or {MAX_OPERATIONS:,} "
            "operations, so it was not read."
        ) from None
    except Exception as error:  # damaged bytes make pickletools raise almost anything
        raise WeightsError(
            f"The weights file {str(path)!r} cannot be read ({first_line(error)}); it is damaged or was not written by "
            "torch.save."
        ) from None
    if claimed > size:
        raise WeightsError(
            f"The file {str(path)!r} has {size:,} bytes and claims to hold {claimed:,} values; it is damaged or "
            "malicious."
        )


Operation = tuple[pickletools.OpcodeInfo, Any]


def _claimed_values(file: _Limited, *, is_first: bool) -> int:
    """The values of all storages that the next pickle of a file names.

    Raises:
        ValueError: it is damaged, or names a storage in another way than torch.save does; the first pickle is not the
            magic number.
    """
    sizes: dict[object, int] = {}
    texts: dict[object, object] = {}
    operations: list[Operation] = []  # since the last mark
    before: Operation | None = None
    for opcode, argument, _ in pickletools.genops(cast(IO[bytes], file)):
        file.count()
        if is_first and opcode.name in ("LONG1", "BININT", "BININT1") and argument != LEGACY_MAGIC:
            raise ValueError("it has another magic number")
        if opcode.name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            if before is not None:
                texts[len(texts) if argument is None else argument] = before[1]
            continue
        if opcode.name in ("BINGET", "LONG_BINGET", "GET"):
            argument = texts.get(argument)
        if opcode.name in ("BINPERSID", "PERSID"):
            if opcode.name == "PERSID" or before is None or before[0].name != "TUPLE":
                raise ValueError("it names a storage in an unknown way")
            key, count = _storage(operations[:-1])
            sizes[key] = max(count, sizes.get(key, 0))
        before = (opcode, argument)
        if opcode.name == "MARK":
            operations = []
        else:
            operations.append(before)
    return sum(sizes.values())


def _storage(operations: Sequence[Operation]) -> tuple[object, int]:
    """The key of a storage and the number of its values.

    Args:
        operations: what builds the tuple ``("storage", type, key, place, values, view)``.

    Raises:
        ValueError: it is built in another way.
    """
    items: list[object] = []
    for opcode, argument in operations:
        if opcode.name == "STACK_GLOBAL":
            items[-2:] = [argument]
        elif opcode.name.startswith("TUPLE") and opcode.name[5:].isdigit():  # which part of another storage it is
            items[-int(opcode.name[5:]) :] = [argument]
        elif opcode.stack_before or len(opcode.stack_after) != 1:
            raise ValueError("it names a storage in an unknown way")
        else:
            items.append(argument)
    if items[:1] == ["module"] and len(items) == 4:  # the class of a network that was saved whole
        return None, 0
    if len(items) != 6 or items[0] != "storage" or not isinstance(items[4], int) or not 0 <= items[4] < 2**63:
        raise ValueError("it names a storage in an unknown way")
    return items[2], items[4]
