"""Limit torch's threads to the CPUs that this process may use.

A container, such as Binder's, may have a small share of a large machine's CPU time. torch counts the machine's CPUs,
and threads that wait for each other then waste the share: with two threads on the time of one CPU, a step took two to
eight times as long as with one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import torch

VARIABLE = "OMP_NUM_THREADS"  # if set, it takes precedence


def limit_threads() -> None:
    """Give torch no more threads in this process than it may use CPUs."""
    if VARIABLE not in os.environ and (count := usable_cpus()) < torch.get_num_threads():
        torch.set_num_threads(count)


def usable_cpus(root: Path = Path("/")) -> int:
    """The number of CPUs this process may use: its affinity, or the limit of its control groups, rounded down.

    Args:
        root: the folder of ``proc`` and ``sys``, for tests.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([count, *(int(limit) for limit in _limits(root))]))


def _limits(root: Path) -> Iterator[float]:
    """The limits of CPU time of this process's control groups and their parents, in CPUs."""
    groups = root / "sys/fs/cgroup"
    for path in _control_groups(root):
        for group in (path, *path.parents):
            with suppress(OSError, ValueError):  # no such group, or "max"
                quota, period = (groups / group / "cpu.max").read_text().split()
                yield int(quota) / int(period)
            with suppress(OSError, ValueError):
                version_1 = groups / "cpu" / group
                quota, period = ((version_1 / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
                if int(quota) > 0:
                    yield int(quota) / int(period)


def _control_groups(root: Path) -> set[PurePosixPath]:
    with suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text().splitlines()
        return {PurePosixPath(line.split(":", 2)[-1].lstrip("/")) for line in lines}
    return set()
