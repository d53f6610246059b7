"""What a weights file claims about itself, checked before anything in it is read.

Only sizes and kinds are looked at here, so a file that lies about them costs no more than opening it.
"""

from __future__ import annotations

import zipfile
from enum import Enum
from pathlib import Path

from robust_widgets.errors import WeightsError

LARGEST_HEADER = 100_000_000  # bytes; the safetensors format's own limit
LARGEST_PICKLE = 64 << 20  # bytes; what names the tensors of an archive takes some hundred kilobytes
MOST_ENTRIES = 200_000


class Kind(Enum):
    """How a weights file is laid out, told by its first bytes and never by its ending."""

    ARCHIVE = "a zip archive written by torch.save"
    PICKLE = "a pickle written by torch.save before torch 1.6"
    SAFETENSORS = "a safetensors file"


def checked_kind(path: Path) -> Kind:
    """The kind of a weights file whose claims about itself can be true.

    Raises:
        WeightsError: the file is missing, of no kind that is read, or claims sizes that it cannot have.
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
        return Kind.ARCHIVE
    if start[8:9] == b"{":  # asked before the pickle, because a header's length may begin with any byte
        _check_header(path, int.from_bytes(start[:8], "little"), size)
        return Kind.SAFETENSORS
    if start[:1] == b"\x80":
        return Kind.PICKLE
    raise WeightsError(
        f"The file {str(path)!r} holds no weights that can be read; give one written by torch.save or a "
        ".safetensors file."
    )


def _check_archive(path: Path, size: int) -> None:
    """Refuse an archive that unpacks to more than it is; torch packs without compression, so none of its own does."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise WeightsError(f"The archive {str(path)!r} cannot be opened ({error}); it is damaged.") from None
    pickles = [entry.file_size for entry in entries if entry.filename.endswith("data.pkl")]
    if len(pickles) != 1:
        raise WeightsError(f"The archive {str(path)!r} was not written by torch.save; give a file that was.")
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if compressed or len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > size:
        raise WeightsError(
            f"The archive {str(path)!r} unpacks to more than the {size:,} bytes it has, which no file of torch.save "
            "does; it is not read."
        )
    if pickles[0] > LARGEST_PICKLE:
        raise WeightsError(
            f"The archive {str(path)!r} describes its weights in {pickles[0]:,} bytes, of at most {LARGEST_PICKLE:,}; "
            "it is not read."
        )


def _check_header(path: Path, header: int, size: int) -> None:
    if header > min(LARGEST_HEADER, size - 8):
        raise WeightsError(
            f"The file {str(path)!r} claims a header of {header:,} bytes and has {size:,} in all, of which a header "
            f"may take {LARGEST_HEADER:,}; it is damaged or made to harm."
        )
