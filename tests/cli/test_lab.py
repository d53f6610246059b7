"""`robust-widgets lab`."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli.shell import call, refusal

start = importlib.import_module("robust_widgets.cli.lab")  # the package's attribute of this name is the command


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would replace this process."""
    commands: list[list[str]] = []
    monkeypatch.setattr(start, "replace_process", commands.append)
    monkeypatch.setenv("DISPLAY", ":0")
    return commands


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_elsewhere_a_copy_is_opened(started: list[list[str]], folder: Path) -> None:
    call("lab")
    course, copy = start.CHECKOUT / start.COURSE, folder / start.COPY
    files = start.lessons(course)
    assert len(files) == 14 + 13
    assert all((copy / file.relative_to(course)).read_bytes() == file.read_bytes() for file in files)
    assert len([file for file in copy.rglob("*") if file.is_file()]) == len(files)
    (command,) = started
    assert command[:4] == [sys.executable, "-P", "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={folder}" in command
    assert f"--LabApp.default_url=/lab/tree/{start.COPY}/index.ipynb" in command
    assert "--no-browser" not in command


def test_an_edited_copy_is_kept(started: list[list[str]], folder: Path) -> None:
    mine = folder / start.COPY / "00_start.ipynb"
    mine.parent.mkdir()
    mine.write_text("my work")
    call("lab")
    assert mine.read_text() == "my work"
    assert (mine.parent / "index.ipynb").exists()
    assert len(started) == 1


@pytest.mark.parametrize("place", ["", "notebooks"])
def test_in_the_checkout_its_own_index_is_opened(
    place: str, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(start.CHECKOUT / place)
    call("lab")
    assert f"--ServerApp.root_dir={start.CHECKOUT}" in started[0]
    assert "--LabApp.default_url=/lab/tree/notebooks/index.ipynb" in started[0]
    assert not (Path.cwd() / start.COPY).exists()


def test_an_installed_package_includes_the_course(
    started: list[list[str]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = folder / "site-packages" / "robust_widgets"
    (package / "notebooks").mkdir(parents=True)
    (package / start.COURSE / start.INDEX).write_text("the wheel's")
    monkeypatch.setattr(start, "PACKAGE", package)
    monkeypatch.setattr(start, "CHECKOUT", package.parent)
    call("lab")
    assert (folder / start.COPY / start.INDEX).read_text() == "the wheel's"
    assert len(started) == 1


def test_other_options_are_passed_to_jupyter(started: list[list[str]], folder: Path) -> None:
    call("lab", "--port=8899", "--ip", "0.0.0.0", "--no-browser")
    assert started[0][-3:] == ["--port=8899", "--ip", "0.0.0.0"]
    assert "--no-browser" in started[0]
    assert (folder / start.COPY).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_no_browser_is_opened(
    started: list[list[str]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    call("lab")
    assert "--no-browser" in started[0] and folder.is_dir()


def test_an_unwritable_folder_is_named(started: list[list[str]], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / start.COPY).write_text("a file is in the way")
    assert str(folder) in refusal("lab")
    assert started == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs exec")
def test_jupyterlab_really_starts_on_the_index(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "robust_widgets.cli", "lab", "--no-browser", "--port=0"]
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = (re.search(r"(http://127\S+)/lab/tree/(\S+)\?token=(\w+)", line) for line in process.stderr)
            server, notebook, token = next(match for match in found if match).groups()
            address = f"{server}/api/contents/{notebook}?token={token}"
            assert json.loads(answer(address))["path"] == f"{start.COPY}/{start.INDEX}"
        finally:
            process.kill()


def answer(address: str) -> bytes:
    """What a server says that prints its address a moment before it listens."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(address) as response:
                return response.read()
        except ConnectionError:
            pass
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
        time.sleep(0.2)
    raise TimeoutError(address)
