"""Peak memory of a loop, measured in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import torch

STEPS = 2
PROCESS = Path("/proc/self")


def peak_megabytes(source: str, task: str, batch: int, engine: str, device: str) -> float | None:
    """Peak growth of memory beyond the models, in MiB; None if the system does not report it.

    Compilation counts as part of the models.

    Args:
        source: name for `benchmark_models`.
        task, batch, engine: as in a row.
        device: where to run.
    """
    command = [sys.executable, "-P", "-m", __name__, source, task, str(batch), engine, device]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(output[-1]) / 2**20 if output[-1] != "unknown" else None


def peak_growth(source: str, task: str, batch: int, engine: str, device: str) -> int | None:
    """As `peak_megabytes`, but in bytes and in this process, which must be a fresh one."""
    from robust_widgets._machine import trim_heap
    from robust_widgets.benchmark.competitors import BASELINE, LOOPS, OURS, missing
    from robust_widgets.benchmark.workload import benchmark_models, make_workload

    fast, plain = benchmark_models(source, device)
    if engine in (BASELINE, OURS):
        fast.warm_up(batch)
    workload = make_workload(task, fast, plain, batch, STEPS)
    missing(engine)  # import its package before measuring
    if fast.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(fast.device)
        before = torch.cuda.memory_allocated(fast.device)
        LOOPS[engine](workload)
        return torch.cuda.max_memory_allocated(fast.device) - before
    trim_heap()  # after compilation
    with suppress(OSError):
        (PROCESS / "clear_refs").write_text("5")  # reset the peak
    before = _status("VmRSS")
    LOOPS[engine](workload)
    after = _status("VmHWM")
    return None if before is None or after is None else after - before


def _status(name: str) -> int | None:
    """A field of /proc/self/status in bytes."""
    with suppress(OSError, ValueError):
        for line in (PROCESS / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return None


if __name__ == "__main__":
    _source, _task, _batch, _engine, _device = sys.argv[1:]
    _peak = peak_growth(_source, _task, int(_batch), _engine, _device)
    print("unknown" if _peak is None else _peak)
