"""How much memory a loop takes: measured in a process of its own, where nothing else has left any behind."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import torch

STEPS = 2
PROCESS = Path("/proc/self")


def peak_megabytes(source: str, task: str, batch: int, engine: str, device: str) -> float | None:
    """By how many megabytes (2**20 bytes) memory grew at most beyond the models; None where the system does not tell.

    What the fast model prepares before its first step counts as a part of the models.

    Args:
        source: what `race.raced_models` makes the model from.
        task, batch, engine: as in a row.
        device: where to run.
    """
    command = [sys.executable, "-m", __name__, source, task, str(batch), engine, device]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[-1]) / 2**20 if said[-1] != "unknown" else None


def growth(source: str, task: str, batch: int, engine: str, device: str) -> int | None:
    """As `peak_megabytes`, in bytes and in this process, which must be a fresh one."""
    from robust_widgets.benchmark.competitors import FLOOR, LOOPS, OURS, missing
    from robust_widgets.benchmark.workload import new_race, raced_models

    fast, plain = raced_models(source, device)
    if engine in (FLOOR, OURS):
        fast.warm_up(batch)
    race = new_race(task, fast, plain, batch, STEPS)
    missing(engine)  # imports its package, which is none of the loop's memory
    if fast.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(fast.device)
        before = torch.cuda.memory_allocated(fast.device)
        LOOPS[engine](race)
        return torch.cuda.max_memory_allocated(fast.device) - before
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what preparing took and gave back is there for no loop
    with suppress(OSError):
        (PROCESS / "clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    LOOPS[engine](race)
    after = _status("VmHWM")
    return None if before is None or after is None else after - before


def _status(name: str) -> int | None:
    """A size that the system gives of this process, in bytes."""
    with suppress(OSError, ValueError):
        for line in (PROCESS / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return None


if __name__ == "__main__":
    _source, _task, _batch, _engine, _device = sys.argv[1:]
    _found = growth(_source, _task, int(_batch), _engine, _device)
    print("unknown" if _found is None else _found)
