"""Weights files of others, read without running anything that is in them.

Files of torch.save go through torch's weights-only unpickler, and through nothing else: what it refuses is refused.
"""

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

from robust_widgets.errors import WeightsError
from robust_widgets.models.foreign.archives import Kind, checked_kind

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
