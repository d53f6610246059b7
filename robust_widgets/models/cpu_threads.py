"""As many threads as there are processors to run them.

A container, such as Binder's, may have a small share of a large machine's processor time. torch sees the machine, and
threads that wait for each other then spend the share on waiting: with two threads on one processor's time a step took
two to eight times as long as with one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import torch

VARIABLE = "OMP_NUM_THREADS"  # whoever sets it has chosen


def limit_threads() -> None:
    """Give torch, in this process, no more threads than there are processors to run them."""
    if VARIABLE not in os.environ and (most := processors()) < torch.get_num_threads():
        torch.set_num_threads(most)


def processors(root: Path = Path("/")) -> int:
    """How many processors this process may keep busy: those it is bound to, or the whole ones in its share of time.

    Args:
        root: where ``proc`` and ``sys`` are; for tests.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    bound = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([bound, *(int(share) for share in _shares(root))]))


def _shares(root: Path) -> Iterator[float]:
    """Each limit of processor time on the control groups that this process is in, in processors."""
    groups = root / "sys/fs/cgroup"
    for path in _paths(root):
        for group in (path, *path.parents):
            with suppress(OSError, ValueError):  # no such group, or "max"
                quota, period = (groups / group / "cpu.max").read_text().split()
                yield int(quota) / int(period)
            with suppress(OSError, ValueError):
                older = groups / "cpu" / group
                quota, period = ((older / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
                if int(quota) > 0:
                    yield int(quota) / int(period)


def _paths(root: Path) -> set[PurePosixPath]:
    with suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text().splitlines()
        return {PurePosixPath(line.split(":", 2)[-1].lstrip("/")) for line in lines}
    return set()
