"""A real JupyterLab, started for a test and driven through Playwright."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from robust_widgets._bundled import STATIC

PATIENCE = 60.0  # seconds; several tests share a machine, and only a failure waits so long
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(playwright: Playwright) -> Browser:
    """Chromium from the system, or the one that Playwright brought."""
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    return playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)


def new_page(browser: Browser, **options: Any) -> Page:
    """A page in a context of its own, as patient as these tests are."""
    page = browser.new_page(**options)
    page.set_default_timeout(1000 * PATIENCE)
    return page


def until(page: Page, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait, letting the page go on, until a condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("the page never came to the state waited for")


def notebook(folder: Path, name: str, *cells: str) -> Path:
    """Write a notebook of code cells."""
    content: dict[str, Any] = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{index}",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": source,
            }
            for index, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = folder / name
    path.write_text(json.dumps(content))
    return path


@contextmanager
def jupyter_lab(folder: Path) -> Iterator[str]:
    """A JupyterLab server on ``folder``; yields its address."""
    settings = folder / ".settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    port = free_port()
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token="]
    command += [
        f"--ServerApp.root_dir={folder}",
    ]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    # The extension's part that computes in the browser, from this checkout, as an installed package has it.
    shared = folder / ".share"
    shutil.copytree(STATIC / "page", shared / "labextensions" / "robust-widgets" / "page")
    environment = {
        **os.environ,
        "JUPYTER_PATH": os.pathsep.join([str(shared), *filter(None, [os.environ.get("JUPYTER_PATH")])]),
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
        "ROBUST_WIDGETS_STATE": str(folder / ".state"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).read()
                break
            except OSError:
                assert server.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


# Set once JupyterLab has opened what the page's address names, which it does last, and after a reload a second time.
NOTE_ADDRESS_OPENED = """(() => {
  const timer = setInterval(() => {
    const app = window.jupyterapp;
    if (!app) return;
    clearInterval(timer);
    app.commands.commandExecuted.connect((_, { id, result }) => {
      if (id === 'filebrowser:open-path') result.then(() => { window.addressOpened = true; });
    });
  });
})()"""


class Notebook:
    """A notebook open in JupyterLab.

    Args:
        page: a fresh page.
        address: the server's address.
        path: the notebook, relative to the server's folder.
    """

    def __init__(self, page: Page, address: str, path: str) -> None:
        self.page = page
        page.goto(f"{address}/lab/tree/{path}?reset", wait_until="domcontentloaded")
        self.ready()

    def ready(self) -> None:
        """Wait until the notebook and its kernel are there."""
        self.page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=120_000)
        self.page.wait_for_function(
            """() => { const app = window.jupyterapp, panel = app && app.shell.currentWidget;
                 const kernel = panel && panel.sessionContext && panel.sessionContext.session
                   && panel.sessionContext.session.kernel;
                 return !!kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle'; }""",
            timeout=120_000,
        )

    def reload(self) -> None:
        """Reload the page, and wait until JupyterLab will bring nothing more to the front by itself."""
        self.page.add_init_script(NOTE_ADDRESS_OPENED)
        self.page.reload()
        self.page.wait_for_function("() => window.addressOpened", timeout=120_000)
        self.ready()

    def run_cell(self, index: int) -> None:
        """Run one code cell and wait until the kernel is idle again."""
        self.page.locator(".jp-CodeCell .jp-InputArea-editor").nth(index).click()
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")

    def command(self, name: str) -> None:
        """Execute one of JupyterLab's commands."""
        self.page.evaluate("name => window.jupyterapp.commands.execute(name)", name)

    def kill(self) -> None:
        """End the kernel's process as a crash would; JupyterLab says so and starts another."""
        self.page.evaluate(
            """() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
              {code: 'import os; os._exit(1)'}); }"""
        )
        self.page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()

    def python(self, code: str) -> str:
        """What ``code`` prints in the notebook's kernel."""
        return str(
            self.page.evaluate(
                """async code => {
                  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                  const future = kernel.requestExecute({code, store_history: false});
                  let text = '';
                  future.onIOPub = message => {
                    if (message.header.msg_type === 'stream') text += message.content.text;
                    if (message.header.msg_type === 'error') text += message.content.traceback.join('\\n');
                  };
                  await future.done;
                  return text;
                }""",
                code,
            )
        )
