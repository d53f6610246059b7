"""How many pictures a device's memory holds at once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from robust_widgets.models.classifier import RobustClassifier

SHARE = 0.5  # of the free memory: others grow meanwhile, and the way back needs room beside what the way forth kept
MOST_ON_CPU, MOST = 8, 256  # a CPU gains no speed by more, and what is in work is lost when a run is stopped
UNKNOWN = 8
CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def pictures_at_once(model: RobustClassifier, side: int) -> int:
    """How many pictures of a side are painted at once: as many as half of the free memory holds, at least 1."""
    most = MOST_ON_CPU if model.device.type == "cpu" else MOST
    free = free_memory(model.device)
    if free is None:
        return UNKNOWN
    return max(1, min(most, int(SHARE * free / bytes_of_a_picture(model, side))))


def bytes_of_a_picture(model: RobustClassifier, side: int) -> int:
    """What the network keeps of one picture for the way back, in bytes, and as much again for the way back itself."""
    weights = {weight.untyped_storage().data_ptr() for weight in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    picture = torch.zeros(1, 3, side, side, device=model.device, requires_grad=True)
    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        answer = model.network(picture)
    del answer
    return 2 * (sum(kept.values()) + picture.nbytes)


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be had on a device, or None where that is not known."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    found = [free for free in (_free_of_machine(), _free_of_container()) if free is not None]
    return min(found, default=None)


def _free_of_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _free_of_container() -> int | None:
    """What a container's limit leaves, where it has one; files that are only cached do not count."""
    with suppress(OSError, ValueError, KeyError):
        limit = int((CGROUP / "memory.max").read_text())
        lines = (CGROUP / "memory.stat").read_text().splitlines()
        cached = int(dict(line.split() for line in lines)["inactive_file"])
        return max(0, limit - int((CGROUP / "memory.current").read_text()) + cached)
    return None
