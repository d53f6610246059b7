#!/usr/bin/env python3
"""Paint through a real JupyterHub on this machine: a service, three users, and one of them without the right.

    python scripts/try_jupyterhub.py --proxy node_modules/.bin/configurable-http-proxy

Needs robust-widgets, jupyterhub and JupyterLab in this Python's environment. The hub is configured by the lines that
`robust-widgets serve` prints; only ports, the model and who may paint are changed. Each user's server is started by the
hub, and a kernel in it opens a studio and runs it with nothing but what the hub gives it. Exits with 1 unless ann and
bob get every frame without loading torch, and eve is refused.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import requests
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from robust_widgets.cli.serve import hub_lines

WITH_THE_RIGHT, WITHOUT = ("ann", "bob"), ("eve",)
SCOPE = "access:services!service=robust"
PATIENCE = 180.0
CONFIGURATION = """
proxy, hub, api, server = {ports}
c.JupyterHub.bind_url = f"http://127.0.0.1:{{proxy}}"
c.JupyterHub.hub_port = hub
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{{api}}"
c.ConfigurableHTTPProxy.command = [{chp!r}]
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = {arguments!r}
c.Authenticator.allowed_users = {users!r}
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.services[0]["url"] = f"http://127.0.0.1:{{server}}"
c.JupyterHub.services[0]["command"] += ["--model", "tiny"]
c.Spawner.environment["ROBUST_WIDGETS_SERVER"] = f"http://127.0.0.1:{{proxy}}/services/robust"
c.JupyterHub.load_roles[0]["scopes"].remove({scope!r})
c.JupyterHub.load_roles += [
    {{"name": "painters", "users": {allowed!r}, "scopes": [{scope!r}]}},
    {{"name": "trial", "services": ["trial"], "scopes": ["admin:servers", "access:servers"]}},
]
c.JupyterHub.services.append({{"name": "trial", "api_token": {token!r}}})
"""
PAINT = """
import json, sys, threading
import robust_widgets as rw
studio = rw.Studio(task="generate")
over = threading.Event()
studio.runner.on_end(lambda trace, ended: over.set())
studio.runner.on_failed(over.set)
studio.controls["generate"].set({"steps": STEPS, "seed": SEED})
if not studio.session.problem:
    studio.run()
    over.wait(120)
frames = len(studio.trace) if studio.trace is not None else 0
model = studio.session.model
said = studio.session.problem or studio.status.text
print("RESULT", json.dumps([model.name, model.device, frames, "torch" in sys.modules, said]))
studio.close()
"""


class Hub:
    """A JupyterHub in a folder of its own.

    Args:
        folder: for its files.
        chp: the program of the proxy.
    """

    def __init__(self, folder: Path, chp: str) -> None:
        self.token = secrets.token_hex(16)
        ports = [_free_port() for _ in range(4)]
        self.url = f"http://127.0.0.1:{ports[0]}"
        lines = hub_lines(sys.executable)
        users = {*WITH_THE_RIGHT, *WITHOUT}
        lines += CONFIGURATION.format(
            ports=ports,
            chp=chp,
            python=sys.executable,
            home=str(folder / "home" / "{username}"),
            arguments=["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else [],
            users=users,
            allowed=list(WITH_THE_RIGHT),
            scope=SCOPE,
            token=self.token,
        )
        (folder / "jupyterhub_config.py").write_text(lines, encoding="utf-8")
        self._log = (folder / "hub.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--config", "jupyterhub_config.py"],
            cwd=folder,
            env={**os.environ, "ROBUST_WIDGETS_CACHE": str(folder / "cache")},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"token {self.token}"}
        return requests.request(method, f"{self.url}{path}", headers=headers, timeout=60, **options)

    def wait_for(self, path: str) -> None:
        """Wait until an address answers with success."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if self.ask("GET", path).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.3)
        raise SystemExit(f"{path} does not answer; see the hub's output.")

    def close(self) -> None:
        """End the hub, and with it the proxy, the service and the users' servers."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._log.close()


def start_server(hub: Hub, user: str) -> None:
    """Have the hub start a user's own server, and wait for it."""
    hub.ask("POST", f"/hub/api/users/{user}/server").raise_for_status()
    hub.wait_for(f"/user/{user}/api/status")


async def run_in_kernel(hub: Hub, user: str, code: str) -> list[Any]:
    """What code prints after RESULT in a kernel of a user's server."""
    kernel = hub.ask("POST", f"/user/{user}/api/kernels", json={}).json()["id"]
    url = f"{hub.url.replace('http', 'ws', 1)}/user/{user}/api/kernels/{kernel}/channels"
    socket_ = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {hub.token}"}))
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3", "session": uuid.uuid4().hex}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await socket_.write_message(json.dumps({**message, "buffers": []}))
    while True:
        data = await asyncio.wait_for(socket_.read_message(), PATIENCE)
        if data is None:
            raise SystemExit(f"The connection to {user}'s kernel was lost.")
        if isinstance(data, bytes):
            continue
        answer = json.loads(data)
        content = answer["content"]
        if answer["msg_type"] == "error":
            raise SystemExit("\n".join(content["traceback"]))
        if answer["msg_type"] == "stream" and "RESULT " in content["text"]:
            socket_.close()
            return json.loads(content["text"].partition("RESULT ")[2].splitlines()[0])


async def paint(hub: Hub, steps: int) -> bool:
    """Paint as all users at the same time; returns whether each got what is theirs."""
    users = (*WITH_THE_RIGHT, *WITHOUT)
    codes = [PAINT.replace("STEPS", str(steps)).replace("SEED", str(seed)) for seed in range(len(users))]
    results = await asyncio.gather(*(run_in_kernel(hub, user, code) for user, code in zip(users, codes, strict=True)))
    as_wanted = True
    for user, (model, device, frames, torch, text) in zip(users, results, strict=True):
        print(f"{user}: {frames} frames of {model!r} on {device or 'nothing'}, torch loaded: {torch}. {text}")
        wanted = (steps + 1, False) if user in WITH_THE_RIGHT else (0, False)
        refused = "refuses this token" in text
        as_wanted = as_wanted and (frames, torch) == wanted and refused == (user in WITHOUT)
    return as_wanted


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", default="configurable-http-proxy", help="the program of the proxy")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    chp = shutil.which(options.proxy)
    if chp is None:
        parser.error(f"there is no program {options.proxy!r}; npm install configurable-http-proxy")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hub = Hub(folder, str(Path(chp).absolute()))
        try:
            hub.wait_for("/hub/api/")
            hub.wait_for("/services/robust/health")
            for user in (*WITH_THE_RIGHT, *WITHOUT):
                start_server(hub, user)
            as_wanted = asyncio.run(paint(hub, options.steps))
        except BaseException:
            print((folder / "hub.log").read_text(encoding="utf-8", errors="replace")[-6000:], file=sys.stderr)
            raise
        finally:
            hub.close()
    print("As wanted." if as_wanted else "NOT as wanted.")
    return 0 if as_wanted else 1


if __name__ == "__main__":
    sys.exit(main())
