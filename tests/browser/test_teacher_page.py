"""The teacher's page of a server: signs in, shows who runs what, and stops one person's runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from robust_widgets.interface.session import RunRequest
from robust_widgets.serving.users import ClassList
from robust_widgets.session.remote import RemoteSession
from tests.helpers import smooth_model
from tests.serving.running import RunningServer
from tests.session.test_contract import EventRecorder

pytestmark = pytest.mark.browser
PATIENCE = 60_000


def test_the_teacher_watches_and_stops_a_run(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "students.txt").write_text("Ann\n<b>Bob</b>\n")
    students = ClassList(tmp_path / "students.txt")
    tokens = students.tokens()
    with RunningServer({"small": smooth_model(16)}, students, shows_pictures=True) as server:
        sessions = [RemoteSession(server.url, token=tokens[name]) for name in students.names]
        recorders = [EventRecorder() for _ in sessions]
        for session, recorder in zip(sessions, recorders, strict=True):
            session.submit(RunRequest("generate", "dog", {"steps": 1000}), recorder)
        page = browser.new_page()
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
        page.goto(server.url)
        page.wait_for_selector("#sign-in:not([hidden])", timeout=PATIENCE)
        page.fill("#token", tokens["teacher"])
        page.keyboard.press("Enter")
        page.wait_for_selector("#runs tr:nth-child(2) img", timeout=PATIENCE)
        assert "<b>Bob</b>" in page.inner_text("#runs"), "a name is text, whatever it is"
        assert "2 runs" in page.inner_text("#summary") and "1000" in page.inner_text("#runs")
        page.click("button[aria-label='Stop the runs of Ann']")
        assert recorders[0].ended().state == "stopped"
        page.wait_for_selector("#runs tr:nth-child(2)", state="detached", timeout=PATIENCE)
        page.click("#stop-all")
        assert recorders[1].ended().state == "stopped"
        page.wait_for_selector("#nobody:not([hidden])", timeout=PATIENCE)
        assert not refused, "nothing on the page offends its own policy"
        page.close()
        for session in sessions:
            session.join()
