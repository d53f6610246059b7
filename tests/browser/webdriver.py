"""Drives the browsers that Playwright cannot: Firefox by WebDriver BiDi, WebKitGTK by WebDriver."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import PATIENCE, free_port

Point = tuple[float, float]
FIREFOX_NAMES = ("firefox-esr", "firefox")
LISTENING = re.compile(r"listening on (ws://\S+)")


class Driven(ABC):
    """A browser with one page."""

    def __init__(self, program: Sequence[str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="browser-"))
        command = [part.replace("PROFILE", str(self.folder)) for part in program]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @abstractmethod
    def open(self, address: str) -> None: ...

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """The value of an expression of the page, which JSON can carry."""

    @abstractmethod
    def drag(self, *points: Point) -> None:
        """Press the mouse at the first point, and release it at the last."""

    @abstractmethod
    def screenshot(self) -> bytes:
        """What the page shows, as PNG."""

    def until(self, expression: str, seconds: float = PATIENCE) -> None:
        """Wait until an expression of the page is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"the page never came to {expression}"
            time.sleep(0.1)

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def pointer(points: Sequence[Point]) -> list[dict[str, Any]]:
    """The actions of a mouse that drags."""
    moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 20} for x, y in points]
    down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
    return [
        {
            "type": "pointer",
            "id": "mouse",
            "parameters": {"pointerType": "mouse"},
            "actions": [moves[0], down, *moves[1:], up],
        }
    ]


class Firefox(Driven):
    """Firefox, which speaks WebDriver BiDi itself."""

    def __init__(self, program: str, width: int = 1280, height: int = 900) -> None:
        from websocket import create_connection

        super().__init__([program, "--headless", "--no-remote", "--profile", "PROFILE", "--remote-debugging-port", "0"])
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        address = next(found[1] for line in lines if (found := LISTENING.search(line)))
        self.socket = create_connection(f"{address}/session", timeout=PATIENCE, suppress_origin=True)
        self.count = 0
        self.version = self.ask("session.new", capabilities={})["capabilities"]["browserVersion"]
        self.context = self.ask("browsingContext.getTree")["contexts"][0]["context"]
        viewport = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", context=self.context, viewport=viewport)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.count:
                assert answer["type"] == "success", answer
                return answer["result"]

    def open(self, address: str) -> None:
        self.ask("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        code = f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))"
        answer = self.ask("script.evaluate", expression=code, target={"context": self.context}, awaitPromise=True)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def drag(self, *points: Point) -> None:
        self.ask("input.performActions", context=self.context, actions=pointer(points))

    def screenshot(self) -> bytes:
        return base64.b64decode(self.ask("browsingContext.captureScreenshot", context=self.context)["data"])


class WebKit(Driven):
    """WebKitGTK's small browser, through its WebDriver; needs a display.

    Args:
        program: WebKitWebDriver.
        browser: MiniBrowser.
    """

    def __init__(self, program: str, browser: str, width: int = 1280, height: int = 900) -> None:
        port = free_port()
        super().__init__([program, f"--port={port}", "--host=127.0.0.1"])
        self.address = f"http://127.0.0.1:{port}/session"
        options = {"binary": browser, "args": ["--automation"]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.ask("", wanted)
                break
            except ConnectionError:
                assert time.monotonic() < end
                time.sleep(0.1)
        self.address += f"/{answer['sessionId']}"
        self.version = answer["capabilities"]["browserVersion"]
        self.ask("/window/rect", {"width": width, "height": height})

    def ask(self, path: str, content: Any = None, method: str = "POST") -> Any:
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None
        except urllib.error.URLError as error:
            raise ConnectionError(str(error)) from None

    def open(self, address: str) -> None:
        self.ask("/url", {"url": address})

    def evaluate(self, expression: str) -> Any:
        code = f"""
            const done = arguments[arguments.length - 1];
            Promise.resolve({expression}).then((value) => done(JSON.stringify(value ?? null)));
        """
        return json.loads(self.ask("/execute/async", {"script": code, "args": []}))

    def drag(self, *points: Point) -> None:
        self.ask("/actions", {"actions": pointer(points)})

    def screenshot(self) -> bytes:
        return base64.b64decode(self.ask("/screenshot", method="GET"))

    def close(self) -> None:
        try:
            self.ask("", method="DELETE")
        finally:
            super().close()


def installed(name: str) -> Driven | None:
    """A browser of this machine, started; None if it has none of that name."""
    if name == "firefox":
        found = next((path for program in FIREFOX_NAMES if (path := shutil.which(program))), None)
        return Firefox(found) if found else None
    program = shutil.which("WebKitWebDriver")
    browser = next(iter(sorted(Path("/usr").glob("lib*/**/webkit2gtk-4*/MiniBrowser"))), None)
    return WebKit(program, str(browser)) if program and browser else None
