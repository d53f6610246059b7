"""Detect the format of a weights file and check the sizes it claims, before anything in it is read.

Only the first bytes and the directory of the file are looked at, so a malicious file costs no more than opening it.
"""

from __future__ import annotations

import zipfile
from enum import Enum
from pathlib import Path

from robust_widgets.errors import WeightsError
from robust_widgets.pictures.limits import MAX_ENTRIES, MAX_HEADER, MAX_PICKLE


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
