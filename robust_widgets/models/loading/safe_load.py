"""What a weights file claims about itself, checked before anything in it is read.

Only sizes and kinds are looked at here, so a file that lies about them costs no more than opening it.
"""

from __future__ import annotations

import pickle
import re
import shlex
import zipfile
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

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


# The first version without a known way around the weights-only unpickler: CVE-2025-32434 was mended in 2.6, and
# CVE-2026-24747 in 2.10.
SAFE_TORCH = (2, 10)
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
COUNTERS = (torch.int64, torch.int32)
SWELLING = 4  # tensors may share storage, so they may add up to more than their file, but not to much more
REFUSED = re.compile(r"(?:GLOBAL|got <class '|[Uu]nsupported class )\s*([\w.]+)")


def read_checkpoint(path: Path) -> object:
    """What a weights file holds: nested dicts, lists, numbers, texts and tensors on the CPU.

    Raises:
        WeightsError: the file is missing, damaged, claims what it cannot hold, or holds more than weights.
    """
    if checked_kind(path) is Kind.SAFETENSORS:
        return _read_safetensors(path)
    _require_safe_torch(path)
    try:
        with path.open("rb") as file:  # opened here, so that torch does not go by the file's name
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        _refuse(path, str(error))
    except Exception as error:  # Damaged bytes make torch and the unpickler raise almost anything.
        raise WeightsError(
            f"The weights file {str(path)!r} cannot be read ({_first_line(error)}); it is damaged or was not written "
            "by torch.save."
        ) from None


def checked_weights(path: Path, state: Mapping[str, object]) -> dict[str, Tensor]:
    """A state dict's tensors, once every one of them is fit to be a weight; those of float64 as float32.

    Raises:
        WeightsError: one is of another kind, holds values that are not finite, or claims more values than the file has.
    """
    tensors: dict[str, Tensor] = {}
    claimed = 0
    for name, value in state.items():
        if not isinstance(value, Tensor) or type(value) not in (Tensor, torch.nn.Parameter):
            raise WeightsError(
                f"{name!r} in {str(path)!r} is a {type(value).__name__}, not a tensor; give a file of weights."
            )
        if value.dtype not in (*FLOATS, *COUNTERS) or value.layout != torch.strided or value.device.type != "cpu":
            raise WeightsError(
                f"The weight {name!r} in {str(path)!r} is of the kind {str(value.dtype)!r}, {value.layout}; weights "
                "are dense tensors of float16, bfloat16, float32 or float64."
            )
        stored = value.untyped_storage().nbytes()
        claimed += value.numel() * value.element_size()
        if value.numel() * value.element_size() > stored or claimed > SWELLING * path.stat().st_size:
            raise WeightsError(
                f"The weight {name!r} in {str(path)!r} claims the shape {tuple(value.shape)}, more values than the "
                "file holds; it is damaged or made to harm."
            )
        tensors[name] = value.detach()
    if not tensors:
        raise WeightsError(f"The file {str(path)!r} holds no weights; give a file with a state dict.")
    for name, value in tensors.items():
        if value.is_floating_point():
            tensors[name] = value.float() if value.dtype == torch.float64 else value
            if not bool(torch.isfinite(tensors[name]).all()):
                raise WeightsError(
                    f"The weight {name!r} in {str(path)!r} holds values that are not finite; train or fetch it again."
                )
    return tensors


def conversion(path: Path) -> str:
    """The command that converts a file whose maker one trusts."""
    out = path.with_suffix(".safetensors")
    return shlex.join(["robust-widgets", "convert", str(path), "--trust", "--out", str(out)])


def _require_safe_torch(path: Path) -> None:
    here = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if here < SAFE_TORCH:
        wanted = ".".join(map(str, SAFE_TORCH))
        raise WeightsError(
            f"Reading {str(path)!r} safely needs torch {wanted} or newer, and this is {torch.__version__}; upgrade "
            "torch, or give a .safetensors file."
        )


def _refuse(path: Path, message: str) -> NoReturn:
    named = REFUSED.search(message)
    what = repr(named.group(1).rstrip(".")) if named else "something"
    raise WeightsError(
        f"The file {str(path)!r} holds {what}, which is more than weights and could run code when it is read, so it "
        f"is not read; if you trust whoever made it, convert it once with: {conversion(path)} ."
    )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return dict(_tensors_of(file))
    except (OSError, SafetensorError, RuntimeError, MemoryError) as error:
        raise WeightsError(
            f"The file {str(path)!r} is not a readable safetensors file ({_first_line(error)}); it is damaged."
        ) from None


def _tensors_of(file: Any) -> Iterator[tuple[str, Tensor]]:
    for name in file.keys():  # noqa: SIM118 - a file of tensors, not a dict
        yield cast(str, name), cast(Tensor, file.get_tensor(name))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".")[:200] if lines else type(error).__name__
