"""After an installation the JupyterLab extension is complete, enabled, and of the package's version."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import robust_widgets as rw

FRONTEND = Path(__file__).parent.parent / "frontend"
SOURCE = FRONTEND / "labextension"
INSTALLED = Path(sysconfig.get_path("data")) / "share" / "jupyter" / "labextensions" / "robust-widgets"


def test_jupyterlab_lists_it_as_enabled_and_ok() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jupyterlab.labextensions", "list"], capture_output=True, text=True, check=True
    )
    output = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
    (line,) = [line for line in output.splitlines() if "robust-widgets" in line.split()]
    assert line.split()[:4] == ["robust-widgets", f"v{rw.__version__}", "enabled", "OK"], output
    assert line.endswith("(python, robust-widgets)"), "JupyterLab knows how to uninstall it"


def test_the_installed_extension_is_complete() -> None:
    package = json.loads((INSTALLED / "package.json").read_text())
    assert (INSTALLED / package["jupyterlab"]["_build"]["load"]).is_file()
    licenses = json.loads((INSTALLED / "static" / "third-party-licenses.json").read_text())["packages"]
    assert {package["licenseId"] for package in licenses} == {"MIT"}, "the README names what is in the bundle"
    others = {package["name"] for package in licenses if not package["name"].startswith("@robust-widgets/")}
    readme = (FRONTEND / "README.md").read_text()
    assert others and all(name in readme for name in others)


def test_its_version_is_the_packages() -> None:
    assert json.loads((SOURCE / "package.json").read_text())["version"] == rw.__version__
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    assert lock["packages"]["labextension"]["version"] == rw.__version__
