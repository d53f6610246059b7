"""torch gets no more threads than a container may use CPUs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from robust_widgets.models import registry as cpu_threads

AFFINITY = 8


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(AFFINITY)), raising=False)


def written(root: Path, **files: str) -> Path:
    for name, text in files.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("max 100000", AFFINITY),
        ("1600000 100000", AFFINITY),
    ],
)
def test_a_limit_of_cpu_time(tmp_path: Path, limit: str, expected: int) -> None:
    written(tmp_path, proc__self__cgroup="0::/\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text(f"{limit}\n")
    assert cpu_threads.usable_cpus(tmp_path) == expected


def test_the_smallest_limit_of_all_groups_counts(tmp_path: Path) -> None:
    written(tmp_path, proc__self__cgroup="0::/pods/one/kernel\n")
    for group, limit in (("pods", "600000"), ("pods/one", "300000"), ("pods/one/kernel", "max")):
        folder = tmp_path / "sys/fs/cgroup" / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(f"{limit} 100000\n")
    assert cpu_threads.usable_cpus(tmp_path) == 3


@pytest.mark.parametrize(("quota", "expected"), [("400000", 4), ("-1", AFFINITY)])
def test_control_groups_of_version_1(tmp_path: Path, quota: str, expected: int) -> None:
    written(tmp_path, proc__self__cgroup="4:memory:/a\n1:cpu:/a/that/the/container/does/not/see\n")
    folder = tmp_path / "sys/fs/cgroup/cpu"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_threads.usable_cpus(tmp_path) == expected


def test_without_control_groups_the_affinity_counts(tmp_path: Path) -> None:
    assert cpu_threads.usable_cpus(tmp_path) == AFFINITY


@pytest.mark.parametrize(("variable_set", "cpus", "expected"), [(False, 2, [2]), (False, 8, []), (True, 2, [])])
def test_threads_are_only_removed_and_only_without_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable_set: bool, cpus: int, expected: list[int]
) -> None:
    counts: list[int] = []
    monkeypatch.delenv(cpu_threads.VARIABLE, raising=False)
    if variable_set:
        monkeypatch.setenv(cpu_threads.VARIABLE, "8")
    monkeypatch.setattr(torch, "get_num_threads", lambda: AFFINITY)
    monkeypatch.setattr(torch, "set_num_threads", counts.append)
    monkeypatch.setattr(cpu_threads, "usable_cpus", lambda: cpus)
    cpu_threads.limit_threads.cache_clear()
    cpu_threads.limit_threads()
    assert counts == expected
    cpu_threads.limit_threads()
    assert counts == expected, "once: a number that somebody sets later stays"
    cpu_threads.limit_threads.cache_clear()
