"""``robust-widgets serve`` as a process: what it refuses, what it prints, and that it comes back when it is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests

from robust_widgets.cli.serve import hub_lines
from robust_widgets.interface.session import RunRequest, RunStarted
from robust_widgets.serving.capacity import Measured, students
from robust_widgets.session.remote import RemoteSession
from tests.cli.shell import refusal
from tests.helpers import check_sentence
from tests.session.test_contract import EventRecorder

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0
# ROBUST_WIDGETS_KILLS=10 kills the server ten times in a row, which takes minutes: it waits longer each time.
KILLS = int(os.environ.get("ROBUST_WIDGETS_KILLS", "1"))


class Serving:
    """A server's processes, and the lines that they print."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "robust_widgets.cli", "serve", "--model=tiny", "--port=0", *arguments]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip())
                self._changed.notify_all()

    def wait_for(self, pattern: str, times: int = 1) -> str:
        def matching() -> list[str]:
            return [match[1] for line in self.lines if (match := re.search(pattern, line))]

        with self._changed:
            assert self._changed.wait_for(lambda: len(matching()) >= times, PATIENCE), self.lines
        return matching()[times - 1]

    @property
    def url(self) -> str:
        return self.wait_for("ROBUST_WIDGETS_SERVER=(http.*)")

    def child(self) -> int:
        """The process that serves."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(pids[0])


@contextmanager
def serving(*arguments: str) -> Iterator[Serving]:
    server = Serving(*arguments)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(60)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the server's process in /proc")
def test_a_killed_server_comes_back_and_the_runs_go_on() -> None:
    with serving() as server:
        server.wait_for("(Ready)")
        sessions = [RemoteSession(server.url) for _ in range(4)]
        steps = 30 * KILLS
        requests_ = [RunRequest("generate", "lion", {"steps": steps, "seed": seed, "epsilon": 20}) for seed in range(4)]
        expected = []
        for session, request in zip(sessions, requests_, strict=True):
            recorder = EventRecorder()
            session.submit(request, recorder)
            assert recorder.ended().state == "done"
            expected.append(recorder.events[0].trace.frames)  # type: ignore[union-attr]
        recorders = [EventRecorder() for _ in sessions]
        for session, request, recorder in zip(sessions, requests_, recorders, strict=True):
            session.submit(request, recorder)
        for kill in range(1, KILLS + 1):
            for recorder in recorders:
                recorder.wait(lambda r, least=3 * kill: len(r.frames) >= least)
            os.kill(server.child(), signal.SIGKILL)
            server.wait_for("(ended by accident)", kill)
        for recorder, frames in zip(recorders, expected, strict=True):
            assert recorder.ended().state == "done" and recorder.frames == list(range(steps + 1))
            assert sum(isinstance(event, RunStarted) for event in recorder.events) == 1
            now = recorder.events[0].trace.frames  # type: ignore[union-attr]
            assert np.abs(now.astype(int) - frames).max() <= 1
        check_sentence(server.wait_for("(The server ended by accident.*)"), "starts again")
        for session in sessions:
            session.join()
        began = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 0 and time.monotonic() - began < 60


def test_a_class_gets_its_tokens_and_the_server_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "students.txt").write_text("Ann\nBob\n")
    with serving(f"--class={tmp_path / 'students.txt'}") as server:
        token = server.wait_for(r"^  Ann +(\S+)$")
        server.wait_for("(Ready)")
        session = RemoteSession(server.url, token=token)
        assert session.model.name == "tiny" and session.model.input_size == 64
        session.join()
        assert requests.get(f"{server.url}/api/runs", timeout=60).status_code == 403
        server.process.kill()
        server.process.wait(60)
        for _ in range(600):  # the process that serves ends with the one that started it
            try:
                requests.get(f"{server.url}/health", timeout=10)
            except requests.ConnectionError:
                return
            time.sleep(0.1)
        raise AssertionError("the server goes on without its parent")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--address=0.0.0.0"], "--class"),
        (["--address=0.0.0.0", "--class={class}"], "--certfile"),
        (["--class=nowhere.txt"], "nowhere.txt"),
        (["--address=999.9.9.9", "--class={class}", "--behind-proxy"], "cannot listen"),
        (["--certfile=nowhere.pem"], "nowhere.pem"),
        (["--certfile={class}"], "students.txt"),
        (["--certfile={class}", "--keyfile=nowhere.key"], "nowhere.key"),
        (["--keyfile={class}"], "--certfile"),
    ],
)
def test_what_would_not_be_safe_is_refused_before_a_model_is_loaded(
    arguments: list[str], named: str, tmp_path: Path
) -> None:
    (tmp_path / "students.txt").write_text("Ann\n")
    given = [each.format(**{"class": tmp_path / "students.txt"}) for each in arguments]
    assert named in refusal("serve", *given)


def test_what_a_mistake_in_the_command_does_is_not_repeated() -> None:
    with serving("--model=nobody") as server:
        assert server.process.wait(PATIENCE) == 2
        assert sum("nobody" in line for line in server.lines) == 1


def test_the_hubs_lines_are_python() -> None:
    compile(hub_lines("/opt/conda/bin/python"), "jupyterhub_config.py", "exec")


def test_how_many_students_follow_from_the_times_of_steps() -> None:
    times = [Measured(1, 10.0), Measured(8, 40.0), Measured(32, 160.0)]
    assert students(times, 10, 1.0) == 20 and students(times, 10, 0.2) == 100
    assert students(times, 100, 1.0) == 1 and students(times, 1000, 1.0) == 0 and students(times, 1, 1.0) == 32
