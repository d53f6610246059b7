"""What is known about the machine that this process runs on."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from robust_widgets import _machine
from robust_widgets._machine import CpuContention


class TestCpuContention:
    def test_waiting_times_of_threads_are_summed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_machine, "THREADS", tmp_path)
        clock = [0.0]
        monkeypatch.setattr(_machine.time, "perf_counter", lambda: clock[0])

        def set_waited(**threads: float) -> None:
            for name, seconds in threads.items():
                (tmp_path / name).mkdir(exist_ok=True)
                (tmp_path / name / "schedstat").write_text(f"123 {int(seconds * 1e9)} 4\n")

        set_waited(one=5, other=7)
        contention = CpuContention()
        clock[0] += 2
        assert not contention.detected
        set_waited(one=5.1, other=7.1)
        assert not contention.detected
        set_waited(other=7.4)
        assert contention.detected
        (tmp_path / "ended").mkdir()
        assert contention.detected

    def test_none_is_detected_where_the_system_cannot_tell(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_machine, "THREADS", tmp_path / "none")
        contention = CpuContention()
        time.sleep(0.01)
        assert not contention.detected

    @pytest.mark.skipif(sys.platform != "linux" or not hasattr(os, "sched_setaffinity"), reason="only Linux can tell")
    def test_two_processes_on_one_cpu_are_detected(self) -> None:
        if not (_machine.THREADS / str(threading.get_native_id()) / "schedstat").exists():
            pytest.skip("this kernel does not count waiting times")
        before = os.sched_getaffinity(0)
        end = time.perf_counter() + 0.5

        def busy() -> None:
            os.sched_setaffinity(0, {min(before)})
            while time.perf_counter() < end:
                sum(range(1000))

        try:
            process = os.fork()
            if process == 0:
                busy()
                os._exit(0)
            contention = CpuContention()
            busy()
            detected = contention.detected
            os.waitpid(process, 0)
        finally:
            os.sched_setaffinity(0, before)
        assert detected
