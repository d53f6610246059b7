"""Whether others want the processors is what the system counts of waiting threads."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from robust_widgets.compiler import autotune as crowd
from robust_widgets.compiler.autotune import Crowd


def test_threads_that_waited_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "THREADS", tmp_path)
    clock = [0.0]
    monkeypatch.setattr(crowd.time, "perf_counter", lambda: clock[0])

    def waited(**threads: float) -> None:
        for name, seconds in threads.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "schedstat").write_text(f"123 {int(seconds * 1e9)} 4\n")

    waited(one=5, other=7)
    watch = Crowd()
    clock[0] += 2
    assert not watch.found
    waited(one=5.1, other=7.1)
    assert not watch.found
    waited(other=7.4)
    assert watch.found
    (tmp_path / "gone").mkdir()
    assert watch.found, "a thread that has ended tells nothing"


def test_where_the_system_does_not_count_nobody_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "THREADS", tmp_path / "none")
    watch = Crowd()
    time.sleep(0.01)
    assert not watch.found


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(os, "sched_setaffinity"), reason="Linux counts")
def test_two_threads_on_one_processor_are_a_crowd() -> None:
    if not (crowd.THREADS / str(threading.get_native_id()) / "schedstat").exists():
        pytest.skip("this kernel does not count")
    before = os.sched_getaffinity(0)
    end = time.perf_counter() + 0.5

    def busy() -> None:
        os.sched_setaffinity(0, {min(before)})
        while time.perf_counter() < end:
            sum(range(1000))

    try:
        process = os.fork()
        if process == 0:  # a process of its own: two threads of Python take turns by themselves
            busy()
            os._exit(0)
        watch = Crowd()
        busy()
        found = watch.found
        os.waitpid(process, 0)
    finally:
        os.sched_setaffinity(0, before)
    assert found
