"""Read a weights file without running anything in it."""

from __future__ import annotations

import pickle
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from robust_widgets.errors import WeightsError, first_line
from robust_widgets.models.loading.file_format import FileFormat, detect_format

# The first version whose weights-only unpickler has no known hole: CVE-2025-32434 was fixed in 2.6, CVE-2026-24747 in
# 2.10.
SAFE_TORCH = (2, 10)
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
COUNTERS = (torch.int64, torch.int32)
MAX_EXPANSION = 4  # tensors may share storage, so together they may be larger than their file, but not much
REFUSED = re.compile(r"(?:GLOBAL|got <class '|[Uu]nsupported class )\s*([\w.]+)")


def read_checkpoint(path: Path) -> object:
    """The content of a weights file: nested dicts, lists, numbers, strings, and tensors on the CPU.

    Raises:
        WeightsError: the file is missing, damaged, claims impossible sizes, or holds more than weights.
    """
    if detect_format(path) is FileFormat.SAFETENSORS:
        return _read_safetensors(path)
    _require_safe_torch(path)
    try:
        with path.open("rb") as file:  # opened here, so that torch doesn't go by the file's name
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        _refuse(path, str(error))
    except Exception as error:  # damaged bytes make torch and the unpickler raise almost anything
        raise WeightsError(
            f"The weights file {str(path)!r} cannot be read ({first_line(error)}); it is damaged or was not written "
            "by torch.save."
        ) from None


def checked_weights(path: Path, state: Mapping[str, object]) -> dict[str, Tensor]:
    """The tensors of a state dict, each checked to be usable as a weight; float64 becomes float32.

    Raises:
        WeightsError: a value has the wrong type or is not finite, or claims more values than the file holds.
    """
    tensors: dict[str, Tensor] = {}
    total = 0
    for name, value in state.items():
        if not isinstance(value, Tensor) or type(value) not in (Tensor, torch.nn.Parameter):
            raise WeightsError(
                f"{name!r} in {str(path)!r} is a {type(value).__name__}, not a tensor; give a file of weights."
            )
        if value.dtype not in (*FLOATS, *COUNTERS) or value.layout != torch.strided or value.device.type != "cpu":
            raise WeightsError(
                f"The weight {name!r} in {str(path)!r} has the type {str(value.dtype)!r}, {value.layout}; weights "
                "are dense tensors of float16, bfloat16, float32 or float64."
            )
        total += value.numel() * value.element_size()
        stored = value.untyped_storage().nbytes()
        if value.numel() * value.element_size() > stored or total > MAX_EXPANSION * path.stat().st_size:
            raise WeightsError(
                f"The weight {name!r} in {str(path)!r} claims the shape {tuple(value.shape)}, more values than the "
                "file holds; the file is damaged or malicious."
            )
        tensors[name] = value.detach()
    if not tensors:
        raise WeightsError(f"The file {str(path)!r} holds no weights; give a file with a state dict.")
    for name, value in tensors.items():
        if value.is_floating_point():
            tensors[name] = value.float() if value.dtype == torch.float64 else value
            if not bool(torch.isfinite(tensors[name]).all()):
                raise WeightsError(
                    f"The weight {name!r} in {str(path)!r} has values that are not finite; train or download it again."
                )
    return tensors


def conversion_command(path: Path) -> str:
    """The shell command that converts a file from a trusted source."""
    out = path.with_suffix(".safetensors")
    return shlex.join(["robust-widgets", "convert", str(path), "--trust", "--out", str(out)])


def _require_safe_torch(path: Path) -> None:
    installed = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if installed < SAFE_TORCH:
        required = ".".join(map(str, SAFE_TORCH))
        raise WeightsError(
            f"Reading {str(path)!r} safely needs torch {required} or newer, and this is {torch.__version__}; upgrade "
            "torch, or give a .safetensors file."
        )


def _refuse(path: Path, message: str) -> NoReturn:
    match = REFUSED.search(message)
    content = repr(match.group(1).rstrip(".")) if match else "an object"
    raise WeightsError(
        f"The file {str(path)!r} holds {content}, which is not a weight and could run code, so the file was not read; "
        f"if you trust its source, convert it once with: {conversion_command(path)} ."
    )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return dict(_tensors_of(file))
    except (OSError, SafetensorError, RuntimeError, MemoryError) as error:
        raise WeightsError(
            f"The file {str(path)!r} is not a readable safetensors file ({first_line(error)}); it is damaged."
        ) from None


def _tensors_of(file: Any) -> Iterator[tuple[str, Tensor]]:
    for name in file.keys():  # noqa: SIM118 - a safetensors file, not a dict
        yield cast(str, name), cast(Tensor, file.get_tensor(name))
